//! The edge, over the ledger in memory.

mod approvals;
mod audited;
mod batch;
mod company;
mod contacts;
mod drafts;
mod events;
mod fiscal;
mod grpc;
mod interchange;
mod master_data;
mod moving;
mod number_series;
mod orders;
mod refusals;
mod stock;
mod units;

use std::sync::Arc;

use axum::body::Body;
use axum::http::{Request, StatusCode};
use cortex_erp::MemoryLedger;
use cortex_types::{Principal, RequestContext, Role, TenantId};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::{ErpApi, openapi, routes};

fn api() -> Arc<ErpApi> {
    crate::in_memory::api(&MemoryLedger::default())
}

fn ctx(role: Role) -> RequestContext {
    RequestContext::new(TenantId::new("acme").unwrap(), Principal::new("ann", [role]))
}

struct Caller {
    api: Arc<ErpApi>,
    role: Role,
}

impl Caller {
    /// Asks over HTTP, and over gRPC again: both answer the same.
    async fn send(&self, request: Request<Body>) -> (StatusCode, Value) {
        let (parts, body) = request.into_parts();
        let sent = body.collect().await.unwrap().to_bytes();
        let mut request = Request::from_parts(parts.clone(), Body::from(sent.clone()));
        request.extensions_mut().insert(ctx(self.role));
        let response = routes(Arc::clone(&self.api)).oneshot(request).await.unwrap();
        let status = response.status();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        let answer = serde_json::from_slice(&body).unwrap_or(Value::Null);
        grpc::mirror(self, &parts, &sent, (status, &answer)).await;
        (status, answer)
    }

    async fn get(&self, path: &str) -> (StatusCode, Value) {
        self.send(Request::get(format!("/erp/v1/{path}")).body(Body::empty()).unwrap())
            .await
    }

    async fn done(&self, path: &str, key: &str, body: Value) -> Value {
        let (status, answer) = self.post(path, key, body).await;
        assert_eq!(status, StatusCode::CREATED, "{path}: {answer}");
        answer
    }

    async fn put(&self, path: &str, key: &str, body: Value) -> (StatusCode, Value) {
        let request = Request::put(format!("/erp/v1/{path}"))
            .header("content-type", "application/json")
            .header("idempotency-key", key);
        self.send(request.body(Body::from(body.to_string())).unwrap()).await
    }

    async fn post(&self, path: &str, key: &str, body: Value) -> (StatusCode, Value) {
        let request = Request::post(format!("/erp/v1/{path}"))
            .header("content-type", "application/json")
            .header("idempotency-key", key);
        self.send(request.body(Body::from(body.to_string())).unwrap()).await
    }
}

async fn shop() -> Caller {
    let caller = Caller {
        api: api(),
        role: Role::Admin,
    };
    for (path, body) in [
        (
            "parties",
            json!({ "code": "C1", "kind": "customer", "country": "France", "name": "Ada Lovelace" }),
        ),
        (
            "parties",
            json!({ "code": "S1", "kind": "supplier", "country": "France" }),
        ),
        (
            "products",
            json!({ "code": "MUG", "kind": "goods", "list_price": "3.00" }),
        ),
    ] {
        let key = format!("{path}-{}", body["code"]);
        let (status, answer) = caller.post(path, &key, body).await;
        assert_eq!(status, StatusCode::CREATED, "{answer}");
    }
    caller
}

