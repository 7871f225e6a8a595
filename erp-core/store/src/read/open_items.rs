//! Open items, what settles them, and how old they are.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use cortex_erp::{Ageing, Books, ItemAllocation, ItemSide, OpenItem, Page, References, day_of};
use cortex_store::sql::{self, Pool, QueryBuilder, Row, Transaction};
use cortex_types::{Currency, Timestamp};
use sqlx::AssertSqlSafe;

use super::books::{LIST_MAX, rows, rows_of};
use super::journal::document;
use crate::rows::Columns;

const ITEMS: &str = "SELECT id, side, party_code, document_kind, document_id, number, currency, amount_minor, open_minor, \
                     (SELECT l.base_minor FROM journal_lines l WHERE l.id = open_items.id) AS base_minor, posted_at, due_at \
                     FROM open_items";
const ALLOCATIONS: &str = "SELECT a.id, a.debit_item, a.credit_item, a.currency, a.amount_minor, a.gained_minor, \
                           a.allocated_at, a.document_kind, a.document_id, a.number, a.undoes FROM allocations a";
/// What stands: neither takes another one back, nor was taken back.
const STANDING: &str = "a.undoes IS NULL AND NOT EXISTS (SELECT 1 FROM allocations u WHERE u.undoes = a.id)";
const DAY_MICROS: i64 = 24 * 60 * 60 * 1_000_000;

fn item(row: &Row) -> Result<OpenItem, sqlx::Error> {
    Ok(OpenItem {
        id: row.parsed("id")?,
        side: row.word("side", &ItemSide::ALL, ItemSide::as_str)?,
        party: row.optional_text("party_code")?,
        document: document(row)?,
        number: row.text("number")?,
        currency: row.parsed("currency")?,
        amount_minor: row.integer("amount_minor")?,
        open_minor: row.integer("open_minor")?,
        base_minor: row.try_get("base_minor")?,
        posted_at: row.time("posted_at")?,
        due_at: row.time("due_at")?,
    })
}

fn allocation(row: &Row) -> Result<ItemAllocation, sqlx::Error> {
    Ok(ItemAllocation {
        id: row.parsed("id")?,
        debit: row.parsed("debit_item")?,
        credit: row.parsed("credit_item")?,
        currency: row.parsed("currency")?,
        amount_minor: row.integer("amount_minor")?,
        gained_minor: row.try_get("gained_minor")?,
        allocated_at: row.time("allocated_at")?,
        document: document(row)?,
        number: row.text("number")?,
        undoes: row.optional_parsed("undoes")?,
    })
}

/// The open items that commands settle or are held against.
pub(super) async fn load(
    on: &mut Transaction,
    tenant: &str,
    wanted: &References,
    books: &mut Books,
) -> Result<(), sqlx::Error> {
    let kinds: BTreeSet<_> = wanted.items.iter().map(|(kind, _)| *kind).collect();
    for kind in kinds {
        let numbers: Vec<&str> = wanted
            .items
            .iter()
            .filter(|(of, _)| *of == kind)
            .map(|(_, number)| &**number)
            .collect();
        let select = format!("{ITEMS} WHERE document_kind = '{kind}' AND tenant_id = ");
        for numbers in numbers.chunks(LIST_MAX) {
            let mut query = QueryBuilder::new(select.as_str());
            query.push_bind(tenant).push(" AND number IN ");
            query.push_list(numbers.iter().copied());
            for row in query.build().once().fetch_all(&mut *on).await? {
                let item = item(&row)?;
                books.items.insert(item.id, item);
            }
        }
    }
    let mut parties: BTreeSet<Arc<str>> = wanted.open_of.clone();
    if wanted.open_of_documents {
        let of_documents = books.posted.values();
        parties.extend(of_documents.clone().filter_map(|document| document.party.clone()));
        // Entries by hand and what was brought along are of as many parties as they name.
        let items = of_documents.flat_map(|document| &document.items);
        parties.extend(items.filter_map(|item| item.party.clone()));
    }
    let parties: Vec<&str> = parties.iter().map(|party| &**party).collect();
    for row in rows(on, ITEMS, "open_minor <> 0 AND party_code", tenant, &parties).await? {
        let item = item(&row)?;
        books.items.insert(item.id, item);
    }
    let limited = books
        .parties
        .values()
        .filter_map(|party| Some((Arc::clone(&party.code), party.terms.credit_limit?.1)));
    let limited: BTreeSet<(Arc<str>, Currency)> = limited.chain(wanted.owed.iter().cloned()).collect();
    for (party, currency) in limited {
        let owed: i64 = sql::query_scalar(
            "SELECT CAST(coalesce(sum(open_minor), 0) AS BIGINT) FROM open_items WHERE tenant_id = $1 \
             AND side = 'receivable' AND party_code = $2 AND currency = $3 AND open_minor <> 0",
        )
        .bind(tenant)
        .bind(&*party)
        .bind(currency.as_str())
        .fetch_one(&mut *on)
        .await?;
        books.owed.insert((party, currency), owed);
    }
    for document in books.posted.values() {
        for item in &document.items {
            books.items.entry(item.id).or_insert_with(|| item.clone());
        }
    }
    Ok(())
}

