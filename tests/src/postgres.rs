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

    /// Some transactions on `accounts` and `history`: most of them small, some of which are rolled back, in whole or in part.
    pub fn trade(&mut self, draw: &mut Draw) -> Result<()> {
        for _ in 0..20 + draw.below(60) {
            let (id, other, amount) = (draw.below(20_000) + 1, draw.below(1_000_000_000), draw.below(1_000));
            let update = format!("UPDATE accounts SET balance = balance + {amount}.25 WHERE id = {id}");
            let insert = format!("INSERT INTO history (account, delta) VALUES ({id}, {amount})");
            let statements = match draw.below(40) {
                0 => "TRUNCATE history".to_owned(),
                1 => format!("INSERT INTO history (account, delta) SELECT n, {amount} FROM generate_series(1, 3000) n"),
                2 => format!("DELETE FROM accounts WHERE id % 1000 = {amount}"),
                3..8 => format!("DELETE FROM accounts WHERE id = {id}; {insert}"),
                8..12 => format!(
                    "UPDATE accounts SET id = {other} WHERE id = {id} AND NOT EXISTS (SELECT FROM accounts WHERE id = {other})"
                ),
                12..15 => format!(
                    "INSERT INTO accounts VALUES ({id}, {amount}, NULL) ON CONFLICT (id) DO UPDATE SET note = 'again'"
                ),
                15..18 => format!(
                    "{update}; SAVEPOINT a; DELETE FROM accounts WHERE id < 100; {insert}; ROLLBACK TO a; {insert}"
                ),
                18 => format!("{update}; DELETE FROM accounts; ROLLBACK; BEGIN"),
                19 => format!(
                    "ALTER TABLE accounts ADD COLUMN IF NOT EXISTS c{} int; UPDATE accounts SET balance = 7 WHERE id = (SELECT max(id) FROM accounts)",
                    amount % 5
                ),
                _ => format!("{update}; {insert}"),
            };
            self.run(&format!("BEGIN; {statements}; COMMIT"))?;
        }
        Ok(())
    }

    /// The names of a table's columns, as SQL.
    pub fn columns(&mut self, table: &str) -> Result<String> {
        let names = format!(
            "SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) FROM pg_attribute WHERE attrelid = '{table}'::regclass AND \
             attnum > 0 AND NOT attisdropped"
        );
        let names = self.runtime.block_on(self.connection.value(&names))?;
        names.context("a table with columns")
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

/// Numbers that are the same for the same seed (SplitMix64).
#[derive(Debug)]
pub struct Draw(u64);

impl From<u64> for Draw {
    fn from(seed: u64) -> Self {
        Self(seed)
    }
}

impl Draw {
    pub fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }
}
