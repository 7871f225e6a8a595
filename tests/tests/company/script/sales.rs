//! From the order to the customer's payment.

use anyhow::{Context, Result, ensure};
use cortex_tests::client::{Answer, Client};
use reqwest::Method;
use serde_json::{Value, json};

/// Ten desk lamps at 23.80 with 19 % within it: 200.00 and 38.00, into the bank.
pub fn over_the_counter(erp: &Client) -> Result<()> {
    erp.post(
        "/erp/v1/sales-invoices",
        json!({
            "number": "AST-INV-1", "invoiced_at": "2024-01-05T10:00:00Z", "prices_include_tax": true,
            "lines": [{ "product": "AST-DESK", "quantity": "10", "unit_price": "23.80", "tax": "AST-V19" }],
        }),
    )?;
    Ok(())
}

/// Ordered for 900.00. Lamps are delivered, and billed with the service: 360 + 400 + 50 = 810.00, with 153.90 in taxes 963.90. The
/// bulbs leave with their invoice: 90.00 and 17.10. More than 5000.00 is not lent.
pub fn order_to_invoice(erp: &Client) -> Result<()> {
    let line = |product: &str, quantity: &str| json!({ "product": product, "quantity": quantity, "tax": "AST-V19" });
    erp.post(
        "/erp/v1/sales-orders",
        json!({
            "number": "AST-SO-1", "customer": "AST-C1", "ordered_at": "2024-01-11T10:00:00Z",
            "due_at": "2024-01-17T10:00:00Z", "memo": "Aster's best customer", "reserve": true,
            "lines": [line("AST-FLOOR", "12"), line("AST-DESK", "20"), line("AST-BULB", "10"), line("AST-FIT", "1")],
        }),
    )?;
    erp.post(
        "/erp/v1/deliveries",
        json!({
            "number": "AST-DN-1", "order": "AST-SO-1", "memo": "by Aster's van", "delivered_at": "2024-01-13T10:00:00Z",
            "lines": [{ "product": "AST-FLOOR", "quantity": "12" }, { "product": "AST-DESK", "quantity": "20" }],
        }),
    )?;
    erp.post(
        "/erp/v1/sales-invoices",
        json!({ "number": "AST-INV-2", "order": "AST-SO-1", "invoiced_at": "2024-01-14T10:00:00Z" }),
    )?;
    let bulbs = json!({ "product": "AST-BULB", "quantity": "10" });
    erp.post(
        "/erp/v1/sales-invoices",
        json!({
            "number": "AST-INV-3", "order": "AST-SO-1", "invoiced_at": "2024-01-17T10:00:00Z", "lines": [bulbs],
        }),
    )?;
    let order = erp.get("/erp/v1/sales-orders/AST-SO-1")?;
    ensure!(order["state"] == "complete", "{order}");
    let too_much = json!({
        "number": "AST-INV-9", "customer": "AST-C1", "invoiced_at": "2024-01-18T09:00:00Z",
        "lines": [line("AST-FIT", "100")],
    });
    erp.refused(409, "credit-limit-exceeded", "/erp/v1/sales-invoices", too_much)?;
    Ok(())
}

/// Five desk lamps at 21.40 with 7 % within it, 100.00 and 7.00; twenty bulbs at 11.90 with 19 %, 200.00 and 38.00: 345.00 together. Two
/// of the lamps come back: 40.00 and 2.80, so 302.20 stays open.
pub fn taxes_within_prices(erp: &Client) -> Result<()> {
    erp.post(
        "/erp/v1/sales-invoices",
        json!({
            "number": "AST-INV-4", "customer": "AST-C2", "invoiced_at": "2024-01-18T10:00:00Z", "prices_include_tax": true,
            "lines": [
                { "product": "AST-DESK", "quantity": "5", "unit_price": "21.40", "tax": "AST-V7" },
                { "product": "AST-BULB", "quantity": "20", "unit_price": "11.90", "tax": "AST-V19" },
            ],
        }),
    )?;
    erp.post(
        "/erp/v1/credit-notes",
        json!({
            "number": "AST-CN-1", "customer": "AST-C2", "invoice": "AST-INV-4", "credited_at": "2024-01-19T10:00:00Z",
            "prices_include_tax": true,
            "lines": [{ "product": "AST-DESK", "quantity": "2", "gross": "42.80", "tax": "AST-V7", "reason": "return" }],
        }),
    )?;
    Ok(())
}

