//! The write-ahead log, and the slot that keeps of it what was not read yet.

use std::time::Duration;

use crate::catalog::Row;
use crate::error::sqlstate;
use crate::wire::{Connection, ident, literal};
use crate::{Lsn, PostgresError};

/// What the server says of a slot.
#[derive(Clone, Debug)]
pub(crate) struct Slot {
    pub confirmed: Lsn,
    /// Why it is of no use any more.
    pub lost: Option<String>,
    pub plugin: String,
    pub database: String,
}

pub(crate) async fn slot(connection: &mut Connection, name: &str) -> Result<Option<Slot>, PostgresError> {
    let sql = format!(
        "SELECT confirmed_flush_lsn, plugin, database, wal_status FROM pg_catalog.pg_replication_slots WHERE slot_name = {}",
        literal(name)
    );
    let rows = connection.query(&sql);
    let Some(row) = rows.await?.into_iter().next().map(Row) else {
        return Ok(None);
    };
    let confirmed = row.0.first().and_then(Option::as_deref).unwrap_or("0/0");
    let status = row.0.get(3).and_then(Option::as_deref);
    let lost = "the server has thrown away changes that were not read yet (its max_slot_wal_keep_size was exceeded)";
    Ok(Some(Slot {
        confirmed: Lsn::parse(confirmed)?,
        plugin: row.text(1).unwrap_or_default().to_owned(),
        database: row.text(2).unwrap_or_default().to_owned(),
        lost: (status == Some("lost")).then(|| lost.to_owned()),
    }))
}

pub(crate) async fn drop_slot(connection: &mut Connection, name: &str) -> Result<(), PostgresError> {
    let sql = format!("SELECT pg_drop_replication_slot({})", literal(name));
    connection.query(&sql).await.map(drop)
}

/// Lets the server forget what comes before `upto`, unless somebody reads the slot and says so himself.
pub(crate) async fn advance_slot(connection: &mut Connection, name: &str, upto: Lsn) -> Result<(), PostgresError> {
    let advanced = connection
        .query(&format!(
            "SELECT pg_replication_slot_advance(slot_name, '{upto}') FROM pg_catalog.pg_replication_slots WHERE slot_name = {} \
             AND NOT active AND confirmed_flush_lsn < '{upto}'",
            literal(name)
        ))
        .await;
    match advanced {
        Err(refused) if refused.is(sqlstate::OBJECT_IN_USE) => Ok(()),
        advanced => advanced.map(drop),
    }
}

/// Makes the slot; answers where its history begins and the name of the snapshot of just then, which lasts as long as `walsender`
/// does nothing else.
pub(crate) async fn create_slot(walsender: &mut Connection, name: &str) -> Result<(Lsn, String), PostgresError> {
    let sql = format!(
        "CREATE_REPLICATION_SLOT {} LOGICAL pgoutput (SNAPSHOT 'export')",
        ident(name)
    );
    let made = match walsender.query(&sql).await {
        Err(refused) if refused.is(sqlstate::INSUFFICIENT_PRIVILEGE) => Err(PostgresError::NotReady(format!(
            "{refused}. As a superuser, run: ALTER ROLE … REPLICATION"
        ))),
        made => made,
    };
    let row = made?.into_iter().next().map(Row);
    let row = row.ok_or_else(|| PostgresError::protocol("no answer to CREATE_REPLICATION_SLOT"))?;
    Ok((Lsn::parse(row.text(1)?)?, row.text(2)?.to_owned()))
}

/// Who the server is: its identifier and its timeline.
pub(crate) async fn identify(walsender: &mut Connection) -> Result<(String, u32), PostgresError> {
    let row = walsender.query("IDENTIFY_SYSTEM").await?.into_iter().next().map(Row);
    let row = row.ok_or_else(|| PostgresError::protocol("no answer to IDENTIFY_SYSTEM"))?;
    Ok((row.text(0)?.to_owned(), row.number(1)?))
}

/// Where the log ends.
pub(crate) async fn end_of_log(connection: &mut Connection) -> Result<Lsn, PostgresError> {
    let sql = "SELECT CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_flush_lsn() END";
    let lsn = connection.value(sql).await?;
    Lsn::parse(&lsn.unwrap_or_default())
}

/// Where the log ends, and a record of it. What is written of the log may end in the middle of one that nobody hurries to
/// complete, and readers would wait for its rest.
pub(crate) async fn end_of_records(connection: &mut Connection) -> Result<Lsn, PostgresError> {
    const A_MOMENT: Duration = Duration::from_millis(20);
    let end = end_of_log(connection).await?;
    let incomplete = format!("SELECT NOT pg_is_in_recovery() AND pg_current_wal_insert_lsn() > '{end}'");
    if connection.value(&incomplete).await?.as_deref() == Some("t") {
        tokio::time::sleep(A_MOMENT).await;
        if end_of_log(connection).await? == end {
            return mark(connection).await;
        }
    }
    Ok(end)
}

/// The server's time, in microseconds from 1970.
pub(crate) async fn now(connection: &mut Connection) -> Result<i64, PostgresError> {
    let micros = connection
        .value("SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint")
        .await?;
    micros
        .and_then(|text| text.parse().ok())
        .ok_or_else(|| PostgresError::protocol("the server's time"))
}

/// Writes something into the log that is nobody's change; answers where it ends.
pub(crate) async fn mark(connection: &mut Connection) -> Result<Lsn, PostgresError> {
    // One that is of no transaction is not waited for.
    connection
        .query("SELECT pg_logical_emit_message(true, 'cortex', '')")
        .await?;
    end_of_log(connection).await
}

/// Where `timeline` left the history of `before`; `None` where it never was on it.
pub(crate) async fn branched_at(
    walsender: &mut Connection,
    timeline: u32,
    before: u32,
) -> Result<Option<Lsn>, PostgresError> {
    let rows = walsender.query(&format!("TIMELINE_HISTORY {timeline}")).await?;
    let content = rows
        .into_iter()
        .next()
        .and_then(|row| row.into_iter().nth(1).flatten())
        .unwrap_or_default();
    // A timeline, where it was left, and why.
    let mut lines = content.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    let line = lines.find(|words| words.first().is_some_and(|word| *word == before.to_string()));
    line.and_then(|words| words.get(1).map(|at| Lsn::parse(at))).transpose()
}
