//! Lines in other units than their product's.

use rust_decimal::Decimal;

use super::*;
use crate::postings::Document;
use crate::{
    BillLineInput, CountStock, DefineProductUnit, DocumentKind, OpenBalances, OpeningStockInput, OrderSide, PlaceOrder,
    QuantityInput, References, TransferStock,
};

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

fn boxed(product: &str, boxes_micro: i64, code: &str, price: LinePrice) -> InvoiceLineInput {
    InvoiceLineInput {
        quantity_micro: boxes_micro,
        unit: unit(code),
        ..line(product, 0, price)
    }
}

/// Mugs come in boxes of twelve.
fn with_boxes() -> Books {
    let mut books = books();
    post(&mut books, &define("MUG", "BX", "12")).unwrap();
    books
}

fn refused(books: &mut Books, command: &Command) -> String {
    post(books, command).unwrap_err().to_string()
}

#[test]
fn a_price_is_of_one_of_the_lines_unit_and_what_is_posted_is_in_the_products() {
    let mut books = with_boxes();
    let price = |text: &str| LinePrice::Unit(text.parse().unwrap());
    let lines = vec![
        boxed("MUG", 2 * PIECE + PIECE / 2, "BX", price("33.33")),
        boxed("MUG", PIECE, "DZN", LinePrice::Net(2999)),
        boxed("MUG", PIECE, "BX", LinePrice::List),
        boxed("MUG", 3 * PIECE, "EA", price("2.50")),
    ];
    let posted = post(&mut books, &Command::PostInvoice(invoice(Some("C1"), lines))).unwrap();
    let Document::Invoice(invoice) = &posted.document else {
        panic!("no invoice")
    };
    let lines: Vec<_> = invoice
        .lines
        .iter()
        .map(|of| (of.quantity_micro / PIECE, of.unit.as_str(), of.net_minor))
        .collect();
    // 2.5 × 33.33 is 83.325, and halves go to the even penny.
    assert_eq!(
        lines,
        [(30, "EA", 8332), (12, "EA", 2999), (12, "EA", 3600), (3, "EA", 750)]
    );
    let moved: i64 = posted.moves.iter().map(|of| of.quantity_micro / PIECE).sum();
    assert_eq!(moved, -57);
}

#[test]
fn a_unit_that_does_not_fit_is_refused_with_those_that_do() {
    let mut books = with_boxes();
    let sale = |lines| Command::PostInvoice(invoice(Some("C1"), lines));
    let fine = line("MUG", 1, LinePrice::List);
    let text = refused(
        &mut books,
        &sale(vec![fine, boxed("MUG", PIECE, "KGM", LinePrice::List)]),
    );
    assert!(
        text.starts_with("lines[1].unit: 'MUG' is kept in EA, and KGM measures mass"),
        "{text}"
    );
    assert!(text.contains("give EA, BX, C62, ") && text.contains(" DZN,"), "{text}");
    let text = refused(&mut books, &sale(vec![boxed("KITE", PIECE, "BX", LinePrice::Net(1))]));
    assert!(
        text.contains("how much a BX holds, each product says for itself"),
        "{text}"
    );
    let text = refused(&mut books, &sale(vec![boxed("MUG", PIECE, "CRATE12", LinePrice::List)]));
    assert!(text.contains("'CRATE12' is no unit"), "{text}");
    let text = refused(
        &mut books,
        &sale(vec![boxed("MUG", PIECE, "BX", LinePrice::Unit("-1".parse().unwrap()))]),
    );
    assert!(text.starts_with("lines[0].unit_price: must not be negative"), "{text}");
    let text = refused(&mut books, &sale(vec![boxed("MUG", -PIECE, "BX", LinePrice::List)]));
    assert!(text.starts_with("lines[0].quantity: must be above zero"), "{text}");
    let text = refused(&mut books, &sale(vec![boxed("MUG", i64::MAX, "BX", LinePrice::List)]));
    assert!(
        text.starts_with("lines[0].quantity: ") && text.ends_with("than can be kept"),
        "{text}"
    );
    assert!(matches!(
        post(&mut books, &sale(vec![boxed("CUP", PIECE, "BX", LinePrice::List)])),
        Err(ErpError::UnknownProduct(_))
    ));
    post(&mut books, &define("MUG", "THIRD", "0.3333333")).unwrap();
    let text = refused(&mut books, &sale(vec![boxed("MUG", PIECE, "THIRD", LinePrice::List)]));
    assert!(
        text.starts_with("lines[0].quantity: 1 THIRD is not exact in EA"),
        "{text}"
    );
}

#[test]
fn a_unit_is_defined_for_a_product_and_again_with_another_factor() {
    let mut books = books();
    let first = post(&mut books, &define("MUG", "BX", "12.000")).unwrap();
    assert_eq!((first.kind, &*first.number), (DocumentKind::ProductUnit, "MUG/BX"));
    let again = post(&mut books, &define("MUG", "BX", "10")).unwrap();
    assert_eq!(again.id, first.id);
    assert_eq!(books.units_of("MUG").len(), 1);
    assert_eq!(books.units_of("MUG")[0].factor, Decimal::TEN);
    for (command, field) in [
        (define("MUG", "EA", "1"), "unit: 'MUG' is kept in EA"),
        (define("MUG", "BX", "0"), "factor: must be above zero"),
        (define("MUG", "BX", "-1"), "factor: must be above zero"),
        (define("MUG", "BX", "1000000000"), "factor: must be below"),
        (define("MUG", "BX", "0.0000000000001"), "factor: must be below"),
        (define("CUP", "BX", "12"), "no product has the code 'CUP'"),
    ] {
        let text = refused(&mut books, &command);
        assert!(text.starts_with(field), "{text}");
    }
    for number in 0..99 {
        post(&mut books, &define("MUG", &format!("U{number}"), "2")).unwrap();
    }
    assert!(refused(&mut books, &define("MUG", "U99", "2")).contains("has 100 units already"));
    post(&mut books, &define("MUG", "U7", "3")).unwrap();
}

