//! Orders of customers: set aside, delivered, invoiced, given back, and taken back again.

use std::sync::Arc;

use cortex_erp::{
    Cancel, ChangeOrder, Closings, Command, CreditLineInput, CreditReason, DefineLocation, DeliverGoods, DocumentKind,
    ErpError, LinePrice, NegativeStock, Order, OrderChange, OrderSide, OrderState, Page, PlaceOrder, PostCreditNote,
    PostInvoice, QuantityInput, Receipt, Records, Reversal, SetReorderRule, Span, TransferStock,
};
use cortex_types::{Coded, Currency, ErrorCode};

use crate::company::{Company, PIECE, invoice, line, receive};

fn ordered(lines: &[(&str, i64, i64)]) -> PlaceOrder {
    let line = |(product, pieces, pence): &(&str, i64, i64)| {
        let mut line = line(product, *pieces);
        line.price = LinePrice::Net(*pence);
        line
    };
    PlaceOrder {
        side: OrderSide::Sales,
        number: None,
        series: None,
        party: "C1".into(),
        currency: Currency::GBP,
        location: None,
        ordered_at: None,
        due_at: None,
        prices_include_tax: false,
        memo: String::new(),
        reserve: false,
        lines: lines.iter().map(line).collect(),
    }
}

fn pieces(lines: &[(&str, i64)]) -> Vec<QuantityInput> {
    let line = |(product, pieces): &(&str, i64)| QuantityInput {
        unit: None,
        product: (*product).into(),
        quantity_micro: pieces * PIECE,
    };
    lines.iter().map(line).collect()
}

fn delivered(order: &Receipt, lines: &[(&str, i64)]) -> Command {
    Command::DeliverGoods(DeliverGoods {
        number: None,
        series: None,
        order: Arc::clone(&order.number),
        location: None,
        memo: String::new(),
        delivered_at: None,
        lines: pieces(lines),
    })
}

fn invoiced(order: &Receipt, lines: &[(&str, i64)]) -> Command {
    let lines = lines.iter().map(|(product, pieces)| line(product, *pieces));
    Command::PostInvoice(PostInvoice {
        order: Some(Arc::clone(&order.number)),
        ..invoice(None, lines.collect())
    })
}

fn cancelled(receipt: &Receipt) -> Command {
    Command::Cancel(Cancel {
        kind: receipt.kind,
        number: Arc::clone(&receipt.number),
        memo: String::new(),
        reversal: None,
    })
}

fn reversed(receipt: &Receipt) -> Command {
    Command::Cancel(Cancel {
        kind: receipt.kind,
        number: Arc::clone(&receipt.number),
        memo: String::new(),
        reversal: Some(Reversal::default()),
    })
}

fn changed(order: &Receipt, change: OrderChange) -> Command {
    Command::ChangeOrder(ChangeOrder {
        side: OrderSide::Sales,
        number: Arc::clone(&order.number),
        change,
    })
}

fn returned(invoice: &Receipt, pieces: i64) -> Command {
    Command::PostCreditNote(PostCreditNote {
        prices_include_tax: false,
        number: None,
        series: None,
        customer: Some("C1".into()),
        country: None,
        currency: Currency::GBP,
        location: None,
        invoice: Some(Arc::clone(&invoice.number)),
        credited_at: None,
        lines: vec![CreditLineInput {
            line: line("MUG", pieces),
            reason: CreditReason::Return,
        }],
    })
}

impl Company {
    /// Debits less credits of some accounts, in pence.
    pub async fn pence<const N: usize>(&self, accounts: [&str; N]) -> [i64; N] {
        self.pence_of(Span::default(), accounts).await
    }

    pub async fn pence_of<const N: usize>(&self, span: Span, accounts: [&str; N]) -> [i64; N] {
        let balances = self.ledger.trial_balance(&self.ctx, span, Closings::Counted);
        let balances = balances.await.unwrap();
        accounts.map(|account| {
            let found = balances.iter().find(|of| *of.account == *account);
            found.map_or(0, |of| of.balance_minor())
        })
    }

    async fn order(&self, receipt: &Receipt) -> Order {
        let found = self
            .ledger
            .order(&self.ctx, receipt.kind, &receipt.number)
            .await
            .unwrap();
        found.unwrap().0
    }

