//! A PostgreSQL database that is not Cortex's.

use std::path::Path;

use anyhow::{Context, Result};
use cortex_ingest_postgres::{Address, Connection};
use tokio::runtime::Runtime;
use uuid::Uuid;

use crate::binary;

/// The URL of a server on which databases may be made.
#[must_use]
pub fn server() -> Option<String> {
    std::env::var("CORTEX_TEST_POSTGRES").ok()
}

/// A database to read from.
#[derive(Debug)]
pub struct Source {
    pub url: String,
    pub name: String,
    runtime: Runtime,
    connection: Connection,
}

impl Source {
    pub fn create(server: &str) -> Result<Self> {
        let name = format!("source_{}", Uuid::now_v7().simple());
        let (host, _) = server.rsplit_once('/').context("a URL with a database")?;
        let url = format!("{host}/{name}");
        let runtime = Runtime::new()?;
        let connection = runtime.block_on(async {
            let mut admin = Connection::open(&Address::parse(server)?).await?;
            admin.query(&format!("CREATE DATABASE {name}")).await?;
            Connection::open(&Address::parse(&url)?).await
        })?;
        Ok(Self {
            url,
            name,
            runtime,
            connection,
        })
    }

    pub fn run(&mut self, sql: &str) -> Result<()> {
        self.runtime.block_on(self.connection.query(sql))?;
        Ok(())
    }

    /// Small transactions on `accounts` and `history`; of each hundred, one that is rolled back and one that deletes.
    pub fn trade(&mut self, round: u32, transactions: u32) -> Result<()> {
        for number in 0..transactions {
            let of = (round * 7_919 + number * 104_729) % 20_000 + 1;
            let end = if number % 100 == 99 { "ROLLBACK" } else { "COMMIT" };
            let delete = match number % 100 {
                50 => format!("DELETE FROM accounts WHERE id = {};", of / 2),
                _ => String::new(),
            };
            self.run(&format!(
                "BEGIN; UPDATE accounts SET balance = balance + {number}.25 WHERE id = {of}; \
                 INSERT INTO history (account, delta) VALUES ({of}, {number}); {delete} {end}"
            ))?;
        }
        Ok(())
    }

    /// The rows of a table in the order of ids, as CSV without a heading.
    pub fn content(&mut self, table: &str) -> Result<String> {
        let rows = self
            .runtime
            .block_on(self.connection.query(&format!("SELECT * FROM {table} ORDER BY id")))?;
        let line = |row: Vec<Option<String>>| {
            row.into_iter()
                .map(Option::unwrap_or_default)
                .collect::<Vec<_>>()
                .join(",")
        };
        Ok(rows.into_iter().map(line).collect::<Vec<_>>().join("\n"))
    }

    /// It is read no more, and its server keeps no log for it.
    pub fn end(self, data: &Path) -> Result<()> {
        binary::run(data, &["ingest", "remove", "bank"]).map(drop)
    }
}
