//! A company in pounds whose customers and suppliers pay in euros, at other rates than they were billed at: every figure by hand, and
//! the books sound after every command. 100.00 EUR are 80.00 GBP from January, 90.00 from March, 95.00 from April on.

use std::sync::Arc;

use cortex_erp::{
    Cancel, CloseFiscalYear, Closings, Command, CreditLineInput, CreditReason, DefineNumberSeries, DocumentKind,
    ErpError, JournalLineInput, LinePrice, OpenBalances, OpenFiscalYear, Page, PaymentDirection, PeriodState,
    PostCreditNote, PostInvoice, PostJournalEntry, QuantityInput, Receipt, RecordPayment, Records, ReturnGoods,
    RevalueCurrencies, ReversalMethod, ReverseEntry, Role, SetPeriodState, Settle, SettleInput, SettleItems, Span,
};
use cortex_types::{Coded, Currency, ErrorCode};

use crate::company::{Company, PIECE, invoice, key, line};
use crate::currencies::{at, in_pounds, rate_of, receipt};

async fn trading() -> Company {
    let company = in_pounds().await;
    company
        .sound(rate_of(Currency::EUR, "2024-04-01", "0.95"))
        .await
        .unwrap();
    company
}

fn billed(day: &str, cents: i64) -> Command {
    let mut posted = line("POST", 1);
    posted.price = LinePrice::Net(cents);
    Command::PostInvoice(PostInvoice {
        currency: Currency::EUR,
        invoiced_at: Some(at(day)),
        ..invoice(Some("C1"), vec![posted])
    })
}

fn by_hand(day: &str, lines: [(&str, Option<&str>, i64); 2]) -> Command {
    let line = |(account, party, cents): (&str, Option<&str>, i64)| JournalLineInput {
        account: account.to_owned(),
        party: party.map(Arc::from),
        debit_minor: cents.max(0),
        credit_minor: (-cents).max(0),
        ..JournalLineInput::default()
    };
    Command::PostJournalEntry(PostJournalEntry {
        memo: "by hand".to_owned(),
        currency: Currency::EUR,
        posted_at: Some(at(day)),
        adjusting: false,
        lines: lines.map(line).to_vec(),
    })
}

fn paid(day: &str, party: &str, cents: i64, settles: Option<Settle>) -> Command {
    Command::RecordPayment(RecordPayment {
        number: None,
        series: None,
        party: party.into(),
        direction: if party == "C1" {
            PaymentDirection::In
        } else {
            PaymentDirection::Out
        },
        amount_minor: cents,
        currency: Currency::EUR,
        paid_at: Some(at(day)),
        settles,
    })
}

fn of(kind: DocumentKind, receipt: &Receipt) -> Option<Settle> {
    Some(Settle::Named(vec![SettleInput {
        kind: Some(kind),
        number: Arc::clone(&receipt.number),
        amount_minor: None,
    }]))
}

fn invoice_of(receipt: &Receipt) -> Option<Settle> {
    of(DocumentKind::SalesInvoice, receipt)
}

fn settled(day: &str, kind: DocumentKind, receipt: &Receipt, settles: Option<Settle>) -> Command {
    Command::SettleItems(SettleItems {
        kind,
        number: Arc::clone(&receipt.number),
        currency: Currency::EUR,
        settles: settles.unwrap_or(Settle::Oldest),
        settled_at: Some(at(day)),
    })
}

fn cancelled(kind: DocumentKind, receipt: &Receipt) -> Command {
    Command::Cancel(Cancel {
        kind,
        number: Arc::clone(&receipt.number),
        memo: String::new(),
        reversal: None,
    })
}

fn revalued(before: &str) -> Command {
    Command::RevalueCurrencies(RevalueCurrencies {
        before: at(before),
        adjusting: false,
    })
}

fn reversed(day: &str, number: &str) -> Command {
    Command::ReverseEntry(ReverseEntry {
        entry: number.into(),
        method: ReversalMethod::CounterEntry,
        memo: None,
        posted_at: Some(at(day)),
        adjusting: false,
    })
}

impl Company {
    /// What was lost by a day, less what was gained.
    async fn lost(&self, before: &str) -> i64 {
        self.in_base_before(Role::ExchangeDifferences, before).await
    }

    async fn in_base_before(&self, role: Role, before: &str) -> i64 {
        let span = Span {
            from: None,
            before: Some(at(before)),
        };
        let all = self
            .ledger
            .trial_balance(&self.ctx, span, Closings::Counted)
            .await
            .unwrap();
        let chart = self.ledger.chart(&self.ctx).await.unwrap();
        let found = all.iter().filter(|of| of.account == *chart.of(role));
        found.map(|of| of.base_balance_minor()).sum()
    }

