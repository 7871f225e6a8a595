//! A request of HTTP, asked again over gRPC: the answer is the same.

use axum::http::request::Parts;
use axum::http::{Method, StatusCode, Uri};
use prost_reflect::DynamicMessage;
use serde_json::{Map, Value, json};
use tonic::Code;

use super::{Caller, code_of};
use crate::grpc::METHODS;
use crate::grpc::messages::Kind;
use crate::grpc::operations::{Answers, Argument, Carries, Operation, Place};
use crate::grpc::transcoding::{Written, read};

/// Asks again what was answered so. `false` where a message cannot say it, or it would be another thing a second time.
pub(crate) async fn mirror(
    caller: &Caller,
    parts: &Parts,
    body: &[u8],
    (status, answer): (StatusCode, &Value),
) -> bool {
    let Some((operation, within)) = operation_of(&parts.method, parts.uri.path()) else {
        return false;
    };
    let makes_anew = status.is_success()
        && parts.method != Method::GET
        && !parts.headers.contains_key("idempotency-key")
        && operation.rpc != "PostDraft";
    let Some(asked) = asked(operation, parts, &within, body).filter(|_| !makes_anew) else {
        return false;
    };
    let told = caller.ask(&operation.rpc, asked).await;
    let at = format!("{} {} {}", parts.method, parts.uri, String::from_utf8_lossy(body));
    match told {
        Ok(told) => {
            assert!(status.is_success(), "{at} was {status} {answer}, and is {told:?}");
            same_answer(operation, told.get_ref(), answer, &at);
        }
        Err(refused) => {
            assert!(!status.is_success(), "{at} was {answer}, and is {refused:?}");
            same_refusal(operation, &refused, (status, answer), &at);
        }
    }
    true
}

fn same_answer(operation: &Operation, told: &DynamicMessage, answer: &Value, at: &str) {
    if operation.answers != Answers::Document {
        return;
    }
    // A second time it says more of what was done before.
    if ["RunBatch", "ImportCollection"].contains(&operation.rpc.as_str()) {
        return;
    }
    let told = Written(&METHODS.contract).message(told, "").unwrap();
    let mut expected = without_nothing(answer);
    if operation.method != Method::GET {
        expected["repeated"] = json!(true);
        // It is told once.
        expected.as_object_mut().unwrap().remove("advice");
    }
    assert_eq!(without_nothing(&told), expected, "{at}");
}

fn same_refusal(operation: &Operation, refused: &tonic::Status, (status, answer): (StatusCode, &Value), at: &str) {
    let Some(code) = answer["code"].as_str() else {
        // What no route answers.
        assert!(matches!(status.as_u16(), 404 | 405), "{at}: {status}");
        assert_eq!(refused.code(), Code::NotFound, "{at}");
        return;
    };
    let detail = answer["detail"].as_str().unwrap();
    assert_eq!(code_of(refused), code, "{at}: {refused} is not {detail}");
    let is_header = |argument: &Argument| argument.place == Place::Header && detail.starts_with(&argument.name);
    if let Some(reason) = detail.strip_prefix("the JSON body does not fit: ") {
        let reason = reason.split(" at line ").next().unwrap();
        assert!(refused.message().ends_with(reason), "{at}: {refused} is not {detail}");
    } else if let Some(header) = operation.arguments.iter().find(|argument| is_header(argument)) {
        let (_, reason) = detail.split_once(':').unwrap();
        assert_eq!(refused.message(), format!("{}:{reason}", header.field), "{at}");
    } else {
        assert_eq!(refused.message(), detail, "{at}");
    }
}

/// Without what is `null` or an empty list: a message cannot tell it from what is absent.
fn without_nothing(value: &Value) -> Value {
    let is_nothing = |value: &Value| value.is_null() || value.as_array().is_some_and(Vec::is_empty);
    match value {
        Value::Object(fields) => {
            let there = fields.iter().filter(|(_, value)| !is_nothing(value));
            there
                .map(|(name, value)| (name.clone(), without_nothing(value)))
                .collect()
        }
        Value::Array(items) => items.iter().map(without_nothing).collect(),
        other => other.clone(),
    }
}

