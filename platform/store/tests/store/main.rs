//! The store on a real file: capture, numbering, migrations; tokens, audit chain and subject keys in `guards`, tenants in `apart`.

mod apart;
mod guards;

use std::sync::Arc;

use cortex_store::sql;
use cortex_store::testing::Scratch;
use cortex_store::{Database, DatabaseConfig, Known, Migration, MigrationSet, StoreError};
use cortex_types::{Coded, ErrorCode, ManualClock, RequestContext, TenantId, Timestamp};
use proptest::prelude::*;

const NOTES: MigrationSet = MigrationSet {
    name: "notes",
    migrations: &[Migration {
        version: 1,
        name: "notes",
        sql: "CREATE TABLE notes (id TEXT PRIMARY KEY, tenant_id TEXT NOT NULL, body TEXT, score DOUBLE, \
              urgent BOOLEAN, written_at TIMESTAMP, words BIGINT, tx_no BIGINT NOT NULL)",
    }],
    captured: &["notes"],
    posted: &[],
    tenants_apart: false,
};

struct Store {
    scratch: Scratch,
    clock: Arc<ManualClock>,
    database: Database,
}

async fn store() -> Store {
    let scratch = Scratch::new().await;
    let clock = Arc::new(ManualClock::at("2011-01-01".parse().unwrap()));
    let database = scratch.open(&[NOTES], Arc::clone(&clock) as _).await;
    Store {
        scratch,
        clock,
        database,
    }
}

fn acme() -> RequestContext {
    RequestContext::system(TenantId::new("acme").unwrap())
}

async fn write_note(database: &Database, id: &str, score: f64) -> u64 {
    let mut write = database.begin().await.unwrap();
    let tx_no = write.transaction(&acme(), Known::ByClock).await.unwrap();
    sql::query("INSERT INTO notes VALUES ($1, 'acme', 'hello', $2, TRUE, $3, NULL, $4)")
        .bind(id)
        .bind(score)
        .bind(Timestamp::from_micros(7))
        .bind(tx_no.cast_signed())
        .execute(write.connection())
        .await
        .unwrap();
    write.commit().await.unwrap()
}

type Change = (i64, i64, String, Option<String>, Option<String>);

async fn changes(database: &Database) -> Vec<Change> {
    sql::query_as("SELECT commit_no, tx_no, op, row_after, row_before FROM change_log ORDER BY seq")
        .fetch_all(database.readers())
        .await
        .unwrap()
}

#[tokio::test]
async fn what_the_database_rolls_back_by_itself_does_not_stop_the_next_writer() {
    let store = store().await;
    for _ in 0..3 {
        let mut write = store.database.begin().await.unwrap();
        // As SQLite does it where the disk is full: nobody else knows.
        sql::query("ROLLBACK").execute(write.connection()).await.unwrap();
        drop(write);
    }
    let write = store.database.begin().await.unwrap();
    write.commit().await.unwrap();
}

#[tokio::test]
async fn every_change_of_a_captured_table_is_in_the_log_with_its_commit_and_transaction() {
    let store = store().await;
    let inserted = write_note(&store.database, "n1", 0.5).await;
    let mut write = store.database.begin().await.unwrap();
    let edit = write.transaction(&acme(), Known::ByClock).await.unwrap();
    sql::query("UPDATE notes SET urgent = FALSE, tx_no = $1")
        .bind(edit.cast_signed())
        .execute(write.connection())
        .await
        .unwrap();
    let removal = write.transaction(&acme(), Known::ByClock).await.unwrap();
    sql::query("DELETE FROM notes")
        .execute(write.connection())
        .await
        .unwrap();
    let second = write.commit().await.unwrap();

    let log = changes(&store.database).await;
    let brief: Vec<(u64, u64, &str)> = log
        .iter()
        .map(|(commit, tx, op, ..)| (commit.unsigned_abs(), tx.unsigned_abs(), op.as_str()))
        .collect();
    assert_eq!(
        brief,
        [
            (inserted, 1, "insert"),
            (second, edit, "update"),
            (second, removal, "delete")
        ]
    );
    let (_, _, _, after, before) = &log[1];
    let after: serde_json::Value = serde_json::from_str(after.as_deref().unwrap()).unwrap();
    let before: serde_json::Value = serde_json::from_str(before.as_deref().unwrap()).unwrap();
    assert_eq!(
        (&after["urgent"], &before["urgent"]),
        (&serde_json::json!(false), &serde_json::json!(true))
    );
    assert_eq!(
        (&after["words"], &after["written_at"]),
        (&serde_json::Value::Null, &serde_json::json!(7))
    );
    let ends: Vec<(i64, i64)> = sql::query_as("SELECT * FROM change_commits ORDER BY 1")
        .fetch_all(store.database.readers())
        .await
        .unwrap();
    assert_eq!(ends, [(inserted.cast_signed(), 1), (second.cast_signed(), 3)]);
}

