//! A real server, and what is read from it. Each test has a database of its own on the server that `CORTEX_TEST_POSTGRES` names.

mod house;
mod kinds;
mod refusals;
mod snapshots;
mod values;

use cortex_ingest::ChangeSource;
use cortex_types::{Coded, ErrorCode, Position};

use house::{HANGS_AFTER, House, changes, end, read_on};

fn origin() -> Position {
    Position::origin("shop")
}

const ORDERS: &str = "CREATE TABLE orders (id int PRIMARY KEY, customer text, total numeric(12, 2))";

#[tokio::test]
async fn what_was_there_comes_first_and_then_every_change_once_and_in_order() {
    let Some(mut house) = House::build(ORDERS).await else {
        return;
    };
    house
        .run("INSERT INTO orders SELECT n, 'c' || n, n * 1.5 FROM generate_series(1, 1000) n")
        .await;
    let source = house.source();
    let snapshot = read_on(&source, &origin()).await.unwrap();
    let rows = changes(&snapshot);
    assert_eq!(rows.len(), 1_000);
    assert!(
        rows.iter()
            .all(|row| row.op == "snapshot" && row.table == "shop__orders")
    );
    assert_eq!(
        (rows[9].value("id"), rows[9].value("customer"), rows[9].value("total")),
        ("10", "c10", "15.00")
    );

    house.run("INSERT INTO orders VALUES (2000, 'new', 1)").await;
    house.run("UPDATE orders SET total = 2 WHERE id = 2000").await;
    house
        .run("BEGIN; UPDATE orders SET id = 2001 WHERE id = 2000; DELETE FROM orders WHERE id = 1; COMMIT")
        .await;
    house.run("BEGIN; INSERT INTO orders VALUES (3000); ROLLBACK").await;
    house.run("TRUNCATE orders").await;
    let stream = read_on(&source, &end(&snapshot)).await.unwrap();
    let seen: Vec<(String, String)> = changes(&stream)
        .iter()
        .map(|change| (change.op.clone(), change.value("id").to_owned()))
        .collect();
    let expected = [
        ("insert", "2000"),
        ("update", "2000"),
        ("delete", "2000"),
        ("insert", "2001"),
        ("delete", "1"),
        ("truncate", ""),
    ];
    assert_eq!(seen, expected.map(|(op, id)| (op.to_owned(), id.to_owned())));
    house.tear_down(source).await;
}

#[tokio::test]
async fn a_snapshot_has_every_table_and_the_stream_begins_behind_it() {
    let ddl = "CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE b (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, n int); \
               CREATE TABLE c (id int PRIMARY KEY)";
    let Some(mut house) = House::build(ddl).await else {
        return;
    };
    house
        .run("INSERT INTO a SELECT generate_series(1, 45000); INSERT INTO b (n) SELECT generate_series(1, 100)")
        .await;
    let source = house.source();
    let snapshot = changes(&read_on(&source, &origin()).await.unwrap());
    let count = |table: &str| snapshot.iter().filter(|change| change.table == table).count();
    assert_eq!((count("shop__a"), count("shop__b"), count("shop__c")), (45_000, 100, 0));
    // A range may begin in the snapshot and end behind it.
    house.run("INSERT INTO c SELECT generate_series(1, 10)").await;
    let slices = read_on(&source, &origin()).await.unwrap();
    let whole = source.read_range(&slices[0].to, &end(&slices)).await.unwrap();
    assert_eq!(changes(&[whole]), changes(&slices[1..]));
    house.tear_down(source).await;
}