/// The operation whose path says most of it in words, with what stands in its braces.
fn operation_of(method: &Method, path: &str) -> Option<(&'static Operation, Map<String, Value>)> {
    let of_method = METHODS
        .contract
        .operations
        .iter()
        .filter(|operation| operation.method == *method);
    let found = of_method.filter_map(|operation| Some((operation, within(&operation.path, path)?)));
    // `payments/drafts` are drafts, and no payment.
    found.min_by_key(|(operation, within)| (within.len(), operation.path.ends_with('}')))
}

fn within(template: &str, path: &str) -> Option<Map<String, Value>> {
    let (parts, given): (Vec<&str>, Vec<&str>) = (template.split('/').collect(), path.split('/').collect());
    if parts.len() != given.len() {
        return None;
    }
    let mut found = Map::new();
    for (part, given) in parts.into_iter().zip(given) {
        match part.strip_prefix('{').and_then(|part| part.strip_suffix('}')) {
            Some(name) => {
                let decoded = pairs(&format!("/?it={given}"))?.remove(0).1;
                found.insert(name.to_owned(), json!(decoded));
            }
            None if part == given => {}
            None => return None,
        }
    }
    Some(found)
}

fn pairs(uri: &str) -> Option<Vec<(String, String)>> {
    let uri: Uri = uri.parse().ok()?;
    axum::extract::Query::try_from_uri(&uri)
        .ok()
        .map(|axum::extract::Query(pairs)| pairs)
}

/// `None` where a message cannot say it.
fn asked(operation: &Operation, parts: &Parts, within: &Map<String, Value>, body: &[u8]) -> Option<DynamicMessage> {
    let input = &METHODS.by_name[&operation.rpc].input;
    let query = pairs(&parts.uri.to_string())?;
    let mut said = Map::new();
    for argument in &operation.arguments {
        let header = || parts.headers.get(&argument.name)?.to_str().ok().map(str::to_owned);
        let text = match argument.place {
            Place::Path => within
                .get(&argument.name)?
                .as_str()
                .filter(|text| !text.is_empty())
                .map(str::to_owned),
            Place::Query => query
                .iter()
                .find(|(name, _)| *name == argument.name)
                .map(|(_, text)| text.clone()),
            Place::Header => header(),
        };
        if let Some(text) = text {
            said.insert(argument.field.clone(), typed(operation, argument, text)?);
        } else if argument.needed && argument.place != Place::Header {
            return None;
        }
    }
    let known = |name: &String| {
        operation
            .arguments
            .iter()
            .any(|of| of.place == Place::Query && of.name == *name)
    };
    if !query.iter().all(|(name, _)| known(name)) {
        return None;
    }
    let mut of_body = Map::new();
    match &operation.carries {
        Carries::Nothing => {}
        Carries::File { .. } => return None,
        Carries::Whole => {
            said.insert(
                "body".to_owned(),
                serde_json::from_slice(body).ok().filter(Value::is_object)?,
            );
        }
        Carries::Fields { needed, .. } if body.is_empty() => {
            if *needed {
                return None;
            }
        }
        Carries::Fields { .. } => {
            if parts.headers.get("content-type")? != "application/json" {
                return None;
            }
            let Ok(Value::Object(fields)) = serde_json::from_slice(body) else {
                return None;
            };
            of_body = fields;
        }
    }
    said.extend(of_body.clone());
    let message = read(input, &Value::Object(said)).ok()?;
    let written = Written(&METHODS.contract).message(&message, "").ok()?;
    let same = |(name, value): (&String, &Value)| written.get(name).unwrap_or(&Value::Null) == value;
    let Carries::Fields { names, .. } = &operation.carries else {
        return Some(message);
    };
    // Fields that JSON leaves out where a message says them, or has otherwise.
    let all_there = of_body.iter().all(same);
    let no_more = names
        .iter()
        .all(|name| of_body.contains_key(name) || written.get(name).is_none());
    (all_there && no_more).then_some(message)
}

fn typed(operation: &Operation, argument: &Argument, text: String) -> Option<Value> {
    let request = METHODS.contract.message(&operation.request)?;
    let field = request.fields.iter().find(|field| field.name == argument.field)?;
    match field.kind {
        Kind::Text => Some(json!(text)),
        _ => serde_json::from_str(&text).ok(),
    }
}
