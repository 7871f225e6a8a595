//! What happened, in order.

use super::*;

fn told(page: &Value) -> Vec<(String, String)> {
    let items = page["items"].as_array().unwrap().iter();
    let text = |event: &Value, field: &str| event[field].as_str().unwrap().to_owned();
    items
        .map(|event| (text(event, "name"), text(event, "subject")))
        .collect()
}

#[tokio::test]
async fn each_command_is_one_event_and_a_refused_one_is_none() {
    let shop = shop().await;
    let receipt = json!({ "supplier": "S1", "lines": [{ "product": "MUG", "quantity": "10", "value": "10.00" }] });
    shop.done("purchase-receipts", "r1", receipt).await;
    let sale = json!({ "customer": "C1", "lines": [{ "product": "MUG", "quantity": "2" }] });
    shop.done("sales-invoices", "i1", sale.clone()).await;
    shop.post("sales-invoices", "i1", sale).await;
    shop.post("sales-invoices", "i2", json!({ "customer": "nobody", "lines": [] }))
        .await;
    shop.done("sales-invoices/INV-000001/cancel", "x1", json!({})).await;
    let (_, page) = shop.get("events").await;
    let expected = [
        ("party.created", "C1"),
        ("party.created", "S1"),
        ("product.created", "MUG"),
        ("purchase-receipt.posted", "GRN-000001"),
        ("sales-invoice.posted", "INV-000001"),
        ("sales-invoice.cancelled", "INV-000001"),
    ];
    assert_eq!(
        told(&page),
        expected.map(|(name, subject)| (name.to_owned(), subject.to_owned()))
    );
    assert_eq!(page["items"][4]["receipt"]["amount"], "6.00");
    assert_eq!(page["items"][4]["by"], "ann");

    // Two at a time, from where the page before ended.
    let mut path = "events?limit=2".to_owned();
    let mut names = Vec::new();
    loop {
        let (_, page) = shop.get(&path).await;
        names.extend(told(&page).into_iter().map(|(name, _)| name));
        match page["next"].as_str() {
            Some(next) => path = format!("events?limit=2&after={next}"),
            None => break,
        }
    }
    assert_eq!(names, expected.map(|(name, _)| name));
}

#[tokio::test]
async fn who_waits_is_told_as_soon_as_something_happens() {
    let shop = shop().await;
    let (_, page) = shop.get("events").await;
    let newest = page["items"].as_array().unwrap().last().unwrap()["position"].clone();
    let waiting = format!("events?wait=8&after={newest}");
    let (told_of, ()) = tokio::join!(shop.get(&waiting), async {
        tokio::task::yield_now().await;
        let party = json!({ "code": "C2", "kind": "customer", "country": "Spain" });
        shop.done("parties", "late", party).await;
    });
    assert_eq!(told(&told_of.1), [("party.created".to_owned(), "C2".to_owned())]);
}

#[tokio::test]
async fn a_position_that_is_none_is_refused() {
    let shop = shop().await;
    for query in [
        "after=x",
        "after=-1",
        "wait=9",
        "wait=a",
        "limit=0",
        "limit=501",
        "since=1",
    ] {
        let (status, answer) = shop.get(&format!("events?{query}")).await;
        assert_eq!(
            (status, &answer["code"]),
            (StatusCode::BAD_REQUEST, &json!("invalid-argument")),
            "{query}"
        );
    }
}
