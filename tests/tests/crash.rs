//! Death at every durability step, exactly there: what is rerun or asked again afterwards ends where a quiet run ends.

use anyhow::{Context, Result, ensure};
use cortex_tests::binary::{self, Server};
use cortex_tests::content::{compare, ledger_rows};
use cortex_tests::retail;
use serde_json::{Value, json};

/// Every step between a posted document and a served feature, and the hit at which it is deadly: a batch reaches many
/// tables, and the third of them is in the middle.
const IMPORT_STEPS: [(&str, u32); 12] = [
    ("store::before-commit", 1),
    ("store::after-commit", 1),
    ("ingest::after-plan", 1),
    ("lake::before-commit", 3),
    ("lake::after-commit", 3),
    ("ingest::after-append", 3),
    ("ingest::before-committed", 1),
    ("ingest::before-acknowledge", 1),
    ("online::before-commit", 1),
    ("online::after-commit", 1),
    ("online::before-settle", 1),
    ("online::after-settle", 1),
];
const INVOICES: usize = 60;

#[test]
fn an_import_that_dies_at_any_step_is_finished_by_the_next() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let (quiet, crashed) = (folder.path().join("quiet"), folder.path().join("crashed"));
    for ((step, hit), content) in IMPORT_STEPS.iter().zip(retail::files(IMPORT_STEPS.len(), INVOICES)) {
        let file = folder.path().join("part.csv");
        std::fs::write(&file, content)?;
        let import = ["erp", "import", "online-retail", &file.display().to_string()];
        binary::run(&quiet, &import)?;
        ensure!(
            binary::run_and_crash(&crashed, &import, step, *hit)?,
            "{step} was not hit {hit} times"
        );
        binary::run(&crashed, &import)?;
    }
    compare(&quiet, &crashed)
}

#[test]
fn a_server_that_dies_keeps_what_it_acknowledged_and_takes_the_rest_again_once() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let data = folder.path().join("data");
    prepare(&Server::start(&data)?)?;
    let mut acknowledged: Vec<String> = Vec::new();
    let mut deaths = 0;
    for step in [
        "store::before-commit",
        "store::after-commit",
        "ingest::after-plan",
        "online::before-commit",
    ] {
        let mut server = Server::start_crashing(&data, step, 5)?;
        for number in 0..40 {
            let number = format!("{step}-{number}");
            match post(&server, &number) {
                Ok((status, receipt)) => {
                    ensure!(status == 201, "{number}: {status} {receipt}");
                    acknowledged.push(number);
                }
                Err(_gone) => break,
            }
        }
        deaths += u32::from(server.has_died()?);
    }
    ensure!(deaths >= 3, "only {deaths} of the servers died");

    let server = Server::start(&data)?;
    for number in &acknowledged {
        let (status, receipt) = post(&server, number)?;
        ensure!(
            status == 200,
            "{number} was acknowledged, but the second time was {status}: {receipt}"
        );
    }
    // What died unanswered is asked again, and is there once.
    let unanswered = "store::after-commit-again";
    ensure!(post(&server, unanswered)?.0 == 201);
    ensure!(post(&server, unanswered)?.0 == 200);
    let posted = ledger_rows(
        &data,
        "SELECT number, count(*) FROM sales_invoices GROUP BY number HAVING count(*) > 1",
    )?;
    ensure!(posted.is_empty(), "posted twice: {posted:?}");
    let entries = ledger_rows(&data, "SELECT sum(debit_minor) - sum(credit_minor) FROM journal_lines")?;
    ensure!(entries == ["0"], "debits less credits: {entries:?}");
    drop(server);
    binary::run(&data, &["erp", "verify"])?;
    Ok(())
}

/// What an invoice refers to.
fn prepare(server: &Server) -> Result<()> {
    let party = json!({ "code": "C1", "name": "A customer", "kind": "customer", "country": "DE" });
    let product = json!({ "code": "P1", "description": "A mug", "kind": "goods", "list_price": "2.50" });
    for (path, body, key) in [("/erp/v1/parties", party, "c"), ("/erp/v1/products", product, "p")] {
        let (status, answer) = server.post_once(path, &body, key)?;
        ensure!(matches!(status, 200 | 201), "{path}: {status} {answer}");
    }
    Ok(())
}

fn post(server: &Server, number: &str) -> Result<(u16, Value)> {
    let invoice = json!({
        "number": number,
        "customer": "C1",
        "invoiced_at": "2011-05-01T10:00:00Z",
        "lines": [{ "product": "P1", "quantity": "3" }],
    });
    server
        .post_once("/erp/v1/sales-invoices", &invoice, number)
        .context("the server is gone")
}
