//! `kill -9` at random points of import, ingest and materialization: after a rerun everything equals a run without kills.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use cortex_tests::binary::{self, Server};
use cortex_tests::retail;
use serde_json::{Value, json};
use sqlx::{Connection, Row, SqliteConnection};

const KILLS: u32 = 20;
const ATTEMPTS: u32 = 80;
const INVOICES: usize = 700;

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

#[test]
fn twenty_kills_during_import_leave_what_one_quiet_run_leaves() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("retail.csv");
    std::fs::write(&file, retail::file(INVOICES))?;
    let import = |data: &Path| -> Vec<String> {
        let rejects = data.with_extension("rejects.csv").display().to_string();
        [
            "erp",
            "import",
            "online-retail",
            &file.display().to_string(),
            "--rejects",
            &rejects,
        ]
        .map(str::to_owned)
        .to_vec()
    };

    let quiet = folder.path().join("quiet");
    let arguments = import(&quiet);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let started = Instant::now();
    binary::run(&quiet, &arguments)?;
    let quiet_run = started.elapsed();

    let killed = folder.path().join("killed");
    let mut kills = 0;
    let mut longest = quiet_run;
    for attempt in 0..ATTEMPTS {
        // Spread over the whole run, so that start-up, posting, ingest and the last commit are all hit; a run that was
        // over before its time has come shows that less is left to do.
        let life = longest.mul_f64(f64::from(attempt * 7 % KILLS + 1) / f64::from(KILLS));
        if binary::run_and_kill(&killed, &arguments, life)? {
            kills += 1;
        } else {
            longest = longest.mul_f64(0.8);
        }
        if kills == KILLS {
            break;
        }
    }
    ensure!(
        kills == KILLS,
        "only {kills} of {KILLS} kills hit a run in {ATTEMPTS} attempts"
    );
    binary::run(&killed, &arguments)?;

    compare(&quiet, &killed)
}

fn compare(quiet: &Path, killed: &Path) -> Result<()> {
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

fn ledger_rows(data: &Path, sql: &str) -> Result<Vec<String>> {
    let address = format!("sqlite://{}?mode=ro", data.join("cortex.db").display());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
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
    drop(server);
    std::thread::sleep(Duration::from_millis(50));
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
