//! `/healthz`, `/readyz`, `/metrics` and `/openapi.json`: open to whoever reaches the port, and without secrets.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use cortex_runtime::Readiness;
use cortex_runtime::http::Json;
use cortex_runtime::telemetry::MetricsPage;

/// What the routes answer from.
#[derive(Clone)]
pub struct System {
    pub readiness: Readiness,
    pub metrics: MetricsPage,
    /// The OpenAPI document, written once.
    pub openapi_json: Arc<str>,
}

pub fn routes(system: System) -> Router {
    Router::new()
        .route("/healthz", get(alive))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .route("/openapi.json", get(openapi))
        .with_state(system)
}

async fn alive() -> &'static str {
    "alive\n"
}

async fn ready(State(system): State<System>) -> Response {
    let report = system.readiness.report().await;
    let status = if report.ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (status, Json(report)).into_response()
}

async fn metrics(State(system): State<System>) -> Response {
    (
        [(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")],
        system.metrics.render(),
    )
        .into_response()
}

async fn openapi(State(system): State<System>) -> Response {
    (
        [(header::CONTENT_TYPE, "application/json")],
        system.openapi_json.to_string(),
    )
        .into_response()
}
