//! Documents that are written before they are posted.

use axum::body::Body;
use axum::http::{Request, StatusCode};
use cortex_types::Role;
use serde_json::{Value, json};
use tower::ServiceExt;

use super::{Caller, ctx, shop};
use crate::routes;

impl Caller {
    /// With the draft's version as the caller knows it; answers with its `ETag` too.
    pub(super) async fn draft(
        &self,
        method: &str,
        path: &str,
        known: Option<&str>,
        body: &str,
    ) -> (StatusCode, Value, String) {
        let mut request = Request::builder().method(method).uri(format!("/erp/v1/{path}"));
        request = request.header("content-type", "application/json");
        if let Some(tag) = known {
            request = request.header("if-match", tag);
        }
        let mut request = request.body(Body::from(body.to_owned())).unwrap();
        request.extensions_mut().insert(ctx(self.role));
        let response = routes(self.api.clone()).oneshot(request).await.unwrap();
        let (status, tag) = (response.status(), response.headers().get("etag").cloned());
        let body = axum::body::to_bytes(response.into_body(), 1 << 20).await.unwrap();
        let tag = tag.map_or_else(String::new, |tag| tag.to_str().unwrap().to_owned());
        (status, serde_json::from_slice(&body).unwrap_or(Value::Null), tag)
    }
}

#[tokio::test]
async fn a_draft_is_changed_by_who_knows_it_and_posted_once() {
    let shop = shop().await;
    // Not whole yet: it has no lines.
    let (status, draft, tag) = shop
        .draft("POST", "sales-invoices/drafts", None, r#"{ "customer": "C1" }"#)
        .await;
    assert_eq!(
        (status, tag.as_str(), &draft["version"]),
        (StatusCode::CREATED, "\"1\"", &json!(1))
    );
    let id = draft["id"].as_str().unwrap();
    let (path, post) = (
        format!("sales-invoices/drafts/{id}"),
        format!("sales-invoices/{id}/post"),
    );
    let (status, refused, _) = shop.draft("POST", &post, None, "").await;
    assert_eq!(
        (status, &refused["code"]),
        (StatusCode::BAD_REQUEST, &json!("invalid-argument"))
    );
    let (_, _, tag) = shop.draft("GET", &path, None, "").await;

    let (status, first) = shop.post("payments/drafts", "d1", json!({ "party": "C1" })).await;
    assert_eq!((status, &first["repeated"]), (StatusCode::CREATED, &Value::Null));
    let (status, again) = shop.post("payments/drafts", "d1", json!({ "party": "C1" })).await;
    assert_eq!(
        (status, &again["repeated"], &again["id"]),
        (StatusCode::OK, &json!(true), &first["id"])
    );
    let (status, other) = shop.post("payments/drafts", "d1", json!({ "party": "S1" })).await;
    assert_eq!(
        (status, &other["code"]),
        (StatusCode::CONFLICT, &json!("idempotency-conflict"))
    );

    let whole = r#"{ "customer": "C1", "lines": [{ "product": "MUG", "quantity": 2, "unit_price": 2.10 }] }"#;
    assert_eq!(shop.draft("PUT", &path, None, whole).await.0, StatusCode::BAD_REQUEST);
    let (status, changed, newer) = shop.draft("PUT", &path, Some(&tag), whole).await;
    assert_eq!(
        (status, &changed["body"]["lines"][0]["quantity"]),
        (StatusCode::OK, &json!(2))
    );
    for method in ["PUT", "DELETE"] {
        let (status, refused, _) = shop.draft(method, &path, Some(&tag), whole).await;
        assert_eq!(
            (status, &refused["code"]),
            (StatusCode::PRECONDITION_FAILED, &json!("version-mismatch"))
        );
    }
    assert_eq!(
        shop.draft("POST", &post, Some(&tag), "").await.0,
        StatusCode::PRECONDITION_FAILED
    );
    // Nobody else's.
    let viewer = Caller {
        api: shop.api.clone(),
        role: Role::Viewer,
    };
    assert_eq!(viewer.draft("POST", &post, None, "").await.0, StatusCode::FORBIDDEN);
    assert_eq!(viewer.draft("GET", &path, None, "").await.0, StatusCode::OK);
    let (status, posted, _) = shop.draft("POST", &post, Some(&newer), "").await;
    assert_eq!((status, &posted["amount"]), (StatusCode::CREATED, &json!("4.20")));
    let (status, again, _) = shop.draft("POST", &post, None, "").await;
    assert_eq!(
        (status, &again["number"], &again["repeated"]),
        (StatusCode::OK, &posted["number"], &json!(true))
    );
    assert_eq!(shop.draft("GET", &path, None, "").await.0, StatusCode::NOT_FOUND);
    let elsewhere = post.replace("sales-invoices", "purchase-orders");
    assert_eq!(shop.draft("POST", &elsewhere, None, "").await.0, StatusCode::NOT_FOUND);
    let (_, invoices) = shop.get("sales-invoices").await;
    assert_eq!(invoices["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_draft_belongs_to_its_collection_and_is_thrown_away_whole() {
    let shop = shop().await;
    let body = r#"{ "party": "C1", "direction": "in", "amount": "1.00" }"#;
    let (_, draft, tag) = shop.draft("POST", "payments/drafts", None, body).await;
    let id = draft["id"].as_str().unwrap();
    for path in [format!("sales-orders/drafts/{id}"), "payments/drafts/none".to_owned()] {
        assert_eq!(shop.draft("GET", &path, None, "").await.0, StatusCode::NOT_FOUND);
    }
    assert_eq!(
        shop.draft("POST", &format!("sales-orders/{id}/post"), None, "").await.0,
        StatusCode::NOT_FOUND
    );
    for body in ["[]", "7", "\"text\"", "{", ""] {
        assert_eq!(
            shop.draft("POST", "payments/drafts", None, body).await.0,
            StatusCode::BAD_REQUEST
        );
    }
    let (_, drafts) = shop.get("payments/drafts").await;
    assert_eq!(drafts["items"].as_array().unwrap().len(), 1);
    let gone = shop
        .draft("DELETE", &format!("payments/drafts/{id}"), Some(&tag), "")
        .await
        .0;
    assert_eq!(gone, StatusCode::NO_CONTENT);
    let (_, drafts) = shop.get("payments/drafts").await;
    assert_eq!(drafts["items"], json!([]));
}
