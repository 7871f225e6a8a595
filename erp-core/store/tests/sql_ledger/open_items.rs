//! What parties owe: settled by payments and notes, in part and in full, taken back, limited, and told by age.

use std::collections::BTreeSet;
use std::sync::Arc;

use cortex_erp::{
    Cancel, Command, CreateParty, CreditLineInput, CreditReason, DocumentKind, ErpError, ItemSide, JournalLineInput,
    LinePrice, OpenBalances, Page, PartyKind, PartyTerms, PaymentDirection, PostCreditNote, PostInvoice,
    PostJournalEntry, Receipt, RecordPayment, Records, ReversalMethod, ReverseEntry, SetPartyTerms, Settle,
    SettleInput, SettleItems,
};
use cortex_types::{Coded, Currency, ErrorCode, Timestamp};

use crate::company::{Company, invoice, key, line, receive};

fn at(day: &str) -> Timestamp {
    day.parse().unwrap()
}

fn billed(day: &str, pounds: i64) -> Command {
    let mut posted = line("POST", 1);
    posted.price = LinePrice::Net(pounds * 100);
    Command::PostInvoice(PostInvoice {
        invoiced_at: Some(at(day)),
        ..invoice(Some("C1"), vec![posted])
    })
}

fn named(number: &Arc<str>, pounds: Option<i64>) -> SettleInput {
    SettleInput {
        kind: None,
        number: Arc::clone(number),
        amount_minor: pounds.map(|pounds| pounds * 100),
    }
}

fn paid(day: &str, pounds: i64, settles: Option<Settle>) -> Command {
    Command::RecordPayment(RecordPayment {
        number: None,
        series: None,
        party: "C1".into(),
        direction: PaymentDirection::In,
        amount_minor: pounds * 100,
        currency: Currency::GBP,
        paid_at: Some(at(day)),
        settles,
    })
}

fn cancel(kind: DocumentKind, number: &Arc<str>) -> Command {
    Command::Cancel(Cancel {
        kind,
        number: Arc::clone(number),
        memo: String::new(),
        reversal: None,
    })
}

impl Company {
    /// Number and open pounds of what a party has open.
    async fn open(&self, party: &str) -> Vec<(String, i64)> {
        let page = Page::default();
        let items = self.ledger.open_items(&self.ctx, None, Some(party), &page);
        let items = items.await.unwrap();
        items
            .iter()
            .map(|item| (item.number.to_string(), item.open_minor / 100))
            .collect()
    }

    /// In pounds: not due, up to 30 days overdue, up to 60, longer.
    async fn ageing(&self, before: &str) -> Vec<Vec<i64>> {
        let ageing = self
            .ledger
            .ageing(&self.ctx, ItemSide::Receivable, at(before), &[30, 60]);
        let pounds = |minors: &Vec<i64>| minors.iter().map(|minor| minor / 100).collect();
        ageing.await.unwrap().iter().map(|of| pounds(&of.open_minor)).collect()
    }
}

fn open(items: &[(&Receipt, i64)]) -> Vec<(String, i64)> {
    items
        .iter()
        .map(|(receipt, pounds)| (receipt.number.to_string(), *pounds))
        .collect()
}

