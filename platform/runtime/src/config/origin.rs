//! Where a value came from.

use std::fmt;
use std::path::PathBuf;

use figment::{Metadata, Source};
use serde::Serialize;

/// The layer that decided a value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", content = "at", rename_all = "kebab-case")]
pub enum Origin {
    Default,
    DotEnv(String),
    File(PathBuf),
    Variable(String),
    Flag(String),
}

pub(super) const DOT_ENV: &str = ".env";
pub(super) const VARIABLE: &str = "variable";
pub(super) const FLAG: &str = "flag";

impl Origin {
    /// Reads back what the layers wrote into their metadata; what none of them wrote is a default.
    pub(super) fn of(metadata: Option<&Metadata>) -> Self {
        let Some(metadata) = metadata else { return Self::Default };
        match (&metadata.source, metadata.name.as_ref()) {
            (Some(Source::File(path)), _) => Self::File(path.clone()),
            (Some(Source::Custom(at)), DOT_ENV) => Self::DotEnv(at.clone()),
            (Some(Source::Custom(at)), VARIABLE) => Self::Variable(at.clone()),
            (Some(Source::Custom(at)), FLAG) => Self::Flag(at.clone()),
            _ => Self::Default,
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::DotEnv(name) => write!(f, ".env {name}"),
            Self::File(path) => write!(f, "file {}", path.display()),
            Self::Variable(name) => write!(f, "variable {name}"),
            Self::Flag(name) => write!(f, "flag {name}"),
        }
    }
}
