//! What stock is worth, by the examples of textbooks, through commands and on the database.

mod reversals;

use std::sync::Arc;

use cortex_erp::valuation::Method;
use cortex_erp::{
    AddLandedCost, Allocation, BillLineInput, Cancel, Chart, Closings, Command, CommandJournal, CountStock,
    CreateProduct, CreditLineInput, CreditReason, DefineLocation, DocumentKind, ErpError, InvoiceLineInput, Known,
    LinePrice, NegativeStock, OpenFiscalYear, Page, PeriodState, PostBill, PostCreditNote, PostInvoice, PostedBy,
    ProductKind, QuantityInput, Receipt, ReceiptLineInput, ReceiveGoods, Records, ReturnGoods, Reversal,
    ReversalMethod, Role, SetPeriodState, SetStandardCost, Span, TransferStock,
};
use cortex_types::{Coded, Currency, ErrorCode, Timestamp, Unit};

use crate::company::{Company, PIECE, key, tenant};

fn at(day: &str) -> Timestamp {
    day.parse().unwrap()
}

fn pieces(product: &str, pieces: i64) -> QuantityInput {
    QuantityInput {
        unit: None,
        product: product.into(),
        quantity_micro: pieces * PIECE,
    }
}

impl Company {
    async fn product(&self, code: &str, valuation: Method, standard_cost: Option<&str>) {
        let product = CreateProduct {
            code: code.into(),
            description: code.to_owned(),
            kind: ProductKind::Goods,
            unit: Unit::each(),
            currency: Currency::GBP,
            list_price_minor: Some(5000),
            valuation: Some(valuation),
            standard_cost: standard_cost.map(|cost| cost.parse().unwrap()),
            created_at: Some(at("2024-01-01")),
        };
        self.execute(Command::CreateProduct(product)).await.unwrap();
    }

    async fn received(&self, day: &str, product: &str, pieces: i64, value_minor: i64) -> Receipt {
        let command = ReceiveGoods {
            to_be_billed: false,
            order: None,
            prices_include_tax: false,
            due_at: None,
            number: None,
            series: None,
            supplier: "S1".into(),
            currency: Currency::GBP,
            location: None,
            received_at: Some(at(day)),
            lines: vec![ReceiptLineInput {
                unit: None,
                tax: None,
                product: product.into(),
                quantity_micro: pieces * PIECE,
                value_minor: Some(value_minor),
            }],
        };
        self.sound(Command::ReceiveGoods(command)).await.unwrap()
    }

    async fn sold(&self, day: &str, product: &str, pieces: i64) -> Receipt {
        self.sound(sale(day, None, product, pieces)).await.unwrap()
    }

    async fn returned(&self, day: &str, invoice: &Receipt, product: &str, pieces: i64) -> Result<Receipt, ErpError> {
        let command = PostCreditNote {
            prices_include_tax: false,
            number: None,
            series: None,
            customer: Some("C1".into()),
            country: None,
            currency: Currency::GBP,
            location: None,
            invoice: Some(Arc::clone(&invoice.number)),
            credited_at: Some(at(day)),
            lines: vec![CreditLineInput {
                line: line(product, pieces),
                reason: CreditReason::Return,
            }],
        };
        self.sound(Command::PostCreditNote(command)).await
    }

    async fn cancelled(&self, kind: DocumentKind, number: &Arc<str>) -> Result<Receipt, ErpError> {
        let command = Cancel {
            kind,
            number: Arc::clone(number),
            memo: String::new(),
            reversal: None,
        };
        self.sound(Command::Cancel(command)).await
    }

    /// Debits less credits of an account up to the end of a day.
    async fn balance(&self, role: Role, as_of: &str) -> i64 {
        let span = Span::new(None, Some(as_of)).unwrap();
        let balances = self
            .ledger
            .trial_balance(&self.ctx, span, Closings::Counted)
            .await
            .unwrap();
        let of_account = balances
            .iter()
            .find(|balance| balance.account == *Chart::default().of(role));
        of_account.map_or(0, |balance| balance.balance_minor())
    }

