mod contacts;
mod credit_notes;
mod limits;
mod units;

use std::sync::Arc;

use cortex_types::{Currency, Timestamp, Unit};
use proptest::prelude::*;

use super::*;
use crate::{
    AdjustStock, AdjustmentLineInput, CreateParty, CreateProduct, CreditLineInput, CreditReason, InvoiceLineInput,
    JournalLineInput, LinePrice, PartyKind, PaymentDirection, PostCreditNote, PostInvoice, PostJournalEntry,
    ProductKind, ReceiptLineInput, ReceiveGoods, RecordPayment,
};

const PIECE: i64 = 1_000_000;

fn at() -> Timestamp {
    "2012-03-01T09:00:00Z".parse().unwrap()
}

fn post(books: &mut Books, command: &Command) -> Result<Postings, ErpError> {
    let mut postings = plan(command, books, at(), None)?;
    books.apply(&mut postings);
    Ok(postings)
}

/// A customer, a supplier, the walk-in party, two goods and a service.
fn books() -> Books {
    let mut books = Books::default();
    for (code, kind) in [
        ("C1", PartyKind::Customer),
        ("S1", PartyKind::Supplier),
        ("W", PartyKind::WalkIn),
    ] {
        let party = CreateParty {
            code: code.into(),
            kind,
            country: "France".into(),
            name_sealed: None,
            terms: None,
            created_at: None,
        };
        post(&mut books, &Command::CreateParty(party)).unwrap();
    }
    for (code, kind) in [
        ("MUG", ProductKind::Goods),
        ("KITE", ProductKind::Goods),
        ("POST", ProductKind::Service),
    ] {
        let product = CreateProduct {
            code: code.into(),
            description: code.to_owned(),
            kind,
            unit: Unit::each(),
            currency: Currency::GBP,
            list_price_minor: (code == "MUG").then_some(300),
            valuation: None,
            standard_cost: None,
            created_at: None,
        };
        post(&mut books, &Command::CreateProduct(product)).unwrap();
    }
    books
}

fn line(product: &str, pieces: i64, price: LinePrice) -> InvoiceLineInput {
    InvoiceLineInput {
        tax: None,
        product: product.into(),
        quantity_micro: pieces * PIECE,
        unit: None,
        price,
    }
}

fn invoice(customer: Option<&str>, lines: Vec<InvoiceLineInput>) -> PostInvoice {
    PostInvoice {
        order: None,
        prices_include_tax: false,
        due_at: None,
        number: None,
        series: None,
        customer: customer.map(Arc::from),
        country: None,
        currency: Currency::GBP,
        location: None,
        invoiced_at: None,
        decision_id: None,
        lines,
    }
}

fn receive(product: &str, pieces: i64, value_minor: i64) -> Command {
    Command::ReceiveGoods(ReceiveGoods {
        to_be_billed: false,
        order: None,
        prices_include_tax: false,
        due_at: None,
        number: None,
        series: None,
        supplier: "S1".into(),
        currency: Currency::GBP,
        location: None,
        received_at: None,
        lines: vec![ReceiptLineInput {
            unit: None,
            tax: None,
            product: product.into(),
            quantity_micro: pieces * PIECE,
            value_minor: Some(value_minor),
        }],
    })
}

/// Debits less credits of an account within one entry.
fn moved(postings: &Postings, role: crate::Role) -> i64 {
    let chart = crate::Chart::default();
    let lines = postings.entries.iter().flat_map(|entry| entry.lines());
    lines
        .filter(|line| line.account == *chart.of(role))
        .map(|line| line.debit_minor - line.credit_minor)
        .sum()
}

#[test]
fn a_sale_bills_the_customer_and_takes_its_cost_out_of_stock() {
    let mut books = books();
    post(&mut books, &receive("MUG", 10, 1000)).unwrap();
    let lines = vec![line("MUG", 4, LinePrice::List), line("POST", 1, LinePrice::Net(500))];
    let postings = post(&mut books, &Command::PostInvoice(invoice(Some("C1"), lines))).unwrap();
    assert_eq!(moved(&postings, crate::Role::Receivables), 1700);
    assert_eq!(moved(&postings, crate::Role::Sales), -1200);
    assert_eq!(moved(&postings, crate::Role::ServiceSales), -500);
    assert_eq!(moved(&postings, crate::Role::CostOfSales), 400);
    assert_eq!(moved(&postings, crate::Role::Inventory), -400);
    assert_eq!(postings.moves.len(), 1);
    assert_eq!(
        (postings.moves[0].quantity_micro, postings.moves[0].value_minor),
        (-4 * PIECE, -400)
    );
    assert_eq!(&*postings.number, "INV-000001");
}