/// The items of a document with those on the other side of their allocations, and these allocations.
pub(super) async fn around(
    on: &mut Transaction,
    tenant: &str,
    document: &str,
) -> Result<(Vec<OpenItem>, Vec<ItemAllocation>), sqlx::Error> {
    let own = "SELECT id FROM open_items WHERE tenant_id = $1 AND document_id = $2";
    let sql = format!(
        "{ALLOCATIONS} WHERE (a.debit_item IN ({own}) OR a.credit_item IN ({own})) AND {STANDING} ORDER BY a.id"
    );
    let found = sql::query(AssertSqlSafe(sql))
        .bind(tenant)
        .bind(document)
        .fetch_all(&mut *on)
        .await?;
    let allocations = found.iter().map(allocation).collect::<Result<Vec<_>, _>>()?;
    let own = sql::query(AssertSqlSafe(format!(
        "{ITEMS} WHERE tenant_id = $1 AND document_id = $2 ORDER BY id"
    )))
    .bind(tenant)
    .bind(document)
    .fetch_all(&mut *on)
    .await?;
    let mut items = own.iter().map(item).collect::<Result<Vec<_>, _>>()?;
    let others: BTreeSet<String> = allocations
        .iter()
        .flat_map(|allocation| [allocation.debit, allocation.credit])
        .filter(|id| !items.iter().any(|item| item.id == *id))
        .map(|id| id.to_string())
        .collect();
    let others: Vec<&str> = others.iter().map(String::as_str).collect();
    for row in rows_of(on, ITEMS, ("", "id"), tenant, &others).await? {
        items.push(item(&row)?);
    }
    Ok((items, allocations))
}

/// Open items, oldest first.
pub(super) async fn page(
    readers: &Pool,
    tenant: &str,
    (side, party): (Option<ItemSide>, Option<&str>),
    page: &Page,
) -> Result<Vec<OpenItem>, sqlx::Error> {
    let mut query = QueryBuilder::new(format!("{ITEMS} WHERE open_minor <> 0 AND tenant_id = "));
    query
        .push_bind(tenant)
        .push(" AND id > ")
        .push_bind(page.after.as_deref().unwrap_or_default());
    if let Some(side) = side {
        query.push(" AND side = ").push_bind(side.as_str());
    }
    if let Some(party) = party {
        query.push(" AND party_code = ").push_bind(party);
    }
    query.push(" ORDER BY id LIMIT ").push_bind(page.limit());
    query.build().fetch_all(readers).await?.iter().map(item).collect()
}

/// SQL for what of each item was settled since a time.
pub(super) fn settled_since(time: &str) -> String {
    let since = |item: &str, sign: &str| {
        format!(
            "SELECT a.{item} AS id, {sign}a.amount_minor AS amount_minor FROM allocations a \
             WHERE a.tenant_id = $1 AND a.allocated_at >= {time}"
        )
    };
    let (debits, credits) = (since("debit_item", ""), since("credit_item", "-"));
    format!(
        "SELECT id, CAST(sum(amount_minor) AS BIGINT) AS amount_minor FROM ({debits} UNION ALL {credits}) b GROUP BY id"
    )
}

/// What every party had open before a time, by how long that was overdue then.
pub(super) async fn ageing(
    readers: &Pool,
    tenant: &str,
    side: ItemSide,
    before: Timestamp,
    days: &[u32],
) -> Result<Vec<Ageing>, sqlx::Error> {
    // What is open now, and what was settled since. Whatever is neither had nothing open then.
    let settled = settled_since("$3");
    // Put into its bucket by the database: few rows come of many items.
    let passed = |place: usize| format!("CASE WHEN due_at <= ${place} THEN 1 ELSE 0 END");
    let bucket = (4..=4 + days.len()).map(passed).collect::<Vec<_>>().join(" + ");
    let sql = format!(
        "SELECT party_code, currency, CAST({bucket} AS BIGINT) AS bucket, CAST(sum(open_minor) AS BIGINT) AS open_minor FROM ( \
           SELECT party_code, currency, due_at, open_minor FROM open_items \
           WHERE tenant_id = $1 AND side = $2 AND open_minor <> 0 AND posted_at < $3 \
           UNION ALL \
           SELECT i.party_code, i.currency, i.due_at, s.amount_minor FROM open_items i \
           JOIN ({settled}) s ON s.id = i.id WHERE i.tenant_id = $1 AND i.side = $2 AND i.posted_at < $3) o \
         GROUP BY party_code, currency, {bucket}"
    );
    // Nothing is due before the first time that can be given. What is due some time on a day is overdue from the next one on.
    let earliest = Timestamp::GIVEN_FROM.micros() - 1;
    let today = day_of(Timestamp::from_micros(before.micros().saturating_sub(1)));
    let overdue_for = |days: i64| {
        let due = today
            .micros()
            .saturating_sub(days.saturating_mul(DAY_MICROS).saturating_add(1));
        Timestamp::from_micros(due.max(earliest))
    };
    let mut query = sql::query(AssertSqlSafe(sql))
        .bind(tenant)
        .bind(side.as_str())
        .bind(before)
        .bind(overdue_for(0));
    for days in days {
        query = query.bind(overdue_for(i64::from(*days)));
    }
    let found = query.fetch_all(readers).await?;
    let mut parties: BTreeMap<(Option<Arc<str>>, Currency), Vec<i64>> = BTreeMap::new();
    for row in &found {
        let bucket = usize::try_from(row.integer("bucket")?).unwrap_or_default();
        let key = (row.optional_text("party_code")?, row.parsed("currency")?);
        let open = parties.entry(key).or_insert_with(|| vec![0; days.len() + 2]);
        open[bucket] += row.integer("open_minor")?;
    }
    let ageing = |((party, currency), open_minor): (_, Vec<i64>)| Ageing {
        party,
        currency,
        total_minor: open_minor.iter().sum(),
        open_minor,
    };
    let ageing = parties.into_iter().map(ageing);
    Ok(ageing
        .filter(|of| of.open_minor.iter().any(|open| *open != 0))
        .collect())
}
