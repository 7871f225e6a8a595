//! What accounts came to day by day: kept with every posting, and what reports add up.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use cortex_erp::{AccountBalance, Closings, Span};
use cortex_store::sql::{self, QueryBuilder, Row, Transaction};
use cortex_store::{StoreError, WriteTransaction};
use cortex_types::{Currency, Timestamp};
use sqlx::AssertSqlSafe;

use crate::rows::Columns;
use crate::write::Numbered;

const DAY_MICROS: i64 = 24 * 60 * 60 * 1_000_000;
const SUMS: &str = "CAST(sum(debit_minor) AS BIGINT) AS debit_minor, CAST(sum(credit_minor) AS BIGINT) AS credit_minor, \
                    CAST(sum(base_debit_minor) AS BIGINT) AS base_debit_minor, \
                    CAST(sum(base_credit_minor) AS BIGINT) AS base_credit_minor";
/// [`SUMS`] of lines: on the side that has the amount; a line without any is on the side that its sign says.
const LINE_SUMS: &str = "CAST(sum(l.debit_minor) AS BIGINT) AS debit_minor, CAST(sum(l.credit_minor) AS BIGINT) AS credit_minor, \
     CAST(sum(CASE WHEN l.base_minor IS NULL THEN l.debit_minor \
       WHEN l.debit_minor <> 0 OR (l.credit_minor = 0 AND l.base_minor > 0) THEN l.base_minor ELSE 0 END) AS BIGINT) \
       AS base_debit_minor, \
     CAST(sum(CASE WHEN l.base_minor IS NULL THEN l.credit_minor \
       WHEN l.credit_minor <> 0 OR (l.debit_minor = 0 AND l.base_minor < 0) THEN -l.base_minor ELSE 0 END) AS BIGINT) \
       AS base_credit_minor";

/// What was posted, by account and currency.
type Sums = BTreeMap<(Arc<str>, Currency), AccountBalance>;

