//! Goods that come before their bill.

use std::sync::Arc;

use cortex_erp::{
    AddLandedCost, Allocation, BillLineInput, Cancel, Command, DefineCompany, DefineCostCentre, DefineTaxCode,
    DocumentKind, LinePrice, OrderSide, OrderState, Page, PlaceOrder, PostBill, PostInvoice, QuantityInput, Receipt,
    ReceiptLineInput, ReceiveGoods, Records, ReturnGoods, SetExchangeRate, Settle, SettleInput, SettleItems, Span,
    TaxComponent,
};
use cortex_types::{Coded, Currency, ErrorCode, Timestamp};

use crate::company::{Company, PIECE, invoice, line};

fn at(day: &str) -> Timestamp {
    day.parse().unwrap()
}

/// Mugs that come in January, with their bill to come.
fn came(lines: &[(i64, i64)]) -> ReceiveGoods {
    let line = |(pieces, value_minor): &(i64, i64)| ReceiptLineInput {
        unit: None,
        tax: None,
        product: "MUG".into(),
        quantity_micro: pieces * PIECE,
        value_minor: Some(*value_minor),
    };
    ReceiveGoods {
        number: None,
        series: None,
        supplier: "S1".into(),
        currency: Currency::GBP,
        order: None,
        to_be_billed: true,
        location: None,
        received_at: Some(at("2024-01-10")),
        due_at: None,
        prices_include_tax: false,
        lines: lines.iter().map(line).collect(),
    }
}

fn billed(receipt: &Receipt, pieces: Option<i64>, amount_minor: Option<i64>) -> PostBill {
    PostBill {
        reference: None,
        number: None,
        series: None,
        supplier: "S1".into(),
        currency: Currency::GBP,
        billed_at: Some(at("2024-02-10")),
        due_at: None,
        prices_include_tax: false,
        memo: String::new(),
        lines: vec![BillLineInput {
            receipt: Some(Arc::clone(&receipt.number)),
            product: pieces.map(|_| "MUG".into()),
            quantity_micro: pieces.map(|pieces| pieces * PIECE),
            amount_minor,
            ..BillLineInput::default()
        }],
    }
}