    /// What of each item is open, in euros and in pounds.
    async fn open_euros(&self) -> Vec<(i64, i64)> {
        let items = self
            .ledger
            .open_items(&self.ctx, None, None, &Page::default())
            .await
            .unwrap();
        let open = items
            .iter()
            .map(|item| (item.open_minor, item.open_base_minor().unwrap()));
        open.collect()
    }
}

#[tokio::test]
async fn what_is_paid_at_another_rate_than_it_was_billed_at_is_gained_or_lost_with_the_payment() {
    let company = trading().await;
    let sold = company.sound(billed("2024-01-10", 10_000)).await.unwrap();
    company
        .sound(paid("2024-03-05", "C1", 10_000, invoice_of(&sold)))
        .await
        .unwrap();
    assert_eq!(company.of(Role::Receivables, Currency::EUR).await, (0, 0));
    assert_eq!(
        (company.lost("2024-03-05").await, company.lost("2024-03-06").await),
        (0, -1_000)
    );
    assert!(company.open_euros().await.is_empty());

    let owed = by_hand(
        "2024-01-20",
        [("bank-charges", None, 5_000), ("payables", Some("S1"), -5_000)],
    );
    let owed = company.sound(owed).await.unwrap();
    company
        .sound(paid("2024-03-07", "S1", 5_000, of(DocumentKind::JournalEntry, &owed)))
        .await
        .unwrap();
    assert_eq!(company.of(Role::Payables, Currency::EUR).await, (0, 0));
    assert_eq!(company.lost("2024-03-08").await, -1_000 + 500);
    // What is in the bank was worth what it is.
    assert_eq!(company.of(Role::Bank, Currency::EUR).await, (5_000, 4_500));
    let nothing = company.sound(revalued("2024-04-01")).await.unwrap_err();
    assert!(nothing.to_string().contains("nothing to revalue"), "{nothing}");
}

#[tokio::test]
async fn parts_are_the_whole_together() {
    let company = trading().await;
    let sold = company.sound(billed("2024-01-10", 10_000)).await.unwrap();
    for (cents, open) in [(3_333, (6_667, 5_334)), (3_333, (3_334, 2_667))] {
        company
            .sound(paid("2024-03-05", "C1", cents, invoice_of(&sold)))
            .await
            .unwrap();
        assert_eq!(company.open_euros().await, [open]);
        assert_eq!(company.of(Role::Receivables, Currency::EUR).await, open);
    }
    let last = company
        .sound(paid("2024-03-05", "C1", 3_334, invoice_of(&sold)))
        .await
        .unwrap();
    assert_eq!(company.of(Role::Receivables, Currency::EUR).await, (0, 0));
    // 30.00, 30.00 and 30.01 for 80.00.
    assert_eq!(company.lost("2024-03-06").await, -1_001);
    company.sound(cancelled(DocumentKind::Payment, &last)).await.unwrap();
    assert_eq!(company.open_euros().await, [(3_334, 2_667)]);
    assert_eq!(company.lost("2024-03-06").await, -(6_000 - 5_333));
}

#[tokio::test]
async fn a_prepayment_meets_its_invoice_when_that_is_there() {
    let company = trading().await;
    let early = company.sound(paid("2024-01-10", "C1", 10_000, None)).await.unwrap();
    let sold = company.sound(billed("2024-03-10", 10_000)).await.unwrap();
    let settle = settled("2024-02-01", DocumentKind::Payment, &early, invoice_of(&sold));
    company.sound(settle).await.unwrap();
    assert_eq!(company.of(Role::Receivables, Currency::EUR).await, (0, 0));
    assert_eq!(
        (company.lost("2024-03-10").await, company.lost("2024-03-11").await),
        (0, 1_000)
    );
    // As if the invoice had never been: the payment is open again, at what it was worth.
    company
        .sound(cancelled(DocumentKind::SalesInvoice, &sold))
        .await
        .unwrap();
    assert_eq!(company.open_euros().await, [(-10_000, -8_000)]);
    assert_eq!(
        (company.lost("2024-03-11").await, company.lost("2025-01-01").await),
        (0, 0)
    );
}

