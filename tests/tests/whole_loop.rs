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
    let sheet = binary::run(&data, &["erp", "report", "balance-sheet", "--as-of", AS_OF])?;
    ensure!(
        sheet.contains("trade receivables") && sheet.contains("LIABILITIES AND EQUITY"),
        "{sheet}"
    );
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
    memory_takes_what_came_of_it(&server, decision)?;
    foreign_client_agrees(&server)?;
    drop(server);

    a_table_is_scored_once(&data)?;
    a_canary_answers_for_its_share_and_sticks(&data)?;
    an_answered_prediction_outlives_a_crash(&data)?;
    let summary = binary::run(&data, &["experience", "show"])?;
    ensure!(
        summary.contains(&format!("{MODEL} v1")) && summary.contains(&format!("{MODEL} v2")),
        "{summary}"
    );
    Ok(())
}

/// What a person did instead, and what came of it, join the decision; the same event again changes nothing.
fn memory_takes_what_came_of_it(server: &Server, decision: &str) -> Result<()> {
    let feedback = json!({ "event_id": "f1", "decision_id": decision, "action": "call", "rating": 4 });
    let outcome = json!({ "event_id": "o1", "decision_id": decision, "kind": "margin", "value": 12.5 });
    for (path, event) in [("feedback", feedback), ("outcomes", outcome)] {
        let path = format!("/experience/v1/{path}");
        let (status, first) = server.post(&path, &event)?;
        ensure!(status == 200 && first["repeated"] == false, "{path}: {status} {first}");
        let (status, again) = server.post(&path, &event)?;
        ensure!(status == 200 && again["repeated"] == true, "{path}: {status} {again}");
        let mut other = event.clone();
        other["decision_id"] = json!(decision.replace(|digit: char| digit.is_ascii_hexdigit(), "0"));
        let (status, conflict) = server.post(&path, &other)?;
        ensure!(
            status == 409 && conflict["code"] == "idempotency-conflict",
            "{path}: {status} {conflict}"
        );
    }
    let remembered = server.get(&format!("/experience/v1/decisions/{decision}"))?;
    ensure!(
        remembered.contains("call") && remembered.contains("12.5"),
        "{remembered}"
    );
    Ok(())
}

fn a_table_is_scored_once(data: &Path) -> Result<()> {
    let score = ["score", MODEL, "--job", "half-year", "--as-of", AS_OF];
    let report = binary::run(data, &score)?;
    let rows: u64 = report
        .split_whitespace()
        .next()
        .and_then(|rows| rows.parse().ok())
        .with_context(|| report.clone())?;
    ensure!(rows > 50 && report.contains("version 1"), "{report}");
    let again = binary::run(data, &score)?;
    ensure!(again.contains("already"), "the same job again: {again}");
    let count = format!("SELECT count(*) AS n, count(DISTINCT entity_key) AS entities FROM scores.\"{MODEL}\"");
    let counted = binary::run(data, &["lake", "sql", &count, "--format", "csv"])?;
    ensure!(
        counted.lines().nth(1) == Some(&format!("{rows},{rows}")),
        "{rows} rows were reported, the lake has {counted}"
    );
    Ok(())
}

fn a_canary_answers_for_its_share_and_sticks(data: &Path) -> Result<()> {
    const ASKED: usize = 400;
    const WEIGHT: f64 = 0.3;
    binary::run(data, &["train", MODEL, "--as-of", AS_OF])?;
    binary::run(
        data,
        &[
            "models",
            "traffic",
            MODEL,
            "--canary",
            "2",
            "--weight",
            &WEIGHT.to_string(),
        ],
    )?;
    let server = Server::start(data)?;
    let version_of = |customer: usize| -> Result<serde_json::Value> {
        let path = format!("/v2/cortex/models/{MODEL}/predict-entity");
        let (status, prediction) = server.post(&path, &json!({ "entity_key": customer.to_string() }))?;
        ensure!(status == 200, "{status}: {prediction}");
        let share = if prediction["arm"] == "canary" {
            WEIGHT
        } else {
            1.0 - WEIGHT
        };
        ensure!(prediction["propensity"] == share, "{prediction}");
        Ok(prediction["model_version"].clone())
    };
    let first: Vec<_> = (0..ASKED)
        .map(|customer| version_of(12_346 + customer))
        .collect::<Result<_>>()?;
    let canaries = first.iter().filter(|version| **version == 2).count();
    // Four standard deviations of a fair draw.
    let (mean, slack) = (
        ASKED as f64 * WEIGHT,
        4.0 * (ASKED as f64 * WEIGHT * (1.0 - WEIGHT)).sqrt(),
    );
    ensure!(
        (canaries as f64 - mean).abs() < slack,
        "{canaries} of {ASKED} went to the canary, {mean} were meant to"
    );
    for (customer, version) in first.iter().enumerate().step_by(7) {
        ensure!(
            version_of(12_346 + customer)? == *version,
            "customer {customer} changed sides"
        );
    }
    Ok(())
}

/// Wherever between the answer and the database the server dies.
fn an_answered_prediction_outlives_a_crash(data: &Path) -> Result<()> {
    const ASKED_MAX: usize = 600;
    let path = format!("/v2/cortex/models/{MODEL}/predict-entity");
    for (step, hit) in [
        ("journal::before-flush", 5),
        ("journal::after-flush", 5),
        ("experience::before-filing", 2),
        ("experience::after-filing", 2),
    ] {
        let mut server = Server::start_crashing(data, step, hit)?;
        let mut answered = Vec::new();
        for customer in 0..ASKED_MAX {
            let Ok((status, prediction)) =
                server.post(&path, &json!({ "entity_key": (12_346 + customer).to_string() }))
            else {
                break;
            };
            ensure!(status == 200, "{step}: {status}: {prediction}");
            answered.push(prediction);
        }
        ensure!(
            server.has_died()? && !answered.is_empty(),
            "{step}: {} answers",
            answered.len()
        );
        let server = Server::start(data)?;
        for prediction in &answered {
            let decision = prediction["decision_id"].as_str().context("a decision id")?;
            let remembered = server.get(&format!("/experience/v1/decisions/{decision}"));
            let remembered = remembered.with_context(|| format!("{step}: {decision} was answered and is lost"))?;
            let remembered: serde_json::Value = serde_json::from_str(&remembered)?;
            ensure!(
                remembered["decision"]["score"] == prediction["score"],
                "{step}: {remembered}"
            );
        }
    }
    Ok(())
}

/// The unmodified tritonclient, where it is installed.
fn foreign_client_agrees(server: &Server) -> Result<()> {
    let Ok(python) = std::env::var("CORTEX_PYTHON") else {
        eprintln!("SKIPPED tritonclient: CORTEX_PYTHON names no Python that has it (./devstack test installs one)");
        return Ok(());
    };
    let output = Command::new(python)
        .arg("conformance/tritonclient_check.py")
        .args(["--http", &server.http, "--grpc", &server.grpc, "--model", MODEL])
        .output()?;
    let printed = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "tritonclient: {printed}");
    Ok(())
}
