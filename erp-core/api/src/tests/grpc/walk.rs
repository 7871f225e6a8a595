//! Every rpc there is answers as its operation of HTTP does.

use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use serde_json::{Map, Value, json};

use super::super::{Caller, shop};
use super::mirror;
use crate::grpc::METHODS;
use crate::grpc::messages::{Kind, Label, Message};
use crate::grpc::operations::{Carries, Operation, Place};

#[tokio::test]
async fn every_operation_answers_over_grpc_as_over_http() {
    let shop = shop().await;
    let contract = &METHODS.contract;
    assert!(contract.problems.is_empty(), "{:?}", contract.problems);
    assert!(contract.operations.len() > 130);
    let mut other = Vec::new();
    for operation in &contract.operations {
        for word in ["MUG", "C1", "sales-invoices", ""] {
            let request = filled(operation, word);
            let (parts, body) = request.into_parts();
            let again = Request::from_parts(parts.clone(), Body::from(body.clone()));
            let (status, answer) = shop.send(again).await;
            assert_ne!(status, StatusCode::INTERNAL_SERVER_ERROR, "{}: {answer}", operation.rpc);
            // What makes something anew each time is asked in tests of its own.
            let mirrored = mirror(&shop, &parts, body.as_bytes(), (status, &answer)).await;
            let is_new_draft = status.is_success() && operation.path.ends_with("/drafts");
            if !mirrored && !is_new_draft {
                other.push(format!("{} of '{word}'", operation.rpc));
            }
        }
    }
    // A path without its words is another one, and a file is no JSON.
    other.retain(|other| !other.ends_with("of ''") && !other.starts_with("ImportCollection"));
    assert!(other.is_empty(), "not asked: {other:?}");
}

/// A request that says `word` wherever something has to be said.
fn filled(operation: &Operation, word: &str) -> Request<String> {
    let message = METHODS.contract.message(&operation.request).unwrap();
    let mut path = operation.path.clone();
    let mut query = Vec::new();
    let mut request = Request::builder().method(operation.method.clone());
    for argument in &operation.arguments {
        match argument.place {
            Place::Path => path = path.replace(&format!("{{{}}}", argument.name), word),
            Place::Query if argument.needed => query.push(format!("{}={word}", argument.name)),
            Place::Query => {}
            Place::Header if argument.name == "If-Match" => request = request.header("if-match", "\"7\""),
            Place::Header => request = request.header(&argument.name, format!("walk-{}-{word}", operation.rpc)),
        }
    }
    let body = match &operation.carries {
        Carries::Fields { names, .. } => {
            let fields = message.fields.iter().filter(|field| names.contains(&field.name));
            let only = Message {
                fields: fields.cloned().collect(),
                ..Message::default()
            };
            request = request.header("content-type", "application/json");
            said(&only, word).to_string()
        }
        Carries::Whole => json!({ "memo": word }).to_string(),
        Carries::File { .. } => format!("code,kind\n{word},goods\n"),
        Carries::Nothing => String::new(),
    };
    let query = if query.is_empty() {
        String::new()
    } else {
        format!("?{}", query.join("&"))
    };
    request.uri(path + &query).body(body).unwrap()
}

fn said(message: &Message, word: &str) -> Value {
    let needed = message
        .fields
        .iter()
        .filter(|field| matches!(field.label, Label::Needed | Label::Many { needed: true }));
    let fields: Map<String, Value> = needed
        .map(|field| {
            let value = match &field.kind {
                Kind::Text => json!(word),
                Kind::Boolean => json!(true),
                Kind::Message(name) => match METHODS.contract.message(name).unwrap() {
                    either if either.either => json!("oldest"),
                    message => said(message, word),
                },
                Kind::Struct | Kind::Value => json!({ "memo": word }),
                Kind::Bytes => Value::Null,
                _ => json!(1),
            };
            let value = if field.label == Label::Needed {
                value
            } else {
                json!([value])
            };
            (field.name.clone(), value)
        })
        .collect();
    Value::Object(fields)
}

/// Nothing is there for who is nobody, or may only look.
#[tokio::test]
async fn a_viewer_posts_nothing_over_grpc_either() {
    let viewer = Caller {
        role: cortex_types::Role::Viewer,
        ..shop().await
    };
    let commands = METHODS
        .contract
        .operations
        .iter()
        .filter(|operation| operation.method != Method::GET);
    for operation in commands {
        let (parts, body) = filled(operation, "MUG").into_parts();
        let asked = Request::from_parts(parts.clone(), Body::from(body.clone()));
        let (status, answer) = viewer.send(asked).await;
        assert!(!status.is_success(), "{}: {answer}", operation.rpc);
        mirror(&viewer, &parts, body.as_bytes(), (status, &answer)).await;
    }
}
