//! What the company brings along.

use anyhow::Result;
use cortex_tests::client::Client;
use serde_json::json;

/// What is open of each party, and stock that is worth 380.00. Assets are 10 000 + 600 + 150 + 1 200 + 380 = 12 330, debts 400: so
/// equity is 11 930, and nothing stays on the account for opening balances.
pub fn bring_along(erp: &Client) -> Result<()> {
    erp.post(
        "/erp/v1/opening-balances",
        json!({
            "memo": "Aster's books until 2023",
            "opened_at": "2024-01-01T00:00:00Z",
            "lines": [
                { "account": "bank", "debit": "10000.00" },
                { "account": "receivables", "debit": "600.00", "party": "AST-C1" },
                { "account": "receivables", "debit": "150.00", "party": "AST-C2" },
                { "account": "1500", "debit": "1200.00" },
                { "account": "payables", "credit": "400.00", "party": "AST-S1" },
                { "account": "equity", "credit": "11930.00" },
            ],
            "stock": [
                { "product": "AST-FLOOR", "quantity": "10", "value": "80.00" },
                { "product": "AST-DESK", "quantity": "20", "value": "100.00" },
                { "product": "AST-BULB", "quantity": "40", "value": "200.00" },
            ],
        }),
    )?;
    // 200 dollars for 180 pounds: what they are worth by the rate of the day.
    erp.post(
        "/erp/v1/journal-entries",
        json!({
            "memo": "Aster buys dollars",
            "posted_at": "2024-01-03T09:00:00Z",
            "lines": [
                { "account": "bank", "debit": "200.00", "currency": "USD" },
                { "account": "bank", "credit": "180.00" },
            ],
        }),
    )?;
    Ok(())
}
