//! From committed rows in SQLite to bronze: nothing lost, nothing twice, nobody else's.

use std::sync::Arc;
use std::time::Duration;

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::{Float64Type, Int64Type, TimestampMicrosecondType};
use cortex_ingest::{Batching, ChangeSource, IngestError, LakeSink, Pipeline, PipelineConfig, PlanLog, PlannedBatch};
use cortex_ingest_sqlite::{MIGRATIONS, SqliteChangeLog};
use cortex_lake::{AsOf, Commit, Lake, Layer, MemoryLake, TableRef, changes};
use cortex_store::testing::Scratch;
use cortex_store::{Database, Known, Migration, MigrationSet, sql};
use cortex_types::{Frontier, ManualClock, Position, RequestContext, TenantId, Timestamp};
use datafusion::prelude::SessionContext;

const SHOP: MigrationSet = MigrationSet {
    name: "shop",
    migrations: &[Migration {
        version: 1,
        name: "shop",
        sql: "CREATE TABLE sales (id TEXT PRIMARY KEY, tenant_id TEXT NOT NULL, units BIGINT, price DOUBLE, \
              gift BOOLEAN, sold_at TIMESTAMP, tx_no BIGINT NOT NULL);
              CREATE TABLE visits (id TEXT PRIMARY KEY, tenant_id TEXT NOT NULL, tx_no BIGINT NOT NULL);",
    }],
    captured: &["sales", "visits"],
    posted: &[],
    tenants_apart: false,
};

async fn open(scratch: &Scratch) -> Database {
    let clock = Arc::new(ManualClock::at("2011-01-01".parse().unwrap()));
    scratch.open(&[SHOP, MIGRATIONS], clock).await
}

fn tenant(slug: &str) -> TenantId {
    TenantId::new(slug).unwrap()
}