#[tokio::test]
async fn the_oldest_of_several_rates_go_first() {
    let company = trading().await;
    for (day, cents) in [("2024-01-10", 10_000), ("2024-03-10", 10_000), ("2024-04-10", 10_000)] {
        company.sound(billed(day, cents)).await.unwrap();
    }
    let payment = company
        .sound(paid("2024-04-20", "C1", 25_000, Some(Settle::Oldest)))
        .await
        .unwrap();
    // 15.00 and 5.00 are gained.
    assert_eq!(company.lost("2024-04-21").await, -2_000);
    assert_eq!(company.open_euros().await, [(5_000, 4_750)]);
    company.sound(cancelled(DocumentKind::Payment, &payment)).await.unwrap();
    assert_eq!(company.lost("2024-04-21").await, 0);
    assert_eq!(
        company.of(Role::Receivables, Currency::EUR).await,
        (30_000, 8_000 + 9_000 + 9_500)
    );
}

#[tokio::test]
async fn what_a_reversed_entry_settled_is_open_again_from_its_reversal_on() {
    let company = trading().await;
    let owed = by_hand(
        "2024-01-20",
        [("receivables", Some("C1"), 10_000), ("sales", None, -10_000)],
    );
    let owed = company.sound(owed).await.unwrap();
    let entry = of(DocumentKind::JournalEntry, &owed);
    company.sound(paid("2024-03-05", "C1", 10_000, entry)).await.unwrap();
    assert_eq!(company.lost("2024-03-06").await, -1_000);
    company.sound(reversed("2024-04-15", &owed.number)).await.unwrap();
    assert_eq!(company.open_euros().await, [(-10_000, -9_000)]);
    // March stays as it was.
    assert_eq!(
        (company.lost("2024-04-15").await, company.lost("2024-04-16").await),
        (-1_000, 0)
    );
    let of_march = company.in_base_before(Role::Receivables, "2024-04-15").await;
    assert_eq!(
        (of_march, company.in_base_before(Role::Receivables, "2024-04-16").await),
        (0, -9_000)
    );
}

#[tokio::test]
async fn a_revaluation_of_what_parties_owe_is_taken_back_on_the_next_day() {
    let company = trading().await;
    let sold = company.sound(billed("2024-01-10", 10_000)).await.unwrap();
    company
        .sound(by_hand("2024-01-11", [("bank", None, 2_000), ("equity", None, -2_000)]))
        .await
        .unwrap();
    let gained = company.sound(revalued("2024-04-01")).await.unwrap();
    assert_eq!(gained.amount_minor, 1_000 + 200);
    assert_eq!(company.in_base_before(Role::Receivables, "2024-04-01").await, 9_000);
    assert_eq!(company.lost("2024-04-01").await, -1_200);
    assert_eq!(company.in_base_before(Role::Receivables, "2024-04-02").await, 8_000);
    assert_eq!(company.lost("2024-04-02").await, -200);
    let again = company.sound(revalued("2024-04-01")).await.unwrap_err();
    assert!(again.to_string().contains("nothing to revalue"), "{again}");

    // April has what the rate brought since March: 5.00.
    company
        .sound(paid("2024-04-20", "C1", 10_000, invoice_of(&sold)))
        .await
        .unwrap();
    assert_eq!(company.lost("2024-05-01").await, -1_200 - 500);
    // 20.00 EUR in the bank are worth 1.00 more than at the end of March.
    let gained = company.sound(revalued("2024-05-01")).await.unwrap();
    assert_eq!(gained.amount_minor, 100);

    let entries = company
        .ledger
        .journal_entries(&company.ctx, &Page::default())
        .await
        .unwrap();
    let memos: Vec<(&str, &str)> = entries.iter().map(|entry| (&*entry.number, &*entry.memo)).collect();
    let number_of = |memo: &str| {
        let found = memos.iter().find(|(_, of)| of.starts_with(memo));
        found.map(|(number, _)| (*number).to_owned()).unwrap()
    };
    let refused = async |number: &str| {
        company
            .sound(reversed("2024-05-02", number))
            .await
            .unwrap_err()
            .to_string()
    };
    let taken_back = number_of("reversal of exchange revaluation");
    assert!(refused(&taken_back).await.contains("is a reversal itself"));
    let difference = refused(&number_of("exchange differences of payment")).await;
    assert!(difference.contains("undo that document instead"), "{difference}");
}

