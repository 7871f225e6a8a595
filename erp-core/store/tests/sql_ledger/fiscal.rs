//! Years and periods: what may be posted where, what closing carries to equity, and what reversals undo.

use std::sync::Arc;

use cortex_erp::{
    BalanceSheet, Chart, CloseFiscalYear, Closings, Command, Erp, ErpConfig, ErpError, GeneralLedger, Known,
    OpenFiscalYear, Page, PeriodState, PostInvoice, ProfitAndLoss, Receipt, Records, ReversalMethod, ReverseEntry,
    SetPeriodState, Span,
};
use cortex_erp_store::SqlLedger;
use cortex_types::{Coded, Currency, ErrorCode, SystemClock};

use crate::company::{Company, invoice, key, line, receive};
use crate::statements::sold;

async fn open(company: &Company, from: &str) -> Result<Receipt, ErpError> {
    let year = OpenFiscalYear {
        code: None,
        from: from.parse().unwrap(),
        months: 12,
    };
    company.execute(Command::OpenFiscalYear(year)).await
}

async fn set(company: &Company, period: &str, state: PeriodState) -> Result<Receipt, ErpError> {
    let period = period.into();
    company
        .execute(Command::SetPeriodState(SetPeriodState { period, state }))
        .await
}

async fn close(company: &Company, year: &str) -> Result<Receipt, ErpError> {
    company
        .execute(Command::CloseFiscalYear(CloseFiscalYear { year: year.into() }))
        .await
}

fn reversal(entry: &str, method: ReversalMethod) -> Command {
    Command::ReverseEntry(ReverseEntry {
        entry: entry.into(),
        method,
        memo: None,
        posted_at: Some("2011-08-01".parse().unwrap()),
        adjusting: false,
    })
}

#[tokio::test]
async fn periods_close_in_their_order_and_take_nothing_afterwards() {
    let company = Company::trading().await;
    assert_eq!(&*open(&company, "2011-01-01").await.unwrap().number, "FY2011");
    assert!(open(&company, "2012-02-01").await.is_err(), "a gap between years");
    assert!(
        set(&company, "FY2011-02", PeriodState::SoftClosed).await.is_err(),
        "January is open"
    );
    set(&company, "FY2011-01", PeriodState::HardClosed).await.unwrap();
    set(&company, "FY2011-02", PeriodState::SoftClosed).await.unwrap();
    assert!(
        set(&company, "FY2011-01", PeriodState::Open).await.is_err(),
        "hard-closed stays so"
    );

    let january = company.execute(sold("2011-01-31T23:59:59Z", 100)).await.unwrap_err();
    assert_eq!(january.code(), ErrorCode::PeriodClosed, "{january}");
    let before = company.execute(sold("2010-06-01", 100)).await.unwrap_err();
    assert_eq!(
        before.code(),
        ErrorCode::PeriodClosed,
        "before the first year: {before}"
    );
    let mut sale = invoice(Some("C1"), vec![line("MUG", 1)]);
    sale.invoiced_at = Some("2011-02-10".parse().unwrap());
    let february = company.execute(Command::PostInvoice(sale)).await.unwrap_err();
    assert_eq!(february.code(), ErrorCode::PeriodClosed, "{february}");
    let Command::PostJournalEntry(mut adjustment) = sold("2011-02-10", 100) else {
        unreachable!("it is a journal entry")
    };
    adjustment.adjusting = true;
    company.execute(Command::PostJournalEntry(adjustment)).await.unwrap();
    company.execute(sold("2011-03-01", 100)).await.unwrap();

    set(&company, "FY2011-02", PeriodState::Open).await.unwrap();
    company.execute(sold("2011-02-11", 100)).await.unwrap();
    let years = company.ledger.fiscal_years(&company.ctx).await.unwrap();
    let states: Vec<&str> = years[0]
        .periods
        .iter()
        .take(3)
        .map(|period| period.state.as_str())
        .collect();
    assert_eq!(states, ["hard-closed", "open", "open"]);
    let other = crate::company::tenant("other");
    assert!(company.ledger.fiscal_years(&other).await.unwrap().is_empty());
}

#[tokio::test]
async fn closing_a_year_carries_its_results_to_equity() {
    let company = Company::trading().await;
    open(&company, "2011-01-01").await.unwrap();
    open(&company, "2012-01-01").await.unwrap();
    company.execute(receive(10, 1000)).await.unwrap();
    company.execute(sold("2011-06-30", 700)).await.unwrap();
    company.execute(sold("2012-01-05", 40)).await.unwrap();
    assert!(close(&company, "FY2012").await.is_err(), "2011 is open");
    let closed = close(&company, "FY2011").await.unwrap();
    assert!(close(&company, "FY2011").await.is_err(), "it is closed already");

    let (ledger, ctx) = (&company.ledger, &company.ctx);
    let entry = ledger
        .journal_entry(ctx, closed.entry.as_deref().unwrap())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(entry.posted_at.to_string(), "2011-12-31T23:59:59.999999Z");
    let year = Span::new(Some("2011-01-01"), Some("2011-12-31")).unwrap();
    let results = ledger.trial_balance(ctx, year, Closings::LeftOut).await.unwrap();
    assert_eq!(ProfitAndLoss::of(&results, &Chart::default())[0].result_minor(), 700);
    let end = Span::new(None, Some("2011-12-31")).unwrap();
    let sheet = BalanceSheet::of(
        &ledger.trial_balance(ctx, end, Closings::Counted).await.unwrap(),
        &Chart::default(),
    )
    .remove(0);
    assert_eq!((sheet.earned_minor, sheet.equity.total_minor), (0, 700));
    let later = Span::new(None, Some("2012-12-31")).unwrap();
    let sheet = BalanceSheet::of(
        &ledger.trial_balance(ctx, later, Closings::Counted).await.unwrap(),
        &Chart::default(),
    )
    .remove(0);
    assert_eq!((sheet.earned_minor, sheet.equity.total_minor), (40, 700));
    assert_eq!(sheet.assets.total_minor, sheet.liabilities_and_equity_minor());
    assert_eq!(
        company.execute(sold("2011-12-31", 1)).await.unwrap_err().code(),
        ErrorCode::PeriodClosed
    );
    assert_eq!(ledger.verify(ctx).await.unwrap(), []);
}

