//! The trace of a request: ids in and out, its span, its line in the log, its metrics.

use std::time::Instant;

use axum::extract::{MatchedPath, Request};
use axum::http::{HeaderMap, HeaderValue, Method};
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
    let method = method_label(request.method());
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
    let outcome = Outcome::of(&response);
    span.in_scope(|| outcome.log(elapsed.as_micros()));
    metrics::histogram!(names::HTTP_REQUEST_SECONDS, names::METHOD => method, names::ROUTE => route.clone())
        .record(elapsed.as_secs_f64());
    let labels = [
        (names::METHOD, method.to_owned()),
        (names::ROUTE, route),
        (names::STATUS, outcome.label()),
    ];
    metrics::counter!(names::HTTP_REQUESTS, &labels).increment(1);
    answer_ids(response.headers_mut(), trace_id, &request_id);
    response
}

/// Anybody can make methods up, and each would be a time series of its own.
fn method_label(method: &Method) -> &'static str {
    const KNOWN: [Method; 9] = [
        Method::GET,
        Method::HEAD,
        Method::POST,
        Method::PUT,
        Method::PATCH,
        Method::DELETE,
        Method::OPTIONS,
        Method::CONNECT,
        Method::TRACE,
    ];
    const NAMES: [&str; 9] = [
        "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "CONNECT", "TRACE",
    ];
    KNOWN
        .iter()
        .position(|known| known == method)
        .map_or("other", |at| NAMES[at])
}

/// How a request ended. A gRPC call that failed has HTTP status 200 and says so in its headers.
#[derive(Debug, PartialEq, Eq)]
struct Outcome {
    status: u16,
    /// Where it is not zero, which is success.
    grpc_status: Option<u8>,
    code: String,
}

impl Outcome {
    fn of(response: &Response) -> Self {
        let header = |name| response.headers().get(name).and_then(|value| value.to_str().ok());
        let code = response.extensions().get::<ErrorCode>().map(|code| code.as_str());
        Self {
            status: response.status().as_u16(),
            grpc_status: header("grpc-status")
                .and_then(|status| status.parse().ok())
                .filter(|status| *status != 0),
            code: code.or(header("cortex-error-code")).unwrap_or_default().to_owned(),
        }
    }

    /// `503`, or `grpc-14`.
    fn label(&self) -> String {
        match self.grpc_status {
            Some(status) => format!("grpc-{status}"),
            None => self.status.to_string(),
        }
    }

    /// What went well is only of interest to whoever debugs.
    fn log(&self, elapsed_us: u128) {
        let elapsed_us = u64::try_from(elapsed_us).unwrap_or(u64::MAX);
        let Self {
            status,
            grpc_status,
            code,
        } = self;
        if *status >= 400 || grpc_status.is_some() {
            tracing::info!(status, grpc_status, code, elapsed_us, "request refused");
        } else {
            tracing::debug!(status, elapsed_us, "request answered");
        }
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

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;

    #[test]
    fn made_up_methods_share_one_label() {
        assert_eq!(method_label(&Method::POST), "POST");
        let made_up = Method::from_bytes(b"X1F9A").unwrap();
        assert_eq!(method_label(&made_up), "other");
    }

    #[test]
    fn a_grpc_failure_is_no_success() {
        let answered = |status: &str| {
            Response::builder()
                .header("grpc-status", status)
                .header("cortex-error-code", "overloaded")
                .body(Body::empty())
                .unwrap()
        };
        let failed = Outcome::of(&answered("8"));
        assert_eq!(
            (failed.label().as_str(), failed.code.as_str()),
            ("grpc-8", "overloaded")
        );
        assert_eq!(Outcome::of(&answered("0")).label(), "200");
        assert_eq!(Outcome::of(&Response::new(Body::empty())).label(), "200");
    }
}
