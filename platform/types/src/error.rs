//! What went wrong, in a word that stays the same: callers branch on [`ErrorCode`], people read the message.
//!
//! Each crate has one error enum and says through [`Coded`] which code each of its variants is. HTTP status, gRPC
//! status and retry policy follow from the code alone, so that no edge decides them again.

use serde::{Deserialize, Serialize};

use crate::context::TraceId;

/// What kind of failure it is; HTTP and gRPC statuses follow from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// The request can never succeed as it stands.
    Invalid,
    Unauthenticated,
    Forbidden,
    NotFound,
    /// It contradicts what is already there.
    Conflict,
    /// It would succeed in another state of the system.
    Precondition,
    TooLarge,
    /// A bounded queue is full.
    Overloaded,
    Unavailable,
    DeadlineExceeded,
    /// Our fault.
    Internal,
}

/// Whether trying again can help.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Retry {
    Never,
    /// The same call, after a pause.
    Later,
    /// Only after somebody did what the message says.
    AfterRepair,
}

macro_rules! error_codes {
    ($($(#[$doc:meta])* $name:ident = $text:literal => $kind:ident, $retry:ident;)+) => {
        /// The stable code of an error. Codes are never renamed, and never reused for something else.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        pub enum ErrorCode {
            $($(#[$doc])* #[serde(rename = $text)] $name,)+
        }

        impl ErrorCode {
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];

            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)+ }
            }

            #[must_use]
            pub const fn kind(self) -> ErrorKind {
                match self { $(Self::$name => ErrorKind::$kind,)+ }
            }

            #[must_use]
            pub const fn retry(self) -> Retry {
                match self { $(Self::$name => Retry::$retry,)+ }
            }
        }
    };
}

error_codes! {
    /// A value is missing, malformed or out of range.
    InvalidArgument = "invalid-argument" => Invalid, Never;
    /// The configuration has an unknown key or a bad value.
    InvalidConfiguration = "invalid-configuration" => Invalid, AfterRepair;
    /// No credentials, or credentials nobody knows.
    Unauthenticated = "unauthenticated" => Unauthenticated, AfterRepair;
    /// The token was valid once.
    TokenExpired = "token-expired" => Unauthenticated, AfterRepair;
    /// The principal's roles do not allow it.
    PermissionDenied = "permission-denied" => Forbidden, AfterRepair;
    /// The token belongs to another tenant than the call.
    WrongTenant = "wrong-tenant" => Forbidden, AfterRepair;
    /// A non-loopback address without authentication.
    InsecureBind = "insecure-bind" => Precondition, AfterRepair;
    NotFound = "not-found" => NotFound, Never;
    /// The path is served, but not with this HTTP method.
    MethodNotAllowed = "method-not-allowed" => NotFound, Never;
    /// The body is packed in a way that is not unpacked here.
    UnsupportedEncoding = "unsupported-encoding" => Invalid, Never;
    /// No gRPC service or method of this name is served here, or not in this encoding.
    Unimplemented = "unimplemented" => NotFound, Never;
    AlreadyExists = "already-exists" => Conflict, Never;
    /// The idempotency key was used for another body.
    IdempotencyConflict = "idempotency-conflict" => Conflict, Never;
    /// Debits and credits differ.
    Unbalanced = "unbalanced-entry" => Invalid, Never;
    UnknownParty = "unknown-party" => Invalid, Never;
    UnknownProduct = "unknown-product" => Invalid, Never;
    UnknownAccount = "unknown-account" => Invalid, Never;
    /// A body refers to an invoice that was never posted.
    UnknownInvoice = "unknown-invoice" => Invalid, Never;
    UnknownLocation = "unknown-location" => Invalid, Never;
    NoExchangeRate = "no-exchange-rate" => Invalid, Never;
    /// More would leave a location than is there, and it may not go below zero.
    InsufficientStock = "insufficient-stock" => Conflict, Never;
    /// The time falls into a period whose books are closed.
    PeriodClosed = "period-closed" => Conflict, Never;
    CreditLimitExceeded = "credit-limit-exceeded" => Conflict, Never;
    /// Somebody has to say yes to the document first.
    ApprovalRequired = "approval-required" => Precondition, AfterRepair;
    /// What it is now does not allow this step.
    WrongState = "wrong-state" => Conflict, Never;
    /// Somebody changed it since the version that the caller knows.
    VersionMismatch = "version-mismatch" => Conflict, Never;
    /// A posted document cannot be changed, only reversed.
    Immutable = "immutable-document" => Conflict, Never;
    UnknownFeature = "unknown-feature" => NotFound, Never;
    UnknownModel = "unknown-model" => NotFound, Never;
    /// A tensor has another shape than the model takes.
    WrongShape = "wrong-shape" => Invalid, Never;
    /// A tensor has another datatype than the model takes.
    WrongType = "wrong-type" => Invalid, Never;
    /// The model file cannot be loaded.
    CorruptModel = "corrupt-model" => Precondition, AfterRepair;
    /// The alias moves only with a passing gate report.
    GateFailed = "gate-failed" => Precondition, AfterRepair;
    /// ONNX Runtime's shared library was not found.
    RuntimeMissing = "onnxruntime-missing" => Unavailable, AfterRepair;
    ModelNotReady = "model-not-ready" => Unavailable, Later;
    /// A bounded queue is full.
    Overloaded = "overloaded" => Overloaded, Later;
    /// The process is draining, or a dependency is away.
    Unavailable = "unavailable" => Unavailable, Later;
    DeadlineExceeded = "deadline-exceeded" => DeadlineExceeded, Later;
    TooLarge = "too-large" => TooLarge, Never;
    /// The disk, the database or the lake refused to store it.
    StorageFailed = "storage-failed" => Unavailable, AfterRepair;
    /// The data folder is held by another process.
    DataInUse = "data-in-use" => Precondition, AfterRepair;
    /// Stored data does not read as what was written.
    Corrupt = "corrupt-data" => Internal, AfterRepair;
    Internal = "internal" => Internal, Later;
}

