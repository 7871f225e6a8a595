//! Years, periods and reversals over HTTP.

use axum::body::Body;
use axum::http::{Request, StatusCode};
use serde_json::json;

use super::{Caller, shop};

/// Without a body, and without saying what it would be.
async fn post_bare(shop: &Caller, path: &str) -> (StatusCode, serde_json::Value) {
    let request = Request::post(format!("/erp/v1/{path}")).header("idempotency-key", path);
    shop.send(request.body(Body::empty()).unwrap()).await
}

#[tokio::test]
async fn a_month_is_closed_and_a_year_after_it() {
    let shop = shop().await;
    let year = json!({ "from": "2011-01-01" });
    let (status, opened) = shop.post("fiscal-years", "y", year).await;
    assert_eq!(
        (status, &opened["number"]),
        (StatusCode::CREATED, &json!("FY2011")),
        "{opened}"
    );
    let entry = |day: &str| {
        json!({ "memo": "sale", "posted_at": day, "lines": [
            { "account": "1000", "debit": "7.00" }, { "account": "4000", "credit": "7.00" },
        ] })
    };
    let (_, posted) = shop.post("journal-entries", "e1", entry("2011-01-31")).await;
    let (status, _) = post_bare(&shop, "fiscal-periods/FY2011-01/close").await;
    assert_eq!(status, StatusCode::CREATED);
    let (status, refused) = shop.post("journal-entries", "e2", entry("2011-01-31")).await;
    assert_eq!(
        (status, &refused["code"]),
        (StatusCode::CONFLICT, &json!("period-closed")),
        "{refused}"
    );
    let number = posted["number"].as_str().unwrap();
    let early = json!({ "posted_at": "2011-01-30" });
    let (status, refused) = shop
        .post(&format!("journal-entries/{number}/reverse"), "r0", early)
        .await;
    assert_eq!(
        (
            status,
            refused["detail"]
                .as_str()
                .unwrap()
                .starts_with("posted_at: must not be before")
        ),
        (StatusCode::BAD_REQUEST, true),
        "{refused}"
    );
    let late = json!({ "method": "storno", "posted_at": "2011-02-01" });
    let (status, reversed) = shop.post(&format!("journal-entries/{number}/reverse"), "r", late).await;
    assert_eq!(status, StatusCode::CREATED, "{reversed}");
    let (_, reversal) = shop
        .get(&format!("journal-entries/{}", reversed["number"].as_str().unwrap()))
        .await;
    assert_eq!(reversal["lines"][0]["debit"], "-7.00", "{reversal}");
    shop.post("journal-entries", "e3", entry("2011-03-01")).await;

    let (status, closed) = post_bare(&shop, "fiscal-years/FY2011/close").await;
    assert_eq!(
        (status, &closed["amount"]),
        (StatusCode::CREATED, &json!("7.00")),
        "{closed}"
    );
    let (_, year) = shop.get("fiscal-years/FY2011").await;
    assert_eq!(
        (&year["closed"], &year["periods"][11]["state"]),
        (&json!(true), &json!("hard-closed"))
    );
    let (_, statement) = shop
        .get("reports/profit-and-loss?from=2011-01-01&as_of=2011-12-31")
        .await;
    assert_eq!(statement["profit_and_loss"][0]["result"], "7.00", "{statement}");
    let (_, ledger) = shop.get("reports/general-ledger?account=4000&from=2011-03-01").await;
    assert_eq!(
        (&ledger["opening"][0]["balance"], &ledger["items"][0]["balance"]),
        (&json!("0.00"), &json!("-7.00"))
    );
    assert_eq!(
        shop.get("reports/general-ledger?account=1").await.0,
        StatusCode::BAD_REQUEST
    );
    assert_eq!(shop.get("fiscal-years/FY1999").await.0, StatusCode::NOT_FOUND);
    let (status, refused) = post_bare(&shop, "fiscal-periods/FY2011-01/reopen").await;
    assert_eq!(status, StatusCode::BAD_REQUEST, "{refused}");
}
