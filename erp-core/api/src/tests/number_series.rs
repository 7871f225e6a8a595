//! How documents are numbered.

use axum::http::StatusCode;
use cortex_types::Role;
use serde_json::json;

use super::shop;

#[tokio::test]
async fn an_admin_says_how_documents_are_numbered_and_callers_name_a_series() {
    let shop = shop().await;
    let body = json!({ "kind": "sales-order", "prefix": "{year}-SO-", "digits": 3, "default": true });
    let (status, _) = shop
        .by(("mary", Role::Manager), "PUT", "number-series/orders", body.clone())
        .await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    let (status, answer) = shop.put("number-series/orders", "s1", body).await;
    assert_eq!(status, StatusCode::CREATED, "{answer}");
    let web = json!({ "kind": "sales-order", "prefix": "WEB-" });
    assert_eq!(shop.put("number-series/web", "s2", web).await.0, StatusCode::CREATED);
    let (_, listed) = shop.get("number-series").await;
    let listed: Vec<_> = listed["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| {
            json!([
                one["code"],
                one["kind"],
                one["prefix"],
                one["digits"],
                one["default"],
                one["blocked"]
            ])
        })
        .collect();
    assert_eq!(
        json!(listed),
        json!([
            ["orders", "sales-order", "{year}-SO-", 3, true, false],
            ["web", "sales-order", "WEB-", 6, false, false]
        ])
    );
    let order = |series: Option<&str>, number: Option<&str>| {
        json!({ "customer": "C1", "series": series, "number": number, "ordered_at": "2024-05-01",
            "lines": [{ "product": "MUG", "quantity": 1, "unit_price": "10.00" }] })
    };
    for (series, number) in [
        (None, "2024-SO-001"),
        (Some("web"), "WEB-000001"),
        (None, "2024-SO-002"),
    ] {
        let (status, placed) = shop.post("sales-orders", number, order(series, None)).await;
        assert_eq!(
            (status, &placed["number"]),
            (StatusCode::CREATED, &json!(number)),
            "{placed}"
        );
    }
    for (series, number, field) in [
        (Some("none"), None, "series"),
        (Some("web"), Some("X1"), "series"),
        (None, Some("2031-SO-1"), "number"),
    ] {
        let (status, refused) = shop
            .post("sales-orders", &format!("{series:?}{number:?}"), order(series, number))
            .await;
        assert_eq!(
            (status, &refused["code"]),
            (StatusCode::BAD_REQUEST, &json!("invalid-argument"))
        );
        assert!(refused["detail"].as_str().unwrap().starts_with(field), "{refused}");
    }
    for (body, field) in [
        (json!({ "kind": "party", "prefix": "P-" }), "kind"),
        (json!({ "kind": "payment", "prefix": "P{year}" }), "prefix"),
        (json!({ "kind": "payment", "prefix": "P-{month}-" }), "prefix"),
        (json!({ "kind": "payment", "prefix": "P-", "digits": 19 }), "digits"),
        (
            json!({ "kind": "payment", "prefix": "P-", "default": true, "blocked": true }),
            "default",
        ),
    ] {
        let (status, refused) = shop.put("number-series/x", &body.to_string(), body.clone()).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{body}");
        assert!(refused["detail"].as_str().unwrap().starts_with(field), "{refused}");
    }
}
