//! What a document of a file says otherwise than what is there.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

#[derive(Serialize, ToSchema)]
pub(crate) struct ChangeView {
    #[schema(value_type = Value)]
    pub from: Value,
    #[schema(value_type = Value)]
    pub to: Value,
}

/// Fields that the document says otherwise than what is there. What it does not say stays as it is.
pub(crate) fn changes(there: &Value, body: &Map<String, Value>) -> BTreeMap<String, ChangeView> {
    let differing = body.iter().filter(|(name, to)| !is_same(&there[name.as_str()], to));
    let change = |(name, to): (&String, &Value)| {
        let from = there[name.as_str()].clone();
        (name.clone(), ChangeView { from, to: to.clone() })
    };
    differing.map(change).collect()
}

/// Amounts are compared as amounts, and lines by what the file says of them.
fn is_same(there: &Value, to: &Value) -> bool {
    match (there, to) {
        (Value::Array(there), Value::Array(to)) => {
            there.len() == to.len() && there.iter().zip(to).all(|(there, to)| is_same(there, to))
        }
        (Value::Object(_), Value::Object(to)) => to.iter().all(|(name, to)| is_same(&there[name.as_str()], to)),
        (Value::Null, to) => plain(to).is_empty(),
        (there, to) => {
            let (there, to) = (plain(there), plain(to));
            let amounts = (there.parse::<Decimal>(), to.parse::<Decimal>());
            there == to || matches!(amounts, (Ok(there), Ok(to)) if there == to)
        }
    }
}

pub(crate) fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
