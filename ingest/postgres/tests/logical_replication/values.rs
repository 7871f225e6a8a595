//! Any value of any type in use: it comes in the snapshot as it comes in the stream, and as the database itself says it.
//!
//! `CORTEX_VALUES=10000:7` draws so many rows from that seed.

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use crate::house::{House, changes, end, read_on};
use crate::origin;

const DRAWN: &str = "CORTEX_VALUES";
const ROWS: usize = 300;
const SEED: u8 = 1;

/// Each column: its type, and how the database says a value as the lake shows it; none where its own text is that.
const COLUMNS: [(&str, &str, Option<&str>); 22] = [
    ("flag", "boolean", Some("$::text")),
    ("small", "smallint", None),
    ("plain", "integer", None),
    ("big", "bigint", None),
    ("single", "real", None),
    ("double", "double precision", None),
    ("money_like", "numeric(12, 2)", None),
    ("exact", "numeric(38, 19)", None),
    ("free", "numeric", None),
    ("day", "date", None),
    (
        "moment",
        "timestamptz",
        Some("to_char($ AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')"),
    ),
    (
        "naive",
        "timestamp",
        Some("to_char($, 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')"),
    ),
    ("clock", "time", None),
    ("span", "interval", None),
    ("bytes", "bytea", Some("encode($, 'hex')")),
    ("word", "text", None),
    ("padded", "char(7)", None),
    ("feeling", "mood", None),
    ("document", "jsonb", None),
    ("numbers", "bigint[]", Some("array_to_string($, ', ', '')")),
    ("words", "text[]", Some("array_to_string($, ', ', '')")),
    ("pairs", "pair", None),
];

/// A value as SQL; `NULL` now and then.
fn or_null(value: impl Strategy<Value = String> + 'static) -> BoxedStrategy<String> {
    prop_oneof![9 => value, 1 => Just("NULL".to_owned())].boxed()
}

fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

fn word() -> impl Strategy<Value = String> {
    // Everything but the one character that PostgreSQL does not keep.
    prop_oneof![
        "\\PC{0,12}",
        any::<String>(),
        Just("NULL".to_owned()),
        Just("{\"\\,}".to_owned())
    ]
    .prop_map(|text| text.replace('\0', ""))
}

fn double() -> impl Strategy<Value = String> {
    let special = prop_oneof![Just("NaN"), Just("Infinity"), Just("-Infinity"), Just("-0")].prop_map(str::to_owned);
    // A denormal that is read back as zero is refused by the database.
    let any = proptest::num::f64::NORMAL.prop_map(|number| number.to_string());
    prop_oneof![4 => any, 1 => special].prop_map(|text| literal(&text))
}

fn single() -> impl Strategy<Value = String> {
    proptest::num::f32::NORMAL.prop_map(|number| literal(&number.to_string()))
}

fn digits(whole: usize, fraction: usize) -> impl Strategy<Value = String> {
    let pattern = format!("-?[0-9]{{1,{whole}}}\\.[0-9]{{1,{fraction}}}");
    proptest::string::string_regex(&pattern).unwrap()
}

fn array(element: impl Strategy<Value = String> + 'static, of: &'static str) -> impl Strategy<Value = String> {
    proptest::collection::vec(or_null(element), 0..5)
        .prop_map(move |elements| format!("ARRAY[{}]::{of}[]", elements.join(", ")))
}

fn document() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        word().prop_map(Into::into),
    ];
    let nested = leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Into::into),
            proptest::collection::btree_map(word(), inner, 0..4)
                .prop_map(|map| serde_json::Value::Object(map.into_iter().collect())),
        ]
    });
    nested.prop_map(|json| literal(&json.to_string()))
}

/// Of the years 1 to 9999, whose text is the same everywhere.
fn moment() -> impl Strategy<Value = String> {
    (-719_162_i64..=2_932_896, 0..86_400_000_000_i64).prop_map(|(days, micros)| {
        format!("timestamp '1970-01-01' + {days} * interval '1 day' + {micros} * interval '1 microsecond'")
    })
}

/// One value for each of [`COLUMNS`].
fn row() -> impl Strategy<Value = Vec<String>> {
    vec![
        or_null(any::<bool>().prop_map(|flag| flag.to_string())),
        or_null(any::<i16>().prop_map(|n| format!("({n})"))),
        or_null(any::<i32>().prop_map(|n| format!("({n})"))),
        or_null(any::<i64>().prop_map(|n| literal(&n.to_string()))),
        or_null(single()),
        or_null(double()),
        or_null(digits(9, 2)),
        or_null(digits(18, 19)),
        or_null(digits(60, 60)),
        or_null(moment().prop_map(|at| format!("({at})::date"))),
        or_null(moment().prop_map(|at| format!("({at}) AT TIME ZONE 'UTC'"))),
        or_null(moment()),
        or_null(moment().prop_map(|at| format!("({at})::time"))),
        or_null(
            (any::<i16>(), any::<i16>(), any::<i32>()).prop_map(|(months, days, micros)| {
                format!(
                    "{months} * interval '1 month' + {days} * interval '1 day' + {micros} * interval '1 microsecond'"
                )
            }),
        ),
        or_null(proptest::collection::vec(any::<u8>(), 0..9).prop_map(|bytes| {
            let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            format!("'\\x{hex}'::bytea")
        })),
        or_null(word().prop_map(|text| literal(&text))),
        or_null("[a-zäöü€😀 ]{0,7}".prop_map(|text| literal(&text))),
        or_null(prop_oneof![Just("'glad'".to_owned()), Just("'traurig 😢'".to_owned())]),
        or_null(document()),
        or_null(array(any::<i64>().prop_map(|n| literal(&n.to_string())), "bigint")),
        or_null(array(word().prop_map(|text| literal(&text)), "text")),
        or_null(
            (any::<i32>(), or_null(word().prop_map(|text| literal(&text))))
                .prop_map(|(a, b)| format!("ROW({a}, {b})::pair")),
        ),
    ]
}

