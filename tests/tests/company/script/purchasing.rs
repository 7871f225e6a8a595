//! From the order to the supplier's payment.

use anyhow::Result;
use cortex_tests::client::Client;
use serde_json::json;

/// Ordered: 20 floor lamps at 9.00, 30 desk lamps at 6.00, 50 bulbs at 5.20. What comes first is billed at once: 90.00 and 180.00,
/// with 19 % of 270.00 = 51.30 in taxes, 321.30 owed. The rest is to be billed: 90.00 and 260.00, the bulbs at a standard of 250.00
/// and a variance of 10.00.
pub fn first_order(erp: &Client) -> Result<()> {
    let line = |product: &str, quantity: &str, price: &str| json!({ "product": product, "quantity": quantity, "unit_price": price, "tax": "AST-V19" });
    erp.post(
        "/erp/v1/purchase-orders",
        json!({
            "number": "AST-PO-1", "supplier": "AST-S1", "ordered_at": "2024-01-02T10:00:00Z",
            "due_at": "2024-01-08T10:00:00Z", "memo": "Aster's first order",
            "lines": [line("AST-FLOOR", "20", "9.00"), line("AST-DESK", "30", "6.00"), line("AST-BULB", "50", "5.20")],
        }),
    )?;
    erp.post(
        "/erp/v1/purchase-receipts",
        json!({
            "number": "AST-GRN-1", "order": "AST-PO-1", "received_at": "2024-01-04T10:00:00Z",
            "lines": [{ "product": "AST-FLOOR", "quantity": "10" }, { "product": "AST-DESK", "quantity": "30" }],
        }),
    )?;
    erp.post(
        "/erp/v1/purchase-receipts",
        json!({
            "number": "AST-GRN-2", "order": "AST-PO-1", "to_be_billed": true, "received_at": "2024-01-08T10:00:00Z",
        }),
    )?;
    Ok(())
}

/// 27.00 on the first receipt, by value: 9.00 for the floor lamps (99.00, 9.90 each), 18.00 for the desk lamps (198.00).
pub fn freight(erp: &Client) -> Result<()> {
    erp.post(
        "/erp/v1/landed-costs",
        json!({
            "supplier": "AST-S3", "amount": "27.00", "receipts": ["AST-GRN-1"], "memo": "freight for Aster",
            "billed_at": "2024-01-09T10:00:00Z",
        }),
    )?;
    Ok(())
}

/// 120 dollars at 0.90: 108.00 worth of desk lamps.
pub fn in_dollars(erp: &Client) -> Result<()> {
    erp.post(
        "/erp/v1/purchase-receipts",
        json!({
            "number": "AST-GRN-3", "supplier": "AST-S2", "currency": "USD", "received_at": "2024-01-10T10:00:00Z",
            "lines": [{ "product": "AST-DESK", "quantity": "20", "value": "120.00" }],
        }),
    )?;
    Ok(())
}

/// The second receipt is billed at 95.00 and not 90.00, and at 265.00 and not 260.00: the floor lamps cost 5.00 more, and the variance
/// of the bulbs is 5.00 more. With 20.00 for packaging it is 380.00, 72.20 in taxes, 452.20 owed.
pub fn bill_with_another_price(erp: &Client) -> Result<()> {
    erp.post(
        "/erp/v1/purchase-bills",
        json!({
            "number": "AST-BILL-1", "supplier": "AST-S1", "reference": "AST-ER-77", "memo": "Aster's first bill",
            "billed_at": "2024-01-12T10:00:00Z",
            "lines": [
                { "receipt": "AST-GRN-2", "product": "AST-FLOOR", "amount": "95.00" },
                { "receipt": "AST-GRN-2", "product": "AST-BULB", "amount": "265.00" },
                { "account": "6400", "amount": "20.00", "cost_centre": "AST-WEB", "tax": "AST-V19" },
            ],
        }),
    )?;
    Ok(())
}

