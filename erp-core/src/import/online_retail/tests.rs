use std::path::PathBuf;
use std::sync::Arc;

use cortex_types::{RequestContext, SystemClock, TenantId};

use super::*;
use crate::{ErpConfig, MemoryLedger};

fn fixture() -> PathBuf {
    PathBuf::from("tests/fixtures/online_retail_dirty.csv")
}

fn start() -> (MemoryLedger, Erp, RequestContext) {
    let ledger = MemoryLedger::default();
    let erp = Erp::start(Arc::new(ledger.clone()), Arc::new(SystemClock), &ErpConfig::default());
    (ledger, erp, RequestContext::system(TenantId::new("gifts").unwrap()))
}

#[tokio::test]
async fn every_line_of_the_dirty_file_becomes_what_it_is() {
    let (ledger, erp, ctx) = start();
    let folder = tempfile::tempdir().unwrap();
    let rejects = folder.path().join("rejects.csv");
    let options = OnlineRetailOptions {
        rejects: Some(rejects.clone()),
        ..OnlineRetailOptions::default()
    };
    let report = import(&erp, &ctx, &fixture(), &options, &|_| {}).await.unwrap();

    let lines = |kind| report.lines_by_kind.get(&kind).copied().unwrap_or_default();
    assert_eq!(lines(LineKind::GoodsSold), 6);
    assert_eq!(lines(LineKind::ServiceSold), 3);
    assert_eq!(lines(LineKind::GivenAway), 2);
    assert_eq!(lines(LineKind::GoodsReturned), 1);
    assert_eq!((lines(LineKind::Discount), lines(LineKind::OtherCredit)), (1, 1));
    assert_eq!((lines(LineKind::BadDebt), lines(LineKind::OwnFee)), (1, 2));
    assert_eq!(
        (
            lines(LineKind::WrittenOff),
            lines(LineKind::Found),
            lines(LineKind::NoEffect)
        ),
        (1, 1, 1)
    );
    assert_eq!((report.lines, report.rejected_lines), (27, 7));
    assert_eq!(
        report.lines_by_kind.values().sum::<u64>() + report.rejected_lines,
        report.lines
    );

    // 700001: 25.50 + 18.00; 700002: 1.50; 700003: 6.58 + 4.95; 700010: 15.00; 700013: 12.75 + 2.50.
    let total = |kind| report.documents[&kind].ledger_minor;
    assert_eq!(total(EntryKind::Invoice), 4350 + 150 + 1153 + 1500 + 1525);
    assert_eq!(total(EntryKind::CreditNote), -(765 + 1150));
    assert_eq!((total(EntryKind::Fees), total(EntryKind::BadDebt)), (-10_000, -3_000));
    assert!(report.reconciled);

    let balances = ledger.balances(&ctx.tenant).await;
    assert_eq!(balances.values().sum::<i64>(), 0);
    assert_eq!(balances["6100"], 10_000);
    assert_eq!(balances["6900"], 3_000);
    assert_eq!(balances["4900"], 765);
    assert_eq!(balances["4910"], 1_000);
    assert_eq!(ledger.customers(&ctx.tenant).await.len(), 3);

    let written = std::fs::read_to_string(&rejects).unwrap();
    assert_eq!(written.lines().count(), 8);
    assert!(written.contains("21,a negative quantity with a price needs a cancellation (C…),\"700014,11002"));
    assert!(written.contains("28,its customer is not that of the first line of 700013"));
}

#[tokio::test]
async fn a_second_run_adds_nothing() {
    let (ledger, erp, ctx) = start();
    let options = OnlineRetailOptions::default();
    let first = import(&erp, &ctx, &fixture(), &options, &|_| {}).await.unwrap();
    let committed = ledger.accepted(&ctx.tenant).await.len();
    let second = import(&erp, &ctx, &fixture(), &options, &|_| {}).await.unwrap();
    assert_eq!(ledger.accepted(&ctx.tenant).await.len(), committed);
    assert_eq!((first.repeated, second.repeated), (0, committed as u64));
    assert_eq!(first.documents, second.documents);
}

#[tokio::test]
async fn a_strict_import_stops_at_the_first_bad_line_and_posts_nothing() {
    let (ledger, erp, ctx) = start();
    let options = OnlineRetailOptions {
        strict: true,
        ..OnlineRetailOptions::default()
    };
    let error = import(&erp, &ctx, &fixture(), &options, &|_| {}).await.unwrap_err();
    assert!(matches!(error, ErpError::StrictImport { line: 21, .. }), "{error}");
    assert!(ledger.accepted(&ctx.tenant).await.is_empty());
}

#[tokio::test]
async fn a_file_without_a_needed_column_is_refused_by_name() {
    let (_, erp, ctx) = start();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sales.csv");
    std::fs::write(&path, "InvoiceNo,StockCode\n1,2\n").unwrap();
    let error = import(&erp, &ctx, &path, &OnlineRetailOptions::default(), &|_| {})
        .await
        .unwrap_err();
    assert!(error.to_string().contains("has no column 'Description'"), "{error}");
}

#[test]
fn history_comes_in_the_order_of_time_with_what_it_needs_first() {
    let history = RetailHistory::read(&fixture(), false).unwrap();
    assert!(history.entries().windows(2).all(|pair| pair[0].at <= pair[1].at));
    let keys: Vec<&str> = history.entries().iter().map(|entry| entry.key.as_str()).collect();
    let place = |key| keys.iter().position(|known| *known == key).unwrap();
    assert!(place("online-retail/product/11001A") < place("online-retail/invoice/700001"));
    assert!(place("online-retail/party/WALK-IN") < place("online-retail/invoice/700003"));
}

