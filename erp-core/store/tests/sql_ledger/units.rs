//! Products that are traded in units of their own, and lines in other units than the product's.

use std::sync::Arc;

use cortex_erp::{
    AdjustStock, AdjustmentLineInput, BillLineInput, Command, CountStock, CreateProduct, CreditLineInput, CreditReason,
    DefineLocation, DefineProductUnit, DeliverGoods, ErpError, InvoiceLineInput, Known, LinePrice, NegativeStock,
    OpenBalances, OpeningStockInput, OrderSide, Page, PlaceOrder, PostBill, PostCreditNote, PostInvoice, ProductKind,
    QuantityInput, Receipt, ReceiptLineInput, ReceiveGoods, Records, ReturnGoods, TransferStock,
};
use cortex_store::sql;
use cortex_types::{Coded, Currency, ErrorCode, Unit};

use crate::company::{Company, PIECE, invoice, key, line, receive, tenant};

fn unit(code: &str) -> Option<Unit> {
    Some(code.parse().unwrap())
}

fn define(product: &str, code: &str, factor: &str) -> Command {
    Command::DefineProductUnit(DefineProductUnit {
        product: product.into(),
        unit: code.parse().unwrap(),
        factor: factor.parse().unwrap(),
    })
}

/// So many of a unit, at a price of one of it.
fn priced(product: &str, (count, code): (i64, &str), price: &str) -> InvoiceLineInput {
    InvoiceLineInput {
        unit: unit(code),
        price: LinePrice::Unit(price.parse().unwrap()),
        ..line(product, count)
    }
}

fn listed(product: &str, (count, code): (i64, &str)) -> InvoiceLineInput {
    InvoiceLineInput {
        unit: unit(code),
        ..line(product, count)
    }
}

fn so_many(count: i64, code: &str) -> QuantityInput {
    QuantityInput {
        product: "MUG".into(),
        quantity_micro: count * PIECE,
        unit: unit(code),
    }
}

fn received(
    (count, code): (i64, &str),
    value_minor: Option<i64>,
    order: Option<&Receipt>,
    to_be_billed: bool,
) -> Command {
    Command::ReceiveGoods(ReceiveGoods {
        number: None,
        series: None,
        supplier: "S1".into(),
        currency: Currency::GBP,
        order: order.map(|order| Arc::clone(&order.number)),
        to_be_billed,
        location: None,
        received_at: None,
        due_at: None,
        prices_include_tax: false,
        lines: vec![ReceiptLineInput {
            product: "MUG".into(),
            quantity_micro: count * PIECE,
            unit: unit(code),
            value_minor,
            tax: None,
        }],
    })
}

fn ordered(side: OrderSide, party: &str, line: InvoiceLineInput) -> Command {
    Command::PlaceOrder(PlaceOrder {
        side,
        number: None,
        series: None,
        party: party.into(),
        currency: Currency::GBP,
        location: None,
        ordered_at: None,
        due_at: None,
        prices_include_tax: false,
        memo: String::new(),
        reserve: false,
        lines: vec![line],
    })
}

fn sold(line: InvoiceLineInput) -> Command {
    Command::PostInvoice(invoice(Some("C1"), vec![line]))
}

impl Company {
    /// Mugs in boxes of twelve and pallets of 480.
    async fn with_boxes() -> Self {
        let company = Self::trading().await;
        for (code, factor) in [("BX", "12"), ("PX", "480")] {
            company.sound(define("MUG", code, factor)).await.unwrap();
        }
        company
    }

    async fn mugs(&self) -> i64 {
        let stock = self
            .ledger
            .stock_on_hand(&self.ctx, None, &Page::default())
            .await
            .unwrap();
        stock.iter().map(|of| of.quantity_micro).sum::<i64>() / PIECE
    }

    async fn billed(&self, receipt: &Receipt) -> Vec<(i64, String, i64)> {
        let found = self.ledger.invoice(&self.ctx, &receipt.number).await.unwrap().unwrap();
        let line = |of: &cortex_erp::SalesLine| (of.quantity_micro / PIECE, of.unit.to_string(), of.net_minor);
        found.lines.iter().map(line).collect()
    }

    async fn refusal(&self, command: Command) -> String {
        let refused = self.sound(command).await.unwrap_err();
        assert_eq!(refused.code(), ErrorCode::InvalidArgument, "{refused}");
        refused.to_string()
    }
}

