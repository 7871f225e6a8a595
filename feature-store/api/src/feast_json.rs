//! The response to `/get-online-features`, written straight into its bytes: one column per name, join keys first.

use std::io::Write;

use cortex_features::{Entity, EventTime, FeatureRef, FeatureStatus, FeatureValue, OnlineVectors};
use serde::Serialize;
use serde_json::value::RawValue;

/// What Feast writes where there is no event time.
const EPOCH: &str = "1970-01-01T00:00:00Z";
/// Bytes of one value with its status and time, about.
const CELL_BYTES: usize = 64;

/// The columns of a response.
pub(crate) struct FeastResponse<'a> {
    pub entity: &'a Entity,
    /// One list per join key; they go back as they came.
    pub keys: &'a [Vec<&'a RawValue>],
    pub features: &'a [FeatureRef],
    pub full_names: bool,
    pub vectors: &'a OnlineVectors,
}

impl FeastResponse<'_> {
    /// As UTF-8 JSON.
    pub(crate) fn to_json(&self) -> Vec<u8> {
        let cells = (self.features.len() + self.keys.len()) * (self.vectors.rows.len() + 1);
        let mut out = Vec::with_capacity(cells * CELL_BYTES);
        out.extend(br#"{"metadata":{"feature_names":["#);
        let mut names = Separated::new();
        for key in &self.entity.join_keys {
            names.next(&mut out);
            write_json(&mut out, key);
        }
        for feature in self.features {
            names.next(&mut out);
            if self.full_names {
                write_json(&mut out, &format!("{}__{}", feature.view, feature.feature));
            } else {
                write_json(&mut out, &feature.feature);
            }
        }
        out.extend(br#"]},"results":["#);
        let mut columns = Separated::new();
        for keys in self.keys {
            columns.next(&mut out);
            write_key_column(&mut out, keys);
        }
        for column in 0..self.features.len() {
            columns.next(&mut out);
            self.write_feature_column(&mut out, column);
        }
        out.extend(b"]}");
        out
    }

    fn write_feature_column(&self, out: &mut Vec<u8>, column: usize) {
        let rows = &self.vectors.rows;
        out.extend(br#"{"values":["#);
        let mut separated = Separated::new();
        for row in rows {
            separated.next(out);
            write_value(out, row.values.get(column).unwrap_or(&FeatureValue::Null));
        }
        out.extend(br#"],"statuses":["#);
        let mut separated = Separated::new();
        for row in rows {
            separated.next(out);
            write_json(out, row.statuses.get(column).unwrap_or(&FeatureStatus::NotFound));
        }
        out.extend(br#"],"event_timestamps":["#);
        let mut separated = Separated::new();
        for row in rows {
            separated.next(out);
            write_time(out, row.event_times.get(column).copied().flatten());
        }
        out.extend(b"]}");
    }
}

fn write_key_column(out: &mut Vec<u8>, keys: &[&RawValue]) {
    let repeated = |out: &mut Vec<u8>, write: &dyn Fn(&mut Vec<u8>, &RawValue)| {
        let mut separated = Separated::new();
        for key in keys {
            separated.next(out);
            write(out, key);
        }
    };
    out.extend(br#"{"values":["#);
    repeated(out, &|out, key| out.extend(key.get().as_bytes()));
    out.extend(br#"],"statuses":["#);
    repeated(out, &|out, _| out.extend(br#""PRESENT""#));
    out.extend(br#"],"event_timestamps":["#);
    repeated(out, &|out, _| write_time(out, None));
    out.extend(b"]}");
}

fn write_value(out: &mut Vec<u8>, value: &FeatureValue) {
    match value {
        // JSON has no infinities.
        FeatureValue::Float(number) if !number.is_finite() => out.extend(b"null"),
        value => write_json(out, value),
    }
}

fn write_time(out: &mut Vec<u8>, time: EventTime) {
    // Writing to memory does not fail.
    let _ = match time {
        Some(time) => write!(out, "\"{time}\""),
        None => write!(out, "\"{EPOCH}\""),
    };
}

fn write_json(out: &mut Vec<u8>, value: &(impl Serialize + ?Sized)) {
    // Writing to memory does not fail, and what is written here always has a JSON form.
    let _ = serde_json::to_writer(out, value);
}

/// Commas between the items of a list.
struct Separated(bool);

impl Separated {
    const fn new() -> Self {
        Self(false)
    }

    fn next(&mut self, out: &mut Vec<u8>) {
        if self.0 {
            out.push(b',');
        }
        self.0 = true;
    }
}
