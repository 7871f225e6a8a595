//! Locations, counts, transfers, returns, landed costs and cancellations, as a warehouse sees them.

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::{Caller, shop};

impl Caller {
    async fn on_hand(&self, query: &str) -> Vec<(String, String, String)> {
        let (status, report) = self.get(&format!("reports/stock-on-hand{query}")).await;
        assert_eq!(status, StatusCode::OK, "{report}");
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let rows = report["items"].as_array().unwrap().iter();
        rows.map(|row| (text(&row["location"]), text(&row["quantity"]), text(&row["value"])))
            .collect()
    }
}

fn row(location: &str, quantity: &str, value: &str) -> (String, String, String) {
    (location.to_owned(), quantity.to_owned(), value.to_owned())
}

#[tokio::test]
async fn goods_come_move_are_counted_go_back_and_cost_more() {
    let shop = shop().await;
    let fifo = json!({ "code": "TEA", "kind": "goods", "list_price": "5.00", "valuation": "fifo" });
    shop.done("products", "p", fifo).await;
    let (_, product) = shop.get("products/TEA").await;
    assert_eq!(product["valuation"], "fifo");
    let (status, _) = shop.put("locations/shop", "l", json!({ "name": "The shop" })).await;
    assert_eq!(status, StatusCode::CREATED);
    let (_, location) = shop.get("locations/shop").await;
    assert_eq!(location["negative_stock"], "refuse");

    let lines = json!([{ "product": "TEA", "quantity": "10", "value": "20.00" }]);
    let receipt = json!({ "supplier": "S1", "received_at": "2024-03-01", "lines": lines });
    shop.done("purchase-receipts", "r", receipt).await;
    let lines = json!([{ "product": "TEA", "quantity": "4" }]);
    let transfer = json!({ "from": "main", "to": "shop", "moved_at": "2024-03-02", "lines": lines });
    let transfer = shop.done("stock-transfers", "t", transfer).await;
    assert_eq!(
        shop.on_hand("").await,
        [row("main", "6", "12.00"), row("shop", "4", "8.00")]
    );

    let sale = |quantity: &str| {
        json!({ "customer": "C1", "location": "shop", "invoiced_at": "2024-03-03",
            "lines": [{ "product": "TEA", "quantity": quantity }] })
    };
    let (status, problem) = shop.post("sales-invoices", "s5", sale("5")).await;
    assert_eq!(
        (status, &problem["code"]),
        (StatusCode::CONFLICT, &json!("insufficient-stock"))
    );
    shop.done("sales-invoices", "s3", sale("3")).await;

    let cost = json!({ "supplier": "S1", "amount": "5.00", "receipts": ["GRN-000001"], "billed_at": "2024-03-05" });
    let cost = shop.done("landed-costs", "c", cost).await;
    assert_eq!(
        shop.on_hand("").await,
        [row("main", "6", "15.00"), row("shop", "1", "2.50")]
    );
    assert_eq!(
        shop.on_hand("?as_of=2024-03-01").await,
        [row("main", "10", "25.00"), row("shop", "0", "0.00")]
    );
    let (_, moves) = shop.get("stock-moves?product=TEA").await;
    let sold = moves["items"]
        .as_array()
        .unwrap()
        .iter()
        .find(|moved| moved["reason"] == "sale")
        .unwrap();
    assert_eq!((&sold["value"], &sold["value_now"]), (&json!("-6.00"), &json!("-7.50")));

    let count =
        json!({ "location": "main", "counted_at": "2024-03-06", "lines": [{ "product": "TEA", "quantity": "5" }] });
    let count = shop.done("stock-counts", "n", count).await;
    let (_, counted) = shop
        .get(&format!("stock-counts/{}", count["number"].as_str().unwrap()))
        .await;
    assert_eq!(
        (&counted["value"], &counted["moves"][0]["quantity"]),
        (&json!("-2.50"), &json!("-1"))
    );

    let back =
        json!({ "receipt": "GRN-000001", "returned_at": "2024-03-07", "lines": [{ "product": "TEA", "quantity": 2 }] });
    let back = shop.done("purchase-returns", "b", back).await;
    assert_eq!(back["amount"], "4.00", "what was billed for two");

    // What others stand on stays.
    let (status, problem) = shop.post("purchase-receipts/GRN-000001/cancel", "x1", json!({})).await;
    assert_eq!(status, StatusCode::BAD_REQUEST, "{problem}");
    for (index, (path, document)) in [("landed-costs", &cost), ("stock-counts", &count)].iter().enumerate() {
        let number = document["number"].as_str().unwrap();
        let cancelled = shop
            .done(
                &format!("{path}/{number}/cancel"),
                &format!("y{index}"),
                json!({ "memo": "typo" }),
            )
            .await;
        assert_eq!(cancelled["kind"], "cancellation");
    }
    assert_eq!(
        shop.on_hand("").await,
        [row("main", "4", "8.00"), row("shop", "1", "2.00")]
    );
    let (status, problem) = shop.post("stock-transfers/TR-000001/cancel", "x2", json!({})).await;
    assert_eq!(
        (status, &problem["code"]),
        (StatusCode::CONFLICT, &json!("insufficient-stock"))
    );
    let (_, listed) = shop.get("cancellations?limit=1").await;
    assert_eq!(listed["items"][0]["document"], cost["number"]);
    assert!(listed["next"].as_str().unwrap().starts_with("cancellations."));
    let (_, transfers) = shop.get("stock-transfers").await;
    assert_eq!(transfers["items"][0]["number"], transfer["number"]);
}

