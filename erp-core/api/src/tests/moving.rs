//! A company that moves: all that it has goes out as files, and comes into empty books.

use std::cell::Cell;

use super::interchange::counts;
use super::*;

/// In an order in which each finds what it refers to.
const COLLECTIONS: [&str; 29] = [
    "accounts",
    "cost-centres",
    "tax-codes",
    "locations",
    "parties",
    "contacts",
    "products",
    "product-units",
    "exchange-rates",
    "fiscal-years",
    "number-series",
    "approval-rules",
    "reorder-rules",
    "opening-balances",
    "sales-orders",
    "purchase-orders",
    "purchase-receipts",
    "stock-transfers",
    "deliveries",
    "sales-invoices",
    "purchase-bills",
    "landed-costs",
    "purchase-returns",
    "payments",
    "credit-notes",
    "stock-adjustments",
    "stock-counts",
    "standard-costs",
    "journal-entries",
];

async fn founded() -> Caller {
    let caller = Caller {
        api: api(),
        role: Role::Admin,
    };
    let company = json!({ "name": "Albion", "currency": "GBP", "chart": "trading" });
    let (status, answer) = caller.put("company", "company", company).await;
    assert_eq!(status, StatusCode::CREATED, "{answer}");
    caller
}

/// One of everything, some with what their lists do not show.
async fn busy() -> Caller {
    let company = founded().await;
    let put = async |path: &str, body: Value| {
        let (status, answer) = company.put(path, path, body).await;
        assert_eq!(status, StatusCode::CREATED, "{path}: {answer}");
    };
    let keys = Cell::new(0);
    let post = async |path: &str, body: Value| {
        keys.set(keys.get() + 1);
        company.done(path, &format!("k{}", keys.get()), body).await
    };
    put("cost-centres/NORTH", json!({ "title": "North" })).await;
    put(
        "tax-codes/VAT",
        json!({ "title": "VAT", "components": [{ "name": "VAT", "rate": "20" }] }),
    )
    .await;
    put("locations/shop", json!({ "name": "Shop", "negative_stock": "refuse" })).await;
    put("locations/main", json!({ "name": "Main", "negative_stock": "allow" })).await;
    for (code, kind) in [("C1", "customer"), ("S1", "supplier")] {
        post(
            "parties",
            json!({ "code": code, "kind": kind, "country": "France", "name": "Ada" }),
        )
        .await;
    }
    put("parties/S1/terms", json!({ "payment_days": 14 })).await;
    put(
        "parties/C1/contacts/ann",
        json!({ "name": "Ann", "email": "ann@example.com" }),
    )
    .await;
    let product = |code: &str, more: Value| {
        let mut body = json!({ "code": code, "kind": "goods", "description": code, "list_price": "3.00" });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    post("products", product("MUG", json!({ "valuation": "fifo" }))).await;
    post(
        "products",
        product("CUP", json!({ "valuation": "standard", "standard_cost": "1.25" })),
    )
    .await;
    put("products/MUG/units/BX", json!({ "factor": "6" })).await;
    put("products/CUP", json!({ "description": "cup", "list_price": "3.20" })).await;
    post("products", product("POST", json!({ "kind": "service" }))).await;
    put("exchange-rates/EUR/2024-01-01", json!({ "rate": "0.85" })).await;
    post("fiscal-years", json!({ "from": "2024-01-01", "months": 6 })).await;
    put(
        "number-series/SHOP",
        json!({ "kind": "sales-invoice", "prefix": "S-{year}-" }),
    )
    .await;
    let rule = json!({ "kind": "purchase-bill", "above": "5000.00", "role": "manager" });
    put("approval-rules/BIG", rule).await;
    put(
        "reorder-rules/MUG/shop",
        json!({ "point": "5", "up_to": "20", "supplier": "S1" }),
    )
    .await;
    post(
        "opening-balances",
        json!({ "opened_at": "2024-01-01", "memo": "from the old books", "lines": [
            { "account": "1000", "debit": "500.00" },
            { "account": "receivables", "debit": "40.00", "party": "C1", "due_at": "2023-12-01" },
            { "account": "1000", "debit": "10.00", "currency": "EUR", "base": "8.40" },
        ], "stock": [{ "product": "MUG", "quantity": "10", "value": "11.00", "location": "shop" }] }),
    )
    .await;
    post(
        "sales-orders",
        json!({ "customer": "C1", "number": "SO-000001", "ordered_at": "2024-01-02", "location": "shop",
        "due_at": "2024-02-01", "lines": [{ "product": "MUG", "quantity": "3", "unit_price": "4.00", "tax": "VAT" }] }),
    )
    .await;
    post(
        "purchase-orders",
        json!({ "supplier": "S1", "number": "PO-000001", "ordered_at": "2024-01-02",
        "prices_include_tax": true, "lines": [{ "product": "CUP", "quantity": "2", "gross": "3.00", "tax": "VAT" }] }),
    )
    .await;
    post(
        "purchase-receipts",
        json!({ "supplier": "S1", "number": "R-1", "received_at": "2024-01-03", "location": "shop",
        "due_at": "2024-03-03", "lines": [{ "product": "MUG", "quantity": "10", "value": "12.00" },
        { "product": "CUP", "quantity": "4", "value": "5.20" }] }),
    )
    .await;
    post(
        "purchase-receipts",
        json!({ "supplier": "S1", "number": "R-2", "received_at": "2024-01-03", "order": "PO-000001",
        "to_be_billed": true, "lines": [{ "product": "CUP", "quantity": "2" }] }),
    )
    .await;
    post(
        "stock-adjustments",
        json!({ "memo": "broken", "location": "shop", "moved_at": "2024-01-04",
        "lines": [{ "product": "MUG", "quantity": "-1" }, { "product": "CUP", "quantity": "1", "value": "1.30" }] }),
    )
    .await;
    post(
        "stock-counts",
        json!({ "location": "shop", "counted_at": "2024-01-05",
        "lines": [{ "product": "MUG", "quantity": "18" }] }),
    )
    .await;
    post(
        "stock-transfers",
        json!({ "from": "shop", "to": "main", "moved_at": "2024-01-06",
        "lines": [{ "product": "MUG", "quantity": "12", "unit": "EA" }] }),
    )
    .await;
    post(
        "deliveries",
        json!({ "order": "SO-000001", "number": "D-1", "delivered_at": "2024-01-07", "location": "shop",
        "lines": [{ "product": "MUG", "quantity": "2" }] }),
    )
    .await;
    post(
        "sales-invoices",
        json!({ "customer": "C1", "number": "I-1", "order": "SO-000001", "invoiced_at": "2024-01-08",
        "lines": [{ "product": "MUG", "quantity": "2" }] }),
    )
    .await;
    post(
        "sales-invoices",
        json!({ "customer": "C1", "number": "I-2", "invoiced_at": "2024-01-08", "location": "shop",
        "lines": [{ "product": "MUG", "quantity": "1", "unit_price": "5.00", "tax": "VAT" },
                  { "product": "POST", "quantity": "1", "net": "2.00" }] }),
    )
    .await;
    post("purchase-bills", json!({ "supplier": "S1", "number": "B-1", "billed_at": "2024-01-09",
        "lines": [{ "receipt": "R-2", "amount": "2.60" }, { "account": "6000", "amount": "7.00", "cost_centre": "NORTH" }] })).await;
    let gross = json!({ "customer": "C1", "number": "I-3", "invoiced_at": "2024-01-08", "prices_include_tax": true,
        "lines": [{ "product": "POST", "quantity": "1", "gross": "9.99", "tax": "VAT" },
                  { "product": "POST", "quantity": "3", "unit_price": "1.01", "tax": "VAT" }] });
    post("sales-invoices", gross).await;
    let gross = json!({ "supplier": "S1", "number": "B-2", "billed_at": "2024-01-09", "prices_include_tax": true,
        "lines": [{ "account": "6000", "amount": "9.99", "tax": "VAT" }] });
    post("purchase-bills", gross).await;
    let dozens = json!({ "supplier": "S1", "number": "R-3", "received_at": "2024-01-09", "prices_include_tax": true,
        "lines": [{ "product": "MUG", "quantity": "2", "unit": "DZN", "value": "24.00", "tax": "VAT" }] });
    post("purchase-receipts", dozens).await;
    let abroad = json!({ "memo": "abroad", "posted_at": "2024-01-14", "currency": "EUR", "lines": [
        { "account": "6000", "debit": "9.00" }, { "account": "1000", "credit": "9.00" }] });
    post("journal-entries", abroad).await;
    post(
        "landed-costs",
        json!({ "supplier": "S1", "amount": "2.00", "receipts": ["R-1"], "allocation": "by-quantity",
        "billed_at": "2024-01-10" }),
    )
    .await;
    post(
        "purchase-returns",
        json!({ "receipt": "R-1", "returned_at": "2024-01-11",
        "lines": [{ "product": "MUG", "quantity": "1" }] }),
    )
    .await;
    post("credit-notes", json!({ "customer": "C1", "number": "N-1", "invoice": "I-2", "credited_at": "2024-01-12",
        "location": "shop", "lines": [{ "product": "MUG", "quantity": "1", "reason": "return", "net": "5.00", "tax": "VAT" }] })).await;
    post(
        "payments",
        json!({ "party": "C1", "direction": "in", "number": "P-1", "amount": "12.00", "paid_at": "2024-01-13",
        "settles": [{ "number": "I-1", "amount": "1.00" }, { "number": "I-2" }] }),
    )
    .await;
    post(
        "payments",
        json!({ "party": "S1", "direction": "out", "number": "P-2", "amount": "3.00",
        "paid_at": "2024-01-13", "settles": "oldest" }),
    )
    .await;
    post(
        "products/CUP/standard-costs",
        json!({ "cost": "1.305", "from": "2024-01-14" }),
    )
    .await;
    post(
        "journal-entries",
        json!({ "memo": "rent", "posted_at": "2024-01-14", "lines": [
        { "account": "6000", "debit": "9.00", "cost_centre": "NORTH" }, { "account": "1000", "credit": "9.00" }] }),
    )
    .await;
    company
}

/// What is the company's own, and not of the books that it happens to be in.
fn own(mut document: Value) -> Value {
    let Value::Object(fields) = &mut document else {
        return document;
    };
    // What a move of stock was worth when it was posted hangs on what was known then.
    let hangs = fields.contains_key("moved_at").then_some("value");
    let others = ["id", "document_id", "invoice_id", "created_at"]
        .into_iter()
        .chain(hangs);
    let others: Vec<&str> = others.collect();
    fields.retain(|name, _| !others.contains(&name.as_str()));
    for (_, value) in fields.iter_mut() {
        *value = match value.take() {
            Value::Array(items) => items.into_iter().map(own).collect(),
            other => own(other),
        };
    }
    document
}

async fn exported(company: &Caller, collection: &str) -> Vec<Value> {
    let file = company.export(&format!("{collection}?format=json")).await;
    let documents: Vec<Value> = serde_json::from_slice(&file).unwrap();
    // Entries of other documents come with those.
    let is_own = |document: &Value| collection != "journal-entries" || document["document_kind"] == "journal-entry";
    let mut documents: Vec<Value> = documents.into_iter().filter(is_own).map(own).collect();
    if collection == "journal-entries" {
        // Their numbers are drawn among those of all entries, in these books as in the others.
        for document in &mut documents {
            document.as_object_mut().unwrap().remove("number");
        }
    }
    documents
}

#[tokio::test]
async fn a_company_goes_out_as_files_and_comes_into_empty_books() {
    let here = busy().await;
    let there = founded().await;
    for collection in COLLECTIONS {
        let documents = exported(&here, collection).await;
        let file = serde_json::to_vec(&documents).unwrap();
        let path = format!("{collection}?format=json");
        let (status, view) = there.import(&path, "in", file.clone()).await;
        assert_eq!(status, StatusCode::OK, "{collection}: {view}");
        let [created, changed, unchanged, refused] = counts(&view);
        assert_eq!(refused, 0, "{collection}: {view}");
        assert_eq!(
            created + changed + unchanged,
            documents.len() as u64,
            "{collection}: {view}"
        );
        assert!(!documents.is_empty(), "{collection}");
        if collection == "journal-entries" {
            continue;
        }
        for (what, company) in [("here", &here), ("there", &there)] {
            let (status, view) = company.import(&path, "again", file.clone()).await;
            assert_eq!(status, StatusCode::OK, "{collection}: {view}");
            assert_eq!(
                counts(&view),
                [0, 0, documents.len() as u64, 0],
                "{collection} {what}: {view}"
            );
        }
    }
    are_alike(&here, &there, &COLLECTIONS).await;
    for report in ["trial-balance", "receivables-ageing", "payables-ageing"] {
        let path = format!("reports/{report}?as_of=2024-06-30");
        let (status, told) = here.get(&path).await;
        assert_eq!((status, told), (StatusCode::OK, there.get(&path).await.1), "{report}");
    }
}

async fn are_alike(here: &Caller, there: &Caller, collections: &[&str]) {
    for collection in collections {
        let (one, other) = (exported(here, collection).await, exported(there, collection).await);
        assert_eq!(one, other, "{collection}");
    }
    let stock = "reports/stock-on-hand?as_of=2024-06-30";
    let (status, told) = here.get(stock).await;
    assert_eq!((status, told), (StatusCode::OK, there.get(stock).await.1));
}

#[tokio::test]
async fn tables_take_as_much_with_them_as_documents_do() {
    let here = busy().await;
    for format in ["csv", "parquet"] {
        let there = founded().await;
        // Tables of entries have those of documents among them.
        let (_, collections) = COLLECTIONS.split_last().unwrap();
        for collection in collections {
            let path = format!("{collection}?format={format}");
            let file = here.export(&path).await;
            let (status, view) = there.import(&path, "in", file).await;
            assert_eq!((status, counts(&view)[3]), (StatusCode::OK, 0), "{collection}: {view}");
        }
        are_alike(&here, &there, collections).await;
    }
}
