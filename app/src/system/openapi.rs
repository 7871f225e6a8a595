//! One document for everything that can be called over HTTP.

use std::sync::Arc;

use serde_json::{Value, json};
use utoipa::openapi::OpenApi;

use crate::failure::AppError;

/// Merges what the APIs say of themselves with the system's own routes: OpenAPI 3.1, as JSON.
pub fn describe(apis: impl IntoIterator<Item = OpenApi>) -> Result<Arc<str>, AppError> {
    let unwritable = |error: serde_json::Error| AppError::Invalid(format!("an API's description is no JSON: {error}"));
    let mut document = system_document();
    for api in apis {
        let api = serde_json::to_value(api).map_err(unwritable)?;
        for part in ["/paths", "/components/schemas", "/components/responses"] {
            merge(&mut document, &api, part);
        }
        if let (Some(tags), Some(more)) = (document["tags"].as_array_mut(), api["tags"].as_array()) {
            tags.extend(more.iter().cloned());
        }
    }
    Ok(document.to_string().into())
}

/// The entries of `api` at `part` join those of the document. The same name twice is the same thing: the shared
/// vocabulary, such as a problem.
fn merge(document: &mut Value, api: &Value, part: &str) {
    let (Some(whole), Some(Value::Object(entries))) = (document.pointer_mut(part), api.pointer(part)) else {
        return;
    };
    if let Value::Object(whole) = whole {
        whole.extend(entries.clone());
    }
}

fn system_document() -> Value {
    let text = |about: &str| json!({ "description": about, "content": { "text/plain": {} } });
    let get = |id: &str, summary: &str, responses: Value| json!({ "get": { "tags": ["system"], "operationId": id, "summary": summary, "security": [], "responses": responses } });
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Codexion Cortex",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "An ERP core and an ML platform in one binary. Errors are RFC 9457 problem details with a stable 'code'.",
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "security": [{ "bearer": [] }],
        "tags": [{ "name": "system", "description": "The process itself" }],
        "paths": {
            "/healthz": get("alive", "Whether the process is alive", json!({ "200": text("It is") })),
            "/readyz": get("ready", "Whether requests should be sent here, dependency by dependency", json!({
                "200": { "description": "They should", "content": { "application/json": {} } },
                "503": { "description": "Not now: booting, draining, or a dependency is down", "content": { "application/json": {} } },
            })),
            "/metrics": get("metrics", "Metrics in Prometheus text format", json!({ "200": text("The metrics") })),
        },
        "components": {
            "schemas": {},
            "responses": {},
            "securitySchemes": { "bearer": { "type": "http", "scheme": "bearer" } },
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use utoipa::openapi::{InfoBuilder, OpenApiBuilder, PathItem, PathsBuilder};

    #[test]
    fn every_api_is_in_the_one_document() {
        let paths = PathsBuilder::new()
            .path("/erp/v1/invoices", PathItem::default())
            .build();
        let api = OpenApiBuilder::new()
            .info(InfoBuilder::new().title("ERP").build())
            .paths(paths)
            .build();
        let document: Value = serde_json::from_str(&describe([api]).unwrap()).unwrap();
        assert_eq!(document["openapi"], "3.1.0");
        assert_eq!(document["info"]["title"], "Codexion Cortex");
        assert!(document["paths"]["/erp/v1/invoices"].is_object() && document["paths"]["/healthz"].is_object());
    }
}
