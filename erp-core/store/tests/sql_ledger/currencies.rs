//! A company in pounds that deals in euros and dollars: every figure by hand, and the books sound after every command.

use std::sync::Arc;

use cortex_erp::{
    AccountBalance, AccountKind, AddLandedCost, Allocation, BalanceSheet, Cancel, Chart, CloseFiscalYear, Closings,
    Command, CreditLineInput, CreditReason, DefineAccount, DefineCompany, DefineCostCentre, DocumentKind, ErpError,
    Invoice, JournalLineInput, LinePrice, OpenBalances, OpenFiscalYear, OpeningStockInput, Page, PaymentDirection,
    PostCreditNote, PostInvoice, PostJournalEntry, QuantityInput, ReceiptLineInput, ReceiveGoods, RecordPayment,
    Records, ReturnGoods, RevalueCurrencies, ReversalMethod, ReverseEntry, Role, SetExchangeRate, Settle, SettleItems,
    Span,
};
use cortex_types::{Coded, Currency, ErrorCode, Timestamp};

use crate::company::{Company, PIECE, line};

pub fn at(day: &str) -> Timestamp {
    day.parse().unwrap()
}

fn side(account: &str, debit_minor: i64, credit_minor: i64) -> JournalLineInput {
    JournalLineInput {
        account: account.to_owned(),
        debit_minor,
        credit_minor,
        ..JournalLineInput::default()
    }
}

fn entry(day: &str, currency: Currency, lines: Vec<JournalLineInput>) -> Command {
    Command::PostJournalEntry(PostJournalEntry {
        memo: "by hand".to_owned(),
        currency,
        posted_at: Some(at(day)),
        adjusting: false,
        lines,
    })
}

fn sale(day: &str, currency: Currency, pieces: i64, price: LinePrice) -> Command {
    let mut sold = line("MUG", pieces);
    sold.price = price;
    Command::PostInvoice(PostInvoice {
        order: None,
        prices_include_tax: false,
        due_at: None,
        number: None,
        series: None,
        customer: Some("C1".into()),
        country: None,
        currency,
        location: None,
        invoiced_at: Some(at(day)),
        decision_id: None,
        lines: vec![sold],
    })
}

pub fn receipt(day: &str, currency: Currency, lines: &[(i64, i64)]) -> Command {
    let line = |(pieces, value_minor): &(i64, i64)| ReceiptLineInput {
        unit: None,
        tax: None,
        product: "MUG".into(),
        quantity_micro: pieces * PIECE,
        value_minor: Some(*value_minor),
    };
    Command::ReceiveGoods(ReceiveGoods {
        to_be_billed: false,
        order: None,
        prices_include_tax: false,
        due_at: None,
        number: None,
        series: None,
        supplier: "S1".into(),
        currency,
        location: None,
        received_at: Some(at(day)),
        lines: lines.iter().map(line).collect(),
    })
}

fn payment(day: &str, party: &str, direction: PaymentDirection, currency: Currency, amount_minor: i64) -> Command {
    Command::RecordPayment(RecordPayment {
        settles: None,
        number: None,
        series: None,
        party: party.into(),
        direction,
        amount_minor,
        currency,
        paid_at: Some(at(day)),
    })
}

/// Traders in pounds; a euro is 0.80 from January, 0.90 from March 2024 on, a dollar 0.75.
pub async fn in_pounds() -> Company {
    let company = Company::trading().await;
    company.sound(define(Currency::GBP, None)).await.unwrap();
    for (currency, day, rate) in [
        (Currency::EUR, "2024-01-01", "0.80"),
        (Currency::EUR, "2024-03-01", "0.90"),
        (Currency::USD, "2024-01-01", "0.75"),
    ] {
        company.sound(rate_of(currency, day, rate)).await.unwrap();
    }
    company
}

fn define(currency: Currency, chart: Option<&str>) -> Command {
    Command::DefineCompany(DefineCompany {
        tax_rounding: None,
        name: "Example Trading Ltd".to_owned(),
        currency,
        chart: chart.map(Arc::from),
    })
}

