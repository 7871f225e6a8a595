//! Documents with all that they did: what cancels them, returns their goods or adds to their cost looks here first.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;

use cortex_erp::valuation::CostBasis;
use cortex_erp::{Books, Delivered, DocumentKind, DocumentRef, PostedDocument, PostedLine, StockMove, billed_moves};
use cortex_store::sql::{self, QueryBuilder, Row, Transaction};
use cortex_types::{ProductId, StockMoveId, Timestamp};
use sqlx::AssertSqlSafe;
use uuid::Uuid;

use super::books::LIST_MAX;
use super::standing::{NEVER_CANCELLED, STANDING, needed_by};
use super::{journal, open_items, orders, stock, taxes};
use crate::rows::Columns;

/// Loads the documents, and adds their products to those wanted, from their own time on where they are valued anew.
pub(super) async fn load(
    on: &mut Transaction,
    tenant: &str,
    wanted: &BTreeMap<(DocumentKind, Arc<str>), bool>,
    products: &mut BTreeMap<Arc<str>, Option<Timestamp>>,
    books: &mut Books,
) -> Result<(), sqlx::Error> {
    for ((kind, number), valued_anew) in wanted {
        let Some(mut document) = document(on, tenant, *kind, number).await? else {
            continue;
        };
        if *kind == DocumentKind::SalesInvoice && !document.progress.is_empty() {
            document.delivered = delivered(on, tenant, &document).await?;
        }
        for moved in moves_of(&document) {
            let earliest = products.entry(Arc::clone(&moved.product_code)).or_default();
            if *valued_anew {
                // Everything of its time stands behind it.
                let before = Timestamp::from_micros(moved.moved_at.micros() - 1);
                *earliest = Some(earliest.map_or(before, |earliest| earliest.min(before)));
            }
        }
        returned(on, tenant, &document, books).await?;
        billed(on, tenant, &document, books).await?;
        books.posted.insert((*kind, Arc::clone(number)), document);
    }
    Ok(())
}

fn moves_of(document: &PostedDocument) -> impl Iterator<Item = &StockMove> {
    let delivered = document.delivered.iter().map(|of| &of.moved);
    document.moves.iter().map(|(moved, _)| moved).chain(delivered)
}

async fn is_to_be_billed(on: &mut Transaction, receipt: &str) -> Result<bool, sqlx::Error> {
    let select = "SELECT count(*) FROM purchase_receipts WHERE id = $1 AND billing = 'separate'";
    let found: i64 = sql::query_scalar(select).bind(receipt).fetch_one(on).await?;
    Ok(found > 0)
}

/// Of receipts: what a bill is held against.
async fn posted_lines(
    on: &mut Transaction,
    tenant: &str,
    kind: DocumentKind,
    id: &str,
) -> Result<Vec<PostedLine>, sqlx::Error> {
    if kind != DocumentKind::PurchaseReceipt {
        return Ok(Vec::new());
    }
    let select = "SELECT line_no, value_minor, tax_code FROM purchase_receipt_lines \
                  WHERE coalesce(tenant_id, '') = $1 AND receipt_id = $2 ORDER BY line_no";
    let found = sql::query(select).bind(tenant).bind(id).fetch_all(on).await?;
    let line = |row: &Row| {
        Ok(PostedLine {
            line_no: u32::try_from(row.integer("line_no")?).unwrap_or(u32::MAX),
            net_minor: row.integer("value_minor")?,
            tax: row.optional_text("tax_code")?,
        })
    };
    found.iter().map(line).collect()
}

/// What an invoice billed of goods that were delivered before it.
async fn delivered(
    on: &mut Transaction,
    tenant: &str,
    invoice: &PostedDocument,
) -> Result<Vec<Delivered>, sqlx::Error> {
    let around = orders::progress_around(on, tenant, &invoice.id.to_string()).await?;
    let reference = DocumentRef {
        kind: DocumentKind::SalesInvoice,
        id: invoice.id,
    };
    let returned = format!(
        "SELECT m.of_move, m.product_id, CAST(sum(m.quantity_micro) AS BIGINT) AS quantity_micro FROM stock_moves m \
         JOIN credit_notes n ON n.id = m.document_id JOIN stock_moves o ON o.id = m.of_move \
         WHERE coalesce(m.tenant_id, '') = $1 AND n.invoice_id = $2 AND m.document_kind <> 'sales-invoice' \
         AND o.document_id <> $2 AND {} GROUP BY m.of_move, m.product_id ORDER BY m.of_move",
        STANDING.replace("{id}", "n.id")
    );
    let found = sql::query(AssertSqlSafe(returned))
        .bind(tenant)
        .bind(invoice.id.to_string())
        .fetch_all(&mut *on)
        .await?;
    let back = |row: &Row| {
        let of = (row.parsed("of_move")?, row.parsed("product_id")?);
        Ok((of.0, of.1, row.integer("quantity_micro")?))
    };
    let returned = found.iter().map(back).collect::<Result<Vec<_>, sqlx::Error>>()?;
    let (mut billed, mut documents) = (Vec::new(), BTreeMap::new());
    for (of, line_no, quantity_micro) in billed_moves(&around, reference) {
        if of == reference {
            continue;
        }
        let moves = match documents.entry(of.id) {
            Entry::Occupied(there) => there.into_mut(),
            Entry::Vacant(free) => {
                let moves = stock::moves_of_document(on, tenant, of.kind, &of.id.to_string()).await?;
                let by_line = moves.into_iter().map(|(moved, value)| (moved.line_no, (moved, value)));
                free.insert(by_line.collect::<BTreeMap<_, _>>())
            }
        };
        if let Some((moved, value_minor)) = moves.get(&line_no) {
            billed.push((moved.clone(), *value_minor, quantity_micro));
        }
    }
    Ok(Delivered::new(billed, returned))
}

