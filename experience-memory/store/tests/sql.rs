//! The memory on a real database: the contract of the port, what leaves through the change log, and what a crash
//! in the middle leaves behind.

use std::sync::Arc;
use std::time::Duration;

use cortex_experience::contract::{decision, outcome, tenant};
use cortex_experience::{Decision, DecisionGroup, ExperienceError, ExperienceStore, Reference};
use cortex_experience_store::{EXPERIENCE, SqlExperienceStore};
use cortex_store::Database;
use cortex_store::sql;
use cortex_store::testing::Scratch;
use cortex_types::{ManualClock, Timestamp};

const HORIZON: Duration = Duration::from_secs(30 * 86_400);

/// The database, and where it lies for as long as this is kept.
struct OnFile {
    database: Database,
    _scratch: Scratch,
}

async fn on_file() -> (SqlExperienceStore, OnFile) {
    let scratch = Scratch::new().await;
    let clock = Arc::new(ManualClock::at(Timestamp::from_micros(0)));
    let database = scratch.open(&[EXPERIENCE], clock).await;
    (
        SqlExperienceStore::new(database.clone()),
        OnFile {
            database,
            _scratch: scratch,
        },
    )
}

cortex_experience::experience_store_contract!(on_file);

async fn record(store: &SqlExperienceStore, decisions: Vec<Decision>) -> Result<(), ExperienceError> {
    let group = DecisionGroup {
        ctx: tenant("acme"),
        decisions,
    };
    store.record_decisions(&[group], HORIZON).await?.into_iter().collect()
}

async fn changes(on: &OnFile) -> Vec<(String, String)> {
    sql::query_as("SELECT table_name, op FROM change_log ORDER BY seq")
        .fetch_all(on.database.readers())
        .await
        .unwrap()
}

#[tokio::test]
async fn decisions_and_what_joins_them_leave_through_the_change_log_and_waiting_events_do_not() {
    let (store, on) = on_file().await;
    let made = decision("ann", 10);
    let early = outcome("o1", Reference::Decision(made.id));
    store.record_events(&tenant("acme"), &[early], HORIZON).await.unwrap();
    assert!(changes(&on).await.is_empty());
    record(&store, vec![made]).await.unwrap();
    let insert = |table: &str| (table.to_owned(), "insert".to_owned());
    assert_eq!(changes(&on).await, [insert("decisions"), insert("outcomes")]);
}

#[tokio::test]
async fn what_a_group_commit_records_carries_the_trace_of_the_call_it_came_with() {
    let (store, on) = on_file().await;
    let calls = [tenant("acme"), tenant("acme")];
    let groups = calls.clone().map(|ctx| DecisionGroup {
        ctx,
        decisions: vec![decision("ann", 10)],
    });
    store.record_decisions(&groups, HORIZON).await.unwrap();
    let sql = "SELECT trace_id FROM decisions JOIN tx_meta USING (tx_no) ORDER BY tx_no";
    let traces: Vec<String> = sql::query_scalar(sql).fetch_all(on.database.readers()).await.unwrap();
    assert_eq!(traces, calls.map(|ctx| ctx.trace_id.to_string()));
}

#[tokio::test]
async fn a_repeated_event_makes_no_commit() {
    let (store, on) = on_file().await;
    let made = decision("ann", 10);
    let event = outcome("o1", Reference::Decision(made.id));
    record(&store, vec![made]).await.unwrap();
    store
        .record_events(&tenant("acme"), std::slice::from_ref(&event), HORIZON)
        .await
        .unwrap();
    let before = *on.database.commits().borrow();
    store.record_events(&tenant("acme"), &[event], HORIZON).await.unwrap();
    assert_eq!(*on.database.commits().borrow(), before);
}

#[tokio::test]
async fn a_failure_between_decisions_and_what_waited_for_them_leaves_neither() {
    let (store, on) = on_file().await;
    let acme = tenant("acme");
    let made = decision("ann", 10);
    store
        .record_events(&acme, &[outcome("o1", Reference::Decision(made.id))], HORIZON)
        .await
        .unwrap();
    // The decision goes in, then the queue of early events turns out to be gone.
    rename(&on, "ALTER TABLE pending_events RENAME TO elsewhere").await;
    assert!(record(&store, vec![decision("ben", 10), made.clone()]).await.is_err());
    assert!(store.decision(&acme, made.id).await.unwrap().is_none());
    assert!(changes(&on).await.is_empty());
    rename(&on, "ALTER TABLE elsewhere RENAME TO pending_events").await;
    record(&store, vec![made.clone()]).await.unwrap();
    assert_eq!(store.decision(&acme, made.id).await.unwrap().unwrap().outcomes.len(), 1);
    assert_eq!(store.pending(&acme).await.unwrap(), 0);
}

async fn rename(on: &OnFile, sql: &'static str) {
    let mut write = on.database.begin().await.unwrap();
    sql::query(sql).execute(write.connection()).await.unwrap();
    write.commit().await.unwrap();
}
