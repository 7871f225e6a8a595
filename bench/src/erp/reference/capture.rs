//! What the product wrote for each document, kept as templates, and the function that writes it once more: no decision, no
//! look-up, the same rows.

use anyhow::{Result, ensure};
use sqlx::{AssertSqlSafe, PgConnection};

/// What others refer to comes first; the rest in any order.
const PARENTS: [&str; 5] = [
    "tx_meta",
    "sales_invoices",
    "journal_entries",
    "journal_lines",
    "open_items",
];
/// Ids that are new with each document. All others are those of customers and products.
const OWN_IDS: [&str; 4] = ["id", "invoice_id", "entry_id", "document_id"];
const FUNCTION: &str = include_str!("post.sql");

/// Rows that take the place of others, or are added to them: the newest of each key is what is written.
struct Kept {
    table: &'static str,
    keys: &'static [&'static str],
    adds: bool,
    /// What the template is made of, behind `SELECT d.k`.
    from: &'static str,
}

const KEPT: [Kept; 3] = [
    Kept {
        table: "stock_levels",
        keys: &["tenant_id", "product_id", "location"],
        adds: false,
        from: ", l.* FROM (SELECT DISTINCT k, tenant_id, product_id, location FROM ref_stock_moves) d \
               JOIN stock_levels l USING (tenant_id, product_id, location)",
    },
    Kept {
        table: "account_days",
        keys: &["tenant_id", "account", "currency", "day"],
        adds: true,
        from: ", l.tenant_id, l.account, l.currency, floor(extract(epoch FROM l.posted_at) / 86400)::bigint AS day, \
               sum(l.debit_minor)::bigint AS debit_minor, sum(l.credit_minor)::bigint AS credit_minor, \
               sum(l.debit_minor)::bigint AS base_debit_minor, sum(l.credit_minor)::bigint AS base_credit_minor \
               FROM ref_document d JOIN ref_journal_lines l ON l.k = d.k GROUP BY 1, 2, 3, 4, 5",
    },
    Kept {
        table: "number_counters",
        keys: &["tenant_id", "kind", "prefix"],
        adds: false,
        from: ", s.* FROM ref_document d JOIN number_counters s \
               ON s.tenant_id = d.tenant_id AND s.kind IN ('sales-invoice', 'journal-entry')",
    },
];

/// Chained rows do not say their transaction: they are found by what they are about.
const CHAINED: [(&str, &str); 2] = [
    ("journal_chain", "JOIN ref_journal_entries d ON d.id = t.entry_id"),
    (
        "audit_log",
        "JOIN ref_document d ON d.tenant_id = t.tenant_id AND t.resource = 'sales-invoice/' || d.number",
    ),
];

/// Captures the newest `documents` invoices; the tables that they were written to, but for those of [`KEPT`].
pub async fn capture(on: &mut PgConnection, documents: u64) -> Result<Vec<String>> {
    let mut script = format!(
        "CREATE TABLE ref_document AS SELECT row_number() OVER (ORDER BY tx_no) AS k, tenant_id, tx_no, number \
         FROM (SELECT * FROM sales_invoices ORDER BY tx_no DESC LIMIT {documents}) newest;"
    );
    let mut tables: Vec<String> = sqlx::query_scalar(
        "SELECT table_name::text FROM information_schema.columns WHERE table_schema = 'public' \
         AND column_name = 'tx_no' AND table_name <> 'change_log' ORDER BY 1",
    )
    .fetch_all(&mut *on)
    .await?;
    tables.sort_by_key(|table| {
        PARENTS
            .iter()
            .position(|parent| parent == table)
            .unwrap_or(PARENTS.len())
    });
    for table in &tables {
        script += &format!(
            "CREATE TABLE ref_{table} AS SELECT d.k, t.* FROM {table} t JOIN ref_document d ON d.tx_no = t.tx_no \
             ORDER BY d.k, t.ctid;"
        );
    }
    for (table, found) in CHAINED {
        script += &format!("CREATE TABLE ref_{table} AS SELECT d.k, t.* FROM {table} t {found} ORDER BY d.k;");
        tables.push(table.to_owned());
    }
    for Kept { table, from, .. } in &KEPT {
        script += &format!("CREATE TABLE ref_{table} AS SELECT d.k{from};");
    }
    run(on, script).await?;
    let mut captured = Vec::new();
    for table in tables {
        let sql = format!("SELECT count(*) FROM ref_{table}");
        let rows: i64 = sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(&mut *on).await?;
        if rows > 0 {
            captured.push(table);
        }
    }
    let indexed = captured
        .iter()
        .map(String::as_str)
        .chain(KEPT.iter().map(|kept| kept.table));
    let indexes = indexed.map(|table| format!("CREATE INDEX ON ref_{table} (k); ANALYZE ref_{table};"));
    run(on, indexes.collect()).await?;
    ensure!(
        captured.iter().any(|table| table == "sales_invoices"),
        "nothing was captured"
    );
    define(on, &captured).await?;
    Ok(captured)
}

