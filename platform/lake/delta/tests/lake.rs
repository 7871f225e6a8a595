//! The contract of the lake port, on every implementation of it; then what only Delta promises.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Float64Array, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::Int64Type;
use arrow::util::pretty::pretty_format_batches;
use cortex_lake::{Appended, AsOf, Commit, Compacted, Lake, LakeError, Layer, MemoryLake, TableRef};
use cortex_lake_delta::DeltaLake;
use cortex_types::{Coded, ErrorCode, Frontier, Position, TenantId};
use datafusion::prelude::{SessionContext, col, lit};

fn sales(tenant: &str) -> TableRef {
    TableRef::new(TenantId::new(tenant).unwrap(), Layer::Bronze, "sales").unwrap()
}

fn batch(number: u64) -> Commit {
    let frontier = Frontier::of(Position::new("erp", 1, number, number * 10));
    Commit {
        pipeline: "lake".into(),
        batch: number,
        frontier,
    }
}

fn rows(units: &[i64]) -> RecordBatch {
    let codes: Vec<String> = units.iter().map(|unit| format!("p{unit}")).collect();
    RecordBatch::try_from_iter_with_nullable([
        ("code", Arc::new(StringArray::from(codes)) as ArrayRef, false),
        ("units", Arc::new(Int64Array::from(units.to_vec())) as ArrayRef, true),
    ])
    .unwrap()
}

async fn read(lake: &dyn Lake, table: &TableRef, at: AsOf) -> Vec<RecordBatch> {
    let snapshot = lake.snapshot(table, at).await.unwrap();
    SessionContext::new()
        .read_table(snapshot.provider)
        .unwrap()
        .collect()
        .await
        .unwrap()
}

/// The units in the table, in ascending order.
async fn units(lake: &dyn Lake, table: &TableRef, at: AsOf) -> Vec<i64> {
    let batches = read(lake, table, at).await;
    let mut units: Vec<i64> = batches
        .iter()
        .flat_map(|batch| {
            batch
                .column_by_name("units")
                .unwrap()
                .as_primitive::<Int64Type>()
                .values()
                .to_vec()
        })
        .collect();
    units.sort_unstable();
    units
}

async fn a_batch_lands_once_however_often_it_is_sent(lake: &dyn Lake) {
    let table = sales("once");
    assert_eq!(lake.last_batch(&table, "lake").await.unwrap(), None);
    let first = lake.append(&table, vec![rows(&[1, 2])], &batch(1)).await.unwrap();
    assert_eq!(first, Appended::Committed { version: 0 });
    assert_eq!(
        lake.append(&table, vec![rows(&[1, 2])], &batch(1)).await.unwrap(),
        Appended::AlreadyThere
    );
    lake.append(&table, vec![rows(&[3])], &batch(4)).await.unwrap();
    assert_eq!(
        lake.append(&table, vec![rows(&[9])], &batch(3)).await.unwrap(),
        Appended::AlreadyThere
    );
    assert_eq!(lake.last_batch(&table, "lake").await.unwrap(), Some(4));
    assert_eq!(units(lake, &table, AsOf::Latest).await, [1, 2, 3]);
}

async fn pipelines_count_their_batches_apart(lake: &dyn Lake) {
    let table = sales("apart");
    lake.append(&table, vec![rows(&[1])], &batch(7)).await.unwrap();
    let other = Commit {
        pipeline: "scores".into(),
        ..batch(1)
    };
    assert_eq!(
        lake.append(&table, vec![rows(&[2])], &other).await.unwrap(),
        Appended::Committed { version: 1 }
    );
}

async fn a_version_reads_the_same_later(lake: &dyn Lake) {
    let table = sales("versions");
    lake.append(&table, vec![rows(&[1])], &batch(1)).await.unwrap();
    let taken = lake.snapshot(&table, AsOf::Latest).await.unwrap();
    lake.append(&table, vec![rows(&[2])], &batch(2)).await.unwrap();
    assert_eq!(taken.version, 0);
    let context = SessionContext::new();
    assert_eq!(context.read_table(taken.provider).unwrap().count().await.unwrap(), 1);
    assert_eq!(units(lake, &table, AsOf::Version(0)).await, [1]);
    assert_eq!(units(lake, &table, AsOf::Version(1)).await, [1, 2]);
    let beyond = lake.snapshot(&table, AsOf::Version(2)).await;
    assert!(
        matches!(
            beyond,
            Err(LakeError::NoVersion {
                version: 2,
                newest: 1,
                ..
            })
        ),
        "{beyond:?}"
    );
}