pub fn rate_of(currency: Currency, day: &str, rate: &str) -> Command {
    Command::SetExchangeRate(SetExchangeRate {
        currency,
        valid_from: at(day),
        rate: rate.parse().unwrap(),
    })
}

impl Company {
    async fn balances(&self) -> Vec<AccountBalance> {
        let all = self.ledger.trial_balance(&self.ctx, Span::default(), Closings::Counted);
        all.await.unwrap()
    }

    /// Debits less credits of the account with a role, in a currency and in pounds.
    pub async fn of(&self, role: Role, currency: Currency) -> (i64, i64) {
        let chart = self.ledger.chart(&self.ctx).await.unwrap();
        let balances = self.balances().await;
        let found = balances
            .iter()
            .find(|of| of.account == *chart.of(role) && of.currency == currency);
        found.map_or((0, 0), |of| (of.balance_minor(), of.base_balance_minor()))
    }

    /// In pounds, whatever was posted in.
    async fn in_base(&self, role: Role) -> i64 {
        let chart = self.ledger.chart(&self.ctx).await.unwrap();
        let balances = AccountBalance::in_base(&self.balances().await, Currency::GBP);
        let found = balances.iter().find(|of| of.account == *chart.of(role));
        found.map_or(0, AccountBalance::balance_minor)
    }
}

#[tokio::test]
async fn an_invoice_in_euros_is_kept_in_pounds_and_what_the_rate_brings_is_gained() {
    let company = in_pounds().await;
    company
        .sound(receipt("2024-01-05", Currency::GBP, &[(10, 1000)]))
        .await
        .unwrap();
    // 4 at 5.00 EUR; the goods cost 1.00 GBP each.
    let price = LinePrice::Unit("5.00".parse().unwrap());
    company
        .sound(sale("2024-01-10", Currency::EUR, 4, price))
        .await
        .unwrap();
    assert_eq!(company.of(Role::Receivables, Currency::EUR).await, (2000, 1600));
    assert_eq!(company.of(Role::Sales, Currency::EUR).await, (-2000, -1600));
    assert_eq!(company.of(Role::CostOfSales, Currency::GBP).await, (400, 400));
    assert_eq!(company.of(Role::Inventory, Currency::GBP).await, (600, 600));

    // Paid in March, when the euros are worth 18.00, and nobody said for what: at the end of March the account is worth nothing, and
    // the difference stands again from April on, until the payment settles the invoice.
    let paid = payment("2024-03-05", "C1", PaymentDirection::In, Currency::EUR, 2000);
    let paid = company.sound(paid).await.unwrap();
    assert_eq!(company.of(Role::Bank, Currency::EUR).await, (2000, 1800));
    assert_eq!(company.of(Role::Receivables, Currency::EUR).await, (0, -200));
    let revalue = Command::RevalueCurrencies(RevalueCurrencies {
        before: at("2024-04-01"),
        adjusting: false,
    });
    let gained = company.sound(revalue.clone()).await.unwrap();
    assert_eq!(
        (gained.kind, gained.amount_minor, gained.currency),
        (DocumentKind::ExchangeRevaluation, 200, Currency::GBP)
    );
    let again = company.sound(revalue).await.unwrap_err();
    assert!(again.to_string().contains("nothing to revalue"), "{again}");
    assert_eq!(company.of(Role::Receivables, Currency::EUR).await, (0, -200));
    let settle = SettleItems {
        kind: DocumentKind::Payment,
        number: paid.number,
        currency: Currency::EUR,
        settles: Settle::Oldest,
        settled_at: Some(at("2024-04-02")),
    };
    company.sound(Command::SettleItems(settle)).await.unwrap();
    assert_eq!(company.of(Role::Receivables, Currency::EUR).await, (0, 0));
    assert_eq!(company.in_base(Role::ExchangeDifferences).await, -200);
}

#[tokio::test]
async fn a_list_price_in_pounds_is_billed_in_euros() {
    let company = in_pounds().await;
    // 3.00 GBP are 3.75 EUR in January.
    let receipt = company
        .sound(sale("2024-01-10", Currency::EUR, 2, LinePrice::List))
        .await
        .unwrap();
    assert_eq!(receipt.amount_minor, 750);
    let missing = company
        .execute(sale("2023-12-31", Currency::EUR, 2, LinePrice::List))
        .await
        .unwrap_err();
    assert_eq!(missing.code(), ErrorCode::NoExchangeRate);
    assert!(
        missing.to_string().contains("EUR") && missing.to_string().contains("2023-12-31"),
        "{missing}"
    );
}