    /// Quantity in pieces and value of a product at a location at the end of a day, or now.
    async fn stock(&self, product: &str, location: &str, as_of: Option<&str>) -> (i64, i64) {
        let before = Span::new(None, as_of).unwrap().before;
        let stock = self
            .ledger
            .stock_on_hand(&self.ctx, before, &Page::default())
            .await
            .unwrap();
        let there = stock
            .iter()
            .find(|there| &*there.product_code == product && &*there.location == location);
        there.map_or((0, 0), |there| (there.quantity_micro / PIECE, there.value_minor))
    }
}

fn line(product: &str, pieces: i64) -> InvoiceLineInput {
    InvoiceLineInput {
        tax: None,
        product: product.into(),
        quantity_micro: pieces * PIECE,
        unit: None,
        price: LinePrice::List,
    }
}

fn sale(day: &str, location: Option<&str>, product: &str, pieces: i64) -> Command {
    Command::PostInvoice(PostInvoice {
        order: None,
        prices_include_tax: false,
        due_at: None,
        number: None,
        series: None,
        customer: Some("C1".into()),
        country: None,
        currency: Currency::GBP,
        location: location.map(Arc::from),
        invoiced_at: Some(at(day)),
        decision_id: None,
        lines: vec![line(product, pieces)],
    })
}

/// 100 at 10.00, 60 at 11.00, and 120 sold.
async fn textbook(method: Method) -> (Company, Receipt) {
    let company = Company::trading().await;
    company
        .product("P", method, (method == Method::Standard).then_some("10.50"))
        .await;
    company.received("2024-01-01", "P", 100, 100_000).await;
    company.received("2024-01-10", "P", 60, 66_000).await;
    let sale = company.sold("2024-01-15", "P", 120).await;
    (company, sale)
}

#[tokio::test]
async fn the_same_goods_cost_what_the_method_says() {
    for (method, cost_of_sales, left) in [
        // 100 x 10.00 + 20 x 11.00.
        (Method::Fifo, 122_000, 44_000),
        // 1660.00 / 160 = 10.375.
        (Method::MovingAverage, 124_500, 41_500),
        (Method::Standard, 126_000, 42_000),
    ] {
        let (company, _) = textbook(method).await;
        assert_eq!(
            company.balance(Role::CostOfSales, "2024-01-31").await,
            cost_of_sales,
            "{method:?}"
        );
        assert_eq!(company.stock("P", "main", None).await, (40, left), "{method:?}");
        assert_eq!(company.balance(Role::Inventory, "2024-01-31").await, left);
        let variance = company.balance(Role::PriceVariance, "2024-01-31").await;
        assert_eq!(
            variance,
            if method == Method::Standard { -2000 } else { 0 },
            "{method:?}"
        );
    }
}

#[tokio::test]
async fn a_receipt_that_comes_late_changes_what_was_sold_since_month_by_month() {
    let (company, january) = textbook(Method::Fifo).await;
    company.sold("2024-02-10", "P", 30).await;
    // 50 at 9.00, before everything was sold: the first 120 now cost 100 x 10.00 + 20 x 9.00, the next 30 all 9.00.
    let late = company.received("2024-01-05", "P", 50, 45_000).await;
    assert_eq!(company.balance(Role::CostOfSales, "2024-01-31").await, 118_000);
    assert_eq!(company.balance(Role::CostOfSales, "2024-02-29").await, 118_000 + 27_000);
    assert_eq!(company.stock("P", "main", Some("2024-01-31")).await, (90, 93_000));
    assert_eq!(company.balance(Role::Inventory, "2024-01-31").await, 93_000);
    assert_eq!(company.stock("P", "main", None).await, (60, 66_000));
    assert_eq!(company.count("stock_revaluations").await, 2, "one for each month");
    let moves = company
        .ledger
        .stock_moves(&company.ctx, Some("P"), &Page::default())
        .await
        .unwrap();
    let sold = moves.iter().find(|(moved, _)| moved.document.id == january.id).unwrap();
    assert_eq!(
        (sold.0.value_minor, sold.1),
        (-122_000, -118_000),
        "as posted, and as known now"
    );
    // As if it had never been.
    company
        .cancelled(DocumentKind::PurchaseReceipt, &late.number)
        .await
        .unwrap();
    assert_eq!(company.balance(Role::CostOfSales, "2024-01-31").await, 122_000);
    assert_eq!(company.balance(Role::CostOfSales, "2024-02-29").await, 122_000 + 33_000);
    assert_eq!(company.stock("P", "main", None).await, (10, 11_000));
    let again = company
        .cancelled(DocumentKind::PurchaseReceipt, &late.number)
        .await
        .unwrap_err();
    assert!(
        again
            .to_string()
            .contains("cancelled already, or reversed, by CAN-000001"),
        "{again}"
    );
}

