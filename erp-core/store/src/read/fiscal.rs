use std::collections::HashMap;

use cortex_erp::{FiscalPeriod, FiscalYear, Locks, PeriodState};
use cortex_store::sql::{self, On, Pool, Row, Transaction};
use cortex_types::Timestamp;

use crate::rows::Columns;

/// Up to where the tenant's books are closed.
pub(super) async fn locks(on: &mut Transaction, tenant: &str) -> Result<Locks, sqlx::Error> {
    let closed = "SELECT state, max(ends_before) AS ends_before FROM fiscal_periods \
                  WHERE tenant_id = $1 AND state <> 'open' GROUP BY state";
    let mut locks = Locks::default();
    for row in sql::query(closed).bind(tenant).fetch_all(on).await? {
        let before: Option<Timestamp> = Some(row.time("ends_before")?);
        if row.word("state", &PeriodState::ALL, PeriodState::as_str)? == PeriodState::HardClosed {
            locks.hard_before = before;
        }
        locks.soft_before = locks.soft_before.max(before);
    }
    Ok(locks)
}

/// The years in their order, with their periods.
pub(super) async fn years(readers: &Pool, tenant: &str) -> Result<Vec<FiscalYear>, sqlx::Error> {
    let mut snapshot = readers.snapshot().await?;
    years_on(&mut snapshot, tenant).await
}

pub(super) async fn years_on(on: &mut Transaction, tenant: &str) -> Result<Vec<FiscalYear>, sqlx::Error> {
    let periods = "SELECT id, year_id, code, starts_at, ends_before, state FROM fiscal_periods \
                   WHERE tenant_id = $1 ORDER BY starts_at";
    let mut of_year: HashMap<String, Vec<FiscalPeriod>> = HashMap::new();
    for row in of_tenant(&mut *on, periods, tenant).await? {
        of_year
            .entry(row.text("year_id")?.to_string())
            .or_default()
            .push(period(&row)?);
    }
    let years = "SELECT id, code, starts_at, ends_before, closed FROM fiscal_years \
                 WHERE tenant_id = $1 ORDER BY starts_at";
    let rows = of_tenant(&mut *on, years, tenant).await?;
    rows.iter()
        .map(|row| {
            Ok(FiscalYear {
                periods: of_year.remove(&*row.text("id")?).unwrap_or_default(),
                id: row.parsed("id")?,
                code: row.text("code")?,
                from: row.time("starts_at")?,
                before: row.time("ends_before")?,
                closed: row.try_get("closed")?,
            })
        })
        .collect()
}

/// The rows of a statement about one tenant, which is its one value.
pub(super) async fn of_tenant<'c>(
    on: impl Into<On<'c>>,
    select: &'static str,
    tenant: &str,
) -> Result<Vec<Row>, sqlx::Error> {
    // A value that the statement does not ask for is passed over by the databases, and the rows are everybody's.
    debug_assert!(select.contains("tenant_id = $1"), "{select}");
    sql::query(select).bind(tenant).fetch_all(on).await
}

fn period(row: &Row) -> Result<FiscalPeriod, sqlx::Error> {
    Ok(FiscalPeriod {
        id: row.parsed("id")?,
        code: row.text("code")?,
        from: row.time("starts_at")?,
        before: row.time("ends_before")?,
        state: row.word("state", &PeriodState::ALL, PeriodState::as_str)?,
    })
}
