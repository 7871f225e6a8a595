//! A foreign client that reads `/openapi.json` and sends what it makes of it: schemathesis, to books with a month in them.

use std::path::Path;
use std::process::Command;

use anyhow::{Result, ensure};
use cortex_tests::binary::{self, Server};
use cortex_tests::client::Client;

use crate::script;

/// What is asked of it, and what is left out for which reason.
const ASKED: &str = "conformance/schemathesis.toml";
/// Requests that it makes up for each operation; the more, the more it finds.
const EXAMPLES: &str = "CORTEX_SCHEMATHESIS_EXAMPLES";
const EXAMPLES_USUAL: &str = "4";
/// Another one finds other things.
const SEED: &str = "CORTEX_SCHEMATHESIS_SEED";
const SEED_USUAL: &str = "7";
const TENANT: &str = "aster";

#[test]
fn the_erp_answers_as_its_openapi_document_says_whatever_it_is_sent() -> Result<()> {
    let Ok(python) = std::env::var("CORTEX_PYTHON") else {
        eprintln!("SKIPPED schemathesis: CORTEX_PYTHON names no Python that has it (./devstack test installs one)");
        return Ok(());
    };
    let folder = tempfile::tempdir()?;
    let data = folder.path().join("data");
    std::fs::create_dir_all(folder.path().join("config"))?;
    std::fs::write(
        folder.path().join("config").join("base.yaml"),
        "security: { authentication: tokens }\n",
    )?;
    let made = [
        "token", "create", "--name", "month", "--role", "admin", "--tenant", TENANT,
    ];
    let token = binary::run(&data, &made)?.trim().to_owned();
    let server = Server::start(&data)?;
    let erp = Client::new("month", &server.http, Some(&token))?;
    script::month(&erp)?;
    conforms(Path::new(&python), &server, &token, folder.path())?;
    drop(server);
    let verified = binary::run(&data, &["erp", "verify", "--tenant", TENANT])?;
    ensure!(verified.contains("the books hold"), "{verified}");
    Ok(())
}

fn conforms(python: &Path, server: &Server, token: &str, folder: &Path) -> Result<()> {
    let asked = |name: &str, usual: &str| std::env::var(name).unwrap_or_else(|_| usual.to_owned());
    // Beside the Python that it was installed for.
    let output = Command::new(python.with_file_name("schemathesis"))
        .args(["--config-file", ASKED, "run"])
        .arg(format!("http://{}/openapi.json", server.http))
        .args(["--max-examples", &asked(EXAMPLES, EXAMPLES_USUAL)])
        .args(["--seed", &asked(SEED, SEED_USUAL)])
        // What it remembers of a run is no part of the next one.
        .args(["--generation-database", "none", "--no-color"])
        .env("CORTEX_TOKEN", token)
        .env("XDG_CACHE_HOME", folder)
        .output()?;
    let printed = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "schemathesis: {printed}");
    Ok(())
}
