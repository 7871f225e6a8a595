//! What is refused is on the record too.

use axum::http::StatusCode;
use cortex_types::{RequestContext, TenantId};
use serde_json::{Value, json};

use super::{Caller, shop};

impl Caller {
    /// What was asked, the status and the field of each refusal, newest first. Every request here is asked over gRPC as well.
    async fn refusals(&self) -> Vec<(String, Value, Value)> {
        let ctx = RequestContext::system(TenantId::new("acme").unwrap());
        let records = self.api.audit.recent(&ctx, 100).await.unwrap();
        let refused = records.into_iter().map(|record| record.entry);
        let refused = refused.filter(|entry| entry.action == "erp.refuse");
        let mut refused: Vec<_> = refused
            .map(|entry| {
                let detail = |name: &str| entry.detail[name].clone();
                (entry.resource.clone(), detail("status"), detail("field"))
            })
            .collect();
        refused.dedup();
        refused
    }
}

#[tokio::test]
async fn every_refused_command_leaves_one_record_and_what_is_read_or_rehearsed_none() {
    let shop = shop().await;
    let sale = |quantity: &str| json!({ "customer": "C1", "lines": [{ "product": "MUG", "quantity": quantity }] });
    assert_eq!(shop.refusals().await, []);
    let (status, _) = shop.post("sales-invoices", "i1", sale("1_000")).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    let (status, _) = shop
        .post("sales-invoices", "i2", json!({ "customer": "C1", "lines": [] }))
        .await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert_eq!(shop.get("sales-invoices/none").await.0, StatusCode::NOT_FOUND);
    let told = shop.refusals().await;
    let path = "POST /erp/v1/sales-invoices".to_owned();
    let refused = |field: &str| (path.clone(), json!(400), json!(field));
    assert_eq!(told, [refused("lines"), refused("lines[0].quantity")]);

    let batch = |mode: &str| {
        json!({ "mode": mode, "requests": [
            { "path": "/erp/v1/sales-invoices", "body": sale("1") },
            { "path": "/erp/v1/sales-invoices", "body": { "customer": "NOBODY", "lines": sale("1")["lines"] } },
            { "path": "/erp/v1/nowhere", "body": {} },
        ] })
    };
    shop.post("batch", "b1", batch("rehearsal")).await;
    let told = shop.refusals().await;
    assert_eq!(told.len(), 2, "{told:?}");
    let (_, answer) = shop.post("batch", "b2", batch("each")).await;
    assert_eq!(answer["answers"][2]["body"]["code"], "not-found", "{answer}");
    assert_eq!(shop.refusals().await.len(), 3);

    let body = sale("-1").to_string();
    let (_, draft, _) = shop.draft("POST", "sales-invoices/drafts", None, &body).await;
    let id = draft["id"].as_str().unwrap();
    let (status, refused) = shop.post(&format!("sales-invoices/{id}/post"), "p", Value::Null).await;
    assert_eq!(status, StatusCode::BAD_REQUEST, "{refused}");
    let told = shop.refusals().await;
    assert_eq!(
        (told.len(), &told[0].0),
        (4, &format!("POST /erp/v1/sales-invoices/{id}/post"))
    );
    let (_, same) = shop.get(&format!("sales-invoices/drafts/{id}")).await;
    assert_eq!(
        (&same["version"], &same["changed_at"]),
        (&draft["version"], &draft["changed_at"])
    );
}
