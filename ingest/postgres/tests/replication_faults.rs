//! Whatever step towards durability fails, and whoever goes on then: the tables are read once more or further, and nothing is missing.
//!
//! Failpoints are everybody's, so these have a process of their own.

#[path = "logical_replication/house.rs"]
mod house;

use std::collections::BTreeMap;

use cortex_ingest::{ChangeSlice, ChangeSource, IngestError};
use cortex_ingest_postgres::PostgresSource;
use cortex_types::{Coded, ErrorCode, Position};
use fail::FailScenario;

use house::{Change, House, changes, end, read_on};

const NOTE: &str = "replication::before-note";
const STEPS: [&str; 5] = [
    "replication::before-slot",
    "replication::after-slot",
    NOTE,
    "replication::snapshot-read",
    "replication::before-confirm",
];
const ROWS: usize = 500;

#[tokio::test]
async fn any_step_may_fail_once() {
    let scenario = FailScenario::setup();
    for step in STEPS {
        // Notes are made again and again: each of the first ones fails.
        let times = if step == NOTE { 5 } else { 1 };
        for (skipped, by_another) in (0..times).flat_map(|skipped| [(skipped, false), (skipped, true)]) {
            let Some(mut house) = House::build("CREATE TABLE orders (id int PRIMARY KEY, n int)").await else {
                return;
            };
            house
                .run(&format!(
                    "INSERT INTO orders SELECT n, 0 FROM generate_series(1, {ROWS}) n"
                ))
                .await;
            let first = if skipped > 0 {
                format!("{skipped}*off->")
            } else {
                String::new()
            };
            fail::cfg(step, &format!("{first}1*return->off")).unwrap();
            let mut source = house.source();
            let what = format!("{step}, skipped {skipped}, by another process: {by_another}");
            let mut read = followed(&mut house, &source).await;
            let met = read.is_none();
            assert!(met || skipped > 0, "{what}: it was not met");
            if !met {
                fail::remove(step);
            } else {
                if by_another {
                    drop(source);
                    source = house.source();
                }
                read = followed(&mut house, &source).await;
            }
            let read = read.unwrap_or_else(|| panic!("{what}: it failed again"));
            check(&mut house, &read, &what).await;
            house.tear_down(source).await;
            if !met {
                break;
            }
        }
    }
    scenario.teardown();
}

/// Everything from the origin on, with a change that comes meanwhile; nothing where the failpoint was met.
async fn followed(house: &mut House, source: &PostgresSource) -> Option<Vec<Change>> {
    let followed = async {
        let snapshot = read_patiently(source, &Position::origin("shop")).await?;
        source.acknowledge("lake", &end(&snapshot)).await?;
        house.run("UPDATE orders SET n = n + 1 WHERE id % 10 = 0").await;
        let stream = read_patiently(source, &end(&snapshot)).await?;
        source.acknowledge("lake", &end(&stream)).await?;
        Ok::<_, IngestError>(changes(&[snapshot, stream].concat()))
    };
    match followed.await {
        Ok(read) => Some(read),
        Err(error) => {
            assert!(error.to_string().contains("failpoint"), "{error}");
            assert_eq!(error.code(), ErrorCode::Unavailable);
            None
        }
    }
}

/// The server needs a moment to see that a process is gone, and to let another have its slot.
async fn read_patiently(source: &PostgresSource, after: &Position) -> Result<Vec<ChangeSlice>, IngestError> {
    loop {
        match read_on(source, after).await {
            Err(error) if error.code() == ErrorCode::Unavailable && !error.to_string().contains("failpoint") => {}
            read => return read,
        }
    }
}

/// What was read, of the newest epoch, comes to what the database has.
async fn check(house: &mut House, read: &[Change], what: &str) {
    let newest = read.iter().map(|change| change.place.0).max();
    let mut rows = BTreeMap::new();
    for change in read.iter().filter(|change| Some(change.place.0) == newest) {
        if change.op != "truncate" {
            rows.insert(change.value("id").to_owned(), change.value("n").to_owned());
        }
    }
    let there = house.database.query("SELECT id, n FROM orders").await.unwrap();
    let there = there.into_iter().map(|row| {
        let mut row = row.into_iter().map(Option::unwrap_or_default);
        (row.next().unwrap_or_default(), row.next().unwrap_or_default())
    });
    assert_eq!(rows.len(), ROWS, "{what}");
    assert!(rows == there.collect(), "{what}");
}