#[test]
fn every_line_with_a_quantity_takes_a_unit() {
    let mut books = with_boxes();
    let one = |unit| QuantityInput {
        product: "MUG".into(),
        quantity_micro: PIECE,
        unit,
    };
    let moved = |books: &mut Books, command: &Command| -> Vec<i64> {
        let posted = post(books, command).unwrap();
        posted.moves.iter().map(|of| of.quantity_micro / PIECE).collect()
    };
    let opening = Command::OpenBalances(OpenBalances {
        memo: String::new(),
        currency: Currency::GBP,
        opened_at: None,
        lines: Vec::new(),
        stock: vec![OpeningStockInput {
            product: "MUG".into(),
            location: None,
            quantity_micro: 2 * PIECE,
            unit: unit("GRO"),
            value_minor: 28_800,
        }],
    });
    assert_eq!(moved(&mut books, &opening), [288]);
    let lost = Command::AdjustStock(AdjustStock {
        memo: "broken".into(),
        location: None,
        moved_at: None,
        lines: vec![AdjustmentLineInput {
            product: "MUG".into(),
            quantity_micro: -PIECE,
            unit: unit("BX"),
            value_minor: None,
        }],
    });
    assert_eq!(moved(&mut books, &lost), [-12]);
    let counted = Command::CountStock(CountStock {
        memo: String::new(),
        location: None,
        counted_at: None,
        lines: vec![QuantityInput {
            quantity_micro: 20 * PIECE,
            ..one(unit("BX"))
        }],
    });
    assert_eq!(moved(&mut books, &counted), [-36]);
    let order = PlaceOrder {
        side: OrderSide::Purchase,
        number: None,
        series: None,
        party: "S1".into(),
        currency: Currency::GBP,
        location: None,
        ordered_at: None,
        due_at: None,
        prices_include_tax: false,
        memo: String::new(),
        reserve: false,
        lines: vec![boxed("MUG", 5 * PIECE, "BX", LinePrice::Unit("11.99".parse().unwrap()))],
    };
    let placed = post(&mut books, &Command::PlaceOrder(order)).unwrap();
    let ordered = &placed.orders[0].lines[0];
    assert_eq!(
        (
            ordered.quantity_micro / PIECE,
            ordered.unit.as_str(),
            ordered.amount_minor
        ),
        (60, "EA", 5995)
    );
    let transfer = Command::TransferStock(TransferStock {
        memo: String::new(),
        from: "main".into(),
        to: "shop".into(),
        moved_at: None,
        lines: vec![one(unit("KGM"))],
    });
    let text = refused(&mut books, &transfer);
    assert!(text.starts_with("lines[0].unit: 'MUG' is kept in EA"), "{text}");
}

#[test]
fn a_unit_of_nothing_is_refused() {
    let mut books = with_boxes();
    let bill = |of: BillLineInput| {
        Command::PostBill(crate::PostBill {
            number: None,
            series: None,
            supplier: "S1".into(),
            reference: None,
            currency: Currency::GBP,
            billed_at: None,
            due_at: None,
            prices_include_tax: false,
            memo: String::new(),
            lines: vec![of],
        })
    };
    for of in [
        BillLineInput {
            unit: unit("BX"),
            product: Some("MUG".into()),
            ..BillLineInput::default()
        },
        BillLineInput {
            unit: unit("BX"),
            account: Some("6100".into()),
            ..BillLineInput::default()
        },
    ] {
        let text = refused(&mut books, &bill(of));
        assert!(
            text.starts_with("lines[0].unit: is of a quantity of a product"),
            "{text}"
        );
    }
}

#[test]
fn units_are_looked_up_for_the_lines_that_name_one() {
    let mut wanted = References::default();
    let lines = vec![
        line("KITE", 1, LinePrice::List),
        boxed("MUG", PIECE, "BX", LinePrice::List),
    ];
    wanted.collect(&Command::PostInvoice(invoice(Some("C1"), lines)), at());
    assert_eq!(
        wanted.units.into_iter().collect::<Vec<_>>(),
        [("MUG".into(), "BX".parse().unwrap())]
    );
}

proptest! {
    #[test]
    fn so_many_boxes_are_as_many_pieces(boxes in 1_i64..10_000, factor in 1_u32..500, pence in 0_i64..100_000) {
        let mut books = books();
        post(&mut books, &define("MUG", "BX", &factor.to_string())).unwrap();
        let in_boxes = boxed("MUG", boxes * PIECE, "BX", LinePrice::Unit(Decimal::new(pence, 2)));
        let in_pieces = line("MUG", boxes * i64::from(factor), LinePrice::Net(boxes * pence));
        let post_one = |of| post(&mut books.clone(), &Command::PostInvoice(invoice(Some("C1"), vec![of]))).unwrap();
        let (one, other) = (post_one(in_boxes), post_one(in_pieces));
        prop_assert_eq!(one.amount_minor, other.amount_minor);
        prop_assert_eq!(one.moves[0].quantity_micro, other.moves[0].quantity_micro);
    }
}
