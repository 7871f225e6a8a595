//! PostgreSQL itself keeps companies apart: whatever is asked, and whether or not the question says for whom.

use cortex_erp::{Command, Drafts, IdempotencyKey, Known, SetReorderRule};
use cortex_store::sql::{self, Pool};
use cortex_types::{RequestContext, TenantId};
use sqlx::AssertSqlSafe;

use super::AT_ONCE;
use super::run::Run;
use crate::approvals::rule;
use crate::company::{Company, PIECE, key};
use crate::contacts::contact;
use crate::number_series::series;

/// The platform's own are read before it is known whose they are.
const SHARED: [&str; 5] = ["api_tokens", "audit_log", "change_log", "subject_keys", "tx_meta"];
/// What more moves leave than there are here.
const EMPTY: &str = "stock_checkpoints";

/// Rows by tenant.
type Rows = Vec<(String, i64)>;

/// Every table with a tenant, found in the schema: those that are held apart, or the others.
async fn tables(company: &Company, apart: bool) -> Vec<String> {
    let found = "SELECT c.relname::text FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id' \
                 WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace \
                 AND (c.relrowsecurity AND c.relforcerowsecurity) = $1 ORDER BY 1";
    let tables = sql::query_scalar(found).bind(apart);
    tables.fetch_all(company.database.readers()).await.unwrap()
}

/// Says nothing of a tenant.
async fn rows(readers: &Pool, table: &str) -> Rows {
    let rows = format!("SELECT tenant_id, count(*) FROM {table} GROUP BY tenant_id ORDER BY 1");
    sql::query_as(AssertSqlSafe(rows)).fetch_all(readers).await.unwrap()
}

/// How many rows the statement touched, by somebody who works for `tenants`; or the code of what refused it. Nothing is kept.
async fn touched<'t>(
    company: &Company,
    tenants: impl IntoIterator<Item = &'t TenantId>,
    statement: String,
) -> Result<u64, String> {
    let mut write = company.database.begin().await.unwrap();
    write.work_for(tenants).await.unwrap();
    let done = sql::query(AssertSqlSafe(statement)).execute(write.connection()).await;
    write.roll_back().await.unwrap();
    match done {
        Ok(executed) => Ok(executed.rows_affected()),
        Err(error) => Err(error.as_database_error().unwrap().code().unwrap().into_owned()),
    }
}

/// https://www.postgresql.org/docs/current/errcodes-appendix.html: a policy refused it, or a trigger of ours.
const FORBIDDEN: &str = "42501";
const POSTED: &str = "P0001";

/// What [`traded`] adds to what is drawn.
const ADDED: [&str; 6] = [
    "approval_rules",
    "contacts",
    "drafts",
    "number_series",
    "reorder_rules",
    EMPTY,
];

async fn everything_is_there(run: &Run) -> bool {
    for table in tables(&run.books, true).await {
        for ctx in &run.contexts {
            let of_it = run.books.database.readers_of(&ctx.tenant);
            if rows(&of_it, &table).await.is_empty() && !ADDED.contains(&&*table) {
                return false;
            }
        }
    }
    true
}

