//! The registry on SQL and a folder of artifacts.
//!
//! [`SqlRegistry`] keeps experiments, runs, versions, aliases, gate reports and events in the shared [`Database`], each
//! change together with its event and its audit entry in one transaction; [`FileArtifacts`] keeps model files and
//! evaluation sets under their SHA-256; [`signing_key`] keeps the key that gate reports are signed with outside of both.
//!
//! This crate never decides anything: what may be promoted is `cortex-registry`'s.
//!
//! [`Database`]: cortex_store::Database

mod sql;

mod artifacts;
mod keys;

pub use artifacts::FileArtifacts;
pub use keys::signing_key;
pub use sql::{MIGRATIONS, SqlRegistry};
