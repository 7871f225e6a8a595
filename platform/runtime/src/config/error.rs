//! What is wrong with a configuration, where it stands, and what is allowed.

use std::path::PathBuf;

use cortex_types::{Coded, ErrorCode};
use figment::error::Kind;

use super::origin::Origin;

#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("unknown key '{key}' ({origin}): allowed here are {allowed}")]
    UnknownKey {
        key: String,
        origin: Origin,
        allowed: String,
    },
    #[error("bad value for '{key}' ({origin}): {problem}")]
    BadValue {
        key: String,
        origin: Origin,
        problem: String,
    },
    #[error("'{key}' cannot be set for one tenant alone (file {}): allowed there are {allowed}", path.display())]
    NotPerTenant {
        key: String,
        path: PathBuf,
        allowed: String,
    },
    #[error("cannot read {}: {problem}", path.display())]
    Unreadable { path: PathBuf, problem: String },
}

impl Coded for ConfigError {
    fn code(&self) -> ErrorCode {
        ErrorCode::InvalidConfiguration
    }
}

impl ConfigError {
    /// `default` is the built-in value of the key that failed, which shows the form that is expected.
    pub(super) fn of(error: figment::Error, default: impl Fn(&str) -> Option<String>) -> Self {
        let origin = Origin::of(error.metadata.as_ref());
        let key = error.path.join(".");
        match (error.kind, &origin) {
            (Kind::UnknownField(_, allowed), _) => {
                let section = key
                    .rsplit_once('.')
                    .map_or(String::new(), |(section, _)| format!("{section}."));
                Self::UnknownKey {
                    key,
                    origin,
                    allowed: one_of(allowed.iter().map(|name| format!("{section}{name}"))),
                }
            }
            (Kind::UnknownVariant(found, allowed), _) => Self::BadValue {
                key,
                origin,
                problem: format!(
                    "'{found}' is not one of {}",
                    one_of(allowed.iter().map(ToString::to_string))
                ),
            },
            (kind, Origin::File(path)) if key.is_empty() => Self::Unreadable {
                path: path.clone(),
                problem: kind.to_string(),
            },
            (kind, _) => {
                let example = default(&key).map_or(String::new(), |value| format!("; the default is {value}"));
                Self::BadValue {
                    key,
                    origin,
                    problem: format!("{kind}{example}"),
                }
            }
        }
    }
}

pub(super) fn one_of(names: impl Iterator<Item = String>) -> String {
    names.collect::<Vec<_>>().join(", ")
}
