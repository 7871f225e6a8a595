//! Many commands in one call.

use super::*;

fn sale(customer: &str, quantity: u32) -> Value {
    json!({ "path": "/erp/v1/sales-invoices", "body": {
        "customer": customer, "lines": [{ "product": "MUG", "quantity": quantity.to_string() }],
    } })
}

fn statuses(answer: &Value) -> Vec<u64> {
    let answers = answer["answers"].as_array().unwrap().iter();
    answers.map(|answer| answer["status"].as_u64().unwrap()).collect()
}

async fn stocked() -> Caller {
    let shop = shop().await;
    let receipt = json!({ "supplier": "S1", "lines": [{ "product": "MUG", "quantity": "10", "value": "10.00" }] });
    shop.done("purchase-receipts", "r1", receipt).await;
    shop
}

async fn invoices(shop: &Caller) -> usize {
    let (_, page) = shop.get("sales-invoices").await;
    page["items"].as_array().unwrap().len()
}

#[tokio::test]
async fn each_request_is_answered_by_itself_and_a_batch_sent_again_changes_nothing() {
    let shop = stocked().await;
    let body = json!({ "requests": [
        sale("C1", 1),
        sale("nobody", 1),
        { "path": "/erp/v1/sales-invoices", "body": { "lines": "none" } },
        { "path": "/erp/v1/nothing", "body": {} },
        sale("C1", 2),
    ] });
    let (status, answer) = shop.post("batch", "b1", body.clone()).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(statuses(&answer), [201, 400, 400, 404, 201], "{answer}");
    assert_eq!(
        (&answer["accepted"], &answer["refused"], &answer["carried_out"]),
        (&json!(2), &json!(3), &json!(true))
    );
    let numbers = [0, 4].map(|index| answer["answers"][index]["body"]["number"].clone());
    assert_eq!(numbers, ["INV-000001", "INV-000002"]);
    assert_eq!(answer["answers"][1]["body"]["code"], "unknown-party");
    let (_, again) = shop.post("batch", "b1", body).await;
    assert_eq!(statuses(&again), [200, 400, 400, 404, 200], "{again}");
    assert_eq!(invoices(&shop).await, 2);
}

#[tokio::test]
async fn a_whole_batch_goes_in_altogether_or_not_at_all() {
    let shop = stocked().await;
    let customer =
        json!({ "path": "/erp/v1/parties", "body": { "code": "C2", "kind": "customer", "country": "Spain" } });
    // The credit note is about an invoice of the same batch.
    let credit = json!({ "path": "/erp/v1/credit-notes", "body": {
        "customer": "C2", "invoice": "A-7",
        "lines": [{ "product": "MUG", "quantity": "1", "reason": "return" }],
    } });
    let mut invoice = sale("C2", 3);
    invoice["body"]["number"] = json!("A-7");
    let broken = json!({ "mode": "whole", "requests": [customer, invoice, sale("nobody", 1), credit] });
    let (status, answer) = shop.post("batch", "w1", broken.clone()).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(statuses(&answer), [400, 400, 400, 400], "{answer}");
    assert_eq!(answer["carried_out"], false);
    let problem = answer["answers"][0]["body"]["detail"].as_str().unwrap();
    assert!(problem.contains("requests[2]"), "{problem}");
    assert_eq!(
        (invoices(&shop).await, shop.get("parties/C2").await.0),
        (0, StatusCode::NOT_FOUND)
    );

    // Nor where one never comes to be a command.
    for (key, door) in [
        (
            "w3",
            json!({ "path": "/erp/v1/sales-invoices", "body": { "lines": "none" } }),
        ),
        ("w4", json!({ "path": "/erp/v1/nothing", "body": {} })),
    ] {
        let batch = json!({ "mode": "whole", "requests": [sale("C1", 1), door, sale("C1", 1)] });
        let (_, answer) = shop.post("batch", key, batch).await;
        assert!(statuses(&answer).iter().all(|status| *status >= 400), "{answer}");
        assert_eq!((invoices(&shop).await, &answer["carried_out"]), (0, &json!(false)));
    }

    let mut whole = broken;
    whole["requests"].as_array_mut().unwrap().remove(2);
    let (_, answer) = shop.post("batch", "w2", whole.clone()).await;
    assert_eq!(statuses(&answer), [201, 201, 201], "{answer}");
    assert_eq!(answer["carried_out"], true);
    let (_, again) = shop.post("batch", "w2", whole).await;
    assert_eq!(statuses(&again), [200, 200, 200]);
    assert_eq!(invoices(&shop).await, 1);
}

