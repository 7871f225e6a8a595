//! Orders over HTTP: from order to cash, and from order to payment.

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::shop;

#[tokio::test]
async fn from_order_to_cash() {
    let shop = shop().await;
    let receipt = json!({ "supplier": "S1", "lines": [{ "product": "MUG", "quantity": "10", "value": "10.00" }] });
    shop.done("purchase-receipts", "r", receipt).await;
    let order = json!({ "customer": "C1", "reserve": true, "due_at": "2199-01-01", "lines": [
        { "product": "MUG", "quantity": "4", "unit_price": "2.55" },
    ] });
    let placed = shop.done("sales-orders", "o", order).await;
    assert_eq!(
        (&placed["number"], &placed["amount"], placed.get("entry")),
        (&json!("SO-000001"), &json!("10.20"), None)
    );
    let delivery = shop
        .done(
            "deliveries",
            "d",
            json!({ "order": "SO-000001", "lines": [{ "product": "MUG", "quantity": "3" }] }),
        )
        .await;
    let (_, delivery) = shop
        .get(&format!("deliveries/{}", delivery["number"].as_str().unwrap()))
        .await;
    assert_eq!(
        (&delivery["order"], &delivery["party"], &delivery["value"]),
        (&json!("SO-000001"), &json!("C1"), &json!("-3.00"))
    );
    let invoice = shop.done("sales-invoices", "i", json!({ "order": "SO-000001" })).await;
    assert_eq!(invoice["amount"], "7.65");
    let (_, invoice) = shop.get("sales-invoices/INV-000001").await;
    assert_eq!(
        (&invoice["order"], &invoice["customer"]),
        (&json!("SO-000001"), &json!("C1"))
    );
    let (_, order) = shop.get("sales-orders/SO-000001").await;
    let line = &order["lines"][0];
    assert_eq!(
        (&line["reserved"], &line["moved"], &line["billed"], &order["state"]),
        (&json!("1"), &json!("3"), &json!("3"), &json!("open")),
        "{order}"
    );
    let (_, stock) = shop.get("reports/stock-on-hand").await;
    let stock = &stock["items"][0];
    assert_eq!(
        (&stock["quantity"], &stock["reserved"], &stock["available"]),
        (&json!("7"), &json!("1"), &json!("6"))
    );
    let steps = order["progress"].as_array().unwrap().iter();
    let steps: Vec<&Value> = steps.map(|step| &step["document"]).collect();
    assert_eq!(steps, ["SO-000001", "DN-000001", "DN-000001", "INV-000001"]);
    let (status, refused) = shop.post("deliveries/DN-000001/cancel", "c", json!({})).await;
    assert_eq!(
        (status, &refused["code"]),
        (StatusCode::BAD_REQUEST, &json!("invalid-argument"))
    );
    shop.done("sales-orders/SO-000001/close", "close", json!({})).await;
    let (_, open) = shop.get("sales-orders?state=open").await;
    assert_eq!(open["items"], json!([]));
    assert_eq!(shop.get("sales-orders?state=done").await.0, StatusCode::BAD_REQUEST);
    assert_eq!(shop.get("sales-orders/SO-000002").await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn from_order_to_payment() {
    let shop = shop().await;
    let rule = json!({ "point": "5", "up_to": "20", "lot": "6", "supplier": "S1" });
    assert_eq!(
        shop.put("reorder-rules/MUG/main", "rule", rule).await.0,
        StatusCode::CREATED
    );
    let (_, suggested) = shop.get("reports/suggested-orders").await;
    assert_eq!(
        (&suggested["items"][0]["quantity"], &suggested["items"][0]["supplier"]),
        (&json!("24"), &json!("S1"))
    );
    let order = json!({ "supplier": "S1", "lines": [{ "product": "MUG", "quantity": "24", "unit_price": "1.00" }] });
    shop.done("purchase-orders", "o", order).await;
    let (_, suggested) = shop.get("reports/suggested-orders").await;
    assert_eq!(suggested["items"], json!([]));
    let came = shop
        .done(
            "purchase-receipts",
            "r",
            json!({ "order": "PO-000001", "to_be_billed": true }),
        )
        .await;
    assert_eq!(came["amount"], "24.00");
    let (_, items) = shop.get("open-items").await;
    assert_eq!(items["items"], json!([]));
    let (_, unbilled) = shop.get("reports/goods-received-not-invoiced").await;
    let goods = &unbilled["items"][0];
    assert_eq!(
        (&goods["receipt"], &goods["quantity"], &goods["value"]),
        (&came["number"], &json!("24"), &json!("24.00"))
    );
    let bill = json!({ "number": "R-77", "supplier": "S1", "lines": [
        { "receipt": came["number"], "amount": "25.20" },
        { "account": "bank-charges", "amount": "3.00" },
    ] });
    let bill = shop.done("purchase-bills", "b", bill).await;
    assert_eq!((&bill["number"], &bill["amount"]), (&json!("R-77"), &json!("28.20")));
    let paid = json!({ "party": "S1", "direction": "out", "amount": "28.20", "settles": [{ "number": "R-77" }] });
    shop.done("payments", "p", paid).await;
    let (_, items) = shop.get("open-items").await;
    assert_eq!(items["items"], json!([]));
    let (_, unbilled) = shop.get("reports/goods-received-not-invoiced").await;
    assert_eq!(unbilled["items"], json!([]));
    let (_, stock) = shop.get("reports/stock-on-hand").await;
    assert_eq!(stock["items"][0]["value"], "25.20");
    let (_, bill) = shop.get("purchase-bills/R-77").await;
    assert_eq!(
        (&bill["lines"][0]["quantity"], &bill["lines"][1]["account"]),
        (&json!("24"), &json!("6000")),
        "{bill}"
    );
    let (_, receipt) = shop.get("purchase-receipts/GRN-000001").await;
    assert_eq!(
        (
            &receipt["order"],
            &receipt["to_be_billed"],
            &receipt["lines"][0]["value"]
        ),
        (&json!("PO-000001"), &json!(true), &json!("24.00"))
    );
    let (_, payment) = shop.get("payments/PAY-000001").await;
    assert_eq!(payment["amount"], "28.20");
    for path in ["purchase-receipts/GRN-2", "payments/PAY-2", "purchase-bills/R-78"] {
        assert_eq!(shop.get(path).await.0, StatusCode::NOT_FOUND);
    }
    let (_, order) = shop.get("purchase-orders/PO-000001").await;
    assert_eq!(
        (&order["state"], &order["supplier"]),
        (&json!("complete"), &json!("S1"))
    );
    for (path, body, field) in [
        (
            "purchase-receipts",
            json!({ "order": "PO-000009" }),
            "no purchase-order",
        ),
        (
            "purchase-receipts",
            json!({ "lines": [] }),
            "supplier: say who it came from",
        ),
        (
            "purchase-bills",
            json!({ "supplier": "S1", "lines": [{}] }),
            "lines[0].receipt: a line is for goods",
        ),
        (
            "sales-orders",
            json!({ "customer": "C1", "supplier": "S1", "lines": [] }),
            "unknown field",
        ),
        (
            "deliveries",
            json!({ "order": "SO-1" }),
            "there is no sales-order 'SO-1'",
        ),
    ] {
        let (status, refused) = shop.post(path, "x", body).await;
        let detail = refused["detail"].as_str().unwrap_or_default();
        assert!(status.is_client_error() && detail.contains(field), "{path}: {refused}");
    }
}