#[tokio::test]
async fn goods_come_back_at_what_they_cost_when_they_left() {
    let (company, sale) = textbook(Method::MovingAverage).await;
    company.received("2024-01-20", "P", 60, 90_000).await;
    // A hundred and twenty left for 1245.00: thirty come back for a quarter of it, though the average is 13.15 by now.
    let note = company.returned("2024-01-25", &sale, "P", 30).await.unwrap();
    assert_eq!(company.balance(Role::CostOfSales, "2024-01-31").await, 124_500 - 31_125);
    assert_eq!(company.stock("P", "main", None).await, (130, 41_500 + 90_000 + 31_125));
    let more = company.returned("2024-01-26", &sale, "P", 91).await.unwrap_err();
    assert!(
        more.to_string().contains("90 of 'INV-000001' can still come back"),
        "{more}"
    );
    let early = company.returned("2024-01-14", &sale, "P", 1).await.unwrap_err();
    assert!(early.to_string().starts_with("credited_at:"), "{early}");
    let sold = company
        .cancelled(DocumentKind::SalesInvoice, &sale.number)
        .await
        .unwrap_err();
    assert!(sold.to_string().contains("credit note CN-000001 stands on"), "{sold}");
    company.cancelled(DocumentKind::CreditNote, &note.number).await.unwrap();
    company
        .cancelled(DocumentKind::SalesInvoice, &sale.number)
        .await
        .unwrap();
    assert_eq!(company.balance(Role::Receivables, "2024-12-31").await, 0);
    assert_eq!(company.balance(Role::CostOfSales, "2024-12-31").await, 0);
    assert_eq!(company.stock("P", "main", None).await, (220, 100_000 + 66_000 + 90_000));
}

#[tokio::test]
async fn a_supplier_takes_goods_back_for_what_it_billed() {
    for (method, left) in [
        (Method::Fifo, 100_000 + 33_000),
        (Method::MovingAverage, 166_000 - 33_000),
    ] {
        let company = Company::trading().await;
        company.product("P", method, None).await;
        company.received("2024-01-01", "P", 100, 100_000).await;
        let second = company.received("2024-01-10", "P", 60, 66_000).await;
        let command = |pieces_back| {
            Command::ReturnGoods(ReturnGoods {
                receipt: Arc::clone(&second.number),
                memo: "scratched".to_owned(),
                returned_at: Some(at("2024-01-12")),
                lines: vec![pieces("P", pieces_back)],
            })
        };
        company.sound(command(30)).await.unwrap();
        assert_eq!(company.stock("P", "main", None).await, (130, left), "{method:?}");
        assert_eq!(company.balance(Role::Payables, "2024-01-31").await, -166_000 + 33_000);
        assert!(
            company.sound(command(31)).await.is_err(),
            "only thirty are left of that receipt"
        );
    }
}

#[tokio::test]
async fn what_was_sold_before_it_came_costs_what_was_last_known_until_the_receipt_says_better() {
    let company = Company::trading().await;
    company.product("P", Method::MovingAverage, None).await;
    company.received("2024-01-01", "P", 10, 10_000).await;
    company.sold("2024-01-05", "P", 15).await;
    assert_eq!(company.balance(Role::CostOfSales, "2024-01-31").await, 15_000);
    assert_eq!(company.stock("P", "main", None).await, (-5, -5_000));
    // The five cost 12.00: 10.00 more for all of them, at that moment.
    company.received("2024-01-20", "P", 20, 24_000).await;
    assert_eq!(company.balance(Role::CostOfSales, "2024-01-19").await, 15_000);
    assert_eq!(company.balance(Role::CostOfSales, "2024-01-20").await, 16_000);
    assert_eq!(company.stock("P", "main", None).await, (15, 18_000));
}

