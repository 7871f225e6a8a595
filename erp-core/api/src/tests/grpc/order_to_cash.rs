//! From the customer to the payment, by the client that is generated of `erp.proto`.

use axum::body::Body;
use axum::http::Request;
use cortex_proto::erp as pb;
use cortex_types::Role;
use http_body_util::BodyExt;
use prost_types::{Struct, Value, value::Kind};
use serde_json::json;
use tower::ServiceExt;

use super::super::{Caller, api, ctx};
use super::code_of;

fn text(text: &str) -> Value {
    Value {
        kind: Some(Kind::StringValue(text.to_owned())),
    }
}

fn object<const N: usize>(fields: [(&str, Value); N]) -> Struct {
    Struct {
        fields: fields
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect(),
    }
}

fn list(values: impl IntoIterator<Item = Struct>) -> Value {
    let values = values.into_iter().map(|value| Value {
        kind: Some(Kind::StructValue(value)),
    });
    let values = values.collect();
    Value {
        kind: Some(Kind::ListValue(prost_types::ListValue { values })),
    }
}

async fn goods(caller: &Caller) {
    let mut client = caller.client();
    let customer = pb::CreatePartyRequest {
        idempotency_key: "c".into(),
        code: "C1".into(),
        kind: "customer".into(),
        country: "France".into(),
        name: Some("Ada Lovelace".into()),
        ..Default::default()
    };
    let receipt = client.create_party(customer.clone()).await.unwrap().into_inner();
    assert_eq!(
        (&*receipt.kind, &*receipt.number, receipt.repeated),
        ("party", "C1", false)
    );
    assert!(
        client
            .create_party(customer.clone())
            .await
            .unwrap()
            .into_inner()
            .repeated
    );
    let supplier = pb::CreatePartyRequest {
        idempotency_key: "s".into(),
        code: "S1".into(),
        kind: "supplier".into(),
        name: None,
        ..customer
    };
    client.create_party(supplier).await.unwrap();
    let product = pb::CreateProductRequest {
        idempotency_key: "p".into(),
        code: "MUG".into(),
        kind: "goods".into(),
        list_price: Some("3.00".into()),
        ..Default::default()
    };
    client.create_product(product).await.unwrap();
    let received = pb::PostPurchaseReceiptRequest {
        idempotency_key: "r".into(),
        supplier: Some("S1".into()),
        lines: vec![pb::PurchaseReceiptLineInput {
            product: "MUG".into(),
            quantity: "10".into(),
            value: Some("12.50".into()),
            ..Default::default()
        }],
        ..Default::default()
    };
    client.post_purchase_receipt(received).await.unwrap();
}

fn line(quantity: &str) -> pb::LineInput {
    pb::LineInput {
        product: "MUG".into(),
        quantity: quantity.into(),
        ..Default::default()
    }
}

fn number(number: &str) -> pb::GetInvoiceRequest {
    pb::GetInvoiceRequest { number: number.into() }
}