/// Adds the group's entries.
pub(crate) async fn add(transaction: &mut WriteTransaction, numbered: &[Numbered<'_>]) -> Result<(), StoreError> {
    let mut days: BTreeMap<(&str, &str, Currency, i64), [i64; 4]> = BTreeMap::new();
    for command in numbered {
        for entry in &command.accepted.postings.entries {
            let day = entry.posted_at().micros().div_euclid(DAY_MICROS);
            for line in entry.lines() {
                let sums = days
                    .entry((command.tenant, &line.account, line.currency, day))
                    .or_default();
                let (base_debit, base_credit) = line.base_sides();
                let amounts = [line.debit_minor, line.credit_minor, base_debit, base_credit];
                for (sum, amount) in sums.iter_mut().zip(amounts) {
                    *sum += amount;
                }
            }
        }
    }
    let columns = [
        "tenant_id",
        "account",
        "currency",
        "day",
        "debit_minor",
        "credit_minor",
        "base_debit_minor",
        "base_credit_minor",
    ];
    let rows: Vec<_> = days.into_iter().collect();
    transaction
        .add_rows(
            "account_days",
            (&columns, 4),
            &rows,
            |row, ((tenant, account, currency, day), sums)| {
                row.bind(*tenant).bind(*account).bind(currency.as_str()).bind(*day);
                for sum in sums {
                    row.bind(*sum);
                }
            },
        )
        .await
}

/// What each account came to in the span: whole days from their sums, the rest from the lines.
pub(crate) async fn balances(
    on: &mut Transaction,
    tenant: &str,
    span: Span,
    closings: Closings,
    accounts: &[Arc<str>],
) -> Result<Vec<AccountBalance>, sqlx::Error> {
    let from = span.from.map_or(i64::MIN, Timestamp::micros);
    let before = span.before.map_or(i64::MAX, Timestamp::micros);
    let days = from.div_euclid(DAY_MICROS) + i64::from(from.rem_euclid(DAY_MICROS) != 0)..before.div_euclid(DAY_MICROS);
    let mut sums = Sums::new();
    if days.is_empty() {
        lines(on, tenant, from..before, accounts, &mut sums).await?;
    } else {
        whole_days(on, tenant, &days, &mut sums).await?;
        lines(
            on,
            tenant,
            from..days.start.saturating_mul(DAY_MICROS),
            accounts,
            &mut sums,
        )
        .await?;
        lines(
            on,
            tenant,
            days.end.saturating_mul(DAY_MICROS)..before,
            accounts,
            &mut sums,
        )
        .await?;
    }
    if closings == Closings::LeftOut {
        leave_closings_out(on, tenant, from..before, &mut sums).await?;
    }
    Ok(sums.into_values().collect())
}

async fn whole_days(on: &mut Transaction, tenant: &str, days: &Range<i64>, sums: &mut Sums) -> Result<(), sqlx::Error> {
    let mut query = QueryBuilder::new(format!(
        "SELECT account, currency, {SUMS} FROM account_days WHERE tenant_id = "
    ));
    query.push_bind(tenant).push(" AND day >= ").push_bind(days.start);
    query.push(" AND day < ").push_bind(days.end);
    query.push(" GROUP BY account, currency");
    take(&query.build().fetch_all(on).await?, sums, |sum, amount| *sum += amount)
}

/// The lines posted in a part of a day. Account by account, as the index has them.
async fn lines(
    on: &mut Transaction,
    tenant: &str,
    span: Range<i64>,
    accounts: &[Arc<str>],
    sums: &mut Sums,
) -> Result<(), sqlx::Error> {
    // The ends of time are no part of a day.
    if span.is_empty() || span.start == i64::MIN || span.end == i64::MAX {
        return Ok(());
    }
    let mut query = QueryBuilder::new(format!(
        "SELECT l.account, l.currency, {LINE_SUMS} FROM journal_lines l WHERE l.tenant_id = "
    ));
    query.push_bind(tenant).push(" AND l.account IN ");
    query.push_list(accounts.iter().map(|account| &**account));
    query
        .push(" AND l.posted_at >= ")
        .push_bind(Timestamp::from_micros(span.start));
    query
        .push(" AND l.posted_at < ")
        .push_bind(Timestamp::from_micros(span.end));
    query.push(" GROUP BY l.account, l.currency");
    take(&query.build().fetch_all(on).await?, sums, |sum, amount| *sum += amount)
}

/// They are few, and have an index of their own.
async fn leave_closings_out(
    on: &mut Transaction,
    tenant: &str,
    span: Range<i64>,
    sums: &mut Sums,
) -> Result<(), sqlx::Error> {
    let sql = format!(
        "SELECT l.account, l.currency, {LINE_SUMS} FROM journal_entries e JOIN journal_lines l ON l.entry_id = e.id \
         WHERE e.tenant_id = $1 AND e.document_kind = 'fiscal-year' AND e.posted_at >= $2 AND e.posted_at < $3 \
         GROUP BY l.account, l.currency"
    );
    let rows = sql::query(AssertSqlSafe(sql))
        .bind(tenant)
        .bind(Timestamp::from_micros(span.start))
        .bind(Timestamp::from_micros(span.end))
        .fetch_all(on)
        .await?;
    take(&rows, sums, |sum, amount| *sum -= amount)?;
    sums.retain(|_, sums| {
        let AccountBalance {
            debit_minor,
            credit_minor,
            base_debit_minor,
            base_credit_minor,
            ..
        } = *sums;
        [debit_minor, credit_minor, base_debit_minor, base_credit_minor] != [0; 4]
    });
    Ok(())
}

/// What was posted for a part of the company.
pub(crate) async fn of_cost_centre(
    on: &mut Transaction,
    tenant: &str,
    cost_centre: &str,
    span: Span,
) -> Result<Vec<AccountBalance>, sqlx::Error> {
    let mut query = QueryBuilder::new(format!(
        "SELECT l.account, l.currency, {LINE_SUMS} FROM journal_lines l WHERE l.tenant_id = "
    ));
    query
        .push_bind(tenant)
        .push(" AND l.cost_centre = ")
        .push_bind(cost_centre);
    if let Some(from) = span.from {
        query.push(" AND l.posted_at >= ").push_bind(from);
    }
    if let Some(before) = span.before {
        query.push(" AND l.posted_at < ").push_bind(before);
    }
    query.push(" GROUP BY l.account, l.currency");
    let mut sums = Sums::new();
    take(&query.build().fetch_all(on).await?, &mut sums, |sum, amount| {
        *sum += amount
    })?;
    Ok(sums.into_values().collect())
}

fn take(rows: &[Row], sums: &mut Sums, with: impl Fn(&mut i64, i64)) -> Result<(), sqlx::Error> {
    for row in rows {
        let (account, currency) = (row.text("account")?, row.parsed("currency")?);
        let fresh = || AccountBalance::zero(&account, currency);
        let sum = sums.entry((Arc::clone(&account), currency)).or_insert_with(fresh);
        with(&mut sum.debit_minor, row.integer("debit_minor")?);
        with(&mut sum.credit_minor, row.integer("credit_minor")?);
        with(&mut sum.base_debit_minor, row.integer("base_debit_minor")?);
        with(&mut sum.base_credit_minor, row.integer("base_credit_minor")?);
    }
    Ok(())
}