#[tokio::test]
async fn a_change_that_names_a_transaction_of_another_commit_is_refused() {
    let store = store().await;
    write_note(&store.database, "n1", 0.5).await;
    let mut write = store.database.begin().await.unwrap();
    let refused = sql::query("UPDATE notes SET body = 'edited behind our back'")
        .execute(write.connection())
        .await;
    assert!(refused.unwrap_err().to_string().contains("does not name a transaction"));
}

#[tokio::test]
async fn what_was_not_committed_is_neither_in_the_table_nor_in_the_log() {
    let store = store().await;
    let mut write = store.database.begin().await.unwrap();
    let tx_no = write.transaction(&acme(), Known::ByClock).await.unwrap();
    sql::query("INSERT INTO notes (id, tenant_id, tx_no) VALUES ('n1', 'acme', $1)")
        .bind(tx_no.cast_signed())
        .execute(write.connection())
        .await
        .unwrap();
    drop(write);
    write_note(&store.database, "n2", 0.0).await;
    let log = changes(&store.database).await;
    assert_eq!(log.len(), 1);
    assert!(log[0].3.as_deref().unwrap().contains("n2"));
}

#[tokio::test]
async fn a_group_commit_carries_many_transactions_and_their_own_known_at() {
    let store = store().await;
    let mut newest = store.database.commits();
    let mut write = store.database.begin().await.unwrap();
    let declared = Known::Declared {
        at: "2010-12-01".parse().unwrap(),
        by: "event-time+0s".into(),
    };
    let metas: Vec<_> = (0..300)
        .map(|_| (acme(), declared.clone()))
        .chain([(acme(), Known::ByClock)])
        .collect();
    let numbers = write.transactions(&metas).await.unwrap();
    assert_eq!(numbers, (1..=301).collect::<Vec<u64>>());
    let commit_no = write.commit().await.unwrap();
    assert_eq!(*newest.borrow_and_update(), commit_no);
    let kept: Vec<(String, i64)> =
        sql::query_as("SELECT known_by, known_at FROM tx_meta WHERE tx_no IN (300, 301) ORDER BY tx_no")
            .fetch_all(store.database.readers())
            .await
            .unwrap();
    let at = |text: &str| text.parse::<Timestamp>().unwrap().micros();
    assert_eq!(
        kept,
        [
            ("event-time+0s".to_owned(), at("2010-12-01")),
            ("clock".to_owned(), at("2011-01-01"))
        ]
    );
}

#[tokio::test]
async fn migrating_again_does_nothing_and_an_edited_migration_is_refused() {
    let store = store().await;
    assert_eq!(store.database.migrate(&[NOTES]).await.unwrap(), []);
    let edited = MigrationSet {
        migrations: &[Migration {
            version: 1,
            name: "notes",
            sql: "CREATE TABLE other (id TEXT)",
        }],
        ..NOTES
    };
    assert!(matches!(
        store.database.migrate(&[edited]).await,
        Err(StoreError::MigrationChanged { .. })
    ));
    let forgotten = MigrationSet {
        migrations: &[],
        ..NOTES
    };
    assert!(matches!(
        store.database.migrate(&[forgotten]).await,
        Err(StoreError::MigrationUnknown { .. })
    ));
}

#[tokio::test]
async fn commits_go_on_counting_after_a_restart() {
    let store = store().await;
    let first = write_note(&store.database, "n1", 0.0).await;
    store.database.close().await;
    let database = Database::open(&store.scratch.config, Arc::clone(&store.clock) as _)
        .await
        .unwrap();
    assert_eq!(*database.commits().borrow(), first);
    assert!(write_note(&database, "n2", 0.0).await > first);
}

#[tokio::test]
async fn a_reader_cannot_write() {
    let store = store().await;
    assert!(
        sql::query("DELETE FROM notes")
            .execute(store.database.readers())
            .await
            .is_err()
    );
}

