//! One document for everything that can be called over HTTP.

use std::sync::Arc;

use serde_json::{Map, Value, json};
use utoipa::openapi::OpenApi;

use crate::failure::AppError;

/// The keys of a path that are operations; others, such as shared parameters, are not.
const METHODS: [&str; 8] = ["get", "put", "post", "delete", "options", "head", "patch", "trace"];

/// Merges what the APIs say of themselves with the system's own routes: OpenAPI 3.1, as JSON. What no API can know of the
/// others is filled in here: operation ids that differ, and what the door in front of them all answers.
pub fn describe(apis: impl IntoIterator<Item = OpenApi>) -> Result<Arc<str>, AppError> {
    let unwritable = |error: serde_json::Error| AppError::Invalid(format!("an API's description is no JSON: {error}"));
    let mut document = system_document();
    for api in apis {
        let api = serde_json::to_value(api).map_err(unwritable)?;
        for part in ["/paths", "/components/schemas", "/components/responses"] {
            merge(&mut document, &api, part)?;
        }
        if let (Some(tags), Some(more)) = (document["tags"].as_array_mut(), api["tags"].as_array()) {
            tags.extend(more.iter().cloned());
        }
    }
    for (path, method, operation) in operations(&mut document) {
        operation.insert("operationId".to_owned(), operation_id(&method, &path).into());
        say_who_may(operation);
        if path.starts_with("/erp/v1/") {
            say_what_is_refused(operation, &method, &path);
        }
    }
    Ok(document.to_string().into())
}

/// The entries of `api` at `part` join those of the document. The same name twice is the same thing: the shared
/// vocabulary, such as a problem.
fn merge(document: &mut Value, api: &Value, part: &str) -> Result<(), AppError> {
    let (Some(whole), Some(Value::Object(entries))) = (document.pointer_mut(part), api.pointer(part)) else {
        return Ok(());
    };
    let other = entries
        .iter()
        .find(|(name, entry)| whole.get(name).is_some_and(|there| there != *entry));
    if let Some((name, _)) = other {
        return Err(AppError::Invalid(format!("two APIs mean different things by '{name}'")));
    }
    if let Value::Object(whole) = whole {
        whole.extend(entries.clone());
    }
    Ok(())
}

/// Every operation with its path and method.
fn operations(document: &mut Value) -> Vec<(String, String, &mut Map<String, Value>)> {
    let mut found = Vec::new();
    for (path, item) in document["paths"].as_object_mut().into_iter().flatten() {
        for (method, operation) in item.as_object_mut().into_iter().flatten() {
            if let Some(operation) = operation.as_object_mut().filter(|_| METHODS.contains(&method.as_str())) {
                found.push((path.clone(), method.clone(), operation));
            }
        }
    }
    found
}

/// `get_models_v1_models_by_model` for `GET /models/v1/models/{model}`: generated clients name their methods after it, so
/// it must be one operation's alone, and stay what it is when other operations come.
fn operation_id(method: &str, path: &str) -> String {
    let mut id = method.to_owned();
    for part in path.split('/').filter(|part| !part.is_empty()) {
        let by = if part.starts_with('{') { "_by_" } else { "_" };
        id.push_str(by);
        id.extend(
            part.chars()
                .filter(|c| !matches!(c, '{' | '}'))
                .map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }),
        );
    }
    if path.len() > 1 && path.ends_with('/') {
        id.push('_');
    }
    id
}

/// Whatever needs a token is refused without one, and without the role. An API that says it in a form of its own keeps
/// that.
fn say_who_may(operation: &mut Map<String, Value>) {
    if operation.contains_key("security") {
        return;
    }
    respond(operation, &[("401", "Unauthenticated"), ("403", "Forbidden")]);
}

/// Every operation of the ERP may refuse what it is sent, and every command may meet what is there. What an operation says in words
/// of its own stays.
fn say_what_is_refused(operation: &mut Map<String, Value>, method: &str, path: &str) {
    respond(operation, &[("400", "Refused")]);
    if method != "get" {
        respond(operation, &[("404", "Missing"), ("409", "Conflict"), ("503", "Busy")]);
    } else if path.contains('{') {
        respond(operation, &[("404", "Missing")]);
    }
}

fn respond(operation: &mut Map<String, Value>, answers: &[(&str, &str)]) {
    let responses = operation.entry("responses").or_insert_with(|| json!({}));
    if let Some(responses) = responses.as_object_mut() {
        for (status, name) in answers {
            let reference = json!({ "$ref": format!("#/components/responses/{name}") });
            responses.entry(*status).or_insert(reference);
        }
    }
}

