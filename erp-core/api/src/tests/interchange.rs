//! Master data and documents as files.

use super::*;

impl Caller {
    pub(super) async fn import(&self, path: &str, key: &str, file: impl Into<Body>) -> (StatusCode, Value) {
        let request = Request::post(format!("/erp/v1/imports/{path}")).header("idempotency-key", key);
        self.send(request.body(file.into()).unwrap()).await
    }

    pub(super) async fn export(&self, path: &str) -> Vec<u8> {
        let mut request = Request::get(format!("/erp/v1/exports/{path}"))
            .body(Body::empty())
            .unwrap();
        request.extensions_mut().insert(ctx(self.role));
        let response = routes(Arc::clone(&self.api)).oneshot(request).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        response.into_body().collect().await.unwrap().to_bytes().to_vec()
    }
}

pub(super) fn counts(view: &Value) -> [u64; 4] {
    ["created", "changed", "unchanged", "refused"].map(|name| view[name].as_u64().unwrap())
}

#[tokio::test]
async fn a_dry_run_lists_what_would_change_and_changes_nothing() {
    let shop = shop().await;
    shop.put("locations/shelf", "l1", json!({ "name": "Shelf" })).await;
    shop.put("locations/attic", "l2", json!({ "name": "Attic" })).await;
    let file = "code,name,negative_stock\nshelf,Shelf,refuse\nattic,Loft,allow\ncellar,Cellar,\nbad/,x,perhaps\n";
    let (status, rehearsed) = shop.import("locations?dry_run=true", "f1", file).await;
    assert_eq!(status, StatusCode::OK, "{rehearsed}");
    assert_eq!(
        (counts(&rehearsed), &rehearsed["dry_run"]),
        ([1, 1, 1, 1], &json!(true))
    );
    let changed = &rehearsed["documents"][0];
    assert_eq!(
        (&changed["row"], &changed["outcome"], &changed["subject"]),
        (&json!(2), &json!("changed"), &json!("attic"))
    );
    assert_eq!(
        changed["changes"],
        json!({ "name": { "from": "Attic", "to": "Loft" }, "negative_stock": { "from": "refuse", "to": "allow" } })
    );
    assert_eq!(rehearsed["documents"][2]["problem"]["code"], "invalid-argument");
    assert_eq!(shop.get("locations/attic").await.1["name"], "Attic");
    assert_eq!(shop.get("locations/cellar").await.0, StatusCode::NOT_FOUND);

    let (_, imported) = shop.import("locations", "f1", file).await;
    assert_eq!(counts(&imported), [1, 1, 1, 1]);
    assert_eq!(shop.get("locations/attic").await.1["name"], "Loft");
    let (_, again) = shop.import("locations", "f2", file).await;
    assert_eq!(counts(&again), [0, 0, 3, 1]);
}

#[tokio::test]
async fn documents_with_lines_go_out_and_come_into_other_books_as_they_were() {
    let shop = stocked().await;
    let receipt = json!({ "supplier": "S1", "lines": [{ "product": "MUG", "quantity": "10", "value": "10.00" }] });
    for format in ["csv", "json", "parquet"] {
        let other = self::shop().await;
        other.done("purchase-receipts", "r1", receipt.clone()).await;
        let file = shop.export(&format!("sales-invoices?format={format}")).await;
        if format == "csv" {
            let text = String::from_utf8(file.clone()).unwrap();
            assert_eq!(text.lines().count(), 5, "{text}");
            assert!(text.starts_with("number,"), "{text}");
        }
        let path = format!("sales-invoices?format={format}");
        let (status, view) = other.import(&path, "f", file.clone()).await;
        assert_eq!((status, counts(&view)), (StatusCode::OK, [2, 0, 0, 0]), "{view}");
        for number in ["A-1", "A-2"] {
            let path = format!("sales-invoices/{number}");
            let (one, same) = (shop.get(&path).await.1, other.get(&path).await.1);
            assert_eq!((&one["gross"], &one["lines"]), (&same["gross"], &same["lines"]));
        }
        let (_, again) = other.import(&path, "g", file).await;
        assert_eq!(counts(&again), [0, 0, 2, 0], "{again}");
    }
}

