//! Serving's DecisionLog port on the memory.
//!
//! [`MemoryDecisionLog`] takes the decisions of many predictions at once into a bounded queue and commits whatever
//! waits as one transaction, so that a prediction is durable before its answer leaves and still shares its disk write
//! with its neighbours. A full queue answers "overloaded"; a draining one commits what it took.
//!
//! This crate never decides anything: it translates serving's decision into the memory's, and errors back.

mod group_commit;
mod log;
mod translate;

pub use log::{LogConfig, MemoryDecisionLog};