#[tokio::test]
async fn an_order_becomes_cash_over_grpc_as_over_http() {
    let shop = Caller {
        api: api(),
        role: Role::Admin,
    };
    goods(&shop).await;
    let mut client = shop.client();
    let order = pb::PlaceSalesOrderRequest {
        idempotency_key: "o".into(),
        customer: "C1".into(),
        lines: vec![line("4")],
        ..Default::default()
    };
    let order = client.place_sales_order(order).await.unwrap().into_inner().number;
    let delivery = pb::PostDeliveryRequest {
        idempotency_key: "d".into(),
        order: order.clone(),
        ..Default::default()
    };
    client.post_delivery(delivery).await.unwrap();
    let invoice = pb::PostInvoiceRequest {
        idempotency_key: "i".into(),
        order: Some(order.clone()),
        customer: Some("C1".into()),
        ..Default::default()
    };
    let invoiced = client.post_invoice(invoice).await.unwrap().into_inner();
    assert_eq!((&*invoiced.amount, &*invoiced.kind), ("12.00", "sales-invoice"));
    let payment = pb::PostPaymentRequest {
        idempotency_key: "m".into(),
        party: "C1".into(),
        direction: "in".into(),
        amount: "10.00".into(),
        settles: Some(pb::Settles {
            text: None,
            items: vec![pb::SettlesLineInput {
                number: invoiced.number.clone(),
                ..Default::default()
            }],
        }),
        ..Default::default()
    };
    client.post_payment(payment).await.unwrap();
    let rest = pb::PostPaymentRequest {
        idempotency_key: "n".into(),
        party: "C1".into(),
        direction: "in".into(),
        amount: "2.00".into(),
        settles: Some(pb::Settles {
            text: Some("oldest".into()),
            items: Vec::new(),
        }),
        ..Default::default()
    };
    client.post_payment(rest).await.unwrap();

    let read = client.get_invoice(number(&invoiced.number)).await.unwrap().into_inner();
    let (_, over_http) = shop.get(&format!("sales-invoices/{}", invoiced.number)).await;
    assert_eq!(
        (json!(read.net), json!(read.lines[0].quantity)),
        (over_http["net"].clone(), json!("4"))
    );
    assert_eq!(over_http["net"], "12.00");
    let open = client.list_open_items(pb::ListOpenItemsRequest {
        side: Some("receivable".into()),
        ..Default::default()
    });
    assert!(open.await.unwrap().into_inner().items.is_empty());
    let order = pb::GetSalesOrderRequest { number: order };
    assert_eq!(
        client.get_sales_order(order).await.unwrap().into_inner().state,
        "complete"
    );

    let balance = client
        .get_trial_balance(pb::GetTrialBalanceRequest::default())
        .await
        .unwrap()
        .into_inner();
    let (_, over_http) = shop.get("reports/trial-balance").await;
    let same = over_http["accounts"].as_array().unwrap().iter().zip(&balance.accounts);
    assert_eq!(balance.accounts.len(), over_http["accounts"].as_array().unwrap().len());
    for (over_http, account) in same {
        assert_eq!(
            (&over_http["account"], &over_http["balance"]),
            (&json!(account.account), &json!(account.balance))
        );
    }
    let sheets = pb::GetBalanceSheetRequest {
        as_of: Some("2199-12-31".into()),
        ..Default::default()
    };
    let sheet = client
        .get_balance_sheet(sheets)
        .await
        .unwrap()
        .into_inner()
        .balance_sheets
        .remove(0);
    assert_eq!(sheet.assets.unwrap().total, sheet.liabilities_and_equity);
}

#[tokio::test]
async fn a_draft_is_changed_by_who_knows_it_and_posted_once() {
    let shop = super::super::shop().await;
    let mut client = shop.client();
    let body = |quantity: &str| {
        let line = object([("product", text("MUG")), ("quantity", text(quantity))]);
        Some(object([("customer", text("C1")), ("lines", list([line]))]))
    };
    let collection = || "sales-invoices".to_owned();
    let asked = pb::CreateDraftRequest {
        idempotency_key: None,
        collection: collection(),
        body: body("2"),
    };
    let created = client.create_draft(asked).await.unwrap();
    let etag = created.metadata().get("etag").unwrap().to_str().unwrap().to_owned();
    let draft = created.into_inner();
    assert_eq!((etag.as_str(), draft.body), ("\"1\"", body("2")));

    let replace = pb::ReplaceDraftRequest {
        if_match: etag,
        collection: collection(),
        id: draft.id.clone(),
        body: body("3"),
    };
    // By its version as well as by its ETag.
    let replaced = client.replace_draft(replace.clone()).await.unwrap();
    assert_eq!(replaced.metadata().get("etag").unwrap(), "\"2\"");
    let stale = client.replace_draft(replace.clone()).await.unwrap_err();
    assert_eq!(code_of(&stale), "version-mismatch");
    let unknown = pb::ReplaceDraftRequest {
        if_match: String::new(),
        ..replace
    };
    let unknown = client.replace_draft(unknown).await.unwrap_err();
    assert!(unknown.message().starts_with("if_match: send the ETag"), "{unknown}");

    let post = pb::PostDraftRequest {
        if_match: Some(replaced.into_inner().version.to_string()),
        collection: collection(),
        number: draft.id.clone(),
    };
    let posted = client.post_draft(post.clone()).await.unwrap().into_inner();
    assert_eq!((&*posted.amount, posted.repeated), ("9.00", false));
    assert!(client.post_draft(post).await.unwrap().into_inner().repeated);
    let asked = pb::ListDraftsRequest {
        collection: collection(),
        ..Default::default()
    };
    assert!(client.list_drafts(asked).await.unwrap().into_inner().items.is_empty());

    let asked = pb::CreateDraftRequest {
        idempotency_key: None,
        collection: collection(),
        body: body("1"),
    };
    let id = client.create_draft(asked).await.unwrap().into_inner().id;
    let discard = pb::DiscardDraftRequest {
        if_match: "1".into(),
        collection: collection(),
        id: id.clone(),
    };
    client.discard_draft(discard).await.unwrap();
    let asked = pb::GetDraftRequest {
        collection: collection(),
        id,
    };
    assert_eq!(code_of(&client.get_draft(asked).await.unwrap_err()), "not-found");
    // `drafts` is no number: that place has something else.
    let invoice = pb::GetInvoiceRequest {
        number: "drafts".into(),
    };
    assert_eq!(code_of(&client.get_invoice(invoice).await.unwrap_err()), "not-found");
    let nothing = pb::ListDraftsRequest {
        collection: "poems".into(),
        ..Default::default()
    };
    assert_eq!(code_of(&client.list_drafts(nothing).await.unwrap_err()), "not-found");
}

