//! A small business for tests: rows that change, as a model that a brute-force computation can read, and as bronze.

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Field, Fields};
use arrow::json::ReaderBuilder;
use cortex_lake::changes::{self, bronze_schema, timestamp_type};
use cortex_types::Timestamp;
use proptest::prelude::*;
use serde_json::{Value, json};

pub(crate) const DAY: i64 = 86_400_000_000;

pub(crate) const DEFINITIONS: &str = "
entities: [{ name: customer, join_keys: [customer_code] }]
views:
  - name: sales
    entity: customer
    source: { table: lines, event_time: at, where: kind = 'goods' }
    features:
      - { name: spend_3d, aggregate: sum, value: net, window: 3d }
      - { name: spend_9d, aggregate: sum, value: net, window: 9d }
      - { name: spend_ever, aggregate: sum, value: net, window: lifetime }
      - { name: lines_9d, aggregate: count, window: 9d }
      - { name: net_avg_9d, aggregate: avg, value: net, window: 9d }
      - { name: net_min_ever, aggregate: min, value: net, window: lifetime }
      - { name: net_max_9d, aggregate: max, value: net, window: 9d }
      - { name: orders_9d, aggregate: count_distinct, value: invoice, window: 9d }
      - { name: orders_ever, aggregate: count_distinct, value: invoice, window: lifetime }
      - { name: recency, aggregate: days_since_last, window: lifetime }
      - { name: tenure, aggregate: days_since_first, window: lifetime }
      - { name: last_net, aggregate: last, value: net, window: 3d }
      - { name: last_invoice, aggregate: last, value: invoice, window: lifetime }
      - { name: per_order, ratio: { of: spend_9d, to: orders_9d } }
services:
  - name: sales
    entity: customer
    features: ['sales:orders_9d', 'sales:spend_9d', 'sales:spend_3d', 'sales:net_avg_9d', 'sales:recency']
";

/// One version of one row; `holds` is false for a delete, whose other fields are those of the row that went.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Version {
    pub row: usize,
    pub holds: bool,
    pub first: bool,
    pub known: i64,
    pub customer: Option<&'static str>,
    pub at: Option<i64>,
    pub net: Option<i64>,
    pub invoice: &'static str,
    pub kind: &'static str,
}

impl Version {
    pub(crate) fn sale(row: usize, customer: &'static str, at: i64, net: i64) -> Self {
        let invoice = "I1";
        Self {
            row,
            holds: true,
            first: true,
            known: at,
            customer: Some(customer),
            at: Some(at),
            net: Some(net),
            invoice,
            kind: "goods",
        }
    }

    fn columns(&self) -> Value {
        json!({
            "id": format!("row-{}", self.row), "customer_code": self.customer, "at": self.at, "net": self.net,
            "invoice": self.invoice, "kind": self.kind,
        })
    }
}

fn columns() -> Fields {
    Fields::from(vec![
        Field::new("id", DataType::Utf8, false),
        Field::new("customer_code", DataType::Utf8, true),
        Field::new("at", timestamp_type(), true),
        Field::new("net", DataType::Int64, true),
        Field::new("invoice", DataType::Utf8, true),
        Field::new("kind", DataType::Utf8, true),
    ])
}

/// The versions as bronze rows; the first of them is change number `offset + 1`, and each is a commit of its own.
pub(crate) fn bronze(versions: &[Version], offset: usize, before: &[Version]) -> RecordBatch {
    let mut rows = Vec::new();
    for (index, version) in versions.iter().enumerate() {
        let mut row = version.columns();
        let earlier = before
            .iter()
            .chain(&versions[..index])
            .rev()
            .find(|earlier| earlier.row == version.row);
        let op = match (version.holds, version.first) {
            (false, _) => "delete",
            (true, true) => "insert",
            (true, false) => "update",
        };
        let number = offset + index + 1;
        let known_before = (op == "update")
            .then(|| earlier.map(|earlier| earlier.columns().to_string()))
            .flatten();
        let metadata = json!({
            changes::OP: op, changes::SOURCE: "erp", changes::EPOCH: 1, changes::COMMIT: number, changes::SEQ: number,
            changes::TX: number, changes::KNOWN_AT: version.known, changes::KNOWN_BY: "clock",
            changes::PRINCIPAL: "test", changes::TRACE_ID: "0", changes::BEFORE: known_before,
        });
        if let (Value::Object(row), Value::Object(metadata)) = (&mut row, metadata) {
            row.extend(metadata);
        }
        rows.push(row);
    }
    let mut decoder = ReaderBuilder::new(bronze_schema(&columns(), &[]))
        .build_decoder()
        .unwrap();
    decoder.serialize(&rows).unwrap();
    decoder
        .flush()
        .unwrap()
        .unwrap_or_else(|| RecordBatch::new_empty(bronze_schema(&columns(), &[])))
}

/// Any history of a few rows: late, backdated, corrected, moved to another customer, deleted.
pub(crate) fn histories() -> impl Strategy<Value = Vec<Version>> {
    let customers = prop_oneof![4 => Just(Some("A")), 2 => Just(Some("B")), 1 => Just(None)];
    let kinds = prop_oneof![5 => Just("goods"), 1 => Just("service")];
    let step = (
        0_usize..6,
        prop_oneof![6 => Just(true), 1 => Just(false)],
        0_i64..30,
        customers,
        prop_oneof![12 => (0_i64..30).prop_map(Some), 1 => Just(None)],
        prop_oneof![9 => (-5_i64..5).prop_map(Some), 1 => Just(None)],
        prop_oneof![Just("I1"), Just("I2"), Just("I3")],
        kinds,
    );
    proptest::collection::vec(step, 0..40).prop_map(|steps| {
        let mut versions: Vec<Version> = Vec::new();
        // Rows are numbered anew after a delete: ids are not used twice.
        let mut rows = [0_usize; 6];
        for (slot, holds, known, customer, at, net, invoice, kind) in steps {
            let row = slot * 100 + rows[slot];
            let earlier = versions.iter().rev().find(|version| version.row == row).cloned();
            match (earlier, holds) {
                (None, false) => continue,
                (Some(earlier), false) => {
                    versions.push(Version {
                        holds: false,
                        first: false,
                        known: known * DAY,
                        ..earlier
                    });
                    rows[slot] += 1;
                }
                (earlier, true) => versions.push(Version {
                    row,
                    holds,
                    first: earlier.is_none(),
                    known: known * DAY,
                    customer,
                    at: at.map(|day| day * DAY),
                    net,
                    invoice,
                    kind,
                }),
            }
        }
        versions
    })
}

pub(crate) fn day(day: i64) -> Timestamp {
    Timestamp::from_micros(day * DAY)
}
