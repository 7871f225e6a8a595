//! Documents that are taken back at a time of their own.

use super::*;

impl Company {
    async fn reversed(&self, document: &Receipt, day: &str, method: ReversalMethod) -> Result<Receipt, ErpError> {
        let command = Cancel {
            kind: document.kind,
            number: Arc::clone(&document.number),
            memo: "a mistake".to_owned(),
            reversal: Some(Reversal {
                method,
                posted_at: Some(at(day)),
                adjusting: false,
            }),
        };
        self.sound(Command::Cancel(command)).await
    }

    async fn closed(&self, period: &str) {
        let period = period.into();
        let state = PeriodState::HardClosed;
        let close = Command::SetPeriodState(SetPeriodState { period, state });
        self.execute(close).await.unwrap();
    }

    async fn year(&self) {
        let year = OpenFiscalYear {
            code: None,
            from: at("2024-01-01"),
            months: 12,
        };
        self.execute(Command::OpenFiscalYear(year)).await.unwrap();
    }

    /// Ten for 10.00, to be billed.
    async fn received_to_be_billed(&self) -> Receipt {
        let receipt = ReceiveGoods {
            to_be_billed: true,
            order: None,
            prices_include_tax: false,
            due_at: None,
            number: None,
            series: None,
            supplier: "S1".into(),
            currency: Currency::GBP,
            location: None,
            received_at: Some(at("2024-01-10")),
            lines: vec![ReceiptLineInput {
                unit: None,
                tax: None,
                product: "P".into(),
                quantity_micro: 10 * PIECE,
                value_minor: Some(1_000),
            }],
        };
        self.sound(Command::ReceiveGoods(receipt)).await.unwrap()
    }

    /// What came and is not billed by the end of a day, by the account and by the list of goods.
    async fn unbilled(&self, day: &str) -> (i64, i64) {
        let span = Span::new(None, Some(day)).unwrap();
        let goods = self
            .ledger
            .unbilled_goods(&self.ctx, span.before, &Page::default())
            .await;
        let listed = goods.unwrap().iter().map(|goods| goods.value_minor).sum();
        (-self.balance(Role::GoodsReceived, day).await, listed)
    }
}

/// For what it was received for where no amount is given.
fn bill_of(receipt: &Receipt, day: &str, amount_minor: Option<i64>) -> PostBill {
    PostBill {
        reference: None,
        number: None,
        series: None,
        supplier: "S1".into(),
        currency: Currency::GBP,
        billed_at: Some(at(day)),
        due_at: None,
        prices_include_tax: false,
        memo: String::new(),
        lines: vec![BillLineInput {
            receipt: Some(Arc::clone(&receipt.number)),
            amount_minor,
            ..BillLineInput::default()
        }],
    }
}

#[tokio::test]
async fn a_sale_of_a_closed_month_is_reversed_in_an_open_one() {
    let company = Company::trading().await;
    company.product("P", Method::Fifo, None).await;
    company.received("2024-01-01", "P", 10, 10_000).await;
    company.received("2024-02-01", "P", 10, 20_000).await;
    let invoice = company.sold("2024-01-20", "P", 4).await;
    company.year().await;
    company.closed("FY2024-01").await;
    let refused = company
        .cancelled(DocumentKind::SalesInvoice, &invoice.number)
        .await
        .unwrap_err();
    assert_eq!(refused.code(), ErrorCode::PeriodClosed);
    assert!(refused.to_string().contains("…/reverse"), "{refused}");
    let early = company
        .reversed(&invoice, "2024-01-19", ReversalMethod::CounterEntry)
        .await;
    assert!(
        early
            .unwrap_err()
            .to_string()
            .starts_with("posted_at: must not be before")
    );

    let reversal = company
        .reversed(&invoice, "2024-03-10", ReversalMethod::CounterEntry)
        .await
        .unwrap();
    assert_eq!(reversal.amount_minor, invoice.amount_minor);
    for (day, cost, owed) in [("2024-01-31", 4_000, invoice.amount_minor), ("2024-03-10", 0, 0)] {
        assert_eq!(company.balance(Role::CostOfSales, day).await, cost, "{day}");
        assert_eq!(company.balance(Role::Receivables, day).await, owed, "{day}");
    }
    assert_eq!(company.stock("P", "main", Some("2024-02-15")).await, (16, 26_000));
    assert_eq!(company.stock("P", "main", None).await, (20, 30_000));
    let again = company
        .reversed(&invoice, "2024-03-11", ReversalMethod::CounterEntry)
        .await;
    assert!(again.unwrap_err().to_string().contains("cancelled already"));
    // What came back is the newest layer.
    company.sold("2024-03-20", "P", 16).await;
    assert_eq!(company.stock("P", "main", None).await, (4, 4_000));
}