#[tokio::test]
async fn nothing_is_gained_in_a_period_that_is_closed() {
    let company = trading().await;
    let year = OpenFiscalYear {
        code: None,
        from: at("2024-01-01"),
        months: 12,
    };
    company.sound(Command::OpenFiscalYear(year)).await.unwrap();
    let first = company.sound(billed("2024-01-10", 10_000)).await.unwrap();
    let payment = company.sound(paid("2024-03-05", "C1", 10_000, None)).await.unwrap();
    let same_rate = company.sound(billed("2024-03-06", 4_000)).await.unwrap();
    for period in ["FY2024-01", "FY2024-02", "FY2024-03"] {
        let close = SetPeriodState {
            period: period.into(),
            state: PeriodState::HardClosed,
        };
        company.sound(Command::SetPeriodState(close)).await.unwrap();
    }
    let settle = |day, invoice| settled(day, DocumentKind::Payment, &payment, invoice_of(invoice));
    // What was open then stays, and so does what was gained.
    for invoice in [&first, &same_rate] {
        let closed: ErpError = company.sound(settle("2024-03-20", invoice)).await.unwrap_err();
        assert_eq!(closed.code(), ErrorCode::PeriodClosed, "{closed}");
    }
    company.sound(settle("2024-04-02", &first)).await.unwrap();
    assert_eq!(
        (company.lost("2024-04-02").await, company.lost("2024-04-03").await),
        (0, -1_000)
    );
}

#[tokio::test]
async fn a_note_at_another_rate_than_its_invoice_gains_as_a_payment_does() {
    let company = trading().await;
    let sold = company.sound(billed("2024-01-10", 10_000)).await.unwrap();
    let mut credited = line("POST", 1);
    credited.price = LinePrice::Net(4_000);
    let note = PostCreditNote {
        prices_include_tax: false,
        number: None,
        series: None,
        customer: Some("C1".into()),
        country: None,
        currency: Currency::EUR,
        location: None,
        invoice: Some(Arc::clone(&sold.number)),
        credited_at: Some(at("2024-03-05")),
        lines: vec![CreditLineInput {
            line: credited,
            reason: CreditReason::Discount,
        }],
    };
    let note = company.sound(Command::PostCreditNote(note)).await.unwrap();
    // 40.00 EUR were 32.00 and are 36.00.
    assert_eq!(company.open_euros().await, [(6_000, 4_800)]);
    assert_eq!(company.lost("2024-03-06").await, -400);
    company.sound(cancelled(DocumentKind::CreditNote, &note)).await.unwrap();
    assert_eq!(company.open_euros().await, [(10_000, 8_000)]);
    assert_eq!(company.lost("2024-03-06").await, 0);
    company.comes_of_its_commands().await;
}

#[tokio::test]
async fn what_was_brought_along_is_settled_at_what_it_was_brought_along_for() {
    let company = trading().await;
    let opening = OpenBalances {
        memo: String::new(),
        currency: Currency::GBP,
        opened_at: Some(at("2024-01-01")),
        lines: [5_000, 5_000]
            .map(|cents| JournalLineInput {
                account: "receivables".to_owned(),
                currency: Some(Currency::EUR),
                party: Some("C1".into()),
                credit_minor: cents,
                base_minor: Some(4_300),
                ..JournalLineInput::default()
            })
            .to_vec(),
        stock: Vec::new(),
    };
    let opening = company.sound(Command::OpenBalances(opening)).await.unwrap();
    company.sound(billed("2024-03-10", 8_000)).await.unwrap();
    let settle = settled("2024-03-11", DocumentKind::OpeningBalance, &opening, None);
    let receipt = company.sound(settle).await.unwrap();
    assert_eq!((receipt.amount_minor, receipt.currency), (8_000, Currency::EUR));
    // 80.00 EUR were billed for 72.00, and 43.00 + 25.80 were paid for them.
    assert_eq!(company.open_euros().await, [(-2_000, -1_720)]);
    assert_eq!(company.lost("2024-03-12").await, 320);
}

#[tokio::test]
async fn what_goes_back_to_a_supplier_is_what_it_was_when_it_came() {
    let company = trading().await;
    let bought = company
        .sound(receipt("2024-01-05", Currency::EUR, &[(4, 4_000)]))
        .await
        .unwrap();
    let back = ReturnGoods {
        receipt: bought.number,
        memo: String::new(),
        returned_at: Some(at("2024-03-05")),
        lines: vec![QuantityInput {
            unit: None,
            product: "MUG".into(),
            quantity_micro: PIECE,
        }],
    };
    company.sound(Command::ReturnGoods(back)).await.unwrap();
    assert_eq!(company.open_euros().await, [(-3_000, -2_400)]);
    assert_eq!(company.lost("2024-03-06").await, 0);
}