fn draw(rows: usize, seed: u8) -> Vec<Vec<String>> {
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[seed; 32]);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let drawn = proptest::collection::vec(row(), rows..=rows).new_tree(&mut runner);
    drawn.unwrap().current()
}

/// What two ways of writing the same may differ in: zeros behind the point of a second, and how a float is written.
fn same(column: &str, here: &str, there: &str) -> bool {
    match column {
        "moment" | "naive" => {
            let whole = |text: &str| {
                text.trim_end_matches('Z')
                    .trim_end_matches('0')
                    .trim_end_matches('.')
                    .to_owned()
            };
            here == there || whole(here) == whole(there) || whole(here) == whole(&format!("{there}.0"))
        }
        "single" => here.parse::<f32>().ok().map(f32::to_bits) == there.parse::<f32>().ok().map(f32::to_bits),
        "double" => {
            let bits = |text: &str| {
                text.parse::<f64>()
                    .ok()
                    .map(|n| if n.is_nan() { 0 } else { n.to_bits() })
            };
            bits(here) == bits(there)
        }
        "numbers" | "words" => here == format!("[{there}]"),
        _ => here == there,
    }
}

#[tokio::test]
async fn any_value_arrives_as_the_database_has_it() {
    let types = "CREATE TYPE mood AS ENUM ('glad', 'traurig 😢'); CREATE TYPE pair AS (a int, b text)";
    let columns: Vec<String> = COLUMNS.map(|(name, of, _)| format!("{name} {of}")).into();
    let columns = columns.join(", ");
    let tables = ["original", "copy"].map(|name| format!("CREATE TABLE {name} (id int PRIMARY KEY, {columns})"));
    let Some(mut house) = House::build(&format!("{types}; {}", tables.join("; "))).await else {
        return;
    };
    let drawn = std::env::var(DRAWN).unwrap_or_default();
    let (rows, seed) = drawn.split_once(':').unwrap_or_default();
    let (rows, seed) = (rows.parse().unwrap_or(ROWS), seed.parse().unwrap_or(SEED));
    for (id, values) in draw(rows, seed).into_iter().enumerate() {
        house
            .run(&format!("INSERT INTO original VALUES ({id}, {})", values.join(", ")))
            .await;
    }
    let source = house.source();
    let snapshot = read_on(&source, &origin()).await.unwrap();
    house.run("INSERT INTO copy SELECT * FROM original ORDER BY id").await;
    let streamed = changes(&read_on(&source, &end(&snapshot)).await.unwrap());
    let mut copied = changes(&snapshot);
    copied.sort_by_key(|row| row.value("id").parse::<usize>().ok());
    assert_eq!((copied.len(), streamed.len()), (rows, rows));

    let said: Vec<String> = COLUMNS
        .map(|(name, _, said)| match said {
            None => format!("CASE num_nonnulls({name}) WHEN 1 THEN format('%s', {name}) END"),
            Some(said) => said.replace('$', name),
        })
        .into();
    let query = format!("SELECT {} FROM original ORDER BY id", said.join(", "));
    let expected = house.database.query(&query).await.unwrap();
    for (id, expected) in expected.iter().enumerate() {
        for (place, (column, ..)) in COLUMNS.iter().enumerate() {
            for (way, row) in [("snapshot", &copied[id]), ("stream", &streamed[id])] {
                let found = row.values.get(*column);
                let is_same = match (found, &expected[place]) {
                    (None, None) => true,
                    (Some(found), Some(expected)) => same(column, found, expected),
                    _ => false,
                };
                assert!(
                    is_same,
                    "row {id} of seed {seed}, {column} in the {way}: {found:?}, but the database has {:?}",
                    expected[place]
                );
            }
        }
        let raw: BTreeMap<&str, Option<&String>> = [("snapshot", &copied[id]), ("stream", &streamed[id])]
            .map(|(way, row)| (way, row.values.get("_raw")))
            .into();
        assert_eq!(raw["snapshot"], raw["stream"], "row {id} of seed {seed}");
    }
    house.tear_down(source).await;
}