/// 1500.00 for three documents, of which 963.90 − 792.90 = 171.00 stays open; 400.00 for two, of which 302.20 − 250.00 = 52.20 does.
pub fn payments(erp: &Client) -> Result<()> {
    let opening = |amount: &str| json!({ "kind": "opening-balance", "number": "OB-000001", "amount": amount });
    erp.post(
        "/erp/v1/payments",
        json!({
            "number": "AST-PAY-4", "party": "AST-C1", "direction": "in", "amount": "1500.00",
            "paid_at": "2024-01-22T15:00:00Z",
            "settles": [
                opening("600.00"), { "number": "AST-INV-3" }, { "number": "AST-INV-2", "amount": "792.90" },
            ],
        }),
    )?;
    erp.post(
        "/erp/v1/payments",
        json!({
            "number": "AST-PAY-5", "party": "AST-C2", "direction": "in", "amount": "400.00",
            "paid_at": "2024-01-23T15:00:00Z",
        }),
    )?;
    erp.post(
        "/erp/v1/payments/AST-PAY-5/settle",
        json!({
            "settles": [opening("150.00"), { "number": "AST-INV-4", "amount": "250.00" }],
            "settled_at": "2024-01-23T16:00:00Z",
        }),
    )?;
    Ok(())
}

/// Five bulbs, billed and taken back: as if nothing had been.
pub fn by_mistake(erp: &Client) -> Result<()> {
    erp.post(
        "/erp/v1/sales-invoices",
        json!({
            "number": "AST-INV-5", "customer": "AST-C1", "invoiced_at": "2024-01-24T10:00:00Z",
            "lines": [{ "product": "AST-BULB", "quantity": "5", "tax": "AST-V19" }],
        }),
    )?;
    erp.post(
        "/erp/v1/sales-invoices/AST-INV-5/cancel",
        json!({ "memo": "Aster billed the wrong customer" }),
    )?;
    Ok(())
}

/// Two floor lamps at the list price: 60.00 and 11.40. The draft is begun, refused, finished by another hand, and posted once.
pub fn from_a_draft(erp: &Client) -> Result<()> {
    let drafts = "/erp/v1/sales-invoices/drafts";
    let mut body = json!({ "number": "AST-INV-6", "customer": "AST-C1", "invoiced_at": "2024-01-26T10:00:00Z" });
    let begun = erp.done(Method::POST, drafts, Some(body.clone()), None)?;
    let id = begun.body["id"].as_str().context("the draft's id")?;
    let post = format!("/erp/v1/sales-invoices/{id}/post");
    erp.refused(400, "invalid-argument", &post, Value::Null)?;
    let draft: Answer = erp.ask(&cortex_tests::client::Request::new(
        Method::GET,
        format!("{drafts}/{id}"),
        None,
    ))?;
    body["lines"] = json!([{ "product": "AST-FLOOR", "quantity": "2", "tax": "AST-V19" }]);
    erp.replace(&format!("{drafts}/{id}"), body, &draft)?;
    let posted = erp.act(&post)?;
    let again = erp.act(&post)?;
    ensure!(
        posted["number"] == "AST-INV-6" && again["repeated"] == true && again["number"] == "AST-INV-6",
        "{posted} {again}"
    );
    Ok(())
}

/// Five desk lamps are to leave next month, and are set aside.
pub fn on_order(erp: &Client) -> Result<()> {
    erp.post(
        "/erp/v1/sales-orders",
        json!({
            "number": "AST-SO-2", "customer": "AST-C2", "ordered_at": "2024-01-29T11:00:00Z", "memo": "Aster promised",
            "lines": [{ "product": "AST-DESK", "quantity": "5", "tax": "AST-V19" }],
        }),
    )?;
    erp.act("/erp/v1/sales-orders/AST-SO-2/reserve")?;
    Ok(())
}
