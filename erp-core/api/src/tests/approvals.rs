//! Documents that need somebody's word.

use std::sync::Arc;

use axum::body::Body;
use axum::http::{Request, StatusCode};
use cortex_types::{Principal, RequestContext, Role, TenantId};
use serde_json::{Value, json};

use super::{Caller, shop};
use crate::routes;

impl Caller {
    /// As somebody else.
    pub(super) async fn by(
        &self,
        (name, role): (&str, Role),
        method: &str,
        path: &str,
        body: Value,
    ) -> (StatusCode, Value) {
        use tower::ServiceExt;
        let request = Request::builder().method(method).uri(format!("/erp/v1/{path}"));
        let request = request
            .header("content-type", "application/json")
            .header("idempotency-key", format!("{name}{path}{body}"));
        let mut request = request.body(Body::from(body.to_string())).unwrap();
        let ctx = RequestContext::new(TenantId::new("acme").unwrap(), Principal::new(name, [role]));
        request.extensions_mut().insert(ctx);
        let response = routes(Arc::clone(&self.api)).oneshot(request).await.unwrap();
        let status = response.status();
        let body = axum::body::to_bytes(response.into_body(), 1 << 20).await.unwrap();
        (status, serde_json::from_slice(&body).unwrap_or(Value::Null))
    }

    async fn rule(&self, code: &str, kind: &str, above: &str, role: &str) {
        let rule = json!({ "kind": kind, "above": above, "role": role });
        let (status, answer) = self.put(&format!("approval-rules/{code}"), code, rule).await;
        assert_eq!(status, StatusCode::CREATED, "{answer}");
    }
}

const CLERK: (&str, Role) = ("carl", Role::Clerk);
const OTHER_CLERK: (&str, Role) = ("cora", Role::Clerk);
const MANAGER: (&str, Role) = ("mary", Role::Manager);
const ADMIN: (&str, Role) = ("ada", Role::Admin);

fn order(quantity: u32) -> Value {
    json!({ "supplier": "S1", "lines": [{ "product": "MUG", "quantity": quantity, "unit_price": "10.00" }] })
}

#[tokio::test]
async fn what_is_above_a_rule_is_posted_when_somebody_else_said_yes() {
    let shop = shop().await;
    shop.rule("big", "purchase-order", "1000.00", "manager").await;
    let (status, small) = shop.by(CLERK, "POST", "purchase-orders", order(100)).await;
    assert_eq!(status, StatusCode::CREATED, "exactly the amount needs nobody: {small}");
    let (status, refused) = shop.by(CLERK, "POST", "purchase-orders", order(101)).await;
    assert_eq!(
        (status, &refused["code"]),
        (StatusCode::CONFLICT, &json!("approval-required"))
    );
    assert!(refused["detail"].as_str().unwrap().contains("manager"), "{refused}");

    let (_, draft) = shop.by(CLERK, "POST", "purchase-orders/drafts", order(101)).await;
    let id = draft["id"].as_str().unwrap();
    let (draft_path, post) = (
        format!("purchase-orders/drafts/{id}"),
        format!("purchase-orders/{id}/post"),
    );
    let step = |action: &str| format!("{draft_path}/{action}");
    let none = Value::Null;
    assert_eq!(
        shop.by(CLERK, "POST", &post, none.clone()).await.1["code"],
        "approval-required"
    );
    assert_eq!(
        shop.by(MANAGER, "POST", &step("approve"), none.clone()).await.1["code"],
        "wrong-state"
    );
    let (status, submitted) = shop.by(CLERK, "POST", &step("submit"), none.clone()).await;
    assert_eq!((status, &submitted["state"]), (StatusCode::OK, &json!("submitted")));
    assert!(submitted["waits_for"].as_str().unwrap().contains("big"), "{submitted}");
    let (_, inbox) = shop.get("purchase-orders/drafts?state=submitted").await;
    assert_eq!(inbox["items"][0]["id"], draft["id"]);

    for (who, action, code) in [
        (CLERK, "approve", "permission-denied"),
        (OTHER_CLERK, "withdraw", "permission-denied"),
        (CLERK, "submit", "wrong-state"),
        (CLERK, "post", "wrong-state"),
    ] {
        let path = if action == "post" { post.clone() } else { step(action) };
        assert_eq!(
            shop.by(who, "POST", &path, none.clone()).await.1["code"],
            code,
            "{action}"
        );
    }
    let (_, approved) = shop.by(MANAGER, "POST", &step("approve"), none.clone()).await;
    assert_eq!(
        (
            &approved["state"],
            &approved["approved_by"],
            &approved["approved_amount"]
        ),
        (&json!("approved"), &json!(["mary"]), &json!("1010.00 GBP"))
    );
    let (status, posted) = shop.by(OTHER_CLERK, "POST", &post, none).await;
    assert_eq!(
        (status, &posted["amount"]),
        (StatusCode::CREATED, &json!("1010.00")),
        "{posted}"
    );
}

