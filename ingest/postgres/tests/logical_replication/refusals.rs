//! What a database is not set up for is said before anything is read, with what to do.

use cortex_ingest::ChangeSource;
use cortex_ingest_postgres::{PostgresSource, Selection};

use crate::house::{House, changes, end, read_on};
use crate::{ORDERS, origin};

async fn refusal(source: &PostgresSource) -> String {
    source.read(&origin(), 1).await.unwrap_err().to_string()
}

#[tokio::test]
async fn a_table_whose_rows_nothing_names_is_refused() {
    for (ddl, named) in [
        ("CREATE TABLE bare (a int)", "bare"),
        ("CREATE TABLE late (a int PRIMARY KEY DEFERRABLE)", "late"),
        (
            "CREATE TABLE silent (a int PRIMARY KEY); ALTER TABLE silent REPLICA IDENTITY NOTHING",
            "silent",
        ),
        (
            "CREATE TABLE parts (a int) PARTITION BY LIST (a); ALTER TABLE parts REPLICA IDENTITY FULL; \
             CREATE TABLE part PARTITION OF parts DEFAULT",
            "part",
        ),
    ] {
        let Some(house) = House::build(ddl).await else {
            return;
        };
        let source = house.source();
        let error = refusal(&source).await;
        let advice = format!("ALTER TABLE \"public\".\"{named}\" REPLICA IDENTITY FULL");
        assert!(error.contains(&advice), "{error}");
        house.tear_down(source).await;
    }
}

#[tokio::test]
async fn a_table_that_is_not_there_is_named() {
    let Some(house) = House::build(ORDERS).await else {
        return;
    };
    let source = house.source_of(Selection::parse(["missing"]).unwrap());
    let error = refusal(&source).await;
    assert!(error.contains("no table \"public\".\"missing\""), "{error}");
    house.tear_down(source).await;
}

#[tokio::test]
async fn a_publication_that_leaves_something_out_is_refused() {
    for (ddl, says) in [
        (
            "CREATE PUBLICATION cortex_shop FOR TABLE orders WITH (publish = 'insert')",
            "SET (publish = ",
        ),
        (
            "CREATE PUBLICATION cortex_shop FOR TABLE orders WHERE (id > 5)",
            "DROP TABLE orders",
        ),
        (
            "CREATE PUBLICATION cortex_shop FOR TABLE orders (id, total)",
            "DROP TABLE orders",
        ),
        (
            "CREATE TABLE parts (a int PRIMARY KEY) PARTITION BY LIST (a); CREATE PUBLICATION cortex_shop FOR TABLE orders, parts",
            "publish_via_partition_root = true",
        ),
    ] {
        let Some(house) = House::build(&format!("{ORDERS}; {ddl}")).await else {
            return;
        };
        let source = house.source();
        let error = refusal(&source).await;
        assert!(error.contains(says), "{error}");
        house.tear_down(source).await;
    }
}

#[tokio::test]
async fn a_table_that_is_made_later_is_said_not_to_be_read() {
    let Some(mut house) = House::build(ORDERS).await else {
        return;
    };
    let source = house.source();
    let snapshot = read_on(&source, &origin()).await.unwrap();
    assert_eq!(source.standing().await.unwrap().trouble, None);
    house.run("CREATE TABLE later (id int PRIMARY KEY)").await;
    let trouble = source.standing().await.unwrap().trouble.unwrap();
    assert!(
        trouble.contains("\"public\".\"later\"") && trouble.contains("resnapshot shop"),
        "{trouble}"
    );
    source.renew().await.unwrap();
    let renewed = read_on(&source, &end(&snapshot)).await.unwrap();
    assert_eq!(changes(&renewed).len(), 2, "a truncate of each table");
    assert_eq!(source.standing().await.unwrap().trouble, None);
    house.tear_down(source).await;
}

#[tokio::test]
async fn values_that_old_rows_were_given_by_a_new_column_are_said_to_be_missing() {
    let Some(mut house) = House::build(ORDERS).await else {
        return;
    };
    house.run("INSERT INTO orders VALUES (1, 'a', 1)").await;
    let source = house.source();
    let snapshot = read_on(&source, &origin()).await.unwrap();
    house
        .run("ALTER TABLE orders ADD COLUMN note text; INSERT INTO orders VALUES (2)")
        .await;
    let stream = read_on(&source, &end(&snapshot)).await.unwrap();
    assert_eq!(source.standing().await.unwrap().trouble, None);
    house
        .run("ALTER TABLE orders ADD COLUMN rank int DEFAULT 7; ALTER TABLE orders ALTER COLUMN total TYPE float8; INSERT INTO orders VALUES (3)")
        .await;
    let stream = read_on(&source, &end(&stream)).await.unwrap();
    let trouble = source.standing().await.unwrap().trouble.unwrap();
    assert!(trouble.contains("public.orders (total__float64, rank)"), "{trouble}");
    source.renew().await.unwrap();
    read_on(&source, &end(&stream)).await.unwrap();
    assert_eq!(source.standing().await.unwrap().trouble, None);
    house.tear_down(source).await;
}