#[tokio::test]
async fn what_is_reversed_goes_by_what_its_goods_turned_out_to_cost() {
    let company = Company::trading().await;
    company.product("P", Method::MovingAverage, None).await;
    company.received("2024-01-01", "P", 10, 10_000).await;
    let invoice = company.sold("2024-01-20", "P", 4).await;
    let method = ReversalMethod::Storno;
    company.reversed(&invoice, "2024-03-10", method).await.unwrap();
    company.received("2024-01-10", "P", 10, 20_000).await;
    assert_eq!(company.balance(Role::CostOfSales, "2024-01-31").await, 6_000);
    assert_eq!(company.balance(Role::CostOfSales, "2024-03-10").await, 0);
    assert_eq!(company.stock("P", "main", None).await, (20, 30_000));
}

#[tokio::test]
async fn a_storno_leaves_the_turnovers_as_if_it_had_never_been() {
    let company = Company::trading().await;
    company.product("P", Method::MovingAverage, None).await;
    company.received("2024-01-01", "P", 10, 10_000).await;
    let invoice = company.sold("2024-01-20", "P", 4).await;
    company.received("2024-01-10", "P", 10, 20_000).await;
    company
        .reversed(&invoice, "2024-03-10", ReversalMethod::Storno)
        .await
        .unwrap();
    let balances = company
        .ledger
        .trial_balance(&company.ctx, Span::default(), Closings::Counted)
        .await
        .unwrap();
    let of = |role| {
        balances
            .iter()
            .find(|balance| balance.account == *Chart::default().of(role))
    };
    for role in [Role::Receivables, Role::CostOfSales, Role::Sales] {
        let turnover = of(role).map_or((0, 0), |balance| (balance.debit_minor, balance.credit_minor));
        assert_eq!(turnover, (0, 0), "{role:?}");
    }
}

#[tokio::test]
async fn a_reversed_receipt_and_its_bill_are_listed_until_then() {
    let company = Company::trading().await;
    company.product("P", Method::MovingAverage, None).await;
    let receipt = company.received_to_be_billed().await;
    let bill = bill_of(&receipt, "2024-02-10", Some(1_200));
    let bill = company.sound(Command::PostBill(bill)).await.unwrap();
    assert_eq!(company.stock("P", "main", None).await, (10, 1_200));
    let method = ReversalMethod::CounterEntry;
    let stands = company.reversed(&receipt, "2024-03-20", method).await.unwrap_err();
    assert!(stands.to_string().contains("purchase bill"), "{stands}");
    company.reversed(&bill, "2024-03-10", method).await.unwrap();
    assert_eq!(company.stock("P", "main", None).await, (10, 1_000));
    let stands = company
        .cancelled(DocumentKind::PurchaseReceipt, &receipt.number)
        .await
        .unwrap_err();
    assert!(stands.to_string().contains("reverse this too"), "{stands}");
    company.reversed(&receipt, "2024-04-10", method).await.unwrap();
    assert_eq!(company.stock("P", "main", None).await, (0, 0));
    for (day, minor) in [
        ("2024-01-31", 1_200),
        ("2024-02-29", 0),
        ("2024-03-31", 1_000),
        ("2024-04-30", 0),
    ] {
        assert_eq!(company.unbilled(day).await, (minor, minor), "{day}");
    }
    assert_eq!(company.balance(Role::Payables, "2024-03-09").await, -1_200);
    assert_eq!(company.balance(Role::Payables, "2024-04-30").await, 0);
    assert_eq!(company.balance(Role::CostOfSales, "2024-04-30").await, 0);
}

