//! Requests to a shop that is there already. All of it is rehearsed: nothing remains for the next one.

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use cortex_erp::MemoryLedger;
use cortex_types::{Principal, RequestContext, Role, TenantId};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tokio::runtime::Runtime;
use tower::ServiceExt;

use crate::in_memory::api;

/// What an import can be of, by the first byte of the input.
const COLLECTIONS: [&str; 12] = [
    "products",
    "parties",
    "locations",
    "exchange-rates",
    "tax-codes",
    "sales-invoices",
    "purchase-receipts",
    "credit-notes",
    "payments",
    "sales-orders",
    "journal-entries",
    "opening-balances",
];
const FORMATS: [&str; 3] = ["csv", "json", "parquet"];

struct Shop {
    runtime: Runtime,
    routes: Router,
    ledger: MemoryLedger,
    commands: usize,
}

thread_local! {
    static SHOP: Shop = Shop::open();
}

fn ctx() -> RequestContext {
    let tenant = TenantId::new("acme").expect("a tenant");
    RequestContext::new(tenant, Principal::new("ann", [Role::Admin]))
}

/// A file in a format, as some collection: what would come of it is told, and nothing comes of it.
pub(super) fn import(bytes: &[u8]) {
    let Some((first, file)) = bytes.split_first() else {
        return;
    };
    let collection = COLLECTIONS[usize::from(*first) % COLLECTIONS.len()];
    let format = FORMATS[usize::from(*first) / COLLECTIONS.len() % FORMATS.len()];
    let path = format!("/erp/v1/imports/{collection}?format={format}&dry_run=true");
    SHOP.with(|shop| {
        let (status, answer) = shop.send(&path, "text/csv", file.to_vec());
        assert!(matches!(status, 200 | 400 | 404), "{status}: {answer}");
        if status == 200 {
            let documents = answer["documents"].as_array().expect("documents");
            let told = |outcome| documents.iter().filter(|of| of["outcome"] == outcome).count() as u64;
            for outcome in ["created", "changed", "refused"] {
                assert_eq!(answer[outcome].as_u64(), Some(told(outcome)), "{answer}");
            }
        }
        shop.is_as_it_was();
    });
}

/// Commands as JSON, many at once.
pub(super) fn batch(bytes: &[u8]) {
    let Ok(mut body) = serde_json::from_slice::<Value>(bytes) else {
        return;
    };
    let Some(fields) = body.as_object_mut() else { return };
    fields.insert("mode".to_owned(), "rehearsal".into());
    let requests = fields.get("requests").and_then(Value::as_array).map_or(0, Vec::len);
    SHOP.with(|shop| {
        let (status, answer) = shop.send("/erp/v1/batch", "application/json", body.to_string().into_bytes());
        assert!(matches!(status, 200 | 400), "{status}: {answer}");
        if status == 200 {
            let answers = answer["answers"].as_array().expect("answers");
            assert_eq!(answers.len(), requests);
            let failed = |answer: &&Value| answer["status"].as_u64().is_none_or(|status| status >= 500);
            assert_eq!(answers.iter().find(failed), None, "{body}");
        }
        shop.is_as_it_was();
    });
}

impl Shop {
    /// With a company, parties, products, stock and a document of each usual kind.
    fn open() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.expect("a runtime");
        let ledger = MemoryLedger::default();
        let routes = {
            let _within = runtime.enter();
            crate::routes(api(&ledger))
        };
        let mut shop = Self {
            runtime,
            routes,
            ledger,
            commands: 0,
        };
        let put = |path: &str, body: Value| json!({ "method": "PUT", "path": format!("/erp/v1/{path}"), "body": body });
        let post = |path: &str, body: Value| json!({ "path": format!("/erp/v1/{path}"), "body": body });
        let lines = json!([{ "product": "MUG", "quantity": "2", "unit_price": "3.00" }]);
        shop.begin(json!([
            put("company", json!({ "name": "Acme", "currency": "GBP" })),
            put("exchange-rates/EUR/2024-01-01", json!({ "rate": "0.85" })),
            put(
                "tax-codes/VAT",
                json!({ "title": "VAT", "components": [{ "name": "VAT", "rate": "20" }] })
            ),
            put("locations/shop", json!({ "name": "Shop", "negative_stock": "refuse" })),
            post(
                "parties",
                json!({ "code": "C1", "kind": "customer", "country": "France" })
            ),
            post(
                "parties",
                json!({ "code": "S1", "kind": "supplier", "country": "France" })
            ),
            post(
                "parties",
                json!({ "code": "W", "kind": "walk_in", "country": "France" })
            ),
            post(
                "products",
                json!({ "code": "MUG", "kind": "goods", "list_price": "3.00" })
            ),
            post(
                "products",
                json!({ "code": "TEA", "kind": "goods", "unit": "KGM", "valuation": "fifo", "list_price": "9.00" })
            ),
            post(
                "products",
                json!({ "code": "POST", "kind": "service", "list_price": "1.00" })
            ),
        ]));
        shop.begin(json!([
            post(
                "purchase-receipts",
                json!({ "number": "R1", "supplier": "S1", "received_at": "2024-01-05",
                "lines": [{ "product": "MUG", "quantity": "90", "value": "90.00", "tax": "VAT" }] })
            ),
            post(
                "sales-orders",
                json!({ "number": "O1", "customer": "C1", "ordered_at": "2024-01-06", "lines": lines })
            ),
            post(
                "sales-invoices",
                json!({ "number": "A1", "customer": "C1", "invoiced_at": "2024-01-07", "lines": lines })
            ),
        ]));
        shop.commands = shop.count();
        shop
    }

    fn begin(&self, requests: Value) {
        let body = json!({ "mode": "whole", "requests": requests });
        let (status, answer) = self.send("/erp/v1/batch", "application/json", body.to_string().into_bytes());
        assert_eq!((status, &answer["refused"]), (200, &json!(0)), "{answer}");
    }

    fn send(&self, path: &str, content_type: &str, body: Vec<u8>) -> (u16, Value) {
        let request = Request::post(path)
            .header("content-type", content_type)
            .header("idempotency-key", format!("fuzzed {}", self.count()))
            .extension(ctx())
            .body(Body::from(body));
        self.runtime.block_on(async {
            let response = self.routes.clone().oneshot(request.expect("a request")).await;
            let response = response.expect("an answer");
            let status = response.status().as_u16();
            let body = response.into_body().collect().await.expect("a body").to_bytes();
            (status, serde_json::from_slice(&body).expect("JSON"))
        })
    }

    fn count(&self) -> usize {
        let tenant = ctx().tenant;
        self.runtime.block_on(self.ledger.accepted(&tenant)).len()
    }

    fn is_as_it_was(&self) {
        assert_eq!(self.count(), self.commands, "a rehearsal has left something");
    }
}