#[tokio::test]
async fn freight_is_part_of_what_was_sold_and_of_what_is_there() {
    let (company, _) = textbook(Method::Fifo).await;
    let receipts = vec!["GRN-000001".into(), "GRN-000002".into()];
    let cost = AddLandedCost {
        supplier: "S1".into(),
        currency: Currency::GBP,
        amount_minor: 16_000,
        receipts,
        allocation: Allocation::ByQuantity,
        memo: "freight".to_owned(),
        billed_at: Some(at("2024-02-03")),
    };
    // 1.00 a piece: 120 of them are sold.
    let billed = company.sound(Command::AddLandedCost(cost)).await.unwrap();
    assert_eq!(company.balance(Role::CostOfSales, "2024-01-31").await, 122_000 + 12_000);
    assert_eq!(company.stock("P", "main", None).await, (40, 44_000 + 4_000));
    assert_eq!(
        company.balance(Role::GoodsReceived, "2024-01-31").await,
        -16_000,
        "not billed yet"
    );
    assert_eq!(company.balance(Role::GoodsReceived, "2024-02-03").await, 0);
    assert_eq!(company.balance(Role::Payables, "2024-02-03").await, -182_000);
    let needed = company
        .cancelled(DocumentKind::PurchaseReceipt, &"GRN-000001".into())
        .await
        .unwrap_err();
    assert!(
        needed.to_string().contains("landed-cost LC-000001 stands on"),
        "{needed}"
    );
    company
        .cancelled(DocumentKind::LandedCost, &billed.number)
        .await
        .unwrap();
    assert_eq!(company.balance(Role::CostOfSales, "2024-12-31").await, 122_000);
    assert_eq!(company.balance(Role::Payables, "2024-12-31").await, -166_000);
}

#[tokio::test]
async fn what_is_found_costs_what_was_last_paid_with_its_freight() {
    let company = Company::trading().await;
    company.product("OLDEST", Method::Fifo, None).await;
    let receipt = company.received("2024-01-10", "OLDEST", 10, 10_000).await;
    let freight = AddLandedCost {
        supplier: "S1".into(),
        currency: Currency::GBP,
        receipts: vec![Arc::clone(&receipt.number)],
        amount_minor: 2_000,
        allocation: Allocation::ByValue,
        memo: String::new(),
        billed_at: Some(at("2024-01-12")),
    };
    company.sound(Command::AddLandedCost(freight)).await.unwrap();
    // Two more than there are.
    company.sold("2024-01-20", "OLDEST", 12).await;
    assert_eq!(company.balance(Role::CostOfSales, "2024-02-01").await, 14_400);
}

#[tokio::test]
async fn another_standard_cost_revalues_what_is_there() {
    let (company, _) = textbook(Method::Standard).await;
    let cost = |day: &str, cost: &str| {
        Command::SetStandardCost(SetStandardCost {
            product: "P".into(),
            cost: cost.parse().unwrap(),
            from: Some(at(day)),
        })
    };
    company.sound(cost("2024-02-01", "11.00")).await.unwrap();
    assert_eq!(company.stock("P", "main", None).await, (40, 44_000));
    assert_eq!(company.balance(Role::StockRevalued, "2024-02-01").await, -2_000);
    // From before the sale on: that costs it too.
    company.sound(cost("2024-01-12", "10.80")).await.unwrap();
    assert_eq!(company.balance(Role::CostOfSales, "2024-01-31").await, 120 * 1080);
    assert_eq!(
        company.stock("P", "main", None).await,
        (40, 44_000),
        "the newer one stands"
    );
    let refused = company.sound(cost("2024-03-01", "-1")).await.unwrap_err();
    assert!(refused.to_string().starts_with("cost:"), "{refused}");
}