impl ErrorCode {
    /// Whether somebody on our side has to repair what lies behind it. The message then names paths and settings: it is
    /// for the log, and callers get a general one.
    #[must_use]
    pub const fn is_ours(self) -> bool {
        matches!(self.kind(), ErrorKind::Internal)
            || matches!(self, Self::StorageFailed | Self::DataInUse | Self::InvalidConfiguration)
    }

    #[must_use]
    pub const fn http_status(self) -> u16 {
        match self {
            Self::MethodNotAllowed => return 405,
            Self::UnsupportedEncoding => return 415,
            Self::VersionMismatch => return 412,
            _ => {}
        }
        match self.kind() {
            ErrorKind::Invalid => 400,
            ErrorKind::Unauthenticated => 401,
            ErrorKind::Forbidden => 403,
            ErrorKind::NotFound => 404,
            ErrorKind::Conflict | ErrorKind::Precondition => 409,
            ErrorKind::TooLarge => 413,
            ErrorKind::Overloaded | ErrorKind::Unavailable => 503,
            ErrorKind::DeadlineExceeded => 504,
            ErrorKind::Internal => 500,
        }
    }

    /// The numeric gRPC status.
    #[must_use]
    pub const fn grpc_status(self) -> i32 {
        match self {
            Self::AlreadyExists => 6,
            Self::MethodNotAllowed | Self::Unimplemented => 12,
            _ => match self.kind() {
                ErrorKind::Invalid | ErrorKind::TooLarge => 3,
                ErrorKind::DeadlineExceeded => 4,
                ErrorKind::NotFound => 5,
                ErrorKind::Forbidden => 7,
                ErrorKind::Overloaded => 8,
                ErrorKind::Conflict | ErrorKind::Precondition => 9,
                ErrorKind::Internal => 13,
                ErrorKind::Unavailable => 14,
                ErrorKind::Unauthenticated => 16,
            },
        }
    }
}

impl std::fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// An error that knows its stable code. The `Display` text of a client's mistake goes to the caller; that of our own
/// failure stays in the log.
pub trait Coded: std::error::Error {
    fn code(&self) -> ErrorCode;
}

/// RFC 9457 problem details, with the stable code and the trace id that finds the log line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    #[serde(rename = "type")]
    pub kind: String,
    pub title: String,
    pub status: u16,
    pub detail: String,
    pub code: ErrorCode,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trace_id: Option<TraceId>,
}

impl Problem {
    #[must_use]
    pub fn new(code: ErrorCode, detail: impl Into<String>) -> Self {
        Self {
            kind: format!("urn:cortex:error:{code}"),
            title: code.as_str().replace('-', " "),
            status: code.http_status(),
            detail: detail.into(),
            code,
            trace_id: None,
        }
    }

