//! What stands in front of every handler, HTTP and gRPC alike.
//!
//! From the outside in: the trace (ids, access log, metrics), the panic catcher, then for everything but the system's
//! own routes the caller's identity, the time limit and the body limit. A refusal speaks the caller's protocol.

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

use crate::failure::AppError;
pub use identity::Callers;
use refusal::Protocol;
pub use service_token::WithServiceToken;

/// What the edge decides with.
#[derive(Clone, Debug)]
pub struct Edge {
    pub callers: Callers,
    pub timeout: Duration,
    pub body_bytes_max: usize,
}

impl Edge {
    /// Whoever has a token, for the tenant of the token.
    #[must_use]
    pub fn tokens(authenticator: Arc<dyn Authenticator>, timeout: Duration, body_bytes_max: usize) -> Self {
        Self {
            callers: Callers::Tokens(authenticator),
            timeout,
            body_bytes_max,
        }
    }

    /// Whoever reaches the loopback address, as the admin of `tenant`.
    #[must_use]
    pub fn local(tenant: TenantId, timeout: Duration, body_bytes_max: usize) -> Self {
        Self {
            callers: Callers::Local(tenant),
            timeout,
            body_bytes_max,
        }
    }

    /// `apis` behind everything, `open` without identity and limits.
    pub fn guard(self, apis: Router, open: Router) -> Router {
        let body_limit = DefaultBodyLimit::max(self.body_bytes_max);
        let edge = Arc::new(self);
        apis.fallback(no_route)
            .layer(body_limit)
            .layer(from_fn_with_state(Arc::clone(&edge), limit_time))
            .layer(from_fn_with_state(edge, identity::identify))
            .merge(open.reset_fallback())
            .layer(from_fn(catch_panics))
            .layer(from_fn(trace::trace))
    }
}

async fn no_route(request: Request) -> Response {
    Protocol::of(&request).refuse(&AppError::NoRoute(request.uri().path().to_owned()))
}

async fn limit_time(State(edge): State<Arc<Edge>>, request: Request, next: Next) -> Response {
    let protocol = Protocol::of(&request);
    let limit_ms = u64::try_from(edge.timeout.as_millis()).unwrap_or(u64::MAX);
    match tokio::time::timeout(edge.timeout, next.run(request)).await {
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
