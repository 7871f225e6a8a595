//! Products and parties that are there, and what is said of them anew.

use super::interchange::counts;
use super::*;

#[tokio::test]
async fn a_product_gets_another_name_and_price_and_stays_what_it_is() {
    let shop = shop().await;
    let dearer = json!({ "description": "A mug", "list_price": "3.50" });
    let (status, answer) = shop.put("products/MUG", "p1", dearer.clone()).await;
    assert_eq!(
        (status, &answer["repeated"]),
        (StatusCode::CREATED, &json!(false)),
        "{answer}"
    );
    assert_eq!(shop.put("products/MUG", "p1", dearer).await.1["repeated"], true);
    let (_, mug) = shop.get("products/MUG").await;
    assert_eq!(
        (&mug["description"], &mug["list_price"]),
        (&json!("A mug"), &json!("3.50"))
    );
    assert_eq!(shop.get("products").await.1["items"], json!([mug]));
    // What is sold from now on costs it.
    let receipt = json!({ "supplier": "S1", "lines": [{ "product": "MUG", "quantity": "10", "value": "12.50" }] });
    shop.done("purchase-receipts", "r", receipt).await;
    let invoice = json!({ "customer": "C1", "lines": [{ "product": "MUG", "quantity": "2" }] });
    assert_eq!(shop.done("sales-invoices", "i", invoice).await["amount"], "7.00");

    let created = &mug["created_at"];
    for (field, body) in [
        ("kind", json!({ "kind": "service" })),
        ("unit", json!({ "unit": "KGM" })),
        ("currency", json!({ "currency": "EUR" })),
        ("valuation", json!({ "valuation": "fifo" })),
        ("standard_cost", json!({ "standard_cost": "1.00" })),
        ("created_at", json!({ "created_at": "2001-01-01" })),
        ("list_price", json!({ "list_price": "-1" })),
    ] {
        let (status, refused) = shop.put("products/MUG", field, body).await;
        assert_eq!(
            (status, &refused["field"]),
            (StatusCode::BAD_REQUEST, &json!(field)),
            "{refused}"
        );
    }
    let all = json!({ "kind": "goods", "unit": "EA", "valuation": "moving-average", "created_at": created });
    assert_eq!(shop.put("products/MUG", "p2", all).await.0, StatusCode::CREATED);
    let (_, mug) = shop.get("products/MUG").await;
    assert_eq!((&mug["description"], &mug["list_price"]), (&json!(""), &Value::Null));

    let (status, refused) = shop.put("products/PEN", "p3", json!({ "description": "A pen" })).await;
    assert_eq!(
        (status, &refused["field"]),
        (StatusCode::BAD_REQUEST, &json!("kind")),
        "{refused}"
    );
    let (status, _) = shop.put("products/PEN", "p4", json!({ "kind": "goods" })).await;
    assert_eq!(status, StatusCode::CREATED);
    let (_, events) = shop.get("events").await;
    let last = events["items"].as_array().unwrap().last().unwrap();
    assert_eq!(
        (&last["name"], &last["subject"]),
        (&json!("product.defined"), &json!("PEN"))
    );
}

#[tokio::test]
async fn a_party_moves_is_called_otherwise_and_gets_other_terms() {
    let shop = shop().await;
    let moved = json!({ "kind": "customer", "country": "Italy", "name": "Ada King", "payment_days": 30,
        "credit_limit": "50.00", "credit_currency": "EUR" });
    let (status, answer) = shop.put("parties/C1", "c1", moved.clone()).await;
    assert_eq!(status, StatusCode::CREATED, "{answer}");
    assert_eq!(shop.put("parties/C1", "c1", moved).await.1["repeated"], true);
    let (_, party) = shop.get("parties/C1").await;
    let said = [
        "country",
        "country_code",
        "name",
        "payment_days",
        "credit_limit",
        "credit_currency",
    ]
    .map(|of| &party[of]);
    assert_eq!(json!(said), json!(["Italy", "IT", "Ada King", 30, "50.00", "EUR"]));
    for (field, body) in [
        ("kind", json!({ "kind": "supplier", "country": "Italy" })),
        (
            "payment_days",
            json!({ "kind": "customer", "country": "Italy", "payment_days": 9999 }),
        ),
        (
            "credit_limit",
            json!({ "kind": "customer", "country": "Italy", "credit_limit": "-1" }),
        ),
    ] {
        let (status, refused) = shop.put("parties/C1", field, body).await;
        assert_eq!(
            (status, &refused["field"]),
            (StatusCode::BAD_REQUEST, &json!(field)),
            "{refused}"
        );
    }
    // What is absent, it has no longer.
    shop.put("parties/C1", "c2", json!({ "kind": "customer", "country": "Italy" }))
        .await;
    let (_, party) = shop.get("parties/C1").await;
    assert_eq!((party.get("name"), party.get("payment_days")), (None, None), "{party}");
    // A new one may come with its terms.
    let supplier = json!({ "code": "S2", "kind": "supplier", "country": "Italy", "payment_days": 14 });
    shop.done("parties", "s2", supplier).await;
    assert_eq!(shop.get("parties/S2").await.1["payment_days"], 14);
    let cash = json!({ "kind": "walk_in", "country": "Italy", "payment_days": 14 });
    let (status, refused) = shop.put("parties/CASH", "w", cash).await;
    assert_eq!(
        (status, &refused["field"]),
        (StatusCode::BAD_REQUEST, &json!("payment_days")),
        "{refused}"
    );
}