async fn a_table_nobody_wrote_is_not_there(lake: &dyn Lake) {
    let table = sales("nobody");
    assert!(matches!(
        lake.snapshot(&table, AsOf::Latest).await,
        Err(LakeError::NoTable(_))
    ));
    assert!(matches!(lake.history(&table, 1).await, Err(LakeError::NoTable(_))));
    assert_eq!(lake.tables(&table.tenant).await.unwrap(), []);
}

async fn tenants_see_their_own_tables_only(lake: &dyn Lake) {
    let (left, right) = (sales("left"), sales("right"));
    let scores = TableRef::new(left.tenant.clone(), Layer::Scores, "a-score").unwrap();
    for table in [&left, &right, &scores] {
        lake.append(table, vec![rows(&[1])], &batch(1)).await.unwrap();
    }
    assert_eq!(lake.tables(&left.tenant).await.unwrap(), [left.clone(), scores]);
    assert_eq!(lake.tables(&right.tenant).await.unwrap(), [right]);
}

async fn history_tells_the_frontier_of_each_commit_newest_first(lake: &dyn Lake) {
    let table = sales("history");
    for number in 1..=3 {
        lake.append(&table, vec![rows(&[1, 2])], &batch(number)).await.unwrap();
    }
    let history = lake.history(&table, 2).await.unwrap();
    let versions: Vec<u64> = history.iter().map(|record| record.version).collect();
    assert_eq!(versions, [2, 1]);
    assert_eq!(history[0].frontier, Some(batch(3).frontier));
    assert_eq!((history[0].rows, history[0].operation.as_str()), (Some(2), "WRITE"));
}

async fn text_is_read_as_it_was_written(lake: &dyn Lake) {
    let table = sales("types");
    lake.append(&table, vec![rows(&[1])], &batch(1)).await.unwrap();
    let snapshot = lake.snapshot(&table, AsOf::Latest).await.unwrap();
    assert_eq!(
        snapshot.schema.field(0).data_type(),
        rows(&[1]).schema().field(0).data_type()
    );
    let read = read(lake, &table, AsOf::Latest).await;
    assert_eq!(read[0].column(0).as_string::<i32>().value(0), "p1");
}

async fn contract(lake: &dyn Lake) {
    a_batch_lands_once_however_often_it_is_sent(lake).await;
    pipelines_count_their_batches_apart(lake).await;
    a_version_reads_the_same_later(lake).await;
    a_table_nobody_wrote_is_not_there(lake).await;
    tenants_see_their_own_tables_only(lake).await;
    history_tells_the_frontier_of_each_commit_newest_first(lake).await;
    text_is_read_as_it_was_written(lake).await;
}

fn delta(root: &Path) -> DeltaLake {
    DeltaLake::open(root).unwrap()
}