#[tokio::test]
async fn a_thousand_commands_fit_into_a_batch() {
    let shop = super::super::shop().await;
    let mut client = shop.client();
    let payment_days = Value {
        kind: Some(Kind::NumberValue(30.0)),
    };
    let product = |index: usize| pb::RequestInput {
        path: "/erp/v1/products".into(),
        body: Some(object([
            ("code", text(&format!("P{index}"))),
            ("kind", text("goods")),
            ("description", text(&"so long ".repeat(60))),
        ])),
        ..Default::default()
    };
    let mut requests: Vec<pb::RequestInput> = (0..998).map(product).collect();
    requests.push(pb::RequestInput {
        method: Some("PUT".into()),
        path: "/erp/v1/parties/C1/terms".into(),
        // A whole number is one, though a Struct has only doubles.
        body: Some(object([("payment_days", payment_days)])),
    });
    requests.push(product(0));
    let batch = pb::RunBatchRequest {
        idempotency_key: "b".into(),
        mode: None,
        requests,
    };
    let answered = client.run_batch(batch).await.unwrap().into_inner();
    assert_eq!(
        (answered.accepted, answered.refused, answered.carried_out),
        (999, 1, true)
    );
    assert_eq!(answered.answers[998].status, 201, "{:?}", answered.answers[998]);
    let problem = answered.answers[999].body.as_ref().unwrap();
    assert_eq!(problem.fields["code"], text("already-exists"));
    let asked = pb::GetPartyRequest { code: "C1".into() };
    assert_eq!(
        client.get_party(asked).await.unwrap().into_inner().payment_days,
        Some(30)
    );
}

#[tokio::test]
async fn files_go_out_and_come_in_as_bytes() {
    let shop = super::super::shop().await;
    let mut client = shop.client();
    for (format, media_type) in [
        ("csv", "text/csv; charset=utf-8"),
        ("json", "application/json"),
        ("parquet", "application/vnd.apache.parquet"),
    ] {
        let asked = pb::ExportCollectionRequest {
            collection: "products".into(),
            format: Some(format.into()),
        };
        let exported = client.export_collection(asked).await.unwrap().into_inner();
        let mut request = Request::get(format!("/erp/v1/exports/products?format={format}"))
            .body(Body::empty())
            .unwrap();
        request.extensions_mut().insert(ctx(Role::Admin));
        let over_http = crate::routes(shop.api.clone()).oneshot(request).await.unwrap();
        let over_http = over_http.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(
            (&exported.file[..], &*exported.media_type),
            (&over_http[..], media_type)
        );
    }
    let file = "code,kind,list_price\nMUG,goods,3.00\nCUP,goods,2.00\nJAR,god,2.00\n";
    let import = |key: &str, dry_run| pb::ImportCollectionRequest {
        idempotency_key: key.into(),
        collection: "products".into(),
        format: None,
        dry_run,
        file: file.into(),
    };
    for (key, dry_run) in [("dry", Some(true)), ("wet", None)] {
        let imported = client
            .import_collection(import(key, dry_run))
            .await
            .unwrap()
            .into_inner();
        assert_eq!(
            (imported.created, imported.unchanged, imported.refused),
            (1, 1, 1),
            "{imported:?}"
        );
        let problem = imported.documents[1].problem.as_ref().unwrap();
        assert_eq!(problem.fields["code"], text("invalid-argument"));
    }
    let cup = client
        .get_product(pb::GetProductRequest { code: "CUP".into() })
        .await
        .unwrap();
    assert_eq!(cup.into_inner().list_price.as_deref(), Some("2.00"));
}