#[tokio::test]
async fn the_general_ledger_goes_through_an_account_page_by_page() {
    let company = Company::trading().await;
    for (day, minor) in [
        ("2011-03-01", 5),
        ("2011-01-01", 100),
        ("2011-02-01", 20),
        ("2011-02-01", 3),
    ] {
        company.execute(sold(day, minor)).await.unwrap();
    }
    let account = "4000";
    let (ledger, ctx) = (&company.ledger, &company.ctx);
    let whole = ledger
        .general_ledger(ctx, account, Span::default(), &Page::default())
        .await
        .unwrap();
    let balances = |ledger: &GeneralLedger| ledger.lines.iter().map(|line| line.balance_minor).collect::<Vec<_>>();
    assert_eq!(balances(&whole), [-100, -120, -123, -128]);
    assert!(whole.opening.is_empty());
    let february = Span::new(Some("2011-02-01"), Some("2011-02-28")).unwrap();
    let first = ledger
        .general_ledger(ctx, account, february, &Page::new(None, 1))
        .await
        .unwrap();
    assert_eq!((balances(&first), &first.opening[&Currency::GBP]), (vec![-120], &-100));
    let after = Some(first.lines[0].id.to_string());
    let second = ledger
        .general_ledger(ctx, account, february, &Page::new(after, 9))
        .await
        .unwrap();
    assert_eq!(
        (balances(&second), &second.opening[&Currency::GBP]),
        (vec![-123], &-120)
    );
    let other = crate::company::tenant("other");
    let theirs = ledger
        .general_ledger(&other, account, Span::default(), &Page::default())
        .await
        .unwrap();
    assert_eq!(theirs, GeneralLedger::default());
}

#[tokio::test]
async fn an_entry_is_reversed_once_as_counter_entry_or_as_storno() {
    let company = Company::trading().await;
    company.execute(sold("2011-06-30", 700)).await.unwrap();
    company.execute(sold("2011-07-01", 50)).await.unwrap();
    let countered = company
        .execute(reversal("J-000001", ReversalMethod::CounterEntry))
        .await
        .unwrap();
    company
        .execute(reversal("J-000002", ReversalMethod::Storno))
        .await
        .unwrap();
    for (entry, why) in [
        ("J-000001", "already"),
        (&*countered.number, "reversal itself"),
        ("J-000099", "no"),
    ] {
        let refused = company
            .execute(reversal(entry, ReversalMethod::Storno))
            .await
            .unwrap_err();
        assert!(refused.to_string().contains(why), "{refused}");
    }
    let all = company
        .ledger
        .trial_balance(&company.ctx, Span::default(), Closings::Counted)
        .await
        .unwrap();
    assert!(all.iter().all(|balance| balance.balance_minor() == 0), "{all:?}");
    // The counter-entry is turnover on both sides; the storno leaves none.
    assert!(all.iter().all(|balance| balance.debit_minor == 700), "{all:?}");
    let sale = company
        .execute(Command::PostInvoice(invoice(Some("C1"), vec![line("MUG", 1)])))
        .await
        .unwrap();
    let refused = company
        .execute(reversal(sale.entry.as_deref().unwrap(), ReversalMethod::Storno))
        .await
        .unwrap_err();
    assert!(refused.to_string().contains("sales-invoice"), "{refused}");
    assert_eq!(company.ledger.verify(&company.ctx).await.unwrap(), []);
    company.comes_of_its_commands().await;
}

#[tokio::test]
async fn a_year_that_was_closed_is_closed_when_its_commands_are_carried_out_again() {
    let company = Company::trading().await;
    open(&company, "2024-01-01").await.unwrap();
    close(&company, "FY2024").await.unwrap();
    company.comes_of_its_commands().await;
}

#[tokio::test]
async fn what_another_process_closed_is_closed_here_too() {
    let company = Company::trading().await;
    open(&company, "2024-01-01").await.unwrap();
    let sale = || {
        Command::PostInvoice(PostInvoice {
            invoiced_at: Some("2024-01-15".parse().unwrap()),
            ..invoice(Some("C1"), vec![line("POST", 1)])
        })
    };
    company.execute(sale()).await.unwrap();
    let other = Erp::start(
        Arc::new(SqlLedger::new(company.database.clone())),
        Arc::new(SystemClock),
        &ErpConfig::default(),
    );
    let shut = Command::SetPeriodState(SetPeriodState {
        period: "FY2024-01".into(),
        state: PeriodState::SoftClosed,
    });
    let shut = other.execute(&company.ctx, shut, key("shut"), Known::ByClock).await;
    shut.unwrap();
    let refused = company.execute(sale()).await.unwrap_err();
    assert_eq!(refused.code(), ErrorCode::PeriodClosed);
    // And what is closed in one group with it.
    let reopened = Command::SetPeriodState(SetPeriodState {
        period: "FY2024-01".into(),
        state: PeriodState::Open,
    });
    company.execute(reopened).await.unwrap();
    company.execute(sale()).await.unwrap();
}