#[tokio::test]
async fn a_folder_that_cannot_hold_the_database_is_named_in_the_error() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a-file"), "").unwrap();
    let config = DatabaseConfig::at(folder.path().join("a-file/cortex.db"));
    let refused = Database::open(&config, Arc::new(cortex_types::SystemClock))
        .await
        .unwrap_err();
    assert_eq!(refused.code(), ErrorCode::StorageFailed);
    assert!(refused.to_string().contains("a-file"), "{refused}");
}

#[tokio::test]
async fn a_file_that_is_no_database_is_reported_as_damaged() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cortex.db");
    let config = DatabaseConfig::at(&path);
    std::fs::write(&path, "this is a shopping list, not a database. ".repeat(40)).unwrap();
    let refused = Database::open(&config, Arc::new(cortex_types::SystemClock))
        .await
        .unwrap_err();
    assert_eq!(refused.code(), ErrorCode::Corrupt, "{refused}");
}

#[tokio::test]
async fn a_database_that_another_process_writes_is_in_use() {
    let store = store().await;
    let holder = store.database.begin().await.unwrap();
    let config = DatabaseConfig {
        busy_timeout_ms: 10,
        ..store.scratch.config.clone()
    };
    let second = Database::open(&config, Arc::clone(&store.clock) as _).await.unwrap();
    let refused = second.begin().await.unwrap_err();
    assert_eq!(refused.code(), ErrorCode::DataInUse, "{refused}");
    assert!(refused.to_string().contains(second.at()), "{refused}");
    drop(holder);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4))]
    #[test]
    fn a_double_travels_through_the_change_log_bit_for_bit(
        // Up to 1e±60, where SQLite's conversion is exact; it stores no negative zero.
        scores in proptest::collection::vec((any::<i64>(), -78_i32..42), 500)
            .prop_map(|parts| parts.into_iter().map(|(digits, e)| digits as f64 * 10_f64.powi(e)).collect::<Vec<_>>())
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let captured = runtime.block_on(async {
            let store = store().await;
            let mut write = store.database.begin().await.unwrap();
            let tx_no = write.transaction(&acme(), Known::ByClock).await.unwrap().cast_signed();
            let numbered: Vec<(usize, f64)> = scores.iter().copied().enumerate().collect();
            write.insert_rows("notes", &["id", "tenant_id", "score", "tx_no"], &numbered, |row, (number, score)| {
                row.bind(number.to_string()).bind("acme").bind(*score).bind(tx_no);
            }).await.unwrap();
            write.commit().await.unwrap();
            changes(&store.database).await
        });
        prop_assert_eq!(captured.len(), scores.len());
        for (score, (.., after, _)) in scores.iter().zip(&captured) {
            let row: serde_json::Value = serde_json::from_str(after.as_deref().unwrap()).unwrap();
            let read: f64 = row["score"].as_str().unwrap().parse().unwrap();
            prop_assert_eq!(read.to_bits(), (score + 0.0).to_bits(), "{:e} came back as {:e}", score, read);
        }
    }
}

/// `cargo test -p cortex-store --release -- --ignored --nocapture`: how many captured rows a second a bulk import gets.
#[tokio::test]
#[ignore = "a measurement"]
#[expect(clippy::print_stdout, reason = "a measurement prints")]
async fn bulk_rows_per_second() {
    const ROWS: usize = 200_000;
    let store = store().await;
    let ids: Vec<String> = (0..ROWS).map(|row| format!("{row:036}")).collect();
    let start = std::time::Instant::now();
    for block in ids.chunks(20_000) {
        let mut write = store.database.begin().await.unwrap();
        let tx_no = write.transaction(&acme(), Known::ByClock).await.unwrap().cast_signed();
        let columns = [
            "id",
            "tenant_id",
            "body",
            "score",
            "urgent",
            "written_at",
            "words",
            "tx_no",
        ];
        write
            .insert_rows("notes", &columns, block, |row, id| {
                row.bind(id.clone())
                    .bind("acme")
                    .bind("WHITE HANGING HEART T-LIGHT HOLDER")
                    .bind(2.55_f64);
                row.bind(true)
                    .bind(Timestamp::from_micros(1_291_191_960_000_000))
                    .bind(6_i64)
                    .bind(tx_no);
            })
            .await
            .unwrap();
        write.commit().await.unwrap();
    }
    println!("{:.0} captured rows/s", ROWS as f64 / start.elapsed().as_secs_f64());
}
