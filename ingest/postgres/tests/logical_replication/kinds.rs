//! Every type that is used in practice, with the values at its edges: as a snapshot sends them and as a change does.

use std::collections::BTreeMap;

use crate::house::{Change, House, changes, end, read_on};
use crate::origin;

const DDL: &str = "
CREATE TYPE mood AS ENUM ('glad', 'traurig 😢');
CREATE TYPE pair AS (a int, b text);
CREATE DOMAIN amount AS numeric(10, 2) CHECK (value >= 0);
CREATE DOMAIN amounts AS int[];
CREATE DOMAIN code AS char(4);
CREATE DOMAIN own_code AS code;
CREATE TABLE kinds (
    id int PRIMARY KEY, flag bool, small smallint, big bigint, object oid, single real, double double precision,
    money_like numeric(12, 2), huge numeric(38, 10), free numeric, day date, moment timestamptz, naive timestamp,
    clock time, clock_zone timetz, span interval, bytes bytea, word text, name varchar(20), padded char(5),
    document json, binary_document jsonb, key uuid, feeling mood, both_of pair, worth amount, worths amounts,
    numbers int[], words text[], moments timestamptz[], cash money, address inet, bits bit(3), during tstzrange, place point,
    search tsvector, letter \"char\", \"Größe in 📏 (cm)\" int, \"_op\" text, \"GROSS\" int, gross int, host inet, inner_code own_code);
CREATE TABLE copy (LIKE kinds INCLUDING ALL)";

const ROWS: &str = r#"
INSERT INTO kinds (id) VALUES (1);
INSERT INTO kinds VALUES (2, true, -32768, -9223372036854775808, 4294967295, '-0', 'NaN', -9999999999.99,
  '9999999999999999999999999999.0123456789', '1e-400', '4713-01-01 BC', '294276-12-31 23:59:59.999999+00',
  '4713-01-01 00:00:00 BC', '24:00:00', '12:34:56.789+05:30', '-1 year 2 mons -3 days 04:05:06.789', '\x00ff10',
  E'a "b" \\ \t\n 😀', 'ä', 'x', '{"a": 1,  "b": [null]}', '{"b": 1, "a": 2.50}', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11',
  'traurig 😢', ROW(1, 'x,"y"'), 12.34, '{1,2}', '{1,NULL,-3}', '{"a,b",NULL,"NULL","q\"uote",""}',
  '{2024-01-01 00:00:00+00,infinity}', 12.34, '::1/64', B'101', '[2024-01-01,infinity)', '(1.5,-2)', 'fat:1 cat:2', 'x',
  180, 'mine', 1, 2, '192.168.1.1', 'ab');
INSERT INTO kinds (id, single, double, money_like, free, day, moment, naive, numbers, worths, word, words) VALUES
  (3, 'Infinity', '-Infinity', 'NaN', '-Infinity', 'infinity', '-infinity', 'infinity', '{{1,2},{3,4}}', '[0:1]={7,8}', '', '{}');
INSERT INTO kinds (id, single, double, money_like, huge, free, day, moment) VALUES
  (4, '3.4028235e38', '5e-324', 0.01, '-0.0000000001', '123456789012345678901234567890.123456789', '1969-12-31',
  '1969-12-31 23:59:59.999999+00');
INSERT INTO kinds (id, both_of) VALUES (5, ROW(NULL, NULL));
"#;

/// Without what says where it happened.
fn values(change: &Change) -> BTreeMap<String, String> {
    let ours = [
        "_op",
        "_source",
        "_epoch",
        "_commit",
        "_seq",
        "_tx",
        "_known_at",
        "_known_by",
        "_principal",
        "_trace_id",
    ];
    let mut values = change.values.clone();
    values.retain(|name, _| !ours.contains(&name.as_str()));
    values
}

#[tokio::test]
async fn every_type_arrives_as_it_was_from_the_snapshot_and_from_the_stream() {
    let Some(mut house) = House::build(DDL).await else {
        return;
    };
    house.run(ROWS).await;
    let source = house.source();
    let snapshot = read_on(&source, &origin()).await.unwrap();
    let copied: Vec<_> = changes(&snapshot).iter().map(values).collect();
    house.run("INSERT INTO copy SELECT * FROM kinds ORDER BY id").await;
    let streamed: Vec<_> = changes(&read_on(&source, &end(&snapshot)).await.unwrap())
        .iter()
        .map(values)
        .collect();
    assert_eq!(copied.len(), 5);
    for (copied, streamed) in copied.iter().zip(&streamed) {
        assert_eq!(copied, streamed);
    }

    assert_eq!(copied[0], BTreeMap::from([("id".to_owned(), "1".to_owned())]));
    let edges = &copied[1];
    for (column, expected) in [
        ("flag", "true"),
        ("small", "-32768"),
        ("big", "-9223372036854775808"),
        ("object", "4294967295"),
        ("single", "-0.0"),
        ("double", "NaN"),
        ("money_like", "-9999999999.99"),
        ("huge", "9999999999999999999999999999.0123456789"),
        ("clock", "24:00:00"),
        ("clock_zone", "12:34:56.789+05:30"),
        ("bytes", "00ff10"),
        ("word", "a \"b\" \\ \t\n 😀"),
        ("padded", "x    "),
        ("document", "{\"a\": 1,  \"b\": [null]}"),
        ("binary_document", "{\"a\": 2.50, \"b\": 1}"),
        ("key", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"),
        ("feeling", "traurig 😢"),
        ("both_of", "(1,\"x,\"\"y\"\"\")"),
        ("worth", "12.34"),
        ("worths", "[1, 2]"),
        ("numbers", "[1, , -3]"),
        ("words", "[a,b, , NULL, q\"uote, ]"),
        ("address", "::1/64"),
        ("bits", "101"),
        ("place", "(1.5,-2)"),
        ("letter", "x"),
        ("GROSS", "1"),
        ("host", "192.168.1.1"),
        ("inner_code", "ab  "),
    ] {
        assert_eq!(edges.get(column).map(String::as_str), Some(expected), "{column}");
    }
    let raw: serde_json::Value = serde_json::from_str(&edges["_raw"]).unwrap();
    assert_eq!(raw["moments"], "{\"2024-01-01 00:00:00+00\",infinity}");
    let raw: serde_json::Value = serde_json::from_str(&copied[2]["_raw"]).unwrap();
    let of_raw = [
        ("money_like", "NaN"),
        ("day", "infinity"),
        ("moment", "-infinity"),
        ("naive", "infinity"),
        ("numbers", "{{1,2},{3,4}}"),
        ("worths", "[0:1]={7,8}"),
    ];
    assert_eq!(
        raw,
        serde_json::Value::Object(
            of_raw
                .map(|(name, text)| (name.to_owned(), text.into()))
                .into_iter()
                .collect()
        )
    );
    assert_eq!(
        (copied[2]["single"].as_str(), copied[2]["free"].as_str()),
        ("inf", "-Infinity")
    );
    assert_eq!((copied[2]["word"].as_str(), copied[2]["words"].as_str()), ("", "[]"));
    assert_eq!(
        (copied[3]["double"].as_str(), copied[3]["moment"].as_str()),
        ("5e-324", "1969-12-31T23:59:59.999999Z")
    );
    house.tear_down(source).await;
}
