//! The registry over HTTP: `/models/v1/…`.
//!
//! [`RegistryApi`] holds what the handlers need; [`routes`] and [`openapi`] hand them out. Every handler asks the
//! authorizer first; moving a protected alias and changing traffic need approval, and the gate stands behind both. What
//! serves the models is asked and told through the port [`Served`].
//!
//! Nothing is decided here: requests are translated, and answers are the registry's own words.

mod api;
mod events;
mod list;
mod models;
mod promotion;
mod runs;
mod served;
mod traffic;

use std::sync::Arc;

use axum::Router;
use utoipa::OpenApi;

pub use api::RegistryApi;
pub use served::Served;

/// Everything under `/models/v1`.
pub fn routes(api: Arc<RegistryApi>) -> Router {
    Router::new()
        .merge(models::routes())
        .merge(promotion::routes())
        .merge(traffic::routes())
        .merge(runs::routes())
        .merge(events::routes())
        .with_state(api)
}

/// What the routes take and answer.
#[must_use]
pub fn openapi() -> utoipa::openapi::OpenApi {
    models::Document::openapi()
        .merge_from(promotion::Document::openapi())
        .merge_from(traffic::Document::openapi())
        .merge_from(runs::Document::openapi())
        .merge_from(events::Document::openapi())
}
