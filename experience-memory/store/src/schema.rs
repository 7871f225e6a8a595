//! The tables of the memory.

use cortex_store::{Migration, MigrationSet};

pub const EXPERIENCE: MigrationSet = MigrationSet {
    name: "experience",
    migrations: &[Migration {
        version: 1,
        name: "experience",
        sql: include_str!("../migrations/0001_experience.sql"),
    }],
    captured: &["decisions", "feedback", "outcomes"],
    posted: &[],
    tenants_apart: false,
};