#[test]
fn goods_that_were_never_received_are_sold_without_a_cost() {
    let mut books = books();
    let command = Command::PostInvoice(invoice(Some("C1"), vec![line("MUG", 4, LinePrice::List)]));
    let postings = post(&mut books, &command).unwrap();
    assert_eq!(moved(&postings, crate::Role::CostOfSales), 0);
    assert_eq!(postings.moves[0].value_minor, 0);
}

#[test]
fn a_cash_sale_is_paid_at_once_and_names_no_customer() {
    let mut books = books();
    let command = Command::PostInvoice(invoice(None, vec![line("MUG", 1, LinePrice::List)]));
    let postings = post(&mut books, &command).unwrap();
    assert_eq!(moved(&postings, crate::Role::Bank), 300);
    let crate::postings::Document::Invoice(invoice) = &postings.document else {
        panic!("no invoice")
    };
    assert_eq!(invoice.customer_code, None);
}

#[test]
fn a_return_brings_goods_and_their_cost_back_but_a_discount_does_not() {
    let mut books = books();
    post(&mut books, &receive("MUG", 10, 1000)).unwrap();
    let credit = |reason| {
        Command::PostCreditNote(PostCreditNote {
            prices_include_tax: false,
            number: None,
            series: None,
            customer: Some("C1".into()),
            country: None,
            currency: Currency::GBP,
            location: None,
            invoice: None,
            credited_at: None,
            lines: vec![CreditLineInput {
                line: line("MUG", 2, LinePrice::List),
                reason,
            }],
        })
    };
    let returned = post(&mut books, &credit(CreditReason::Return)).unwrap();
    assert_eq!(moved(&returned, crate::Role::Receivables), -600);
    assert_eq!(moved(&returned, crate::Role::SalesReturns), 600);
    assert_eq!(moved(&returned, crate::Role::Inventory), 200);
    let discount = post(&mut books, &credit(CreditReason::Discount)).unwrap();
    assert_eq!(moved(&discount, crate::Role::Discounts), 600);
    assert!(discount.moves.is_empty());
}

#[test]
fn a_receipt_after_the_sale_expenses_what_was_sold_before() {
    let mut books = books();
    let sale = Command::PostInvoice(invoice(None, vec![line("MUG", 4, LinePrice::List)]));
    post(&mut books, &sale).unwrap();
    let receipt = post(&mut books, &receive("MUG", 10, 1000)).unwrap();
    assert_eq!(moved(&receipt, crate::Role::Inventory), 600);
    assert_eq!(moved(&receipt, crate::Role::CostOfSales), 400);
    assert_eq!(moved(&receipt, crate::Role::Payables), -1000);
    assert_eq!(receipt.moves.iter().map(|moved| moved.value_minor).sum::<i64>(), 600);
}

#[test]
fn what_is_wrong_is_named() {
    let books = books();
    let refused = |command: &Command| plan(command, &books, at(), None).unwrap_err().to_string();
    let sale = |lines| Command::PostInvoice(invoice(Some("C1"), lines));
    let mut unknown_customer = invoice(Some("C9"), vec![line("MUG", 1, LinePrice::List)]);
    assert!(refused(&Command::PostInvoice(unknown_customer.clone())).contains("party has the code 'C9'"));
    unknown_customer.customer = Some("S1".into());
    assert!(refused(&Command::PostInvoice(unknown_customer)).contains("'S1' is a supplier"));
    assert!(refused(&sale(vec![])).starts_with("lines:"));
    assert!(refused(&sale(vec![line("CUP", 1, LinePrice::List)])).contains("product has the code 'CUP'"));
    assert!(
        refused(&sale(vec![line("KITE", 1, LinePrice::List)]))
            .contains("lines[0].unit_price: 'KITE' has no list price")
    );
    assert!(refused(&sale(vec![line("MUG", 0, LinePrice::List)])).contains("lines[0].quantity"));
    let mut euros = invoice(Some("C1"), vec![line("MUG", 1, LinePrice::List)]);
    euros.currency = Currency::EUR;
    let message = refused(&Command::PostInvoice(euros));
    assert_eq!(message, "product 'MUG' is kept in GBP, but the document is in EUR");
    let mut number = invoice(Some("C1"), vec![line("MUG", 1, LinePrice::List)]);
    number.number = Some("INV-000009".into());
    assert!(refused(&Command::PostInvoice(number)).contains("our own series"));
}

