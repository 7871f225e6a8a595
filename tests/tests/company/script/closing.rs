//! The end of the month, and of the year.

use anyhow::{Context, Result, ensure};
use cortex_tests::client::Client;
use serde_json::{Value, json};

fn entry(memo: &str, at: &str, debit: Value, credit: Value) -> Value {
    json!({ "memo": memo, "posted_at": at, "lines": [debit, credit] })
}

/// Rent that is owed and not billed, and what the bank charges.
pub fn accruals(erp: &Client) -> Result<()> {
    erp.post(
        "/erp/v1/journal-entries",
        entry(
            "Aster's rent of January",
            "2024-01-31T18:00:00Z",
            json!({ "account": "6200", "debit": "300.00", "cost_centre": "AST-SHOP" }),
            json!({ "account": "2300", "credit": "300.00" }),
        ),
    )?;
    erp.post(
        "/erp/v1/journal-entries",
        entry(
            "Aster's bank",
            "2024-01-31T18:30:00Z",
            json!({ "account": "bank-charges", "debit": "15.00", "cost_centre": "AST-WEB" }),
            json!({ "account": "bank", "credit": "15.00" }),
        ),
    )?;
    Ok(())
}

fn depreciation() -> Value {
    entry(
        "Aster's equipment wears out",
        "2024-01-31T20:00:00Z",
        json!({ "account": "6300", "debit": "25.00" }),
        json!({ "account": "1510", "credit": "25.00" }),
    )
}

/// Closed softly it takes what adjusts, and nothing else. 130 dollars in the bank are worth 123.50 and not 115.60, 50 that are owed
/// 47.50 and not 45.00: 7.90 − 2.50 = 5.40 is gained. Another 1.40 was lost when 70 dollars were paid that had been 63.00.
pub fn soft(erp: &Client) -> Result<()> {
    erp.post("/erp/v1/fiscal-periods/FY2024-01/close", json!({ "level": "soft" }))?;
    erp.refused(409, "period-closed", "/erp/v1/journal-entries", depreciation())?;
    let invoice = json!({
        "number": "AST-INV-9", "customer": "AST-C1", "invoiced_at": "2024-01-31T20:00:00Z",
        "lines": [{ "product": "AST-FIT", "quantity": "1", "tax": "AST-V19" }],
    });
    erp.refused(409, "period-closed", "/erp/v1/sales-invoices", invoice)?;
    let mut adjusting = depreciation();
    adjusting["adjusting"] = json!(true);
    erp.post("/erp/v1/journal-entries", adjusting)?;
    let revalued = erp.post(
        "/erp/v1/exchange-revaluations",
        json!({ "as_of": "2024-01-31", "adjusting": true }),
    )?;
    ensure!(revalued["amount"] == "5.40", "{revalued}");
    Ok(())
}

/// Closed for good it takes nothing.
pub fn hard(erp: &Client) -> Result<()> {
    erp.post("/erp/v1/fiscal-periods/FY2024-01/close", json!({ "level": "hard" }))?;
    let mut adjusting = depreciation();
    adjusting["adjusting"] = json!(true);
    erp.refused(409, "period-closed", "/erp/v1/journal-entries", adjusting)?;
    erp.refused(
        409,
        "period-closed",
        "/erp/v1/sales-invoices/AST-INV-6/cancel",
        json!({ "memo": "Aster comes too late" }),
    )?;
    Ok(())
}

/// The bill of the rent will come in February.
pub fn accruals_undone(erp: &Client) -> Result<()> {
    let entries = erp.list("/erp/v1/journal-entries")?;
    let accrued = entries.iter().find(|entry| entry["memo"] == "Aster's rent of January");
    let number = accrued
        .and_then(|entry| entry["number"].as_str())
        .context("the accrual")?;
    erp.post(
        &format!("/erp/v1/journal-entries/{number}/reverse"),
        json!({ "method": "storno", "memo": "Aster's rent is billed", "posted_at": "2024-02-01T08:00:00Z" }),
    )?;
    Ok(())
}

/// The result of the year goes to equity.
pub fn the_year(erp: &Client) -> Result<()> {
    erp.act("/erp/v1/fiscal-years/FY2024/close")?;
    Ok(())
}