/// Two floor lamps of the first receipt, which was billed: 18.00 and 3.42 in taxes are owed less. One of the second, which the supplier
/// credits at 9.50 and 1.81 in taxes (1.805, halves away from zero): 11.31, which settles part of the bill. Nothing comes in their place.
pub fn back_to_the_supplier(erp: &Client) -> Result<()> {
    let back = |receipt: &str, quantity: &str, day: &str| {
        json!({
            "receipt": receipt, "memo": "Aster sends back what is broken", "returned_at": format!("{day}T10:00:00Z"),
            "lines": [{ "product": "AST-FLOOR", "quantity": quantity }],
        })
    };
    erp.post("/erp/v1/purchase-returns", back("AST-GRN-1", "2", "2024-01-15"))?;
    erp.post("/erp/v1/purchase-returns", back("AST-GRN-2", "1", "2024-01-16"))?;
    erp.post(
        "/erp/v1/purchase-bills",
        json!({
            "number": "AST-BILL-2", "supplier": "AST-S1", "reference": "AST-CR-5", "memo": "credited to Aster",
            "billed_at": "2024-01-17T10:00:00Z",
            "lines": [{ "receipt": "AST-GRN-2", "product": "AST-FLOOR", "quantity": "-1", "amount": "-9.50" }],
        }),
    )?;
    erp.post(
        "/erp/v1/purchase-bills/AST-BILL-2/settle",
        json!({ "settles": [{ "number": "AST-BILL-1" }], "settled_at": "2024-01-17T11:00:00Z" }),
    )?;
    erp.act("/erp/v1/purchase-orders/AST-PO-1/close")?;
    Ok(())
}

/// Owed are 400.00 from before, 321.30 − 21.42 = 299.88, and 452.20 − 11.31 = 440.89. The first payment is all of the one and 200.00
/// of the other; the second takes the oldest, 99.88 and 440.89, and is 59.23 too much. 70 of the 120 dollars are paid, at 0.92.
pub fn payments(erp: &Client) -> Result<()> {
    erp.post(
        "/erp/v1/payments",
        json!({
            "number": "AST-PAY-1", "party": "AST-S1", "direction": "out", "amount": "600.00",
            "paid_at": "2024-01-18T15:00:00Z",
            "settles": [
                { "kind": "opening-balance", "number": "OB-000001", "amount": "400.00" },
                { "number": "AST-GRN-1", "amount": "200.00" },
            ],
        }),
    )?;
    erp.post(
        "/erp/v1/payments",
        json!({
            "number": "AST-PAY-2", "party": "AST-S2", "direction": "out", "amount": "70.00", "currency": "USD",
            "paid_at": "2024-01-20T15:00:00Z", "settles": [{ "number": "AST-GRN-3" }],
        }),
    )?;
    erp.post(
        "/erp/v1/payments",
        json!({
            "number": "AST-PAY-3", "party": "AST-S1", "direction": "out", "amount": "600.00",
            "paid_at": "2024-01-25T15:00:00Z", "settles": "oldest",
        }),
    )?;
    Ok(())
}

/// Ten floor lamps are still to come.
pub fn on_order(erp: &Client) -> Result<()> {
    erp.post(
        "/erp/v1/purchase-orders",
        json!({
            "number": "AST-PO-2", "supplier": "AST-S1", "ordered_at": "2024-01-29T10:00:00Z", "memo": "Aster's second order",
            "lines": [{ "product": "AST-FLOOR", "quantity": "10", "unit_price": "9.20", "tax": "AST-V19" }],
        }),
    )?;
    Ok(())
}

/// What came on the 6th and was found on the desk on the 30th: ten desk lamps for 100.00 and 19.00 in taxes. Every sale since costs
/// something else. And bulbs whose bill is to come: 104.00, at a standard of 100.00.
pub fn comes_late(erp: &Client) -> Result<()> {
    erp.post(
        "/erp/v1/purchase-receipts",
        json!({
            "number": "AST-GRN-4", "supplier": "AST-S1", "received_at": "2024-01-06T10:00:00Z",
            "lines": [{ "product": "AST-DESK", "quantity": "10", "value": "100.00", "tax": "AST-V19" }],
        }),
    )?;
    erp.post(
        "/erp/v1/purchase-receipts",
        json!({
            "number": "AST-GRN-5", "supplier": "AST-S1", "to_be_billed": true, "received_at": "2024-01-30T10:00:00Z",
            "lines": [{ "product": "AST-BULB", "quantity": "20", "value": "104.00", "tax": "AST-V19" }],
        }),
    )?;
    Ok(())
}
