//! What a decision rested on, feature by feature, in a form that reads back bit for bit.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;

/// The value of one feature when the decision was made.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum ContextValue {
    /// The feature had no value. A float that is not finite is kept as this: JSON has no word for it, and to a model
    /// NaN is what missing is.
    Null,
    Int(i64),
    Float(f64),
    Text(Arc<str>),
}

/// Feature values by `view:feature`.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(transparent)]
pub struct DecisionContext(BTreeMap<Arc<str>, ContextValue>);

impl DecisionContext {
    #[must_use]
    pub fn get(&self, feature: &str) -> Option<&ContextValue> {
        self.0.get(feature)
    }

    pub fn iter(&self) -> impl Iterator<Item = (&Arc<str>, &ContextValue)> {
        self.0.iter()
    }

    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// One JSON object, features in the order of their names.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string(self)
    }

    pub fn from_json(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }
}

impl FromIterator<(Arc<str>, ContextValue)> for DecisionContext {
    fn from_iter<I: IntoIterator<Item = (Arc<str>, ContextValue)>>(values: I) -> Self {
        let finite = |value| match value {
            ContextValue::Float(float) if !float.is_finite() => ContextValue::Null,
            other => other,
        };
        Self(
            values
                .into_iter()
                .map(|(feature, value)| (feature, finite(value)))
                .collect(),
        )
    }
}

impl<'de> Deserialize<'de> for DecisionContext {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = BTreeMap::<Arc<str>, Box<RawValue>>::deserialize(deserializer)?;
        let values = raw
            .into_iter()
            .map(|(feature, value)| Ok((feature, exact(value.get())?)));
        values
            .collect::<Result<BTreeMap<_, _>, serde_json::Error>>()
            .map(Self)
            .map_err(serde::de::Error::custom)
    }
}

/// serde_json's own reading of a float may be off by one unit in the last place; the standard library's is exact, and a
/// served vector must compare equal to its recomputation.
fn exact(json: &str) -> Result<ContextValue, serde_json::Error> {
    let unreadable = || serde::de::Error::custom(format!("'{json}' is not a feature value"));
    match json.as_bytes().first() {
        Some(b'n') => Ok(ContextValue::Null),
        Some(b'"') => serde_json::from_str(json).map(ContextValue::Text),
        Some(b'-' | b'0'..=b'9') if json.bytes().any(|b| matches!(b, b'.' | b'e' | b'E')) => {
            json.parse().map(ContextValue::Float).map_err(|_| unreadable())
        }
        Some(b'-' | b'0'..=b'9') => json.parse().map(ContextValue::Int).map_err(|_| unreadable()),
        _ => Err(unreadable()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn values() -> impl Strategy<Value = ContextValue> {
        prop_oneof![
            Just(ContextValue::Null),
            any::<i64>().prop_map(ContextValue::Int),
            any::<f64>()
                .prop_filter("finite", |value| value.is_finite())
                .prop_map(ContextValue::Float),
            "\\PC{0,12}".prop_map(|text| ContextValue::Text(text.into())),
        ]
    }

    fn bits(value: &ContextValue) -> Option<u64> {
        if let ContextValue::Float(float) = value {
            Some(float.to_bits())
        } else {
            None
        }
    }

    proptest! {
        #[test]
        fn a_context_reads_back_bit_for_bit(values in proptest::collection::vec(values(), 0..8)) {
            let named = values.into_iter().enumerate().map(|(i, value)| (Arc::from(format!("view:f{i}")), value));
            let context: DecisionContext = named.collect();
            let back = DecisionContext::from_json(&context.to_json().unwrap()).unwrap();
            prop_assert_eq!(&back, &context);
            prop_assert!(back.iter().zip(context.iter()).all(|(left, right)| bits(left.1) == bits(right.1)));
        }
    }

    #[test]
    fn a_value_that_is_not_finite_is_remembered_as_missing() {
        let context: DecisionContext = [("view:f".into(), ContextValue::Float(f64::NAN))].into_iter().collect();
        assert_eq!(context.get("view:f"), Some(&ContextValue::Null));
    }
}
