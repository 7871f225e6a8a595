//! A company that says its currency and deals in others; what its customers owe it.

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::{Caller, shop};

async fn in_pounds() -> Caller {
    let shop = shop().await;
    let company = json!({ "name": "Example Trading Ltd", "currency": "GBP", "chart": "trading" });
    assert_eq!(shop.get("company").await.0, StatusCode::NOT_FOUND);
    assert_eq!(shop.put("company", "company", company).await.0, StatusCode::CREATED);
    for (day, rate) in [("2024-01-01", "0.80"), ("2024-03-01", "0.90")] {
        let path = format!("exchange-rates/EUR/{day}");
        let (status, answer) = shop.put(&path, &path, json!({ "rate": rate })).await;
        assert_eq!(
            (status, &answer["number"]),
            (StatusCode::CREATED, &json!(format!("EUR/{day}")))
        );
    }
    shop
}

fn in_euros(day: &str) -> Value {
    json!({ "customer": "C1", "currency": "EUR", "invoiced_at": day, "due_at": "2024-02-10", "lines": [
        { "product": "MUG", "quantity": 4, "unit_price": "5.00" },
    ] })
}

#[tokio::test]
async fn euros_are_reported_in_pounds_or_by_themselves() {
    let shop = in_pounds().await;
    let invoice = shop.done("sales-invoices", "i", in_euros("2024-01-10")).await;
    let (_, entry) = shop
        .get(&format!("journal-entries/{}", invoice["entry"].as_str().unwrap()))
        .await;
    assert_eq!(
        (
            &entry["lines"][0]["debit"],
            &entry["lines"][0]["base"],
            &entry["lines"][0]["party"]
        ),
        (&json!("20.00"), &json!("16.00"), &json!("C1")),
        "{entry}"
    );
    let (_, report) = shop.get("reports/trial-balance").await;
    assert_eq!(
        (&report["accounts"][0]["currency"], &report["accounts"][0]["balance"]),
        (&json!("GBP"), &json!("16.00")),
        "{report}"
    );
    let (_, report) = shop.get("reports/trial-balance?in=original").await;
    assert_eq!(report["accounts"][0]["balance"], "20.00", "{report}");
    let revalued = shop
        .done("exchange-revaluations", "x", json!({ "as_of": "2024-03-31" }))
        .await;
    assert_eq!(
        (&revalued["amount"], &revalued["currency"]),
        (&json!("2.00"), &json!("GBP"))
    );
    // What is open is at the rate of its day again from April on.
    for (day, result) in [("2024-03-31", "18.00"), ("2024-04-01", "16.00")] {
        let (_, report) = shop.get(&format!("reports/profit-and-loss?as_of={day}")).await;
        assert_eq!(report["profit_and_loss"][0]["result"], result, "{report}");
    }
    let (_, open) = shop.get("open-items").await;
    let item = &open["items"][0];
    assert_eq!(
        (&item["base"], &item["open_base"]),
        (&json!("16.00"), &json!("16.00")),
        "{open}"
    );
    let payment = json!({ "party": "C1", "direction": "in", "amount": "5.00", "currency": "EUR",
        "paid_at": "2024-04-05", "settles": "oldest" });
    shop.done("payments", "p", payment).await;
    let (_, open) = shop.get("open-items").await;
    let item = &open["items"][0];
    assert_eq!(
        (&item["open"], &item["open_base"]),
        (&json!("15.00"), &json!("12.00")),
        "{open}"
    );
    // 5.00 EUR were 4.00 and are 4.50.
    let (_, report) = shop.get("reports/profit-and-loss").await;
    assert_eq!(report["profit_and_loss"][0]["result"], "16.50", "{report}");
    let (_, ledger) = shop.get("reports/general-ledger?account=receivables").await;
    assert_eq!(
        (&ledger["account"], &ledger["items"][1]["base"]),
        (&json!("1100"), &json!("2.00")),
        "{ledger}"
    );
    let in_base: Vec<&str> = ledger["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|line| line["balance_base"].as_str().unwrap())
        .collect();
    assert_eq!(in_base, ["16.00", "18.00", "16.00", "11.50", "12.00"], "{ledger}");
    let (_, from_april) = shop
        .get("reports/general-ledger?account=receivables&from=2024-04-02")
        .await;
    assert_eq!(
        (&from_april["opening_base"], &from_april["items"][1]["balance_base"]),
        (&json!("16.00"), &json!("12.00")),
        "{from_april}"
    );
    let (status, refused) = shop.post("sales-invoices", "early", in_euros("2023-12-31")).await;
    assert_eq!(
        (status, &refused["code"]),
        (StatusCode::BAD_REQUEST, &json!("no-exchange-rate")),
        "{refused}"
    );
    let (_, rates) = shop.get("exchange-rates?limit=1").await;
    assert_eq!(
        (&rates["items"][0]["rate"], rates["next"].is_string()),
        (&json!("0.8"), true),
        "{rates}"
    );
}

#[tokio::test]
async fn what_is_about_a_document_is_in_its_currency() {
    let shop = in_pounds().await;
    let invoice = shop.done("sales-invoices", "i", in_euros("2024-01-10")).await;
    let note = json!({ "customer": "C1", "invoice": invoice["number"], "credited_at": "2024-01-11",
        "lines": [{ "product": "MUG", "quantity": "1", "net": "5.00", "reason": "discount" }] });
    let note = shop.done("credit-notes", "n", note).await;
    assert_eq!((&note["currency"], &note["amount"]), (&json!("EUR"), &json!("5.00")));
    let receipt = json!({ "supplier": "S1", "currency": "EUR", "to_be_billed": true, "received_at": "2024-01-10",
        "lines": [{ "product": "MUG", "quantity": "1", "value": "5.00" }] });
    let receipt = shop.done("purchase-receipts", "r", receipt).await;
    let bill = json!({ "supplier": "S1", "billed_at": "2024-01-11", "lines": [{ "receipt": receipt["number"] }] });
    assert_eq!(shop.done("purchase-bills", "b", bill).await["currency"], "EUR");
    let payment =
        json!({ "party": "C1", "direction": "in", "amount": "9.00", "currency": "EUR", "paid_at": "2024-01-12" });
    let payment = shop.done("payments", "p", payment).await;
    let path = format!("payments/{}/settle", payment["number"].as_str().unwrap());
    let settles = json!({ "settles": [{ "number": invoice["number"], "amount": "2.50" }] });
    let settled = shop.done(&path, "s", settles).await;
    assert_eq!(
        (&settled["currency"], &settled["amount"]),
        (&json!("EUR"), &json!("2.50"))
    );
}

#[tokio::test]
async fn accounts_are_the_template_s_until_they_are_the_company_s_own() {
    let shop = shop().await;
    let (_, accounts) = shop.get("accounts").await;
    let sales = accounts["items"]
        .as_array()
        .unwrap()
        .iter()
        .find(|account| account["role"] == "sales");
    assert_eq!(sales.unwrap()["code"], "4000");
    let (_, templates) = shop.get("chart-templates").await;
    assert_eq!(templates["items"].as_array().unwrap().len(), 3);
    let rent = json!({ "title": "Rent", "kind": "expense" });
    assert_eq!(shop.put("accounts/6200", "a", rent).await.0, StatusCode::CREATED);
    let (_, one) = shop.get("accounts/6200").await;
    assert_eq!((&one["title"], &one["blocked"]), (&json!("Rent"), &json!(false)));
    assert_eq!(shop.get("accounts/9999").await.0, StatusCode::NOT_FOUND);
    let (status, refused) = shop
        .put("accounts/1", "b", json!({ "title": "x", "kind": "money" }))
        .await;
    assert_eq!(status, StatusCode::BAD_REQUEST, "{refused}");
    let centre = json!({ "title": "The shop" });
    assert_eq!(shop.put("cost-centres/SHOP", "c", centre).await.0, StatusCode::CREATED);
    let entry = json!({ "memo": "rent", "lines": [
        { "account": "6200", "debit": "9.00", "cost_centre": "SHOP" }, { "account": "bank", "credit": "9.00" },
    ] });
    shop.done("journal-entries", "e", entry).await;
    let (_, report) = shop.get("reports/profit-and-loss?cost_centre=SHOP").await;
    assert_eq!(
        report["profit_and_loss"][0]["expenses"]["accounts"][0]["title"], "Rent",
        "{report}"
    );
    let (status, refused) = shop.get("reports/trial-balance?in=company").await;
    assert_eq!(
        (status, &refused["code"]),
        (StatusCode::BAD_REQUEST, &json!("invalid-argument")),
        "{refused}"
    );
}

#[tokio::test]
async fn opening_balances_come_as_accounts_and_stock() {
    let shop = in_pounds().await;
    let opening = json!({ "opened_at": "2024-01-01",
        "lines": [{ "account": "bank", "debit": "50.00" }, { "account": "receivables", "debit": "7.00", "party": "C1" }],
        "stock": [{ "product": "MUG", "quantity": "8", "value": "16.00" }] });
    let opened = shop.done("opening-balances", "o", opening).await;
    let (_, shown) = shop
        .get(&format!("opening-balances/{}", opened["number"].as_str().unwrap()))
        .await;
    assert_eq!(
        (&shown["value"], &shown["moves"][0]["quantity"]),
        (&json!("16.00"), &json!("8")),
        "{shown}"
    );
    let (_, items) = shop.get("open-items?party=C1&side=receivable").await;
    assert_eq!(
        (&items["items"][0]["open"], &items["items"][0]["number"]),
        (&json!("7.00"), &opened["number"]),
        "{items}"
    );
    let (status, refused) = shop
        .post(
            "opening-balances",
            "bad",
            json!({ "stock": [{ "product": "MUG", "quantity": "-1", "value": "1" }] }),
        )
        .await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert!(
        refused["detail"].as_str().unwrap().starts_with("stock[0].quantity"),
        "{refused}"
    );
}

#[tokio::test]
async fn a_customer_pays_late_in_part_and_too_much() {
    let shop = shop().await;
    let terms = json!({ "payment_days": 30, "credit_limit": "100.00" });
    assert_eq!(shop.put("parties/C1/terms", "t", terms).await.0, StatusCode::CREATED);
    let (_, party) = shop.get("parties/C1").await;
    assert_eq!(
        (&party["payment_days"], &party["credit_limit"], &party["name"]),
        (&json!(30), &json!("100.00"), &json!("Ada Lovelace"))
    );
    let billed = |day: &str, net: &str| json!({ "customer": "C1", "invoiced_at": day, "lines": [{ "product": "MUG", "quantity": 1, "net": net }] });
    let first = shop.done("sales-invoices", "i1", billed("2024-01-01", "60.00")).await;
    let second = shop.done("sales-invoices", "i2", billed("2024-02-01", "40.00")).await;
    let (_, shown) = shop
        .get(&format!("sales-invoices/{}", second["number"].as_str().unwrap()))
        .await;
    assert!(shown["due_at"].as_str().unwrap().starts_with("2024-03-02"), "{shown}");
    let (status, refused) = shop.post("sales-invoices", "i3", billed("2024-02-02", "0.01")).await;
    assert_eq!(
        (status, &refused["code"]),
        (StatusCode::CONFLICT, &json!("credit-limit-exceeded")),
        "{refused}"
    );

    let (_, ageing) = shop
        .get("reports/receivables-ageing?as_of=2024-02-15&buckets=10,20")
        .await;
    assert_eq!(
        ageing["buckets"],
        json!(["not due", "up to 10 days", "11 to 20 days", "more than 20 days"])
    );
    assert_eq!(
        ageing["parties"][0]["open"],
        json!(["40.00", "0.00", "60.00", "0.00"]),
        "{ageing}"
    );
    let (status, _) = shop.get("reports/receivables-ageing?buckets=20,10").await;
    assert_eq!(status, StatusCode::BAD_REQUEST);

    let payment = json!({ "party": "C1", "direction": "in", "amount": "70.00", "paid_at": "2024-02-20",
        "settles": [{ "number": first["number"], "amount": "55.00" }] });
    let payment = shop.done("payments", "p", payment).await;
    let settle = format!("payments/{}/settle", payment["number"].as_str().unwrap());
    let settled = shop.done(&settle, "s", json!({ "settles": "oldest" })).await;
    assert_eq!(
        (&settled["kind"], &settled["amount"]),
        (&json!("settlement"), &json!("15.00")),
        "{settled}"
    );
    let (_, items) = shop.get("open-items").await;
    let open: Vec<&str> = items["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["open"].as_str().unwrap())
        .collect();
    assert_eq!(open, ["30.00"], "{items}");
    let (status, refused) = shop.post(&settle, "s1", json!({ "settles": "oldest" })).await;
    assert_eq!(
        (
            status,
            refused["detail"].as_str().unwrap().contains("is left to settle with")
        ),
        (StatusCode::BAD_REQUEST, true),
        "{refused}"
    );
    let (status, refused) = shop.post(&settle, "s2", json!({ "settles": "newest" })).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert!(refused["detail"].as_str().unwrap().starts_with("settles:"), "{refused}");
    let (_, payables) = shop.get("reports/payables-ageing").await;
    assert_eq!(payables["parties"], json!([]));
}

#[tokio::test]
async fn taxes_are_within_prices_or_on_top_and_reported() {
    let shop = shop().await;
    let vat = json!({ "title": "VAT 20 %", "components": [{ "name": "VAT", "rate": "20" }] });
    assert_eq!(shop.put("tax-codes/VAT20", "v", vat).await.0, StatusCode::CREATED);
    let both = json!({ "title": "Quebec", "components": [
        { "name": "GST", "rate": "5" }, { "name": "QST", "rate": "9.5", "compound": true },
    ] });
    assert_eq!(shop.put("tax-codes/QC", "q", both).await.0, StatusCode::CREATED);
    let on_top = json!({ "customer": "C1", "invoiced_at": "2024-01-10", "lines": [
        { "product": "MUG", "quantity": 10, "unit_price": "10.00", "tax": "QC" },
    ] });
    let posted = shop.done("sales-invoices", "i1", on_top).await;
    assert_eq!(posted["amount"], "114.98");
    let (_, invoice) = shop
        .get(&format!("sales-invoices/{}", posted["number"].as_str().unwrap()))
        .await;
    assert_eq!(
        (
            &invoice["net"],
            &invoice["tax"],
            &invoice["gross"],
            &invoice["lines"][0]["tax"]
        ),
        (&json!("100.00"), &json!("14.98"), &json!("114.98"), &json!("QC")),
        "{invoice}"
    );
    let within = json!({ "customer": "C1", "invoiced_at": "2024-02-10", "prices_include_tax": true, "lines": [
        { "product": "MUG", "quantity": 1, "gross": "12.00", "tax": "VAT20" }, { "product": "MUG", "quantity": 1, "gross": "1.00" },
    ] });
    let posted = shop.done("sales-invoices", "i2", within).await;
    assert_eq!(posted["amount"], "13.00");
    let bought = json!({ "supplier": "S1", "received_at": "2024-02-11", "lines": [
        { "product": "MUG", "quantity": 10, "value": "50.00", "tax": "VAT20" },
    ] });
    assert_eq!(shop.done("purchase-receipts", "r", bought).await["amount"], "60.00");
    let (_, report) = shop.get("reports/taxes?from=2024-02-01&as_of=2024-02-29").await;
    let taxes: Vec<_> = report["taxes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|tax| (&tax["direction"], &tax["base"], &tax["tax"]))
        .collect();
    let (input, output) = (json!("input"), json!("output"));
    assert_eq!(
        taxes,
        [
            (&input, &json!("50.00"), &json!("10.00")),
            (&output, &json!("10.00"), &json!("2.00"))
        ],
        "{report}"
    );
    for (line, field) in [
        (
            json!({ "product": "MUG", "quantity": 1, "gross": "1.00" }),
            "lines[0].gross",
        ),
        (
            json!({ "product": "MUG", "quantity": 1, "net": "1.00", "tax": "NONE" }),
            "lines[0].tax",
        ),
    ] {
        let (status, refused) = shop
            .post("sales-invoices", field, json!({ "customer": "C1", "lines": [line] }))
            .await;
        assert_eq!(status, StatusCode::BAD_REQUEST);
        assert!(refused["detail"].as_str().unwrap().starts_with(field), "{refused}");
    }
    let wrong = json!({ "title": "x", "components": [{ "name": "VAT", "rate": "-1" }] });
    assert_eq!(shop.put("tax-codes/X", "x", wrong).await.0, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn what_has_no_money_says_nothing_in_the_currency_of_the_company() {
    let shop = Caller {
        api: super::api(),
        role: super::Role::Admin,
    };
    let company = json!({ "name": "Beispiel GmbH", "currency": "EUR", "chart": "skr04" });
    let (_, founded) = shop.put("company", "c", company).await;
    assert_eq!(founded["currency"], "EUR");
    let (_, answer) = shop.put("locations/shelf", "l", json!({ "name": "Shelf" })).await;
    assert_eq!(
        (&answer["amount"], &answer["currency"]),
        (&json!("0.00"), &json!("EUR"))
    );
}