#[tokio::test]
async fn an_invoice_goes_in_as_decimals_and_comes_back_as_decimals() {
    let shop = shop().await;
    let receipt = json!({ "supplier": "S1", "lines": [{ "product": "MUG", "quantity": "10", "value": "12.50" }] });
    assert_eq!(
        shop.post("purchase-receipts", "r1", receipt).await.0,
        StatusCode::CREATED
    );
    let invoice = json!({ "customer": "C1", "lines": [
        { "product": "MUG", "quantity": 4, "unit_price": 2.55 },
        { "product": "MUG", "quantity": "1", "net": "0.99" },
    ] });
    let (status, posted) = shop.post("sales-invoices", "i1", invoice.clone()).await;
    assert_eq!(
        (status, &posted["amount"], &posted["repeated"]),
        (StatusCode::CREATED, &json!("11.19"), &json!(false))
    );
    let (status, again) = shop.post("sales-invoices", "i1", invoice).await;
    assert_eq!(
        (status, &again["id"], &again["repeated"]),
        (StatusCode::OK, &posted["id"], &json!(true))
    );

    let (_, read) = shop
        .get(&format!("sales-invoices/{}", posted["number"].as_str().unwrap()))
        .await;
    assert_eq!(
        (&read["net"], &read["lines"][0]["quantity"]),
        (&json!("11.19"), &json!("4"))
    );
    let (_, stock) = shop.get("reports/stock-on-hand").await;
    assert_eq!(
        (&stock["items"][0]["value"], &stock["items"][0]["unit_cost"]),
        (&json!("6.25"), &json!("1.25"))
    );
    let (_, balance) = shop.get("reports/trial-balance").await;
    let accounts = balance["accounts"].as_array().unwrap();
    let receivables = accounts.iter().find(|account| account["account"] == "1100").unwrap();
    assert_eq!(
        (&receivables["balance"], &receivables["title"]),
        (&json!("11.19"), &json!("trade receivables"))
    );
    let (_, sheets) = shop.get("reports/balance-sheet?as_of=2199-12-31").await;
    let sheet = &sheets["balance_sheets"][0];
    assert_eq!(
        (
            &sheet["assets"]["total"],
            &sheet["liabilities_and_equity"],
            &sheet["earned"]
        ),
        (&json!("17.44"), &json!("17.44"), &json!("4.94"))
    );
    let (_, statements) = shop.get("reports/profit-and-loss").await;
    let result = &statements["profit_and_loss"][0];
    assert_eq!(
        (
            &result["income"]["total"],
            &result["expenses"]["accounts"][0]["amount"],
            &result["result"]
        ),
        (&json!("11.19"), &json!("6.25"), &json!("4.94"))
    );
    for bad in ["as_of=30.6.2011", "from=2011-02-01&as_of=2011-01-01", "asof=2011-01-01"] {
        let (status, problem) = shop.get(&format!("reports/profit-and-loss?{bad}")).await;
        assert_eq!(
            (status, &problem["code"]),
            (StatusCode::BAD_REQUEST, &json!("invalid-argument")),
            "{bad}"
        );
    }
}

#[tokio::test]
async fn a_name_is_stored_sealed_and_gone_once_its_key_is() {
    let shop = shop().await;
    let stored = shop.api.records.party(&ctx(Role::Admin), "C1").await.unwrap().unwrap();
    assert!(!stored.name_sealed.unwrap().contains("Ada"));
    assert_eq!(shop.get("parties/C1").await.1["name"], "Ada Lovelace");
    assert_eq!(shop.get("parties").await.1["items"][0]["name"], Value::Null);
    shop.api
        .sealer
        .erase(&ctx(Role::Admin), &cortex_erp::Party::subject("C1"))
        .await
        .unwrap();
    let (status, erased) = shop.get("parties/C1").await;
    assert_eq!((status, &erased["name"]), (StatusCode::OK, &Value::Null));
}

#[tokio::test]
async fn what_is_refused_is_a_problem_with_a_code_that_names_the_field() {
    let shop = shop().await;
    let post = |path: &'static str, body: Value| shop.post(path, "k", body);
    let line = |product: &str, quantity: &str| json!({ "customer": "C1", "lines": [{ "product": product, "quantity": quantity }] });
    let (status, problem) = post("sales-invoices", line("CUP", "1")).await;
    assert_eq!(
        (status, &problem["code"]),
        (StatusCode::BAD_REQUEST, &json!("unknown-product"))
    );
    let (_, problem) = post("sales-invoices", line("MUG", "0.0000001")).await;
    assert!(
        problem["detail"].as_str().unwrap().starts_with("lines[0].quantity"),
        "{problem}"
    );
    let side = |account: &str, side: &str, amount: &str| json!({ "account": account, side: amount });
    let entry = json!({ "memo": "m", "lines": [side("1000", "debit", "10.00"), side("3000", "credit", "9.99")] });
    let (status, problem) = post("journal-entries", entry).await;
    assert_eq!(
        (status, &problem["code"]),
        (StatusCode::BAD_REQUEST, &json!("unbalanced-entry"))
    );
    let (status, _) = shop.get("sales-invoices/nothing").await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    let keyless = Request::post("/erp/v1/payments").header("content-type", "application/json");
    let (status, problem) = shop.send(keyless.body(Body::from("{}")).unwrap()).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert!(
        problem["detail"].as_str().unwrap().starts_with("Idempotency-Key"),
        "{problem}"
    );
}

