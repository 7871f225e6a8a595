//! Silver: the rows of a source table as they are, or as they were, worked out from its change log.
//!
//! Of each row the newest change counts, unless that is a delete; what stands before a `truncate` is gone. A value that an update
//! left alone and did not repeat is that of the change before.

use std::sync::Arc;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::Int64Type;
use cortex_types::{Frontier, Position, Timestamp};
use datafusion::catalog::TableProvider;
use datafusion::datasource::ViewTable;
use datafusion::prelude::{DataFrame, SessionContext};

use crate::changes::{COMMIT, EPOCH, KNOWN_AT, OP, RAW, SEQ, SOURCE, UNCHANGED};
use crate::{LakeError, Snapshot};

/// Up to where changes count.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Cut {
    /// All that the lake has.
    #[default]
    Latest,
    /// Those within a frontier; of a source that it does not name, none.
    At(Frontier),
    /// Those that were known by then.
    By(Timestamp),
}

/// What the change log is called in the queries below.
const CHANGES: &str = "changes";
const PLACE: [&str; 3] = [EPOCH, COMMIT, SEQ];
/// What is told of a row besides its own columns: the change that made it so.
const TOLD: [&str; 4] = [EPOCH, COMMIT, SEQ, KNOWN_AT];

/// The changes themselves that are within the cut.
pub async fn changes(log: &Snapshot, cut: &Cut) -> Result<Arc<dyn TableProvider>, LakeError> {
    match within(cut) {
        None => Ok(Arc::clone(&log.provider)),
        Some(condition) => {
            let asked = asked(log, &format!("SELECT * FROM {CHANGES} WHERE {condition}")).await?;
            Ok(view(asked))
        }
    }
}

/// The rows as they are at the cut. [`LakeError::NoKey`] where nothing says which row a change is about.
pub async fn rows(log: &Snapshot, cut: &Cut) -> Result<Arc<dyn TableProvider>, LakeError> {
    if log.key.is_empty() {
        return Err(LakeError::NoKey(log.table.to_string()));
    }
    let mut conditions = vec!["true".to_owned()];
    conditions.extend(within(cut));
    let emptied = emptied_at(log, &conditions.join(" AND ")).await?;
    conditions.extend(emptied.as_ref().map(behind));
    check(log, &conditions.join(" AND ")).await?;

    let has = |name: &str| log.schema.field_with_name(name).is_ok();
    let own = log.schema.fields().iter().map(|field| field.name().as_str());
    let own: Vec<&str> = own.filter(|name| !name.starts_with('_')).collect();
    let raw = has(RAW).then_some(RAW);
    let by_place = PLACE.map(quoted).join(", ");
    let newest = |name: &str| {
        // A column's own word for itself in the array of those that were left alone.
        let word = serde_json::Value::from(name).to_string().replace('\'', "''");
        let known = match has(UNCHANGED) && !log.key.iter().any(|key| key == name) {
            true => format!(
                " FILTER (WHERE strpos(coalesce({}, ''), '{word}') = 0)",
                quoted(UNCHANGED)
            ),
            false => String::new(),
        };
        format!("last_value({0} ORDER BY {by_place}){known} AS {0}", quoted(name))
    };
    let is_key = |name: &&str| log.key.iter().any(|key| key == name);
    let key: Vec<String> = log.key.iter().map(|name| quoted(name)).collect();
    let others = own.iter().copied().filter(|name| !is_key(name));
    let kept = others.chain(raw).chain(TOLD).chain([OP]).map(newest);
    let folded: Vec<String> = key.iter().cloned().chain(kept).collect();
    let shown = own.iter().copied().chain(raw).chain(TOLD).map(quoted);
    let sql = format!(
        "SELECT {} FROM (SELECT {} FROM {CHANGES} WHERE {} AND {op} <> 'truncate' GROUP BY {}) WHERE {op} <> 'delete'",
        shown.collect::<Vec<_>>().join(", "),
        folded.join(", "),
        conditions.join(" AND "),
        key.join(", "),
        op = quoted(OP),
    );
    Ok(view(asked(log, &sql).await?))
}

/// Refuses what would be answered wrongly: rows that are named by another key than today's, and rows that took values along from
/// the key that they had before.
async fn check(log: &Snapshot, condition: &str) -> Result<(), LakeError> {
    let no_key: Vec<String> = log.key.iter().map(|name| format!("{} IS NULL", quoted(name))).collect();
    let moved = match log.schema.field_with_name(UNCHANGED) {
        Ok(_) => format!("{} = 'insert' AND {} IS NOT NULL", quoted(OP), quoted(UNCHANGED)),
        Err(_) => "false".to_owned(),
    };
    let sql = format!(
        "SELECT count(*) FILTER (WHERE {}), count(*) FILTER (WHERE {moved}) FROM {CHANGES} WHERE {condition} AND {} <> 'truncate'",
        no_key.join(" OR "),
        quoted(OP)
    );
    let found = answered(log, &sql).await?;
    let count = |index: usize| {
        found
            .first()
            .map_or(0, |row| row.column(index).as_primitive::<Int64Type>().value(0))
    };
    let table = log.table.to_string();
    let detail = match (count(0), count(1)) {
        (0, 0) => return Ok(()),
        (0, _) => {
            "rows took another key and left large values alone, which are in the log under the key before; give the table \
             REPLICA IDENTITY FULL"
        }
        _ => "the columns of its key changed, and earlier changes name rows by those from before",
    };
    Err(LakeError::OtherKey {
        table,
        detail: detail.to_owned(),
    })
}