    /// State of an order, and of each line what is set aside, what moved and what was billed, in pieces.
    pub async fn stands(&self, receipt: &Receipt) -> (OrderState, Vec<(i64, i64, i64)>) {
        let order = self.order(receipt).await;
        let line = |line: &cortex_erp::OrderLine| {
            let pieces = |micro: i64| micro / PIECE;
            (
                pieces(line.reserved_micro),
                pieces(line.moved_micro),
                pieces(line.billed_micro),
            )
        };
        (order.state, order.lines.iter().map(line).collect())
    }

    async fn pieces_at(&self, location: &str) -> i64 {
        let stock = self
            .ledger
            .stock_on_hand(&self.ctx, None, &Page::default())
            .await
            .unwrap();
        let there = stock.iter().filter(|stock| *stock.location == *location);
        there.map(|stock| stock.quantity_micro / PIECE).sum()
    }

    /// A shop that may not sell what it does not have, with so many mugs at a pound each.
    async fn shop(pieces_there: i64) -> Self {
        let company = Self::trading().await;
        let shop = DefineLocation {
            code: "shop".into(),
            name: "Shop".to_owned(),
            negative_stock: NegativeStock::Refuse,
        };
        company.sound(Command::DefineLocation(shop)).await.unwrap();
        company.sound(receive(pieces_there, pieces_there * 100)).await.unwrap();
        let transfer = TransferStock {
            memo: String::new(),
            from: "main".into(),
            to: "shop".into(),
            moved_at: None,
            lines: pieces(&[("MUG", pieces_there)]),
        };
        company.sound(Command::TransferStock(transfer)).await.unwrap();
        company
    }
}

const BANK_TO_COST: [&str; 5] = ["1100", "1200", "4000", "4100", "5000"];

#[tokio::test]
async fn a_delivery_whose_invoice_was_reversed_is_reversed_too() {
    let company = Company::trading().await;
    company.sound(receive(10, 1_000)).await.unwrap();
    let order = ordered(&[("MUG", 8, 2_400)]);
    let order = company.sound(Command::PlaceOrder(order)).await.unwrap();
    let delivery = company.sound(delivered(&order, &[("MUG", 3)])).await.unwrap();
    let invoice = company.sound(invoiced(&order, &[])).await.unwrap();
    company.sound(reversed(&invoice)).await.unwrap();
    assert_eq!(company.stands(&order).await.1, [(0, 3, 0)]);
    let refused = company.sound(cancelled(&delivery)).await.unwrap_err();
    assert!(
        refused.to_string().contains("sales invoice INV-000001 stood on"),
        "{refused}"
    );
    company.sound(reversed(&delivery)).await.unwrap();
    assert_eq!(company.stands(&order).await.1, [(0, 0, 0)]);
    assert_eq!(company.pence(BANK_TO_COST).await, [0, 1_000, 0, 0, 0]);
}

