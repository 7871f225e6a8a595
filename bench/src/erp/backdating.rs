//! A receipt that comes late: everything that left since then is worth something else by it.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use super::client::Client;
use super::company::months_ago;
use super::trial_balance::money;
use crate::latency::Latencies;
use crate::postgres::Postgres;
use crate::server::Server;
use crate::terminal::show;

const PRODUCT: &str = "LATE";
const LINES: u64 = 100;
/// Of an invoice of the product, in days.
const DAYS: u64 = 90;
const MONTHS_AGO: u32 = 5;
const BAR_MICROS_PER_MOVE: f64 = 30.0;

/// Posts `moves` issues of one product, then `receipts` receipts that were forgotten before all of them.
pub async fn run(server: &Server, postgres: &Postgres, database: &str, moves: u64, receipts: u32) -> Result<()> {
    let mut client = Client::connect(server.http).await?;
    let moves = moves.next_multiple_of(LINES);
    prepare(&mut client, moves).await?;
    let mut latencies = Vec::with_capacity(receipts as usize);
    let mut fewest = i64::MAX;
    let mut connection = postgres.connect(database).await?;
    let started = Instant::now();
    for number in 0..receipts {
        // By turns dearer and cheaper than what is there: the cost of a unit moves by more than a penny each time.
        let value = if number % 2 == 0 { "60000.00" } else { "20000.00" };
        let line = json!({ "product": PRODUCT, "quantity": "40000", "value": value });
        let late = months_ago(MONTHS_AGO, 1);
        let body = json!({ "supplier": "S000", "received_at": late, "lines": [line] });
        let asked = Instant::now();
        let receipt = client.post("/erp/v1/purchase-receipts", &body).await?;
        latencies.push(asked.elapsed());
        let changed = "SELECT coalesce(sum(move_count), 0)::bigint FROM stock_revaluations WHERE document_id = $1";
        let id = receipt["id"].as_str().context("the id of a receipt")?;
        let changed: i64 = sqlx::query_scalar(changed).bind(id).fetch_one(&mut connection).await?;
        fewest = fewest.min(changed);
    }
    let per_move = |took: Duration| took / u32::try_from(moves).unwrap_or(u32::MAX);
    let first = latencies.first().copied().unwrap_or_default();
    let last = latencies.last().copied().unwrap_or_default();
    let taken = Latencies::new(latencies, 0, 0, started.elapsed());
    let micros = |took: Duration| per_move(took).as_secs_f64() * 1e6;
    show("");
    show(&format!(
        "backdated receipt, {moves} later moves of one product, {receipts} in a row"
    ));
    show(&format!(
        "  p50 {:.1} µs/move ({:.0} ms)   p95 {:.1} µs/move ({:.0} ms)   first {:.0} ms   last {:.0} ms",
        micros(taken.quantile(0.5)),
        ms(taken.quantile(0.5)),
        micros(taken.quantile(0.95)),
        ms(taken.quantile(0.95)),
        ms(first),
        ms(last)
    ));
    let met = if micros(taken.quantile(0.95)) <= BAR_MICROS_PER_MOVE {
        "met"
    } else {
        "MISSED"
    };
    show(&format!("  bar: {BAR_MICROS_PER_MOVE} µs/move at p95: {met}"));
    let all = if fewest >= moves.cast_signed() {
        "all of them, each time"
    } else {
        "NOT ALL"
    };
    show(&format!(
        "  moves that each changed the value of, at least: {fewest} ({all})"
    ));
    books_agree(&mut client).await
}

fn ms(took: Duration) -> f64 {
    took.as_secs_f64() * 1e3
}

async fn prepare(client: &mut Client, moves: u64) -> Result<()> {
    let product = json!({ "code": PRODUCT, "kind": "goods", "list_price": "2.00" });
    client.post("/erp/v1/products", &product).await?;
    let stock = json!({ "product": PRODUCT, "quantity": "4000000", "value": "4000000.00" });
    let body = json!({ "supplier": "S000", "received_at": months_ago(MONTHS_AGO, 0), "lines": [stock] });
    client.post("/erp/v1/purchase-receipts", &body).await?;
    let invoices = moves / LINES;
    for number in 0..invoices {
        let line = json!({ "product": PRODUCT, "quantity": "100" });
        let at = months_ago(MONTHS_AGO, 2 + number * DAYS / invoices);
        let lines = vec![line; LINES as usize];
        let body = json!({ "customer": format!("C{:05}", number % 100), "invoiced_at": at, "lines": lines });
        client.post("/erp/v1/sales-invoices", &body).await?;
    }
    Ok(())
}

/// Stock is worth what the ledger says, to the penny.
async fn books_agree(client: &mut Client) -> Result<()> {
    let accounts = client.get("/erp/v1/accounts").await?;
    let accounts = list(&accounts).context("accounts")?;
    let inventory = accounts.iter().find(|account| account["role"] == "inventory");
    let code = inventory.context("an account for stock")?["code"].clone();
    let balances = client.get("/erp/v1/reports/trial-balance").await?;
    let balances = list(&balances).context("balances")?;
    let booked = balances.iter().find(|account| account["account"] == code);
    let booked = money(&booked.context("a balance of stock")?["balance"])?;
    let (mut worth, mut after) = (0, String::new());
    loop {
        let page = client
            .get(&format!("/erp/v1/reports/stock-on-hand?limit=500{after}"))
            .await?;
        for row in list(&page).context("stock")? {
            worth += money(&row["value"])?;
        }
        match page["next"].as_str() {
            Some(next) => after = format!("&after={next}"),
            None => break,
        }
    }
    ensure!(
        worth == booked,
        "stock on hand is worth {worth}, and the account of stock says {booked}, in minor units"
    );
    show("  stock on hand is worth what the account of stock says, to the penny");
    Ok(())
}

/// The rows of an answer, whatever it calls them.
pub fn list(answer: &Value) -> Option<&Vec<Value>> {
    answer
        .as_object()?
        .values()
        .find_map(Value::as_array)
        .or(answer.as_array())
}
