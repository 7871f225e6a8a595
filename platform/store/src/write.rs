//! Writing: one physical commit, and the logical transactions within it.

use std::sync::Arc;
use std::time::Instant;

use cortex_security::AuditEntry;
use cortex_types::{RequestContext, TenantId, Timestamp};
use fail::fail_point;

use crate::bulk::{self, RowValues, Same, Target};
use crate::sql::{self, Transaction};
use crate::{Database, StoreError, apart, audit};

const COMMITS_TOTAL: &str = "cortex_store_commits_total";
/// From asking the database to commit until it is on the disk.
const COMMIT_SECONDS: &str = "cortex_store_commit_seconds";
const TRANSACTIONS_TOTAL: &str = "cortex_store_transactions_total";

/// When the system could know of a transaction, and how that is known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Known {
    /// Now, by the database's clock.
    #[default]
    ByClock,
    /// History imported from elsewhere, under a declaration such as `event-time+0s`.
    Declared { at: Timestamp, by: Arc<str> },
}

/// A physical commit in the making; it alone may write until it is committed, or dropped, which rolls it back.
///
/// A group commit carries many logical transactions: each is one row of `tx_meta`, and the `tx_no` that rows of
/// captured tables must carry.
#[derive(Debug)]
pub struct WriteTransaction {
    database: Database,
    sql: Transaction,
    commit_no: u64,
    /// The number that the newest logical transaction has, this commit's own among them.
    newest_tx: i64,
    /// Whose rows it reaches.
    tenants: Vec<TenantId>,
}

impl WriteTransaction {
    pub(crate) async fn begin(database: Database, mut sql: Transaction) -> Result<Self, StoreError> {
        if matches!(sql, Transaction::Postgres(_)) {
            // Waited for by itself: a statement that waits sees everything else as it was before.
            sql::query("SELECT newest FROM commit_sequence FOR UPDATE")
                .execute(&mut sql)
                .await
                .map_err(|error| database.failed(error))?;
        }
        // One statement for both numbers: each statement is a trip to the connection's thread.
        let (commit_no, newest_tx): (i64, i64) = sql::query_as(
            "UPDATE commit_sequence SET newest = newest + 1 \
             RETURNING newest, (SELECT coalesce(max(tx_no), 0) FROM tx_meta)",
        )
        .fetch_one(&mut sql)
        .await
        .map_err(|error| database.failed(error))?;
        Ok(Self {
            database,
            sql,
            commit_no: commit_no.unsigned_abs(),
            newest_tx,
            tenants: Vec::new(),
        })
    }

    pub fn connection(&mut self) -> &mut Transaction {
        &mut self.sql
    }

    /// The number of this physical commit: larger than that of every commit before it; gaps mean nothing.
    #[must_use]
    pub fn commit_no(&self) -> u64 {
        self.commit_no
    }