#[tokio::test]
async fn what_is_wrong_with_stock_is_named() {
    let shop = shop().await;
    let standard = json!({ "code": "S", "kind": "goods", "valuation": "standard" });
    for (path, body, code, field) in [
        ("products", standard, "invalid-argument", "standard_cost"),
        (
            "products",
            json!({ "code": "F", "kind": "goods", "valuation": "fifo", "standard_cost": "1" }),
            "invalid-argument",
            "standard_cost",
        ),
        (
            "stock-transfers",
            json!({ "from": "main", "to": "main", "lines": [{ "product": "MUG", "quantity": "1" }] }),
            "invalid-argument",
            "to",
        ),
        (
            "stock-transfers",
            json!({ "from": "main", "to": "moon", "lines": [{ "product": "MUG", "quantity": "1" }] }),
            "unknown-location",
            "moon",
        ),
        (
            "stock-counts",
            json!({ "lines": [{ "product": "MUG", "quantity": "-1" }] }),
            "invalid-argument",
            "lines[0].quantity",
        ),
        (
            "stock-counts",
            json!({ "lines": [{ "product": "MUG", "quantity": "1" }, { "product": "MUG", "quantity": "2" }] }),
            "invalid-argument",
            "lines[1].product",
        ),
        (
            "purchase-returns",
            json!({ "receipt": "GRN-000009", "lines": [{ "product": "MUG", "quantity": "1" }] }),
            "not-found",
            "GRN-000009",
        ),
        (
            "landed-costs",
            json!({ "supplier": "S1", "amount": "0", "receipts": ["GRN-000001"] }),
            "invalid-argument",
            "amount",
        ),
        (
            "landed-costs",
            json!({ "supplier": "S1", "amount": "1", "receipts": [] }),
            "invalid-argument",
            "receipts",
        ),
        ("sales-invoices/INV-000009/cancel", json!({}), "not-found", "INV-000009"),
        (
            "products/MUG/standard-costs",
            json!({ "cost": "1" }),
            "invalid-argument",
            "product",
        ),
    ] {
        let (status, problem) = shop.post(path, "k", body.clone()).await;
        assert!(status.is_client_error(), "{path} {body}: {status} {problem}");
        assert_eq!(problem["code"], code, "{path} {body}: {problem}");
        assert!(
            problem["detail"].as_str().unwrap().contains(field),
            "{path} {body}: {problem}"
        );
    }
}

#[test]
fn the_document_tells_of_adjustments_and_of_what_settles_as_they_are_taken() {
    let document = serde_json::to_value(crate::openapi()).unwrap();
    assert!(document["paths"]["/erp/v1/stock-adjustments"]["post"].is_object());
    let settles = &document["components"]["schemas"]["Settles"]["oneOf"];
    assert_eq!(
        [&settles[0]["type"], &settles[1]["type"]],
        ["string", "array"],
        "{settles}"
    );
}

#[tokio::test]
async fn a_bounced_payment_is_reversed_when_it_bounces() {
    let shop = shop().await;
    let lines = json!([{ "product": "MUG", "quantity": "2", "unit_price": "5.00" }]);
    let invoice = json!({ "customer": "C1", "invoiced_at": "2024-03-01", "lines": lines });
    let invoice = shop.done("sales-invoices", "i", invoice).await;
    let payment = json!({ "party": "C1", "direction": "in", "amount": "10.00", "paid_at": "2024-03-10",
        "settles": [{ "kind": "sales-invoice", "number": invoice["number"] }] });
    let payment = shop.done("payments", "p", payment).await;
    let reverse = format!("payments/{}/reverse", payment["number"].as_str().unwrap());
    let (status, early) = shop.post(&reverse, "early", json!({ "posted_at": "2024-03-09" })).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert_eq!(early["field"], "posted_at", "{early}");
    let bounced = json!({ "posted_at": "2024-04-02", "method": "storno", "memo": "no funds" });
    let reversal = shop.done(&reverse, "r", bounced).await;
    assert_eq!(reversal["kind"], "cancellation");

    let receivable = async |day: &str| {
        let (_, report) = shop.get(&format!("reports/receivables-ageing?as_of={day}")).await;
        report["parties"].to_string()
    };
    assert!(receivable("2024-03-09").await.contains("10.00"));
    assert!(!receivable("2024-04-01").await.contains("10.00"));
    assert!(receivable("2024-04-02").await.contains("10.00"));
    let (_, listed) = shop.get("cancellations").await;
    let listed = &listed["items"][0];
    assert_eq!(
        (&listed["reversed"], &listed["effective_at"], &listed["memo"]),
        (&json!(true), &json!("2024-04-02T00:00:00Z"), &json!("no funds"))
    );
    let (_, payment) = shop.get("payments/PAY-000001").await;
    assert_eq!(payment["cancelled_by"], reversal["number"], "{payment}");
    let sale = format!("sales-invoices/{}/reverse", invoice["number"].as_str().unwrap());
    shop.done(&sale, "s", json!({})).await;
    let (_, open) = shop.get("open-items").await;
    assert_eq!(open["items"], json!([]), "{open}");
    let (_, listed) = shop.get("sales-invoices").await;
    assert_eq!(listed["items"][0]["cancelled_by"], "CAN-000002", "{listed}");
}