#[tokio::test]
async fn another_process_goes_on_where_the_first_left_off_and_a_range_is_read_again_as_it_was() {
    let Some(mut house) = House::build(ORDERS).await else {
        return;
    };
    house.run("INSERT INTO orders VALUES (1, 'a', 1)").await;
    let source = house.source();
    let snapshot = read_on(&source, &origin()).await.unwrap();
    source.acknowledge("lake", &end(&snapshot)).await.unwrap();
    for id in 2..50 {
        house
            .run(&format!(
                "INSERT INTO orders VALUES ({id}, 'a', 1); UPDATE orders SET total = {id} WHERE id < {id}"
            ))
            .await;
    }
    let stream = read_on(&source, &end(&snapshot)).await.unwrap();
    let first: Vec<_> = changes(&stream);
    drop(source);

    let source = house.source();
    let again = loop {
        // The server needs a moment to see that the first is gone.
        match read_on(&source, &end(&snapshot)).await {
            Ok(again) => break again,
            Err(error) => assert_eq!(error.code(), ErrorCode::Unavailable, "{error}"),
        }
    };
    assert_eq!(changes(&again), first);
    let middle = first[first.len() / 2].place;
    let [epoch, commit, seq] = [middle.0, middle.1, middle.2].map(i64::unsigned_abs);
    let part = source
        .read_range(&end(&snapshot), &Position::new("shop", epoch, commit, seq))
        .await
        .unwrap();
    assert_eq!(changes(&[part]), first[..=first.len() / 2]);
    let rest = source
        .read_range(&Position::new("shop", epoch, commit, seq), &end(&again))
        .await
        .unwrap();
    assert_eq!(changes(&[rest]), first[first.len() / 2 + 1..]);
    house.tear_down(source).await;
}

#[tokio::test]
async fn a_large_transaction_comes_whole_without_what_it_rolled_back() {
    let Some(mut house) = House::build(ORDERS).await else {
        return;
    };
    let database = house.name.clone();
    house
        .run(&format!(
            "ALTER DATABASE {database} SET logical_decoding_work_mem = '64kB'"
        ))
        .await;
    let source = house.source();
    let snapshot = read_on(&source, &origin()).await.unwrap();
    let mut large = "BEGIN; INSERT INTO orders SELECT n FROM generate_series(1, 3000) n; SAVEPOINT a; \
                     INSERT INTO orders SELECT n FROM generate_series(10001, 13000) n; ROLLBACK TO a; "
        .to_owned();
    large += "INSERT INTO orders SELECT n FROM generate_series(3001, 6000) n; SAVEPOINT b; \
              ALTER TABLE orders ADD COLUMN note text; INSERT INTO orders SELECT n, 'x', 1, 'y' FROM generate_series(20001, \
              23000) n; ROLLBACK TO b; INSERT INTO orders SELECT n FROM generate_series(6001, 9000) n; COMMIT";
    house.run(&large).await;
    house.run("INSERT INTO orders VALUES (9001)").await;
    let ids: Vec<String> = changes(&read_on(&source, &end(&snapshot)).await.unwrap())
        .iter()
        .map(|change| change.value("id").to_owned())
        .collect();
    let expected: Vec<String> = (1..=9_001).map(|id: u32| id.to_string()).collect();
    assert!(ids == expected, "{} of {}", ids.len(), expected.len());
    house.tear_down(source).await;
}

#[tokio::test]
async fn columns_come_and_go_while_changes_are_read() {
    let Some(mut house) = House::build(ORDERS).await else {
        return;
    };
    let source = house.source();
    let snapshot = read_on(&source, &origin()).await.unwrap();
    house.run("INSERT INTO orders VALUES (1, 'a', 1)").await;
    house
        .run("BEGIN; ALTER TABLE orders ADD COLUMN note text; INSERT INTO orders VALUES (2, 'b', 2, 'n'); COMMIT")
        .await;
    house
        .run("ALTER TABLE orders ALTER COLUMN id TYPE bigint; INSERT INTO orders VALUES (3000000000, 'c', 3)")
        .await;
    house
        .run("ALTER TABLE orders RENAME COLUMN customer TO buyer; INSERT INTO orders VALUES (4, 'd', 4)")
        .await;
    house
        .run("ALTER TABLE orders DROP COLUMN note; INSERT INTO orders VALUES (5, 'e', 5)")
        .await;
    let seen = changes(&read_on(&source, &end(&snapshot)).await.unwrap());
    let values = |index: usize, names: [&str; 5]| names.map(|name| seen[index].value(name).to_owned());
    let names = ["id", "id__int64", "customer", "buyer", "note"];
    assert_eq!(values(0, names), ["1", "", "a", "", ""]);
    assert_eq!(values(1, names), ["2", "", "b", "", "n"]);
    assert_eq!(values(2, names), ["", "3000000000", "c", "", ""]);
    assert_eq!(values(3, names), ["", "4", "", "d", ""]);
    assert_eq!(values(4, names), ["", "5", "", "e", ""]);
    house.tear_down(source).await;
}