    /// From here on it reaches the rows of `tenants` too, in tables in which tenants are held apart; of nobody else's it sees
    /// and writes any on PostgreSQL. Whoever a logical transaction is begun for is named by that.
    pub async fn work_for<'t>(&mut self, tenants: impl IntoIterator<Item = &'t TenantId>) -> Result<(), StoreError> {
        let before = self.tenants.len();
        for tenant in tenants {
            if !self.tenants.contains(tenant) {
                self.tenants.push(tenant.clone());
            }
        }
        if self.tenants.len() == before || matches!(self.sql, Transaction::Sqlite(_)) {
            return Ok(());
        }
        // A tenant's name has no commas.
        let tenants: Vec<&str> = self.tenants.iter().map(TenantId::as_str).collect();
        sql::query(apart::SAY_FOR_TRANSACTION)
            .bind(tenants.join(","))
            .execute(&mut self.sql)
            .await
            .map(drop)
            .map_err(|error| self.database.failed(error))
    }

    /// Begins one logical transaction and answers its `tx_no`.
    pub async fn transaction(&mut self, ctx: &RequestContext, known: Known) -> Result<u64, StoreError> {
        let numbers = self.transactions(&[(ctx.clone(), known)]).await?;
        // One transaction was asked for, so one number came.
        Ok(numbers.first().copied().unwrap_or_default())
    }

    /// Begins several logical transactions at once; their numbers are consecutive, in the given order.
    pub async fn transactions(&mut self, metas: &[(RequestContext, Known)]) -> Result<Vec<u64>, StoreError> {
        self.work_for(metas.iter().map(|(ctx, _)| &ctx.tenant)).await?;
        let numbered: Vec<(i64, &(RequestContext, Known))> = (self.newest_tx + 1..).zip(metas).collect();
        let commit_no = self.commit_no.cast_signed();
        let now = self.database.clock().now();
        self.insert_rows(
            "tx_meta",
            &[
                "tx_no",
                "commit_no",
                "tenant_id",
                "known_at",
                "known_by",
                "principal",
                "trace_id",
            ],
            &numbered,
            |row, (tx_no, (ctx, known))| {
                let (known_at, known_by) = match known {
                    Known::ByClock => (now, "clock"),
                    Known::Declared { at, by } => (*at, &**by),
                };
                row.bind(*tx_no)
                    .bind(commit_no)
                    .bind(ctx.tenant.as_str())
                    .bind(known_at.micros());
                row.bind(known_by)
                    .bind(ctx.principal.id.to_string())
                    .bind(ctx.trace_id.to_string());
            },
        )
        .await?;
        self.newest_tx = numbered.last().map_or(self.newest_tx, |(tx_no, _)| *tx_no);
        metrics::counter!(TRANSACTIONS_TOTAL).increment(metas.len() as u64);
        Ok(numbered.into_iter().map(|(tx_no, _)| tx_no.unsigned_abs()).collect())
    }

    /// Inserts `rows` into `table`, many to a statement; `bind` binds each row's values in the order of `columns`.
    pub async fn insert_rows<T>(
        &mut self,
        table: &'static str,
        columns: &[&'static str],
        rows: &[T],
        bind: impl FnMut(&mut RowValues<'_>, &T),
    ) -> Result<(), StoreError> {
        let same = Same::Refused;
        self.rows_into(Target { table, columns, same }, rows, bind).await
    }

    /// As [`insert_rows`](Self::insert_rows), but a row takes the place of the one that has the same values in the first
    /// `keys` columns. No two of `rows` may have the same.
    pub async fn upsert_rows<T>(
        &mut self,
        table: &'static str,
        (columns, keys): (&[&'static str], usize),
        rows: &[T],
        bind: impl FnMut(&mut RowValues<'_>, &T),
    ) -> Result<(), StoreError> {
        let same = Same::Replaces(keys);
        self.rows_into(Target { table, columns, same }, rows, bind).await
    }

    /// As [`upsert_rows`](Self::upsert_rows), but the other columns are added to those that are there.
    pub async fn add_rows<T>(
        &mut self,
        table: &'static str,
        (columns, keys): (&[&'static str], usize),
        rows: &[T],
        bind: impl FnMut(&mut RowValues<'_>, &T),
    ) -> Result<(), StoreError> {
        let same = Same::Adds(keys);
        self.rows_into(Target { table, columns, same }, rows, bind).await
    }

    async fn rows_into<T>(
        &mut self,
        target: Target<'_>,
        rows: &[T],
        bind: impl FnMut(&mut RowValues<'_>, &T),
    ) -> Result<(), StoreError> {
        bulk::insert_rows(&mut self.sql, target, rows, bind)
            .await
            .map_err(|error| self.database.failed(error))
    }

    /// Appends records to the audit log of the caller's tenant, within this transaction.
    pub async fn audit(&mut self, ctx: &RequestContext, entries: &[AuditEntry]) -> Result<(), StoreError> {
        audit::append(self, entries.iter().map(|entry| (ctx, entry.clone())).collect()).await
    }

    /// As [`audit`](Self::audit), for several callers at once, of whichever tenants.
    pub async fn audit_each(&mut self, entries: Vec<(&RequestContext, AuditEntry)>) -> Result<(), StoreError> {
        audit::append(self, entries).await
    }

    /// Commits, durably, and answers the number of the commit.
    pub async fn commit(mut self) -> Result<u64, StoreError> {
        fail_point!("store::before-commit", |_| Err(StoreError::Overloaded));
        // The log's last row is this commit's, or this commit captured nothing.
        sql::query(
            "INSERT INTO change_commits (commit_no, last_seq) SELECT commit_no, seq FROM change_log \
             WHERE seq = (SELECT max(seq) FROM change_log) AND commit_no = $1",
        )
        .bind(self.commit_no.cast_signed())
        .execute(&mut self.sql)
        .await
        .map_err(|error| self.database.failed(error))?;
        let asked = Instant::now();
        self.sql.commit().await.map_err(|error| self.database.failed(error))?;
        metrics::histogram!(COMMIT_SECONDS).record(asked.elapsed().as_secs_f64());
        fail_point!("store::after-commit");
        metrics::counter!(COMMITS_TOTAL).increment(1);
        self.database.announce(self.commit_no);
        Ok(self.commit_no)
    }

    /// Undoes everything; dropping the transaction does the same without waiting for it.
    pub async fn roll_back(self) -> Result<(), StoreError> {
        let Self { database, sql, .. } = self;
        sql.rollback().await.map_err(|error| database.failed(error))
    }

    pub(crate) fn database(&self) -> &Database {
        &self.database
    }
}
