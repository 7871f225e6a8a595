//! The lake port: append-only, versioned tables of Arrow rows that everything analytical reads.
//!
//! [`Lake`] is what a lake can do; [`ChangeBatch`] is the shape in which changes of a source table travel to it and to
//! the feature store ("bronze": the row's columns plus where, when and by which transaction it changed);
//! [`MemoryLake`] is the implementation that tests use. Reading happens through DataFusion's `TableProvider`s, so that
//! filters and projections push down.
//!
//! [`state`] makes of a change log the rows as they are, or as they were at some place or time.
//!
//! This crate never names Delta Lake or a file system: that is `cortex-lake-delta`. Of object stores and Parquet it knows
//! the errors that DataFusion passes on.

pub mod changes;
mod error;
mod memory;
mod port;
pub mod state;
mod table;
mod verification;

pub use changes::ChangeBatch;
pub use error::{LakeError, one_paragraph};
pub use memory::MemoryLake;
pub use port::{Appended, AsOf, Commit, CommitRecord, Compacted, Lake, Snapshot};
pub use table::{Layer, TableRef};
pub use verification::{Verification, verify};