#[tokio::test]
async fn goods_bought_in_dollars_are_worth_pounds_and_go_back_for_the_dollars() {
    let company = in_pounds().await;
    // 10.01 and 20.02 USD are 22.52 GBP together: 7.51 and 15.01.
    let bought = company
        .sound(receipt("2024-01-05", Currency::USD, &[(1, 1001), (2, 2002)]))
        .await
        .unwrap();
    assert_eq!(company.of(Role::Payables, Currency::USD).await, (-3003, -2252));
    assert_eq!(company.of(Role::Inventory, Currency::GBP).await, (2252, 2252));
    assert_eq!(company.in_base(Role::CurrencyConversion).await, 0);
    assert_eq!(company.of(Role::CurrencyConversion, Currency::USD).await, (3003, 2252));

    // Freight of 4.00 EUR: 3.20 GBP more for the three.
    let freight = Command::AddLandedCost(AddLandedCost {
        supplier: "S1".into(),
        currency: Currency::EUR,
        amount_minor: 400,
        receipts: vec![Arc::clone(&bought.number)],
        allocation: Allocation::ByQuantity,
        memo: String::new(),
        billed_at: Some(at("2024-01-06")),
    });
    let freight = company.sound(freight).await.unwrap();
    assert_eq!(company.of(Role::Inventory, Currency::GBP).await, (2572, 2572));
    assert_eq!(company.of(Role::Payables, Currency::EUR).await, (-400, -320));
    let cancel = |kind, number: &Arc<str>| {
        Command::Cancel(Cancel {
            kind,
            number: Arc::clone(number),
            memo: String::new(),
            reversal: None,
        })
    };
    company
        .sound(cancel(DocumentKind::LandedCost, &freight.number))
        .await
        .unwrap();
    assert_eq!(company.of(Role::Payables, Currency::EUR).await, (0, 0));

    let back = |pieces: i64| {
        Command::ReturnGoods(ReturnGoods {
            receipt: Arc::clone(&bought.number),
            memo: String::new(),
            returned_at: Some(at("2024-03-20")),
            lines: vec![QuantityInput {
                unit: None,
                product: "MUG".into(),
                quantity_micro: pieces * PIECE,
            }],
        })
    };
    let first = company.sound(back(1)).await.unwrap();
    assert_eq!(first.amount_minor, 1001);
    assert_eq!(company.of(Role::Payables, Currency::USD).await, (-2002, -1501));
    let others = company.sound(back(2)).await.unwrap();
    assert_eq!(company.of(Role::Payables, Currency::USD).await, (0, 0));
    for returned in [&others, &first] {
        company
            .sound(cancel(DocumentKind::PurchaseReturn, &returned.number))
            .await
            .unwrap();
    }
    company
        .sound(cancel(DocumentKind::PurchaseReceipt, &bought.number))
        .await
        .unwrap();
    assert_eq!(company.of(Role::Payables, Currency::USD).await, (0, 0));
    assert_eq!(company.of(Role::CurrencyConversion, Currency::USD).await, (0, 0));
    assert_eq!(company.in_base(Role::Inventory).await, 0);
}

