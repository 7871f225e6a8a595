//! What accounts came to day by day: kept with every posting, and what reports add up.

use std::collections::BTreeMap;
use std::ops::Range;

use cortex_erp::{Account, AccountBalance, Closings, Span};
use cortex_store::sql::{self, QueryBuilder, Row, Transaction};
use cortex_store::{StoreError, WriteTransaction};
use cortex_types::{Currency, Timestamp};

use crate::rows::Columns;
use crate::write::Numbered;

const DAY_MICROS: i64 = 24 * 60 * 60 * 1_000_000;
const SUMS: &str = "CAST(sum(debit_minor) AS BIGINT) AS debit_minor, CAST(sum(credit_minor) AS BIGINT) AS credit_minor";

/// Debits and credits, by account and currency.
type Sums = BTreeMap<(String, Currency), (i64, i64)>;

/// Adds the group's entries.
pub(crate) async fn add(transaction: &mut WriteTransaction, numbered: &[Numbered<'_>]) -> Result<(), StoreError> {
    let mut days: BTreeMap<(&str, &str, Currency, i64), (i64, i64)> = BTreeMap::new();
    for command in numbered {
        for entry in &command.accepted.postings.entries {
            let day = entry.posted_at().micros().div_euclid(DAY_MICROS);
            for line in entry.lines() {
                let key = (command.tenant, line.account.code(), entry.currency(), day);
                let (debit, credit) = days.entry(key).or_default();
                *debit += line.debit_minor;
                *credit += line.credit_minor;
            }
        }
    }
    let columns = ["tenant_id", "account", "currency", "day", "debit_minor", "credit_minor"];
    let rows: Vec<_> = days.into_iter().collect();
    transaction
        .add_rows(
            "account_days",
            (&columns, 4),
            &rows,
            |row, ((tenant, account, currency, day), (debit, credit))| {
                row.bind(*tenant).bind(*account).bind(currency.as_str()).bind(*day);
                row.bind(*debit).bind(*credit);
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
) -> Result<Vec<AccountBalance>, sqlx::Error> {
    let from = span.from.map_or(i64::MIN, Timestamp::micros);
    let before = span.before.map_or(i64::MAX, Timestamp::micros);
    let days = from.div_euclid(DAY_MICROS) + i64::from(from.rem_euclid(DAY_MICROS) != 0)..before.div_euclid(DAY_MICROS);
    let mut sums = Sums::new();
    if days.is_empty() {
        lines(on, tenant, from..before, &mut sums).await?;
    } else {
        whole_days(on, tenant, &days, &mut sums).await?;
        lines(on, tenant, from..days.start.saturating_mul(DAY_MICROS), &mut sums).await?;
        lines(on, tenant, days.end.saturating_mul(DAY_MICROS)..before, &mut sums).await?;
    }
    if closings == Closings::LeftOut {
        leave_closings_out(on, tenant, from..before, &mut sums).await?;
    }
    let balance = |((account, currency), (debit_minor, credit_minor))| AccountBalance {
        account,
        currency,
        debit_minor,
        credit_minor,
    };
    Ok(sums.into_iter().map(balance).collect())
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
async fn lines(on: &mut Transaction, tenant: &str, span: Range<i64>, sums: &mut Sums) -> Result<(), sqlx::Error> {
    // The ends of time are no part of a day.
    if span.is_empty() || span.start == i64::MIN || span.end == i64::MAX {
        return Ok(());
    }
    let mut query = QueryBuilder::new(format!(
        "SELECT account, currency, {SUMS} FROM journal_lines WHERE tenant_id = "
    ));
    query.push_bind(tenant).push(" AND account IN ");
    query.push_list(Account::ALL.iter().map(|account| account.code()));
    query
        .push(" AND posted_at >= ")
        .push_bind(Timestamp::from_micros(span.start));
    query
        .push(" AND posted_at < ")
        .push_bind(Timestamp::from_micros(span.end));
    query.push(" GROUP BY account, currency");
    take(&query.build().fetch_all(on).await?, sums, |sum, amount| *sum += amount)
}

/// They are few, and have an index of their own.
async fn leave_closings_out(
    on: &mut Transaction,
    tenant: &str,
    span: Range<i64>,
    sums: &mut Sums,
) -> Result<(), sqlx::Error> {
    let rows = sql::query(
        "SELECT l.account, l.currency, CAST(sum(l.debit_minor) AS BIGINT) AS debit_minor, \
         CAST(sum(l.credit_minor) AS BIGINT) AS credit_minor \
         FROM journal_entries e JOIN journal_lines l ON l.entry_id = e.id \
         WHERE e.tenant_id = $1 AND e.document_kind = 'fiscal-year' AND e.posted_at >= $2 AND e.posted_at < $3 \
         GROUP BY l.account, l.currency",
    )
    .bind(tenant)
    .bind(Timestamp::from_micros(span.start))
    .bind(Timestamp::from_micros(span.end))
    .fetch_all(on)
    .await?;
    take(&rows, sums, |sum, amount| *sum -= amount)?;
    sums.retain(|_, sums| *sums != (0, 0));
    Ok(())
}

fn take(rows: &[Row], sums: &mut Sums, with: impl Fn(&mut i64, i64)) -> Result<(), sqlx::Error> {
    for row in rows {
        let key = (row.text("account")?.to_string(), row.parsed("currency")?);
        let (debit, credit) = sums.entry(key).or_default();
        with(debit, row.integer("debit_minor")?);
        with(credit, row.integer("credit_minor")?);
    }
    Ok(())
}
