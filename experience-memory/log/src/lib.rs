//! Serving's DecisionLog port on the memory.
//!
//! [`MemoryDecisionLog`] takes the decisions of many predictions at once into a bounded queue and records whatever waits
//! together, so that a prediction is durable before its answer leaves and still shares its disk write with its
//! neighbours. A full queue answers "overloaded"; a draining one records what it took.
//!
//! [`JournaledStore`] makes that disk write one append to a file: a prediction does not wait for whoever else writes to
//! the database, and the database takes decisions by the hundred.
//!
//! This crate never decides anything: it translates serving's decision into the memory's, and errors back.

mod entry;
mod filing;
mod group_commit;
mod journal;
mod journaled;
mod log;
mod translate;

pub use journaled::JournaledStore;
pub use log::{LogConfig, MemoryDecisionLog};
