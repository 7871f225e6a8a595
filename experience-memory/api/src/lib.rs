//! The memory over HTTP (`/experience/v1`) and gRPC (`cortex.experience.v1`).
//!
//! [`ExperienceApi`] holds what the handlers need; [`routes`] and [`grpc`] are the two doors to it, [`openapi`] describes
//! the first. Every handler asks the authorizer before it does anything. Nothing is decided here: messages are
//! translated, and the memory does the rest.

mod api;
mod wire;

mod grpc;
mod http;

pub use api::ExperienceApi;
pub use grpc::{ExperienceGrpc, grpc};
pub use http::{openapi, routes};
pub use wire::{
    DecisionBody, DecisionPageBody, FeedbackBody, OutcomeBatchBody, OutcomeBody, RecordedBatchBody, RecordedBody,
    RememberedBody,
};
