//! Features over HTTP and gRPC.
//!
//! [`FeaturesApi`] holds what the handlers need; [`routes`], [`openapi`] and [`grpc`] hand them out: Feast's
//! `POST /get-online-features` and `GET /health`, so that Feast's clients can point here; the native `/features/v1/…`;
//! and `cortex.features.v1.FeatureService`. Every handler asks the authorizer first.
//!
//! Nothing is computed here: requests are translated into reads of the online store, and its rows back.

mod api;
mod feast;
mod feast_body;
mod feast_error;
mod feast_json;
mod grpc;
mod join_keys;
mod native;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use axum::Router;
use cortex_proto::features::feature_service_server::FeatureServiceServer;
use utoipa::OpenApi;

pub use api::FeaturesApi;
pub use grpc::FeatureGrpc;

/// Feast's endpoints at the root, and everything under `/features/v1`.
pub fn routes(api: Arc<FeaturesApi>) -> Router {
    Router::new()
        .merge(feast::routes())
        .merge(native::routes())
        .with_state(api)
}

/// What the routes take and answer.
#[must_use]
pub fn openapi() -> utoipa::openapi::OpenApi {
    native::Document::openapi().merge_from(feast::Document::openapi())
}

/// `cortex.features.v1.FeatureService`.
pub fn grpc(api: Arc<FeaturesApi>) -> FeatureServiceServer<FeatureGrpc> {
    FeatureServiceServer::new(FeatureGrpc::new(api))
}
