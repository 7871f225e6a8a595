//! From any commit to the lake, exactly once.
//!
//! A [`ChangeSource`] hands out changes after a position; [`ChangeSink`]s take them: the lake ([`LakeSink`]) and the
//! online feature store. The [`Pipeline`] moves them, advances the source only behind what every sink has made durable,
//! and starts again after a crash where each sink left off. A sink that fails is tried again apart from the others,
//! which go on.
//!
//! This crate never imports `erp-core`: the schema of the tables is the contract, so any database can be the source.

mod error;
mod port;

mod slice;

mod drive;
mod lake_sink;
mod patience;
mod pipeline;
mod sink_task;
mod standing;
mod telemetry;

mod memory;

pub use error::IngestError;
pub use lake_sink::LakeSink;
pub use memory::{MemoryPlanLog, MemorySource, MemorySourceBook};
pub use pipeline::{Pipeline, PipelineConfig};
pub use port::{Batching, ChangeSink, ChangeSlice, ChangeSource, PlanLog, PlannedBatch, SourceBook};
pub use standing::{SinkFailure, SinkStanding};