#[tokio::test]
async fn a_reversed_return_leaves_its_sale_to_be_reversed() {
    let company = Company::trading().await;
    company.product("P", Method::Fifo, None).await;
    company.received("2024-01-01", "P", 10, 10_000).await;
    let invoice = company.sold("2024-01-20", "P", 4).await;
    let note = company.returned("2024-02-01", &invoice, "P", 3).await.unwrap();
    assert_eq!(company.stock("P", "main", None).await, (9, 9_000));
    let method = ReversalMethod::CounterEntry;
    company.reversed(&note, "2024-02-10", method).await.unwrap();
    assert_eq!(company.stock("P", "main", None).await, (6, 6_000));
    let early = company.returned("2024-02-05", &invoice, "P", 3).await.unwrap_err();
    assert!(
        early.to_string().starts_with("credited_at: must not be before"),
        "{early}"
    );
    assert_eq!(
        company.balance(Role::Receivables, "2024-02-10").await,
        invoice.amount_minor
    );
    let stands = company
        .cancelled(DocumentKind::SalesInvoice, &invoice.number)
        .await
        .unwrap_err();
    assert!(stands.to_string().contains("reverse this too"), "{stands}");
    company.reversed(&invoice, "2024-03-01", method).await.unwrap();
    assert_eq!(company.stock("P", "main", None).await, (10, 10_000));
    assert_eq!(company.balance(Role::CostOfSales, "2024-03-01").await, 0);
    assert_eq!(company.balance(Role::Receivables, "2024-03-01").await, 0);
}

#[tokio::test]
async fn goods_are_moved_or_counted_again_instead() {
    let company = Company::trading().await;
    company.product("P", Method::Fifo, None).await;
    let count = CountStock {
        location: None,
        memo: String::new(),
        counted_at: Some(at("2024-01-10")),
        lines: vec![pieces("P", 0)],
    };
    let count = company.sound(Command::CountStock(count)).await.unwrap();
    let refused = company
        .reversed(&count, "2024-03-01", ReversalMethod::CounterEntry)
        .await
        .unwrap_err();
    assert!(
        refused.to_string().starts_with("kind: a stock-count is not reversed"),
        "{refused}"
    );
}

impl Company {
    async fn freight(&self, day: &str, receipt: &Receipt, minor: i64) -> Receipt {
        let cost = AddLandedCost {
            supplier: "S1".into(),
            currency: Currency::GBP,
            amount_minor: minor,
            receipts: vec![Arc::clone(&receipt.number)],
            allocation: Allocation::ByValue,
            memo: String::new(),
            billed_at: Some(at(day)),
        };
        self.sound(Command::AddLandedCost(cost)).await.unwrap()
    }
}

#[tokio::test]
async fn freight_that_is_reversed_leaves_what_bore_it_as_far_as_it_is_there() {
    let method = ReversalMethod::CounterEntry;
    for (valuation, sold, came_again, stock, cost) in [
        (Method::MovingAverage, 0, false, (10, 10_000), 0),
        (Method::MovingAverage, 10, true, (10, 10_000), 10_000),
        (Method::MovingAverage, 5, false, (5, 5_000), 5_000),
        (Method::Fifo, 10, true, (10, 10_000), 10_000),
        (Method::Fifo, 5, false, (5, 5_000), 5_000),
    ] {
        let company = Company::trading().await;
        company.product("P", valuation, None).await;
        let receipt = company.received("2024-01-01", "P", 10, 10_000).await;
        let freight = company.freight("2024-01-05", &receipt, 2_000).await;
        if sold > 0 {
            company.sold("2024-01-20", "P", sold).await;
        }
        if came_again {
            company.received("2024-01-25", "P", 10, 10_000).await;
        }
        company.reversed(&freight, "2024-02-01", method).await.unwrap();
        let came_to = (
            company.stock("P", "main", None).await,
            company.balance(Role::CostOfSales, "2024-02-01").await,
        );
        assert_eq!(came_to, (stock, cost), "{valuation:?}, {sold} sold, {came_again}");
        if sold == 0 {
            let back = ReturnGoods {
                receipt: Arc::clone(&receipt.number),
                memo: String::new(),
                returned_at: Some(at("2024-03-01")),
                lines: vec![pieces("P", 5)],
            };
            company.sound(Command::ReturnGoods(back)).await.unwrap();
            assert_eq!(company.stock("P", "main", None).await, (5, 5_000));
            assert_eq!(company.balance(Role::CostOfSales, "2024-03-01").await, 0);
        }
    }
}

#[tokio::test]
async fn goods_that_left_and_came_back_are_the_same_goods() {
    let company = Company::trading().await;
    company.product("P", Method::MovingAverage, None).await;
    let receipt = company.received("2024-01-01", "P", 10, 10_000).await;
    let freight = company.freight("2024-01-05", &receipt, 2_000).await;
    let invoice = company.sold("2024-01-20", "P", 4).await;
    let method = ReversalMethod::CounterEntry;
    company.reversed(&invoice, "2024-02-01", method).await.unwrap();
    company.reversed(&freight, "2024-02-02", method).await.unwrap();
    assert_eq!(company.stock("P", "main", None).await, (10, 10_000));
    assert_eq!(company.balance(Role::CostOfSales, "2024-02-02").await, 0);
}