#[tokio::test]
async fn the_lake_in_memory_keeps_the_contract() {
    contract(&MemoryLake::default()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn delta_keeps_the_contract() {
    let folder = tempfile::tempdir().unwrap();
    contract(&delta(folder.path())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn batches_are_remembered_over_a_restart_and_past_a_checkpoint() {
    let folder = tempfile::tempdir().unwrap();
    let table = sales("acme");
    let lake = delta(folder.path());
    for number in 1..=102 {
        lake.append(&table, vec![rows(&[i64::try_from(number).unwrap()])], &batch(number))
            .await
            .unwrap();
    }
    let log = folder.path().join("acme/bronze/sales/_delta_log");
    assert!(log.join("_last_checkpoint").exists());
    let lake = delta(folder.path());
    assert_eq!(
        lake.append(&table, vec![rows(&[0])], &batch(102)).await.unwrap(),
        Appended::AlreadyThere
    );
    assert_eq!(units(&lake, &table, AsOf::Latest).await.len(), 102);
    assert_eq!(units(&lake, &table, AsOf::Version(49)).await.len(), 50);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_nullable_column_is_null_in_the_rows_from_before() {
    let folder = tempfile::tempdir().unwrap();
    let (lake, table) = (delta(folder.path()), sales("acme"));
    lake.append(&table, vec![rows(&[1])], &batch(1)).await.unwrap();
    let wider = RecordBatch::try_from_iter_with_nullable([
        ("code", Arc::new(StringArray::from(vec!["p2"])) as ArrayRef, false),
        ("price", Arc::new(Float64Array::from(vec![2.5])) as ArrayRef, true),
    ])
    .unwrap();
    lake.append(&table, vec![wider], &batch(2)).await.unwrap();
    let snapshot = lake.snapshot(&table, AsOf::Latest).await.unwrap();
    let sorted = SessionContext::new().read_table(snapshot.provider).unwrap();
    let sorted = sorted
        .sort(vec![col("code").sort(true, true)])
        .unwrap()
        .collect()
        .await
        .unwrap();
    let expected = "+------+-------+-------+\n| code | units | price |\n+------+-------+-------+\n\
                    | p1   | 1     |       |\n| p2   |       | 2.5   |\n+------+-------+-------+";
    assert_eq!(pretty_format_batches(&sorted).unwrap().to_string(), expected);
    // The version from before still has the schema from before.
    assert_eq!(
        lake.snapshot(&table, AsOf::Version(0))
            .await
            .unwrap()
            .schema
            .fields()
            .len(),
        2
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_column_never_changes_its_type() {
    let folder = tempfile::tempdir().unwrap();
    let (lake, table) = (delta(folder.path()), sales("acme"));
    lake.append(&table, vec![rows(&[1])], &batch(1)).await.unwrap();
    let other = RecordBatch::try_from_iter([
        ("code", Arc::new(StringArray::from(vec!["p2"])) as ArrayRef),
        ("units", Arc::new(StringArray::from(vec!["two"])) as ArrayRef),
    ])
    .unwrap();
    let refused = lake.append(&table, vec![other], &batch(2)).await.unwrap_err();
    assert_eq!(refused.code(), ErrorCode::InvalidArgument);
    assert!(refused.to_string().contains("'units'"), "{refused}");
    assert_eq!(lake.last_batch(&table, "lake").await.unwrap(), Some(1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_without_a_commit_are_no_table() {
    let folder = tempfile::tempdir().unwrap();
    let table = sales("acme");
    std::fs::create_dir_all(folder.path().join("acme/bronze/sales/_delta_log")).unwrap();
    std::fs::write(folder.path().join("acme/bronze/sales/part-0.parquet"), "half a file").unwrap();
    let mark = folder.path().join("acme/bronze/sales/.before-first-commit");
    std::fs::write(&mark, "").unwrap();
    let lake = delta(folder.path());
    assert_eq!(lake.tables(&table.tenant).await.unwrap(), []);
    lake.append(&table, vec![rows(&[1])], &batch(1)).await.unwrap();
    assert_eq!(units(&lake, &table, AsOf::Latest).await, [1]);
    assert!(!mark.exists());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_table_whose_log_is_gone_or_garbled_is_damaged_and_not_begun_anew() {
    let folder = tempfile::tempdir().unwrap();
    let table = sales("acme");
    delta(folder.path())
        .append(&table, vec![rows(&[1])], &batch(1))
        .await
        .unwrap();
    let log = folder.path().join("acme/bronze/sales/_delta_log");
    let refuses = async |named: &str| {
        let lake = delta(folder.path());
        assert_eq!(lake.tables(&table.tenant).await.unwrap(), std::slice::from_ref(&table));
        for refused in [
            lake.snapshot(&table, AsOf::Latest).await.map(drop),
            lake.history(&table, 1).await.map(drop),
            lake.append(&table, vec![rows(&[2])], &batch(2)).await.map(drop),
        ] {
            let error = refused.unwrap_err();
            assert_eq!(error.code(), ErrorCode::Corrupt, "{error:?}");
            let said = error.to_string();
            assert!(said.contains("acme/bronze/sales") && said.contains(named), "{said}");
            assert!(!said.contains('\n'), "{said}");
        }
    };
    let commit = log.join("00000000000000000000.json");
    let content = std::fs::read(&commit).unwrap();
    std::fs::write(&commit, "{garbage").unwrap();
    refuses("00000000000000000000.json").await;
    std::fs::write(&commit, content).unwrap();
    assert_eq!(units(&delta(folder.path()), &table, AsOf::Latest).await, [1]);
    std::fs::remove_dir_all(&log).unwrap();
    refuses("_delta_log").await;
    assert!(!log.exists());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_process_that_commits_is_noticed_not_merged() {
    let folder = tempfile::tempdir().unwrap();
    let (first, table) = (delta(folder.path()), sales("acme"));
    first.append(&table, vec![rows(&[1])], &batch(1)).await.unwrap();
    let second = delta(folder.path());
    second.append(&table, vec![rows(&[2])], &batch(2)).await.unwrap();
    let refused = first.append(&table, vec![rows(&[2])], &batch(2)).await;
    assert!(matches!(refused, Err(LakeError::Conflict(_))), "{refused:?}");
    // Having looked again, it sees that its batch is there.
    assert_eq!(
        first.append(&table, vec![rows(&[2])], &batch(2)).await.unwrap(),
        Appended::AlreadyThere
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_filter_reaches_the_files() {
    let folder = tempfile::tempdir().unwrap();
    let (lake, table) = (delta(folder.path()), sales("acme"));
    lake.append(&table, vec![rows(&[1, 2, 3])], &batch(1)).await.unwrap();
    lake.append(&table, vec![rows(&[10, 20, 30])], &batch(2)).await.unwrap();
    let snapshot = lake.snapshot(&table, AsOf::Latest).await.unwrap();
    let frame = SessionContext::new().read_table(snapshot.provider).unwrap();
    let frame = frame.filter(col("units").gt(lit(15_i64))).unwrap();
    let plan = frame.clone().explain(false, false).unwrap().collect().await.unwrap();
    let plan = pretty_format_batches(&plan).unwrap().to_string();
    assert!(
        !plan.contains("FilterExec"),
        "the filter stayed above the scan:\n{plan}"
    );
    assert_eq!(frame.count().await.unwrap(), 2);
}

#[test]
fn a_root_that_cannot_be_made_is_named_in_the_error() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a-file"), "").unwrap();
    let refused = DeltaLake::open(&folder.path().join("a-file/lake")).unwrap_err();
    assert_eq!(refused.code(), ErrorCode::StorageFailed);
    assert!(refused.to_string().contains("a-file"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn compacting_changes_nothing_that_is_read_and_is_in_no_writer_s_way() {
    let folder = tempfile::tempdir().unwrap();
    let (lake, table) = (Arc::new(delta(folder.path())), sales("compacted"));
    for number in 1..=20_i64 {
        lake.append(&table, vec![rows(&[number])], &batch(number.unsigned_abs()))
            .await
            .unwrap();
    }
    let writer = tokio::spawn({
        let (lake, table) = (Arc::clone(&lake), table.clone());
        async move {
            for number in 21..=130_i64 {
                lake.append(&table, vec![rows(&[number])], &batch(number.unsigned_abs()))
                    .await
                    .unwrap();
            }
        }
    });
    // Whoever dies here leaves a file that nobody names.
    fail::cfg("lake::before-compaction", "1*return->off").unwrap();
    assert!(lake.compact(&table).await.is_err());
    assert_eq!(
        units(&*lake, &table, AsOf::Version(19)).await,
        (1..=20).collect::<Vec<i64>>()
    );
    let done = lake.compact(&table).await.unwrap();
    assert!(done.files_before >= 20 && done.files_after == 1, "{done:?}");
    writer.await.unwrap();
    let all: Vec<i64> = (1..=130).collect();
    assert_eq!(units(&*lake, &table, AsOf::Latest).await, all);
    assert_eq!(units(&*lake, &table, AsOf::Version(9)).await, all[..10]);
    lake.compact(&table).await.unwrap();
    assert_eq!(lake.compact(&table).await.unwrap(), Compacted::default());

    let again = delta(folder.path());
    assert_eq!(units(&again, &table, AsOf::Latest).await, all);
    assert_eq!(again.last_batch(&table, "lake").await.unwrap(), Some(130));
    let newest = again.history(&table, 1).await.unwrap().pop().unwrap();
    assert_eq!(
        (newest.operation.as_str(), newest.rows, newest.batch),
        ("OPTIMIZE", Some(0), None)
    );
    assert_eq!(newest.frontier, Some(batch(130).frontier));
    let verified = cortex_lake::verify(&again, &table).await.unwrap();
    assert_eq!((verified.rows, verified.problems), (130, Vec::<String>::new()));
}