#[tokio::test]
async fn a_payment_settles_several_invoices_and_what_is_over_stays_open() {
    let company = Company::trading().await;
    let first = company.sound(billed("2024-01-01", 100)).await.unwrap();
    let second = company.sound(billed("2024-01-10", 50)).await.unwrap();
    let settles = Settle::Named(vec![named(&first.number, None), named(&second.number, Some(20))]);
    let payment = company.sound(paid("2024-02-01", 150, Some(settles))).await.unwrap();
    assert_eq!(company.open("C1").await, open(&[(&second, 30), (&payment, -30)]));
    let rest = SettleItems {
        kind: DocumentKind::Payment,
        number: Arc::clone(&payment.number),
        currency: Currency::GBP,
        settles: Settle::Named(vec![named(&second.number, Some(10))]),
        settled_at: Some(at("2024-02-05")),
    };
    let settled = company.sound(Command::SettleItems(rest)).await.unwrap();
    assert_eq!((settled.kind, settled.amount_minor), (DocumentKind::Settlement, 1000));
    assert_eq!(company.open("C1").await, open(&[(&second, 20), (&payment, -20)]));

    // As of any day, with what was settled by then.
    assert_eq!(company.ageing("2024-01-05").await, [[0, 100, 0, 0]]);
    assert_eq!(company.ageing("2024-02-01").await, [[0, 150, 0, 0]]);
    // 30 owed, and 30 of the payment of that day over.
    assert_eq!(company.ageing("2024-02-02").await, [[-30, 30, 0, 0]]);
    assert_eq!(company.ageing("2024-03-01").await, [[0, -20, 20, 0]]);

    // A payment that never came: what it settled is open again.
    company
        .sound(cancel(DocumentKind::Payment, &payment.number))
        .await
        .unwrap();
    assert_eq!(company.open("C1").await, open(&[(&first, 100), (&second, 50)]));
    assert_eq!(company.ageing("2024-02-15").await, [[0, 0, 150, 0]]);
    assert_eq!(company.ageing("2024-01-05").await, [[0, 100, 0, 0]]);
    company
        .sound(paid("2024-03-01", 120, Some(Settle::Oldest)))
        .await
        .unwrap();
    assert_eq!(company.open("C1").await, open(&[(&second, 30)]));
}

#[tokio::test]
async fn a_note_settles_its_invoice_and_a_cancelled_one_opens_it_again() {
    let company = Company::trading().await;
    let billed = company.sound(billed("2024-01-01", 100)).await.unwrap();
    let note = |pounds: i64, day: &str| {
        let mut credited = line("POST", 1);
        credited.price = LinePrice::Net(pounds * 100);
        Command::PostCreditNote(PostCreditNote {
            prices_include_tax: false,
            number: None,
            series: None,
            customer: Some("C1".into()),
            country: None,
            currency: Currency::GBP,
            location: None,
            invoice: Some(Arc::clone(&billed.number)),
            credited_at: Some(at(day)),
            lines: vec![CreditLineInput {
                line: credited,
                reason: CreditReason::Other,
            }],
        })
    };
    let first = company.sound(note(40, "2024-01-20")).await.unwrap();
    assert_eq!(company.open("C1").await, open(&[(&billed, 60)]));
    let payment = company
        .sound(paid("2024-02-01", 60, Some(Settle::Oldest)))
        .await
        .unwrap();
    assert_eq!(company.open("C1").await, []);
    company
        .sound(cancel(DocumentKind::CreditNote, &first.number))
        .await
        .unwrap();
    assert_eq!(company.open("C1").await, open(&[(&billed, 40)]));
    // A cancelled invoice leaves the payment.
    company
        .sound(cancel(DocumentKind::SalesInvoice, &billed.number))
        .await
        .unwrap();
    assert_eq!(company.open("C1").await, open(&[(&payment, -60)]));
}

#[tokio::test]
async fn what_would_settle_more_than_there_is_is_refused_with_its_field() {
    let company = Company::trading().await;
    let billed = company.sound(billed("2024-01-01", 100)).await.unwrap();
    let goods = company.sound(receive(1, 500)).await.unwrap();
    let try_to = |input: SettleInput| paid("2024-02-01", 80, Some(Settle::Named(vec![input])));
    for (input, field) in [
        (named(&billed.number, Some(101)), "settles[0].amount"),
        (named(&billed.number, Some(90)), "settles[0].amount"),
        (named(&billed.number, Some(0)), "settles[0].amount"),
        (named(&"INV-999999".into(), None), "settles[0].number"),
        (
            SettleInput {
                kind: Some(DocumentKind::PurchaseReceipt),
                ..named(&goods.number, None)
            },
            "settles[0].number",
        ),
    ] {
        let refused = company.sound(try_to(input)).await.unwrap_err();
        assert!(
            matches!(&refused, ErpError::Invalid { field: named, .. } if named == field),
            "{refused}"
        );
    }
    let twice = vec![named(&billed.number, None), named(&billed.number, None)];
    let twice = company
        .sound(paid("2024-02-01", 200, Some(Settle::Named(twice))))
        .await
        .unwrap_err();
    assert!(twice.to_string().starts_with("settles[1].amount"), "{twice}");
    assert_eq!(company.open("C1").await, open(&[(&billed, 100)]));
}

