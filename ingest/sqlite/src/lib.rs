//! The change log of a SQLite store as a `ChangeSource`, and its planned batches.
//!
//! [`SqliteChangeLog`] reads what the capture triggers of `cortex-store` wrote, decodes the JSON of each row to Arrow by
//! the declared types of the table's columns, and prunes what all readers have acknowledged. [`MIGRATIONS`] are its own
//! tables: the readers' acknowledgements, the planned batches and written tables of each pipeline, and the databases that
//! are read besides our own ([`SqlSources`]).
//!
//! This crate never knows a business table: what is captured is what it carries.

mod change_log;
mod decode;
mod plan_log;
mod readers;
mod sources;

pub use change_log::SqliteChangeLog;
pub use sources::{SourceRecord, SqlSources};

use cortex_store::{Migration, MigrationSet};

/// The tables of this crate.
pub const MIGRATIONS: MigrationSet = MigrationSet {
    name: "ingest",
    migrations: &[
        Migration {
            version: 1,
            name: "ingest",
            sql: include_str!("../migrations/0001_ingest.sql"),
        },
        Migration {
            version: 2,
            name: "lake_tables",
            sql: include_str!("../migrations/0002_lake_tables.sql"),
        },
        Migration {
            version: 3,
            name: "sources",
            sql: include_str!("../migrations/0003_sources.sql"),
        },
    ],
    captured: &[],
    posted: &[],
    tenants_apart: false,
};