/// Where the log was emptied last, of the changes that meet the condition.
async fn emptied_at(log: &Snapshot, condition: &str) -> Result<Option<[i64; 3]>, LakeError> {
    let place = PLACE.map(quoted);
    let descending = place.each_ref().map(|name| format!("{name} DESC")).join(", ");
    let sql = format!(
        "SELECT {} FROM {CHANGES} WHERE {} = 'truncate' AND {condition} ORDER BY {descending} LIMIT 1",
        place.join(", "),
        quoted(OP)
    );
    let found = answered(log, &sql).await?;
    let row = found.iter().find(|batch| batch.num_rows() > 0);
    let number = |batch: &RecordBatch, index: usize| {
        let column = batch.column(index).as_primitive_opt::<Int64Type>()?;
        column.is_valid(0).then(|| column.value(0))
    };
    Ok(row.and_then(|batch| Some([number(batch, 0)?, number(batch, 1)?, number(batch, 2)?])))
}

fn behind(place: &[i64; 3]) -> String {
    let [epoch, commit, seq] = place;
    let [e, c, s] = PLACE.map(quoted);
    format!("({e} > {epoch} OR ({e} = {epoch} AND ({c} > {commit} OR ({c} = {commit} AND {s} > {seq}))))")
}

fn up_to(position: &Position) -> String {
    let [epoch, commit, seq] = [position.epoch, position.commit, position.seq].map(u64::cast_signed);
    let [e, c, s] = PLACE.map(quoted);
    let source = position.source.replace('\'', "''");
    format!(
        "({} = '{source}' AND ({e} < {epoch} OR ({e} = {epoch} AND ({c} < {commit} OR ({c} = {commit} AND {s} <= {seq})))))",
        quoted(SOURCE)
    )
}

/// The condition of a cut; none where everything is within it.
fn within(cut: &Cut) -> Option<String> {
    match cut {
        Cut::Latest => None,
        Cut::At(frontier) if frontier.is_empty() => Some("false".to_owned()),
        Cut::At(frontier) => {
            let sources: Vec<String> = frontier.positions().map(up_to).collect();
            Some(format!("({})", sources.join(" OR ")))
        }
        Cut::By(time) => Some(format!(
            "{} <= arrow_cast({}, 'Timestamp(Microsecond, Some(\"UTC\"))')",
            quoted(KNOWN_AT),
            time.micros()
        )),
    }
}

async fn asked(log: &Snapshot, sql: &str) -> Result<DataFrame, LakeError> {
    let session = SessionContext::new();
    let asked = async {
        session.register_table(CHANGES, Arc::clone(&log.provider))?;
        session.sql(sql).await
    };
    asked.await.map_err(|error| failed(log, error))
}

async fn answered(log: &Snapshot, sql: &str) -> Result<Vec<RecordBatch>, LakeError> {
    let asked = asked(log, sql).await?;
    asked.collect().await.map_err(|error| failed(log, error))
}

fn view(asked: DataFrame) -> Arc<dyn TableProvider> {
    Arc::new(ViewTable::new(asked.into_unoptimized_plan(), None))
}