#[tokio::test]
async fn terms_say_when_it_is_due_and_how_much_may_be_owed() {
    let company = Company::trading().await;
    let terms = |payment_days, pounds: Option<i64>| {
        Command::SetPartyTerms(SetPartyTerms {
            party: "C1".into(),
            payment_days,
            credit_limit: pounds.map(|pounds| (pounds * 100, Currency::GBP)),
        })
    };
    company.sound(terms(Some(30), Some(150))).await.unwrap();
    let first = company.sound(billed("2024-01-01", 100)).await.unwrap();
    let invoice = company
        .ledger
        .invoice(&company.ctx, &first.number)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(invoice.due_at, Some(at("2024-01-31")));
    assert_eq!(company.ageing("2024-01-15").await, [[100, 0, 0, 0]]);
    assert_eq!(company.ageing("2024-03-15").await, [[0, 0, 100, 0]]);
    let much = company.sound(billed("2024-01-02", 51)).await.unwrap_err();
    assert_eq!(much.code(), ErrorCode::CreditLimitExceeded);
    assert!(much.to_string().contains("owes 100.00 GBP of the 150.00 GBP"), "{much}");
    // Two at once: the second sees the first.
    let tight = |text: &str| {
        let command = terms(Some(30), Some(130));
        company
            .erp
            .submit(&company.ctx, command, key(text), cortex_erp::Known::ByClock)
            .unwrap()
    };
    let tightened = tight("t");
    let submit = |command, text: &str| {
        company
            .erp
            .submit(&company.ctx, command, key(text), cortex_erp::Known::ByClock)
            .unwrap()
    };
    let (one, other) = (
        submit(billed("2024-01-02", 30), "a"),
        submit(billed("2024-01-02", 30), "b"),
    );
    tightened.answer().await.unwrap();
    let answers = [one.answer().await.is_ok(), other.answer().await.is_ok()];
    assert_eq!(answers, [true, false]);
    company.sound(paid("2024-01-03", 100, None)).await.unwrap();
    company.sound(billed("2024-01-04", 100)).await.unwrap();
    company.sound(terms(None, None)).await.unwrap();
    let party = company.ledger.party(&company.ctx, "C1").await.unwrap().unwrap();
    assert_eq!((party.terms.payment_days, party.terms.credit_limit), (None, None));
    assert!(party.name_sealed.is_some(), "what is not said stays");
}

