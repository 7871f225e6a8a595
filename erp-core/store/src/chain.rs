//! Sealing entries as they are posted, and holding the books against their seals.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use cortex_erp::{Finding, JournalEntryRecord, Link};
use cortex_store::sql::{self, On, Pool, Row, Transaction};
use cortex_store::{StoreError, WriteTransaction};
use futures::{Stream, TryStreamExt};
use sqlx::AssertSqlSafe;

use crate::read::entry_of;
use crate::rows::Columns;
use crate::write::{Numbered, id};

const COLUMNS: [&str; 4] = ["tenant_id", "seq", "entry_id", "seal"];
const ENTRY: &str = "e.id, e.number, e.document_kind, e.document_id, e.memo, e.currency, e.posted_at";
const LINE: &str = "l.id AS line_id, l.account, l.debit_minor, l.credit_minor, l.currency AS line_currency, \
                    l.base_minor, l.cost_centre, NULL AS party";
const FINDINGS_MAX: usize = 100;
const UNSEALED: &str = "it has no seal: it was written into the table, or all seals were taken away, or it is from before \
                        there were seals, and the next posting seals it";

/// A new link: its place, the entry, its seal.
type NewLink<'a> = (&'a str, i64, String, Link);

/// Seals the group's entries behind those of before.
pub(crate) async fn seal(transaction: &mut WriteTransaction, numbered: &[Numbered<'_>]) -> Result<(), StoreError> {
    let mut tenants: BTreeMap<&str, Vec<&Numbered<'_>>> = BTreeMap::new();
    for command in numbered
        .iter()
        .filter(|command| !command.accepted.postings.entries.is_empty())
    {
        tenants.entry(command.tenant).or_default().push(command);
    }
    let mut links: Vec<NewLink<'_>> = Vec::with_capacity(numbered.len());
    for (tenant, commands) in tenants {
        let Some((mut seq, mut newest)) = newest(transaction.connection(), tenant).await? else {
            links.extend(everything(transaction.connection(), tenant).await?);
            continue;
        };
        for entry in commands.iter().flat_map(|command| &command.accepted.postings.entries) {
            seq += 1;
            newest = newest.next(&entry.into());
            links.push((tenant, seq, id(entry.id().0), newest));
        }
    }
    transaction
        .insert_rows("journal_chain", &COLUMNS, &links, |row, (tenant, seq, entry, seal)| {
            row.bind(*tenant).bind(*seq).bind(entry.clone()).bind(seal.to_string());
        })
        .await
}

/// How many entries are sealed, and the seal of the newest.
pub(crate) async fn newest<'c>(on: impl Into<On<'c>>, tenant: &str) -> Result<Option<(i64, Link)>, sqlx::Error> {
    let row = sql::query("SELECT seq, seal FROM journal_chain WHERE tenant_id = $1 ORDER BY seq DESC LIMIT 1")
        .bind(tenant)
        .fetch_optional(on)
        .await?;
    row.map(|row| {
        // Posting goes on behind a seal that does not read; verify names it.
        let seal = row.parsed("seal").unwrap_or_else(|_| Link::start(tenant));
        Ok((row.integer("seq")?, seal))
    })
    .transpose()
}

/// A chain of all entries that are there: the first of a tenant, or of a database from before there were chains.
async fn everything<'a>(connection: &mut Transaction, tenant: &'a str) -> Result<Vec<NewLink<'a>>, sqlx::Error> {
    let sql = format!(
        "SELECT {ENTRY}, {LINE} FROM journal_entries e JOIN journal_lines l ON l.entry_id = e.id \
         WHERE e.tenant_id = $1 ORDER BY e.tx_no, e.id, l.line_no"
    );
    let rows = sql::query(AssertSqlSafe(sql)).bind(tenant).fetch(connection);
    let (mut links, mut newest) = (Vec::new(), Link::start(tenant));
    each_entry(
        rows,
        |row| row.text("id"),
        |lines| {
            // What does not read was not posted, and stays without a seal.
            if let Ok(entry) = entry_of(lines) {
                newest = newest.next(&entry);
                links.push((tenant, links.len() as i64 + 1, entry.id.to_string(), newest));
            }
            Ok(ControlFlow::Continue(()))
        },
    )
    .await?;
    Ok(links)
}

