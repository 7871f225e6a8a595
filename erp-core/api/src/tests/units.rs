//! Currencies, countries and units over HTTP, and lines in units of their own.

use axum::http::StatusCode;
use cortex_types::Role;
use serde_json::{Value, json};

use super::{Caller, shop};

/// All codes of a list, page by page.
async fn codes(shop: &Caller, list: &str, code: &str) -> Vec<String> {
    let (mut codes, mut after) = (Vec::new(), String::new());
    loop {
        let (status, page) = shop.get(&format!("{list}?limit=100{after}")).await;
        assert_eq!(status, StatusCode::OK, "{page}");
        let items = page["items"].as_array().unwrap();
        codes.extend(items.iter().map(|item| item[code].as_str().unwrap().to_owned()));
        match page["next"].as_str() {
            Some(next) => after = format!("&after={next}"),
            None => return codes,
        }
    }
}

#[tokio::test]
async fn tables_come_in_pages_by_code() {
    let shop = shop().await;
    for (list, code, count) in [
        ("currencies", "code", 170),
        ("countries", "alpha2", 249),
        ("units", "code", 191),
    ] {
        let found = codes(&shop, list, code).await;
        let mut sorted = found.clone();
        sorted.sort();
        sorted.dedup();
        assert_eq!((found.len(), &found), (count, &sorted), "{list}");
    }
    let (status, refused) = shop.get("units?after=countries.GB").await;
    assert_eq!(
        (status, &refused["code"]),
        (StatusCode::BAD_REQUEST, &json!("invalid-argument"))
    );
}

#[tokio::test]
async fn one_is_found_by_its_code_and_a_country_by_its_names() {
    let shop = shop().await;
    for (path, expected) in [
        (
            "currencies/KWD",
            json!({ "code": "KWD", "numeric": "414", "name": "Kuwaiti dinar", "minor_digits": 3 }),
        ),
        (
            "countries/AFG",
            json!({ "alpha2": "AF", "alpha3": "AFG", "numeric": "004", "name": "Afghanistan" }),
        ),
        (
            "countries/Czech%20Republic",
            json!({ "alpha2": "CZ", "alpha3": "CZE", "numeric": "203", "name": "Czechia" }),
        ),
        (
            "units/LBR",
            json!({ "code": "LBR", "name": "pound", "symbol": "lb", "dimension": "mass", "base": "KGM", "factor": "0.45359237" }),
        ),
        (
            "units/BX",
            json!({ "code": "BX", "name": "box", "symbol": "", "dimension": "count", "base": "C62" }),
        ),
    ] {
        assert_eq!(shop.get(path).await, (StatusCode::OK, expected), "{path}");
    }
    assert_eq!(shop.get("units/M51").await.1["factor"], "1200/3937");
    for path in ["currencies/XAU", "countries/Channel%20Islands", "units/KILO"] {
        let (status, problem) = shop.get(path).await;
        assert_eq!(
            (status, &problem["code"]),
            (StatusCode::NOT_FOUND, &json!("not-found")),
            "{path}"
        );
    }
}