#[tokio::test]
async fn a_manual_entry_on_receivables_is_an_item_of_whom_it_names() {
    let company = Company::trading().await;
    let billed = company.sound(billed("2024-01-01", 100)).await.unwrap();
    let lost = |party: Option<&str>| {
        let side = |account: &str, debit_minor, credit_minor, party: Option<&str>| JournalLineInput {
            account: account.to_owned(),
            debit_minor,
            credit_minor,
            party: party.map(Arc::from),
            ..JournalLineInput::default()
        };
        Command::PostJournalEntry(PostJournalEntry {
            memo: "never paid".into(),
            currency: Currency::GBP,
            posted_at: Some(at("2024-02-01")),
            adjusting: false,
            lines: vec![side("bad-debt", 4_000, 0, None), side("receivables", 0, 4_000, party)],
        })
    };
    let written_off = company.sound(lost(Some("C1"))).await.unwrap();
    assert_eq!(company.open("C1").await, open(&[(&billed, 100), (&written_off, -40)]));
    assert_eq!(company.ageing("2024-02-02").await, [[-40, 0, 100, 0]]);
    let settles = Settle::Named(vec![SettleInput {
        kind: Some(DocumentKind::JournalEntry),
        ..named(&written_off.number, None)
    }]);
    let wrong = company.sound(paid("2024-02-02", 40, Some(settles))).await.unwrap_err();
    assert!(wrong.to_string().contains("same side"), "{wrong}");
    let reverse = ReverseEntry {
        entry: Arc::clone(&written_off.number),
        method: ReversalMethod::CounterEntry,
        memo: None,
        posted_at: Some(at("2024-02-03")),
        adjusting: false,
    };
    // What it had settled is open again, and the two settle each other.
    let settled = SettleItems {
        kind: DocumentKind::JournalEntry,
        number: Arc::clone(&written_off.number),
        currency: Currency::GBP,
        settles: Settle::Oldest,
        settled_at: Some(at("2024-02-02")),
    };
    company.sound(Command::SettleItems(settled)).await.unwrap();
    assert_eq!(company.open("C1").await, open(&[(&billed, 60)]));
    company.sound(Command::ReverseEntry(reverse)).await.unwrap();
    assert_eq!(company.open("C1").await, open(&[(&billed, 100)]));
    // Nobody's: it is told apart.
    company.sound(lost(None)).await.unwrap();
    assert_eq!(company.ageing("2024-03-01").await, [[0, -40, 0, 0], [0, 0, 100, 0]]);
    let unknown = company.sound(lost(Some("C9"))).await.unwrap_err();
    assert_eq!(unknown.code(), ErrorCode::UnknownParty);
}

#[tokio::test]
async fn a_supplier_is_paid_for_what_it_delivered() {
    let company = Company::trading().await;
    let goods = company.sound(receive(10, 5_000)).await.unwrap();
    let payment = Command::RecordPayment(RecordPayment {
        number: None,
        series: None,
        party: "S1".into(),
        direction: PaymentDirection::Out,
        amount_minor: 3_000,
        currency: Currency::GBP,
        paid_at: None,
        settles: Some(Settle::Named(vec![named(&goods.number, None)])),
    });
    company.sound(payment).await.unwrap();
    assert_eq!(company.open("S1").await, open(&[(&goods, -20)]));
    let items = company
        .ledger
        .open_items(&company.ctx, Some(ItemSide::Payable), None, &Page::default())
        .await
        .unwrap();
    assert_eq!((items.len(), items[0].amount_minor), (1, -5_000));
    company
        .sound(cancel(DocumentKind::PurchaseReceipt, &goods.number))
        .await
        .unwrap();
    assert_eq!(
        company
            .open("S1")
            .await
            .iter()
            .map(|(_, pounds)| *pounds)
            .collect::<Vec<_>>(),
        [30]
    );
}

#[tokio::test]
async fn what_settles_in_one_group_sees_what_was_settled_before_it() {
    let company = Company::trading().await;
    let first = company.sound(billed("2024-01-01", 100)).await.unwrap();
    let second = company.sound(billed("2024-01-02", 100)).await.unwrap();
    let payment = company.sound(paid("2024-01-03", 100, None)).await.unwrap();
    let settle = |number: &Arc<str>, pounds| {
        Command::SettleItems(SettleItems {
            kind: DocumentKind::Payment,
            number: Arc::clone(&payment.number),
            currency: Currency::GBP,
            settles: Settle::Named(vec![named(number, Some(pounds))]),
            settled_at: Some(at("2023-12-01")),
        })
    };
    let submit = |command, text: &str| {
        let known = cortex_erp::Known::ByClock;
        company.erp.submit(&company.ctx, command, key(text), known).unwrap()
    };
    let pending = [
        submit(settle(&first.number, 60), "a"),
        submit(settle(&second.number, 60), "b"),
        submit(settle(&second.number, 40), "c"),
        submit(cancel(DocumentKind::SalesInvoice, &first.number), "d"),
    ];
    let mut answers = Vec::new();
    for pending in pending {
        answers.push(pending.answer().await.is_ok());
    }
    assert_eq!(answers, [true, false, true, true]);
    assert_eq!(company.open("C1").await, open(&[(&second, 60), (&payment, -60)]));
    assert!(company.ledger.verify(&company.ctx).await.unwrap().is_empty());
    company.comes_of_its_commands().await;
    // Nothing is settled before both are there, whatever day was said.
    assert_eq!(company.ageing("2024-01-03").await, [[100, 0, 0, 0]]);
    let euros = SettleItems {
        kind: DocumentKind::Payment,
        number: Arc::clone(&payment.number),
        currency: Currency::EUR,
        settles: Settle::Named(vec![named(&second.number, Some(1))]),
        settled_at: None,
    };
    assert!(matches!(
        company.execute(Command::SettleItems(euros)).await,
        Err(ErpError::WrongCurrency { .. })
    ));
}