/// How much of the goods of a receipt was billed, and what of it stood on goods received.
async fn billed(
    on: &mut Transaction,
    tenant: &str,
    document: &PostedDocument,
    books: &mut Books,
) -> Result<(), sqlx::Error> {
    let select = format!(
        "SELECT l.of_move, CAST(sum(l.quantity_micro) AS BIGINT) AS quantity_micro, \
         CAST(sum(l.cleared_minor) AS BIGINT) AS cleared_minor FROM purchase_bill_lines l \
         WHERE coalesce(l.tenant_id, '') = $1 AND {} AND l.of_move IN ",
        STANDING.replace("{id}", "l.bill_id")
    );
    let ids = ids_of(document.moves.iter().map(|(moved, _)| moved));
    for row in going_on(on, tenant, &select, " GROUP BY l.of_move", &ids).await? {
        let billed = (row.integer("quantity_micro")?, row.integer("cleared_minor")?);
        books.billed.insert(row.parsed("of_move")?, billed);
    }
    Ok(())
}

async fn document(
    on: &mut Transaction,
    tenant: &str,
    kind: DocumentKind,
    number: &str,
) -> Result<Option<PostedDocument>, sqlx::Error> {
    let Some(select) = header(kind) else {
        return Ok(None);
    };
    let found = sql::query(select)
        .bind(tenant)
        .bind(number)
        .bind(kind.as_str())
        .fetch_optional(&mut *on)
        .await?;
    let Some(row) = found else {
        return Ok(None);
    };
    let id: Uuid = row.parsed("id")?;
    let text = id.to_string();
    let cancelled = "SELECT number FROM cancellations WHERE tenant_id = $1 AND document_id = $2";
    let cancelled_by: Option<String> = sql::query_scalar(cancelled)
        .bind(tenant)
        .bind(text.as_str())
        .fetch_optional(&mut *on)
        .await?;
    let moves = stock::moves_of_document(on, tenant, kind, &text).await?;
    let ids = ids_of(moves.iter().map(|(moved, _)| moved));
    let (items, allocations) = open_items::around(on, tenant, &text).await?;
    let (needed_by, once_needed_by) = needed_by(on, tenant, (kind, &text), &ids).await?;
    Ok(Some(PostedDocument {
        id,
        at: row.time("at")?,
        currency: row.parsed("currency")?,
        amount_minor: row.integer("amount_minor")?,
        party: row.optional_text("party_code")?,
        moves,
        entries: journal::entries_of(on, tenant, kind, &text).await?,
        items,
        allocations,
        taxes: taxes::of_document(on, tenant, &text).await?,
        lines: posted_lines(on, tenant, kind, &text).await?,
        to_be_billed: kind == DocumentKind::PurchaseReceipt && is_to_be_billed(on, &text).await?,
        progress: orders::progress_of_document(on, tenant, &text).await?,
        delivered: Vec::new(),
        cancelled_by: cancelled_by.map(Into::into),
        needed_by,
        once_needed_by,
    }))
}

/// `$3` is the kind.
const fn header(kind: DocumentKind) -> Option<&'static str> {
    Some(match kind {
        DocumentKind::SalesInvoice => {
            "SELECT id, invoiced_at AS at, currency, net_minor + tax_minor AS amount_minor, customer_code AS party_code \
             FROM sales_invoices WHERE tenant_id = $1 AND number = $2 AND $3 = 'sales-invoice'"
        }
        DocumentKind::CreditNote => {
            "SELECT id, credited_at AS at, currency, net_minor + tax_minor AS amount_minor, customer_code AS party_code \
             FROM credit_notes WHERE tenant_id = $1 AND number = $2 AND $3 = 'credit-note'"
        }
        DocumentKind::PurchaseReceipt => {
            "SELECT id, received_at AS at, currency, value_minor + tax_minor AS amount_minor, supplier_code AS party_code \
             FROM purchase_receipts WHERE tenant_id = $1 AND number = $2 AND $3 = 'purchase-receipt'"
        }
        DocumentKind::PurchaseBill => {
            "SELECT id, billed_at AS at, currency, net_minor + tax_minor AS amount_minor, supplier_code AS party_code \
             FROM purchase_bills WHERE tenant_id = $1 AND number = $2 AND $3 = 'purchase-bill'"
        }
        DocumentKind::Payment => {
            "SELECT id, paid_at AS at, currency, amount_minor, party_code FROM payments \
             WHERE tenant_id = $1 AND number = $2 AND $3 = 'payment'"
        }
        DocumentKind::JournalEntry => {
            "SELECT id, posted_at AS at, currency, CAST(0 AS BIGINT) AS amount_minor, CAST(NULL AS TEXT) AS party_code \
             FROM journal_entries WHERE tenant_id = $1 AND number = $2 AND document_kind = $3"
        }
        DocumentKind::StockAdjustment
        | DocumentKind::StockCount
        | DocumentKind::StockTransfer
        | DocumentKind::PurchaseReturn
        | DocumentKind::LandedCost
        | DocumentKind::Delivery
        | DocumentKind::OpeningBalance => {
            "SELECT id, moved_at AS at, currency, value_minor AS amount_minor, party_code FROM stock_documents \
             WHERE tenant_id = $1 AND number = $2 AND kind = $3"
        }
        _ => return None,
    })
}

