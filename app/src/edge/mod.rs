//! What stands in front of every handler, HTTP and gRPC alike.
//!
//! From the outside in: the trace (ids, access log, metrics), the panic catcher, then for everything but the system's
//! own routes the bound on requests at one time, the time limit, the caller's identity, the body's encoding and its
//! limit. A refusal speaks the caller's protocol.

mod encoding;
mod identity;
mod refusal;
mod service_token;
mod trace;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::Response;
use cortex_security::Authenticator;
use cortex_types::TenantId;
use futures::FutureExt;
use tokio::sync::Semaphore;

use crate::failure::AppError;
pub use identity::Callers;
use refusal::Protocol;
pub use service_token::WithServiceToken;

/// What the edge decides with.
#[derive(Clone, Debug)]
pub struct Edge {
    pub callers: Callers,
    pub limits: Limits,
}

/// What one request, and all of them together, may take.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    pub timeout: Duration,
    pub body_bytes_max: usize,
    /// Most requests that are worked on at one time, on each port; one more is answered `overloaded`.
    pub requests_in_flight_max: usize,
}

impl Edge {
    /// Whoever has a token, for the tenant of the token.
    #[must_use]
    pub fn tokens(authenticator: Arc<dyn Authenticator>, limits: Limits) -> Self {
        Self {
            callers: Callers::Tokens(authenticator),
            limits,
        }
    }

    /// Whoever reaches the loopback address, as the admin of `tenant`.
    #[must_use]
    pub fn local(tenant: TenantId, limits: Limits) -> Self {
        Self {
            callers: Callers::Local(tenant),
            limits,
        }
    }

    /// `apis` behind everything, `open` without identity and limits.
    pub fn guard(self, apis: Router, open: Router) -> Router {
        let body_limit = DefaultBodyLimit::max(self.limits.body_bytes_max);
        let admission = Admission::new(self.limits.requests_in_flight_max);
        let edge = Arc::new(self);
        apis.fallback(no_route)
            .method_not_allowed_fallback(no_method)
            .layer(body_limit)
            .layer(from_fn(encoding::refuse_encoded))
            .layer(from_fn_with_state(Arc::clone(&edge), identity::identify))
            .layer(from_fn_with_state(edge, limit_time))
            .layer(from_fn_with_state(admission, admit))
            .merge(open.method_not_allowed_fallback(no_method).reset_fallback())
            .layer(from_fn(catch_panics))
            .layer(from_fn(trace::trace))
    }
}

/// Clients of gRPC try another service where this one is not implemented, and give up where it is not found.
async fn no_route(request: Request) -> Response {
    let (protocol, path) = (Protocol::of(&request), request.uri().path().to_owned());
    protocol.refuse(&match protocol {
        Protocol::Grpc => AppError::NoService(path),
        Protocol::Http | Protocol::Inference => AppError::NoRoute(path),
    })
}

async fn no_method(request: Request) -> Response {
    let (method, path) = (request.method().to_string(), request.uri().path().to_owned());
    Protocol::of(&request).refuse(&AppError::NoMethod { method, path })
}

/// The places for requests at one time.
#[derive(Clone)]
struct Admission {
    places: Arc<Semaphore>,
    max: usize,
}

impl Admission {
    fn new(max: usize) -> Self {
        let max = max.clamp(1, Semaphore::MAX_PERMITS);
        Self {
            places: Arc::new(Semaphore::new(max)),
            max,
        }
    }
}

/// Refuses at once: a caller that waits here would only hold its connection and its memory.
async fn admit(State(admission): State<Admission>, request: Request, next: Next) -> Response {
    match admission.places.try_acquire() {
        Ok(_place) => next.run(request).await,
        Err(_) => Protocol::of(&request).refuse(&AppError::Overloaded(admission.max)),
    }
}

async fn limit_time(State(edge): State<Arc<Edge>>, request: Request, next: Next) -> Response {
    let protocol = Protocol::of(&request);
    let limit_ms = u64::try_from(edge.limits.timeout.as_millis()).unwrap_or(u64::MAX);
    match tokio::time::timeout(edge.limits.timeout, next.run(request)).await {
        Ok(response) => response,
        Err(_) => protocol.refuse(&AppError::Timeout(limit_ms)),
    }
}

async fn catch_panics(request: Request, next: Next) -> Response {
    let protocol = Protocol::of(&request);
    let handled = std::panic::AssertUnwindSafe(next.run(request)).catch_unwind().await;
    handled.unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<&str>().map(ToString::to_string);
        let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
        protocol.refuse(&AppError::Panicked(text.unwrap_or_else(|| "no message".to_owned())))
    })
}

#[cfg(test)]
mod tests;
