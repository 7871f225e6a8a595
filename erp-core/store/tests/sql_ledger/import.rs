//! History brought in.

use std::path::{Path, PathBuf};

use cortex_erp::Records;
use cortex_erp::import::online_retail::{self, EntryKind, OnlineRetailOptions};
use cortex_store::sql::{self, Instant};

use crate::company::Company;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn importing_a_file_twice_is_importing_it_once() {
    let company = Company::found().await;
    let file = Path::new("../tests/fixtures/online_retail_dirty.csv");
    let options = OnlineRetailOptions::default();
    let import = || online_retail::import(&company.erp, &company.ctx, file, &options, &|_| {});
    let first = import().await.unwrap();
    let changes = company.count("change_log").await;
    let second = import().await.unwrap();
    assert_eq!(company.count("change_log").await, changes);
    assert_eq!(first.documents, second.documents);
    assert!(first.reconciled && first.repeated == 0 && second.repeated > 0);

    let readers = company.readers();
    let sum = |sum: &'static str| sql::query_scalar::<i64>(sum).fetch_one(&readers);
    let invoiced = sum("SELECT CAST(sum(net_minor) AS BIGINT) FROM sales_invoices")
        .await
        .unwrap();
    let credited = sum("SELECT CAST(sum(net_minor) AS BIGINT) FROM credit_notes")
        .await
        .unwrap();
    assert_eq!(first.documents[&EntryKind::Invoice].file_minor, invoiced);
    assert_eq!(first.documents[&EntryKind::CreditNote].file_minor, -credited);
    // Declared as known when it happened.
    let known: Vec<(i64, Instant, String)> = sql::query_as(
        "SELECT m.known_at, i.invoiced_at, m.known_by FROM sales_invoices i JOIN tx_meta m ON m.tx_no = i.tx_no",
    )
    .fetch_all(&readers)
    .await
    .unwrap();
    assert!(
        known
            .iter()
            .all(|(known_at, at, by)| *known_at == at.0.micros() && by == "event-time+0s"),
        "{known:?}"
    );
    assert_eq!(company.ledger.verify(&company.ctx).await.unwrap(), []);
    company.comes_of_its_commands().await;
}

/// Imports the file that `CORTEX_ONLINE_RETAIL` names, and prints what came of it. Run it with `--ignored --nocapture`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a file that is not in the repository"]
#[allow(clippy::print_stdout)]
async fn a_whole_file_is_imported_and_the_books_are_sound() {
    let file = PathBuf::from(std::env::var("CORTEX_ONLINE_RETAIL").unwrap());
    let company = Company::found().await;
    let rejects = Some(company.scratch.folder.path().join("rejects.csv"));
    let options = OnlineRetailOptions {
        rejects,
        ..OnlineRetailOptions::default()
    };
    for _ in 0..2 {
        let started = std::time::Instant::now();
        let report = online_retail::import(&company.erp, &company.ctx, &file, &options, &|_| {})
            .await
            .unwrap();
        println!(
            "{report}\n{} lines/s",
            report.lines as f64 / started.elapsed().as_secs_f64()
        );
        assert!(report.reconciled);
    }
    let bytes: u64 = std::fs::read_dir(company.scratch.folder.path())
        .unwrap()
        .map(|f| f.unwrap().metadata().unwrap().len())
        .sum();
    println!("{} MiB on disk", bytes >> 20);
    assert_eq!(company.ledger.verify(&company.ctx).await.unwrap(), []);
    company.comes_of_its_commands().await;
}