#[tokio::test]
async fn what_was_written_off_or_went_back_settles_what_it_is_of() {
    let company = Company::trading().await;
    let settle = |of: &Receipt, settles: Settle| {
        Command::SettleItems(SettleItems {
            kind: of.kind,
            number: Arc::clone(&of.number),
            currency: Currency::GBP,
            settles,
            settled_at: Some(at("2024-03-01")),
        })
    };
    // A debt that is bad, of one customer; and an advance of another, entered with it.
    let other = CreateParty {
        code: "C2".into(),
        kind: PartyKind::Customer,
        country: "France".into(),
        name_sealed: None,
        terms: None,
        created_at: None,
    };
    company.execute(Command::CreateParty(other)).await.unwrap();
    let owed = company.sound(billed("2024-01-01", 100)).await.unwrap();
    let side = |account: &str, debit_minor, credit_minor, party: Option<&str>| JournalLineInput {
        account: account.to_owned(),
        debit_minor,
        credit_minor,
        party: party.map(Arc::from),
        ..JournalLineInput::default()
    };
    let entry = PostJournalEntry {
        memo: "never paid".into(),
        currency: Currency::GBP,
        posted_at: Some(at("2024-02-01")),
        adjusting: false,
        lines: vec![
            side("bad-debt", 9_000, 0, None),
            side("receivables", 0, 1_000, Some("C2")),
            side("receivables", 0, 8_000, Some("C1")),
        ],
    };
    let entry = company.sound(Command::PostJournalEntry(entry)).await.unwrap();
    let named_invoice = Settle::Named(vec![named(&owed.number, None)]);
    let settled = company.sound(settle(&entry, named_invoice)).await.unwrap();
    assert_eq!(settled.amount_minor, 8_000);
    assert_eq!(company.open("C1").await, open(&[(&owed, 20)]));
    assert_eq!(company.open("C2").await, open(&[(&entry, -10)]));
    let next = PostInvoice {
        customer: Some("C2".into()),
        ..match billed("2024-02-02", 30) {
            Command::PostInvoice(invoice) => invoice,
            _ => unreachable!(),
        }
    };
    let next = company.sound(Command::PostInvoice(next)).await.unwrap();
    let settled = company.sound(settle(&entry, Settle::Oldest)).await.unwrap();
    assert_eq!(settled.amount_minor, 1_000);
    assert_eq!(company.open("C2").await, open(&[(&next, 20)]));

    // Goods go back when they are paid: the credit is for the next ones.
    let first = company.sound(receive(10, 5_000)).await.unwrap();
    let payment = Command::RecordPayment(RecordPayment {
        number: None,
        series: None,
        party: "S1".into(),
        direction: PaymentDirection::Out,
        amount_minor: 5_000,
        currency: Currency::GBP,
        paid_at: None,
        settles: Some(Settle::Named(vec![named(&first.number, None)])),
    });
    company.sound(payment).await.unwrap();
    let back = Command::ReturnGoods(cortex_erp::ReturnGoods {
        receipt: Arc::clone(&first.number),
        memo: String::new(),
        returned_at: None,
        lines: vec![cortex_erp::QuantityInput {
            product: "MUG".into(),
            quantity_micro: 2_000_000,
            unit: None,
        }],
    });
    let back = company.sound(back).await.unwrap();
    let second = company.sound(receive(10, 5_000)).await.unwrap();
    assert_eq!(company.open("S1").await, open(&[(&back, 10), (&second, -50)]));
    let of_second = Settle::Named(vec![named(&second.number, None)]);
    company.sound(settle(&back, of_second)).await.unwrap();
    assert_eq!(company.open("S1").await, open(&[(&second, -40)]));
    company.comes_of_its_commands().await;
}

