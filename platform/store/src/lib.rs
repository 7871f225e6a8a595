//! SQL plumbing shared by the store adapters.
//!
//! [`Database`] is one SQLite file or one PostgreSQL database, with a single writer and a pool of readers; every change goes
//! through a [`WriteTransaction`], which numbers the physical commit and, within it, each logical transaction (`tx_meta`). A
//! [`MigrationSet`] brings an adapter's tables, and names those whose changes are captured: triggers write each of
//! their changes to the change log within the transaction that made it, which is what `cortex-ingest-sqlite` reads.
//!
//! On PostgreSQL a set may have its tenants held apart by row-level security: statements reach the rows of the tenant that
//! [`Database::readers_of`] reads for, or those that a [`WriteTransaction::work_for`] works for.
//!
//! The SQL side of `cortex-security`'s ports is here too: [`SqlAuthenticator`], [`SqlAuditLog`] and
//! [`SqlSubjectKeys`].
//!
//! This crate never knows a business table: adapters bring their own, and hold their SQL.

mod error;
mod folder;

pub mod sql;

mod checkpoints;
mod database;
mod engine;
mod write;

mod apart;
mod bulk;
mod capture;
mod ddl;
mod guards;
mod migrations;

mod audit;
mod subject_keys;
mod tokens;

#[cfg(feature = "testing")]
pub mod testing;

pub use audit::SqlAuditLog;
pub use bulk::RowValues;
pub use capture::{ColumnKind, TableColumn, table_columns};
pub use database::{Database, DatabaseConfig, Place};
pub use error::StoreError;
pub use folder::DataFolder;
pub use migrations::{AppliedMigration, Migration, MigrationSet};
pub use subject_keys::{KeySample, SqlSubjectKeys};
pub use tokens::{NewToken, SqlAuthenticator, TokenRecord};
pub use write::{Known, WriteTransaction};