#[tokio::test]
async fn nobody_says_yes_to_their_own_and_a_change_makes_the_word_void() {
    let shop = shop().await;
    shop.rule("big", "purchase-order", "1000.00", "manager").await;
    let (_, draft) = shop.by(MANAGER, "POST", "purchase-orders/drafts", order(200)).await;
    let path = format!("purchase-orders/drafts/{}", draft["id"].as_str().unwrap());
    shop.by(CLERK, "POST", &format!("{path}/submit"), Value::Null).await;
    let (status, own) = shop.by(MANAGER, "POST", &format!("{path}/approve"), Value::Null).await;
    assert_eq!(
        (status, &own["code"]),
        (StatusCode::FORBIDDEN, &json!("permission-denied"))
    );
    let (_, approved) = shop.by(ADMIN, "POST", &format!("{path}/approve"), Value::Null).await;
    assert_eq!(
        approved["state"], "approved",
        "an admin's word counts for a manager's: {approved}"
    );

    let tag = format!("\"{}\"", approved["version"]);
    let (status, changed, _) = shop.draft("PUT", &path, Some(&tag), &order(300).to_string()).await;
    assert_eq!(
        (status, &changed["state"], &changed["approved_by"]),
        (StatusCode::OK, &json!("draft"), &json!([]))
    );
    let post = format!("purchase-orders/{}/post", draft["id"].as_str().unwrap());
    assert_eq!(
        shop.by(CLERK, "POST", &post, Value::Null).await.1["code"],
        "approval-required"
    );
}

#[tokio::test]
async fn two_rules_want_two_words_and_a_rejected_draft_is_one_again() {
    let shop = shop().await;
    shop.rule("big", "purchase-order", "1000.00", "manager").await;
    shop.rule("huge", "purchase-order", "5000.00", "admin").await;
    let (_, draft) = shop.by(CLERK, "POST", "purchase-orders/drafts", order(600)).await;
    let path = format!("purchase-orders/drafts/{}", draft["id"].as_str().unwrap());
    shop.by(CLERK, "POST", &format!("{path}/submit"), Value::Null).await;
    let (_, one) = shop.by(MANAGER, "POST", &format!("{path}/approve"), Value::Null).await;
    assert_eq!(
        (&one["state"], &one["approved_by"]),
        (&json!("submitted"), &json!(["mary"]))
    );
    assert!(one["waits_for"].as_str().unwrap().contains("huge"), "{one}");
    let (_, rejected) = shop.by(ADMIN, "POST", &format!("{path}/reject"), Value::Null).await;
    assert_eq!(
        (&rejected["state"], &rejected["approved_by"]),
        (&json!("draft"), &json!([]))
    );
    shop.by(OTHER_CLERK, "POST", &format!("{path}/submit"), Value::Null)
        .await;
    let (_, both) = shop.by(ADMIN, "POST", &format!("{path}/approve"), Value::Null).await;
    assert_eq!(both["state"], "approved");
}

