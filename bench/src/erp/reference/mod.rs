//! A reference without logic: what the product wrote for the same documents, written once more by statements inside the server.
//! The same tables, indexes and triggers, as many rows, as many bytes; nothing is read, checked, planned or sent.
//!
//! It works in a copy of the product's database. Every connection writes for a tenant of its own, so that no two of them wait
//! for the same day of an account: what is left of waiting is the numbering of commits, which is measured with and without.

mod capture;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::Result;
use sqlx::{AssertSqlSafe, Connection, PgConnection};

use super::tables::{self, Tables};
use crate::cpu;
use crate::postgres::Postgres;

const DATABASE: &str = "reference";

pub struct Reference {
    documents: u64,
    captured: Vec<String>,
    /// Tells the rows of one run from those of another, in a digit.
    runs: u32,
}

/// How the documents come.
#[derive(Clone, Copy, Debug)]
pub struct Way {
    pub connections: u32,
    pub documents_per_commit: u64,
    /// Whether commits take their numbers in turn, as the product's do.
    pub in_turn: bool,
}

pub struct Rewritten {
    pub documents: u64,
    pub wall: Duration,
    pub postgres_cpu: f64,
    pub tables: Tables,
    /// Of the rows of each captured table.
    pub bytes: BTreeMap<String, i64>,
}

impl Rewritten {
    pub fn per_second(&self) -> f64 {
        self.documents as f64 / self.wall.as_secs_f64()
    }
}

impl Reference {
    /// Of the newest invoices of a database in which nobody works.
    pub async fn of(postgres: &Postgres, database: &str, documents: u64) -> Result<Self> {
        tables::alone(postgres, database).await?;
        postgres.create(DATABASE, Some(database)).await?;
        let mut connection = postgres.connect(DATABASE).await?;
        let captured = capture::capture(&mut connection, documents).await?;
        connection.close().await?;
        Ok(Self {
            documents,
            captured,
            runs: 0,
        })
    }

    /// Bytes of what the product wrote, by table.
    pub async fn product_bytes(&self, postgres: &Postgres) -> Result<BTreeMap<String, i64>> {
        let mut connection = postgres.connect(DATABASE).await?;
        let mut bytes = BTreeMap::new();
        for table in &self.captured {
            // A template has the document's place on top, which is not the product's.
            let sql = format!("SELECT coalesce(sum(pg_column_size(r.*) - 8), 0)::bigint FROM ref_{table} r");
            let of: i64 = sqlx::query_scalar(AssertSqlSafe(sql))
                .fetch_one(&mut connection)
                .await?;
            bytes.insert(table.clone(), of);
        }
        Ok(bytes)
    }

    pub async fn run(&mut self, postgres: &Postgres, way: Way) -> Result<Rewritten> {
        self.runs += 1;
        let mut connection = postgres.connect(DATABASE).await?;
        capture::run(&mut connection, "CHECKPOINT".to_owned()).await?;
        let before = tables::written(&mut connection).await?;
        let next = Arc::new(AtomicU64::new(1));
        let mut writers = Vec::new();
        for number in 0..way.connections {
            let writer = Writer {
                connection: postgres.connect(DATABASE).await?,
                tenant: format!("r{}{number:02x}", self.runs),
                // Ids begin with the time, and no document was posted at these.
                mark: format!("{:x}", 15 - self.runs),
                shift: i64::from(self.runs) * 1_000_000_000,
                documents: self.documents,
                way,
            };
            writers.push((writer, Arc::clone(&next)));
        }
        let (cpu_before, started) = (cpu::of_family(postgres.pid()), Instant::now());
        let running: Vec<_> = writers
            .into_iter()
            .map(|(writer, next)| tokio::spawn(writer.write(next)))
            .collect();
        for writer in running {
            writer.await??;
        }
        let (wall, cpu_after) = (started.elapsed(), cpu::of_family(postgres.pid()));
        let mut bytes = BTreeMap::new();
        for table in &self.captured {
            let sql =
                format!("SELECT coalesce(sum(pg_column_size(t.*)), 0)::bigint FROM {table} t WHERE tenant_id LIKE $1");
            let of: i64 = sqlx::query_scalar(AssertSqlSafe(sql))
                .bind(format!("r{}__", self.runs))
                .fetch_one(&mut connection)
                .await?;
            bytes.insert(table.clone(), of);
        }
        // The server has been told of everything by then.
        tokio::time::sleep(Duration::from_millis(200)).await;
        capture::run(&mut connection, "SELECT pg_stat_clear_snapshot()".to_owned()).await?;
        let after = tables::written(&mut connection).await?;
        connection.close().await?;
        Ok(Rewritten {
            documents: self.documents,
            wall,
            postgres_cpu: cpu_after - cpu_before,
            tables: tables::since(&before, &after),
            bytes,
        })
    }
}

struct Writer {
    connection: PgConnection,
    tenant: String,
    mark: String,
    shift: i64,
    documents: u64,
    way: Way,
}

impl Writer {
    async fn write(mut self, next: Arc<AtomicU64>) -> Result<()> {
        let each = self.way.documents_per_commit;
        loop {
            let first = next.fetch_add(each, Ordering::Relaxed);
            if first > self.documents {
                break;
            }
            sqlx::query("SELECT ref_post($1, $2, $3, $4, $5, $6)")
                .bind(first.cast_signed())
                .bind((first + each).cast_signed())
                .bind(&self.tenant)
                .bind(&self.mark)
                .bind(self.shift)
                .bind(self.way.in_turn)
                .execute(&mut self.connection)
                .await?;
        }
        self.connection.close().await?;
        Ok(())
    }
}