fn system_document() -> Value {
    let text = |about: &str| json!({ "description": about, "content": { "text/plain": {} } });
    let json = |about: &str| json!({ "description": about, "content": { "application/json": {} } });
    let get = |summary: &str, security: Value, responses: Value| json!({ "get": { "tags": ["system"], "summary": summary, "security": security, "responses": responses } });
    // A token is needed only where others than this machine can reach the port.
    let (open, guarded) = (json!([]), json!([{ "bearer": [] }, {}]));
    let unauthenticated = json!({ "$ref": "#/components/responses/Unauthenticated" });
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Codexion Cortex",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "An ERP core and an ML platform in one binary. Errors are RFC 9457 problem details with a stable \
                'code'; where a published protocol has its own form of errors, the header 'cortex-error-code' has it.",
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "security": [{ "bearer": [] }],
        "tags": [{ "name": "system", "description": "The process itself" }],
        "paths": {
            "/healthz": get("Whether the process is alive", open.clone(), json!({ "200": text("It is") })),
            "/readyz": get(
                "Whether requests should be sent here; dependency by dependency for callers with a token, or on loopback",
                guarded.clone(),
                json!({
                    "200": json("They should"),
                    "503": json("Not now: booting, draining, or a dependency is down"),
                }),
            ),
            "/metrics": get(
                "Metrics in Prometheus text format; with a token, or on loopback",
                guarded,
                json!({ "200": text("The metrics"), "401": unauthenticated }),
            ),
            "/openapi.json": get("This document", open, json!({ "200": json("OpenAPI 3.1") })),
        },
        "components": {
            "schemas": { "Problem": problem_schema() },
            "responses": {
                "Unauthenticated": problem("No token, or one that nobody knows or that has expired: 'unauthenticated' or 'token-expired'"),
                "Refused": problem("Missing, malformed or out of range: 'detail' says what, where and what would be right"),
                "Missing": problem("There is no such thing, or none that it names: 'not-found'"),
                "Conflict": problem("What is there stands against it: a number that is taken, a key that was used for another body, \
                    closed books, too little stock"),
                "Busy": problem("Too many commands wait, or the server ends: 'overloaded' or 'unavailable'"),
                "Forbidden": problem("The token's roles do not allow it, or it is another tenant's: 'permission-denied' or 'wrong-tenant'"),
            },
            "securitySchemes": { "bearer": { "type": "http", "scheme": "bearer" } },
        },
    })
}

fn problem(about: &str) -> Value {
    let schema = json!({ "schema": { "$ref": "#/components/schemas/Problem" } });
    json!({ "description": about, "content": { "application/problem+json": schema } })
}

fn problem_schema() -> Value {
    let text = json!({ "type": "string" });
    json!({
        "type": "object",
        "description": "RFC 9457 problem details",
        "required": ["type", "title", "status", "detail", "code"],
        "properties": {
            "type": text.clone(),
            "title": text.clone(),
            "status": { "type": "integer" },
            "detail": text.clone(),
            "code": { "type": "string", "description": "Stable: branch on it" },
            "field": { "type": "string", "description": "Which field of the request, such as lines[0].quantity" },
            "trace_id": text,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    /// As the platform mounts them.
    fn whole() -> Value {
        let apis = [
            cortex_erp_api::openapi(),
            cortex_features_api::openapi(),
            cortex_registry_api::openapi(),
            cortex_serving_api::openapi(),
            cortex_experience_api::openapi(),
        ];
        serde_json::from_str(&describe(apis).unwrap()).unwrap()
    }

    #[test]
    fn operations_of_the_erp_say_that_they_refuse_and_keep_their_own_words() {
        let document = whole();
        let responses = |path: &str, method: &str| document["paths"][path][method]["responses"].clone();
        let listed = responses("/erp/v1/credit-notes", "get");
        assert_eq!(listed["400"]["$ref"], "#/components/responses/Refused");
        assert!(listed.get("404").is_none() && listed.get("409").is_none());
        let posted = responses("/erp/v1/sales-invoices", "post");
        assert_eq!(posted["404"]["$ref"], "#/components/responses/Missing");
        let own = posted["409"]["description"].as_str().unwrap();
        assert!(own.contains("number is taken"), "{own}");
        for name in ["Refused", "Missing", "Conflict", "Busy"] {
            assert!(document["components"]["responses"][name]["content"]["application/problem+json"].is_object());
        }
    }

    #[test]
    fn every_api_is_in_the_one_document() {
        let document = whole();
        assert_eq!(document["openapi"], "3.1.0");
        assert_eq!(document["info"]["title"], "Codexion Cortex");
        for path in [
            "/erp/v1/sales-invoices",
            "/features/v1/online",
            "/get-online-features",
            "/models/v1/models",
            "/v2/models/{model}/infer",
            "/v2/repository/index",
            "/v2/cortex/models/{model}/predict-entity",
            "/openapi.json",
            "/healthz",
        ] {
            assert!(document["paths"][path].is_object(), "{path}");
        }
    }

    #[test]
    fn no_two_operations_have_the_same_id() {
        let (mut document, mut ids) = (whole(), BTreeSet::new());
        for (path, method, operation) in operations(&mut document) {
            let id = operation["operationId"].as_str().unwrap().to_owned();
            assert!(ids.insert(id.clone()), "{method} {path} is {id} as well");
        }
        assert!(ids.contains("get_models_v1_models_by_model"), "{ids:?}");
    }

    #[test]
    fn what_needs_a_token_says_how_it_is_refused() {
        let mut document = whole();
        for (path, method, operation) in operations(&mut document) {
            let open = operation.contains_key("security");
            assert_eq!(
                open,
                ["/healthz", "/readyz", "/metrics", "/openapi.json"].contains(&&*path)
            );
            for status in ["401", "403"] {
                assert!(
                    open || operation["responses"][status].is_object(),
                    "{method} {path} {status}"
                );
            }
        }
        assert_eq!(document["paths"]["/metrics"]["get"]["security"][0]["bearer"], json!([]));
        for name in ["Unauthenticated", "Forbidden"] {
            assert!(document["components"]["responses"][name].is_object());
        }
    }
}
