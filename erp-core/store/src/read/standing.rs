//! What stands on a document, and what stood on it until it was reversed.

use cortex_erp::{DocumentKind, StoodUntil};
use cortex_store::sql::{self, Transaction};
use sqlx::AssertSqlSafe;

use super::posted::going_on;
use crate::rows::Columns;

/// Neither cancelled nor reversed: `{id}` is the column with the document's id.
pub(super) const STANDING: &str =
    "NOT EXISTS (SELECT 1 FROM cancellations c WHERE c.tenant_id = $1 AND c.document_id = {id})";
/// It stands, or stood until it was reversed.
pub(super) const NEVER_CANCELLED: &str = "NOT EXISTS \
    (SELECT 1 FROM cancellations c WHERE c.tenant_id = $1 AND c.document_id = {id} AND NOT c.reversed)";
/// Until when it stood that was reversed.
const REVERSED_AT: &str =
    "(SELECT c.effective_at FROM cancellations c WHERE c.tenant_id = $1 AND c.document_id = {id} AND c.reversed)";

/// The credit notes of invoice `$2`.
const CREDITED_BY: &str = "SELECT 'credit note ' || n.number AS other, n.id AS document_id, {until} AS until, \
    CAST(0 AS BIGINT) AS took_goods FROM credit_notes n WHERE n.tenant_id = $1 AND n.invoice_id = $2 AND {never_cancelled}";
/// What billed the orders of delivery `$2`, and was reversed.
const ONCE_BILLED_BY: &str = "SELECT 'sales invoice ' || i.number AS other, i.id AS document_id, {until} AS until, \
    CAST(0 AS BIGINT) AS took_goods FROM sales_invoices i WHERE i.tenant_id = $1 AND {until} IS NOT NULL AND i.id IN \
      (SELECT b.document_id FROM order_progress b WHERE b.tenant_id = $1 AND b.step = 'billed' AND b.order_line_id IN \
        (SELECT d.order_line_id FROM order_progress d WHERE d.tenant_id = $1 AND d.document_id = $2))";
/// The bills of moves.
const BILLED_BY: &str = "SELECT DISTINCT 'purchase bill ' || b.number AS other, b.id AS document_id, {until} AS until, \
    CAST(1 AS BIGINT) AS took_goods FROM purchase_bill_lines l JOIN purchase_bills b ON b.id = l.bill_id \
    WHERE coalesce(l.tenant_id, '') = $1 AND {never_cancelled} AND l.of_move IN ";
/// What takes its cost from moves, or adds to it; bills have their own.
const GONE_ON_FROM_BY: &str = "SELECT DISTINCT m.document_kind || ' ' || coalesce(d.number, n.number) AS other, m.document_id, \
    {until} AS until, CAST(CASE m.cost WHEN 'added' THEN 0 ELSE 1 END AS BIGINT) AS took_goods FROM stock_moves m \
    LEFT JOIN stock_documents d ON d.id = m.document_id LEFT JOIN credit_notes n ON n.id = m.document_id \
    WHERE coalesce(m.tenant_id, '') = $1 AND m.document_kind NOT IN ('purchase-bill', 'cancellation') \
    AND {never_cancelled} AND m.of_move IN ";

/// What credits this document, bills it or goes on from its moves: one that stands, and all that stood until they were reversed.
pub(super) async fn needed_by(
    on: &mut Transaction,
    tenant: &str,
    (kind, document): (DocumentKind, &str),
    moves: &[String],
) -> Result<(Option<String>, Vec<StoodUntil>), sqlx::Error> {
    let of = |select: &str, id: &str| {
        let select = select.replace("{never_cancelled}", NEVER_CANCELLED);
        select.replace("{until}", REVERSED_AT).replace("{id}", id)
    };
    let mut others = Vec::new();
    let whole = match kind {
        DocumentKind::SalesInvoice => Some((CREDITED_BY, "n.id")),
        DocumentKind::Delivery => Some((ONCE_BILLED_BY, "i.id")),
        _ => None,
    };
    if let Some((select, id)) = whole {
        let rows = sql::query(AssertSqlSafe(of(select, id))).bind(tenant).bind(document);
        others.extend(rows.fetch_all(&mut *on).await?);
    }
    for (select, id) in [(BILLED_BY, "l.bill_id"), (GONE_ON_FROM_BY, "m.document_id")] {
        others.extend(going_on(on, tenant, &of(select, id), "", moves).await?);
    }
    let (mut needed_by, mut once_needed_by) = (None, Vec::new());
    for row in &others {
        if row.try_get::<&str>("document_id")? == document {
            continue;
        }
        let other: String = row.try_get("other")?;
        match row.optional_time("until")? {
            None => needed_by = needed_by.or(Some(other)),
            Some(until) => once_needed_by.push(StoodUntil {
                other,
                until,
                took_goods: row.integer("took_goods")? != 0,
            }),
        }
    }
    Ok((needed_by, once_needed_by))
}