/// Where the books are not what was sealed. Behind the first such entry no seal can hold, so the search ends there.
pub(crate) async fn broken(connection: &mut Transaction, tenant: &str) -> Result<Vec<Finding>, sqlx::Error> {
    let mut findings = unsealed(&mut *connection, tenant).await?;
    let sql = format!(
        "SELECT c.seq, c.seal, {ENTRY}, {LINE} FROM journal_chain c \
         LEFT JOIN journal_entries e ON e.id = c.entry_id AND e.tenant_id = c.tenant_id \
         LEFT JOIN journal_lines l ON l.entry_id = e.id \
         WHERE c.tenant_id = $1 ORDER BY c.seq, l.line_no"
    );
    let rows = sql::query(AssertSqlSafe(sql)).bind(tenant).fetch(connection);
    let (mut place, mut newest) = (0, Link::start(tenant));
    each_entry(
        rows,
        |row| row.integer("seq"),
        |lines| {
            place += 1;
            Ok(match held(newest, place, lines)? {
                Ok(link) => {
                    newest = link;
                    ControlFlow::Continue(())
                }
                Err(finding) => {
                    findings.push(finding);
                    ControlFlow::Break(())
                }
            })
        },
    )
    .await?;
    Ok(findings)
}

/// Hands over the rows of one entry at a time, which stand together and have the same `key`.
async fn each_entry<K: PartialEq>(
    mut rows: impl Stream<Item = Result<Row, sqlx::Error>> + Unpin,
    key: impl Fn(&Row) -> Result<K, sqlx::Error>,
    mut take: impl FnMut(&[Row]) -> Result<ControlFlow<()>, sqlx::Error>,
) -> Result<(), sqlx::Error> {
    let mut entry: Vec<Row> = Vec::new();
    while let Some(row) = rows.try_next().await? {
        if let Some(first) = entry.first()
            && key(first)? != key(&row)?
        {
            if take(&entry)?.is_break() {
                return Ok(());
            }
            entry.clear();
        }
        entry.push(row);
    }
    if !entry.is_empty() {
        let _ = take(&entry)?;
    }
    Ok(())
}

/// The next link, or what is wrong with it.
fn held(before: Link, place: i64, lines: &[Row]) -> Result<Result<Link, Finding>, sqlx::Error> {
    let finding = |subject: String, problem: &str| Finding {
        rule: "entry-is-as-posted".to_owned(),
        subject,
        problem: problem.to_owned(),
    };
    let first = &lines[0];
    if first.integer("seq")? != place {
        let problem = "its seal was taken out of the chain";
        return Ok(Err(finding(
            format!("journal entry number {place} in the order of posting"),
            problem,
        )));
    }
    if first.try_get::<Option<&str>>("id")?.is_none() {
        let problem = "it was posted and sealed, and is gone";
        return Ok(Err(finding(
            format!("journal entry number {place} in the order of posting"),
            problem,
        )));
    }
    let subject = format!("journal entry {}", first.text("number")?);
    // What does not read any more was not written by us.
    let read: Result<JournalEntryRecord, sqlx::Error> = entry_of(lines);
    let sealed = first.parsed::<Link>("seal").ok();
    Ok(match read {
        Ok(entry) if Some(before.next(&entry)) == sealed => Ok(before.next(&entry)),
        _ => Err(finding(subject, "it, or its seal, was changed after it was posted")),
    })
}

/// Entries that came into the table by another way.
async fn unsealed(connection: &mut Transaction, tenant: &str) -> Result<Vec<Finding>, sqlx::Error> {
    let rows = sql::query(
        "SELECT e.number FROM journal_entries e \
         LEFT JOIN journal_chain c ON c.entry_id = e.id AND c.tenant_id = e.tenant_id \
         WHERE e.tenant_id = $1 AND c.seq IS NULL ORDER BY e.tx_no, e.id LIMIT $2",
    )
    .bind(tenant)
    .bind(FINDINGS_MAX as i64)
    .fetch_all(connection)
    .await?;
    let finding = |row: &Row| {
        Ok(Finding {
            rule: "entry-is-as-posted".to_owned(),
            subject: format!("journal entry {}", row.text("number")?),
            problem: UNSEALED.to_owned(),
        })
    };
    rows.iter().map(finding).collect()
}

/// Whether a seal that was noted once is still in the chain.
pub(crate) async fn has_seal(readers: &Pool, tenant: &str, seal: Link) -> Result<bool, sqlx::Error> {
    if seal == Link::start(tenant) {
        return Ok(true);
    }
    let found = sql::query("SELECT seq FROM journal_chain WHERE tenant_id = $1 AND seal = $2")
        .bind(tenant)
        .bind(seal.to_string())
        .fetch_optional(readers)
        .await?;
    Ok(found.is_some())
}