#[tokio::test]
async fn goods_keep_their_worth_from_one_location_to_another_and_a_shop_sells_what_it_has() {
    let company = Company::trading().await;
    company.product("P", Method::Fifo, None).await;
    let shop = DefineLocation {
        code: "shop".into(),
        name: "the shop".to_owned(),
        negative_stock: NegativeStock::Refuse,
    };
    let unknown = company
        .sound(sale("2024-01-05", Some("shop"), "P", 1))
        .await
        .unwrap_err();
    assert_eq!(unknown.code(), ErrorCode::UnknownLocation);
    company.sound(Command::DefineLocation(shop)).await.unwrap();
    company.received("2024-01-01", "P", 10, 1_000).await;
    company.received("2024-01-02", "P", 10, 3_000).await;
    let transfer = TransferStock {
        memo: String::new(),
        from: "main".into(),
        to: "shop".into(),
        moved_at: Some(at("2024-01-03")),
        lines: vec![pieces("P", 12)],
    };
    let moved = company.sound(Command::TransferStock(transfer)).await.unwrap();
    assert_eq!(company.stock("P", "shop", None).await, (12, 1_600));
    assert_eq!(company.stock("P", "main", None).await, (8, 2_400));
    company.sound(sale("2024-01-05", Some("shop"), "P", 10)).await.unwrap();
    let short = company
        .sound(sale("2024-01-06", Some("shop"), "P", 3))
        .await
        .unwrap_err();
    assert_eq!(short.code(), ErrorCode::InsufficientStock);
    // Not before what is there now was sold, either.
    let late = company
        .sound(sale("2024-01-04", Some("shop"), "P", 3))
        .await
        .unwrap_err();
    assert_eq!(late.code(), ErrorCode::InsufficientStock);
    let gone = company
        .cancelled(DocumentKind::StockTransfer, &moved.number)
        .await
        .unwrap_err();
    assert_eq!(gone.code(), ErrorCode::InsufficientStock);
    // What came late to the one is passed on to the other.
    company.received("2023-12-31", "P", 12, 600).await;
    assert_eq!(company.stock("P", "shop", None).await, (2, 100));
    assert_eq!(company.balance(Role::CostOfSales, "2024-01-31").await, 500);
    let counted = CountStock {
        memo: "stock-taking".to_owned(),
        location: Some("main".into()),
        counted_at: Some(at("2024-01-31")),
        lines: vec![pieces("P", 18)],
    };
    let counted = Command::CountStock(counted);
    let receipt = company.sound(counted.clone()).await.unwrap();
    let numbers = [Arc::clone(&receipt.number), "ST-000099".into()];
    // Of stock documents those of the kind, and of the others those that are there.
    let by = |cancelled_by: Option<&Receipt>| PostedBy {
        number: Arc::clone(&receipt.number),
        command: counted.clone(),
        cancelled_by: cancelled_by.map(|receipt| Arc::clone(&receipt.number)),
    };
    for (kind, posted) in [
        (DocumentKind::StockCount, vec![by(None)]),
        (DocumentKind::StockTransfer, Vec::new()),
        (DocumentKind::SalesInvoice, Vec::new()),
    ] {
        let found = company.ledger.posted_by(&company.ctx, kind, &numbers).await.unwrap();
        assert_eq!(found, posted, "{kind}");
    }
    assert_eq!(company.stock("P", "main", None).await.0, 18);
    assert_eq!(
        company.balance(Role::WriteOffs, "2024-01-31").await,
        200,
        "two of the oldest, at 1.00"
    );
    let kind = DocumentKind::StockCount;
    let cancelled = company.cancelled(kind, &receipt.number).await.unwrap();
    let found = company.ledger.posted_by(&company.ctx, kind, &numbers).await.unwrap();
    assert_eq!(found, [by(Some(&cancelled))]);
}

#[tokio::test]
async fn a_standard_cost_holds_from_ever_on_until_a_later_one() {
    let company = Company::trading().await;
    // Created today, and traded long before.
    company.product("S", Method::Standard, Some("5")).await;
    company.received("2024-01-10", "S", 100, 50_000).await;
    let dearer = SetStandardCost {
        product: "S".into(),
        cost: "6".parse().unwrap(),
        from: Some(at("2024-02-01")),
    };
    company.sound(Command::SetStandardCost(dearer)).await.unwrap();
    company.received("2024-01-05", "S", 20, 10_000).await;
    assert_eq!(company.stock("S", "main", Some("2024-01-31")).await, (120, 60_000));
    assert_eq!(company.stock("S", "main", None).await, (120, 72_000));
    assert_eq!(company.balance(Role::PriceVariance, "2024-12-31").await, 0);
    assert_eq!(company.balance(Role::StockRevalued, "2024-12-31").await, -12_000);
}