#[tokio::test]
async fn what_was_approved_for_less_is_not_posted_for_more() {
    let shop = shop().await;
    shop.rule("dear", "sales-order", "1000.00", "manager").await;
    // At list price, which the rate of the day turns into the order's currency.
    let company = json!({ "name": "Acme", "currency": "GBP" });
    assert_eq!(shop.put("company", "c", company).await.0, StatusCode::CREATED);
    let rate = |rate: &str| json!({ "rate": rate });
    assert_eq!(
        shop.put("exchange-rates/USD/2011-01-01", "r1", rate("0.5")).await.0,
        StatusCode::CREATED
    );
    let order = json!({ "customer": "C1", "currency": "USD", "lines": [{ "product": "MUG", "quantity": 1000 }] });
    let (_, draft) = shop.by(CLERK, "POST", "sales-orders/drafts", order).await;
    let path = format!("sales-orders/drafts/{}", draft["id"].as_str().unwrap());
    let (_, submitted) = shop.by(CLERK, "POST", &format!("{path}/submit"), Value::Null).await;
    assert_eq!(submitted["state"], "submitted", "{submitted}");
    let (_, approved) = shop.by(MANAGER, "POST", &format!("{path}/approve"), Value::Null).await;
    assert_eq!(approved["approved_amount"], "6000.00 USD", "{approved}");
    assert_eq!(
        shop.put("exchange-rates/USD/2011-02-01", "r2", rate("0.25")).await.0,
        StatusCode::CREATED
    );
    let post = format!("sales-orders/{}/post", draft["id"].as_str().unwrap());
    let (status, refused) = shop.by(CLERK, "POST", &post, Value::Null).await;
    assert_eq!(
        (status, &refused["code"]),
        (StatusCode::CONFLICT, &json!("approval-required")),
        "{refused}"
    );
}

#[tokio::test]
async fn a_draft_that_needs_nobody_is_approved_at_once_and_one_that_would_be_refused_stays_one() {
    let shop = shop().await;
    for (body, answer) in [
        (order(1), json!("approved")),
        (json!({ "supplier": "S1" }), Value::Null),
    ] {
        let (_, draft) = shop.by(CLERK, "POST", "purchase-orders/drafts", body).await;
        let path = format!("purchase-orders/drafts/{}", draft["id"].as_str().unwrap());
        let (_, submitted) = shop.by(CLERK, "POST", &format!("{path}/submit"), Value::Null).await;
        assert_eq!(submitted["state"], answer, "{submitted}");
    }
    assert_eq!(
        shop.get("purchase-orders").await.1["items"],
        json!([]),
        "a rehearsal leaves nothing"
    );
}

#[tokio::test]
async fn payments_need_a_word_when_they_go_out() {
    let shop = shop().await;
    shop.rule("out", "payment", "10.00", "manager").await;
    let payment = |party: &str, direction: &str| json!({ "party": party, "direction": direction, "amount": "50.00" });
    assert_eq!(
        shop.post("payments", "in", payment("C1", "in")).await.0,
        StatusCode::CREATED
    );
    assert_eq!(
        shop.post("payments", "paid", payment("S1", "out")).await.1["code"],
        "approval-required"
    );
}

#[tokio::test]
async fn rules_are_for_admins_and_name_what_can_be_approved() {
    let shop = shop().await;
    let rule = |kind: &str, role: &str| json!({ "kind": kind, "above": "1", "role": role });
    for who in [CLERK, MANAGER] {
        let (status, _) = shop
            .by(who, "PUT", "approval-rules/x", rule("payment", "manager"))
            .await;
        assert_eq!(status, StatusCode::FORBIDDEN);
    }
    for (body, named) in [(rule("party", "manager"), "kind"), (rule("payment", "viewer"), "role")] {
        let (status, refused) = shop.put("approval-rules/x", named, body).await;
        assert_eq!(status, StatusCode::BAD_REQUEST);
        assert!(refused["detail"].as_str().unwrap().starts_with(named), "{refused}");
    }
    shop.rule("out", "payment", "10.00", "manager").await;
    let (_, workflow) = shop.get("workflows/payments").await;
    assert_eq!(workflow["states"], json!(["draft", "submitted", "approved"]));
    assert_eq!(workflow["rules"][0]["above"], "10.00");
    assert_eq!(workflow["transitions"].as_array().unwrap().len(), 13);
    assert_eq!(shop.get("workflows/nothing").await.0, StatusCode::NOT_FOUND);
    let (_, rules) = shop.get("approval-rules").await;
    assert_eq!(
        (&rules["items"][0]["code"], &rules["items"][0]["role"]),
        (&json!("out"), &json!("manager"))
    );
}
