//! Models over the wire: the Open Inference Protocol (KServe v2) and predictions for entities, HTTP and gRPC.
//!
//! [`ServingApi`] holds what the handlers need; [`routes`] and [`inference_service`] speak the published protocol, so
//! that unmodified clients work, and [`prediction_service`] and `POST /v2/cortex/models/{model}/predict-entity` answer
//! for a business key, with the decision remembered. What is ours rides in parameters and headers, never in changed
//! shapes.
//!
//! Every handler asks the authorizer before it does anything. Nothing is decided here: tensors are translated, and
//! errors take the form that each protocol has for them.

mod api;
mod binary;
mod change;
mod describe;
mod document;
mod entity;
mod error;
mod extract;
mod grpc;
mod grpc_tensor;
mod health;
mod infer;
mod infer_json;
mod json_tensor;
mod models;
mod predictions;
mod repository;
mod routing;
mod unsupported;

use std::sync::Arc;

use axum::Router;
use cortex_proto::inference::grpc_inference_service_server::GrpcInferenceServiceServer;
use cortex_proto::serving::prediction_service_server::PredictionServiceServer;

pub use api::ServingApi;
pub use entity::{EntityPrediction, PredictEntityBody};
pub use error::ProtocolError;
pub use grpc::InferenceService;
pub use predictions::PredictionService;

/// Largest request and response of a gRPC call.
const MESSAGE_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Everything under `/v2`.
pub fn routes(api: Arc<ServingApi>) -> Router {
    Router::new()
        .merge(health::routes())
        .merge(models::routes())
        .merge(infer::routes())
        .merge(repository::routes())
        .merge(unsupported::routes())
        .merge(entity::routes())
        .with_state(api)
}

/// Where the protocol's parts are, and what Cortex adds to it.
#[must_use]
pub fn openapi() -> utoipa::openapi::OpenApi {
    document::openapi().merge_from(<entity::Document as utoipa::OpenApi>::openapi())
}

/// `inference.GRPCInferenceService`.
pub fn inference_service(api: Arc<ServingApi>) -> GrpcInferenceServiceServer<InferenceService> {
    GrpcInferenceServiceServer::new(InferenceService::new(api))
        .max_decoding_message_size(MESSAGE_BYTES_MAX)
        .max_encoding_message_size(MESSAGE_BYTES_MAX)
}

/// `cortex.serving.v1.PredictionService`.
pub fn prediction_service(api: Arc<ServingApi>) -> PredictionServiceServer<PredictionService> {
    PredictionServiceServer::new(PredictionService::new(api))
}