#[tokio::test]
async fn what_is_sold_bears_its_own_late_costs_and_not_what_came_since() {
    let company = Company::trading().await;
    company.product("P", Method::MovingAverage, None).await;
    let year = OpenFiscalYear {
        code: None,
        from: at("2024-01-01"),
        months: 12,
    };
    company.execute(Command::OpenFiscalYear(year)).await.unwrap();
    company.received("2024-01-20", "P", 10, 10_000).await;
    let close = SetPeriodState {
        period: "FY2024-01".into(),
        state: PeriodState::HardClosed,
    };
    company.execute(Command::SetPeriodState(close)).await.unwrap();
    company.sold("2024-02-10", "P", 8).await;
    // What never was took nothing of it.
    let undone = company.sold("2024-02-11", "P", 2).await;
    company
        .cancelled(DocumentKind::SalesInvoice, &undone.number)
        .await
        .unwrap();
    company.received("2024-02-20", "P", 10, 30_000).await;
    let late = AddLandedCost {
        supplier: "S1".into(),
        currency: Currency::GBP,
        amount_minor: 5_000,
        receipts: vec!["GRN-000001".into()],
        allocation: Allocation::ByQuantity,
        memo: String::new(),
        billed_at: Some(at("2024-03-05")),
    };
    let (_, before) = company.stock("P", "main", None).await;
    company.sound(Command::AddLandedCost(late)).await.unwrap();
    // Two of the ten were the least that was there since.
    assert_eq!(company.stock("P", "main", None).await, (12, before + 1_000));
    assert_eq!(company.balance(Role::CostOfSales, "2024-12-31").await, 8_000 + 4_000);
}

#[tokio::test]
async fn what_is_closed_stays_as_it_was() {
    let (company, sale) = textbook(Method::Fifo).await;
    let year = OpenFiscalYear {
        code: None,
        from: at("2024-01-01"),
        months: 12,
    };
    company.execute(Command::OpenFiscalYear(year)).await.unwrap();
    let close = SetPeriodState {
        period: "FY2024-01".into(),
        state: PeriodState::HardClosed,
    };
    company.execute(Command::SetPeriodState(close)).await.unwrap();
    let cancelled = company
        .cancelled(DocumentKind::SalesInvoice, &sale.number)
        .await
        .unwrap_err();
    assert_eq!(cancelled.code(), ErrorCode::PeriodClosed);
    // Freight for goods of a closed month: what is left of them takes its part, the rest is a cost of the day of the bill.
    let cost = AddLandedCost {
        supplier: "S1".into(),
        currency: Currency::GBP,
        amount_minor: 6_000,
        receipts: vec!["GRN-000002".into()],
        allocation: Allocation::ByValue,
        memo: String::new(),
        billed_at: Some(at("2024-02-03")),
    };
    company.sound(Command::AddLandedCost(cost)).await.unwrap();
    assert_eq!(company.balance(Role::CostOfSales, "2024-01-31").await, 122_000);
    assert_eq!(company.balance(Role::CostOfSales, "2024-02-29").await, 122_000 + 2_000);
    assert_eq!(company.stock("P", "main", None).await, (40, 44_000 + 4_000));
}

#[tokio::test]
async fn a_receipt_that_never_was_leaves_nothing() {
    let company = Company::trading().await;
    company.product("P", Method::Fifo, None).await;
    let only = company.received("2024-01-01", "P", 10, 10_000).await;
    company
        .cancelled(DocumentKind::PurchaseReceipt, &only.number)
        .await
        .unwrap();
    assert_eq!(company.stock("P", "main", None).await, (0, 0));
    company.sold("2024-01-05", "P", 1).await;
    assert_eq!(company.balance(Role::Inventory, "2024-01-31").await, 0);
}

