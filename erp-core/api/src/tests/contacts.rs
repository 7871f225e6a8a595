//! People at parties, and what is personal of them.

use cortex_erp::{Contact, Party};

use super::*;

fn ann() -> Value {
    json!({ "name": "Ann Lee", "email": "ann@example.com", "phone": "+33 1 23 45", "role": "accounts payable", "is_primary": true })
}

fn personal(contact: &Value) -> [&Value; 3] {
    ["name", "email", "phone"].map(|field| &contact[field])
}

fn new_key() -> String {
    cortex_types::CommandId::new().to_string()
}

const NOTHING: [&Value; 3] = [&Value::Null; 3];

impl Caller {
    async fn contact(&self, path: &str, body: Value) -> Value {
        let (status, answer) = self.put(path, &new_key(), body).await;
        assert_eq!(status, StatusCode::CREATED, "{path}: {answer}");
        answer
    }

    async fn erase(&self, subject: &str) -> bool {
        self.api.sealer.erase(&ctx(Role::Admin), subject).await.unwrap()
    }

    async fn refused(&self, path: &str, body: Value) -> String {
        let (status, problem) = self.put(path, &new_key(), body).await;
        assert_eq!(
            (status, &problem["code"]),
            (StatusCode::BAD_REQUEST, &json!("invalid-argument")),
            "{problem}"
        );
        problem["detail"].as_str().unwrap().to_owned()
    }
}

#[tokio::test]
async fn a_contact_is_kept_sealed_and_read_by_its_codes() {
    let shop = shop().await;
    let receipt = shop.contact("parties/C1/contacts/ann", ann()).await;
    assert_eq!(
        (&receipt["kind"], &receipt["number"]),
        (&json!("contact"), &json!("C1/ann"))
    );
    let stored = shop
        .api
        .records
        .contact(&ctx(Role::Admin), "C1", "ann")
        .await
        .unwrap()
        .unwrap();
    for (sealed, text) in [
        (stored.name_sealed, "Ann Lee"),
        (stored.email_sealed, "ann@example.com"),
        (stored.phone_sealed, "+33 1 23 45"),
    ] {
        assert!(sealed.as_ref().unwrap().starts_with("v1.") && !sealed.unwrap().contains(text));
    }
    let (_, one) = shop.get("parties/C1/contacts/ann").await;
    assert_eq!(
        personal(&one),
        [&json!("Ann Lee"), &json!("ann@example.com"), &json!("+33 1 23 45")]
    );
    assert_eq!(
        (
            &one["party"],
            &one["contact"],
            &one["role"],
            &one["is_primary"],
            &one["blocked"]
        ),
        (
            &json!("C1"),
            &json!("ann"),
            &json!("accounts payable"),
            &json!(true),
            &json!(false)
        )
    );
    // What is said anew is all there is.
    shop.contact(
        "parties/C1/contacts/ann",
        json!({ "email": "lee@example.com", "phone": "", "blocked": true }),
    )
    .await;
    let (_, one) = shop.get("parties/C1/contacts/ann").await;
    assert_eq!(personal(&one), [&Value::Null, &json!("lee@example.com"), &Value::Null]);
    assert_eq!(
        (&one["role"], &one["is_primary"], &one["blocked"]),
        (&json!(""), &json!(false), &json!(true))
    );
    for path in [
        "parties/C1/contacts/bob",
        "parties/S1/contacts/ann",
        "parties/C9/contacts/ann",
        "parties/C9/contacts",
    ] {
        let (status, problem) = shop.get(path).await;
        assert_eq!(
            (status, &problem["code"]),
            (StatusCode::NOT_FOUND, &json!("not-found")),
            "{path}"
        );
    }
    let (_, events) = shop.get("events").await;
    let newest = events["items"].as_array().unwrap().last().unwrap();
    assert_eq!(
        (&newest["name"], &newest["subject"]),
        (&json!("contact.defined"), &json!("C1/ann"))
    );
}

