//! The arithmetic once more, without the product.
//!
//! **Floor lamps** (fifo). Layers: 10 for 80.00 from before; 10 for 90.00, and 9.00 of freight: 99.00; 10 for 90.00, billed at 95.00.
//!
//! | | what leaves | cost | what is left |
//! |---|---|---|---|
//! | 13th, delivered 12 | 10 of the first, 2 of the second | 80.00 + 19.80 = 99.80 | 8 at 79.20, 10 at 95.00 |
//! | 15th, 2 back to the supplier for 18.00 | 2 of the second | 19.80, so 1.80 lost | 6 at 59.40, 10 at 95.00 |
//! | 16th, 1 back for 9.00, and 0.50 more when it is credited | 1 of the third | 9.50 | 6 at 59.40, 9 at 85.50 |
//! | 26th, sold 2 | 2 of the second | 19.80 | 4 at 39.60, 9 at 85.50 |
//! | 27th, 4 to the shop | the rest of the second | 39.60 | 9 at 85.50, and 4 at 39.60 in the shop |
//!
//! **Desk lamps** (average), with what came on the 6th and was posted on the 30th:
//!
//! | | quantity | value | |
//! |---|---|---|---|
//! | 1st | 20 | 100.00 | |
//! | 4th, 30 for 180.00, and 18.00 of freight | 50 | 298.00 | |
//! | 5th, sold 10 | 40 | 238.40 | cost 59.60 |
//! | 6th, 10 for 100.00 | 50 | 338.40 | |
//! | 10th, 20 for 120 dollars at 0.90 | 70 | 446.40 | |
//! | 13th, delivered 20 | 50 | 318.86 | 446.40 · 20/70 = 127.54 |
//! | 18th, sold 5 | 45 | 286.97 | 318.86 · 5/50 = 31.89 |
//! | 19th, 2 of these 5 came back | 47 | 299.73 | 31.89 · 2/5 = 12.76 |
//! | 28th, 1 broken | 46 | 293.35 | 299.73 / 47 = 6.38 |
//!
//! **Bulbs** (standard 5.00, from the 31st on 5.10): 40 + 50 − 10 − 20 − 10 + 2 + 20 = 72 in the warehouse, 10 − 1 = 9 in the shop. 72 · 5.10 =
//! 367.20, 9 · 5.10 = 45.90; all 81 are worth 8.10 more than before.
//!
//! **Cost of sales**: 99.80 + 19.80 for floor lamps, 59.60 + 127.54 + 31.89 − 12.76 = 206.27 for desk lamps, 30 · 5.00 = 150.00 for bulbs,
//! and 1.80 lost on what went back: 477.67.

use anyhow::{Context, Result, ensure};
use cortex_tests::client::Client;
use serde_json::Value;

const END: &str = "2024-01-31";

/// Debits less credits of each account at the end of January, in pounds.
const BALANCES: &[(&str, &str)] = &[
    // 10 000 + 238.00 − 180.00 − 600 − 600 + 1500 + 400 − 15.00 = 10 743.00, and 130 dollars at 0.95 = 123.50
    ("1000", "10866.50"),
    // 600 + 963.90 + 107.10 + 71.40 − 1500 = 242.40; 150 + 345.00 − 42.80 − 400 = 52.20
    ("1100", "294.60"),
    // 85.50 + 39.60; 293.35; 367.20 + 45.90
    ("1200", "831.55"),
    // 51.30 − 3.42 + 72.20 − 1.81 + 19.00
    ("1300", "137.27"),
    ("1500", "1200.00"),
    ("1510", "-25.00"),
    ("1900", "0.00"),
    // 119.00 − 59.23 = 59.77; 50 dollars at 0.95 = 47.50; freight 27.00
    ("2000", "-134.27"),
    // 38.00 + 153.90 + 17.10 + 45.00 − 2.80 + 11.40
    ("2050", "-262.60"),
    ("2100", "-104.00"),
    ("2300", "-300.00"),
    ("3000", "-11930.00"),
    ("3900", "0.00"),
    // 200.00 + 760.00 + 90.00 + 300.00 + 60.00
    ("4000", "-1410.00"),
    ("4100", "-50.00"),
    ("4900", "40.00"),
    ("5000", "477.67"),
    // a bulb and a desk lamp
    ("5100", "11.38"),
    ("5200", "-10.00"),
    // 10.00 and 5.00 of the first bulbs, 4.00 of the second
    ("5300", "19.00"),
    ("5400", "-8.10"),
    ("6000", "15.00"),
    ("6200", "300.00"),
    ("6300", "25.00"),
    ("6400", "20.00"),
    // 1.40 lost when 70 dollars that were 63.00 were paid with 64.40; 7.90 gained in the bank, 2.50 lost on what is owed
    ("7000", "-4.00"),
];

/// 1410 + 50 − 40 − (477.67 + 11.38 − 10.00 + 19.00 − 8.10 + 15.00 + 300.00 + 25.00 + 20.00 − 4.00) = 1420.00 − 845.95
const RESULT: &str = "574.05";