/// How much came back of each of its moves.
async fn returned(
    on: &mut Transaction,
    tenant: &str,
    document: &PostedDocument,
    books: &mut Books,
) -> Result<(), sqlx::Error> {
    let select = format!(
        "SELECT m.of_move, CAST(sum(abs(m.quantity_micro)) AS BIGINT) AS quantity_micro, \
         CAST(sum(CASE m.reason WHEN 'supplier_return' THEN coalesce(m.given_minor, 0) ELSE 0 END) AS BIGINT) AS given_minor \
         FROM stock_moves m \
         WHERE coalesce(m.tenant_id, '') = $1 AND m.reason IN ('return', 'supplier_return') AND m.cost <> 'undone' AND {} AND m.of_move IN ",
        STANDING.replace("{id}", "m.document_id")
    );
    let ids = ids_of(moves_of(document));
    for row in going_on(on, tenant, &select, " GROUP BY m.of_move", &ids).await? {
        let of: StockMoveId = row.parsed("of_move")?;
        books.returned.insert(of, row.integer("quantity_micro")?);
        books.returned_minor.insert(of, row.integer("given_minor")?);
    }
    Ok(())
}

/// Tells the products what was added to the cost of receipts, so that goods that go back take it with them.
pub(super) async fn added_costs(on: &mut Transaction, tenant: &str, books: &mut Books) -> Result<(), sqlx::Error> {
    let receipts = books
        .posted
        .iter()
        .filter(|((kind, _), _)| *kind == DocumentKind::PurchaseReceipt);
    let ids = ids_of(receipts.flat_map(|(_, document)| moves_of(document)));
    for (product, of, (by, cost)) in added_to(on, tenant, &ids).await? {
        if let Some(timeline) = books.stock.get_mut(&product) {
            timeline.originals.add_cost(of, by, cost);
        }
    }
    Ok(())
}

type AddedCost = (ProductId, StockMoveId, (StockMoveId, CostBasis));

/// What others added to the cost of `moves`; of what was reversed, with what took it back.
pub(super) async fn added_to(
    on: &mut Transaction,
    tenant: &str,
    moves: &[String],
) -> Result<Vec<AddedCost>, sqlx::Error> {
    let select = format!(
        "SELECT m.id, m.product_id, m.of_move, m.of_quantity_micro, m.given_minor FROM stock_moves m \
         WHERE coalesce(m.tenant_id, '') = $1 AND m.cost = 'added' AND {} AND m.of_move IN ",
        NEVER_CANCELLED.replace("{id}", "m.document_id")
    );
    let added = |row: &Row| {
        let cost = CostBasis {
            value_minor: row.integer("given_minor")?,
            quantity_micro: row.integer("of_quantity_micro")?,
        };
        Ok((
            row.parsed("product_id")?,
            row.parsed("of_move")?,
            (row.parsed("id")?, cost),
        ))
    };
    going_on(on, tenant, &select, "", moves)
        .await?
        .iter()
        .map(added)
        .collect()
}

fn ids_of<'a>(moves: impl Iterator<Item = &'a StockMove>) -> Vec<String> {
    moves.map(|moved| moved.id.to_string()).collect()
}

/// The rows of what refers to `moves`; `select` ends before their list, and has the tenant as `$1`: as a test alone, or SQLite
/// would go through all that the tenant has.
pub(super) async fn going_on(
    on: &mut Transaction,
    tenant: &str,
    select: &str,
    end: &str,
    moves: &[String],
) -> Result<Vec<Row>, sqlx::Error> {
    let mut found = Vec::new();
    for moves in moves.chunks(LIST_MAX) {
        let mut parts = select.split("$1");
        let mut query = QueryBuilder::new(parts.next().unwrap_or_default());
        for part in parts {
            query.push_bind(tenant).push(part);
        }
        query.push_list(moves.iter().map(String::as_str)).push(end);
        found.extend(query.build().once().fetch_all(&mut *on).await?);
    }
    Ok(found)
}
