//! One order around the whole loop, with the commands and calls that a user has.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use cortex_tests::binary::{self, Server};
use cortex_tests::retail;
use serde_json::json;

const MODEL: &str = "repurchase-30d";
/// Twenty a day from New Year 2011: half a year, enough to learn from, to choose on and to judge on.
const INVOICES: usize = 3_600;
const AS_OF: &str = "2011-06-28";

#[test]
fn an_order_becomes_a_prediction_that_is_remembered() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let data = folder.path().join("data");
    let file = folder.path().join("retail.csv");
    std::fs::write(&file, retail::file(INVOICES))?;

    let report = binary::run(&data, &["erp", "import", "online-retail", &file.display().to_string()])?;
    ensure!(report.contains("changes in Delta"), "{report}");
    binary::run(&data, &["erp", "verify"])?;
    binary::run(&data, &["features", "verify"])?;
    binary::run(&data, &["train", MODEL, "--as-of", AS_OF])?;
    let before = binary::run_failing(&data, &["models", "alias", MODEL, "champion", "1"])?;
    ensure!(
        before.contains("gate-failed"),
        "an ungated version became champion: {before}"
    );
    binary::run(&data, &["models", "promote", MODEL, "1"])?;

    let server = Server::start(&data)?;
    let path = format!("/v2/cortex/models/{MODEL}/predict-entity");
    let (status, prediction) = server.post(&path, &json!({ "entity_key": "12350" }))?;
    ensure!(status == 200, "{status}: {prediction}");
    ensure!(
        prediction["model_version"] == 1 && prediction["score"].is_number(),
        "{prediction}"
    );
    let decision = prediction["decision_id"].as_str().context("a decision id")?;
    let remembered = server.get(&format!("/experience/v1/decisions/{decision}"))?;
    ensure!(
        remembered.contains(decision) && remembered.contains("12350"),
        "{remembered}"
    );
    let missing = server.post(&path.replace(MODEL, "nobody"), &json!({ "entity_key": "12350" }))?;
    ensure!(missing.0 == 404, "{missing:?}");
    foreign_client_agrees(&server)
}

/// The unmodified tritonclient, where it is installed.
fn foreign_client_agrees(server: &Server) -> Result<()> {
    let Ok(python) = std::env::var("CORTEX_PYTHON") else {
        eprintln!("SKIPPED tritonclient: CORTEX_PYTHON names no Python that has it (./devstack test installs one)");
        return Ok(());
    };
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("conformance/tritonclient_check.py");
    let output = Command::new(python)
        .arg(script)
        .args(["--http", &server.http, "--grpc", &server.grpc, "--model", MODEL])
        .output()?;
    let printed = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "tritonclient: {printed}");
    Ok(())
}