#[tokio::test]
async fn an_entry_by_hand_balances_in_pounds_through_conversion_and_rounding() {
    let company = in_pounds().await;
    let euros = |account: &str, debit, credit, base_minor| JournalLineInput {
        currency: Some(Currency::EUR),
        base_minor,
        ..side(account, debit, credit)
    };
    // 100.00 EUR bought for 81.00 GBP, of which 1.00 is lost.
    let exchanged = entry(
        "2024-02-01",
        Currency::GBP,
        vec![
            euros("bank", 10_000, 0, None),
            side("exchange-differences", 100, 0),
            side("bank", 0, 8_100),
        ],
    );
    let posted = company.sound(exchanged).await.unwrap();
    assert_eq!(company.of(Role::Bank, Currency::EUR).await, (10_000, 8_000));
    assert_eq!(company.of(Role::Bank, Currency::GBP).await, (-8_100, -8_100));
    assert_eq!(company.in_base(Role::CurrencyConversion).await, 0);
    // The same rate said outright.
    let agreed = entry(
        "2024-02-02",
        Currency::GBP,
        vec![euros("bank", 10_000, 0, Some(8_100)), side("bank", 0, 8_100)],
    );
    company.sound(agreed).await.unwrap();
    assert_eq!(company.of(Role::Bank, Currency::EUR).await, (20_000, 16_100));
    // Neither.
    let wrong = entry(
        "2024-02-02",
        Currency::GBP,
        vec![euros("bank", 10_000, 0, None), side("bank", 0, 8_100)],
    );
    let wrong = company.sound(wrong).await.unwrap_err();
    assert_eq!(wrong.code(), ErrorCode::Unbalanced);
    assert!(
        wrong.to_string().contains("80.00 GBP") && wrong.to_string().contains("81.00 GBP"),
        "{wrong}"
    );
    // What was owed at another rate than it is paid at: the difference is said, and nothing is rounded away.
    let said = |account: &str, debit, credit, base| JournalLineInput {
        party: (account == "receivables").then(|| "C1".into()),
        ..euros(account, debit, credit, Some(base))
    };
    let paid = vec![
        said("bank", 10_000, 0, 9_000),
        said("receivables", 0, 10_000, 8_500),
        side("exchange-differences", 0, 500),
    ];
    let paid = company.sound(entry("2024-02-02", Currency::GBP, paid)).await.unwrap();
    assert_eq!(
        company.of(Role::CurrencyConversion, Currency::EUR).await.1,
        -company.of(Role::CurrencyConversion, Currency::GBP).await.1
    );
    let undone = ReverseEntry {
        entry: paid.number,
        method: ReversalMethod::CounterEntry,
        memo: None,
        posted_at: Some(at("2024-02-02")),
        adjusting: false,
    };
    company.sound(Command::ReverseEntry(undone)).await.unwrap();
    let pence = vec![euros("bank", 10_000, 0, None), side("bank", 0, 7_998)];
    let pence = company
        .sound(entry("2024-02-02", Currency::GBP, pence))
        .await
        .unwrap_err();
    assert_eq!(
        pence.code(),
        ErrorCode::Unbalanced,
        "two pence are no rounding of one line"
    );
    // 0.03 EUR are 0.02 GBP, and three times 0.01 EUR are 0.03.
    let pennies = vec![
        side("bank", 3, 0),
        side("sales", 0, 1),
        side("service-sales", 0, 1),
        side("discounts", 0, 1),
    ];
    company
        .sound(entry("2024-02-03", Currency::EUR, pennies))
        .await
        .unwrap();
    assert_eq!(company.of(Role::Rounding, Currency::EUR).await, (0, 1));

    for method in [ReversalMethod::Storno] {
        let reversed = Command::ReverseEntry(ReverseEntry {
            entry: Arc::clone(&posted.number),
            method,
            memo: None,
            posted_at: Some(at("2024-03-15")),
            adjusting: false,
        });
        company.sound(reversed).await.unwrap();
    }
    // Undone at what it was worth then.
    assert_eq!(company.of(Role::Bank, Currency::EUR).await, (10_003, 8_102));
}

