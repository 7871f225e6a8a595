//! The result of loading: typed values, and where each came from.

use std::collections::BTreeMap;
use std::ops::Deref;

use serde::Serialize;
use serde_json::Value;

use super::error::ConfigError;
use super::origin::Origin;

/// Typed configuration that remembers where its values came from.
#[derive(Clone, Debug)]
pub struct Loaded<T> {
    value: T,
    origins: BTreeMap<String, Origin>,
}

/// One line of `cortex config show`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Setting {
    /// Dotted, such as `http.addr`.
    pub key: String,
    /// Masked where it is a secret; null where it is not set.
    pub value: Value,
    pub origin: Origin,
}

impl<T> Deref for Loaded<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T: Serialize> Loaded<T> {
    pub(super) fn new(value: T, origin_of: impl Fn(&str) -> Origin) -> Self {
        let origins = leaves(&value)
            .into_keys()
            .map(|key| (key.clone(), origin_of(&key)))
            .collect();
        Self { value, origins }
    }

    /// Every setting in order of its key.
    #[must_use]
    pub fn settings(&self) -> Vec<Setting> {
        let settings = leaves(&self.value).into_iter();
        settings
            .map(|(key, value)| Setting {
                origin: self.origin(&key),
                key,
                value,
            })
            .collect()
    }
}

impl<T> Loaded<T> {
    #[must_use]
    pub fn origin(&self, key: &str) -> Origin {
        self.origins.get(key).cloned().unwrap_or(Origin::Default)
    }

    /// The error for a value that parsed, but that cannot be meant.
    #[must_use]
    pub fn refuse(&self, key: &str, problem: impl Into<String>) -> ConfigError {
        ConfigError::BadValue {
            key: key.to_owned(),
            origin: self.origin(key),
            problem: problem.into(),
        }
    }

    #[must_use]
    pub fn into_inner(self) -> T {
        self.value
    }
}

/// Dotted keys and their values as anybody may see them.
pub(super) fn leaves(value: &impl Serialize) -> BTreeMap<String, Value> {
    let mut found = BTreeMap::new();
    collect("", serde_json::to_value(value).unwrap_or(Value::Null), &mut found);
    found
}

fn collect(prefix: &str, value: Value, found: &mut BTreeMap<String, Value>) {
    let Value::Object(fields) = value else {
        found.insert(prefix.to_owned(), value);
        return;
    };
    for (name, value) in fields {
        let key = if prefix.is_empty() {
            name
        } else {
            format!("{prefix}.{name}")
        };
        collect(&key, value, found);
    }
}
