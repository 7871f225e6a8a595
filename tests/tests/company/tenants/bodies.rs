//! What a stranger sends: the tenant's own requests over again, or what the schema asks for, filled with what the tenant has.

use cortex_tests::client::Request;
use serde_json::{Map, Value, json};

use super::knowledge::Knowledge;
use super::operations::Operation;

/// Bodies of one operation that are tried.
const BODIES_MAX: usize = 2;

/// Each with the idempotency key that the tenant used.
pub fn bodies(
    operation: &Operation,
    asked: &[Request],
    known: &Knowledge,
    document: &Value,
) -> Vec<(Option<Value>, String)> {
    let mut own: Vec<(Option<Value>, String)> = Vec::new();
    for request in asked.iter().filter(|request| operation.is_of(request)) {
        let body = request.body.as_ref().map(anonymous);
        if !own.iter().any(|(there, _)| *there == body) {
            own.push((body, request.key.clone()));
        }
    }
    // Of what creates, everything; of what changes something, a few.
    if operation.names_something() {
        own.truncate(BODIES_MAX);
    }
    if own.is_empty() {
        let body = operation
            .body
            .as_ref()
            .map(|schema| example(schema, "", known, document));
        let key = format!("stranger {} {}", operation.method, operation.path);
        own.push((body, key));
    }
    own
}

/// The same without the tenant's words: what it is called by stays, what it says does not.
fn anonymous(body: &Value) -> Value {
    match body {
        Value::String(text) => text.replace("Aster", "Somebody").into(),
        Value::Array(values) => values.iter().map(anonymous).collect(),
        Value::Object(fields) => fields
            .iter()
            .map(|(name, value)| (name.clone(), anonymous(value)))
            .collect(),
        other => other.clone(),
    }
}

fn example(schema: &Value, name: &str, known: &Knowledge, document: &Value) -> Value {
    if let Some(reference) = schema["$ref"].as_str() {
        let target = document.pointer(reference.trim_start_matches('#'));
        return target.map_or(Value::Null, |schema| example(schema, name, known, document));
    }
    for choice in ["oneOf", "anyOf", "allOf"] {
        if let Some(first) = schema[choice].as_array().and_then(|of| of.first()) {
            return example(first, name, known, document);
        }
    }
    let kind = match &schema["type"] {
        Value::Array(kinds) => kinds.first().and_then(Value::as_str),
        kind => kind.as_str(),
    };
    match kind {
        Some("object") => {
            let properties = schema["properties"].as_object().into_iter().flatten();
            let required = schema["required"].as_array().cloned().unwrap_or_default();
            let needed = properties.filter(|(name, _)| required.iter().any(|of| of == name.as_str()));
            let filled = needed.map(|(name, schema)| (name.clone(), example(schema, name, known, document)));
            Value::Object(filled.collect::<Map<_, _>>())
        }
        Some("array") => json!([example(&schema["items"], name, known, document)]),
        Some("integer") => json!(1),
        Some("number") => json!(0.5),
        Some("boolean") => json!(true),
        _ => schema
            .get("example")
            .cloned()
            .unwrap_or_else(|| known.value_of(name).into()),
    }
}