async fn traded() -> Option<Run> {
    let mut run = Run::start(5, AT_ONCE).await;
    if run.books.scratch.is_file() {
        return None;
    }
    // Enough that each company has drawn something of everything.
    for documents in (250..=1_000).step_by(250) {
        run.until(documents, documents).await;
        if everything_is_there(&run).await {
            break;
        }
    }
    for ctx in &run.contexts {
        let draft = run
            .books
            .ledger
            .create(ctx, "sales-invoices", "{}".to_owned(), IdempotencyKey::new("d").ok())
            .await;
        draft.unwrap();
        let to_order = SetReorderRule {
            product: "AVG".into(),
            location: None,
            point_micro: PIECE,
            up_to_micro: 9 * PIECE,
            lot_micro: None,
            supplier: None,
        };
        // What no history draws.
        for (name, command) in [
            ("reorder", Command::SetReorderRule(to_order)),
            ("contact", contact("C1", "ann", true)),
            ("approval", rule(1, false)),
            ("series", Command::DefineNumberSeries(series("web", "WEB-", false))),
        ] {
            run.books
                .erp
                .execute(ctx, command, key(name), Known::ByClock)
                .await
                .unwrap();
        }
    }
    Some(run)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_every_table_a_company_reaches_its_own_rows_and_who_names_nobody_reaches_none() {
    let Some(run) = traded().await else { return };
    let company = &run.books;
    assert_eq!(tables(company, false).await, SHARED);
    let tables = tables(company, true).await;
    for known in [
        "journal_lines",
        "stock_moves",
        "sales_invoices",
        "account_days",
        "commands",
        "drafts",
    ] {
        assert!(
            tables.iter().any(|table| table == known),
            "{known} is not in {tables:?}"
        );
    }
    for table in &tables {
        let mut of_all = Rows::new();
        for RequestContext { tenant, .. } in &run.contexts {
            let own = rows(&company.database.readers_of(tenant), table).await;
            assert!(
                own.iter().all(|(of, _)| of == tenant.as_str()),
                "{tenant} sees {own:?} in {table}"
            );
            of_all.extend(own);
            let in_snapshot = format!("SELECT count(*) FROM {table} WHERE tenant_id <> '{tenant}'");
            let mut snapshot = company.database.readers_of(tenant).snapshot().await.unwrap();
            let others: i64 = sql::query_scalar(AssertSqlSafe(in_snapshot))
                .fetch_one(&mut snapshot)
                .await
                .unwrap();
            assert_eq!(others, 0, "{tenant} sees those of others in a snapshot of {table}");
        }
        assert!(
            of_all.len() > 1 || table == EMPTY,
            "{table} holds nothing to be held apart: {of_all:?}"
        );
        assert_eq!(rows(company.database.readers(), table).await, [], "{table}");
        forbidden(company, table).await;
    }
}

/// Whoever works for one company, or for none, does nothing to the rows of another.
async fn forbidden(company: &Company, table: &str) {
    let [acme, bolt] = ["acme", "bolt"].map(|slug| TenantId::new(slug).unwrap());
    let insert = format!("INSERT INTO {table} (tenant_id) VALUES ('bolt')");
    for tenants in [&[][..], &[&acme]] {
        let tenants = || tenants.iter().copied();
        assert_eq!(
            touched(company, tenants(), insert.clone()).await,
            Err(FORBIDDEN.to_owned()),
            "{insert}"
        );
        for statement in [
            format!("UPDATE {table} SET tenant_id = tenant_id WHERE tenant_id = 'bolt'"),
            format!("DELETE FROM {table} WHERE tenant_id = 'bolt'"),
        ] {
            let done = touched(company, tenants(), statement.clone()).await;
            assert!(
                matches!(&done, Ok(0)) || done == Err(POSTED.to_owned()),
                "{statement}: {done:?}"
            );
        }
    }
    let given_away = format!("UPDATE {table} SET tenant_id = 'bolt' WHERE tenant_id = 'acme'");
    let done = touched(company, [&acme], given_away.clone()).await;
    let refused = |code: &String| [FORBIDDEN, POSTED].contains(&code.as_str());
    assert!(
        matches!(&done, Ok(0)) || done.as_ref().is_err_and(refused),
        "{given_away}: {done:?}"
    );
    // The same, by who may: the policy lets it through to what the table itself asks for.
    let insert = touched(company, [&acme, &bolt], insert.clone()).await;
    assert_ne!(insert, Err(FORBIDDEN.to_owned()), "{table}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_holds_companies_apart_leaves_the_indexes_to_the_statements() {
    let company = Company::trading().await;
    if company.scratch.is_file() {
        return;
    }
    let pages = [
        (
            "SELECT id FROM journal_lines WHERE tenant_id = 'acme' AND account = '1000' \
             AND (posted_at, id) > (SELECT posted_at, id FROM journal_lines WHERE tenant_id = 'acme' AND id = 'x') \
             ORDER BY posted_at, id LIMIT 100",
            "Index Cond: ((tenant_id = 'acme'::text) AND (account = '1000'::text) AND (ROW(posted_at, id) > ROW(",
        ),
        (
            "SELECT * FROM account_days WHERE tenant_id = 'acme' AND account = '1000' AND currency = 'GBP' AND day >= 7",
            "Index Cond: ((tenant_id = 'acme'::text) AND (account = '1000'::text) AND (currency = 'GBP'::text) AND (day >= 7))",
        ),
    ];
    for (page, condition) in pages {
        let mut snapshot = company.readers().snapshot().await.unwrap();
        // The tables are so small that they would be read through.
        for off in ["SET LOCAL enable_seqscan = off", "SET LOCAL enable_bitmapscan = off"] {
            sql::query(off).execute(&mut snapshot).await.unwrap();
        }
        let plan: Vec<String> = sql::query_scalar(AssertSqlSafe(format!("EXPLAIN {page}")))
            .fetch_all(&mut snapshot)
            .await
            .unwrap();
        assert!(plan.iter().any(|line| line.contains(condition)), "{plan:#?}");
        assert!(!plan.iter().any(|line| line.contains("Sort")), "{plan:#?}");
    }
}