#[tokio::test]
async fn a_quantity_is_converted_exactly_or_not_at_all() {
    let shop = shop().await;
    let boxes = shop.put("products/MUG/units/BX", "bx", json!({ "factor": "12" })).await;
    assert_eq!(boxes.0, StatusCode::CREATED, "{}", boxes.1);
    for (query, result) in [
        ("quantity=10&from=INH&to=CMT", "25.4"),
        ("quantity=-1.5&from=TNE&to=KGM", "-1500"),
        ("quantity=2.5&from=BX&to=EA&product=MUG", "30"),
        ("quantity=30&from=EA&to=BX&product=MUG", "2.5"),
        ("quantity=1&from=GRO&to=BX&product=MUG", "12"),
        ("quantity=1&from=KGM&to=GRM&product=MUG", "1000"),
    ] {
        let (status, found) = shop.get(&format!("units/convert?{query}")).await;
        assert_eq!(
            (status, &found["result"]),
            (StatusCode::OK, &json!(result)),
            "{query}: {found}"
        );
    }
    for (query, field) in [
        ("quantity=1&from=EA&to=DZN", "quantity: 1 EA is not exact in DZN"),
        (
            "quantity=1&from=KGM&to=LTR",
            "to: KGM measures mass, not volume as LTR does",
        ),
        ("quantity=1&from=KILO&to=KGM", "from: 'KILO' is no unit"),
        ("quantity=1&from=BX&to=EA", "from: how much a BX holds"),
        ("quantity=1&from=K%20G&to=KGM", "from: 'K G' is not a unit of measure"),
        ("quantity=ten&from=KGM&to=GRM", "quantity: 'ten' is not a decimal"),
        (
            "quantity=0.0000001&from=KGM&to=GRM",
            "quantity: 0.0000001 has more than six decimals",
        ),
    ] {
        let (status, problem) = shop.get(&format!("units/convert?{query}")).await;
        assert_eq!(
            (status, &problem["code"]),
            (StatusCode::BAD_REQUEST, &json!("invalid-argument"))
        );
        assert!(problem["detail"].as_str().unwrap().starts_with(field), "{problem}");
    }
    let (status, _) = shop.get("units/convert?quantity=1&from=BX&to=EA&product=CUP").await;
    assert_eq!(status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_product_is_bought_by_the_box_and_sold_by_the_dozen() {
    let shop = shop().await;
    for (unit, factor) in [("BX", json!("12")), ("PX", json!(480))] {
        let (status, answer) = shop
            .put(&format!("products/MUG/units/{unit}"), unit, json!({ "factor": factor }))
            .await;
        let number = format!("MUG/{unit}");
        assert_eq!(
            (status, &answer["number"]),
            (StatusCode::CREATED, &json!(number)),
            "{answer}"
        );
    }
    let (_, units) = shop.get("products/MUG/units").await;
    assert_eq!(
        units["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|of| (&of["unit"], &of["factor"]))
            .collect::<Vec<_>>(),
        [(&json!("BX"), &json!("12")), (&json!("PX"), &json!("480"))]
    );
    assert_eq!(shop.get("products/CUP/units").await.0, StatusCode::NOT_FOUND);
    let line = |quantity: &str, unit: &str, more: Value| {
        let mut line = json!({ "product": "MUG", "quantity": quantity, "unit": unit });
        line.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!([line])
    };
    let order = json!({ "supplier": "S1", "lines": line("2", "BX", json!({ "unit_price": "12.00" })) });
    assert_eq!(shop.done("purchase-orders", "po", order).await["amount"], "24.00");
    let receipt = json!({ "order": "PO-000001", "lines": line("24", "EA", json!({})) });
    shop.done("purchase-receipts", "r", receipt).await;
    let opening = json!({ "stock": line("1", "DZN", json!({ "value": "12.00" })) });
    shop.done("opening-balances", "ob", opening).await;
    let sale = json!({ "customer": "C1", "lines": line("1.5", "DZN", json!({ "unit_price": "33.33" })) });
    let posted = shop.done("sales-invoices", "i", sale).await;
    let (_, read) = shop
        .get(&format!("sales-invoices/{}", posted["number"].as_str().unwrap()))
        .await;
    let of = &read["lines"][0];
    // 1.5 × 33.33 is 49.995, and halves go to the even penny.
    assert_eq!(
        (&of["quantity"], &of["unit"], &of["net"]),
        (&json!("18"), &json!("EA"), &json!("50.00"))
    );
    shop.done(
        "stock-moves",
        "lost",
        json!({ "memo": "broken", "lines": line("-1", "BX", json!({})) }),
    )
    .await;
    shop.done(
        "stock-counts",
        "count",
        json!({ "lines": line("0.5", "BX", json!({})) }),
    )
    .await;
    let (_, stock) = shop.get("reports/stock-on-hand").await;
    assert_eq!(stock["items"][0]["quantity"], "6");
    let (status, problem) = shop
        .post(
            "sales-invoices",
            "kg",
            json!({ "customer": "C1", "lines": line("1", "KGM", json!({})) }),
        )
        .await;
    let detail = problem["detail"].as_str().unwrap();
    assert_eq!(
        (status, &problem["code"]),
        (StatusCode::BAD_REQUEST, &json!("invalid-argument"))
    );
    assert!(
        detail.starts_with("lines[0].unit: 'MUG' is kept in EA") && detail.contains("give EA, BX, PX, C62"),
        "{detail}"
    );
    for (path, field) in [
        ("products/MUG/units/EA", "unit: 'MUG' is kept in EA"),
        ("products/MUG/units/A%20B", "unit: 'A B' is not a unit of measure"),
    ] {
        let (status, problem) = shop.put(path, path, json!({ "factor": "2" })).await;
        assert_eq!(status, StatusCode::BAD_REQUEST);
        assert!(problem["detail"].as_str().unwrap().starts_with(field), "{problem}");
    }
    let viewer = Caller {
        api: shop.api,
        role: Role::Viewer,
    };
    assert_eq!(viewer.get("products/MUG/units").await.0, StatusCode::OK);
    assert_eq!(
        viewer.get("units/convert?quantity=1&from=KGM&to=GRM").await.0,
        StatusCode::OK
    );
    let (status, _) = viewer.put("products/MUG/units/CS", "v", json!({ "factor": "2" })).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn a_partys_country_stays_what_was_written_and_has_a_code_where_it_is_one() {
    let shop = shop().await;
    for (country, code) in [
        ("DE", json!("DE")),
        ("DEU", json!("DE")),
        ("EIRE", json!("IE")),
        ("United Kingdom", json!("GB")),
        ("Channel Islands", Value::Null),
        ("Unspecified", Value::Null),
    ] {
        let party = json!({ "code": country, "kind": "customer", "country": country });
        shop.done("parties", country, party).await;
        let (_, read) = shop.get(&format!("parties/{}", country.replace(' ', "%20"))).await;
        assert_eq!((&read["country"], &read["country_code"]), (&json!(country), &code));
    }
    let (_, listed) = shop.get("parties?limit=1").await;
    assert_eq!(listed["items"][0]["country_code"], "FR");
}