#[tokio::test]
async fn what_an_update_does_not_repeat_is_said_or_taken_from_the_row_before() {
    let ddl = "CREATE TABLE notes (id int PRIMARY KEY, body text, n int); \
               CREATE TABLE whole (id int PRIMARY KEY, body text, n int); ALTER TABLE whole REPLICA IDENTITY FULL; \
               CREATE TABLE keyless (a int, b text); ALTER TABLE keyless REPLICA IDENTITY FULL";
    let Some(mut house) = House::build(ddl).await else {
        return;
    };
    for table in ["notes", "whole"] {
        house
            .run(&format!("ALTER TABLE {table} ALTER COLUMN body SET STORAGE EXTERNAL"))
            .await;
        house
            .run(&format!("INSERT INTO {table} VALUES (1, repeat('x', 10000), 1)"))
            .await;
    }
    let source = house.source();
    let snapshot = read_on(&source, &origin()).await.unwrap();
    house.run("UPDATE notes SET n = 2").await;
    house.run("UPDATE whole SET n = 2").await;
    house.run("UPDATE whole SET id = 7").await;
    house
        .run("INSERT INTO keyless VALUES (1, NULL); UPDATE keyless SET a = 2; DELETE FROM keyless")
        .await;
    let seen = changes(&read_on(&source, &end(&snapshot)).await.unwrap());
    let ops: Vec<(&str, &str)> = seen.iter().map(|change| (&*change.table, &*change.op)).collect();
    let expected = [
        ("shop__notes", "update"),
        ("shop__whole", "update"),
        ("shop__whole", "delete"),
        ("shop__whole", "insert"),
        ("shop__keyless", "insert"),
        ("shop__keyless", "update"),
        ("shop__keyless", "delete"),
    ];
    assert_eq!(ops, expected);
    assert_eq!((seen[0].value("body"), seen[0].value("_unchanged")), ("", "[\"body\"]"));
    assert_eq!((seen[1].value("body").len(), seen[1].value("_unchanged")), (10_000, ""));
    assert_eq!((seen[3].value("id"), seen[3].value("body").len()), ("7", 10_000));
    assert_eq!(seen[5].value("_before"), "{\"a\":1,\"b\":null}");
    house.tear_down(source).await;
}

#[tokio::test]
async fn two_readers_stand_at_different_places() {
    let Some(mut house) = House::build(ORDERS).await else {
        return;
    };
    let source = house.source();
    let snapshot = read_on(&source, &origin()).await.unwrap();
    for reader in ["lake", "online"] {
        source.acknowledge(reader, &end(&snapshot)).await.unwrap();
    }
    house.run("INSERT INTO orders SELECT generate_series(1, 100)").await;
    let first = read_on(&source, &end(&snapshot)).await.unwrap();
    source.acknowledge("lake", &end(&first)).await.unwrap();
    let second = read_on(&source, &end(&snapshot)).await.unwrap();
    assert_eq!(changes(&second), changes(&first));
    house.run("INSERT INTO orders SELECT generate_series(101, 200)").await;
    let (here, there) = (end(&first), end(&second));
    let (third, fourth) = tokio::join!(read_on(&source, &here), read_on(&source, &there));
    assert_eq!(changes(&third.unwrap()), changes(&fourth.unwrap()));
    house.tear_down(source).await;
}