#[tokio::test]
async fn what_was_delivered_is_invoiced_and_moves_once() {
    let company = Company::trading().await;
    company.sound(receive(10, 1_000)).await.unwrap();
    // Eight mugs for 24.01, and 5.00 of postage.
    let order = ordered(&[("MUG", 8, 2_401), ("POST", 1, 500)]);
    let order = company.sound(Command::PlaceOrder(order)).await.unwrap();
    assert_eq!(&*order.number, "SO-000001");
    assert_eq!(company.pence(BANK_TO_COST).await, [0, 1_000, 0, 0, 0]);

    let delivery = company.sound(delivered(&order, &[("MUG", 3)])).await.unwrap();
    assert_eq!(&*delivery.number, "DN-000001");
    assert_eq!(company.pence(BANK_TO_COST).await, [0, 700, 0, 0, 300]);
    assert_eq!(company.stands(&order).await.1, [(0, 3, 0), (0, 0, 0)]);

    // Without lines: the three mugs at 9.00 (three eighths of 24.01), and the postage.
    let first = company.sound(invoiced(&order, &[])).await.unwrap();
    assert_eq!(first.amount_minor, 900 + 500);
    assert_eq!(company.pence(BANK_TO_COST).await, [1_400, 700, -900, -500, 300]);
    // The other five: two of them leave with the invoice, since three were delivered.
    company.sound(delivered(&order, &[("MUG", 3)])).await.unwrap();
    let second = company.sound(invoiced(&order, &[("MUG", 5)])).await.unwrap();
    assert_eq!(second.amount_minor, 1_501);
    assert_eq!(company.pence(BANK_TO_COST).await, [2_901, 200, -2_401, -500, 800]);
    assert_eq!(
        company.stands(&order).await,
        (OrderState::Complete, vec![(0, 8, 8), (0, 0, 1)])
    );
    let over = company.sound(invoiced(&order, &[("MUG", 1)])).await.unwrap_err();
    assert!(over.to_string().starts_with("lines[0].quantity: of 'MUG', 0"), "{over}");
    assert!(company.sound(delivered(&order, &[])).await.is_err());
    assert!(company.sound(invoiced(&order, &[])).await.is_err());

    // What was delivered is invoiced: the delivery cannot go while the invoice stands.
    assert!(company.sound(cancelled(&delivery)).await.is_err());
    company.sound(cancelled(&second)).await.unwrap();
    assert_eq!(
        company.stands(&order).await,
        (OrderState::Open, vec![(0, 6, 3), (0, 0, 1)])
    );
    assert_eq!(company.pence(BANK_TO_COST).await, [1_400, 400, -900, -500, 600]);
    company.sound(cancelled(&first)).await.unwrap();
    company.sound(cancelled(&delivery)).await.unwrap();
    assert_eq!(company.stands(&order).await.1, [(0, 3, 0), (0, 0, 0)]);
    assert_eq!(company.pence(BANK_TO_COST).await, [0, 700, 0, 0, 300]);
}

#[tokio::test]
async fn goods_come_back_at_what_their_delivery_cost() {
    let company = Company::trading().await;
    company.sound(receive(4, 400)).await.unwrap();
    let order = company
        .sound(Command::PlaceOrder(ordered(&[("MUG", 6, 1_800)])))
        .await
        .unwrap();
    company.sound(delivered(&order, &[("MUG", 4)])).await.unwrap();
    company.sound(receive(4, 800)).await.unwrap();
    let early = company.sound(invoiced(&order, &[("MUG", 1)])).await.unwrap();
    // Three that were delivered at 1.00, and two that leave with it at 2.00.
    let late = company.sound(invoiced(&order, &[("MUG", 5)])).await.unwrap();
    assert_eq!(company.pence(["1200", "5000"]).await, [400, 800]);
    let too_many = company.sound(returned(&early, 2)).await.unwrap_err();
    assert!(too_many.to_string().contains("can still come back"), "{too_many}");
    company.sound(returned(&early, 1)).await.unwrap();
    assert_eq!(company.pence(["1200", "5000"]).await, [500, 700]);
    // Its own two first, then one of those delivered before.
    company.sound(returned(&late, 3)).await.unwrap();
    assert_eq!(company.pence(["1200", "5000"]).await, [1_000, 200]);
    company.sound(returned(&late, 2)).await.unwrap();
    assert_eq!(company.pence(["1200", "5000"]).await, [1_200, 0]);
    assert!(company.sound(returned(&late, 1)).await.is_err());
}

