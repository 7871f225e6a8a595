//! Rows written to each table so far, as the server counts them.

use std::collections::BTreeMap;

use anyhow::{Result, bail};
use sqlx::PgConnection;

use crate::postgres::Postgres;

/// Rows of a table that were inserted, and those that took the place of others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Written {
    pub inserted: i64,
    pub updated: i64,
}

pub type Tables = BTreeMap<String, Written>;

/// Complete once the sessions that wrote have ended: those tell the server what they did now and then, and when they go.
pub async fn written(connection: &mut PgConnection) -> Result<Tables> {
    let rows: Vec<(String, i64, i64)> = sqlx::query_as(
        "SELECT relname::text, n_tup_ins, n_tup_upd FROM pg_stat_user_tables WHERE relname NOT LIKE 'ref\\_%'",
    )
    .fetch_all(connection)
    .await?;
    let table = |(name, inserted, updated)| (name, Written { inserted, updated });
    Ok(rows.into_iter().map(table).collect())
}

pub fn since(before: &Tables, after: &Tables) -> Tables {
    let grown = after.iter().map(|(name, after)| {
        let before = before.get(name).copied().unwrap_or_default();
        let written = Written {
            inserted: after.inserted - before.inserted,
            updated: after.updated - before.updated,
        };
        (name.clone(), written)
    });
    grown.filter(|(_, written)| *written != Written::default()).collect()
}

/// Waits until nobody else works in a database.
pub async fn alone(postgres: &Postgres, database: &str) -> Result<()> {
    let mut connection = postgres.connect("postgres").await?;
    for _ in 0..200 {
        let clients = "SELECT count(*) FROM pg_stat_activity WHERE datname = $1 AND backend_type = 'client backend'";
        let sessions: i64 = sqlx::query_scalar(clients)
            .bind(database)
            .fetch_one(&mut connection)
            .await?;
        if sessions == 0 {
            return Ok(());
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    bail!("somebody is still connected to the database '{database}' after 10 s")
}