#[tokio::test]
async fn a_viewer_reads_but_posts_nothing_and_a_stranger_does_neither() {
    let viewer = Caller {
        role: Role::Viewer,
        ..shop().await
    };
    assert_eq!(viewer.get("parties").await.0, StatusCode::OK);
    for path in [
        "parties",
        "products",
        "sales-invoices",
        "credit-notes",
        "stock-moves",
        "journal-entries",
    ] {
        let body = match path {
            "parties" => json!({ "code": "C2", "kind": "customer", "country": "France" }),
            "products" => json!({ "code": "CUP", "kind": "goods" }),
            "journal-entries" | "stock-moves" => json!({ "memo": "", "lines": [] }),
            _ => json!({ "lines": [] }),
        };
        assert_eq!(viewer.post(path, "k", body).await.0, StatusCode::FORBIDDEN, "{path}");
    }
    let anonymous = Request::get("/erp/v1/parties").body(Body::empty()).unwrap();
    let response = routes(Arc::clone(&viewer.api)).oneshot(anonymous).await.unwrap();
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn lists_go_on_where_the_page_before_ended() {
    let shop = shop().await;
    let (_, first) = shop.get("parties?limit=1").await;
    assert_eq!(first["items"][0]["code"], "C1");
    let (_, second) = shop
        .get(&format!("parties?limit=5&after={}", first["next"].as_str().unwrap()))
        .await;
    assert_eq!(
        (&second["items"][0]["code"], &second["next"]),
        (&json!("S1"), &Value::Null)
    );
}

#[test]
fn every_route_is_described() {
    let document = serde_json::to_value(openapi()).unwrap();
    let paths = document["paths"].as_object().unwrap();
    for path in [
        "parties",
        "products",
        "sales-invoices",
        "credit-notes",
        "stock-moves",
        "journal-entries",
    ] {
        let item = &paths[&format!("/erp/v1/{path}")];
        assert!(item["get"].is_object() && item["post"].is_object(), "{path}");
    }
    for path in [
        "purchase-receipts",
        "payments",
        "reports/trial-balance",
        "reports/balance-sheet",
        "reports/profit-and-loss",
        "reports/stock-on-hand",
    ] {
        assert!(paths.contains_key(&format!("/erp/v1/{path}")), "{path}");
    }
}

#[tokio::test]
async fn a_key_that_stood_for_another_body_is_a_conflict() {
    let shop = shop().await;
    let invoice = |quantity: u32| json!({ "customer": "C1", "lines": [{ "product": "MUG", "quantity": quantity }] });
    assert_eq!(
        shop.post("sales-invoices", "i1", invoice(1)).await.0,
        StatusCode::CREATED
    );
    let (status, problem) = shop.post("sales-invoices", "i1", invoice(2)).await;
    assert_eq!(
        (status, &problem["code"]),
        (StatusCode::CONFLICT, &json!("idempotency-conflict"))
    );
}

#[tokio::test]
async fn a_name_is_part_of_what_a_key_stands_for() {
    let shop = shop().await;
    let party = |name: Value| json!({ "code": "C2", "kind": "customer", "country": "France", "name": name });
    let post = |body| shop.post("parties", "p2", body);
    assert_eq!(post(party(json!("Grace"))).await.0, StatusCode::CREATED);
    assert_eq!(post(party(json!("Grace"))).await.0, StatusCode::OK);
    for other in [json!("Hopper"), Value::Null] {
        let (status, problem) = post(party(other)).await;
        assert_eq!(
            (status, &problem["code"]),
            (StatusCode::CONFLICT, &json!("idempotency-conflict"))
        );
    }
    assert_eq!(shop.get("parties/C2").await.1["name"], "Grace");
}

#[tokio::test]
async fn what_is_refused_makes_no_key_for_a_subject() {
    let shop = shop().await;
    let party = |code: &str, name: &str| json!({ "code": code, "kind": "customer", "country": "France", "name": name });
    let (long, padded) = ("x".repeat(201), " C9");
    for (code, name, field) in [("C8", long.as_str(), "name:"), (padded, "Ada", "code:")] {
        let (status, problem) = shop.post("parties", "p", party(code, name)).await;
        assert_eq!(status, StatusCode::BAD_REQUEST);
        assert!(problem["detail"].as_str().unwrap().starts_with(field), "{problem}");
    }
    let taken = shop.post("parties", "p", party("S1", "Ada")).await;
    assert_eq!(
        (taken.0, &taken.1["code"]),
        (StatusCode::CONFLICT, &json!("already-exists"))
    );
    let used = shop.post("parties", "parties-\"C1\"", party("C7", "Ada")).await;
    assert_eq!(
        (used.0, &used.1["code"]),
        (StatusCode::CONFLICT, &json!("idempotency-conflict"))
    );
    for code in ["C8", padded, "S1", "C7"] {
        let erased = shop
            .api
            .sealer
            .erase(&ctx(Role::Admin), &cortex_erp::Party::subject(code))
            .await;
        assert!(!erased.unwrap(), "there is a key for {code}");
    }
}