pub fn of_the_month(erp: &Client) -> Result<()> {
    balances(erp)?;
    statements(erp)?;
    taxes(erp)?;
    open_items(erp)?;
    stock(erp)
}

fn balances(erp: &Client) -> Result<()> {
    let report = erp.get(&format!("/erp/v1/reports/trial-balance?as_of={END}"))?;
    let accounts = report["accounts"].as_array().context("accounts")?;
    let balance = |code: &str| {
        let found = accounts.iter().find(|account| account["account"] == code);
        found.map_or(Ok(0), |account| minor(&account["balance"]))
    };
    for (code, expected) in BALANCES {
        let (is, expected) = (balance(code)?, minor(&Value::from(*expected))?);
        ensure!(
            is == expected,
            "account {code} comes to {is}, worked out were {expected}"
        );
    }
    for account in accounts {
        let known = BALANCES.iter().any(|(code, _)| account["account"] == *code);
        ensure!(known || account["balance"] == "0.00", "nobody worked out {account}");
    }
    let sum: i64 = accounts
        .iter()
        .map(|account| minor(&account["balance"]))
        .sum::<Result<_>>()?;
    ensure!(sum == 0, "the trial balance comes to {sum}");
    Ok(())
}

fn statements(erp: &Client) -> Result<()> {
    let earned = erp.get(&format!("/erp/v1/reports/profit-and-loss?from=2024-01-01&as_of={END}"))?;
    let earned = &earned["profit_and_loss"][0];
    ensure!(earned["result"] == RESULT, "{earned}");
    let sheets = erp.get(&format!("/erp/v1/reports/balance-sheet?as_of={END}"))?;
    let sheet = &sheets["balance_sheets"][0];
    // 10 866.50 + 294.60 + 831.55 + 137.27 + 1175.00 = 134.27 + 262.60 + 104.00 + 300.00 + 11 930.00 + 574.05
    for (total, expected) in [
        (&sheet["assets"]["total"], "13304.92"),
        (&sheet["liabilities"]["total"], "800.87"),
        (&sheet["equity"]["total"], "11930.00"),
        (&sheet["earned"], RESULT),
        (&sheet["liabilities_and_equity"], "13304.92"),
    ] {
        ensure!(total == expected, "{total} is not {expected}: {sheet}");
    }
    ensure!(
        minor(&sheet["assets"]["total"])?
            == minor(&sheet["liabilities"]["total"])? + minor(&sheet["equity"]["total"])? + minor(&sheet["earned"])?,
        "{sheet}"
    );
    Ok(())
}

/// 262.60 were charged and 137.27 paid: 125.33 are due.
fn taxes(erp: &Client) -> Result<()> {
    let report = erp.get(&format!("/erp/v1/reports/taxes?from=2024-01-01&as_of={END}"))?;
    let taxes = report["taxes"].as_array().context("taxes")?;
    for (direction, code, base, tax) in [
        // 200 + 810 + 90 + 200 + 60
        ("output", "AST-V19", "1360.00", "258.40"),
        // 100 − 40
        ("output", "AST-V7", "60.00", "4.20"),
        // 270 − 18 + 380 − 9.50 + 100
        ("input", "AST-V19", "722.50", "137.27"),
    ] {
        let found = taxes
            .iter()
            .find(|of| of["direction"] == direction && of["code"] == code);
        let found = found.with_context(|| format!("{direction} {code}"))?;
        ensure!(found["base"] == base && found["tax"] == tax, "{found}: {base} {tax}");
    }
    ensure!(taxes.len() == 3, "{report}");
    Ok(())
}

/// What parties owe, and are owed, document by document.
fn open_items(erp: &Client) -> Result<()> {
    let open: Vec<Value> = erp.list("/erp/v1/open-items")?;
    let expected = [
        ("AST-C1", "AST-INV-2", "GBP", "171.00"),
        ("AST-C1", "AST-INV-6", "GBP", "71.40"),
        ("AST-C2", "AST-INV-4", "GBP", "52.20"),
        ("AST-S1", "AST-GRN-4", "GBP", "-119.00"),
        ("AST-S1", "AST-PAY-3", "GBP", "59.23"),
        ("AST-S2", "AST-GRN-3", "USD", "-50.00"),
        ("AST-S3", "LC-000001", "GBP", "-27.00"),
    ];
    let mut left: Vec<String> = open
        .iter()
        .map(|item| {
            format!(
                "{} {} {} {}",
                item["party"], item["number"], item["currency"], item["open"]
            )
        })
        .collect();
    let mut worked_out: Vec<String> = expected
        .iter()
        .map(|(party, number, currency, open)| format!("{party:?} {number:?} {currency:?} {open:?}"))
        .collect();
    left.sort();
    worked_out.sort();
    ensure!(
        left == worked_out,
        "open are {left:#?}, worked out were {worked_out:#?}"
    );
    // The accounts say the same in pounds, where 50 dollars are 47.50.
    for (side, ageing, expected) in [
        ("receivables", vec!["171.00", "71.40", "52.20"], "294.60"),
        ("payables", vec!["119.00", "-59.23", "27.00"], "86.77"),
    ] {
        let sum: i64 = ageing
            .iter()
            .map(|open| minor(&Value::from(*open)))
            .sum::<Result<_>>()?;
        let report = erp.get(&format!("/erp/v1/reports/{side}-ageing?as_of={END}"))?;
        let pounds = report["parties"].as_array().into_iter().flatten();
        let pounds = pounds.filter(|party| party["currency"] == "GBP");
        let total: i64 = pounds.map(|party| minor(&party["total"])).sum::<Result<_>>()?;
        ensure!(sum == minor(&Value::from(expected))?, "{side}: {sum}");
        ensure!(total.abs() == sum, "{side}: {total} is not {sum} in {report}");
    }
    Ok(())
}