fn failed(log: &Snapshot, error: datafusion::error::DataFusionError) -> LakeError {
    LakeError::storage(&log.table, error)
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use arrow::datatypes::{DataType, Field};
    use arrow::json::ReaderBuilder;
    use arrow::util::display::{ArrayFormatter, FormatOptions};
    use cortex_types::TenantId;
    use serde_json::json;

    use super::*;
    use crate::changes::bronze_schema;
    use crate::{AsOf, Commit, Lake, Layer, MemoryLake, TableRef};

    /// Changes of a table with the key `id` and two columns more.
    async fn log(changes: &[(&str, [u64; 3], serde_json::Value)]) -> Snapshot {
        let column = |name: &str, data_type| Field::new(name, data_type, true);
        let columns = [
            column("id", DataType::Int64),
            column("Größe", DataType::Utf8),
            column("n", DataType::Int64),
            column(RAW, DataType::Utf8),
            column(UNCHANGED, DataType::Utf8),
        ];
        let schema = bronze_schema(&columns.to_vec().into(), &["id"]);
        let mut decoder = ReaderBuilder::new(schema).build_decoder().unwrap();
        for (op, [epoch, commit, seq], row) in changes {
            let mut row = row.clone();
            let told = json!({
                OP: op, SOURCE: "shop", EPOCH: epoch, COMMIT: commit, SEQ: seq, "_tx": commit,
                KNOWN_AT: format!("2026-01-01T00:00:{commit:02}Z"), "_known_by": "commit", "_principal": "p", "_trace_id": "",
            });
            row.as_object_mut().unwrap().extend(told.as_object().unwrap().clone());
            decoder.decode(row.to_string().as_bytes()).unwrap();
        }
        let lake = MemoryLake::default();
        let table = TableRef::new(TenantId::new("main").unwrap(), Layer::Bronze, "shop__orders").unwrap();
        let commit = Commit {
            pipeline: "test".into(),
            batch: 1,
            frontier: Frontier::default(),
        };
        lake.append(&table, decoder.flush().unwrap().into_iter().collect(), &commit)
            .await
            .unwrap();
        lake.snapshot(&table, AsOf::Latest).await.unwrap()
    }

    async fn state(log: &Snapshot, cut: &Cut) -> Vec<String> {
        let session = SessionContext::new();
        session.register_table("state", rows(log, cut).await.unwrap()).unwrap();
        let query = "SELECT id, \"Größe\", n FROM state ORDER BY id";
        let found: Vec<RecordBatch> = session.sql(query).await.unwrap().collect().await.unwrap();
        let options = FormatOptions::new().with_null("-");
        let text = |batch: &RecordBatch, row: usize| {
            let columns = batch.columns().iter();
            let values = columns.map(|column| {
                ArrayFormatter::try_new(column, &options)
                    .unwrap()
                    .value(row)
                    .to_string()
            });
            values.collect::<Vec<_>>().join(" ")
        };
        found
            .iter()
            .flat_map(|batch| (0..batch.num_rows()).map(|row| text(batch, row)).collect::<Vec<_>>())
            .collect()
    }

    #[tokio::test]
    async fn of_each_row_the_newest_change_counts_and_what_was_left_alone_stays() {
        let log = log(&[
            ("snapshot", [1, 1, 1], json!({"id": 1, "Größe": "a", "n": 1})),
            ("snapshot", [1, 1, 2], json!({"id": 2, "Größe": "b", "n": 2})),
            ("update", [1, 2, 1], json!({"id": 1, "n": 10, UNCHANGED: "[\"Größe\"]"})),
            ("update", [1, 2, 2], json!({"id": 2, "Größe": null, "n": 20})),
            ("insert", [1, 3, 1], json!({"id": 3, "Größe": "c"})),
            ("delete", [1, 3, 2], json!({"id": 2})),
            ("truncate", [1, 4, 1], json!({})),
            ("insert", [1, 4, 2], json!({"id": 4})),
            ("snapshot", [2, 1, 1], json!({"id": 5})),
        ])
        .await;
        let at = |epoch, commit, seq| Cut::At(Frontier::of(Position::new("shop", epoch, commit, seq)));
        assert_eq!(state(&log, &at(1, 1, 1)).await, ["1 a 1"]);
        assert_eq!(state(&log, &at(1, 2, 0)).await, ["1 a 1", "2 b 2"]);
        assert_eq!(state(&log, &at(1, 2, 9)).await, ["1 a 10", "2 - 20"]);
        assert_eq!(state(&log, &at(1, 3, 9)).await, ["1 a 10", "3 c -"]);
        assert!(state(&log, &at(1, 4, 1)).await.is_empty());
        assert_eq!(state(&log, &at(1, 4, 2)).await, ["4 - -"]);
        assert_eq!(state(&log, &Cut::Latest).await, ["4 - -", "5 - -"]);
        assert!(
            state(&log, &Cut::At(Frontier::of(Position::origin("erp"))))
                .await
                .is_empty()
        );
        let second = |text: &str| Cut::By(text.parse().unwrap());
        assert_eq!(
            state(&log, &second("2026-01-01T00:00:02Z")).await,
            ["1 a 10", "2 - 20", "5 - -"]
        );
        assert!(state(&log, &second("2025-12-31T23:59:59Z")).await.is_empty());
    }

    #[tokio::test]
    async fn what_would_be_wrong_is_refused() {
        let other_key = [
            ("insert", [1, 1, 1], json!({"n": 1})),
            ("insert", [1, 2, 1], json!({"id": 2})),
        ];
        let moved = [
            ("insert", [1, 1, 1], json!({"id": 1, "Größe": "long"})),
            ("delete", [1, 2, 1], json!({"id": 1})),
            ("insert", [1, 2, 2], json!({"id": 7, UNCHANGED: "[\"Größe\"]"})),
        ];
        let emptied = ("truncate", [1, 9, 1], json!({}));
        for mut changes in [other_key.to_vec(), moved.to_vec()] {
            let refused = rows(&log(&changes).await, &Cut::Latest).await;
            assert!(matches!(refused, Err(LakeError::OtherKey { .. })), "{changes:?}");
            changes.push(emptied.clone());
            assert!(state(&log(&changes).await, &Cut::Latest).await.is_empty());
        }
    }
}