#[tokio::test]
async fn an_entry_that_its_group_settled_is_reversed_with_that() {
    let company = trading().await;
    let owed = by_hand(
        "2024-01-20",
        [("receivables", Some("C1"), 10_000), ("sales", None, -10_000)],
    );
    let owed = company.sound(owed).await.unwrap();
    let submit = |command, text: &str| {
        let known = cortex_erp::Known::ByClock;
        company.erp.submit(&company.ctx, command, key(text), known).unwrap()
    };
    let pending = [
        submit(
            paid("2024-03-05", "C1", 10_000, of(DocumentKind::JournalEntry, &owed)),
            "a",
        ),
        submit(reversed("2024-04-15", &owed.number), "b"),
        submit(paid("2024-04-16", "C1", 1_000, None), "c"),
    ];
    for pending in pending {
        pending.answer().await.unwrap();
    }
    let findings = company.ledger.verify(&company.ctx).await.unwrap();
    assert!(findings.is_empty(), "{findings:?}");
    assert_eq!(company.open_euros().await, [(-10_000, -9_000), (-1_000, -950)]);
    assert_eq!(company.lost("2024-04-30").await, 0);
    company.comes_of_its_commands().await;
}

#[tokio::test]
async fn a_revaluation_is_made_again_late_or_in_the_middle_of_a_day() {
    let company = trading().await;
    let sold = company.sound(billed("2024-01-10", 10_000)).await.unwrap();
    company.sound(revalued("2024-05-01")).await.unwrap();
    // Nothing of it stands any more: a day before it can be revalued as well.
    let march = company.sound(revalued("2024-04-01")).await.unwrap();
    assert_eq!(march.amount_minor, 1_000);
    company
        .sound(rate_of(Currency::EUR, "2024-03-31", "0.92"))
        .await
        .unwrap();
    let again = company.sound(revalued("2024-04-01")).await.unwrap();
    assert_eq!(again.amount_minor, 200);
    assert_eq!(
        (company.lost("2024-04-01").await, company.lost("2024-04-02").await),
        (-1_200, 0)
    );
    assert_eq!(
        (company.lost("2024-05-01").await, company.lost("2024-05-02").await),
        (-1_500, 0)
    );
    // What comes late into a month that was revalued is revalued behind it.
    company.sound(billed("2024-02-10", 5_000)).await.unwrap();
    let again = company.sound(revalued("2024-04-01")).await.unwrap();
    assert_eq!(again.amount_minor, 600);
    company
        .sound(paid("2024-03-20", "C1", 10_000, invoice_of(&sold)))
        .await
        .unwrap();
    assert_eq!(
        company.sound(revalued("2024-04-01")).await.unwrap().amount_minor,
        -1_200 + 200
    );
    // 10.00 were gained by the payment, 6.00 by what is open, 2.00 by what is in the bank.
    assert_eq!(company.lost("2024-04-01").await, -1_000 - 600 - 200);
    let noon = company.sound(revalued("2024-04-10T12:00:00Z")).await.unwrap();
    assert_eq!(noon.amount_minor, 750 + 300);
    assert_eq!(
        company.lost("2024-04-11").await - company.lost("2024-04-12").await,
        -750
    );
    company.comes_of_its_commands().await;
}

#[tokio::test]
async fn the_last_day_of_a_year_is_revalued_and_the_year_closed() {
    let company = trading().await;
    let year = |from| {
        Command::OpenFiscalYear(OpenFiscalYear {
            code: None,
            from: at(from),
            months: 12,
        })
    };
    company.sound(year("2024-01-01")).await.unwrap();
    let series = DefineNumberSeries {
        code: "BY-YEAR".into(),
        kind: DocumentKind::JournalEntry,
        prefix: "J{fiscal-year}-".into(),
        digits: 6,
        is_default: true,
        blocked: false,
    };
    company.sound(Command::DefineNumberSeries(series)).await.unwrap();
    let sold = company.sound(billed("2024-01-10", 10_000)).await.unwrap();
    let early = company.sound(revalued("2025-01-01")).await.unwrap_err();
    assert!(
        early.to_string().starts_with("as_of: ") && early.to_string().contains("2025-01-01"),
        "{early}"
    );
    company.sound(year("2025-01-01")).await.unwrap();
    company.sound(revalued("2025-01-01")).await.unwrap();
    let close = CloseFiscalYear { year: "FY2024".into() };
    company.sound(Command::CloseFiscalYear(close)).await.unwrap();
    assert_eq!(
        company.in_base_before(Role::RetainedEarnings, "2025-01-01").await,
        -8_000 - 1_500
    );
    company
        .sound(paid("2025-01-20", "C1", 10_000, invoice_of(&sold)))
        .await
        .unwrap();
    // All that the rate brought was in the year before.
    assert_eq!(company.lost("2025-02-01").await, 0);
}