fn stock(erp: &Client) -> Result<()> {
    let report = erp.get(&format!("/erp/v1/reports/stock-on-hand?as_of={END}"))?;
    let items = report["items"].as_array().context("items")?;
    let mut worth = 0;
    for (product, location, quantity, value) in [
        ("AST-FLOOR", "main", "9", "85.50"),
        ("AST-FLOOR", "AST-HIGH-STREET", "4", "39.60"),
        ("AST-DESK", "main", "46", "293.35"),
        ("AST-BULB", "main", "72", "367.20"),
        ("AST-BULB", "AST-HIGH-STREET", "9", "45.90"),
    ] {
        let found = items
            .iter()
            .find(|item| item["product"] == product && item["location"] == location);
        let found = found.with_context(|| format!("{product} at {location}: {report}"))?;
        ensure!(
            found["quantity"] == quantity && found["value"] == value,
            "{found}: {quantity} {value}"
        );
        worth += minor(&found["value"])?;
    }
    ensure!(items.len() == 5 && worth == 83_155, "{worth}: {report}");
    costs(erp)?;
    suggested(erp)
}

/// What each sale cost, as it is known at the end.
fn costs(erp: &Client) -> Result<()> {
    for (product, expected) in [
        ("AST-FLOOR", vec![("sale", "-12", "-99.80"), ("sale", "-2", "-19.80")]),
        (
            "AST-DESK",
            vec![
                ("sale", "-10", "-59.60"),
                ("sale", "-20", "-127.54"),
                ("sale", "-5", "-31.89"),
                ("return", "2", "12.76"),
            ],
        ),
    ] {
        let moves = erp.list(&format!("/erp/v1/stock-moves?product={product}"))?;
        let of_sales = moves
            .iter()
            .filter(|of| of["reason"] == "sale" || of["reason"] == "return");
        let of_sales: Vec<_> = of_sales
            .map(|of| {
                [&of["reason"], &of["quantity"], &of["value_now"]].map(|field| field.as_str().unwrap_or_default())
            })
            .collect();
        let expected: Vec<_> = expected.into_iter().map(<[&str; 3]>::from).collect();
        ensure!(
            of_sales == expected,
            "{product}: {of_sales:?}, worked out were {expected:?}"
        );
    }
    Ok(())
}

/// 9 floor lamps and 10 to come are no more than 20: 11 are missing to 30. 46 desk lamps less 5 to leave are no more than 60: 59 are
/// missing to 100, which are five dozens. 72 bulbs are more than 10.
fn suggested(erp: &Client) -> Result<()> {
    let items = erp.list("/erp/v1/reports/suggested-orders")?;
    let orders: Vec<_> = items.iter().map(|item| [&item["product"], &item["quantity"]]).collect();
    let expected = [["AST-FLOOR", "11"], ["AST-DESK", "60"]];
    ensure!(orders == expected, "{orders:?}");
    Ok(())
}

/// The accrual was undone in February, and 50 dollars are owed at 45.00 again: the year earned 574.05 + 300.00 + 2.50; nothing else changed.
pub fn of_the_year(erp: &Client) -> Result<()> {
    let sheets = erp.get("/erp/v1/reports/balance-sheet?as_of=2024-12-31")?;
    let sheet = &sheets["balance_sheets"][0];
    let retained = sheet["equity"]["accounts"].as_array().into_iter().flatten();
    let retained = retained
        .clone()
        .find(|line| line["account"] == "3100")
        .context("retained earnings")?;
    ensure!(retained["amount"] == "876.55" && sheet["earned"] == "0.00", "{sheet}");
    ensure!(
        sheet["assets"]["total"] == "13304.92" && sheet["liabilities"]["total"] == "498.37",
        "{sheet}"
    );
    Ok(())
}

/// Cents.
fn minor(amount: &Value) -> Result<i64> {
    let text = amount.as_str().with_context(|| format!("{amount} is no amount"))?;
    let (units, cents) = text.split_once('.').with_context(|| format!("{text} has no cents"))?;
    ensure!(cents.len() == 2, "{text} has no cents");
    Ok(format!("{units}{cents}").parse()?)
}
