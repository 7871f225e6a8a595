//! Snapshots that something happens to.

use cortex_ingest::{ChangeSource, IngestError};
use cortex_types::{Coded, ErrorCode};

use crate::house::{House, changes, end, read_on};
use crate::{ORDERS, origin};

#[tokio::test]
async fn a_snapshot_that_was_not_finished_is_taken_anew_and_what_was_begun_of_it_is_not() {
    let Some(mut house) = House::build(ORDERS).await else {
        return;
    };
    house.run("INSERT INTO orders SELECT generate_series(1, 50000)").await;
    let source = house.source();
    let first = source.read(&origin(), 1).await.unwrap().unwrap();
    drop(source);
    house.run("DELETE FROM orders WHERE id > 10").await;
    let source = house.source();
    let gone = source.read_range(&origin(), &first.to).await;
    assert!(matches!(gone, Err(IngestError::Superseded { .. })), "{gone:?}");
    let again = loop {
        match read_on(&source, &first.to).await {
            Ok(again) => break changes(&again),
            Err(error) => assert_eq!(error.code(), ErrorCode::Unavailable, "{error}"),
        }
    };
    let ops: Vec<&str> = again.iter().map(|change| &*change.op).collect();
    let mut expected = vec!["truncate"];
    expected.extend(["snapshot"; 10]);
    assert_eq!(ops, expected);
    house.tear_down(source).await;
}

#[tokio::test]
async fn a_table_that_is_written_anew_under_a_snapshot_is_read_by_the_next_one() {
    let tables = "CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE b (id int PRIMARY KEY, n int, gone int)";
    for disturbance in [
        "ALTER TABLE b ALTER COLUMN n TYPE bigint",
        "TRUNCATE b; INSERT INTO b VALUES (1, 1)",
        "ALTER TABLE b DROP COLUMN gone",
        "ALTER TABLE b RENAME TO c; CREATE TABLE b (id int PRIMARY KEY, n int); INSERT INTO b VALUES (1, 1)",
    ] {
        let Some(mut house) = House::build(tables).await else {
            return;
        };
        // More of the first table than is read ahead.
        house
            .run("INSERT INTO a SELECT generate_series(1, 150000); INSERT INTO b VALUES (1, 1, 1)")
            .await;
        let source = house.source();
        let first = source.read(&origin(), 1).await.unwrap().unwrap();
        house.run(disturbance).await;
        let error = read_on(&source, &first.to).await.unwrap_err();
        assert_eq!(error.code(), ErrorCode::Unavailable, "{disturbance}: {error}");
        assert!(error.to_string().contains("taken anew"), "{disturbance}: {error}");
        let again = read_on(&source, &first.to).await.unwrap();
        assert_eq!(again[0].to.epoch, 2);
        let again = changes(&again);
        let of_b: Vec<&str> = again
            .iter()
            .filter(|change| change.table == "shop__b" && change.op == "snapshot")
            .map(|change| change.value("n"))
            .collect();
        assert_eq!(of_b, ["1"], "{disturbance}");
        house.tear_down(source).await;
    }
}

#[tokio::test]
async fn a_partitioned_table_is_one_table() {
    let ddl = "CREATE TABLE sales (day date, id int, PRIMARY KEY (day, id)) PARTITION BY RANGE (day); \
               CREATE TABLE old PARTITION OF sales FOR VALUES FROM (MINVALUE) TO ('2025-01-01'); \
               CREATE TABLE new PARTITION OF sales FOR VALUES FROM ('2025-01-01') TO (MAXVALUE)";
    let Some(mut house) = House::build(ddl).await else {
        return;
    };
    let days = "SELECT date '2024-12-01' + n, n FROM generate_series(0, 59) n";
    house.run(&format!("INSERT INTO sales {days}")).await;
    let source = house.source();
    let snapshot = read_on(&source, &origin()).await.unwrap();
    house
        .run("DELETE FROM sales WHERE id < 10; UPDATE sales SET day = '2026-01-01' WHERE id = 10")
        .await;
    let stream = changes(&read_on(&source, &end(&snapshot)).await.unwrap());
    let all = changes(&snapshot).into_iter().chain(stream);
    let (mut here, mut tables) = (std::collections::BTreeSet::new(), std::collections::BTreeSet::new());
    for change in all {
        let row = (change.value("day").to_owned(), change.value("id").to_owned());
        match &*change.op {
            "delete" => assert!(here.remove(&row), "{row:?}"),
            _ => assert!(here.insert(row)),
        }
        tables.insert(change.table);
    }
    assert_eq!(tables.into_iter().collect::<Vec<_>>(), ["shop__sales"]);
    assert_eq!(
        (here.len(), here.last().map(|(day, _)| &**day)),
        (50, Some("2026-01-01"))
    );
    house.tear_down(source).await;
}