#[tokio::test]
async fn what_parties_brought_along_is_settled_by_each_of_them_and_item_by_item() {
    let company = Company::trading().await;
    let other = CreateParty {
        code: "C2".into(),
        kind: PartyKind::Customer,
        country: "France".into(),
        name_sealed: None,
        terms: None,
        created_at: None,
    };
    company.execute(Command::CreateParty(other)).await.unwrap();
    let owes = |party: &str, pounds: i64| JournalLineInput {
        account: "receivables".to_owned(),
        debit_minor: pounds * 100,
        credit_minor: 0,
        party: Some(party.into()),
        ..JournalLineInput::default()
    };
    let overdue = JournalLineInput {
        due_at: Some(at("2023-11-30")),
        ..owes("C1", 30)
    };
    let opening = OpenBalances {
        memo: String::new(),
        currency: Currency::GBP,
        opened_at: Some(at("2024-01-01")),
        lines: vec![owes("C2", 40), owes("C1", 100), overdue, owes("C2", 7)],
        stock: Vec::new(),
    };
    let opening = company.sound(Command::OpenBalances(opening)).await.unwrap();
    let (side, page) = (Some(ItemSide::Receivable), Page::default());
    let items = company.ledger.open_items(&company.ctx, side, None, &page);
    let items = items.await.unwrap();
    let due: BTreeSet<_> = items.iter().map(|item| (item.amount_minor, item.due_at)).collect();
    let (new_year, before) = (at("2024-01-01"), at("2023-11-30"));
    assert_eq!(
        Vec::from_iter(due),
        [(700, new_year), (3_000, before), (4_000, new_year), (10_000, new_year)]
    );
    let of_opening = |pounds| SettleInput {
        kind: Some(DocumentKind::OpeningBalance),
        ..named(&opening.number, pounds)
    };
    // All of the first item of the party, and part of its second.
    let settles = Settle::Named(vec![of_opening(None), of_opening(Some(20))]);
    company.sound(paid("2024-02-01", 120, Some(settles))).await.unwrap();
    assert_eq!(company.open("C1").await, open(&[(&opening, 10)]));
    assert_eq!(company.open("C2").await, open(&[(&opening, 40), (&opening, 7)]));
    let settles = Settle::Named(vec![of_opening(None)]);
    let Command::RecordPayment(payment) = paid("2024-02-02", 45, Some(settles)) else {
        unreachable!()
    };
    let payment = Command::RecordPayment(RecordPayment {
        party: "C2".into(),
        ..payment
    });
    let payment = company.sound(payment).await.unwrap();
    assert_eq!(company.open("C2").await, open(&[(&opening, 7), (&payment, -5)]));
}

#[tokio::test]
async fn a_limit_that_comes_in_the_same_group_counts_what_is_owed_already() {
    let company = Company::trading().await;
    company.sound(billed("2024-01-01", 40)).await.unwrap();
    let limited = CreateParty {
        code: "C1".into(),
        kind: PartyKind::Customer,
        country: "France".into(),
        name_sealed: None,
        terms: Some(PartyTerms {
            payment_days: None,
            credit_limit: Some((5_000, Currency::GBP)),
        }),
        created_at: None,
    };
    let submit = |command, text: &str| {
        let known = cortex_erp::Known::ByClock;
        company.erp.submit(&company.ctx, command, key(text), known).unwrap()
    };
    let pending = [
        submit(Command::DefineParty(limited), "a"),
        submit(billed("2024-01-02", 20), "b"),
        submit(billed("2024-01-02", 10), "c"),
    ];
    let mut answers = Vec::new();
    for pending in pending {
        answers.push(pending.answer().await.is_ok());
    }
    assert_eq!(answers, [true, false, true]);
    company.comes_of_its_commands().await;
}