#[tokio::test]
async fn a_box_of_twelve_leaves_stock_as_twelve_and_stays_so() {
    let company = Company::with_boxes().await;
    company
        .sound(received((2, "PX"), Some(96_000), None, false))
        .await
        .unwrap();
    assert_eq!(company.mugs().await, 960);
    let first = company.sound(sold(priced("MUG", (3, "BX"), "33.33"))).await.unwrap();
    assert_eq!(company.billed(&first).await, [(36, "EA".to_owned(), 9999)]);
    company.sound(define("MUG", "BX", "10")).await.unwrap();
    let second = company.sound(sold(priced("MUG", (3, "BX"), "33.33"))).await.unwrap();
    assert_eq!(company.billed(&second).await, [(30, "EA".to_owned(), 9999)]);
    // What was posted stays as it is.
    assert_eq!(company.billed(&first).await, [(36, "EA".to_owned(), 9999)]);
    assert_eq!(company.mugs().await, 960 - 66);
    let units = company
        .ledger
        .product_units(&company.ctx, Some("MUG"), &Page::default())
        .await
        .unwrap();
    let units: Vec<_> = units
        .iter()
        .map(|of| (of.unit.as_str(), of.factor.to_string()))
        .collect();
    assert_eq!(units, [("BX", "10".to_owned()), ("PX", "480".to_owned())]);
    let page = Page::new(None, 1);
    assert_eq!(
        company
            .ledger
            .product_units(&company.ctx, Some("MUG"), &page)
            .await
            .unwrap()
            .len(),
        1
    );
    assert_eq!(company.count("product_units").await, 2);
    assert_eq!(company.count("change_log WHERE table_name = 'product_units'").await, 3);
    assert_eq!(
        company.count("audit_log WHERE action = 'erp.post-product-unit'").await,
        3
    );
}

#[tokio::test]
async fn a_key_stands_for_the_unit_that_was_written_whatever_its_factor_is_by_now() {
    let company = Company::with_boxes().await;
    let post = |count, code| {
        let command = sold(priced("MUG", (count, code), "12.00"));
        company
            .erp
            .execute(&company.ctx, command, key("order-17"), Known::ByClock)
    };
    let first = post(2, "BX").await.unwrap();
    company.sound(define("MUG", "BX", "24")).await.unwrap();
    let again = post(2, "BX").await.unwrap();
    assert!(again.repeated && again.id == first.id);
    for (count, code) in [(24, "EA"), (2, "PX"), (2, "DZN")] {
        let other = post(count, code).await.unwrap_err();
        assert_eq!(other.code(), ErrorCode::IdempotencyConflict, "{count} {code}");
    }
    assert_eq!(company.billed(&first).await, [(24, "EA".to_owned(), 2400)]);
}

#[tokio::test]
async fn purchases_come_in_boxes_from_the_order_to_the_bill() {
    let company = Company::with_boxes().await;
    let order = ordered(OrderSide::Purchase, "S1", priced("MUG", (10, "BX"), "11.99"));
    let order = company.sound(order).await.unwrap();
    let (placed, _) = company
        .ledger
        .order(&company.ctx, order.kind, &order.number)
        .await
        .unwrap()
        .unwrap();
    let of = &placed.lines[0];
    assert_eq!(
        (of.quantity_micro / PIECE, of.unit.as_str(), of.amount_minor),
        (120, "EA", 11_990)
    );
    let receipt = company
        .sound(received((4, "BX"), None, Some(&order), true))
        .await
        .unwrap();
    let came = company
        .ledger
        .purchase_receipt(&company.ctx, &receipt.number)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        (came.lines[0].quantity_micro / PIECE, came.lines[0].value_minor),
        (48, 4796)
    );
    let bill = |count| {
        Command::PostBill(PostBill {
            number: None,
            series: None,
            supplier: "S1".into(),
            reference: None,
            currency: Currency::GBP,
            billed_at: None,
            due_at: None,
            prices_include_tax: false,
            memo: String::new(),
            lines: vec![BillLineInput {
                receipt: Some(Arc::clone(&receipt.number)),
                product: Some("MUG".into()),
                quantity_micro: Some(count * PIECE),
                unit: unit("DZN"),
                ..BillLineInput::default()
            }],
        })
    };
    let billed = company.sound(bill(3)).await.unwrap();
    assert_eq!(billed.amount_minor, 3597);
    assert!(company.refusal(bill(2)).await.starts_with("lines[0].quantity"));
    let back = Command::ReturnGoods(ReturnGoods {
        receipt: Arc::clone(&receipt.number),
        memo: String::new(),
        returned_at: None,
        lines: vec![so_many(1, "BX")],
    });
    company.sound(back).await.unwrap();
    assert_eq!(company.mugs().await, 36);
    assert_eq!(company.pence(["1200"]).await, [3597]);
}