fn given_back(receipt: &Receipt, pieces: i64) -> Command {
    Command::ReturnGoods(ReturnGoods {
        receipt: Arc::clone(&receipt.number),
        memo: String::new(),
        returned_at: Some(at("2024-02-01")),
        lines: vec![QuantityInput {
            unit: None,
            product: "MUG".into(),
            quantity_micro: pieces * PIECE,
        }],
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

fn sold(pieces: i64) -> Command {
    Command::PostInvoice(PostInvoice {
        invoiced_at: Some(at("2024-01-20")),
        ..invoice(Some("C1"), vec![line("MUG", pieces)])
    })
}

/// Stock, what is owed, what came and is not billed, and cost of sales.
const STOCK_TO_COST: [&str; 4] = ["1200", "2000", "2100", "5000"];

#[tokio::test]
async fn a_bill_says_what_goods_cost_from_their_receipt_on() {
    let company = Company::trading().await;
    let receipt = company
        .sound(Command::ReceiveGoods(came(&[(10, 1_000)])))
        .await
        .unwrap();
    assert_eq!(company.pence(STOCK_TO_COST).await, [1_000, 0, -1_000, 0]);
    company.sound(sold(4)).await.unwrap();
    // Four of ten for 4.40: forty pence more, of which goods that are sold bear their part.
    let first = billed(&receipt, Some(4), Some(440));
    company.sound(Command::PostBill(first)).await.unwrap();
    assert_eq!(company.pence(STOCK_TO_COST).await, [624, -440, -600, 416]);
    // The rest as it was received.
    let rest = company
        .sound(Command::PostBill(billed(&receipt, None, None)))
        .await
        .unwrap();
    assert_eq!((&*rest.number, rest.amount_minor), ("BILL-000002", 600));
    assert_eq!(company.pence(STOCK_TO_COST).await, [624, -1_040, 0, 416]);
    let again = company
        .sound(Command::PostBill(billed(&receipt, None, None)))
        .await
        .unwrap_err();
    assert!(again.to_string().starts_with("lines[0].receipt: nothing of"), "{again}");
    // Nothing under a bill goes; once it is gone, everything does.
    let refused = company.sound(cancelled(&receipt)).await.unwrap_err();
    assert!(refused.to_string().contains("purchase bill BILL-"), "{refused}");
    let bills = company
        .ledger
        .purchase_bills(&company.ctx, &cortex_erp::Page::default())
        .await
        .unwrap();
    for bill in bills.iter().rev() {
        let cancel = Cancel {
            kind: DocumentKind::PurchaseBill,
            number: Arc::clone(&bill.number),
            memo: String::new(),
            reversal: None,
        };
        company.sound(Command::Cancel(cancel)).await.unwrap();
    }
    assert_eq!(company.pence(STOCK_TO_COST).await, [600, 0, -1_000, 400]);
}

#[tokio::test]
async fn on_every_day_what_is_not_billed_is_the_account_of_goods_received() {
    let company = Company::trading().await;
    let receipt = company
        .sound(Command::ReceiveGoods(came(&[(10, 1_000), (3, 100)])))
        .await
        .unwrap();
    let bill = billed(&receipt, Some(4), Some(440));
    company.sound(Command::PostBill(bill)).await.unwrap();
    company.sound(given_back(&receipt, 1)).await.unwrap();
    let later = ReceiveGoods {
        received_at: Some(at("2024-03-01")),
        ..came(&[(1, 70)])
    };
    let later = company.sound(Command::ReceiveGoods(later)).await.unwrap();
    // Its bill is dated before it.
    company
        .sound(Command::PostBill(billed(&later, None, None)))
        .await
        .unwrap();
    let undone = company.sound(Command::ReceiveGoods(came(&[(5, 500)]))).await.unwrap();
    company.sound(cancelled(&undone)).await.unwrap();
    let mut seen = Vec::new();
    for day in ["2024-01-10", "2024-01-11", "2024-02-02", "2024-02-11", "2024-03-02"] {
        let before = Some(at(day));
        let span = Span {
            before,
            ..Span::default()
        };
        let [account] = company.pence_of(span, ["2100"]).await;
        let goods = company
            .ledger
            .unbilled_goods(&company.ctx, before, &Page::default())
            .await
            .unwrap();
        let minor = goods.iter().map(|goods| goods.value_minor).sum::<i64>();
        assert_eq!(-account, minor, "{day}: {goods:?}");
        seen.push(minor);
    }
    // Forty more, as the bill says later, from the receipt on.
    assert_eq!((seen[0], seen[1]), (0, 1_140));
    assert!(seen[3] < seen[4], "{seen:?}");
}

#[tokio::test]
async fn what_went_back_is_not_billed_and_what_was_billed_is_credited() {
    let company = Company::trading().await;
    let receipt = company.sound(Command::ReceiveGoods(came(&[(3, 100)]))).await.unwrap();
    // 33 pence of a pound go back before there is a bill.
    company.sound(given_back(&receipt, 1)).await.unwrap();
    assert_eq!(company.pence(STOCK_TO_COST).await, [67, 0, -67, 0]);
    let over = company
        .sound(Command::PostBill(billed(&receipt, Some(3), None)))
        .await
        .unwrap_err();
    assert!(over.to_string().ends_with("2 are not billed"), "{over}");
    let bill = company
        .sound(Command::PostBill(billed(&receipt, None, None)))
        .await
        .unwrap();
    assert_eq!(bill.amount_minor, 67);
    assert_eq!(company.pence(STOCK_TO_COST).await, [67, -67, 0, 0]);
    // One more goes back, behind its bill: the supplier credits it.
    company.sound(given_back(&receipt, 1)).await.unwrap();
    assert_eq!(company.pence(STOCK_TO_COST).await, [33, -67, 34, 0]);
    let read = company.ledger.purchase_receipt(&company.ctx, &receipt.number);
    let listed = company
        .ledger
        .purchase_receipts(&company.ctx, &Page::default())
        .await
        .unwrap();
    assert_eq!(read.await.unwrap().as_ref(), listed.first());
    assert_eq!(company.ledger.payment(&company.ctx, "PAY-1").await.unwrap(), None);
    let unbilled = company
        .ledger
        .unbilled_goods(&company.ctx, None, &Page::default())
        .await
        .unwrap();
    let unbilled: Vec<_> = unbilled.iter().map(|of| (of.quantity_micro, of.value_minor)).collect();
    assert_eq!(unbilled, [(-PIECE, -34)]);
    let wrong = company
        .sound(Command::PostBill(billed(&receipt, Some(-1), Some(34))))
        .await
        .unwrap_err();
    assert!(
        wrong
            .to_string()
            .starts_with("lines[0].amount: must be above zero for goods that came"),
        "{wrong}"
    );
    let credit = company
        .sound(Command::PostBill(billed(&receipt, Some(-1), Some(-34))))
        .await
        .unwrap();
    assert_eq!(credit.amount_minor, -34);
    assert_eq!(company.pence(STOCK_TO_COST).await, [33, -33, 0, 0]);
}

#[tokio::test]
async fn what_goes_back_takes_its_own_cost_and_the_credit_for_it_changes_nothing_that_stays() {
    let company = Company::trading().await;
    let receipt = company
        .sound(Command::ReceiveGoods(came(&[(10, 1_000)])))
        .await
        .unwrap();
    let dearer = billed(&receipt, None, Some(1_100));
    company.sound(Command::PostBill(dearer)).await.unwrap();
    let freight = AddLandedCost {
        supplier: "S1".into(),
        currency: Currency::GBP,
        amount_minor: 200,
        receipts: vec![Arc::clone(&receipt.number)],
        allocation: Allocation::ByQuantity,
        memo: String::new(),
        billed_at: Some(at("2024-02-02")),
    };
    // A piece is 10.00, 1.00 that was billed beyond that, and 2.00 of freight, which nobody gives back.
    company.sound(given_back(&receipt, 2)).await.unwrap();
    assert_eq!(company.pence(STOCK_TO_COST).await, [880, -1_100, 200, 20]);
    company.sound(Command::AddLandedCost(freight)).await.unwrap();
    assert_eq!(company.pence(STOCK_TO_COST).await, [1_040, -1_300, 200, 60]);
    let credit = billed(&receipt, Some(-2), Some(-220));
    let credit = company.sound(Command::PostBill(credit)).await.unwrap();
    assert_eq!(company.pence(STOCK_TO_COST).await, [1_040, -1_080, 0, 40]);
    company.sound(cancelled(&credit)).await.unwrap();
    assert_eq!(company.pence(STOCK_TO_COST).await, [1_040, -1_300, 200, 60]);
}

#[tokio::test]
async fn what_went_back_before_its_bill_bears_nothing_of_what_that_says() {
    let company = Company::trading().await;
    let receipt = company
        .sound(Command::ReceiveGoods(came(&[(10, 1_000)])))
        .await
        .unwrap();
    company.sound(given_back(&receipt, 2)).await.unwrap();
    let dearer = billed(&receipt, None, Some(880));
    company.sound(Command::PostBill(dearer)).await.unwrap();
    assert_eq!(company.pence(STOCK_TO_COST).await, [880, -880, 0, 0]);
}

#[tokio::test]
async fn no_penny_stays_whatever_goes_first() {
    for bill_first in [true, false] {
        let company = Company::trading().await;
        // Two for five pence: each is two and a half.
        let receipt = company.sound(Command::ReceiveGoods(came(&[(2, 5)]))).await.unwrap();
        let steps = [
            given_back(&receipt, 1),
            Command::PostBill(billed(&receipt, Some(1), None)),
        ];
        let mut steps = Vec::from(steps);
        if bill_first {
            steps.reverse();
        }
        for step in steps {
            company.sound(step).await.unwrap();
        }
        assert_eq!(company.pence(["2100"]).await, [0]);
    }
}

#[tokio::test]
async fn an_order_is_received_and_billed_in_parts() {
    let company = Company::trading().await;
    let tax = DefineTaxCode {
        code: "VAT".into(),
        title: "value added".to_owned(),
        components: vec![TaxComponent {
            name: "VAT".into(),
            rate: "20".parse().unwrap(),
            compound: false,
        }],
        blocked: false,
    };
    company.sound(Command::DefineTaxCode(tax)).await.unwrap();
    let mut mugs = line("MUG", 10);
    mugs.price = LinePrice::Unit("1.25".parse().unwrap());
    mugs.tax = Some("VAT".into());
    let order = PlaceOrder {
        side: OrderSide::Purchase,
        number: None,
        series: None,
        party: "S1".into(),
        currency: Currency::GBP,
        location: None,
        ordered_at: Some(at("2024-01-02")),
        due_at: Some(at("2024-01-31")),
        prices_include_tax: false,
        memo: String::new(),
        reserve: false,
        lines: vec![mugs],
    };
    let order = company.sound(Command::PlaceOrder(order)).await.unwrap();
    let part = ReceiveGoods {
        order: Some(Arc::clone(&order.number)),
        lines: vec![ReceiptLineInput {
            unit: None,
            tax: None,
            product: "MUG".into(),
            quantity_micro: 4 * PIECE,
            value_minor: None,
        }],
        ..came(&[])
    };
    let part = company.sound(Command::ReceiveGoods(part)).await.unwrap();
    assert_eq!(company.pence(STOCK_TO_COST).await, [500, 0, -500, 0]);
    // The bill has the taxes of the order, which the receipt left to it.
    let bill = company
        .sound(Command::PostBill(billed(&part, None, None)))
        .await
        .unwrap();
    assert_eq!(bill.amount_minor, 600);
    assert_eq!(company.pence(["2000", "2100", "1300"]).await, [-600, 0, 100]);
    assert_eq!(company.stands(&order).await, (OrderState::Open, vec![(0, 4, 4)]));
    // The other six come with their bill.
    let rest = ReceiveGoods {
        order: Some(Arc::clone(&order.number)),
        to_be_billed: false,
        ..came(&[])
    };
    let rest = company.sound(Command::ReceiveGoods(rest)).await.unwrap();
    assert_eq!(rest.amount_minor, 750 + 150);
    assert_eq!(company.stands(&order).await, (OrderState::Complete, vec![(0, 10, 10)]));
    let double = company
        .sound(Command::PostBill(billed(&rest, None, None)))
        .await
        .unwrap_err();
    assert!(double.to_string().contains("was billed when it came"), "{double}");
    company.sound(cancelled(&rest)).await.unwrap();
    company.sound(cancelled(&bill)).await.unwrap();
    company.sound(cancelled(&part)).await.unwrap();
    assert_eq!(company.stands(&order).await, (OrderState::Open, vec![(0, 0, 0)]));
    assert_eq!(company.pence(STOCK_TO_COST).await, [0; 4]);
}

#[tokio::test]
async fn a_bill_in_dollars_tells_the_price_from_the_rate() {
    let company = Company::trading().await;
    let base = DefineCompany {
        name: "Example".to_owned(),
        currency: Currency::GBP,
        chart: None,
        tax_rounding: None,
    };
    company.sound(Command::DefineCompany(base)).await.unwrap();
    let usd: Currency = "USD".parse().unwrap();
    for (day, rate) in [("2024-01-01", "0.80"), ("2024-02-01", "0.75")] {
        let rate = SetExchangeRate {
            currency: usd,
            valid_from: at(day),
            rate: rate.parse().unwrap(),
        };
        company.sound(Command::SetExchangeRate(rate)).await.unwrap();
    }
    let receipt = ReceiveGoods {
        currency: usd,
        ..came(&[(10, 10_000)])
    };
    let receipt = company.sound(Command::ReceiveGoods(receipt)).await.unwrap();
    assert_eq!(company.pence(STOCK_TO_COST).await, [8_000, 0, -8_000, 0]);
    // 110 dollars are 82.50 by now: ten more at the 0.80 of the receipt are what the goods cost more, the rest is the rate.
    let bill = PostBill {
        currency: usd,
        ..billed(&receipt, None, Some(11_000))
    };
    company.sound(Command::PostBill(bill)).await.unwrap();
    assert_eq!(company.pence(["1200", "2100"]).await, [8_800, 0]);
    let in_base = company
        .ledger
        .trial_balance(&company.ctx, cortex_erp::Span::default(), cortex_erp::Closings::Counted)
        .await
        .unwrap();
    let sum = |account: &str| -> i64 {
        let of_account = in_base.iter().filter(|of| *of.account == *account);
        of_account.map(|of| of.base_balance_minor()).sum()
    };
    assert_eq!((sum("2000"), sum("1200")), (-8_250, 8_800));
    let chart = company.ledger.chart(&company.ctx).await.unwrap();
    assert_eq!(sum(chart.of(cortex_erp::Role::ExchangeDifferences)), -550);
}

#[tokio::test]
async fn a_bill_for_other_things_goes_to_their_account_and_cost_centre() {
    let company = Company::trading().await;
    let centre = DefineCostCentre {
        code: "HQ".into(),
        title: "Headquarters".to_owned(),
        blocked: false,
    };
    company.sound(Command::DefineCostCentre(centre)).await.unwrap();
    let on = |account: &str, amount_minor: Option<i64>| PostBill {
        reference: None,
        lines: vec![BillLineInput {
            account: Some(account.into()),
            cost_centre: Some("HQ".into()),
            amount_minor,
            ..BillLineInput::default()
        }],
        number: Some("R-2024-77".into()),
        series: None,
        supplier: "S1".into(),
        currency: Currency::GBP,
        billed_at: Some(at("2024-02-10")),
        due_at: None,
        prices_include_tax: false,
        memo: "rent".to_owned(),
    };
    company
        .sound(Command::PostBill(on("bank-charges", Some(1_200))))
        .await
        .unwrap();
    let chart = company.ledger.chart(&company.ctx).await.unwrap();
    let account = chart.of(cortex_erp::Role::BankCharges);
    assert_eq!(company.pence([account, "2000"]).await, [1_200, -1_200]);
    let counted = company
        .ledger
        .cost_centre_balances(&company.ctx, "HQ", cortex_erp::Span::default())
        .await
        .unwrap();
    assert_eq!(counted.iter().map(|of| of.balance_minor()).sum::<i64>(), 1_200);
    let twice = company
        .sound(Command::PostBill(on("bank-charges", Some(1_200))))
        .await
        .unwrap_err();
    assert_eq!(twice.code(), ErrorCode::AlreadyExists);
    for (account, amount, problem) in [
        (
            "inventory",
            Some(1),
            "lines[0].account: '1200' is the sum of other records",
        ),
        ("bank-charges", None, "lines[0].amount: say what is billed"),
        ("none", Some(1), "the chart of accounts has no account 'none'"),
    ] {
        let mut bill = on(account, amount);
        bill.number = None;
        let refused = company.sound(Command::PostBill(bill)).await.unwrap_err();
        assert!(refused.to_string().starts_with(problem), "{refused}");
    }
}

#[tokio::test]
async fn a_bill_for_all_of_a_receipt_leaves_each_product_what_it_was_received_for() {
    let company = Company::trading().await;
    let dear_and_cheap = company
        .sound(Command::ReceiveGoods(came(&[(10, 100_000), (10, 1_000)])))
        .await
        .unwrap();
    company
        .sound(Command::PostBill(billed(&dear_and_cheap, None, Some(101_000))))
        .await
        .unwrap();
    assert_eq!(company.count("stock_moves").await, 2, "nothing is revalued");
    // Ten per cent more, of each.
    let receipt = company
        .sound(Command::ReceiveGoods(came(&[(10, 100_000), (10, 1_000)])))
        .await
        .unwrap();
    company
        .sound(Command::PostBill(billed(&receipt, None, Some(111_100))))
        .await
        .unwrap();
    let bills = company
        .ledger
        .purchase_bills(&company.ctx, &Page::default())
        .await
        .unwrap();
    let nets: Vec<i64> = bills[1].lines.iter().map(|line| line.net_minor).collect();
    assert_eq!(nets, [110_000, 1_100]);
}

#[tokio::test]
async fn parts_that_are_billed_one_by_one_are_the_whole_and_what_was_free_is_billed_later() {
    let company = Company::trading().await;
    let receipt = company.sound(Command::ReceiveGoods(came(&[(3, 100)]))).await.unwrap();
    for _ in 0..3 {
        company
            .sound(Command::PostBill(billed(&receipt, Some(1), None)))
            .await
            .unwrap();
    }
    assert_eq!(company.pence(STOCK_TO_COST).await, [100, -100, 0, 0]);
    // Its price was not known when it came.
    let free = company.sound(Command::ReceiveGoods(came(&[(4, 0)]))).await.unwrap();
    company
        .sound(Command::PostBill(billed(&free, None, Some(400))))
        .await
        .unwrap();
    assert_eq!(company.pence(STOCK_TO_COST).await, [500, -500, 0, 0]);
}

#[tokio::test]
async fn no_penny_stays_where_a_return_or_a_bill_is_cancelled_in_between() {
    let company = Company::trading().await;
    let receipt = company.sound(Command::ReceiveGoods(came(&[(3, 100)]))).await.unwrap();
    let first = company.sound(given_back(&receipt, 1)).await.unwrap();
    company.sound(given_back(&receipt, 1)).await.unwrap();
    company.sound(cancelled(&first)).await.unwrap();
    company
        .sound(Command::PostBill(billed(&receipt, None, None)))
        .await
        .unwrap();
    assert_eq!(company.pence(["2100"]).await, [0]);

    let receipt = company.sound(Command::ReceiveGoods(came(&[(3, 100)]))).await.unwrap();
    company.sound(given_back(&receipt, 1)).await.unwrap();
    let bill = company
        .sound(Command::PostBill(billed(&receipt, Some(1), None)))
        .await
        .unwrap();
    company.sound(given_back(&receipt, 1)).await.unwrap();
    company.sound(cancelled(&bill)).await.unwrap();
    company
        .sound(Command::PostBill(billed(&receipt, None, None)))
        .await
        .unwrap();
    assert_eq!(company.pence(["2100"]).await, [0]);
}

#[tokio::test]
async fn a_supplier_bills_once_under_each_of_its_numbers_and_its_credit_settles_its_bills() {
    let company = Company::trading().await;
    let receipt = company
        .sound(Command::ReceiveGoods(came(&[(10, 1_000)])))
        .await
        .unwrap();
    let referring = |pieces: i64| PostBill {
        reference: Some("2024-0815".into()),
        ..billed(&receipt, Some(pieces), None)
    };
    let bill = company.sound(Command::PostBill(referring(5))).await.unwrap();
    let twice = company.sound(Command::PostBill(referring(1))).await.unwrap_err();
    assert!(
        twice
            .to_string()
            .starts_with("reference: '2024-0815' of 'S1' is posted already"),
        "{twice}"
    );
    company.sound(cancelled(&bill)).await.unwrap();
    let bill = company.sound(Command::PostBill(referring(10))).await.unwrap();
    company.sound(given_back(&receipt, 4)).await.unwrap();
    let credit = company
        .sound(Command::PostBill(billed(&receipt, Some(-4), None)))
        .await
        .unwrap();
    assert_eq!(credit.amount_minor, -400);
    let settle = SettleItems {
        kind: DocumentKind::PurchaseBill,
        number: Arc::clone(&credit.number),
        currency: Currency::GBP,
        settles: Settle::Named(vec![SettleInput {
            kind: None,
            number: Arc::clone(&bill.number),
            amount_minor: None,
        }]),
        settled_at: None,
    };
    company.sound(Command::SettleItems(settle)).await.unwrap();
    let page = Page::default();
    let open = company.ledger.open_items(&company.ctx, None, Some("S1"), &page);
    let open: Vec<i64> = open.await.unwrap().iter().map(|item| item.open_minor).collect();
    assert_eq!(open, [-600]);
}
