//! What the tables of the books hold of one tenant, to be held against what other books hold.

use std::collections::HashSet;

use cortex_erp::ErpError;
use cortex_store::sql::{self, Instant, Row};
use cortex_store::{ColumnKind, TableColumn, table_columns};
use cortex_types::RequestContext;
use futures::stream::{BoxStream, StreamExt, TryStreamExt};
use sha2::{Digest, Sha256};
use sqlx::AssertSqlSafe;

use crate::ledger::failed;
use crate::{MIGRATIONS, SqlLedger};

/// Tables of the books that no change stream tells of.
const KEPT_BESIDE: [&str; 8] = [
    "account_days",
    "fiscal_periods",
    "fiscal_years",
    "journal_chain",
    "number_counters",
    "stock_checkpoints",
    "stock_levels",
    "stock_move_values",
];
/// Rows that differ, of which that many are told.
const TOLD_MAX: usize = 3;

/// Every table that the commands write, besides their journal.
pub(crate) fn tables() -> impl Iterator<Item = &'static str> {
    MIGRATIONS.captured.iter().copied().chain(KEPT_BESIDE)
}

/// What a table holds, in whatever order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Content {
    pub rows: u64,
    sum: [u64; 4],
}

impl Content {
    fn add(&mut self, row: &str) {
        self.rows += 1;
        for (sum, lane) in self.sum.iter_mut().zip(digest(row).chunks_exact(8)) {
            let lane = lane.try_into().map(u64::from_be_bytes).unwrap_or_default();
            *sum = sum.wrapping_add(lane);
        }
    }

    pub fn digest(&self) -> String {
        self.sum.map(|lane| format!("{lane:016x}")).concat()
    }
}

impl SqlLedger {
    pub(crate) async fn content(&self, ctx: &RequestContext, table: &str) -> Result<Content, ErpError> {
        let mut content = Content::default();
        let mut rows = self.rows_as_text(ctx, table).await?;
        while let Some(row) = rows.try_next().await? {
            content.add(&row);
        }
        Ok(content)
    }

    /// Rows that these books have and the others have not.
    pub(crate) async fn rows_beyond(
        &self,
        ctx: &RequestContext,
        table: &str,
        others: &Self,
    ) -> Result<Vec<String>, ErpError> {
        let theirs = others.rows_as_text(ctx, table).await?;
        let theirs: HashSet<[u8; 32]> = theirs.map_ok(|row| digest(&row)).try_collect().await?;
        let ours = self.rows_as_text(ctx, table).await?;
        let beyond = ours.try_filter(|row| std::future::ready(!theirs.contains(&digest(row))));
        beyond.take(TOLD_MAX).try_collect().await
    }

    /// The same text on every database. The number of the transaction is left out: transactions of others lie between.
    async fn rows_as_text(
        &self,
        ctx: &RequestContext,
        table: &str,
    ) -> Result<BoxStream<'_, Result<String, ErpError>>, ErpError> {
        let columns = table_columns(self.database().readers(), table).await;
        let mut columns = columns.map_err(failed("read the columns of a table"))?;
        columns.retain(|column| column.name != "tx_no");
        let select = format!("SELECT * FROM {table} WHERE tenant_id = $1");
        let rows = sql::query(AssertSqlSafe(select)).bind(ctx.tenant.as_str());
        let rows = rows.fetch(&self.readers_of(ctx));
        Ok(rows
            .map(move |row| text(&row?, &columns))
            .map_err(|error| failed("read a table")(self.database().failed(error)))
            .boxed())
    }
}

fn digest(row: &str) -> [u8; 32] {
    Sha256::digest(row).into()
}

fn text(row: &Row, columns: &[TableColumn]) -> Result<String, sqlx::Error> {
    let mut text = String::new();
    for TableColumn { name, kind } in columns {
        let value = match kind {
            ColumnKind::Text => row.try_get::<Option<String>>(name)?.map(|text| format!("{text:?}")),
            ColumnKind::Integer => row.try_get::<Option<i64>>(name)?.map(|number| number.to_string()),
            ColumnKind::Double => row.try_get::<Option<f64>>(name)?.map(|number| number.to_string()),
            ColumnKind::Boolean => row.try_get::<Option<bool>>(name)?.map(|truth| truth.to_string()),
            ColumnKind::Timestamp => row.try_get::<Option<Instant>>(name)?.map(|at| at.0.to_string()),
        };
        if let Some(value) = value {
            text.push_str(&format!("{name}={value} "));
        }
    }
    Ok(text)
}