#[test]
fn a_file_out_of_the_order_of_time_still_creates_what_a_document_needs_before_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sales.csv");
    let header = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country";
    let late = "700101,11001,MUG,1,2011-01-03 12:00:00,1.25,12346.0,France";
    let early = "700102,11001,MUG,1,2011-01-03 09:00:00,1.25,12346.0,France";
    std::fs::write(&path, format!("{header}\n{late}\n{early}\n")).unwrap();
    let history = RetailHistory::read(&path, false).unwrap();
    let keys: Vec<&str> = history.entries().iter().map(|entry| entry.key.as_str()).collect();
    let place = |key| keys.iter().position(|known| *known == key).unwrap();
    let first = place("online-retail/invoice/700102");
    assert!(
        place("online-retail/product/11001") < first && place("online-retail/party/12346") < first,
        "{keys:?}"
    );
}

const HEADER: &str = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country";

#[tokio::test]
async fn a_strict_import_commits_nothing_behind_the_first_document_that_the_ledger_refuses() {
    let (ledger, erp, ctx) = start();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sales.csv");
    let country = "x".repeat(65);
    let sale = |number, hour, country| format!("{number},11001,MUG,1,2011-01-03 {hour}:00:00,1.25,12346.0,{country}");
    let lines = [
        sale(700_101, 10, "France"),
        sale(700_102, 11, &*country),
        sale(700_103, 12, "France"),
    ];
    std::fs::write(&path, format!("{HEADER}\n{}\n", lines.join("\n"))).unwrap();
    let options = OnlineRetailOptions {
        strict: true,
        ..OnlineRetailOptions::default()
    };
    let error = import(&erp, &ctx, &path, &options, &|_| {}).await.unwrap_err();
    assert!(matches!(error, ErpError::StrictImport { line: 3, .. }), "{error}");
    erp.drain().await;
    assert_eq!(ledger.count(&ctx.tenant, crate::DocumentKind::SalesInvoice).await, 1);
}

#[test]
fn lines_that_come_to_more_than_can_be_posted_are_refused_and_never_wrap() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sales.csv");
    // Each is nearly as much as one posting may be.
    let line = "700101,11001,MUG,1000000000,2011-01-03 10:00:00,9999,12346.0,France\n";
    let fine = "700102,11001,MUG,1,2011-01-03 11:00:00,1.25,12346.0,France\n";
    std::fs::write(&path, format!("{HEADER}\n{}{fine}", line.repeat(3))).unwrap();
    let history = RetailHistory::read(&path, false).unwrap();
    assert_eq!(history.rejects().len(), 3);
    assert!(
        history.rejects()[0]
            .reason
            .contains("700101 come to more than can be posted")
    );
    assert_eq!(
        history
            .entries()
            .iter()
            .filter(|entry| entry.kind == EntryKind::Invoice)
            .count(),
        1
    );
}

#[tokio::test]
async fn rejects_are_never_written_over_the_file_itself_or_over_anything_but_rejects() {
    let (ledger, erp, ctx) = start();
    let folder = tempfile::tempdir().unwrap();
    let place = |name: &str| folder.path().join(name);
    let source = place("sales.csv");
    std::fs::copy(fixture(), &source).unwrap();
    std::fs::hard_link(&source, place("hard.csv")).unwrap();
    std::os::unix::fs::symlink(&source, place("soft.csv")).unwrap();
    std::fs::write(place("notes.txt"), "line,reason,rawness of somebody's notes\n").unwrap();
    let rejected_to = async |path: PathBuf| {
        let rejects = Some(path);
        let options = OnlineRetailOptions {
            rejects,
            ..OnlineRetailOptions::default()
        };
        import(&erp, &ctx, &source, &options, &|_| {}).await
    };
    for name in ["sales.csv", "./sales.csv", "hard.csv", "soft.csv", "notes.txt", "."] {
        let before = std::fs::read(place(name)).ok();
        let error = rejected_to(place(name)).await.unwrap_err();
        assert!(
            error.to_string().contains("the rejects cannot be written to"),
            "{error}"
        );
        assert_eq!(std::fs::read(place(name)).ok(), before, "{name}");
    }
    assert!(ledger.accepted(&ctx.tenant).await.is_empty(), "nothing was posted");

    std::fs::write(place("empty.csv"), "").unwrap();
    for name in ["empty.csv", "new.csv", "new.csv"] {
        rejected_to(place(name)).await.unwrap();
        assert_eq!(
            std::fs::read_to_string(place(name)).unwrap().lines().count(),
            8,
            "{name}"
        );
    }
}

#[tokio::test]
async fn a_code_that_is_no_key_does_not_end_the_import() {
    let (ledger, erp, ctx) = start();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("codes.csv");
    let long = "7".repeat(300);
    let lines = [
        "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country",
        "7001,CAFÉ,MUG,1,2010-12-01 08:00:00,2.00,Käthe,France",
        "7002,MUG,MUG,1,2010-12-01 09:00:00,2.00,17\u{12}850,France",
        &format!("{long},MUG,MUG,1,2010-12-01 10:00:00,2.00,17850,France"),
        "7003,MUG,MUG,1,2010-12-01 11:00:00,2.00,17850,France",
    ];
    std::fs::write(&file, lines.join("\n")).unwrap();
    let options = OnlineRetailOptions::default();
    let report = import(&erp, &ctx, &file, &options, &|_| {}).await.unwrap();
    // A customer with a character that nobody sees, and a number without an end, are refused by themselves.
    assert_eq!((report.lines, report.rejected_lines), (4, 2));
    assert_eq!(report.documents[&EntryKind::Invoice].documents, 2);
    let committed = ledger.accepted(&ctx.tenant).await.len();
    import(&erp, &ctx, &file, &options, &|_| {}).await.unwrap();
    assert_eq!(ledger.accepted(&ctx.tenant).await.len(), committed);
}
