//! Reports as of a day.

use std::sync::Arc;

use cortex_erp::{
    BalanceSheet, Chart, Closings, Command, Erp, ErpConfig, JournalLineInput, Known, MemoryLedger, PostJournalEntry,
    ProfitAndLoss, Records, Span,
};
use cortex_types::{Currency, SystemClock, Timestamp};

use crate::company::Company;

/// Bank against sales.
pub(crate) fn sold(at: &str, minor: i64) -> Command {
    let side = |account: &str, debit_minor, credit_minor| JournalLineInput {
        account: account.to_owned(),
        debit_minor,
        credit_minor,
        ..JournalLineInput::default()
    };
    Command::PostJournalEntry(PostJournalEntry {
        memo: "sold".into(),
        currency: Currency::GBP,
        posted_at: Some(at.parse().unwrap()),
        adjusting: false,
        lines: vec![side("1000", minor, 0), side("4000", 0, minor)],
    })
}

#[tokio::test]
async fn a_report_counts_the_days_that_it_is_asked_for_and_no_others() {
    let company = Company::trading().await;
    for (at, minor) in [
        ("2011-06-29T23:59:59.999999Z", 1),
        ("2011-06-30T00:00:00Z", 20),
        ("2011-06-30T23:59:59.999999Z", 300),
        ("2011-07-01T00:00:00Z", 4_000),
    ] {
        company.execute(sold(at, minor)).await.unwrap();
    }
    for (from, as_of, earned) in [
        (None, None, 4_321),
        (None, Some("2011-06-30"), 321),
        (Some("2011-06-30"), Some("2011-06-30"), 320),
        (Some("2011-06-30T00:00:00Z"), Some("2011-06-30T00:00:00Z"), 20),
        (Some("2011-07-01"), None, 4_000),
    ] {
        let span = Span::new(from, as_of).unwrap();
        let balances = company
            .ledger
            .trial_balance(&company.ctx, span, Closings::Counted)
            .await
            .unwrap();
        let result = ProfitAndLoss::of(&balances, &Chart::default()).remove(0);
        assert_eq!(result.result_minor(), earned, "{from:?} to {as_of:?}");
        let sheet = BalanceSheet::of(&balances, &Chart::default()).remove(0);
        assert_eq!(
            (sheet.assets.total_minor, sheet.liabilities_and_equity_minor()),
            (earned, earned)
        );
    }
    let before = Span::new(None, Some("2011-01-01")).unwrap();
    assert!(
        company
            .ledger
            .trial_balance(&company.ctx, before, Closings::Counted)
            .await
            .unwrap()
            .is_empty()
    );
}

#[tokio::test]
async fn whole_days_and_parts_of_days_add_up_to_the_lines_between_two_instants() {
    const HOUR: i64 = 3_600_000_000;
    let (company, memory) = (Company::trading().await, MemoryLedger::default());
    let oracle = Erp::start(Arc::new(memory.clone()), Arc::new(SystemClock), &ErpConfig::default());
    // Five days around the epoch, so that days before it count too.
    let mut seed = 7_u64;
    let mut hour = || {
        seed = seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        Timestamp::from_micros(i64::try_from(seed >> 33).unwrap() % 120 * HOUR - 60 * HOUR)
    };
    for minor in 1..=40 {
        let command = sold(&hour().to_string(), 1 << (minor % 20));
        let key = crate::company::key(format!("{minor}"));
        oracle
            .execute(&company.ctx, command.clone(), key, Known::ByClock)
            .await
            .unwrap();
        company.execute(command).await.unwrap();
    }
    for _ in 0..200 {
        let (one, other) = (hour(), hour());
        let span = Span {
            from: Some(one.min(other)),
            before: Some(one.max(other)),
        };
        let expected = memory
            .trial_balance(&company.ctx, span, Closings::Counted)
            .await
            .unwrap();
        let read = company
            .ledger
            .trial_balance(&company.ctx, span, Closings::Counted)
            .await
            .unwrap();
        assert_eq!(read, expected, "{span:?}");
    }
    assert_eq!(company.ledger.verify(&company.ctx).await.unwrap(), []);
    company.comes_of_its_commands().await;
}
