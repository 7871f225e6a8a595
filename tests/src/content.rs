//! What two data folders hold, compared as their owner would: by business key and content.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions, Connection, Row, SqliteConnection};

use crate::binary::{self, Server, block_on};

/// What must be the same, by business key and content. Ids and commit numbers may differ: they are not business.
const CONTENT: &[(&str, &str)] = &[
    ("parties", "code, kind, country"),
    ("products", "code, description, kind"),
    (
        "sales_invoices",
        "number, customer_code, country, net_minor, line_count, invoiced_at",
    ),
    (
        "sales_invoice_lines",
        "invoice_number, line_no, product_code, quantity_micro, net_minor, invoiced_at",
    ),
    (
        "credit_notes",
        "number, customer_code, net_minor, line_count, credited_at",
    ),
    (
        "credit_note_lines",
        "credit_note_number, line_no, product_code, quantity_micro, net_minor, reason",
    ),
    (
        "stock_moves",
        "product_code, quantity_micro, value_minor, reason, moved_at",
    ),
    ("journal_entries", "document_kind, memo, currency, posted_at"),
    (
        "journal_lines",
        "line_no, account, debit_minor, credit_minor, currency, posted_at",
    ),
];

const TENANT: &str = "main";

/// Ledger, lake and online store of `killed` must equal those of `quiet`.
pub fn compare(quiet: &Path, killed: &Path) -> Result<()> {
    for (table, columns) in CONTENT {
        let in_order = format!("SELECT {columns} FROM {table} ORDER BY {columns}");
        let ledger = ledger_rows(quiet, &in_order)?;
        ensure!(!ledger.is_empty(), "{table} is empty: the comparison would say nothing");
        ensure!(
            ledger == ledger_rows(killed, &in_order)?,
            "{table} differs in the ledger"
        );
        let in_order = format!("SELECT {columns} FROM bronze.{table} ORDER BY {columns}");
        let in_lake = lake_rows(quiet, &in_order)?;
        ensure!(
            in_lake.len() == ledger.len(),
            "{table}: {} rows in Delta, {} in the ledger",
            in_lake.len(),
            ledger.len()
        );
        ensure!(in_lake == lake_rows(killed, &in_order)?, "{table} differs in Delta");
    }
    let served = served(quiet)?;
    ensure!(served == self::served(killed)?, "the online store differs");
    ensure!(
        served.to_string().contains("PRESENT"),
        "no feature is present: the comparison would say nothing"
    );
    Ok(())
}

/// Rows of a query on the ledger's own database, of the tenant that there is without anybody having made one: cells joined by
/// `|`, or a JSON object each.
pub fn ledger_rows(data: &Path, sql: &str) -> Result<Vec<String>> {
    if let Some(url) = binary::database_url(data)? {
        let as_json = sqlx::AssertSqlSafe(format!("SELECT row_to_json(r)::text FROM ({sql}) r"));
        return block_on(async {
            let options: PgConnectOptions = url.parse()?;
            let mut connection = options.options([("cortex.tenants", TENANT)]).connect().await?;
            Ok(sqlx::query_scalar(as_json).fetch_all(&mut connection).await?)
        });
    }
    let address = format!("sqlite://{}?mode=ro", data.join("cortex.db").display());
    block_on(async {
        let mut connection = SqliteConnection::connect(&address).await?;
        let rows = sqlx::query(sqlx::AssertSqlSafe(sql.to_owned()))
            .fetch_all(&mut connection)
            .await?;
        Ok(rows.iter().map(row_as_text).collect())
    })
}

fn row_as_text(row: &sqlx::sqlite::SqliteRow) -> String {
    let cell = |index| -> String {
        if let Ok(number) = row.try_get::<i64, _>(index) {
            return number.to_string();
        }
        row.try_get::<Option<String>, _>(index)
            .ok()
            .flatten()
            .unwrap_or_default()
    };
    (0..row.len()).map(cell).collect::<Vec<_>>().join("|")
}

fn lake_rows(data: &Path, sql: &str) -> Result<Vec<String>> {
    let printed = binary::run(data, &["lake", "sql", sql, "--format", "csv"])?;
    Ok(printed.lines().skip(1).map(str::to_owned).collect())
}

/// Features of some customers and products, as a client sees them.
fn served(data: &Path) -> Result<Value> {
    let server = Server::start(data)?;
    let mut answers = Vec::new();
    for (service, key, values) in [
        (
            "customer_repurchase",
            "customer_code",
            json!(["12346", "12350", "12360", "12370", "nobody"]),
        ),
        (
            "product_demand",
            "product_code",
            json!(["10001", "10007", "10020", "10040"]),
        ),
    ] {
        let request = json!({ "feature_service": service, "entities": { key: values } });
        let (status, answer) = server.post("/get-online-features", &request)?;
        ensure!(status == 200, "{status}: {answer}");
        answers.push(without_recency(answer).context("an answer in Feast's shape")?);
    }
    Ok(Value::Array(answers))
}

/// Days since something depend on the instant of reading; what they count from is compared by its event time.
fn without_recency(mut answer: Value) -> Option<Value> {
    let names: Vec<String> = answer["metadata"]["feature_names"]
        .as_array()?
        .iter()
        .map(|name| name.as_str().unwrap_or("").to_owned())
        .collect();
    for (name, result) in names.iter().zip(answer["results"].as_array_mut()?) {
        if name.ends_with("_days") {
            result["values"] = Value::Null;
        }
    }
    Some(answer)
}
