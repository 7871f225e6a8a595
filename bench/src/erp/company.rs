//! The company whose books are measured: whom it sells to, what, and documents of every kind.

use std::net::SocketAddr;

use anyhow::{Context, Result};
use chrono::{Datelike, Days, Months, Utc};
use serde_json::{Value, json};

use super::client::Client;

const CUSTOMERS: u64 = 200;
const SUPPLIERS: u64 = 10;
const PRODUCTS: u64 = 500;
/// Lines of an invoice.
pub const LINES: u64 = 5;
/// Of each kind of document that the bench posts only to have something to read.
const OF_EACH: u64 = 40;

/// The same numbers on every run.
fn roll(seed: u64, sides: u64) -> u64 {
    let mut mixed = seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    (mixed ^ (mixed >> 31)) % sides
}

fn customer(number: u64) -> String {
    format!("C{:05}", number % CUSTOMERS)
}

fn supplier(number: u64) -> String {
    format!("S{:03}", number % SUPPLIERS)
}

fn product(number: u64) -> String {
    format!("P{:05}", number % PRODUCTS)
}

/// An invoice of goods that are there, to a customer on account.
pub fn invoice(number: u64) -> Value {
    let (first, step) = (roll(number, PRODUCTS), 1 + roll(number ^ 0xA5, PRODUCTS / LINES - 1));
    let line = |line: u64| {
        let seed = number * LINES + line;
        json!({
            "product": product(first + line * step),
            "quantity": (1 + roll(seed, 24)).to_string(),
            "unit_price": format!("{}.{:02}", 1 + roll(seed ^ 1, 20), roll(seed ^ 2, 100)),
        })
    };
    json!({
        "customer": customer(roll(number ^ 0x5A, CUSTOMERS)),
        "lines": (0..LINES).map(line).collect::<Vec<_>>(),
    })
}

/// What there must be before anything is sold.
pub async fn found(address: SocketAddr) -> Result<()> {
    let client = &mut Client::connect(address).await?;
    let company = json!({ "name": "Example Trading Ltd", "currency": "GBP" });
    client.put("/erp/v1/company", &company).await?;
    for number in 0..SUPPLIERS {
        let party = json!({ "code": supplier(number), "kind": "supplier", "country": "France" });
        client.post("/erp/v1/parties", &party).await?;
    }
    for number in 0..CUSTOMERS {
        let name = format!("Customer {number}");
        let party = json!({ "code": customer(number), "kind": "customer", "country": "Germany", "name": name });
        client.post("/erp/v1/parties", &party).await?;
    }
    for number in 0..PRODUCTS {
        let body = json!({ "code": product(number), "kind": "goods", "description": format!("Product {number}"),
            "list_price": "9.90" });
        client.post("/erp/v1/products", &body).await?;
    }
    for receipt in 0..PRODUCTS / 100 {
        let line = |line: u64| {
            let cost = format!("{}.00", 1_000_000 + 10_000 * roll(receipt * 100 + line, 500));
            json!({ "product": product(receipt * 100 + line), "quantity": "1000000", "value": cost })
        };
        let lines: Vec<Value> = (0..100).map(line).collect();
        let body = json!({ "supplier": supplier(receipt), "lines": lines });
        client.post("/erp/v1/purchase-receipts", &body).await?;
    }
    Ok(())
}

/// Documents of every other kind, so that every list has something in it. There are invoices by now.
pub async fn documents_of_each_kind(address: SocketAddr) -> Result<()> {
    let client = &mut Client::connect(address).await?;
    define(client).await?;
    for number in 0..OF_EACH {
        sell_to_order(client, number).await?;
        buy_to_order(client, number).await?;
        move_stock(client, number).await?;
        pay(client, number).await?;
    }
    Ok(())
}