    /// What the caller may see of `error`: everything, unless the failure is ours.
    #[must_use]
    pub fn of(error: &dyn Coded) -> Self {
        let code = error.code();
        match code {
            ErrorCode::StorageFailed | ErrorCode::DataInUse => Self::new(
                code,
                "this could not be stored or read on our side; the log has it under this trace id",
            ),
            _ if code.is_ours() => Self::new(
                code,
                "something went wrong on our side; the log has it under this trace id",
            ),
            _ => Self::new(code, error.to_string()),
        }
    }

    /// Which field of what was sent it is about, such as `lines[0].quantity`: what the detail begins with, but for where that is. The
    /// rest of the detail may say what was sent.
    #[must_use]
    pub fn field(&self) -> Option<&str> {
        let mut places = ["the JSON body does not fit: ", "the query does not fit: "].into_iter();
        let told = places.find_map(|place| self.detail.strip_prefix(place));
        let told = told.unwrap_or(&self.detail);
        // Of the document itself: `missing field `country``. Of a file: `row 3, column 'country': …`.
        let named = ["missing field `", "unknown field `"]
            .iter()
            .find_map(|begin| told.strip_prefix(begin));
        let column = || told.split_once(": ")?.0.split_once("column '");
        let field = match (named, column()) {
            (Some(named), _) => named.split_once('`')?.0,
            (None, Some((_, column))) => column.strip_suffix('\'')?,
            (None, None) => told.split_once(": ")?.0,
        };
        let is_name = |c: char| c.is_ascii_alphanumeric() || "_.[]-".contains(c);
        let is_field = self.code == ErrorCode::InvalidArgument && !field.is_empty() && field.chars().all(is_name);
        is_field.then_some(field)
    }

    #[must_use]
    pub fn traced(mut self, trace_id: TraceId) -> Self {
        self.trace_id = Some(trace_id);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_names_the_field_and_nothing_else() {
        for (detail, field) in [
            ("lines[0].unit_price: must not be negative", Some("lines[0].unit_price")),
            ("Idempotency-Key: is needed", Some("Idempotency-Key")),
            (
                "the JSON body does not fit: stock[2].value: invalid type",
                Some("stock[2].value"),
            ),
            ("there is no customer 'Ada Lovelace: x'", None),
            (": nothing", None),
            (
                "the JSON body does not fit: missing field `country` at line 1 column 9",
                Some("country"),
            ),
            (
                "the JSON body does not fit: unknown field `pirce`, expected one of …",
                Some("pirce"),
            ),
            (
                "row 3, column 'lines.quantity': must be above zero",
                Some("lines.quantity"),
            ),
            ("column 'pirce': is no field of products", Some("pirce")),
            ("limit: 'x does not fit: Ada: y' is no number", Some("limit")),
            ("no field", None),
        ] {
            let problem = Problem::new(ErrorCode::InvalidArgument, detail);
            assert_eq!(problem.field(), field, "{detail}");
        }
        assert_eq!(Problem::new(ErrorCode::NotFound, "model: is gone").field(), None);
    }
    use std::collections::BTreeSet;

    #[test]
    fn codes_are_distinct_and_kebab_case() {
        let texts: BTreeSet<&str> = ErrorCode::ALL.iter().map(|code| code.as_str()).collect();
        assert_eq!(texts.len(), ErrorCode::ALL.len());
        assert!(
            texts
                .iter()
                .all(|text| text.bytes().all(|b| b.is_ascii_lowercase() || b == b'-'))
        );
    }

    #[test]
    fn an_internal_failure_does_not_leak_its_message() {
        #[derive(Debug, thiserror::Error)]
        #[error("password=hunter2 in /srv/cortex/cortex.db")]
        struct Secretive(ErrorCode);
        impl Coded for Secretive {
            fn code(&self) -> ErrorCode {
                self.0
            }
        }
        for code in [
            ErrorCode::Internal,
            ErrorCode::StorageFailed,
            ErrorCode::DataInUse,
            ErrorCode::InvalidConfiguration,
        ] {
            let detail = Problem::of(&Secretive(code)).detail;
            assert!(
                !detail.contains("hunter2") && !detail.contains("/srv"),
                "{code}: {detail}"
            );
        }
        assert!(
            Problem::of(&Secretive(ErrorCode::InvalidArgument))
                .detail
                .contains("hunter2")
        );
    }
}
