//! On whose behalf a request is handled.

use std::future::Future;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use cortex_types::{ErrorCode, Problem, RequestContext, TraceId};

use super::ApiError;

tokio::task_local! {
    static TRACE_ID: TraceId;
}

/// Runs `work` so that [`current_trace_id`] finds `trace_id` anywhere within it (not within tasks that it spawns).
pub async fn with_trace_id<F: Future>(trace_id: TraceId, work: F) -> F::Output {
    TRACE_ID.scope(trace_id, work).await
}

/// The trace of the request that is being handled; `None` outside of one.
#[must_use]
pub fn current_trace_id() -> Option<TraceId> {
    TRACE_ID.try_with(|id| *id).ok()
}

/// Extracts the context that the authentication layer put on the request.
///
/// A route that is mounted without that layer answers `unauthenticated`: there is no anonymous context.
#[derive(Clone, Debug)]
pub struct Ctx(pub RequestContext);

impl<S: Sync> FromRequestParts<S> for Ctx {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, ApiError> {
        parts
            .extensions
            .get::<RequestContext>()
            .cloned()
            .map(Self)
            .ok_or_else(|| ApiError(Problem::new(ErrorCode::Unauthenticated, "the call carries no identity")))
    }
}