#[tokio::test]
async fn what_is_set_aside_is_not_taken() {
    let company = Company::shop(10).await;
    let shop = |lines: &[(&str, i64, i64)], reserve| {
        Command::PlaceOrder(PlaceOrder {
            location: Some("shop".into()),
            reserve,
            ..ordered(lines)
        })
    };
    let first = company.sound(shop(&[("MUG", 6, 1_800)], true)).await.unwrap();
    // As far as they are there: two lines of one product share what is left.
    let second = company
        .sound(shop(&[("MUG", 3, 900), ("MUG", 3, 900)], true))
        .await
        .unwrap();
    assert_eq!(company.stands(&first).await.1, [(6, 0, 0)]);
    assert_eq!(company.stands(&second).await.1, [(3, 0, 0), (1, 0, 0)]);
    // All ten are spoken for.
    let third = company.sound(shop(&[("MUG", 1, 300)], false)).await.unwrap();
    let refused = company.sound(delivered(&third, &[])).await.unwrap_err();
    assert_eq!(refused.code(), ErrorCode::InsufficientStock);
    assert!(
        matches!(
            refused,
            ErpError::StockReserved {
                short_micro: 1_000_000,
                ..
            }
        ),
        "{refused}"
    );
    let sale = PostInvoice {
        location: Some("shop".into()),
        ..invoice(Some("C1"), vec![line("MUG", 1)])
    };
    assert!(company.sound(Command::PostInvoice(sale)).await.is_err());
    // Its own goods leave, with what was set aside for it.
    company.sound(delivered(&first, &[("MUG", 2)])).await.unwrap();
    assert_eq!(company.stands(&first).await.1, [(4, 2, 0)]);
    company.sound(changed(&second, OrderChange::Release)).await.unwrap();
    company.sound(delivered(&third, &[])).await.unwrap();
    company.sound(changed(&second, OrderChange::Reserve)).await.unwrap();
    assert_eq!(company.stands(&second).await.1, [(3, 0, 0), (0, 0, 0)]);
    // What closes or was never there holds nothing back.
    company.sound(changed(&first, OrderChange::Close)).await.unwrap();
    company.sound(changed(&second, OrderChange::Cancel)).await.unwrap();
    assert_eq!(company.stands(&first).await, (OrderState::Closed, vec![(0, 2, 0)]));
    assert_eq!(company.stands(&second).await.0, OrderState::Cancelled);
    assert_eq!(company.pieces_at("shop").await, 7);
    for order in [&first, &second] {
        assert!(company.sound(delivered(order, &[("MUG", 1)])).await.is_err());
        assert!(company.sound(changed(order, OrderChange::Reserve)).await.is_err());
    }
    let cancel = company.sound(changed(&third, OrderChange::Cancel)).await.unwrap_err();
    assert!(cancel.to_string().contains("was delivered"), "{cancel}");
    // Where stock may go below zero, more is set aside than is there.
    let main = Command::PlaceOrder(PlaceOrder {
        reserve: true,
        ..ordered(&[("MUG", 50, 5_000)])
    });
    let main = company.sound(main).await.unwrap();
    assert_eq!(company.stands(&main).await.1, [(50, 0, 0)]);
}

#[tokio::test]
async fn many_writers_deliver_an_order_once() {
    let company = Company::trading().await;
    company.sound(receive(20, 2_000)).await.unwrap();
    let order = company
        .sound(Command::PlaceOrder(ordered(&[("MUG", 12, 3_600)])))
        .await
        .unwrap();
    let attempts = (0..20).map(|_| company.execute(delivered(&order, &[("MUG", 1)])));
    let answers = futures::future::join_all(attempts).await;
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 12);
    let attempts = (0..5).map(|_| company.execute(invoiced(&order, &[])));
    let answers = futures::future::join_all(attempts).await;
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1);
    assert_eq!(company.stands(&order).await, (OrderState::Complete, vec![(0, 12, 12)]));
    assert!(company.ledger.verify(&company.ctx).await.unwrap().is_empty());
    company.comes_of_its_commands().await;
    let page = Page::default();
    let deliveries = company
        .ledger
        .stock_documents(&company.ctx, DocumentKind::Delivery, &page);
    assert_eq!(deliveries.await.unwrap().len(), 12);
}

