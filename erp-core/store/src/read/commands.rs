//! [`CommandJournal`] on SQL.

use std::sync::Arc;

use async_trait::async_trait;
use cortex_erp::{CommandJournal, DocumentKind, ErpError, Event, IdempotencyKey, Journalled, PAGE_LIMIT_MAX, PostedBy};
use cortex_store::sql::{self, QueryBuilder, Row};
use cortex_types::RequestContext;

use super::answers::receipt;
use super::books::LIST_MAX;
use crate::SqlLedger;
use crate::ledger::failed;
use crate::rows::Columns;

#[async_trait]
impl CommandJournal for SqlLedger {
    async fn events(&self, ctx: &RequestContext, after: u64, limit: u32) -> Result<Vec<Event>, ErpError> {
        let select = "SELECT c.tx_no, c.event, c.subject, c.decided_at, c.receipt, t.principal FROM commands c \
                      JOIN tx_meta t ON t.tx_no = c.tx_no \
                      WHERE c.tenant_id = $1 AND c.tx_no > $2 AND c.event IS NOT NULL ORDER BY c.tx_no LIMIT $3";
        let event = |row: &Row| {
            Ok(Event {
                position: row.integer("tx_no")?.unsigned_abs(),
                tenant: ctx.tenant.clone(),
                name: row.parsed("event")?,
                subject: row.text("subject")?,
                by: row.text("principal")?,
                decided_at: row.time("decided_at")?,
                receipt: receipt(row)?,
            })
        };
        let rows = self.after(select, ctx, after, limit).await?;
        self.read_all(rows.iter().map(event))
    }

    async fn commands(&self, ctx: &RequestContext, after: u64, limit: u32) -> Result<Vec<Journalled>, ErpError> {
        let select = "SELECT tx_no, idempotency_key, command, receipt FROM commands \
                      WHERE tenant_id = $1 AND tx_no > $2 AND command IS NOT NULL ORDER BY tx_no LIMIT $3";
        let kept = |row: &Row| {
            let position = row.integer("tx_no")?.unsigned_abs();
            Ok((
                position,
                row.text("idempotency_key")?,
                row.text("command")?,
                receipt(row)?,
            ))
        };
        let rows = self.after(select, ctx, after, limit).await?;
        let kept: Vec<(u64, Arc<str>, Arc<str>, _)> = self.read_all(rows.iter().map(kept))?;
        let read = |(position, key, kept, receipt): (u64, Arc<str>, Arc<str>, _)| {
            Journalled::read(position, IdempotencyKey::new(key)?, &kept, receipt)
        };
        kept.into_iter().map(read).collect()
    }

    async fn posted_by(
        &self,
        ctx: &RequestContext,
        kind: DocumentKind,
        numbers: &[Arc<str>],
    ) -> Result<Vec<PostedBy>, ErpError> {
        let (table, number) = match kind {
            DocumentKind::SalesInvoice => ("sales_invoices", "number"),
            DocumentKind::CreditNote => ("credit_notes", "number"),
            DocumentKind::PurchaseReceipt => ("purchase_receipts", "number"),
            DocumentKind::PurchaseBill => ("purchase_bills", "number"),
            DocumentKind::Payment => ("payments", "number"),
            // What said the first standard cost: others may have changed the product since.
            DocumentKind::Product => ("standard_costs", "product_code"),
            _ => ("stock_documents", "number"),
        };
        let mut rows = Vec::new();
        for numbers in numbers.chunks(LIST_MAX) {
            let mut query = QueryBuilder::new(format!(
                "SELECT d.{number} AS number, c.command, x.number AS cancelled_by FROM {table} d \
                 JOIN commands c ON c.tenant_id = d.tenant_id AND c.tx_no = d.tx_no \
                 LEFT JOIN cancellations x ON x.tenant_id = d.tenant_id AND x.document_id = d.id \
                 WHERE c.command IS NOT NULL AND d.tenant_id = "
            ));
            query.push_bind(ctx.tenant.as_str());
            match table {
                "stock_documents" => query.push(" AND d.kind = ").push_bind(kind.as_str()),
                "standard_costs" => query.push(" AND d.number IS NULL"),
                _ => &mut query,
            };
            query.push(format_args!(" AND d.{number} IN "));
            query.push_list(numbers.iter().map(|number| &**number));
            let found = query.build().once().fetch_all(&self.readers_of(ctx)).await;
            rows.extend(found.map_err(|error| self.unread(error))?);
        }
        let kept = |row: &Row| {
            let kept = row.text("command")?;
            Ok((row.text("number")?, kept, row.optional_text("cancelled_by")?))
        };
        let kept: Vec<(Arc<str>, Arc<str>, _)> = self.read_all(rows.iter().map(kept))?;
        let read = |(number, kept, cancelled_by): (Arc<str>, Arc<str>, _)| {
            Ok(PostedBy {
                number,
                command: Journalled::read_command(&kept)?,
                cancelled_by,
            })
        };
        kept.into_iter().map(read).collect()
    }
}

impl SqlLedger {
    async fn after(
        &self,
        select: &'static str,
        ctx: &RequestContext,
        after: u64,
        limit: u32,
    ) -> Result<Vec<Row>, ErpError> {
        sql::query(select)
            .bind(ctx.tenant.as_str())
            .bind(i64::try_from(after).unwrap_or(i64::MAX))
            .bind(i64::from(limit.clamp(1, PAGE_LIMIT_MAX)))
            .fetch_all(&self.readers_of(ctx))
            .await
            .map_err(|error| self.unread(error))
    }

    fn unread(&self, error: sqlx::Error) -> ErpError {
        failed("read the journal of commands")(self.database().failed(error))
    }

    fn read_all<T>(&self, rows: impl Iterator<Item = Result<T, sqlx::Error>>) -> Result<Vec<T>, ErpError> {
        rows.collect::<Result<_, _>>().map_err(|error| self.unread(error))
    }
}

impl SqlLedger {
    /// How many commands there are. Refused where some came before there was a journal.
    pub(crate) async fn commands_journalled(&self, ctx: &RequestContext) -> Result<u64, ErpError> {
        let count = "SELECT count(*), count(command) FROM commands WHERE tenant_id = $1";
        let (all, journalled): (i64, i64) = sql::query_as(count)
            .bind(ctx.tenant.as_str())
            .fetch_one(&self.readers_of(ctx))
            .await
            .map_err(|error| self.unread(error))?;
        if all > journalled {
            let before = all - journalled;
            let problem = format!("{before} commands were carried out by a version that kept no journal of them");
            return Err(ErpError::invalid("journal", problem));
        }
        Ok(all.unsigned_abs())
    }
}