async fn define(client: &mut Client) -> Result<()> {
    let january = format!("{}-01-01", Utc::now().year());
    let shop = json!({ "name": "Shop", "negative_stock": "allow" });
    client.put("/erp/v1/locations/shop", &shop).await?;
    let vat = json!({ "title": "VAT 20 %", "components": [{ "name": "VAT", "rate": "20" }] });
    client.put("/erp/v1/tax-codes/VAT20", &vat).await?;
    let centre = json!({ "title": "Warehouse" });
    client.put("/erp/v1/cost-centres/WH", &centre).await?;
    let rate = json!({ "rate": "0.8531" });
    client
        .put(&format!("/erp/v1/exchange-rates/EUR/{january}"), &rate)
        .await?;
    let years = json!({ "from": format!("{}-01-01", Utc::now().year() - 1), "months": 24 });
    client.post("/erp/v1/fiscal-years", &years).await?;
    let stock = json!([{ "product": product(1), "quantity": "10", "value": "20.00" }]);
    let opening = json!({ "lines": [{ "account": "bank", "debit": "50000.00" }], "stock": stock });
    client.post("/erp/v1/opening-balances", &opening).await?;
    let lamp = json!({ "code": "LAMP", "kind": "goods", "valuation": "standard", "standard_cost": "4.00" });
    client.post("/erp/v1/products", &lamp).await?;
    let cost = json!({ "cost": "4.25", "from": january });
    client.post("/erp/v1/products/LAMP/standard-costs", &cost).await?;
    client
        .put("/erp/v1/products/LAMP/units/BX", &json!({ "factor": "6" }))
        .await?;
    for number in 0..OF_EACH {
        let rule = json!({ "point": "2000000", "up_to": "3000000", "supplier": supplier(number) });
        let path = format!("/erp/v1/reorder-rules/{}/main", product(number));
        client.put(&path, &rule).await?;
        client.post("/erp/v1/sales-invoices/drafts", &invoice(number)).await?;
        let line = json!({ "product": product(number), "quantity": "1", "net": "1.00", "reason": "return" });
        let note = json!({ "customer": customer(number), "lines": [line] });
        client.post("/erp/v1/credit-notes", &note).await?;
    }
    Ok(())
}

async fn sell_to_order(client: &mut Client, number: u64) -> Result<()> {
    let lines = json!([
        { "product": product(number), "quantity": "6", "unit_price": "9.50", "tax": "VAT20" },
        { "product": product(number + 1), "quantity": "2", "unit_price": "19.00" },
    ]);
    let body = json!({ "customer": customer(number), "reserve": true, "lines": lines });
    let order = client.post("/erp/v1/sales-orders", &body).await?;
    if number.is_multiple_of(2) {
        let delivery = json!({ "order": order["number"] });
        client.post("/erp/v1/deliveries", &delivery).await?;
    }
    Ok(())
}

async fn buy_to_order(client: &mut Client, number: u64) -> Result<()> {
    let supplier = supplier(number);
    let lines = json!([{ "product": product(number), "quantity": "100", "unit_price": "2.00", "tax": "VAT20" }]);
    let body = json!({ "supplier": supplier, "lines": lines });
    let order = client.post("/erp/v1/purchase-orders", &body).await?;
    let receipt = json!({ "order": order["number"], "to_be_billed": true });
    let receipt = client.post("/erp/v1/purchase-receipts", &receipt).await?;
    if number.is_multiple_of(2) {
        let body = json!({ "supplier": supplier, "lines": [{ "receipt": receipt["number"] }] });
        client.post("/erp/v1/purchase-bills", &body).await?;
    }
    let freight = json!({ "supplier": supplier, "amount": "4.80", "receipts": [receipt["number"]] });
    client.post("/erp/v1/landed-costs", &freight).await?;
    let back = json!({ "receipt": receipt["number"], "lines": [{ "product": product(number), "quantity": "1" }] });
    client.post("/erp/v1/purchase-returns", &back).await?;
    Ok(())
}

async fn move_stock(client: &mut Client, number: u64) -> Result<()> {
    let of = product(number);
    let transfer = json!({ "from": "main", "to": "shop", "lines": [{ "product": of, "quantity": "5" }] });
    client.post("/erp/v1/stock-transfers", &transfer).await?;
    let count = json!({ "location": "shop", "lines": [{ "product": of, "quantity": "4" }] });
    client.post("/erp/v1/stock-counts", &count).await?;
    let damaged = json!({ "memo": "damaged", "lines": [{ "product": of, "quantity": "-1" }] });
    client.post("/erp/v1/stock-moves", &damaged).await?;
    Ok(())
}

async fn pay(client: &mut Client, number: u64) -> Result<()> {
    let body = json!({ "party": customer(number), "direction": "in", "amount": "25.00", "settles": "oldest" });
    let payment = client.post("/erp/v1/payments", &body).await?;
    if number.is_multiple_of(4) {
        let number = payment["number"].as_str().context("a number")?;
        client
            .post(
                &format!("/erp/v1/payments/{number}/cancel"),
                &json!({ "memo": "bounced" }),
            )
            .await?;
    }
    let rent = json!({ "memo": "charges", "lines": [
        { "account": "bank-charges", "debit": "3.00", "cost_centre": "WH" }, { "account": "bank", "credit": "3.00" }] });
    client.post("/erp/v1/journal-entries", &rent).await?;
    Ok(())
}

/// So many months ago, at the beginning of a day.
pub fn months_ago(months: u32, days_later: u64) -> String {
    let day = Utc::now().date_naive() - Months::new(months) + Days::new(days_later);
    format!("{day}T00:00:00Z")
}
