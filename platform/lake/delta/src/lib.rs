//! The lake port on Delta Lake: one folder of Parquet files and a transaction log per table.
//!
//! [`DeltaLake`] keeps `root/{tenant}/{layer}/{table}`. Each commit carries the application transaction that makes it
//! idempotent, and its frontier; [`SyncedFiles`] makes every file and its folder durable before a commit counts.
//!
//! This crate never rewrites a row: tables are appended to, and their schema only grows. It uses no deletion vectors, no
//! column mapping and no type widening, so that any Delta reader understands the tables.

mod synced_files;

mod commit;
mod compaction;
mod conform;
mod damage;
mod failure;
mod lake;
mod table;

pub use lake::DeltaLake;
pub use synced_files::SyncedFiles;
