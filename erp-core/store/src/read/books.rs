//! Loads what a group of commands refers to, in a few queries.

use std::sync::Arc;

use cortex_erp::{
    Answered, Books, Closings, CreditedInvoice, DocumentKind, PartyKind, References, Reversible, closing_span,
};
use cortex_store::sql::{self, QueryBuilder, Row, Transaction};
use cortex_types::InvoiceId;
use uuid::Uuid;

use super::answers::{ANSWERS, answered};
use super::settings::Settings;
use super::{company, contacts, journal, master_data, number_series, open_items, orders, posted, stock};
use crate::days;
use crate::rows::Columns;

/// Values of one `IN (…)` list.
pub(super) const LIST_MAX: usize = 1_000;

const INVOICES: &str = "SELECT id, number, customer_id, currency, net_minor, (SELECT CAST(coalesce(sum(n.net_minor), 0) AS BIGINT) \
                        FROM credit_notes n WHERE n.invoice_id = sales_invoices.id AND NOT EXISTS \
                        (SELECT 1 FROM cancellations c WHERE c.tenant_id = n.tenant_id AND c.document_id = n.id)) AS credited_minor \
                        FROM sales_invoices";

pub(crate) async fn books(
    connection: &mut Transaction,
    tenant: &str,
    wanted: &References,
    settings: &Settings,
) -> Result<Books, sqlx::Error> {
    let mut books = settings.books();
    let keys: Vec<&str> = wanted.keys.iter().map(|key| &**key).collect();
    for row in rows(connection, ANSWERS, "idempotency_key", tenant, &keys).await? {
        let answered: Answered = answered(&row)?;
        books.answered.insert(row.text("idempotency_key")?, answered);
    }
    let (mut parties, mut products) = (wanted.parties.clone(), wanted.products.clone());
    orders::load(connection, tenant, wanted, (&mut parties, &mut products), &mut books).await?;
    load_parties(connection, tenant, parties.iter(), &mut books).await?;
    if wanted.walk_in {
        let kind = [PartyKind::WalkIn.as_str()];
        let found = rows(connection, master_data::PARTIES, "kind", tenant, &kind).await?;
        books.walk_in = found.first().map(master_data::party).transpose()?;
    }
    company::load(connection, tenant, wanted, &mut books).await?;
    posted::load(connection, tenant, &wanted.documents, &mut products, &mut books).await?;
    let of_posted: Vec<Arc<str>> = books
        .posted
        .values()
        .filter_map(|posted| posted.party.clone())
        .collect();
    load_parties(connection, tenant, of_posted.iter(), &mut books).await?;
    orders::load_carried_on(connection, tenant, &mut books).await?;
    stock::load(connection, tenant, &products, &mut books).await?;
    master_data::load_units(connection, tenant, wanted, &mut books).await?;
    contacts::load(connection, tenant, wanted, &mut books).await?;
    orders::reserved(connection, tenant, &mut books).await?;
    open_items::load(connection, tenant, wanted, &mut books).await?;
    books.know_originals();
    posted::added_costs(connection, tenant, &mut books).await?;
    numbers(connection, tenant, wanted, &mut books).await?;
    number_series::load(connection, tenant, wanted, &mut books).await?;
    if !wanted.entries.is_empty() {
        reversible(connection, tenant, wanted, &mut books).await?;
    }
    for code in &wanted.year_balances {
        let Some(span) = closing_span(&books.years, code) else {
            continue;
        };
        let codes: Vec<Arc<str>> = books
            .chart
            .accounts()
            .map(|account| Arc::clone(&account.code))
            .collect();
        let balances = days::balances(connection, tenant, span, Closings::Counted, &codes).await?;
        books.year_balances.insert(Arc::clone(code), (span, balances));
    }
    Ok(books)
}

async fn reversible(
    connection: &mut Transaction,
    tenant: &str,
    wanted: &References,
    books: &mut Books,
) -> Result<(), sqlx::Error> {
    let numbers: Vec<&str> = wanted.entries.iter().map(|number| &**number).collect();
    for entry in journal::entries_numbered(connection, tenant, &numbers).await? {
        // A reversal belongs to the entry that it undoes.
        let reversal = "SELECT number FROM journal_entries WHERE tenant_id = $1 AND document_id = $2 AND id <> $2";
        let reversed_by: Option<String> = sql::query_scalar(reversal)
            .bind(tenant)
            .bind(entry.id.to_string())
            .fetch_optional(&mut *connection)
            .await?;
        let reversible = Reversible {
            reversed_by: reversed_by.map(Into::into),
            entry,
        };
        books.entries.insert(Arc::clone(&reversible.entry.number), reversible);
    }
    Ok(())
}