/// `ref_post`: writes the documents from `first` up to, but not including, `past`.
async fn define(on: &mut PgConnection, captured: &[String]) -> Result<()> {
    let mut statements = String::new();
    for table in captured {
        let columns = columns(on, table).await?;
        let values: Vec<String> = columns.iter().map(|column| value(column)).collect();
        statements += &format!(
            "INSERT INTO {table} ({}) SELECT {} FROM ref_{table} r WHERE k >= first_k AND k < past_k ORDER BY k;\n",
            columns.join(", "),
            values.join(", ")
        );
    }
    for kept in &KEPT {
        let columns = columns(on, kept.table).await?;
        statements += &upsert(kept, &columns);
    }
    let body = FUNCTION.replace("-- the rows", &statements);
    run(on, body).await
}

fn upsert(kept: &Kept, columns: &[String]) -> String {
    let Kept { table, keys, adds, .. } = kept;
    let is_key = |column: &String| keys.contains(&column.as_str());
    let sum = |column: &String| match is_key(column) {
        true => value(column),
        false => format!("sum(r.{column})::bigint"),
    };
    let values: Vec<String> = columns
        .iter()
        .map(|column| if *adds { sum(column) } else { value(column) })
        .collect();
    let set = columns
        .iter()
        .filter(|column| !is_key(column))
        .map(|column| match adds {
            true => format!("{column} = {table}.{column} + excluded.{column}"),
            false => format!("{column} = excluded.{column}"),
        });
    let set: Vec<String> = set.collect();
    let keyed: Vec<String> = keys
        .iter()
        .filter(|key| **key != "tenant_id")
        .map(|key| format!("r.{key}"))
        .collect();
    let keyed = keyed.join(", ");
    let (distinct, behind) = match adds {
        true => (String::new(), format!("GROUP BY {keyed}")),
        false => (format!("DISTINCT ON ({keyed})"), format!("ORDER BY {keyed}, k DESC")),
    };
    format!(
        "INSERT INTO {table} ({}) SELECT {distinct} {} FROM ref_{table} r WHERE k >= first_k AND k < past_k {behind} \
         ON CONFLICT ({}) DO UPDATE SET {};\n",
        columns.join(", "),
        values.join(", "),
        keys.join(", "),
        set.join(", ")
    )
}

/// The captured value, or what makes the row a new one of the same size.
fn value(column: &str) -> String {
    match column {
        "tenant_id" => "tenant".to_owned(),
        "tx_no" => "r.tx_no + shift".to_owned(),
        "commit_no" => "commit_now".to_owned(),
        own if OWN_IDS.contains(&own) => format!("mark || substr(r.{own}, 2)"),
        other => format!("r.{other}"),
    }
}

async fn columns(on: &mut PgConnection, table: &str) -> Result<Vec<String>> {
    let sql = "SELECT attname::text FROM pg_attribute WHERE attrelid = to_regclass($1) AND attnum > 0 \
               AND NOT attisdropped ORDER BY attnum";
    Ok(sqlx::query_scalar(sql).bind(table).fetch_all(on).await?)
}

pub async fn run(on: &mut PgConnection, script: String) -> Result<()> {
    sqlx::raw_sql(AssertSqlSafe(script)).execute(on).await?;
    Ok(())
}
