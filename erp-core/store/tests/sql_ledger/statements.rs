//! Reports as of a day.

use cortex_erp::{BalanceSheet, Closings, Command, JournalLineInput, PostJournalEntry, ProfitAndLoss, Records, Span};
use cortex_types::Currency;

use crate::company::Company;

/// Bank against sales.
pub(crate) fn sold(at: &str, minor: i64) -> Command {
    let side = |account: &str, debit_minor, credit_minor| JournalLineInput {
        account: account.to_owned(),
        debit_minor,
        credit_minor,
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
        let result = ProfitAndLoss::of(&balances).remove(0);
        assert_eq!(result.result_minor(), earned, "{from:?} to {as_of:?}");
        let sheet = BalanceSheet::of(&balances).remove(0);
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