#[tokio::test]
async fn a_year_with_euros_is_closed_in_both_currencies() {
    let company = in_pounds().await;
    let year = OpenFiscalYear {
        code: None,
        from: at("2024-01-01"),
        months: 12,
    };
    company.sound(Command::OpenFiscalYear(year)).await.unwrap();
    let earned = |day, debit| {
        entry(
            day,
            Currency::EUR,
            vec![side("bank", debit, 0), side("sales", 0, debit)],
        )
    };
    company.sound(earned("2024-01-10", 1000)).await.unwrap();
    company.sound(earned("2024-03-10", 1000)).await.unwrap();
    company
        .sound(entry(
            "2024-04-01",
            Currency::GBP,
            vec![side("bad-debt", 300, 0), side("bank", 0, 300)],
        ))
        .await
        .unwrap();
    let revalue = RevalueCurrencies {
        before: at("2025-01-01"),
        adjusting: false,
    };
    company.sound(Command::RevalueCurrencies(revalue)).await.unwrap();
    company
        .sound(Command::CloseFiscalYear(CloseFiscalYear { year: "FY2024".into() }))
        .await
        .unwrap();
    // 8.00 + 9.00 of sales, 1.00 of the rate, less 3.00.
    assert_eq!(company.in_base(Role::RetainedEarnings).await, -1500);
    assert_eq!(company.in_base(Role::Sales).await, 0);
    assert_eq!(company.in_base(Role::ExchangeDifferences).await, 0);
    let balances = AccountBalance::in_base(&company.balances().await, Currency::GBP);
    let sheet = BalanceSheet::of(&balances, &Chart::default()).remove(0);
    assert_eq!(
        (sheet.assets.total_minor, sheet.equity.total_minor, sheet.earned_minor),
        (1500, 1500, 0)
    );
}

#[tokio::test]
async fn what_a_company_brings_along_balances_against_one_account() {
    let company = in_pounds().await;
    let opening = |lines, stock| {
        Command::OpenBalances(OpenBalances {
            memo: String::new(),
            currency: Currency::GBP,
            opened_at: Some(at("2024-01-01")),
            lines,
            stock,
        })
    };
    let stock = vec![OpeningStockInput {
        unit: None,
        product: "MUG".into(),
        location: None,
        quantity_micro: 8 * PIECE,
        value_minor: 1600,
    }];
    let lines = vec![
        side("bank", 5_000, 0),
        JournalLineInput {
            currency: Some(Currency::EUR),
            base_minor: Some(900),
            ..side("receivables", 1_000, 0)
        },
        side("equity", 0, 7_500),
    ];
    let opened = company.sound(opening(lines, stock)).await.unwrap();
    assert_eq!(&*opened.number, "OB-000001");
    assert_eq!(company.in_base(Role::OpeningBalances).await, 0);
    assert_eq!(company.of(Role::OpeningBalances, Currency::EUR).await, (-1_000, -900));
    assert_eq!(company.of(Role::Inventory, Currency::GBP).await, (1600, 1600));
    // What is sold later costs what was brought along.
    company
        .sound(sale("2024-01-10", Currency::GBP, 2, LinePrice::List))
        .await
        .unwrap();
    assert_eq!(company.in_base(Role::CostOfSales).await, 400);
    let cancel = Cancel {
        kind: DocumentKind::OpeningBalance,
        number: opened.number,
        memo: String::new(),
        reversal: None,
    };
    company.sound(Command::Cancel(cancel)).await.unwrap();
    assert_eq!(company.in_base(Role::Bank).await, 0);
    assert_eq!(company.of(Role::Receivables, Currency::EUR).await, (0, 0));
    let nothing = company.execute(opening(vec![], vec![])).await.unwrap_err();
    assert!(nothing.to_string().starts_with("lines:"), "{nothing}");
}

#[tokio::test]
async fn a_chart_of_another_country_is_posted_to_and_kept() {
    let company = Company::trading().await;
    company.sound(define(Currency::GBP, Some("skr04"))).await.unwrap();
    company
        .sound(receipt("2024-01-05", Currency::GBP, &[(10, 1000)]))
        .await
        .unwrap();
    let chart = company.ledger.chart(&company.ctx).await.unwrap();
    assert_eq!(
        (&**chart.of(Role::Inventory), &**chart.of(Role::Payables)),
        ("1140", "3300")
    );
    let balances = company.balances().await;
    let codes: Vec<&str> = balances.iter().map(|of| &*of.account).collect();
    assert_eq!(codes, ["1140", "3300"]);
    assert_eq!(
        company
            .count("accounts WHERE role = 'payables' AND code = '3300'")
            .await,
        1
    );
    for (command, field) in [
        (define(Currency::EUR, None), "currency"),
        (define(Currency::GBP, Some("pcg")), "chart"),
        (define(Currency::GBP, Some("klingon")), "chart"),
    ] {
        let refused = company.execute(command).await.unwrap_err();
        assert!(
            matches!(&refused, ErpError::Invalid { field: named, .. } if named == field),
            "{refused}"
        );
    }
    company.sound(define(Currency::GBP, None)).await.unwrap();
}