#[tokio::test]
async fn rows_of_lines_alone_go_on_with_the_document_before_them() {
    let shop = shop().await;
    let file = "supplier,lines.product,lines.quantity,lines.value\nS1,MUG,10,10.00\n,MUG,5,6.00\nS1,MUG,1,1.00\n";
    let (_, view) = shop.import("purchase-receipts", "f", file).await;
    assert_eq!(counts(&view), [2, 0, 0, 0], "{view}");
    let (_, page) = shop.get("purchase-receipts").await;
    let lines = |index: usize| page["items"][index]["lines"].as_array().unwrap().len();
    assert_eq!((lines(0), lines(1)), (2, 1));
    // Under the same key nothing more comes in.
    let (_, view) = shop.import("purchase-receipts", "f", file).await;
    assert_eq!(counts(&view), [0, 0, 2, 0]);
}

#[tokio::test]
async fn what_is_posted_otherwise_is_refused_and_the_others_go_in() {
    let shop = shop().await;
    let entry = |memo: &str| {
        json!({ "memo": memo, "posted_at": "2024-01-01", "lines": [
            { "account": "1000", "debit": "7.00" }, { "account": "4000", "credit": "7.00" },
        ] })
    };
    let posted = shop.done("journal-entries", "e", entry("rent")).await;
    let mut otherwise = entry("tea");
    otherwise["number"] = posted["number"].clone();
    let file = json!([entry("milk"), otherwise, entry("sugar")]).to_string();
    let (status, view) = shop.import("journal-entries?format=json", "f", file).await;
    assert_eq!((status, counts(&view)), (StatusCode::OK, [2, 0, 0, 1]), "{view}");
    let refused = &view["documents"][1];
    assert_eq!(
        (&refused["row"], &refused["subject"], &refused["problem"]["code"]),
        (&json!(2), &posted["number"], &json!("invalid-argument"))
    );
}