#[tokio::test]
async fn a_file_changes_what_it_says_of_master_data_and_nothing_else() {
    let shop = shop().await;
    shop.done(
        "products",
        "cup",
        json!({ "code": "CUP", "kind": "goods", "description": "A cup", "valuation": "standard", "standard_cost": "1.25" }),
    )
    .await;
    let file = "code,list_price,standard_cost\nMUG,3.25,\nCUP,2.00,1.25\n";
    let (_, view) = shop.import("products", "f1", file).await;
    assert_eq!(counts(&view), [0, 2, 0, 0], "{view}");
    let changes = &view["documents"][1]["changes"];
    assert_eq!(*changes, json!({ "list_price": { "from": null, "to": "2.00" } }));
    assert_eq!(shop.get("products/CUP").await.1["description"], "A cup");
    let dearer = "code,standard_cost\nCUP,1.30\n";
    let (_, view) = shop.import("products", "f2", dearer).await;
    let problem = &view["documents"][0]["problem"];
    assert!(
        problem["detail"].as_str().unwrap().contains("/standard-costs"),
        "{view}"
    );
    let (_, view) = shop.import("products", "f3", "code,unit\nCUP,KGM\n").await;
    assert_eq!(view["documents"][0]["problem"]["field"], "unit", "{view}");

    let file = "code,payment_days,credit_limit,credit_currency\nC1,30,100.00,GBP\n";
    let (_, view) = shop.import("parties?dry_run=true", "f4", file).await;
    assert_eq!(counts(&view), [0, 1, 0, 0], "{view}");
    let (_, view) = shop.import("parties", "f4", file).await;
    assert_eq!(counts(&view), [0, 1, 0, 0], "{view}");
    let (_, party) = shop.get("parties/C1").await;
    let said = ["name", "country", "payment_days", "credit_limit"].map(|of| &party[of]);
    assert_eq!(json!(said), json!(["Ada Lovelace", "France", 30, "100.00"]), "{party}");
    let (_, view) = shop.import("parties", "f5", file).await;
    assert_eq!(counts(&view), [0, 0, 1, 0], "{view}");

    let units = "product,unit,factor\nMUG,BX,12\nCUP,BX,6\n";
    let (_, view) = shop.import("product-units", "f6", units).await;
    assert_eq!(counts(&view), [2, 0, 0, 0], "{view}");
    let (_, view) = shop
        .import("product-units", "f7", "product,unit,factor\nMUG,BX,10\nCUP,BX,6\n")
        .await;
    assert_eq!(counts(&view), [0, 1, 1, 0], "{view}");
    let (_, listed) = shop.get("product-units").await;
    let factors: Vec<&Value> = listed["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|unit| &unit["factor"])
        .collect();
    assert_eq!(factors, ["10", "6"]);

    let costs = "product,cost,from\nCUP,1.305,2024-01-01\n";
    let (_, view) = shop.import("standard-costs", "f8", costs).await;
    assert_eq!(counts(&view), [1, 0, 0, 0], "{view}");
    let (_, listed) = shop.get("standard-costs").await;
    let cost = &listed["items"][0];
    assert_eq!(
        (&cost["number"], &cost["cost"]),
        (&json!("SC-000001"), &json!("1.305")),
        "{listed}"
    );
    assert_eq!(shop.get("standard-costs/SC-000001").await.1, *cost);
    let other = "number,product,cost,from\nSC-000001,MUG,1.305,2024-01-01\n";
    let (_, view) = shop.import("standard-costs", "f9", other).await;
    assert_eq!(counts(&view), [0, 0, 0, 1], "{view}");
    assert_eq!(shop.get("standard-costs/SC-000002").await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_file_says_each_record_once_and_a_bad_row_is_its_own() {
    let shop = shop().await;
    for (collection, file, column) in [
        (
            "contacts",
            "party,contact,phone,role\nC1,ann,123,\nC1,ann,,boss\n",
            "party, contact",
        ),
        (
            "product-units",
            "product,unit,factor\nMUG,BX,12\nMUG,BX,6\n",
            "product, unit",
        ),
        (
            "parties?format=json",
            r#"[{"code":7,"payment_days":9},{"code":7,"country":"IT"}]"#,
            "code",
        ),
    ] {
        let (status, refused) = shop.import(collection, "f", file).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{refused}");
        let detail = refused["detail"].as_str().unwrap();
        assert!(
            detail.contains(&format!("column '{column}'")) && detail.contains("on row 1 already"),
            "{detail}"
        );
    }
    let (_, view) = shop
        .import(
            "products?format=json",
            "g",
            r#"[{"code":["A"],"kind":"goods"},{"code":"A","kind":"goods"}]"#,
        )
        .await;
    assert_eq!(counts(&view), [1, 0, 0, 1], "{view}");
    assert_eq!(view["documents"][0]["problem"]["field"], "code", "{view}");
    let file = "code,kind,country,payment_days\nC8,customer,France,x\nC9,customer,France,14\n,customer,France,14\n";
    let (_, view) = shop.import("parties", "h", file).await;
    assert_eq!(counts(&view), [1, 0, 0, 2], "{view}");
    let fields = [0, 2].map(|index| &view["documents"][index]["problem"]["field"]);
    assert_eq!(fields, ["payment_days", "code"], "{view}");
    let (_, refused) = shop.import("products", "i", "code;kind\nA;goods\n").await;
    assert!(
        refused["detail"].as_str().unwrap().contains("they are code, "),
        "{refused}"
    );

    // What somebody said since is said again by the file, under another key.
    let file = "\u{feff}[{\"code\":\"MUG\",\"description\":\"file\"}]";
    assert_eq!(
        counts(&shop.import("products?format=json", "j", file).await.1),
        [0, 1, 0, 0]
    );
    shop.put(
        "products/MUG",
        "hand",
        json!({ "description": "hand", "list_price": "1.00" }),
    )
    .await;
    let (_, view) = shop.import("products?format=json", "j", file).await;
    let problem = &view["documents"][0]["problem"];
    assert_eq!(
        (counts(&view), &problem["code"]),
        ([0, 0, 0, 1], &json!("idempotency-conflict"))
    );
    assert!(problem["detail"].as_str().unwrap().contains("another key"), "{view}");
    shop.put("products/MUG", "back", json!({ "description": "hand" })).await;
    let whole = "code,description,list_price,created_at\nMUG,whole,2.00,2001-01-01\n";
    assert_eq!(counts(&shop.import("products", "w", whole).await.1), [0, 1, 0, 0]);
    assert_eq!(counts(&shop.import("products", "w2", whole).await.1), [0, 0, 1, 0]);
    let by_hand = json!({ "description": "whole", "list_price": "1.00" });
    shop.put("products/MUG", "dear", by_hand).await;
    // Not what the file says, and not without a word.
    assert_eq!(counts(&shop.import("products", "w", whole).await.1), [0, 0, 0, 1]);
    let (_, view) = shop.import("products?format=json", "j2", file).await;
    assert_eq!(counts(&view), [0, 1, 0, 0], "{view}");
    let (_, mug) = shop.get("products/MUG").await;
    assert_eq!(
        (&mug["description"], &mug["list_price"]),
        (&json!("file"), &json!("1.00"))
    );

    let alone = json!({ "kind": "customer", "country": "France", "credit_currency": "EUR" });
    let (_, refused) = shop.put("parties/C1", "k", alone).await;
    assert_eq!(refused["field"], "credit_currency", "{refused}");
    let (_, refused) = shop.put("parties/C1", "l", json!({ "kind": "customer" })).await;
    assert_eq!(refused["field"], "country", "{refused}");
    let (status, refused) = shop.get("products/%00").await;
    assert_eq!(status, StatusCode::BAD_REQUEST, "{refused}");
}
