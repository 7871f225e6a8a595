//! Goods that nobody bought or sold.

use anyhow::Result;
use cortex_tests::client::Client;
use serde_json::json;

/// Four floor lamps and ten bulbs go to the shop, where one bulb less is counted; one desk lamp is broken, two bulbs are found.
pub fn moved_counted_and_lost(erp: &Client) -> Result<()> {
    let line = |product: &str, quantity: &str| json!({ "product": product, "quantity": quantity });
    erp.post(
        "/erp/v1/stock-transfers",
        json!({
            "from": "main", "to": "AST-HIGH-STREET", "memo": "for Aster's shop", "moved_at": "2024-01-27T10:00:00Z",
            "lines": [line("AST-FLOOR", "4"), line("AST-BULB", "10")],
        }),
    )?;
    erp.post(
        "/erp/v1/stock-counts",
        json!({
            "location": "AST-HIGH-STREET", "memo": "Aster counts", "counted_at": "2024-01-28T10:00:00Z",
            "lines": [line("AST-FLOOR", "4"), line("AST-BULB", "9")],
        }),
    )?;
    erp.post(
        "/erp/v1/stock-adjustments",
        json!({
            "location": "main", "memo": "broken and found at Aster's", "moved_at": "2024-01-28T11:00:00Z",
            "lines": [line("AST-DESK", "-1"), line("AST-BULB", "2")],
        }),
    )?;
    Ok(())
}

/// 72 bulbs in the warehouse and 9 in the shop are worth 0.10 more each.
pub fn another_standard_cost(erp: &Client) -> Result<()> {
    erp.post(
        "/erp/v1/products/AST-BULB/standard-costs",
        json!({ "cost": "5.10", "from": "2024-01-31T10:00:00Z" }),
    )?;
    Ok(())
}
