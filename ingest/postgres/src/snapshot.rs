//! The tables as they were where the slot's history begins, as changes of their own.
//!
//! Each row stands at `(consistent point - 1, n)`, so before every change that the slot sends: the first may be committed right at
//! that point. A slice holds rows of one table
//! only: should the snapshot be gone before a slice is known to be in the lake, it is there as a whole or not at all.

use std::sync::Arc;

use bytes::{Buf, Bytes, BytesMut};
use cortex_ingest::ChangeSlice;
use cortex_lake::ChangeBatch;
use cortex_types::{Position, TenantId};
use fail::fail_point;
use tokio_util::sync::CancellationToken;

use crate::PostgresError;
use crate::catalog::{self, CatalogTable};
use crate::error::sqlstate;
use crate::rows::{Op, Origin, Rows, Transaction};
use crate::stream::SLICE_CHANGES;
use crate::tables::Tables;
use crate::telemetry::SNAPSHOT_ROWS_TOTAL;
use crate::window::Window;
use crate::wire::{Connection, literal};

/// What `COPY … (FORMAT binary)` begins with; two numbers of four bytes follow.
const SIGNATURE: &[u8] = b"PGCOPY\n\xff\r\n\0";
const HEADER_BYTES: usize = 19;
/// Stands where the number of a row's fields would.
const NO_MORE_ROWS: i16 = -1;

pub(crate) struct SnapshotReader {
    pub connection: Connection,
    /// Shows the database as it was then.
    pub snapshot: String,
    pub tables: Arc<Tables>,
    pub to_read: Vec<CatalogTable>,
    pub origin: Origin,
    pub tenant: TenantId,
    pub transaction: Transaction,
    /// Rows up to here are known already.
    pub after: Position,
    /// Read no further.
    pub until: Option<Position>,
    /// What was read of the tables in an earlier epoch is not true any more.
    pub renews: bool,
    pub window: Arc<Window>,
    pub cancel: CancellationToken,
}

/// Rows that the role may not see would be missing without a word; and each reading of a table has to find its rows in the same
/// order, or those that are known already would be others.
const SETTINGS: &str = "SET row_security = off; SET synchronize_seqscans = off; SET max_parallel_workers_per_gather = 0; \
                        SET enable_indexscan = off; SET enable_indexonlyscan = off";