#[tokio::test]
async fn an_order_that_cannot_be_is_refused_where_it_is_wrong() {
    let company = Company::trading().await;
    let order = |change: &dyn Fn(&mut PlaceOrder)| {
        let mut order = ordered(&[("MUG", 1, 100)]);
        change(&mut order);
        Command::PlaceOrder(order)
    };
    for (command, problem) in [
        (
            order(&|order| order.party = "S1".into()),
            "customer: 'S1' is a supplier",
        ),
        (
            order(&|order| order.party = "W".into()),
            "customer: an order needs a customer with a name",
        ),
        (
            order(&|order| order.lines.clear()),
            "lines: a document needs at least one line",
        ),
        (
            order(&|order| order.lines[0].quantity_micro = 0),
            "lines[0].quantity: must be above zero",
        ),
        (
            order(&|order| order.lines[0].tax = Some("NONE".into())),
            "lines[0].tax: there is no tax code 'NONE'",
        ),
        (
            order(&|order| order.location = Some("moon".into())),
            "there is no location 'moon'",
        ),
        (
            order(&|order| order.due_at = Some("2001-01-01".parse().unwrap())),
            "due_at: must not be before the order",
        ),
        (
            order(&|order| {
                order.side = OrderSide::Purchase;
                order.party = "S1".into();
                order.lines[0].price = LinePrice::List;
            }),
            "lines[0].unit_price: list prices are what customers pay",
        ),
    ] {
        let refused = company.sound(command).await.unwrap_err();
        assert!(refused.to_string().starts_with(problem), "{refused}");
    }
    assert_eq!(
        (company.count("orders").await, company.count("order_lines").await),
        (0, 0)
    );
    let placed = company.sound(order(&|_| {})).await.unwrap();
    let of_another = PostInvoice {
        order: Some("SO-000009".into()),
        ..invoice(None, Vec::new())
    };
    let refused = company.sound(Command::PostInvoice(of_another)).await.unwrap_err();
    assert_eq!(refused.code(), ErrorCode::NotFound);
    let in_dollars = PostInvoice {
        order: Some(placed.number),
        currency: "USD".parse().unwrap(),
        ..invoice(None, Vec::new())
    };
    let refused = company.sound(Command::PostInvoice(in_dollars)).await.unwrap_err();
    assert!(matches!(refused, ErpError::WrongCurrency { .. }), "{refused}");
}

#[tokio::test]
async fn what_is_to_be_expected_says_what_to_order() {
    let company = Company::trading().await;
    let rule = |point: i64, up_to: i64, lot: Option<i64>| {
        Command::SetReorderRule(SetReorderRule {
            product: "MUG".into(),
            location: None,
            point_micro: point * PIECE,
            up_to_micro: up_to * PIECE,
            lot_micro: lot.map(|lot| lot * PIECE),
            supplier: Some("S1".into()),
        })
    };
    let suggested = async || {
        let expected = company
            .ledger
            .expected_stock(&company.ctx, &Page::default())
            .await
            .unwrap();
        let [(rule, expected)] = expected.as_slice() else {
            panic!("{expected:?}")
        };
        rule.suggest(*expected).map(|micro| micro / PIECE)
    };
    company.sound(rule(20, 100, None)).await.unwrap();
    assert_eq!(suggested().await, Some(100));
    company.sound(receive(25, 2_500)).await.unwrap();
    assert_eq!(suggested().await, None);
    // Customers want ten: fifteen are to be expected.
    let wanted = company
        .sound(Command::PlaceOrder(ordered(&[("MUG", 10, 3_000)])))
        .await
        .unwrap();
    assert_eq!(suggested().await, Some(85));
    company.sound(rule(20, 100, Some(12))).await.unwrap();
    assert_eq!(suggested().await, Some(96));
    // Ten come, none are suggested above the point.
    let coming = Command::PlaceOrder(PlaceOrder {
        side: OrderSide::Purchase,
        party: "S1".into(),
        ..ordered(&[("MUG", 10, 1_000)])
    });
    let coming = company.sound(coming).await.unwrap();
    assert_eq!((&*coming.number, suggested().await), ("PO-000001", None));
    let close = ChangeOrder {
        side: OrderSide::Purchase,
        number: coming.number,
        change: OrderChange::Close,
    };
    company.sound(Command::ChangeOrder(close)).await.unwrap();
    assert_eq!(suggested().await, Some(96));
    company.sound(changed(&wanted, OrderChange::Cancel)).await.unwrap();
    assert_eq!(suggested().await, None);
    assert!(company.sound(rule(20, 20, None)).await.is_err());
}