/// One commit with one transaction of a tenant that runs these statements; `$1` is the transaction's number, `$2` a time.
async fn commit(database: &Database, slug: &str, statements: &[&'static str]) -> u64 {
    let mut write = database.begin().await.unwrap();
    let known = Known::Declared {
        at: "2010-12-01".parse().unwrap(),
        by: "event-time+0s".into(),
    };
    let tx_no = write
        .transaction(&RequestContext::system(tenant(slug)), known)
        .await
        .unwrap();
    for statement in statements {
        let query = sql::query(*statement).bind(tx_no.cast_signed());
        let query = match statement.contains("$2") {
            true => query.bind(Timestamp::from_micros(1_291_191_960_000_000)),
            false => query,
        };
        query.execute(write.connection()).await.unwrap();
    }
    write.commit().await.unwrap()
}

const SALE: &str = "INSERT INTO sales VALUES ('s1', 'acme', 6, 2.55, TRUE, $2, $1)";
const RIVAL_SALE: &str = "INSERT INTO sales VALUES ('r1', 'rival', 1, NULL, NULL, NULL, $1)";
const VISIT: &str = "INSERT INTO visits VALUES ('v1', 'acme', $1)";
const EDIT: &str = "UPDATE sales SET units = 7, gift = FALSE, tx_no = $1 WHERE id = 's1'";
const REMOVAL: &str = "DELETE FROM sales WHERE id = 's1' AND $1 > 0";

fn origin() -> Position {
    Position::origin("erp")
}

fn text(rows: &RecordBatch, column: &str) -> Vec<Option<String>> {
    rows.column_by_name(column)
        .unwrap()
        .as_string::<i32>()
        .iter()
        .map(|text| text.map(str::to_owned))
        .collect()
}

fn numbers(rows: &RecordBatch, column: &str) -> Vec<Option<i64>> {
    rows.column_by_name(column)
        .unwrap()
        .as_primitive::<Int64Type>()
        .iter()
        .collect()
}

#[tokio::test]
async fn a_change_arrives_with_its_row_its_position_and_its_transaction() {
    let scratch = Scratch::new().await;
    let database = open(&scratch).await;
    let first = commit(&database, "acme", &[SALE]).await.cast_signed();
    let second = commit(&database, "acme", &[EDIT, REMOVAL]).await.cast_signed();
    let log = SqliteChangeLog::new(database);
    let slice = log.read(&origin(), 1_000).await.unwrap().unwrap();
    assert_eq!(
        (slice.batches.len(), slice.to.clone()),
        (1, Position::new("erp", 1, second.unsigned_abs(), 3))
    );
    let rows = &slice.batches[0].rows;
    let some = |texts: [&str; 3]| texts.map(|text| Some(text.to_owned())).to_vec();
    assert_eq!(text(rows, changes::OP), some(["insert", "update", "delete"]));
    assert_eq!(
        numbers(rows, changes::COMMIT),
        [Some(first), Some(second), Some(second)]
    );
    assert_eq!(numbers(rows, changes::SEQ), [Some(1), Some(2), Some(3)]);
    assert_eq!(numbers(rows, changes::TX), [Some(1), Some(2), Some(2)]);
    // A delete carries the row as it was.
    assert_eq!(numbers(rows, "units"), [Some(6), Some(7), Some(7)]);
    let prices: Vec<f64> = rows
        .column_by_name("price")
        .unwrap()
        .as_primitive::<Float64Type>()
        .values()
        .to_vec();
    assert_eq!(prices, [2.55; 3]);
    let gifts: Vec<Option<bool>> = rows.column_by_name("gift").unwrap().as_boolean().iter().collect();
    assert_eq!(gifts, [Some(true), Some(false), Some(false)]);
    let times = |column: &str| {
        rows.column_by_name(column)
            .unwrap()
            .as_primitive::<TimestampMicrosecondType>()
            .values()
            .to_vec()
    };
    assert_eq!(times("sold_at"), [1_291_191_960_000_000; 3]);
    assert_eq!(times(changes::KNOWN_AT), [1_291_161_600_000_000; 3]);
    assert_eq!(text(rows, changes::KNOWN_BY), some(["event-time+0s"; 3]));
    let before = text(rows, changes::BEFORE);
    assert!(before[0].is_none() && before[2].is_none());
    assert!(before[1].as_deref().unwrap().contains("\"units\":6"), "{before:?}");
}

#[tokio::test]
async fn a_slice_holds_whole_commits_and_keeps_tenants_apart() {
    let scratch = Scratch::new().await;
    let database = open(&scratch).await;
    commit(&database, "acme", &[SALE, VISIT, RIVAL_SALE]).await;
    commit(&database, "acme", &[EDIT]).await;
    let log = SqliteChangeLog::new(database);
    let slice = log.read(&origin(), 1).await.unwrap().unwrap();
    let tables: Vec<(&str, &str)> = slice
        .batches
        .iter()
        .map(|batch| (batch.tenant.as_str(), &*batch.table))
        .collect();
    assert_eq!(tables, [("acme", "sales"), ("acme", "visits"), ("rival", "sales")]);
    let rest = log.read(&slice.to, 1).await.unwrap().unwrap();
    assert_eq!((rest.changes(), &rest.to), (1, &log.head().await.unwrap()));
    assert!(log.read(&rest.to, 1).await.unwrap().is_none());
    let again = log.read_range(&slice.after, &rest.to).await.unwrap();
    assert_eq!(again.changes(), 4);
}

#[tokio::test]
async fn a_waiting_reader_wakes_with_the_next_commit_even_if_it_came_before_the_wait() {
    let scratch = Scratch::new().await;
    let database = open(&scratch).await;
    let log = SqliteChangeLog::new(database.clone());
    // Two readers wait, each for itself.
    let (mut first, mut second) = (log.commits(), log.commits());
    assert!(log.read(&origin(), 1).await.unwrap().is_none());
    commit(&database, "acme", &[SALE]).await;
    for waiting in [&mut first, &mut second] {
        let woken = tokio::time::timeout(Duration::from_secs(30), waiting.changed()).await;
        woken.unwrap().unwrap();
    }
}

#[tokio::test]
async fn the_log_is_pruned_behind_the_slowest_reader_and_who_comes_later_is_told() {
    let scratch = Scratch::new().await;
    let database = open(&scratch).await;
    let log = SqliteChangeLog::new(database.clone());
    log.acknowledge("online", &origin()).await.unwrap();
    commit(&database, "acme", &[SALE]).await;
    let first = log.head().await.unwrap();
    commit(&database, "acme", &[EDIT]).await;
    let head = log.head().await.unwrap();
    log.acknowledge("lake", &head).await.unwrap();
    assert_eq!(log.read(&origin(), 10).await.unwrap().unwrap().changes(), 2);

    log.acknowledge("online", &first).await.unwrap();
    assert_eq!(log.read(&first, 10).await.unwrap().unwrap().changes(), 1);
    let lost = log.read(&origin(), 10).await;
    assert!(matches!(lost, Err(IngestError::HistoryLost { .. })), "{lost:?}");

    log.acknowledge("online", &head).await.unwrap();
    let kept: i64 = sql::query_scalar("SELECT count(*) FROM change_log")
        .fetch_one(database.readers())
        .await
        .unwrap();
    assert_eq!(kept, 0);
    // The end is still known, and numbers go on from it.
    assert_eq!(log.head().await.unwrap(), head);
    commit(&database, "acme", &[REMOVAL]).await;
    assert_eq!(log.read(&head, 10).await.unwrap().unwrap().to.seq, head.seq + 1);
}

#[tokio::test]
async fn the_log_says_where_it_begins_and_since_when_a_tables_changes_wait() {
    let scratch = Scratch::new().await;
    let database = open(&scratch).await;
    let log = SqliteChangeLog::new(database.clone());
    assert_eq!(log.kept_after().await.unwrap(), origin());
    commit(&database, "acme", &[SALE]).await;
    let first = log.head().await.unwrap();
    commit(&database, "acme", &[VISIT]).await;
    let pending = |after: Position, slug: &'static str, table: &'static str| {
        let log = log.clone();
        async move { log.pending_since(&after, &tenant(slug), table).await.unwrap() }
    };
    let declared = Some("2010-12-01".parse().unwrap());
    assert_eq!(pending(origin(), "acme", "sales").await, declared);
    assert_eq!(pending(first.clone(), "acme", "visits").await, declared);
    assert_eq!(pending(first.clone(), "acme", "sales").await, None);
    assert_eq!(pending(origin(), "rival", "sales").await, None);

    log.acknowledge("lake", &first).await.unwrap();
    assert_eq!(log.kept_after().await.unwrap(), first);
}

async fn bronze(lake: &dyn Lake, slug: &str, table: &str) -> Vec<(String, i64)> {
    let table = TableRef::new(tenant(slug), Layer::Bronze, table).unwrap();
    let snapshot = lake.snapshot(&table, AsOf::Latest).await.unwrap();
    let batches = SessionContext::new()
        .read_table(snapshot.provider)
        .unwrap()
        .collect()
        .await
        .unwrap();
    let rows = |rows: &RecordBatch| -> Vec<(String, i64)> {
        let ops = text(rows, changes::OP).into_iter().flatten();
        ops.zip(numbers(rows, changes::SEQ).into_iter().flatten()).collect()
    };
    batches.iter().flat_map(rows).collect()
}

fn pipeline(log: &SqliteChangeLog, lake: &Arc<MemoryLake>) -> Pipeline {
    let source: Arc<dyn ChangeSource> = Arc::new(log.clone());
    let sink = LakeSink::new(Arc::clone(lake) as _, Arc::new(log.clone()), Arc::clone(&source));
    let sink = sink.with_batching(Batching {
        changes: 1_000,
        linger: Duration::ZERO,
    });
    Pipeline::new(source, vec![Arc::new(sink)], PipelineConfig::default())
}

#[tokio::test]
async fn after_a_restart_in_the_middle_of_a_batch_every_change_is_in_bronze_once() {
    let scratch = Scratch::new().await;
    let lake = Arc::new(MemoryLake::default());
    let database = open(&scratch).await;
    let log = SqliteChangeLog::new(database.clone());
    commit(&database, "acme", &[SALE, VISIT, RIVAL_SALE]).await;
    // The process planned a batch and wrote one of its tables; then it was killed.
    let to = log.head().await.unwrap();
    let planned = PlannedBatch {
        batch: 1,
        after: origin(),
        to: to.clone(),
        committed: false,
    };
    log.record(&"ingest-erp".into(), &planned).await.unwrap();
    let slice = log.read_range(&origin(), &to).await.unwrap();
    let sales = TableRef::new(tenant("acme"), Layer::Bronze, "sales").unwrap();
    let batch = Commit {
        pipeline: "ingest-erp".into(),
        batch: 1,
        frontier: Frontier::of(to),
    };
    lake.append(&sales, vec![slice.batches[0].rows.clone()], &batch)
        .await
        .unwrap();
    commit(&database, "acme", &[EDIT]).await;
    database.close().await;

    let log = SqliteChangeLog::new(open(&scratch).await);
    let frontier = pipeline(&log, &lake).catch_up().await.unwrap();
    assert_eq!(frontier, Frontier::of(log.head().await.unwrap()));
    let expected = |rows: &[(&str, i64)]| -> Vec<(String, i64)> {
        rows.iter().map(|(op, seq)| ((*op).to_owned(), *seq)).collect()
    };
    assert_eq!(
        bronze(&*lake, "acme", "sales").await,
        expected(&[("insert", 1), ("update", 4)])
    );
    assert_eq!(bronze(&*lake, "acme", "visits").await, expected(&[("insert", 2)]));
    assert_eq!(bronze(&*lake, "rival", "sales").await, expected(&[("insert", 3)]));
}

/// `cargo test -p cortex-ingest-sqlite --release -- --ignored --nocapture`: how many changes a second are read.
#[tokio::test]
#[ignore = "a measurement"]
#[expect(clippy::print_stdout, reason = "a measurement prints")]
async fn changes_per_second() {
    const ROWS: usize = 200_000;
    let scratch = Scratch::new().await;
    let database = open(&scratch).await;
    let ids: Vec<String> = (0..ROWS).map(|row| format!("{row:036}")).collect();
    for block in ids.chunks(5_000) {
        let mut write = database.begin().await.unwrap();
        let ctx = RequestContext::system(tenant("acme"));
        let tx_no = write.transaction(&ctx, Known::ByClock).await.unwrap().cast_signed();
        let columns = ["id", "tenant_id", "units", "price", "gift", "sold_at", "tx_no"];
        write
            .insert_rows("sales", &columns, block, |row, id| {
                row.bind(id.clone())
                    .bind("acme")
                    .bind(6_i64)
                    .bind(2.55_f64)
                    .bind(true)
                    .bind(Timestamp::from_micros(1))
                    .bind(tx_no);
            })
            .await
            .unwrap();
        write.commit().await.unwrap();
    }
    let log = SqliteChangeLog::new(database);
    let start = std::time::Instant::now();
    pipeline(&log, &Arc::default()).catch_up().await.unwrap();
    println!(
        "{:.0} changes/s read, decoded and pruned",
        ROWS as f64 / start.elapsed().as_secs_f64()
    );
}