#[tokio::test]
async fn what_cannot_be_read_is_refused_and_names_the_place() {
    let shop = shop().await;
    // A collection may be empty.
    for (format, file) in [("csv", "code,kind\n"), ("json", "[]")] {
        let (status, view) = shop.import(&format!("products?format={format}"), "none", file).await;
        assert_eq!((status, counts(&view)), (StatusCode::OK, [0; 4]), "{view}");
    }
    for (path, file, named) in [
        ("products", "code,kind,colour\nX,goods,red\n", "colour"),
        ("stock-counts", "memo,lines\nx,[]\n", "column 'lines'"),
        ("products", "code,kind\nX\n", "file"),
        ("products", "", "holds no document"),
        ("products?format=xlsx", "code\n", "format"),
        ("products?dry_run=maybe", "code\n", "dry_run"),
        ("products?format=parquet", "PAR1", "file"),
        ("products?format=json", "{\"code\":", "file"),
    ] {
        let (status, answer) = shop.import(path, "x", file).await;
        assert_eq!(
            (status, &answer["code"]),
            (StatusCode::BAD_REQUEST, &json!("invalid-argument")),
            "{path}: {answer}"
        );
        assert!(answer["detail"].as_str().unwrap().contains(named), "{named}: {answer}");
    }
    let many = format!("code\n{}", "X\n".repeat(200_001));
    let (status, answer) = shop.import("products", "many", many).await;
    assert!(
        status == StatusCode::BAD_REQUEST && answer["detail"].as_str().unwrap().contains("200000"),
        "{answer}"
    );
    for path in ["nothing", "reports", "batch"] {
        assert_eq!(
            shop.import(path, "x", "code\n").await.0,
            StatusCode::NOT_FOUND,
            "{path}"
        );
    }
    let viewer = Caller {
        api: Arc::clone(&shop.api),
        role: Role::Viewer,
    };
    assert_eq!(viewer.import("products", "v", "code\n").await.0, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn every_list_can_be_exported() {
    let shop = shop().await;
    let described = serde_json::to_value(openapi()).unwrap();
    let paths = described["paths"].as_object().unwrap();
    let mut exported = 0;
    for (path, operations) in paths {
        let collection = path.trim_start_matches("/erp/v1/");
        let page = &operations["get"]["responses"]["200"]["content"]["application/json"]["schema"]["$ref"];
        if collection.contains('/')
            || collection == "events"
            || !page.as_str().is_some_and(|name| name.contains("List"))
        {
            continue;
        }
        for format in ["csv", "json", "parquet"] {
            assert!(!shop.export(&format!("{collection}?format={format}")).await.is_empty());
        }
        exported += 1;
    }
    assert!(exported >= 15, "{exported}");
}

#[tokio::test]
async fn what_a_file_does_not_say_stays_and_what_it_says_twice_is_refused() {
    let shop = stocked().await;
    shop.put(
        "locations/attic",
        "l1",
        json!({ "name": "Attic", "negative_stock": "allow" }),
    )
    .await;
    let (_, view) = shop.import("locations", "f", "code,name\nattic,Loft\n").await;
    assert_eq!(counts(&view), [0, 1, 0, 0], "{view}");
    let attic = shop.get("locations/attic").await.1;
    assert_eq!(
        (&attic["name"], &attic["negative_stock"]),
        (&json!("Loft"), &json!("allow"))
    );
    // Changed by hand since, it is said again under another key, and not under the same.
    shop.put(
        "locations/attic",
        "l2",
        json!({ "name": "Attic", "negative_stock": "allow" }),
    )
    .await;
    shop.import("locations", "f", "code,name\nattic,Loft\n").await;
    assert_eq!(shop.get("locations/attic").await.1["name"], "Attic");
    let (_, view) = shop.import("locations", "g", "code,name\nattic,Loft\n").await;
    assert_eq!(
        (counts(&view), &shop.get("locations/attic").await.1["name"]),
        ([0, 1, 0, 0], &json!("Loft"))
    );

    for (path, file, named) in [
        ("locations", "code,name\na,A\nb,B\na,C\n", "row 3, column 'code'"),
        (
            "sales-invoices",
            "number,customer,lines.product,lines.quantity\nZ,C1,MUG,1\nZ,C2,MUG,1\n",
            "row 2, column 'customer'",
        ),
    ] {
        let (status, answer) = shop.import(path, "h", file).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{path}: {answer}");
        assert!(answer["detail"].as_str().unwrap().contains(named), "{answer}");
    }
}

/// Files that were good, with bytes changed, cut off or put in twice.
fn spoiled(file: &[u8], seed: u64) -> Vec<u8> {
    let mut dice = seed;
    let mut below = |end: usize| {
        dice = dice
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(dice >> 33).unwrap() % end.max(1)
    };
    let mut file = file.to_vec();
    for _ in 0..=below(4) {
        let at = below(file.len());
        match below(4) {
            0 => file.truncate(at),
            1 => file[at] = u8::try_from(below(256)).unwrap(),
            2 => {
                let again = file[at..(at + below(40)).min(file.len())].to_vec();
                file.splice(at..at, again);
            }
            _ => {
                let odd: [&[u8]; 6] = [b"\0", b"\xff\xfe", b"\"", b",,", b"-99999999999999999999.999", b"[{}"];
                let odd = odd[below(odd.len())].to_vec();
                file.splice(at..at, odd);
            }
        }
        if file.is_empty() {
            break;
        }
    }
    file
}

#[tokio::test]
async fn a_spoiled_file_is_told_of_and_changes_nothing() {
    let shop = stocked().await;
    let before = shop.get("sales-invoices").await;
    let mut told = [0, 0];
    for format in ["csv", "json", "parquet"] {
        let file = shop.export(&format!("sales-invoices?format={format}")).await;
        for seed in 0..40 {
            let path = format!("sales-invoices?dry_run=true&format={format}");
            let (status, answer) = shop.import(&path, "spoiled", spoiled(&file, seed)).await;
            match status {
                StatusCode::OK => told[0] += 1,
                StatusCode::BAD_REQUEST => {
                    assert!(answer["code"].is_string() && answer["detail"].is_string(), "{answer}");
                    told[1] += 1;
                }
                _ => panic!("{format}, seed {seed}: {status} {answer}"),
            }
        }
    }
    assert!(told[0] > 3 && told[1] > 3, "{told:?}");
    assert_eq!(shop.get("sales-invoices").await, before);
}

async fn stocked() -> Caller {
    let shop = shop().await;
    let receipt = json!({ "supplier": "S1", "lines": [{ "product": "MUG", "quantity": "10", "value": "10.00" }] });
    shop.done("purchase-receipts", "r1", receipt).await;
    for number in ["A-1", "A-2"] {
        let invoice = json!({ "number": number, "customer": "C1", "lines": [
            { "product": "MUG", "quantity": "2", "net": "5.10" },
            { "product": "MUG", "quantity": "1" },
        ] });
        shop.done("sales-invoices", number, invoice).await;
    }
    shop
}

#[tokio::test]
async fn a_small_file_that_would_be_a_large_one_is_refused() {
    let shop = shop().await;
    // 283 bytes say a text of a million letters three thousand times.
    for (file, problem) in [
        ("one_text_many_times", "bytes of text: split it"),
        ("products_gzip", "use SNAPPY, ZSTD or LZ4_RAW"),
        ("nested", "column 'lines'"),
    ] {
        let bytes = std::fs::read(format!("../../fuzz/seeds/parquet/{file}.parquet")).unwrap();
        let (status, answer) = shop.import("products?format=parquet", "f", bytes).await;
        let detail = answer["detail"].as_str().unwrap();
        assert!(
            status == StatusCode::BAD_REQUEST && detail.contains(problem),
            "{file}: {answer}"
        );
    }
}

#[tokio::test]
async fn texts_amounts_and_times_are_each_compared_as_what_they_are() {
    let shop = shop().await;
    shop.put("locations/shelf", "l1", json!({ "name": "42" })).await;
    let (_, renamed) = shop
        .import("locations?dry_run=true", "f1", "code,name\nshelf,0042\n")
        .await;
    assert_eq!(counts(&renamed), [0, 1, 0, 0], "{renamed}");
    let order = json!({ "number": "O-1", "customer": "C1", "ordered_at": "2024-05-01T00:00:00Z",
        "lines": [{ "product": "MUG", "quantity": "1", "unit_price": "2.50" }] });
    shop.post("sales-orders", "o1", order).await;
    let file = "number,customer,ordered_at,lines.product,lines.quantity\nO-1,C1,2024-05-01,MUG,1.000\n";
    let (_, same) = shop.import("sales-orders?dry_run=true", "f2", file).await;
    assert_eq!(counts(&same), [0, 0, 1, 0], "{same}");
    let (status, refused) = shop.import("locations", "f3", "code,name,name\nshelf,a,b\n").await;
    assert_eq!(
        (status, &refused["code"]),
        (StatusCode::BAD_REQUEST, &json!("invalid-argument"))
    );
    assert!(refused["detail"].as_str().unwrap().contains("twice"), "{refused}");
}

#[tokio::test]
async fn what_is_only_listed_is_compared_as_well_and_what_a_file_does_not_say_stays() {
    let shop = shop().await;
    let series = json!({ "kind": "payment", "prefix": "P-", "digits": 3, "default": true });
    shop.put("number-series/pay", "s", series).await;
    let file = shop.export("number-series").await;
    let (_, same) = shop.import("number-series?dry_run=true", "f1", file).await;
    assert_eq!(counts(&same), [0, 0, 1, 0], "{same}");
    let file = "code,kind,prefix\npay,payment,Q-\n";
    let (_, changed) = shop.import("number-series", "f2", file).await;
    assert_eq!(counts(&changed), [0, 1, 0, 0], "{changed}");
    let (_, listed) = shop.get("number-series").await;
    let pay = &listed["items"][0];
    assert_eq!(
        (&pay["prefix"], &pay["digits"], &pay["default"]),
        (&json!("Q-"), &json!(3), &json!(true))
    );
    // Said once more under its key, it changes nothing that was changed since.
    let back = json!({ "kind": "payment", "prefix": "P-", "digits": 3, "default": true });
    shop.put("number-series/pay", "s2", back).await;
    shop.import("number-series", "f2", file).await;
    assert_eq!(shop.get("number-series").await.1["items"][0]["prefix"], "P-");

    let twice = r#"[{"code":"shelf","name":"a","name":"b"}]"#;
    let (status, refused) = shop.import("locations?format=json", "f3", twice).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert!(
        refused["detail"].as_str().unwrap().contains("'name' is there twice"),
        "{refused}"
    );
}