/// Joins the snapshot that another session exported.
async fn import(connection: &mut Connection, snapshot: &str) -> Result<(), PostgresError> {
    connection
        .query("BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        .await?;
    let joined = connection
        .query(&format!("SET TRANSACTION SNAPSHOT {}", literal(snapshot)))
        .await;
    joined.map(drop)
}

impl SnapshotReader {
    pub(crate) async fn run(mut self) {
        let (window, cancel) = (Arc::clone(&self.window), self.cancel.clone());
        window.fill(&cancel, self.read()).await;
    }

    async fn read(&mut self) -> Result<(), PostgresError> {
        let (mut seq, mut begins) = (0, self.after.clone());
        self.connection.query(SETTINGS).await?;
        catalog::allow_long_transactions(&mut self.connection).await?;
        for table in std::mem::take(&mut self.to_read) {
            self.enter(&table).await?;
            let (shape, selected) = self.tables.shape_now(&mut self.connection, &table).await?;
            let mut rows = Rows::new(Arc::clone(&shape));
            if self.renews {
                seq += 1;
                if self.is_wanted(seq) {
                    rows.push_empty(Op::Truncate, &self.transaction, seq);
                }
            }
            match self
                .copy(&copies(&table, &selected), &mut rows, &mut seq, &mut begins)
                .await
            {
                Err(refused) if refused.is(sqlstate::UNDEFINED_COLUMN) => {
                    return Err(self.lost(format!("{} has other columns now", table.ident())).await);
                }
                copied => copied?,
            }
            self.hand_out(&mut rows, seq, &mut begins).await?;
            if self.is_enough(seq) {
                return Ok(());
            }
            self.connection.query("COMMIT").await?;
        }
        // Behind the rows, and before the first change.
        let Origin { source, epoch, .. } = &self.origin;
        let to = Position::new(Arc::clone(source), *epoch, self.transaction.commit + 1, 0);
        fail_point!("replication::snapshot-read", |_| Err(PostgresError::failpoint()));
        self.tables.note(|notes| notes.snapshot_rows = Some(seq)).await?;
        if self.until.as_ref().is_none_or(|until| *until >= to) {
            let (after, batches) = (begins, Vec::new());
            self.window.push(ChangeSlice { after, to, batches });
        }
        Ok(())
    }

    /// Begins to read a table, which nobody can alter from here on. One that was written anew since the snapshot was taken may look
    /// empty in it.
    async fn enter(&mut self, table: &CatalogTable) -> Result<(), PostgresError> {
        match import(&mut self.connection, &self.snapshot).await {
            Err(PostgresError::Refused { message, .. }) => return Err(self.lost(message).await),
            imported => imported?,
        }
        let lock = format!("LOCK TABLE {} IN ACCESS SHARE MODE", table.ident());
        match self.connection.query(&lock).await {
            Err(refused) if refused.is(sqlstate::UNDEFINED_TABLE) => {
                return Err(self.lost(format!("{} was dropped or renamed", table.ident())).await);
            }
            locked => locked?,
        };
        if catalog::files(&mut self.connection, table).await? == table.files {
            return Ok(());
        }
        let why = "was truncated, or written anew by ALTER TABLE, VACUUM FULL or CLUSTER";
        Err(self.lost(format!("{} {why}", table.ident())).await)
    }

    /// The snapshot is of no use any more, and the next attempt takes another one.
    async fn lost(&self, why: String) -> PostgresError {
        let noted = self.tables.note(|notes| notes.renew = true).await;
        noted.err().unwrap_or(PostgresError::SnapshotLost(why))
    }

    async fn copy(
        &mut self,
        sql: &str,
        rows: &mut Rows,
        seq: &mut u64,
        begins: &mut Position,
    ) -> Result<(), PostgresError> {
        if rows.shape().columns.is_empty() {
            return Ok(());
        }
        self.connection.copy_out(sql).await?;
        let mut pending = BytesMut::new();
        let mut is_begun = false;
        while let Some(piece) = self.connection.copied().await? {
            // The server sends whole rows; the protocol does not promise it.
            let mut piece = whole(&mut pending, piece);
            if !is_begun {
                if piece.len() < HEADER_BYTES {
                    pending = piece.into();
                    continue;
                }
                if !piece.starts_with(SIGNATURE) {
                    return Err(PostgresError::protocol(
                        "COPY begins with something else than its signature",
                    ));
                }
                piece.advance(HEADER_BYTES);
                is_begun = true;
            }
            while let Some(row) = CopiedRow::split_from(&mut piece)? {
                *seq += 1;
                if self.is_wanted(*seq) {
                    rows.push_copied(&self.transaction, *seq, row.values());
                }
                if rows.weight() >= SLICE_CHANGES {
                    self.hand_out(rows, *seq, begins).await?;
                }
            }
            if !piece.is_empty() {
                pending = piece.into();
            }
        }
        Ok(())
    }

    fn position(&self, seq: u64) -> Position {
        let Origin { source, epoch, .. } = &self.origin;
        Position::new(Arc::clone(source), *epoch, self.transaction.commit, seq)
    }

    fn is_wanted(&self, seq: u64) -> bool {
        let here = self.position(seq);
        here > self.after && self.until.as_ref().is_none_or(|until| here <= *until)
    }

    fn is_enough(&self, seq: u64) -> bool {
        self.until.as_ref().is_some_and(|until| self.position(seq) >= *until)
    }

    /// One slice of what was read, once there is room for it.
    async fn hand_out(&mut self, rows: &mut Rows, seq: u64, begins: &mut Position) -> Result<(), PostgresError> {
        let count = rows.len();
        if count == 0 {
            return Ok(());
        }
        let table = Arc::clone(&rows.shape().table);
        let batch = rows
            .finish(&self.origin)
            .map_err(|error| PostgresError::protocol(error.to_string()))?;
        let (here, until) = (self.position(seq), self.until.clone());
        let to = until.map_or(here.clone(), |until| until.min(here));
        while self.window.is_full() {
            self.window.asked().await;
        }
        self.window.push(ChangeSlice {
            after: std::mem::replace(begins, to.clone()),
            to,
            batches: vec![ChangeBatch {
                tenant: self.tenant.clone(),
                table,
                rows: batch,
            }],
        });
        metrics::counter!(SNAPSHOT_ROWS_TOTAL, "source" => self.tables.source().to_string()).increment(count as u64);
        Ok(())
    }
}

fn copies(table: &CatalogTable, selected: &[String]) -> String {
    let (columns, table, only) = (
        selected.join(", "),
        table.ident(),
        if table.is_partitioned { "" } else { "ONLY " },
    );
    format!("COPY (SELECT {columns} FROM {only}{table}) TO STDOUT (FORMAT binary)")
}

fn whole(pending: &mut BytesMut, piece: Bytes) -> Bytes {
    if pending.is_empty() {
        return piece;
    }
    pending.extend_from_slice(&piece);
    pending.split().freeze()
}

/// A row in binary: a count, and each value behind its length.
pub(crate) struct CopiedRow(Bytes);

impl CopiedRow {
    /// `None` where the rest is no whole row, or the end.
    pub(crate) fn split_from(from: &mut Bytes) -> Result<Option<Self>, PostgresError> {
        let mut ahead = &from[..];
        let Ok(count) = ahead.try_get_i16() else {
            return Ok(None);
        };
        if count == NO_MORE_ROWS {
            from.clear();
            return Ok(None);
        }
        for _ in 0..count {
            let Ok(length) = ahead.try_get_i32() else {
                return Ok(None);
            };
            // A null's is -1.
            let length = usize::try_from(length).unwrap_or(0);
            if ahead.len() < length {
                return Ok(None);
            }
            ahead.advance(length);
        }
        let length = from.len() - ahead.len();
        let mut row = from.split_to(length);
        row.advance(2);
        Ok(Some(Self(row)))
    }

    pub(crate) fn values(&self) -> impl Iterator<Item = Option<&[u8]>> {
        let mut rest: &[u8] = &self.0;
        std::iter::from_fn(move || {
            let (length, tail) = rest.split_first_chunk::<4>()?;
            rest = tail;
            let Ok(length) = usize::try_from(i32::from_be_bytes(*length)) else {
                return Some(None);
            };
            let (value, tail) = rest.split_at_checked(length)?;
            rest = tail;
            Some(Some(value))
        })
    }
}