#[tokio::test]
async fn sales_leave_in_dozens_from_the_order_to_the_credit_note() {
    let company = Company::with_boxes().await;
    company.sound(receive(100, 10_000)).await.unwrap();
    let order = ordered(OrderSide::Sales, "C1", priced("MUG", (5, "DZN"), "30.01"));
    let order = company.sound(order).await.unwrap();
    let delivery = DeliverGoods {
        number: None,
        series: None,
        order: Arc::clone(&order.number),
        location: None,
        memo: String::new(),
        delivered_at: None,
        lines: vec![so_many(2, "BX")],
    };
    company.sound(Command::DeliverGoods(delivery)).await.unwrap();
    assert_eq!(company.mugs().await, 76);
    let sale = PostInvoice {
        order: Some(Arc::clone(&order.number)),
        ..invoice(None, vec![listed("MUG", (3, "BX"))])
    };
    let sale = company.sound(Command::PostInvoice(sale)).await.unwrap();
    let net: i64 = company.billed(&sale).await.iter().map(|(_, _, net)| net).sum();
    assert_eq!((net, company.mugs().await), (9003, 64));
    let note = PostCreditNote {
        number: None,
        series: None,
        customer: Some("C1".into()),
        country: None,
        currency: Currency::GBP,
        location: None,
        invoice: Some(Arc::clone(&sale.number)),
        credited_at: None,
        prices_include_tax: false,
        lines: vec![CreditLineInput {
            line: priced("MUG", (1, "BX"), "30.01"),
            reason: CreditReason::Return,
        }],
    };
    let note = company.sound(Command::PostCreditNote(note)).await.unwrap();
    assert_eq!((note.amount_minor, company.mugs().await), (3001, 76));
    // Prices of their own, and a line that goes over two lines of the order.
    let rest = PostInvoice {
        order: Some(Arc::clone(&order.number)),
        ..invoice(None, vec![priced("MUG", (2, "DZN"), "29.99")])
    };
    assert_eq!(
        company.sound(Command::PostInvoice(rest)).await.unwrap().amount_minor,
        5998
    );
    assert_eq!(company.mugs().await, 52);
}

#[tokio::test]
async fn stock_is_brought_along_counted_moved_and_written_off_in_boxes() {
    let company = Company::with_boxes().await;
    let opening = OpenBalances {
        memo: String::new(),
        currency: Currency::GBP,
        opened_at: None,
        lines: Vec::new(),
        stock: vec![OpeningStockInput {
            product: "MUG".into(),
            location: None,
            quantity_micro: PIECE,
            unit: unit("PX"),
            value_minor: 48_000,
        }],
    };
    company.sound(Command::OpenBalances(opening)).await.unwrap();
    let shop = DefineLocation {
        code: "shop".into(),
        name: String::new(),
        negative_stock: NegativeStock::Refuse,
    };
    company.sound(Command::DefineLocation(shop)).await.unwrap();
    let transfer = |lines| {
        Command::TransferStock(TransferStock {
            memo: String::new(),
            from: "main".into(),
            to: "shop".into(),
            moved_at: None,
            lines,
        })
    };
    company
        .sound(transfer(vec![so_many(5, "BX"), so_many(6, "EA")]))
        .await
        .unwrap();
    let lost = AdjustStock {
        memo: "broken".into(),
        location: Some("shop".into()),
        moved_at: None,
        lines: vec![AdjustmentLineInput {
            product: "MUG".into(),
            quantity_micro: -PIECE / 2,
            unit: unit("BX"),
            value_minor: None,
        }],
    };
    company.sound(Command::AdjustStock(lost)).await.unwrap();
    assert_eq!(company.mugs().await, 474);
    let counted = CountStock {
        memo: String::new(),
        location: Some("shop".into()),
        counted_at: None,
        lines: vec![so_many(4, "BX")],
    };
    company.sound(Command::CountStock(counted)).await.unwrap();
    assert_eq!(company.mugs().await, 462);
    assert_eq!(company.pence(["1200"]).await, [46_200]);
}