#[tokio::test]
async fn a_standard_cost_that_was_set_before_anything_came_revalues_what_came() {
    let company = Company::trading().await;
    company.product("P", Method::Standard, Some("1.00")).await;
    let cost = SetStandardCost {
        product: "P".into(),
        cost: "2.00".parse().unwrap(),
        from: Some(at("2024-02-01")),
    };
    company.sound(Command::SetStandardCost(cost)).await.unwrap();
    let receipt = company.received("2024-01-15", "P", 10, 1_000).await;
    assert_eq!(company.balance(Role::Inventory, "2024-01-31").await, 1_000);
    assert_eq!(company.balance(Role::Inventory, "2024-02-01").await, 2_000);
    assert_eq!(company.balance(Role::StockRevalued, "2024-02-01").await, -1_000);
    company.sold("2024-01-20", "P", 4).await;
    company.sold("2024-02-05", "P", 1).await;
    assert_eq!(company.balance(Role::CostOfSales, "2024-01-31").await, 400);
    assert_eq!(company.balance(Role::CostOfSales, "2024-02-05").await, 600);
    assert_eq!(company.balance(Role::StockRevalued, "2024-02-05").await, -600);
    company
        .cancelled(DocumentKind::PurchaseReceipt, &receipt.number)
        .await
        .unwrap();
    assert_eq!(company.stock("P", "main", None).await, (-5, -1_000));
}

#[tokio::test]
async fn another_tenant_s_goods_are_out_of_reach() {
    let company = Company::trading().await;
    company.product("P", Method::Fifo, None).await;
    let receipt = company.received("2024-01-01", "P", 10, 10_000).await;
    let other = tenant("globex");
    let shop = DefineLocation {
        code: "shop".into(),
        name: String::new(),
        negative_stock: NegativeStock::Allow,
    };
    company.execute(Command::DefineLocation(shop)).await.unwrap();
    for command in [
        Command::Cancel(Cancel {
            kind: DocumentKind::PurchaseReceipt,
            number: Arc::clone(&receipt.number),
            memo: String::new(),
            reversal: None,
        }),
        Command::ReturnGoods(ReturnGoods {
            receipt: Arc::clone(&receipt.number),
            memo: String::new(),
            returned_at: None,
            lines: vec![pieces("P", 1)],
        }),
    ] {
        let answer = company.erp.execute(&other, command, key("k"), Known::ByClock).await;
        assert_eq!(answer.unwrap_err().code(), ErrorCode::NotFound);
    }
    let records = &company.ledger;
    assert_eq!(records.location(&other, "shop").await.unwrap(), None);
    assert!(
        records
            .stock_moves(&other, Some("P"), &Page::default())
            .await
            .unwrap()
            .is_empty()
    );
    assert!(
        records
            .stock_on_hand(&other, None, &Page::default())
            .await
            .unwrap()
            .is_empty()
    );
    assert_eq!(company.stock("P", "main", None).await, (10, 10_000));
}

#[tokio::test]
async fn two_tenants_have_a_location_each_under_the_same_code() {
    let company = Company::trading().await;
    let other = tenant("globex");
    let shop = |name: &str, negative_stock| {
        Command::DefineLocation(DefineLocation {
            code: "shop".into(),
            name: name.to_owned(),
            negative_stock,
        })
    };
    company.execute(shop("ours", NegativeStock::Refuse)).await.unwrap();
    let theirs = shop("theirs", NegativeStock::Allow);
    let defined = company.erp.execute(&other, theirs, key("define"), Known::ByClock).await;
    defined.unwrap();
    let (ours, theirs) = (&company.ctx, &other);
    let [ours, theirs] = [ours, theirs].map(|ctx| company.ledger.location(ctx, "shop"));
    let (ours, theirs) = (ours.await.unwrap().unwrap(), theirs.await.unwrap().unwrap());
    assert_ne!(ours.id, theirs.id);
    assert_eq!(
        (ours.name.as_str(), ours.negative_stock),
        ("ours", NegativeStock::Refuse)
    );
    assert_eq!(
        (theirs.name.as_str(), theirs.negative_stock),
        ("theirs", NegativeStock::Allow)
    );
}