#[tokio::test]
async fn a_reversed_return_goes_by_what_its_sale_turned_out_to_cost() {
    let company = Company::trading().await;
    company.product("P", Method::MovingAverage, None).await;
    company.received("2024-01-01", "P", 10, 10_000).await;
    let invoice = company.sold("2024-01-20", "P", 4).await;
    let note = company.returned("2024-02-01", &invoice, "P", 4).await.unwrap();
    company
        .reversed(&note, "2024-03-01", ReversalMethod::CounterEntry)
        .await
        .unwrap();
    company.received("2024-01-10", "P", 10, 20_000).await;
    assert_eq!(company.balance(Role::CostOfSales, "2024-03-01").await, 6_000);
    assert_eq!(company.stock("P", "main", None).await, (16, 24_000));
}

#[tokio::test]
async fn what_stood_on_it_and_was_reversed_keeps_it_from_being_cancelled() {
    let company = Company::trading().await;
    company.product("P", Method::Fifo, None).await;
    let receipt = company.received_to_be_billed().await;
    let bill = bill_of(&receipt, "2024-02-10", None);
    let again = bill_of(&receipt, "2024-03-01", None);
    // It moves nothing and adds nothing.
    let bill = company.sound(Command::PostBill(bill)).await.unwrap();
    company
        .reversed(&bill, "2024-03-10", ReversalMethod::CounterEntry)
        .await
        .unwrap();
    let refused = company
        .cancelled(DocumentKind::PurchaseReceipt, &receipt.number)
        .await
        .unwrap_err();
    let expected = "purchase bill BILL-000001 stood on 'GRN-000001' until it was reversed";
    assert!(refused.to_string().contains(expected), "{refused}");
    let method = ReversalMethod::CounterEntry;
    let early = company.reversed(&receipt, "2024-03-01", method).await.unwrap_err();
    let expected = "posted_at: must not be before 2024-03-10T00:00:00Z: purchase bill BILL-000001 stood until then";
    assert_eq!(early.to_string(), expected);
    let early = company.sound(Command::PostBill(again)).await.unwrap_err();
    assert!(
        early.to_string().starts_with("billed_at: must not be before"),
        "{early}"
    );
    company
        .reversed(&receipt, "2024-04-10", ReversalMethod::CounterEntry)
        .await
        .unwrap();
    for (day, minor) in [
        ("2024-01-31", 1_000),
        ("2024-02-29", 0),
        ("2024-03-31", 1_000),
        ("2024-04-30", 0),
    ] {
        assert_eq!(company.unbilled(day).await, (minor, minor), "{day}");
    }
}

#[tokio::test]
async fn a_standard_cost_that_is_said_for_later_does_not_hold_a_reversal_up() {
    let company = Company::trading().await;
    company.product("P", Method::Standard, Some("10.00")).await;
    let planned = SetStandardCost {
        product: "P".into(),
        cost: "12.00".parse().unwrap(),
        from: Some(at("2025-01-01")),
    };
    company.sound(Command::SetStandardCost(planned)).await.unwrap();
    let receipt = company.received("2024-04-01", "P", 10, 9_500).await;
    company
        .reversed(&receipt, "2024-05-01", ReversalMethod::CounterEntry)
        .await
        .unwrap();
    assert_eq!(company.stock("P", "main", None).await, (0, 0));
    for day in ["2024-05-01", "2025-01-01"] {
        for role in [
            Role::Inventory,
            Role::PriceVariance,
            Role::StockRevalued,
            Role::Payables,
        ] {
            assert_eq!(company.balance(role, day).await, 0, "{role:?} on {day}");
        }
    }
}

#[tokio::test]
async fn freight_that_was_reversed_is_in_nobody_s_way() {
    let company = Company::trading().await;
    company.product("P", Method::MovingAverage, None).await;
    let receipt = company.received_to_be_billed().await;
    let freight = company.freight("2024-01-15", &receipt, 200).await;
    company
        .reversed(&freight, "2024-03-01", ReversalMethod::CounterEntry)
        .await
        .unwrap();
    let bill = bill_of(&receipt, "2024-02-01", None);
    company.sound(Command::PostBill(bill)).await.unwrap();
    assert_eq!(company.stock("P", "main", None).await, (10, 1_000));
}