#[test]
fn a_manual_entry_must_balance_and_keeps_off_inventory() {
    let books = books();
    let entry = |lines: &[(&str, i64, i64)]| {
        let lines = lines.iter().map(|(account, debit, credit)| JournalLineInput {
            account: (*account).to_owned(),
            debit_minor: *debit,
            credit_minor: *credit,
            ..JournalLineInput::default()
        });
        let command = PostJournalEntry {
            memo: "m".into(),
            currency: Currency::GBP,
            posted_at: None,
            adjusting: false,
            lines: lines.collect(),
        };
        plan(&Command::PostJournalEntry(command), &books, at(), None)
    };
    assert!(matches!(
        entry(&[("1000", 100, 0), ("3000", 0, 90)]),
        Err(ErpError::Unbalanced { .. })
    ));
    assert!(matches!(
        entry(&[("1000", 100, 0), ("9999", 0, 100)]),
        Err(ErpError::UnknownAccount(_))
    ));
    assert!(matches!(
        entry(&[("1200", 100, 0), ("3000", 0, 100)]),
        Err(ErpError::Invalid { .. })
    ));
    assert!(matches!(
        entry(&[("1000", 100, 100), ("3000", 0, 100)]),
        Err(ErpError::Invalid { .. })
    ));
    assert_eq!(entry(&[("1000", 100, 0), ("3000", 0, 100)]).unwrap().amount_minor, 100);
}

fn any_command() -> impl Strategy<Value = Command> {
    let goods = prop_oneof![Just("MUG"), Just("KITE")];
    let product = prop_oneof![Just("MUG"), Just("KITE"), Just("POST")];
    let lines = proptest::collection::vec((product, 1_i64..50, 0_i64..100_000), 1..5);
    let reason = prop_oneof![
        Just(CreditReason::Return),
        Just(CreditReason::Discount),
        Just(CreditReason::Other)
    ];
    prop_oneof![
        (any::<bool>(), lines.clone()).prop_map(|(cash, lines)| {
            let lines = lines
                .iter()
                .map(|(product, pieces, net)| line(product, *pieces, LinePrice::Net(*net)));
            Command::PostInvoice(invoice((!cash).then_some("C1"), lines.collect()))
        }),
        (lines, reason).prop_map(|(lines, reason)| {
            let lines = lines.iter().map(|(product, pieces, net)| CreditLineInput {
                line: line(product, *pieces, LinePrice::Net(*net)),
                reason,
            });
            Command::PostCreditNote(PostCreditNote {
                prices_include_tax: false,
                number: None,
                series: None,
                customer: Some("C1".into()),
                country: None,
                currency: Currency::GBP,
                location: None,
                invoice: None,
                credited_at: None,
                lines: lines.collect(),
            })
        }),
        (goods.clone(), 1_i64..80, 0_i64..100_000).prop_map(|(product, pieces, value)| receive(product, pieces, value)),
        (goods, -60_i64..60).prop_map(|(product, pieces)| {
            let lines = vec![AdjustmentLineInput {
                unit: None,
                product: product.into(),
                quantity_micro: pieces * PIECE,
                value_minor: None,
            }];
            Command::AdjustStock(AdjustStock {
                memo: String::new(),
                location: None,
                moved_at: None,
                lines,
            })
        }),
        (1_i64..1_000_000, any::<bool>()).prop_map(|(amount_minor, out)| {
            let direction = if out {
                PaymentDirection::Out
            } else {
                PaymentDirection::In
            };
            let party = if out { "S1" } else { "C1" }.into();
            Command::RecordPayment(RecordPayment {
                settles: None,
                number: None,
                series: None,
                party,
                direction,
                amount_minor,
                currency: Currency::GBP,
                paid_at: None,
            })
        }),
    ]
}

proptest! {
    /// Whatever is done, in whatever order: every entry balances, the inventory account is the value of stock, and
    /// stock is the sum of its moves.
    #[test]
    fn the_books_stay_sound_over_any_commands(commands in proptest::collection::vec(any_command(), 1..40)) {
        let mut books = books();
        let (mut inventory, mut all) = (0, 0);
        let mut moved_value = 0;
        let mut moved_quantity = 0;
        for command in &commands {
            let Ok(postings) = post(&mut books, command) else { continue };
            inventory += moved(&postings, crate::Role::Inventory);
            for line in postings.entries.iter().flat_map(|entry| entry.lines()) {
                all += line.debit_minor - line.credit_minor;
            }
            moved_value += postings.moves.iter().map(|moved| moved.value_minor).sum::<i64>();
            moved_quantity += postings.moves.iter().map(|moved| moved.quantity_micro).sum::<i64>();
        }
        prop_assert_eq!(all, 0);
        prop_assert_eq!(inventory, moved_value);
        let holdings = || books.stock.values().flat_map(|timeline| timeline.now.values());
        prop_assert_eq!(moved_value, holdings().map(|holding| holding.value_minor).sum::<i64>());
        prop_assert_eq!(moved_quantity, holdings().map(|holding| holding.quantity_micro).sum::<i64>());
    }
}
