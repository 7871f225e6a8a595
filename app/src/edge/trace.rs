//! The trace of a request: ids in and out, its span, its line in the log, its metrics.

use std::time::Instant;

use axum::extract::{MatchedPath, Request};
use axum::http::{HeaderMap, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;
use cortex_runtime::http::with_trace_id;
use cortex_runtime::telemetry::names;
use cortex_types::{ErrorCode, TraceId};
use tracing::Instrument;
use tracing::field::Empty;

const REQUEST_ID: &str = "x-request-id";
/// W3C Trace Context.
const TRACEPARENT: &str = "traceparent";
const REQUEST_ID_LEN_MAX: usize = 128;
/// Paths that nobody serves share one label, or a scanner would fill the memory with them.
const UNMATCHED: &str = "unmatched";

pub(super) async fn trace(mut request: Request, next: Next) -> Response {
    let started = Instant::now();
    let trace_id = trace_id_of(request.headers()).unwrap_or_default();
    let request_id = request_id_of(request.headers());
    let method = request.method().to_string();
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map_or(UNMATCHED, MatchedPath::as_str)
        .to_owned();
    request.extensions_mut().insert(trace_id);

    let span = tracing::info_span!(
        "request", %trace_id, request_id, method, route, tenant = Empty, user_id = Empty
    );
    let in_flight = InFlight::enter();
    let mut response = with_trace_id(trace_id, next.run(request))
        .instrument(span.clone())
        .await;
    drop(in_flight);

    let elapsed = started.elapsed();
    let status = response.status().as_u16();
    span.in_scope(|| log(status, elapsed.as_micros(), response.extensions().get::<ErrorCode>()));
    metrics::histogram!(names::HTTP_REQUEST_SECONDS, names::METHOD => method.clone(), names::ROUTE => route.clone())
        .record(elapsed.as_secs_f64());
    let labels = [
        (names::METHOD, method),
        (names::ROUTE, route),
        (names::STATUS, status.to_string()),
    ];
    metrics::counter!(names::HTTP_REQUESTS, &labels).increment(1);
    answer_ids(response.headers_mut(), trace_id, &request_id);
    response
}

/// What went well is only of interest to whoever debugs.
fn log(status: u16, elapsed_us: u128, code: Option<&ErrorCode>) {
    let elapsed_us = u64::try_from(elapsed_us).unwrap_or(u64::MAX);
    let code = code.map_or("", |code| code.as_str());
    match status {
        400..=599 => tracing::info!(status, code, elapsed_us, "request refused"),
        _ => tracing::debug!(status, elapsed_us, "request answered"),
    }
}

/// `00-{trace id}-{span id}-{flags}`.
fn trace_id_of(headers: &HeaderMap) -> Option<TraceId> {
    let mut parts = headers.get(TRACEPARENT)?.to_str().ok()?.split('-');
    let (version, trace_id) = (parts.next()?, parts.next()?);
    if version.len() == 2 && version != "ff" {
        trace_id.parse().ok()
    } else {
        None
    }
}

/// The caller's own, where it may stand in a log line.
fn request_id_of(headers: &HeaderMap) -> String {
    let given = headers.get(REQUEST_ID).and_then(|value| value.to_str().ok());
    let given = given.filter(|id| (1..=REQUEST_ID_LEN_MAX).contains(&id.len()));
    given.map_or_else(|| uuid::Uuid::now_v7().to_string(), ToOwned::to_owned)
}

fn answer_ids(headers: &mut HeaderMap, trace_id: TraceId, request_id: &str) {
    let span_id: u64 = rand::random();
    if let Ok(value) = HeaderValue::from_str(&format!("00-{trace_id}-{span_id:016x}-01")) {
        headers.insert(TRACEPARENT, value);
    }
    if let Ok(value) = HeaderValue::from_str(request_id) {
        headers.insert(REQUEST_ID, value);
    }
}

/// Counted down however the request ends: the caller may hang up in the middle of it.
struct InFlight;

impl InFlight {
    fn enter() -> Self {
        metrics::gauge!(names::HTTP_IN_FLIGHT).increment(1.0);
        Self
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        metrics::gauge!(names::HTTP_IN_FLIGHT).decrement(1.0);
    }
}
