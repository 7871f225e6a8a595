//! The product beside the reference: how fast, and whether both wrote the same.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;
use sqlx::Connection;

use super::DATABASE;
use super::posting::Posted;
use super::reference::Rewritten;
use super::tables::{self, Tables};
use crate::postgres::Postgres;
use crate::terminal::show;

/// The product is to reach this share of the reference.
const BAR: f64 = 0.5;
/// One row to a commit, however many documents that has; or rows that take the place of others once a commit.
const BY_COMMIT: [&str; 5] = [
    "change_commits",
    "commit_sequence",
    "stock_levels",
    "account_days",
    "number_counters",
];
/// Statements that are shown where they are counted.
const STATEMENTS_SHOWN: usize = 25;
/// What the change stream keeps of itself, beside the documents.
const OF_THE_STREAM: [&str; 4] = ["change_readers", "change_log_pruned", "lake_tables", "planned_batches"];

/// Counts what the product writes from here on.
pub struct Recording {
    before: Tables,
    statements: bool,
}

pub struct Recorded {
    pub tables: Tables,
    /// Milliseconds of work and of planning, calls, text; the costliest first.
    statements: Vec<(f64, f64, i64, String)>,
}

impl Recorded {
    pub fn documents_per_commit(&self, documents: u64) -> f64 {
        let commits = self.tables.get("change_commits").map_or(0, |written| written.inserted);
        documents as f64 / commits.max(1) as f64
    }

    pub fn show_statements(&self, documents: u64) {
        if self.statements.is_empty() {
            return;
        }
        let work: f64 = self.statements.iter().map(|(work, ..)| work).sum();
        let planning: f64 = self.statements.iter().map(|(_, planning, ..)| planning).sum();
        let calls: i64 = self.statements.iter().map(|(_, _, calls, _)| calls).sum();
        show(&format!(
            "  {:.1} statements a document, {:.2} ms of work and {:.2} ms of planning; those that took longest:",
            calls as f64 / documents as f64,
            work / documents as f64,
            planning / documents as f64
        ));
        show("     work ms  planning ms    calls   statement");
        for (work, planning, calls, text) in self.statements.iter().take(STATEMENTS_SHOWN) {
            let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
            let text: String = text.chars().take(120).collect();
            show(&format!("    {work:8.0} {planning:12.0} {calls:8}   {text}"));
        }
    }
}

impl Recording {
    pub async fn begin(postgres: &Postgres, statements: bool) -> Result<Self> {
        let mut connection = postgres.connect(DATABASE).await?;
        // So that both begin with a page written in full at its first change.
        sqlx::raw_sql("CHECKPOINT").execute(&mut connection).await?;
        if statements {
            sqlx::raw_sql("CREATE EXTENSION IF NOT EXISTS pg_stat_statements; SELECT pg_stat_statements_reset()")
                .execute(&mut connection)
                .await?;
        }
        let before = tables::written(&mut connection).await?;
        connection.close().await?;
        Ok(Self { before, statements })
    }

    /// Once the server has ended.
    pub async fn finish(self, postgres: &Postgres) -> Result<Recorded> {
        let mut connection = postgres.connect(DATABASE).await?;
        let after = tables::written(&mut connection).await?;
        let mut statements = Vec::new();
        if self.statements {
            statements = sqlx::query_as(
                "SELECT total_exec_time, total_plan_time, calls, query FROM pg_stat_statements \
                 WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database()) \
                 AND query NOT LIKE '%pg\\_stat\\_%' ORDER BY total_exec_time + total_plan_time DESC",
            )
            .fetch_all(&mut connection)
            .await?;
        }
        connection.close().await?;
        Ok(Recorded {
            tables: tables::since(&self.before, &after),
            statements,
        })
    }
}

pub fn show_posted(posted: &Posted, memory_bytes_peak: u64) {
    let ms = |share| posted.calls.quantile(share).as_secs_f64() * 1e3;
    show(&format!(
        "  {:.0} documents/s   a call: p50 {:.1} ms, p95 {:.1} ms, p99 {:.1} ms   peak memory {} MiB",
        posted.per_second(),
        ms(0.5),
        ms(0.95),
        ms(0.99),
        memory_bytes_peak >> 20
    ));
    show(&format!("  {}", posted.cpu_text()));
}

pub fn beside(how: &str, product: &Posted, reference: &Rewritten) {
    let ratio = product.per_second() / reference.per_second();
    show(&format!(
        "    {:.0} documents/s ({how}; PostgreSQL {:.2} ms of processor time a document): the product reaches {:.0} %, bar {:.0} %: {}",
        reference.per_second(),
        reference.postgres_cpu * 1e3 / reference.documents as f64,
        ratio * 100.0,
        BAR * 100.0,
        if ratio >= BAR { "met" } else { "MISSED" }
    ));
}

pub struct Comparison<'a> {
    pub documents: u64,
    pub product: &'a Tables,
    pub bytes: &'a BTreeMap<String, i64>,
    pub reference: &'a Rewritten,
}

impl Comparison<'_> {
    pub fn show(&self) {
        show(&format!(
            "  rows of {} documents    product  reference   KiB of rows: product  reference",
            self.documents
        ));
        let names: BTreeSet<&String> = self.product.keys().chain(self.reference.tables.keys()).collect();
        let (of_commits, of_documents): (Vec<&String>, Vec<&String>) =
            names.into_iter().partition(|name| BY_COMMIT.contains(&name.as_str()));
        for name in of_documents {
            self.show_inserted(name);
        }
        for name in of_commits {
            let of = |tables: &Tables| tables.get(name).map_or(0, |written| written.inserted + written.updated);
            show(&format!(
                "    {name:<22} {:9} {:10}   once a commit, whatever it holds",
                of(self.product),
                of(&self.reference.tables)
            ));
        }
    }

    fn show_inserted(&self, name: &str) {
        let of = |tables: &Tables| tables.get(name).copied().unwrap_or_default();
        let (product, reference) = (of(self.product), of(&self.reference.tables));
        let kib = |bytes: &BTreeMap<String, i64>| {
            bytes
                .get(name)
                .map_or_else(String::new, |bytes| (bytes >> 10).to_string())
        };
        let verdict = match OF_THE_STREAM.contains(&name) {
            true => "the change stream's own",
            false if product == reference => "equal",
            false => "DIFFERS",
        };
        show(&format!(
            "    {name:<22} {:9} {:10}   {:>20} {:>10}   {verdict}",
            product.inserted + product.updated,
            reference.inserted + reference.updated,
            kib(self.bytes),
            kib(&self.reference.bytes)
        ));
    }
}