async fn numbers(
    connection: &mut Transaction,
    tenant: &str,
    wanted: &References,
    books: &mut Books,
) -> Result<(), sqlx::Error> {
    for (kind, select) in [
        (DocumentKind::SalesInvoice, INVOICES),
        (DocumentKind::CreditNote, "SELECT id, number FROM credit_notes"),
        (
            DocumentKind::PurchaseReceipt,
            "SELECT id, number FROM purchase_receipts",
        ),
        (DocumentKind::Payment, "SELECT id, number FROM payments"),
        (DocumentKind::SalesOrder, "SELECT id, number FROM orders"),
        (DocumentKind::PurchaseOrder, "SELECT id, number FROM orders"),
        (DocumentKind::Delivery, "SELECT id, number FROM stock_documents"),
        (DocumentKind::PurchaseBill, "SELECT id, number FROM purchase_bills"),
    ] {
        let of_kind = wanted.numbers.iter().filter(|(of, _)| *of == kind);
        let numbers: Vec<&str> = of_kind.map(|(_, number)| &**number).collect();
        let column = match kind {
            DocumentKind::SalesOrder => "kind = 'sales-order' AND number",
            DocumentKind::PurchaseOrder => "kind = 'purchase-order' AND number",
            DocumentKind::Delivery => "kind = 'delivery' AND number",
            _ => "number",
        };
        for row in rows(connection, select, column, tenant, &numbers).await? {
            let id = row.parsed::<Uuid>("id")?;
            books.documents.insert((kind, row.text("number")?), id);
            if kind == DocumentKind::SalesInvoice {
                books.invoices.insert(InvoiceId(id), credited(&row)?);
            }
        }
    }
    Ok(())
}

fn credited(row: &Row) -> Result<CreditedInvoice, sqlx::Error> {
    Ok(CreditedInvoice {
        customer_id: row.parsed("customer_id")?,
        currency: row.parsed("currency")?,
        net_minor: row.integer("net_minor")?,
        credited_minor: row.integer("credited_minor")?,
    })
}

/// Those of them that are not at hand yet.
async fn load_parties<'a>(
    connection: &mut Transaction,
    tenant: &str,
    codes: impl Iterator<Item = &'a Arc<str>>,
    books: &mut Books,
) -> Result<(), sqlx::Error> {
    let missing = codes.filter(|code| !books.parties.contains_key(*code));
    let missing: Vec<&str> = missing.map(|code| &**code).collect();
    for row in rows(connection, master_data::PARTIES, "code", tenant, &missing).await? {
        let party = master_data::party(&row)?;
        books.parties.insert(Arc::clone(&party.code), party);
    }
    Ok(())
}

/// The rows of `tenant` whose `column`, of a table that is called `of` (such as `m.`), is one of these ids. The tenant is a test and
/// no way to them: SQLite, which does not know how many rows a tenant has, would rather go through all of these than look up
/// five ids.
pub(super) async fn rows_of(
    connection: &mut Transaction,
    select: &str,
    (of, column): (&str, &str),
    tenant: &str,
    ids: &[&str],
) -> Result<Vec<Row>, sqlx::Error> {
    let owner = format!("coalesce({of}tenant_id, '')");
    listed(connection, select, (&owner, &format!("{of}{column}")), tenant, ids).await
}

/// The rows of `tenant` whose `column` is one of `values`, by an index of the tenant and the column.
pub(super) async fn rows(
    connection: &mut Transaction,
    select: &str,
    column: &str,
    tenant: &str,
    values: &[&str],
) -> Result<Vec<Row>, sqlx::Error> {
    listed(connection, select, ("tenant_id", column), tenant, values).await
}

async fn listed(
    connection: &mut Transaction,
    select: &str,
    (owner, column): (&str, &str),
    tenant: &str,
    values: &[&str],
) -> Result<Vec<Row>, sqlx::Error> {
    let mut found = Vec::new();
    for values in values.chunks(LIST_MAX) {
        let mut query: QueryBuilder = QueryBuilder::new(select);
        query
            .push(format_args!(" WHERE {owner} = "))
            .push_bind(tenant)
            .push(format_args!(" AND {column} IN "));
        query.push_list(values.iter().copied());
        // Lists have a length of their own each time: keeping them prepared would only push out those that come again.
        found.extend(query.build().once().fetch_all(&mut *connection).await?);
    }
    Ok(found)
}