#[tokio::test]
async fn accounts_are_added_blocked_and_given_roles_but_control_accounts_stay() {
    let company = in_pounds().await;
    let account = |code: &str, kind, role, blocked| {
        Command::DefineAccount(DefineAccount {
            code: code.into(),
            title: format!("account {code}"),
            kind,
            role,
            blocked,
        })
    };
    company
        .sound(account("1150", AccountKind::Asset, Some(Role::Receivables), false))
        .await
        .unwrap();
    company
        .sound(sale("2024-01-10", Currency::GBP, 1, LinePrice::List))
        .await
        .unwrap();
    assert_eq!(
        &**company.ledger.chart(&company.ctx).await.unwrap().of(Role::Receivables),
        "1150"
    );
    assert_eq!(company.in_base(Role::Receivables).await, 300);
    company
        .sound(account("4050", AccountKind::Income, Some(Role::Sales), false))
        .await
        .unwrap();
    company
        .sound(sale("2024-01-11", Currency::GBP, 1, LinePrice::List))
        .await
        .unwrap();
    assert_eq!(company.in_base(Role::Sales).await, -300);
    // And back again: the role is where it was given last.
    company
        .sound(account("4000", AccountKind::Income, Some(Role::Sales), false))
        .await
        .unwrap();
    assert_eq!(
        &**company.ledger.chart(&company.ctx).await.unwrap().of(Role::Sales),
        "4000"
    );
    company
        .sound(account("4050", AccountKind::Income, Some(Role::Sales), false))
        .await
        .unwrap();
    company
        .sound(account("6200", AccountKind::Expense, None, true))
        .await
        .unwrap();
    let to_blocked = entry(
        "2024-01-12",
        Currency::GBP,
        vec![side("6200", 1, 0), side("bank", 0, 1)],
    );
    assert!(
        company
            .execute(to_blocked)
            .await
            .unwrap_err()
            .to_string()
            .contains("blocked")
    );
    for (command, field) in [
        (
            account("1160", AccountKind::Asset, Some(Role::Receivables), false),
            "role",
        ),
        (account("1160", AccountKind::Expense, Some(Role::Bank), false), "role"),
        (account("4050", AccountKind::Expense, Some(Role::Sales), false), "kind"),
        (account("4050", AccountKind::Income, None, false), "role"),
        (account("4050", AccountKind::Income, Some(Role::Sales), true), "blocked"),
    ] {
        let refused = company.execute(command).await.unwrap_err();
        assert!(
            matches!(&refused, ErpError::Invalid { field: named, .. } if named == field),
            "{refused}"
        );
    }
}

#[tokio::test]
async fn what_is_counted_for_a_cost_centre_is_reported_for_it() {
    let company = in_pounds().await;
    let centre = |blocked| {
        Command::DefineCostCentre(DefineCostCentre {
            code: "SHOP".into(),
            title: "the shop".to_owned(),
            blocked,
        })
    };
    let rent = |amount| {
        let counted = JournalLineInput {
            cost_centre: Some("SHOP".into()),
            ..side("bank-charges", amount, 0)
        };
        entry("2024-01-12", Currency::GBP, vec![counted, side("bank", 0, amount)])
    };
    assert!(
        company
            .execute(rent(500))
            .await
            .unwrap_err()
            .to_string()
            .contains("no cost centre 'SHOP'")
    );
    company.sound(centre(false)).await.unwrap();
    let posted = company.sound(rent(500)).await.unwrap();
    let of_centre = async || {
        let balances = company
            .ledger
            .cost_centre_balances(&company.ctx, "SHOP", Span::default());
        balances
            .await
            .unwrap()
            .iter()
            .map(AccountBalance::balance_minor)
            .collect::<Vec<_>>()
    };
    assert_eq!(of_centre().await, [500]);
    company.sound(centre(true)).await.unwrap();
    assert!(
        company
            .execute(rent(1))
            .await
            .unwrap_err()
            .to_string()
            .contains("blocked")
    );
    let reversed = ReverseEntry {
        entry: posted.number,
        method: ReversalMethod::CounterEntry,
        memo: None,
        posted_at: Some(at("2024-01-13")),
        adjusting: false,
    };
    company.sound(Command::ReverseEntry(reversed)).await.unwrap();
    assert_eq!(of_centre().await, [0]);
    assert_eq!(
        company
            .ledger
            .cost_centres(&company.ctx, &Page::default())
            .await
            .unwrap()
            .len(),
        1
    );
}

