//! What a document of a file says otherwise than what is there.

use std::collections::BTreeMap;
use std::str::FromStr;

use cortex_types::Timestamp;
use rust_decimal::Decimal;
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::shape::{Fields, Kind};

#[derive(Serialize, ToSchema)]
pub(crate) struct ChangeView {
    #[schema(value_type = Value)]
    pub from: Value,
    #[schema(value_type = Value)]
    pub to: Value,
}

/// Fields that the document says otherwise than what is there. What it does not say stays as it is.
pub(crate) fn changes(fields: &Fields, there: &Value, body: &Map<String, Value>) -> BTreeMap<String, ChangeView> {
    let differing = body
        .iter()
        .filter(|(name, to)| !is_same(fields, name, &there[name.as_str()], to));
    let change = |(name, to): (&String, &Value)| {
        let from = there[name.as_str()].clone();
        (name.clone(), ChangeView { from, to: to.clone() })
    };
    differing.map(change).collect()
}

/// Amounts are compared as amounts, times as times, and lines by what the file says of them.
fn is_same(fields: &Fields, field: &str, there: &Value, to: &Value) -> bool {
    match (there, to) {
        (Value::Array(there), Value::Array(to)) => {
            let mut pairs = there.iter().zip(to);
            there.len() == to.len() && pairs.all(|(there, to)| is_same(fields, field, there, to))
        }
        (Value::Object(_), Value::Object(to)) => {
            let mut within = to.iter();
            within.all(|(name, to)| is_same(fields, &format!("{field}.{name}"), &there[name.as_str()], to))
        }
        (Value::Null, to) => plain(to).is_empty(),
        (there, to) => {
            let (there, to) = (plain(there), plain(to));
            there == to
                || match fields.kinds.get(field) {
                    Some(Kind::Decimal | Kind::Any) => same_as::<Decimal>(&there, &to),
                    Some(Kind::Time) => same_as::<Timestamp>(&there, &to),
                    _ => false,
                }
        }
    }
}

fn same_as<T: FromStr + PartialEq>(there: &str, to: &str) -> bool {
    matches!((there.parse::<T>(), to.parse::<T>()), (Ok(there), Ok(to)) if there == to)
}

pub(crate) fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
