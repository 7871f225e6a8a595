//! Files that nobody would write: whatever stands in them, each line is taken or refused with a reason, and the books hold.

use std::sync::Arc;

use cortex_types::{RequestContext, SystemClock, TenantId};
use proptest::prelude::*;

use super::*;
use crate::{ErpConfig, MemoryLedger, Records};

const HEADER: &str = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n";

/// What such a file is made of, its usual ends, and what belongs nowhere.
fn field() -> impl Strategy<Value = Vec<u8>> {
    let usual = [
        "536365",
        "C536379",
        "A563185",
        "85123A",
        "POST",
        "M",
        "D",
        "MUG",
        "6",
        "-1",
        "0",
        "2.55",
        "0.0",
        "-11062.06",
        "2010-12-01 08:26:00",
        "2011-02-29 08:00:00",
        "17850.0",
        "",
        "France",
        "Unspecified",
    ];
    let extreme = [
        "9223372036854775807",
        "-9223372036854775808",
        "79228162514264337593543950335",
        "1e400",
        "NaN",
        "0x10",
        "٣",
        "9999-12-31 23:59:59",
        "0000-00-00 00:00:00",
        "\u{202e}",
        "\"",
        "\"\"\"",
        "a\nb",
        "a,b",
        "'; DROP TABLE parties; --",
    ];
    prop_oneof![
        6 => proptest::sample::select(usual.to_vec()).prop_map(|text| text.as_bytes().to_vec()),
        2 => proptest::sample::select(extreme.to_vec()).prop_map(|text| text.as_bytes().to_vec()),
        1 => proptest::collection::vec(any::<u8>(), 0..12),
    ]
}

fn file() -> impl Strategy<Value = Vec<u8>> {
    let line = proptest::collection::vec(field(), 7..10).prop_map(|fields| fields.join(&b','));
    proptest::collection::vec(line, 0..30).prop_map(|lines| [HEADER.as_bytes(), &lines.join(&b'\n')].concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn every_line_is_taken_or_refused_and_the_books_hold(content in file()) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("hostile.csv");
        std::fs::write(&path, content).unwrap();
        let history = RetailHistory::read(&path, false).unwrap();
        let taken: u64 = history.lines().values().sum();
        prop_assert_eq!(taken + history.rejects().len() as u64, history.line_count() as u64);

        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let findings = runtime.block_on(async {
            let ledger = MemoryLedger::default();
            let erp = Erp::start(Arc::new(ledger.clone()), Arc::new(SystemClock), &ErpConfig::default());
            let ctx = RequestContext::system(TenantId::new("gifts").unwrap());
            import(&erp, &ctx, &path, &OnlineRetailOptions::default(), &|_| {}).await.unwrap();
            ledger.verify(&ctx).await.unwrap()
        });
        prop_assert!(findings.is_empty(), "{findings:?}");
    }
}