#[tokio::test]
async fn a_rehearsal_says_what_would_be_and_leaves_nothing() {
    let shop = stocked().await;
    let requests = json!([
        { "path": "/erp/v1/parties", "body": { "code": "C2", "kind": "customer", "country": "Spain", "name": "Grace" } },
        { "method": "PUT", "path": "/erp/v1/locations/shelf", "body": { "name": "Shelf" } },
        sale("C2", 3),
        sale("nobody", 1),
    ]);
    let (_, answer) = shop
        .post("batch", "d1", json!({ "mode": "rehearsal", "requests": requests }))
        .await;
    assert_eq!(statuses(&answer), [201, 201, 201, 400], "{answer}");
    assert_eq!(
        (&answer["carried_out"], &answer["accepted"]),
        (&json!(false), &json!(3))
    );
    assert_eq!(
        (invoices(&shop).await, shop.get("parties/C2").await.0),
        (0, StatusCode::NOT_FOUND)
    );
    // Its key was not used up.
    let (_, answer) = shop.post("batch", "d1", json!({ "requests": requests })).await;
    assert_eq!(statuses(&answer), [201, 201, 201, 400]);
    assert_eq!(invoices(&shop).await, 1);
}

#[tokio::test]
async fn what_an_amount_is_in_has_to_be_known_before_the_batch() {
    let shop = shop().await;
    let (_, answer) = shop
        .post(
            "batch",
            "y1",
            json!({ "mode": "whole", "requests": [
                { "path": "/erp/v1/products", "body": { "code": "FAN", "kind": "goods", "currency": "JPY" } },
                { "path": "/erp/v1/stock-moves", "body": { "lines": [{ "product": "FAN", "quantity": "1", "value": "1200" }] } },
            ] }),
        )
        .await;
    assert_eq!(answer["answers"][1]["body"]["code"], "unknown-product", "{answer}");
    assert_eq!(
        (&answer["carried_out"], shop.get("products/FAN").await.0),
        (&json!(false), StatusCode::NOT_FOUND)
    );
}

#[tokio::test]
async fn what_is_no_batch_is_refused() {
    let shop = shop().await;
    let many: Vec<Value> = (0..1001).map(|_| sale("C1", 1)).collect();
    for (body, field) in [
        (json!({ "requests": [] }), "requests"),
        (json!({ "requests": many }), "requests"),
        (json!({ "mode": "all", "requests": [sale("C1", 1)] }), "mode"),
        (
            json!({ "requests": [{ "method": "DELETE", "path": "/erp/v1/parties" }] }),
            "requests[0].method",
        ),
        (
            json!({ "requests": [{ "path": "/models/v1/models" }] }),
            "requests[0].path",
        ),
        (json!({ "requests": [{ "path": "/erp/v1/a b" }] }), "requests[0].path"),
    ] {
        let (status, answer) = shop.post("batch", "x", body).await;
        assert_eq!(
            (status, &answer["code"]),
            (StatusCode::BAD_REQUEST, &json!("invalid-argument"))
        );
        assert!(answer["detail"].as_str().unwrap().contains(field), "{field}: {answer}");
    }
    let one = json!({ "mode": "whole", "requests": [sale("C1", 1)] });
    let (status, answer) = shop.post("batch", &"k".repeat(151), one).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert!(
        answer["detail"].as_str().unwrap().contains("Idempotency-Key"),
        "{answer}"
    );
    let viewer = Caller {
        api: Arc::clone(&shop.api),
        role: Role::Viewer,
    };
    let (status, _) = viewer.post("batch", "v", json!({ "requests": [sale("C1", 1)] })).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    let within = json!({ "requests": [{ "path": "/erp/v1/batch", "body": { "requests": [sale("C1", 1)] } }] });
    assert_eq!(statuses(&shop.post("batch", "n", within).await.1), [404]);
}
