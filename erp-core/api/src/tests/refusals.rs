//! What does not fit is refused with what was wrong and what is wanted, in the caller's own words.

use super::*;

/// What a refusal with this code says.
fn detail(answer: &(StatusCode, Value), status: StatusCode, code: &str) -> String {
    assert_eq!((answer.0, &answer.1["code"]), (status, &json!(code)), "{}", answer.1);
    answer.1["detail"].as_str().unwrap().to_owned()
}

fn invalid(answer: &(StatusCode, Value)) -> String {
    detail(answer, StatusCode::BAD_REQUEST, "invalid-argument")
}

#[tokio::test]
async fn an_amount_is_posted_as_it_was_written_and_not_as_a_float_has_it() {
    let shop = shop().await;
    let entry = |amount: &str| {
        format!(
            r#"{{"memo":"m","lines":[{{"account":"1000","debit":{amount}}},{{"account":"3000","credit":{amount}}}]}}"#
        )
    };
    let send = async |key: &str, amount: &str| {
        let request = Request::post("/erp/v1/journal-entries")
            .header("content-type", "application/json")
            .header("idempotency-key", key);
        shop.send(request.body(Body::from(entry(amount))).unwrap()).await
    };
    let (status, posted) = send("a", "9007199254740.93").await;
    assert_eq!(
        (status, &posted["amount"]),
        (StatusCode::CREATED, &json!("9007199254740.93"))
    );
    // As a float it has no fraction at all.
    let (status, problem) = send("b", "9999999999999.0001").await;
    let detail = problem["detail"].as_str().unwrap();
    assert!(
        status == StatusCode::BAD_REQUEST && detail.contains("9999999999999.0001"),
        "{detail}"
    );
    let (status, problem) = send("c", "0.12345678901234567890123456789").await;
    let detail = problem["detail"].as_str().unwrap();
    assert!(
        status == StatusCode::BAD_REQUEST && detail.contains("lines[0].debit") && detail.contains("exactly"),
        "{detail}"
    );
}

#[tokio::test]
async fn a_cursor_of_no_list_or_of_another_one_is_refused() {
    let shop = shop().await;
    let (_, parties) = shop.get("parties?limit=1").await;
    let next = parties["next"].as_str().unwrap();
    let bare = next.split_once('.').unwrap().1;
    for list in [
        "parties",
        "products",
        "stock-moves",
        "reports/stock-on-hand",
        "payments",
    ] {
        for cursor in ["rubbish", bare, "customers.1", next] {
            if (list, cursor) == ("parties", next) {
                continue;
            }
            let refused = invalid(&shop.get(&format!("{list}?after={cursor}")).await);
            assert!(refused.starts_with("after:") && refused.contains("'next'"), "{refused}");
        }
    }
    let stock = "stock-on-hand.MUG";
    assert_eq!(
        shop.get(&format!("reports/stock-on-hand?after={stock}")).await.0,
        StatusCode::OK
    );
}

#[tokio::test]
async fn a_limit_out_of_range_is_refused_and_not_cut() {
    let shop = shop().await;
    for list in ["parties", "stock-moves", "reports/stock-on-hand"] {
        for limit in ["0", "501", "1000000000", "-1", "all"] {
            let refused = invalid(&shop.get(&format!("{list}?limit={limit}")).await);
            assert!(refused.contains("from 1 to 500"), "{refused}");
        }
        assert_eq!(shop.get(&format!("{list}?limit=500")).await.0, StatusCode::OK);
    }
}

#[tokio::test]
async fn an_array_is_no_document_and_no_line() {
    let shop = shop().await;
    let party = json!(["SEQ1", "customer", "United Kingdom", null, null]);
    let line = json!({ "customer": "C1", "lines": [["MUG", "1", null, null, null]] });
    for (path, body, place) in [("parties", party, "line 1"), ("sales-invoices", line, "lines[0]")] {
        let refused = invalid(&shop.post(path, "s", body).await);
        assert!(
            refused.contains("a JSON object") && refused.contains(place) && !refused.contains("struct"),
            "{refused}"
        );
    }
    assert_eq!(shop.get("parties/SEQ1").await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn what_no_document_can_mean_is_refused_by_its_field() {
    let shop = shop().await;
    let line = json!([{ "product": "MUG", "quantity": "1" }]);
    let party = |code: &str, name: &str| json!({ "code": code, "kind": "customer", "country": "France", "name": name });
    for (path, body, field) in [
        (
            "parties",
            json!({ "code": "C2", "kind": "customer", "country": "France", "created_at": "0000-01-01" }),
            "created_at:",
        ),
        (
            "sales-invoices",
            json!({ "customer": "C1", "invoiced_at": "9999-12-31", "lines": line }),
            "invoiced_at:",
        ),
        (
            "sales-invoices",
            json!({ "customer": "C1", "currency": "ZZZ", "lines": line }),
            "currency:",
        ),
        (
            "products",
            json!({ "code": "P", "kind": "goods", "currency": "XXX" }),
            "currency:",
        ),
        (
            "products",
            json!({ "code": "P", "kind": "goods", "description": "a\u{0}b" }),
            "description:",
        ),
        ("parties", party("C2", "Ada\u{0}"), "name:"),
        ("parties", party("C2\u{202e}", "Ada"), "code:"),
        ("parties", party("C\u{200b}2", "Ada"), "code:"),
    ] {
        let refused = invalid(&shop.post(path, "w", body).await);
        assert!(refused.starts_with(field), "{refused}");
    }
}

#[tokio::test]
async fn a_line_is_refused_by_the_field_that_the_caller_sent() {
    let shop = shop().await;
    let product = json!({ "code": "CUP", "kind": "goods" });
    assert_eq!(shop.post("products", "cup", product).await.0, StatusCode::CREATED);
    for (line, field) in [
        (
            json!({ "product": "MUG", "quantity": "1", "unit_price": "-1" }),
            "lines[0].unit_price:",
        ),
        (
            json!({ "product": "MUG", "quantity": "1", "net": "-1" }),
            "lines[0].net:",
        ),
        (json!({ "product": "CUP", "quantity": "1" }), "lines[0].unit_price:"),
        (
            json!({ "product": "MUG", "quantity": "1", "unit": "KG" }),
            "lines[0].unit:",
        ),
        (
            json!({ "product": "MUG", "quantity": "1", "unit": "K G" }),
            "lines[0].unit:",
        ),
    ] {
        let refused = invalid(
            &shop
                .post("sales-invoices", "l", json!({ "customer": "C1", "lines": [line] }))
                .await,
        );
        assert!(refused.starts_with(field), "{refused}");
    }
}

#[tokio::test]
async fn a_second_walk_in_party_and_an_unknown_invoice_are_told_as_what_they_are() {
    let shop = shop().await;
    let walk_in = |code: &str| json!({ "code": code, "kind": "walk_in", "country": "France" });
    assert_eq!(
        shop.post("parties", "w1", walk_in("WALK-IN")).await.0,
        StatusCode::CREATED
    );
    let second = shop.post("parties", "w2", walk_in("TILL")).await;
    let refused = detail(&second, StatusCode::CONFLICT, "already-exists");
    assert!(refused.starts_with("there is a walk-in party already"), "{refused}");

    let line = json!({ "product": "MUG", "quantity": "1", "reason": "return" });
    let note = json!({ "customer": "C1", "invoice": "INV-999999", "lines": [line] });
    let refused = detail(
        &shop.post("credit-notes", "n", note).await,
        StatusCode::BAD_REQUEST,
        "unknown-invoice",
    );
    assert!(refused.contains("'INV-999999'"), "{refused}");
}
