//! What a month comes to: every report as a golden, and the figures once more, worked out by hand.
//!
//! `CORTEX_GOLDENS=write` writes the goldens anew.

mod figures;
mod reports;

use std::path::Path;

use anyhow::{Result, ensure};
use cortex_tests::binary::{self, Server};
use cortex_tests::client::Client;

use crate::script;

const GOLDENS: &str = "goldens/month";
const WRITE: &str = "CORTEX_GOLDENS";

/// The same text on SQLite and on PostgreSQL: there is one set of goldens.
#[test]
fn a_month_of_a_company_comes_to_what_was_worked_out_by_hand() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let data = folder.path().join("data");
    let server = Server::start(&data)?;
    let erp = Client::new("month", &server.http, None)?;
    script::month(&erp)?;
    script::close_the_month(&erp)?;
    figures::of_the_month(&erp)?;
    let january = reports::of_the_month(&erp)?;

    script::close_the_year(&erp)?;
    figures::of_the_year(&erp)?;
    ensure!(
        january == reports::of_the_month(&erp)?,
        "the closing of the year has changed a report of January"
    );
    drop(server);
    for (name, text) in &january {
        hold(name, text)?;
    }
    let verified = binary::run(&data, &["erp", "verify"])?;
    ensure!(verified.contains("the books hold"), "{verified}");
    Ok(())
}

fn hold(name: &str, text: &str) -> Result<()> {
    let path = Path::new(GOLDENS).join(format!("{name}.txt"));
    if std::env::var(WRITE).is_ok_and(|how| how == "write") {
        return Ok(std::fs::write(path, text)?);
    }
    let golden = std::fs::read_to_string(&path).unwrap_or_default();
    let differs = golden.lines().zip(text.lines()).find(|(golden, line)| golden != line);
    ensure!(
        golden == text,
        "{} differs, first in {differs:?}; {WRITE}=write writes it anew. It is now:\n{text}",
        path.display()
    );
    Ok(())
}
