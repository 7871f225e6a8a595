//! PostgreSQL's logical replication as a `ChangeSource`.
//!
//! Any database will do, from PostgreSQL 15 on with `wal_level = logical`. [`PostgresSource`] makes a publication and a
//! replication slot, reads the tables as they were where the slot begins, and from there on what `pgoutput` sends: whole
//! transactions, in the order of their commits, decoded into Arrow as they come. Large ones come before their end is
//! known and wait in a file; what they rolled back is left out. The slot is advanced only behind what every reader has made
//! durable, so that after a crash the same changes come again.
//!
//! The wire protocol is spoken here, on the messages of `postgres-protocol`: what other clients offer has no replication,
//! or takes slots and snapshots out of one's hands.

mod catalog;
mod column;
mod config;
mod decoder;
mod error;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod kind;
mod log;
mod lsn;
mod naming;
mod notes;
mod opening;
mod operating;
mod pgoutput;
mod publication;
mod rows;
mod selection;
mod snapshot;
mod source;
mod spool;
mod stream;
mod tables;
mod telemetry;
mod text;
mod window;
mod wire;

pub use config::PostgresConfig;
pub use error::PostgresError;
pub use lsn::Lsn;
pub use operating::Standing;
pub use selection::Selection;
pub use source::PostgresSource;
pub use wire::{Address, Connection, TlsMode};