#[tokio::test]
async fn two_readers_at_the_same_place_both_get_everything() {
    let Some(mut house) = House::build(ORDERS).await else {
        return;
    };
    let source = house.source();
    let snapshot = read_on(&source, &origin()).await.unwrap();
    let mut at = end(&snapshot);
    for round in 0..5 {
        house
            .run(&format!(
                "INSERT INTO orders SELECT generate_series({round}00, {round}99)"
            ))
            .await;
        let (here, there) = tokio::join!(read_on(&source, &at), read_on(&source, &at));
        let (here, there) = (here.unwrap(), there.unwrap());
        assert_eq!(changes(&here).len(), 100);
        assert_eq!(changes(&here), changes(&there));
        at = end(&here).min(end(&there));
    }
    house.tear_down(source).await;
}

#[tokio::test]
async fn whoever_waits_hears_of_a_change_to_an_idle_database() {
    let Some(mut house) = House::build(ORDERS).await else {
        return;
    };
    let source = house.source();
    let mut at = end(&read_on(&source, &origin()).await.unwrap());
    let mut commits = source.commits();
    while let Some(slice) = source.read(&at, 1).await.unwrap() {
        at = slice.to;
    }
    house.run("INSERT INTO orders VALUES (1)").await;
    // As a pipeline does: what there is, and then a wait for more.
    let heard = async {
        loop {
            commits.mark_unchanged();
            match source.read(&at, 1).await.unwrap() {
                Some(slice) if slice.changes() > 0 => return slice.changes(),
                Some(slice) => at = slice.to,
                None => commits.changed().await.unwrap(),
            }
        }
    };
    assert_eq!(tokio::time::timeout(HANGS_AFTER, heard).await, Ok(1));
    house.tear_down(source).await;
}

#[tokio::test]
async fn long_rows_come_in_small_slices() {
    let Some(mut house) = House::build(ORDERS).await else {
        return;
    };
    let insert = |from: u32| {
        format!(
            "INSERT INTO orders SELECT n, repeat('0123456789abcdef', 32768) FROM generate_series({from}, {from} + 99) n"
        )
    };
    house.run(&insert(1)).await;
    let source = house.source();
    let snapshot = read_on(&source, &origin()).await.unwrap();
    house.run(&insert(101)).await;
    let stream = read_on(&source, &end(&snapshot)).await.unwrap();
    for (slices, most) in [(&snapshot, 41), (&stream, 100)] {
        assert_eq!(changes(slices).len(), 100);
        assert!(
            slices.iter().all(|slice| slice.changes() <= most),
            "{most} of half a MiB at most"
        );
    }
    house.tear_down(source).await;
}

#[tokio::test]
async fn a_range_that_the_log_does_not_reach_is_not_waited_for() {
    let Some(mut house) = House::build(ORDERS).await else {
        return;
    };
    house.run("INSERT INTO orders VALUES (1)").await;
    let source = house.source();
    let at = end(&read_on(&source, &origin()).await.unwrap());
    let never = Position::new("shop", at.epoch, at.commit + (1 << 40), 0);
    for error in [
        source.read_range(&at, &never).await.unwrap_err(),
        source.read(&never, 1).await.unwrap_err(),
    ] {
        assert_eq!(error.code(), ErrorCode::Corrupt, "{error}");
        assert!(error.to_string().contains("older copy"), "{error}");
    }
    house.tear_down(source).await;
}

#[tokio::test]
async fn a_lost_slot_is_said_and_the_next_step_with_it() {
    let Some(mut house) = House::build(ORDERS).await else {
        return;
    };
    let source = house.source();
    let snapshot = read_on(&source, &origin()).await.unwrap();
    drop(source);
    let dropped = format!("SELECT pg_drop_replication_slot('{}')", house.name);
    while house.database.query(&dropped).await.is_err() {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    let source = house.source();
    let error = source.read(&end(&snapshot), 1).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::Corrupt);
    assert!(error.to_string().contains("cortex ingest resnapshot shop"), "{error}");
    house.tear_down(source).await;
}