#[tokio::test]
async fn lists_of_contacts_come_in_pages_and_without_what_is_personal() {
    let shop = shop().await;
    for path in [
        "parties/C1/contacts/ann",
        "parties/S1/contacts/sue",
        "parties/C1/contacts/bob",
    ] {
        shop.contact(path, json!({ "name": path, "is_primary": true })).await;
    }
    let row = |of: &Value| {
        ["party", "contact"]
            .map(|field| of[field].as_str().unwrap().to_owned())
            .join("/")
    };
    for (list, expected) in [
        ("parties/C1/contacts", vec![("C1/ann", false), ("C1/bob", true)]),
        ("contacts", vec![("C1/ann", false), ("S1/sue", true), ("C1/bob", true)]),
    ] {
        let mut path = format!("{list}?limit=1");
        let mut found = Vec::new();
        loop {
            let (status, page) = shop.get(&path).await;
            assert_eq!(status, StatusCode::OK, "{page}");
            for item in page["items"].as_array().unwrap() {
                assert_eq!(personal(item), NOTHING);
                found.push((row(item), item["is_primary"].as_bool().unwrap()));
            }
            match page["next"].as_str() {
                Some(next) => path = format!("{list}?limit=1&after={next}"),
                None => break,
            }
        }
        assert_eq!(
            found,
            expected
                .into_iter()
                .map(|(of, first)| (of.to_owned(), first))
                .collect::<Vec<_>>()
        );
    }
    let (_, parties) = shop.get("parties?limit=1").await;
    let foreign = format!("contacts?after={}", parties["next"].as_str().unwrap());
    assert_eq!(shop.get(&foreign).await.0, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_contact_is_erased_with_its_party_or_alone_and_for_good() {
    let shop = shop().await;
    for path in [
        "parties/C1/contacts/ann",
        "parties/C1/contacts/bob",
        "parties/S1/contacts/ann",
    ] {
        shop.contact(path, ann()).await;
    }
    assert!(shop.erase(&Contact::subject("C1", "ann")).await);
    let (_, erased) = shop.get("parties/C1/contacts/ann").await;
    assert_eq!(
        (personal(&erased), &erased["role"]),
        (NOTHING, &json!("accounts payable"))
    );
    assert_eq!(shop.get("parties/C1").await.1["name"], "Ada Lovelace");
    let refused = shop.refused("parties/C1/contacts/ann", json!({ "phone": "112" })).await;
    assert!(refused.starts_with("contact: what was personal of 'ann'"), "{refused}");
    shop.contact("parties/C1/contacts/ann", json!({ "blocked": true }))
        .await;

    assert_eq!(shop.get("parties/C1/contacts/bob").await.1["name"], "Ann Lee");
    assert!(shop.erase(&Party::subject("C1")).await);
    assert_eq!(personal(&shop.get("parties/C1/contacts/bob").await.1), NOTHING);
    assert_eq!(shop.get("parties/S1/contacts/ann").await.1["name"], "Ann Lee");
    let refused = shop.refused("parties/C1/contacts/eve", json!({ "name": "Eve" })).await;
    assert!(refused.starts_with("party: what was personal of 'C1'"), "{refused}");
    assert!(
        !shop.erase(&Contact::subject("C1", "eve")).await,
        "no key is made for it"
    );
    shop.contact("parties/C1/contacts/eve", json!({ "role": "front desk" }))
        .await;
}

#[tokio::test]
async fn what_is_refused_of_a_contact_names_the_field_and_makes_no_key() {
    let shop = shop().await;
    let walk_in = json!({ "code": "W", "kind": "walk_in", "country": "France" });
    shop.done("parties", "w", walk_in).await;
    let long = "x".repeat(201);
    for (path, body, field) in [
        (
            "parties/C1/contacts/eve",
            json!({ "name": long }),
            "name: is longer than 200",
        ),
        (
            "parties/C1/contacts/eve",
            json!({ "name": "a\nb" }),
            "name: must not hold control",
        ),
        (
            "parties/C1/contacts/eve",
            json!({ "email": "eve@home" }),
            "email: must be an address",
        ),
        (
            "parties/C1/contacts/eve",
            json!({ "phone": "call me" }),
            "phone: must be up to 32",
        ),
        (
            "parties/C1/contacts/eve",
            json!({ "name": "Eve", "role": long }),
            "role: is longer than 200",
        ),
        (
            "parties/C1/contacts/%20eve",
            json!({ "name": "Eve" }),
            "contact: must be 1 to 64",
        ),
        (
            "parties/C1/contacts/eve",
            json!({ "name": "Eve", "is_primary": true, "blocked": true }),
            "is_primary: must be false",
        ),
        (
            "parties/W/contacts/eve",
            json!({ "name": "Eve" }),
            "party: whoever pays in cash",
        ),
        (
            "parties/C1/contacts/eve",
            json!({ "fax": "1" }),
            "the JSON body does not fit: fax",
        ),
    ] {
        let refused = shop.refused(path, body).await;
        assert!(refused.starts_with(field), "{refused}");
    }
    let (status, problem) = shop.put("parties/C9/contacts/eve", "u", json!({ "name": "Eve" })).await;
    assert_eq!(
        (status, &problem["code"]),
        (StatusCode::BAD_REQUEST, &json!("unknown-party"))
    );
    let path = "parties/C1/contacts/eve";
    let (status, problem) = shop.put(path, "parties-\"C1\"", json!({ "name": "Eve" })).await;
    assert_eq!(
        (status, &problem["code"]),
        (StatusCode::CONFLICT, &json!("idempotency-conflict"))
    );
    let viewer = Caller {
        api: Arc::clone(&shop.api),
        role: Role::Viewer,
    };
    assert_eq!(
        viewer.put(path, "v", json!({ "name": "Eve" })).await.0,
        StatusCode::FORBIDDEN
    );
    for (party, contact) in [("C1", "eve"), ("C1", " eve"), ("W", "eve"), ("C9", "eve")] {
        assert!(
            !shop.erase(&Contact::subject(party, contact)).await,
            "{party}/{contact}"
        );
    }
    assert!(!shop.erase(&Party::subject("C9")).await && !shop.erase(&Party::subject("W")).await);
}

#[tokio::test]
async fn a_key_stands_for_what_is_personal_as_well() {
    let shop = shop().await;
    let put = |body| shop.put("parties/C1/contacts/ann", "p", body);
    assert_eq!(put(ann()).await.0, StatusCode::CREATED);
    let (status, again) = put(ann()).await;
    assert_eq!((status, &again["repeated"]), (StatusCode::OK, &json!(true)));
    for (field, other) in [
        ("name", json!("Ann")),
        ("email", json!("a@b.c")),
        ("phone", Value::Null),
    ] {
        let mut body = ann();
        body[field] = other;
        let (status, problem) = put(body).await;
        assert_eq!(
            (status, &problem["code"]),
            (StatusCode::CONFLICT, &json!("idempotency-conflict")),
            "{field}"
        );
    }
    assert_eq!(shop.get("parties/C1/contacts/ann").await.1["name"], "Ann Lee");
}

#[tokio::test]
async fn contacts_come_together_with_their_party_and_a_rehearsal_leaves_no_key() {
    let shop = shop().await;
    let requests = json!([
        { "path": "/erp/v1/parties", "body": { "code": "C2", "kind": "customer", "country": "Spain" } },
        { "method": "PUT", "path": "/erp/v1/parties/C2/contacts/ann", "body": ann() },
    ]);
    for (mode, carried_out) in [("rehearsal", false), ("whole", true)] {
        let (status, answer) = shop
            .post("batch", mode, json!({ "mode": mode, "requests": requests }))
            .await;
        assert_eq!((status, &answer["accepted"]), (StatusCode::OK, &json!(2)), "{answer}");
        assert_eq!(answer["carried_out"], carried_out);
        if !carried_out {
            assert!(!shop.erase(&Contact::subject("C2", "ann")).await && !shop.erase(&Party::subject("C2")).await);
        }
    }
    assert_eq!(shop.get("parties/C2/contacts/ann").await.1["email"], "ann@example.com");
}

#[tokio::test]
async fn contacts_go_out_and_come_in_as_files() {
    let shop = shop().await;
    let file = "party,contact,name,email,role,is_primary\nC1,ann,Ann Lee,ann@example.com,accounts payable,yes\n\
                S1,ann,Ann Roe,,,no\nC1,bob,Bob,bob,,no\nC9,eve,,,,no\n";
    let rehearsed = shop.import_contacts("dry_run=true", "f0", file).await;
    assert_eq!(
        (&rehearsed["created"], &rehearsed["refused"]),
        (&json!(2), &json!(2)),
        "{rehearsed}"
    );
    assert_eq!(shop.get("contacts").await.1["items"], json!([]));
    let view = shop.import_contacts("", "f1", file).await;
    assert_eq!((&view["created"], &view["refused"]), (&json!(2), &json!(2)), "{view}");
    let refused: Vec<(u64, &str)> = view["documents"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|of| of["outcome"] == "refused")
        .map(|of| (of["row"].as_u64().unwrap(), of["problem"]["detail"].as_str().unwrap()))
        .collect();
    assert!(refused[0].0 == 3 && refused[0].1.starts_with("email:"), "{refused:?}");
    assert!(refused[1].0 == 4 && refused[1].1.contains("'C9'"), "{refused:?}");
    // What the file does not say stays, what is sealed as well.
    let view = shop
        .import_contacts("", "f2", "party,contact,role\nC1,ann,treasurer\nS1,ann,\n")
        .await;
    assert_eq!((&view["changed"], &view["unchanged"]), (&json!(1), &json!(1)), "{view}");
    let (_, one) = shop.get("parties/C1/contacts/ann").await;
    assert_eq!(
        (&one["name"], &one["email"], &one["role"], &one["is_primary"]),
        (
            &json!("Ann Lee"),
            &json!("ann@example.com"),
            &json!("treasurer"),
            &json!(true)
        )
    );
    for format in ["csv", "json", "parquet"] {
        let mut request = Request::get(format!("/erp/v1/exports/contacts?format={format}"))
            .body(Body::empty())
            .unwrap();
        request.extensions_mut().insert(ctx(shop.role));
        let response = routes(Arc::clone(&shop.api)).oneshot(request).await.unwrap();
        let file = response.into_body().collect().await.unwrap().to_bytes();
        assert!(!file.windows(3).any(|of| of == b"Ann"), "{format}");
        let request =
            Request::post(format!("/erp/v1/imports/contacts?format={format}")).header("idempotency-key", format);
        let (status, view) = shop.send(request.body(Body::from(file)).unwrap()).await;
        assert_eq!(
            (status, &view["unchanged"]),
            (StatusCode::OK, &json!(2)),
            "{format}: {view}"
        );
    }
}

impl Caller {
    async fn import_contacts(&self, query: &str, key: &str, file: &'static str) -> Value {
        let request = Request::post(format!("/erp/v1/imports/contacts?{query}")).header("idempotency-key", key);
        let (status, view) = self.send(request.body(Body::from(file)).unwrap()).await;
        assert_eq!(status, StatusCode::OK, "{view}");
        view
    }
}
