use cortex_types::{Coded, ErrorCode};

/// Why a figure cannot be computed.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum CheckError {
    #[error("{what} has no values to compute with")]
    Empty { what: &'static str },
    #[error("{left} has {left_len} values, {right} has {right_len}: they must be as many")]
    Length {
        left: &'static str,
        left_len: usize,
        right: &'static str,
        right_len: usize,
    },
    #[error("value {index} of {what} is {value}: {expected}")]
    Value {
        what: &'static str,
        index: usize,
        value: f64,
        expected: &'static str,
    },
    #[error("{metric} needs both classes among the labels, but all of them are {only}")]
    OneClass { metric: &'static str, only: f64 },
    #[error("{metric} is not defined here: {why}")]
    Undefined { metric: &'static str, why: &'static str },
    #[error("{groups} group(s) have at least {min_size} rows: comparing needs two")]
    TooFewGroups { groups: usize, min_size: usize },
    #[error("'{name}' is no metric: use one of {known}")]
    UnknownMetric { name: String, known: String },
    #[error("{0}")]
    Parameter(String),
}

impl Coded for CheckError {
    fn code(&self) -> ErrorCode {
        ErrorCode::InvalidArgument
    }
}