#[tokio::test]
async fn what_is_weighed_is_sold_by_the_hundredweight_or_refused_where_that_is_not_exact() {
    let company = Company::trading().await;
    let rice = CreateProduct {
        code: "RICE".into(),
        description: String::new(),
        kind: ProductKind::Goods,
        unit: "KGM".parse().unwrap(),
        currency: Currency::GBP,
        list_price_minor: Some(200),
        valuation: None,
        standard_cost: None,
        created_at: None,
    };
    company.sound(Command::CreateProduct(rice)).await.unwrap();
    let sale = company
        .sound(sold(priced("RICE", (100, "LBR"), "0.905")))
        .await
        .unwrap();
    let found = company
        .ledger
        .invoice(&company.ctx, &sale.number)
        .await
        .unwrap()
        .unwrap();
    let of = &found.lines[0];
    assert_eq!(
        (of.quantity_micro, of.unit.as_str(), of.net_minor),
        (45_359_237, "KGM", 9050)
    );
    let text = company.refusal(sold(priced("RICE", (1, "LBR"), "0.905"))).await;
    assert!(
        text.starts_with("lines[0].quantity: 1 LBR is not exact in KGM"),
        "{text}"
    );
    let text = company.refusal(sold(listed("RICE", (1, "LTR")))).await;
    assert!(
        text.contains("LTR measures volume, not mass as KGM does: give KGM,") && text.contains("LBR"),
        "{text}"
    );
    let text = company.refusal(sold(listed("RICE", (1, "BX")))).await;
    assert!(
        text.contains("how much a BX holds, each product says for itself"),
        "{text}"
    );
    assert_eq!(company.count("sales_invoices").await, 1);
}

#[tokio::test]
async fn a_unit_serves_the_next_command_of_its_group_and_no_other_tenant() {
    let company = Company::trading().await;
    let product = |code: &str| {
        Command::CreateProduct(CreateProduct {
            code: code.into(),
            description: String::new(),
            kind: ProductKind::Goods,
            unit: Unit::each(),
            currency: Currency::GBP,
            list_price_minor: Some(100),
            valuation: None,
            standard_cost: None,
            created_at: None,
        })
    };
    let commands = [
        product("CUP"),
        define("CUP", "BX", "6"),
        sold(listed("CUP", (1, "BX"))),
        define("CUP", "BX", "8"),
        define("CUP", "BX", "4"),
        sold(listed("CUP", (1, "BX"))),
        define("MUG", "BX", "5"),
        sold(listed("MUG", (1, "BX"))),
    ];
    let waiting: Vec<_> = commands
        .into_iter()
        .enumerate()
        .map(|(place, command)| {
            let key = key(format!("k{place}"));
            company.erp.submit(&company.ctx, command, key, Known::ByClock).unwrap()
        })
        .collect();
    let mut receipts = Vec::new();
    for pending in waiting {
        receipts.push(pending.answer().await.unwrap());
    }
    for (place, pieces, net) in [(2, 6, 600), (5, 4, 400), (7, 5, 1500)] {
        assert_eq!(company.billed(&receipts[place]).await, [(pieces, "EA".to_owned(), net)]);
    }
    assert_eq!(company.ledger.verify(&company.ctx).await.unwrap(), []);
    assert_eq!(company.count("product_units").await, 2);
    let other = tenant("rival");
    assert_eq!(
        company
            .ledger
            .product_units(&other, Some("MUG"), &Page::default())
            .await
            .unwrap(),
        []
    );
    for code in ["MUG", "CUP"] {
        let key = key(format!("rival-{code}"));
        company
            .erp
            .execute(&other, product(code), key, Known::ByClock)
            .await
            .unwrap();
    }
    let boxes = Command::AdjustStock(AdjustStock {
        memo: String::new(),
        location: None,
        moved_at: None,
        lines: vec![AdjustmentLineInput {
            product: "MUG".into(),
            quantity_micro: PIECE,
            unit: unit("BX"),
            value_minor: None,
        }],
    });
    let refused = company
        .erp
        .execute(&other, boxes, key("rival-boxes"), Known::ByClock)
        .await
        .unwrap_err();
    assert!(refused.to_string().starts_with("lines[0].unit"), "{refused}");
}

#[tokio::test]
async fn nobody_asks_for_units_where_no_line_is_in_another_one() {
    let company = Company::trading().await;
    let mut work = company.begin().await;
    sql::query("DROP TABLE product_units")
        .execute(work.connection())
        .await
        .unwrap();
    work.commit().await.unwrap();
    company.sound(sold(line("MUG", 1))).await.unwrap();
    company.sound(sold(listed("MUG", (1, "EA")))).await.unwrap();
    let asked = company.execute(sold(listed("MUG", (1, "DZN")))).await.unwrap_err();
    assert!(matches!(asked, ErpError::Storage { .. }), "{asked}");
}