#[tokio::test]
async fn what_was_delivered_is_billed_first_and_after_the_order_is_closed_too() {
    let company = Company::trading().await;
    company.sound(receive(20, 2_000)).await.unwrap();
    // Two lines of one product; what the first delivered is taken back.
    let order = ordered(&[("MUG", 5, 500), ("MUG", 5, 1_000)]);
    let order = company.sound(Command::PlaceOrder(order)).await.unwrap();
    let first = company.sound(delivered(&order, &[("MUG", 5)])).await.unwrap();
    company.sound(delivered(&order, &[("MUG", 4)])).await.unwrap();
    company.sound(cancelled(&first)).await.unwrap();
    assert_eq!(company.stands(&order).await.1, [(0, 0, 0), (0, 4, 0)]);
    company.sound(changed(&order, OrderChange::Close)).await.unwrap();
    let beyond = company.sound(invoiced(&order, &[("MUG", 5)])).await.unwrap_err();
    assert!(
        beyond.to_string().contains("of 'MUG', 4 of 'SO-000001' are left"),
        "{beyond}"
    );
    let invoice = company.sound(invoiced(&order, &[("MUG", 3)])).await.unwrap();
    assert_eq!(invoice.amount_minor, 600);
    company.sound(invoiced(&order, &[])).await.unwrap();
    assert_eq!(
        company.stands(&order).await,
        (OrderState::Closed, vec![(0, 0, 0), (0, 4, 4)])
    );
    assert_eq!(company.pence(["1200", "5000", "4000"]).await, [1_600, 400, -800]);
    assert!(company.sound(invoiced(&order, &[])).await.is_err());
}

#[tokio::test]
async fn goods_of_a_delivery_that_is_billed_in_two_lines_come_back_as_one() {
    let company = Company::trading().await;
    company.sound(receive(5, 500)).await.unwrap();
    let order = company
        .sound(Command::PlaceOrder(ordered(&[("MUG", 5, 1_500)])))
        .await
        .unwrap();
    company.sound(delivered(&order, &[])).await.unwrap();
    let invoice = company
        .sound(invoiced(&order, &[("MUG", 2), ("MUG", 3)]))
        .await
        .unwrap();
    for pieces in [2, 3] {
        company.sound(returned(&invoice, pieces)).await.unwrap();
    }
    assert_eq!(company.pence(["1200", "5000"]).await, [500, 0]);
    assert!(company.sound(returned(&invoice, 1)).await.is_err());
}

#[tokio::test]
async fn what_was_returned_stays_returned_when_another_invoice_goes() {
    let company = Company::trading().await;
    company.sound(receive(4, 400)).await.unwrap();
    let order = company
        .sound(Command::PlaceOrder(ordered(&[("MUG", 7, 2_100)])))
        .await
        .unwrap();
    company.sound(delivered(&order, &[("MUG", 4)])).await.unwrap();
    let first = company.sound(invoiced(&order, &[("MUG", 4)])).await.unwrap();
    company.sound(receive(3, 600)).await.unwrap();
    company.sound(delivered(&order, &[("MUG", 3)])).await.unwrap();
    let second = company.sound(invoiced(&order, &[("MUG", 3)])).await.unwrap();
    let mut note = line("MUG", 3);
    note.price = LinePrice::Net(300);
    let Command::PostCreditNote(returned_three) = returned(&second, 3) else {
        unreachable!()
    };
    let credited = |line| {
        Command::PostCreditNote(PostCreditNote {
            lines: vec![CreditLineInput {
                line,
                reason: CreditReason::Return,
            }],
            ..returned_three.clone()
        })
    };
    company.sound(credited(note.clone())).await.unwrap();
    assert_eq!(company.pence(["1200"]).await, [600]);
    company.sound(cancelled(&first)).await.unwrap();
    let again = company.sound(credited(note)).await.unwrap_err();
    assert!(again.to_string().contains("can still come back"), "{again}");
}

#[tokio::test]
async fn prices_of_a_line_are_like_those_of_its_order() {
    let company = Company::trading().await;
    let gross = PlaceOrder {
        prices_include_tax: true,
        ..ordered(&[("POST", 2, 1_200)])
    };
    let order = company.sound(Command::PlaceOrder(gross)).await.unwrap();
    let mut priced = line("POST", 1);
    priced.price = LinePrice::Net(500);
    let invoice = |prices_include_tax| {
        Command::PostInvoice(PostInvoice {
            order: Some(Arc::clone(&order.number)),
            prices_include_tax,
            ..invoice(None, vec![priced.clone()])
        })
    };
    let refused = company.sound(invoice(false)).await.unwrap_err();
    assert!(
        refused
            .to_string()
            .starts_with("prices_include_tax: the prices of 'SO-000001' include"),
        "{refused}"
    );
    assert_eq!(company.sound(invoice(true)).await.unwrap().amount_minor, 500);
    assert_eq!(company.sound(invoiced(&order, &[])).await.unwrap().amount_minor, 600);
}
