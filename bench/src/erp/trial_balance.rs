//! The trial balance over millions of lines, beside the sum over the same lines.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use chrono::{Days, NaiveDate};
use serde_json::Value;
use sqlx::{AssertSqlSafe, PgConnection};

use super::backdating::list;
use super::client::Client;
use crate::latency::Latencies;
use crate::postgres::Postgres;
use crate::server::Server;
use crate::terminal::show;

const LOAD: &str = include_str!("load_lines.sql");
const CALLS: u32 = 50;
const BAR: Duration = Duration::from_millis(200);
/// Of the lines that are loaded; `load_lines.sql` says the same.
const FIRST_DAY: NaiveDate = NaiveDate::from_ymd_opt(2022, 1, 1).expect("a day");
const DAYS: u64 = 1_095;

pub async fn run(server: &Server, postgres: &Postgres, database: &str, lines: u64) -> Result<()> {
    let mut connection = postgres.connect(database).await?;
    let started = Instant::now();
    load(&mut connection, lines).await?;
    let all: i64 = sqlx::query_scalar("SELECT count(*) FROM journal_lines")
        .fetch_one(&mut connection)
        .await?;
    show("");
    show(&format!(
        "trial balance over {all} journal lines ({lines} of them loaded in {:.0} s by SQL)",
        started.elapsed().as_secs_f64()
    ));
    let mut client = Client::connect(server.http).await?;
    let by_day = |day: NaiveDate| format!("as_of={day}");
    let days = measure(&mut client, by_day).await?;
    let by_instant = |day: NaiveDate| format!("as_of={day}T13:30:00Z");
    let instants = measure(&mut client, by_instant).await?;
    for (what, taken) in [("as of a day", &days), ("as of an instant within a day", &instants)] {
        let ms = |share| taken.quantile(share).as_secs_f64() * 1e3;
        show(&format!(
            "  {what}, {CALLS} calls: p50 {:.1} ms   p95 {:.1} ms",
            ms(0.5),
            ms(0.95)
        ));
    }
    let met = if days.quantile(0.95) <= BAR { "met" } else { "MISSED" };
    show(&format!("  bar: {} ms at p95 as of a day: {met}", BAR.as_millis()));
    let mut sums = Vec::new();
    for share in [1, 2, 4] {
        let day = FIRST_DAY + Days::new(DAYS * share / 4);
        let before = format!("{}T00:00:00Z", day + Days::new(1));
        sums.push(compare(&mut client, &mut connection, &by_day(day), &before).await?);
        sums.push(
            compare(
                &mut client,
                &mut connection,
                &by_instant(day),
                &format!("{day}T13:30:00.000001Z"),
            )
            .await?,
        );
    }
    let slowest = sums.iter().max().copied().unwrap_or_default();
    show(&format!(
        "  beside SELECT account, sum(debit), sum(credit) over the lines: {:.0} ms of the whole time; \
         every account agrees to the penny on {} reports",
        slowest.as_secs_f64() * 1e3,
        sums.len()
    ));
    Ok(())
}

/// Without triggers, and with indexes made afterwards: it is not the loading that is measured.
async fn load(connection: &mut PgConnection, lines: u64) -> Result<()> {
    let script = LOAD.replace(":LINES", &lines.to_string());
    let indexes: Vec<(String, String)> = sqlx::query_as(
        "SELECT indexname::text, indexdef FROM pg_indexes WHERE tablename IN ('journal_lines', 'journal_entries') \
         AND indexname NOT LIKE '%\\_key' AND indexname NOT LIKE '%\\_pkey'",
    )
    .fetch_all(&mut *connection)
    .await?;
    let mut whole = "SET session_replication_role = replica; SET maintenance_work_mem = '1GB';".to_owned();
    for (name, _) in &indexes {
        whole += &format!("DROP INDEX {name};");
    }
    whole += &script;
    for (_, definition) in &indexes {
        whole += &format!("{definition};");
    }
    // One transaction: the server never sees a table without its indexes.
    sqlx::raw_sql(AssertSqlSafe(format!("BEGIN; {whole} COMMIT;")))
        .execute(&mut *connection)
        .await?;
    for statement in [
        "SET session_replication_role = origin",
        // What a server that runs for longer does by itself.
        "VACUUM ANALYZE journal_lines",
        "VACUUM ANALYZE account_days",
        "CHECKPOINT",
    ] {
        sqlx::raw_sql(statement).execute(&mut *connection).await?;
    }
    Ok(())
}

async fn measure(client: &mut Client, as_of: impl Fn(NaiveDate) -> String) -> Result<Latencies> {
    let started = Instant::now();
    let mut latencies = Vec::with_capacity(CALLS as usize);
    for number in 0..CALLS {
        let day = FIRST_DAY + Days::new(DAYS * u64::from(number + 1) / u64::from(CALLS));
        let path = format!("/erp/v1/reports/trial-balance?{}", as_of(day));
        let asked = Instant::now();
        client.get(&path).await?;
        latencies.push(asked.elapsed());
    }
    Ok(Latencies::new(latencies, 0, 0, started.elapsed()))
}

/// Holds the report against the lines; how long these took to add up.
async fn compare(client: &mut Client, connection: &mut PgConnection, as_of: &str, before: &str) -> Result<Duration> {
    let asked = Instant::now();
    let rows: Vec<(String, i64, i64)> = sqlx::query_as(
        "SELECT account, sum(debit_minor)::bigint, sum(credit_minor)::bigint FROM journal_lines \
         WHERE tenant_id = 'main' AND posted_at < $1::text::timestamptz GROUP BY account",
    )
    .bind(before)
    .fetch_all(connection)
    .await?;
    let took = asked.elapsed();
    let summed: BTreeMap<String, (i64, i64)> = rows.into_iter().map(|row| (row.0, (row.1, row.2))).collect();
    let report = client.get(&format!("/erp/v1/reports/trial-balance?{as_of}")).await?;
    let mut reported = BTreeMap::new();
    for account in list(&report).context("a trial balance")? {
        let code = account["account"].as_str().context("an account")?.to_owned();
        let amounts = (money(&account["debit"])?, money(&account["credit"])?);
        ensure!(
            money(&account["balance"])? == amounts.0 - amounts.1,
            "the balance of {code} is not its sides' difference"
        );
        reported.insert(code, amounts);
    }
    ensure!(
        reported == summed,
        "the trial balance {as_of} is not the sum of the lines: {reported:?} is reported, {summed:?} is posted"
    );
    Ok(took)
}

/// Minor units of an amount such as `12.34`.
pub fn money(amount: &Value) -> Result<i64> {
    let minor = amount.as_str().and_then(|text| {
        let (_, pence) = text.rsplit_once('.')?;
        (pence.len() == 2).then(|| text.replace('.', "").parse().ok())?
    });
    minor.with_context(|| format!("{amount} is no amount in pounds"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_amount_is_read_to_the_penny_or_not_at_all() {
        assert_eq!(money(&Value::from("-12.34")).expect("an amount"), -1234);
        assert_eq!(money(&Value::from("0.05")).expect("an amount"), 5);
        for wrong in ["12", "12.3", "12.345", "x.12"] {
            assert!(money(&Value::from(wrong)).is_err(), "{wrong}");
        }
    }
}