#[tokio::test]
async fn a_note_for_an_invoice_in_euros_takes_back_what_it_was_worth() {
    let company = in_pounds().await;
    company
        .sound(receipt("2024-01-05", Currency::GBP, &[(10, 1000)]))
        .await
        .unwrap();
    let price = LinePrice::Unit("5.00".parse().unwrap());
    let invoice = company
        .sound(sale("2024-01-10", Currency::EUR, 4, price.clone()))
        .await
        .unwrap();
    let mut returned = line("MUG", 1);
    returned.price = price;
    let note = Command::PostCreditNote(PostCreditNote {
        prices_include_tax: false,
        number: None,
        series: None,
        customer: Some("C1".into()),
        country: None,
        currency: Currency::EUR,
        location: None,
        invoice: Some(Arc::clone(&invoice.number)),
        credited_at: Some(at("2024-01-20")),
        lines: vec![CreditLineInput {
            line: returned,
            reason: CreditReason::Return,
        }],
    });
    let note = company.sound(note).await.unwrap();
    assert_eq!(company.of(Role::SalesReturns, Currency::EUR).await, (500, 400));
    assert_eq!(company.of(Role::Inventory, Currency::GBP).await, (700, 700));
    for (kind, number) in [
        (DocumentKind::CreditNote, &note.number),
        (DocumentKind::SalesInvoice, &invoice.number),
    ] {
        let cancel = Cancel {
            kind,
            number: Arc::clone(number),
            memo: String::new(),
            reversal: None,
        };
        company.sound(Command::Cancel(cancel)).await.unwrap();
    }
    assert_eq!(company.of(Role::Receivables, Currency::EUR).await, (0, 0));
    let found: Invoice = company
        .ledger
        .invoice(&company.ctx, &invoice.number)
        .await
        .unwrap()
        .unwrap();
    assert_eq!((found.currency, found.net_minor), (Currency::EUR, 2000));
}

#[tokio::test]
async fn a_company_cannot_say_a_currency_that_its_books_are_not_in() {
    let company = Company::trading().await;
    let refused = company.execute(define(Currency::EUR, None)).await.unwrap_err();
    assert!(refused.to_string().contains("GBP already"), "{refused}");
    let rate = company
        .execute(rate_of(Currency::EUR, "2024-01-01", "0.8"))
        .await
        .unwrap_err();
    assert!(rate.to_string().contains("no currency yet"), "{rate}");
    company.sound(define(Currency::GBP, None)).await.unwrap();
    for (command, field) in [
        (rate_of(Currency::GBP, "2024-01-01", "1"), "currency"),
        (rate_of(Currency::EUR, "2024-01-01", "0"), "rate"),
        (rate_of(Currency::EUR, "2024-01-01", "-1"), "rate"),
        (rate_of(Currency::EUR, "2024-01-01", "0.0000000000001"), "rate"),
    ] {
        let refused = company.execute(command).await.unwrap_err();
        assert!(
            matches!(&refused, ErpError::Invalid { field: named, .. } if named == field),
            "{refused}"
        );
    }
    // The same day again: the newer one holds.
    company
        .sound(rate_of(Currency::EUR, "2024-01-01", "0.8"))
        .await
        .unwrap();
    company
        .sound(rate_of(Currency::EUR, "2024-01-01T12:00:00Z", "0.85"))
        .await
        .unwrap();
    let rates = company
        .ledger
        .exchange_rates(&company.ctx, &Page::default())
        .await
        .unwrap();
    assert_eq!(
        rates.iter().map(|rate| rate.rate.to_string()).collect::<Vec<_>>(),
        ["0.85"]
    );
}
