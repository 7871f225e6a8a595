use std::sync::Arc;

use cortex_types::{Coded, Currency, ErrorCode, Money, MoneyError, QuantityError, Role, Timestamp};
use rust_decimal::Decimal;

/// Why the ERP refused a command, or could not carry it out.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ErpError {
    #[error("{field}: {problem}")]
    Invalid { field: String, problem: String },
    #[error("no party has the code '{0}': create it first, or correct the code")]
    UnknownParty(Arc<str>),
    #[error("there is a walk-in party already: all cash sales are its own, and a company has one")]
    WalkInPartyExists,
    #[error("there is no walk-in party for cash sales: create one party of kind walk_in, or name a customer")]
    NoWalkInParty,
    #[error("no product has the code '{0}': create it first, or correct the code")]
    UnknownProduct(Arc<str>),
    #[error("no invoice has the number '{0}': post it first, or correct the number")]
    UnknownInvoice(Arc<str>),
    #[error("there is no location '{0}': create it first, or correct the code")]
    UnknownLocation(Arc<str>),
    #[error(
        "'{product}' would be {} short at '{location}' at {at}, which may not go below zero: receive goods first, or take \
         less",
        Decimal::new(*short_micro, 6).normalize()
    )]
    InsufficientStock {
        product: Arc<str>,
        location: Arc<str>,
        at: Timestamp,
        short_micro: i64,
    },
    #[error(
        "'{product}' is set aside for orders at '{location}', and {} of that would be taken: take less, or release an order",
        Decimal::new(*short_micro, 6).normalize()
    )]
    StockReserved {
        product: Arc<str>,
        location: Arc<str>,
        short_micro: i64,
    },
    #[error("the history of '{product}' before {at} was not at hand: try again, and report it if it happens again")]
    HistoryMissing { product: Arc<str>, at: Timestamp },
    #[error("the chart of accounts has no account '{0}'")]
    UnknownAccount(String),
    #[error(
        "'{customer}' owes {owed} of the {limit} that it may: {more} more is too much; take a payment first, or raise the \
         limit"
    )]
    CreditLimitExceeded {
        customer: Arc<str>,
        limit: Money,
        owed: Money,
        more: Money,
    },
    #[error(
        "nobody said what {currency} is worth in {base} on {at}: set an exchange rate from that day on, or from before it"
    )]
    NoExchangeRate {
        currency: Currency,
        base: Currency,
        at: Timestamp,
    },
    #[error("the entry does not balance: debits are {debits}, credits are {credits}")]
    Unbalanced { debits: Money, credits: Money },
    #[error("the books are closed up to {before}, and {at} is before that: {how}")]
    PeriodClosed {
        at: Timestamp,
        before: Timestamp,
        how: &'static str,
    },
    #[error("{what} is kept in {kept}, but the document is in {document}")]
    WrongCurrency {
        what: String,
        kept: Currency,
        document: Currency,
    },
    #[error("{kind} '{number}' exists already")]
    AlreadyExists { kind: &'static str, number: Arc<str> },
    #[error("there is no {kind} '{number}'")]
    NotFound { kind: &'static str, number: String },
    #[error(
        "a {kind} of {amount} needs the word of a {role} (rule {rule}: above {above}): keep it as a draft, and submit it"
    )]
    ApprovalRequired {
        kind: &'static str,
        amount: Money,
        rule: Arc<str>,
        above: Money,
        role: Role,
    },
    #[error("it was approved at {approved} and comes to {amount} now: change it, or submit it again")]
    ApprovedForLess { approved: Money, amount: Money },
    #[error("nobody says yes to what they wrote or submitted themselves: somebody else has to")]
    OwnApproval,
    #[error("the {what} is {state}: nobody can {action} it now; what can be done is {allowed}")]
    WrongState {
        what: &'static str,
        state: &'static str,
        action: &'static str,
        allowed: String,
    },
    #[error("the draft is at version {now}: read it again, and change what is there")]
    DraftChanged { now: i64 },
    #[error("the idempotency key '{0}' was used before, with another body: use a new key for a new request")]
    IdempotencyConflict(Arc<str>),
    #[error("nothing of the batch was carried out, since requests[{index}] was refused: {reason}")]
    BatchRefused {
        index: usize,
        code: ErrorCode,
        reason: String,
    },
    #[error("{commands_max} commands wait already: try again in a moment")]
    Overloaded { commands_max: usize },
    #[error("the ERP is shutting down: try again when it is up")]
    Stopped,
    #[error(transparent)]
    Money(#[from] MoneyError),
    #[error(transparent)]
    Quantity(#[from] QuantityError),
    #[error("cannot import {file}: {problem}")]
    Import { file: String, problem: String },
    #[error("line {line} of {file} was refused, and the import is strict: {reason}")]
    StrictImport { file: String, line: u64, reason: String },
    #[error("the ERP's store could not {what}: {source}")]
    Storage {
        what: String,
        code: ErrorCode,
        #[source]
        source: Arc<dyn std::error::Error + Send + Sync>,
    },
}

impl ErpError {
    #[must_use]
    pub fn invalid(field: impl Into<String>, problem: impl Into<String>) -> Self {
        Self::Invalid {
            field: field.into(),
            problem: problem.into(),
        }
    }

    /// A failure of the database under the [`UnitOfWork`](crate::UnitOfWork).
    #[must_use]
    pub fn storage(
        what: impl Into<String>,
        code: ErrorCode,
        source: impl std::error::Error + Send + Sync + 'static,
    ) -> Self {
        Self::Storage {
            what: what.into(),
            code,
            source: Arc::new(source),
        }
    }
}

impl Coded for ErpError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Invalid { .. }
            | Self::WrongCurrency { .. }
            | Self::Money(_)
            | Self::Quantity(_)
            | Self::Import { .. }
            | Self::StrictImport { .. } => ErrorCode::InvalidArgument,
            Self::UnknownParty(_) | Self::NoWalkInParty => ErrorCode::UnknownParty,
            Self::UnknownProduct(_) => ErrorCode::UnknownProduct,
            Self::UnknownInvoice(_) => ErrorCode::UnknownInvoice,
            Self::UnknownLocation(_) => ErrorCode::UnknownLocation,
            Self::InsufficientStock { .. } | Self::StockReserved { .. } => ErrorCode::InsufficientStock,
            Self::HistoryMissing { .. } => ErrorCode::Internal,
            Self::UnknownAccount(_) => ErrorCode::UnknownAccount,
            Self::CreditLimitExceeded { .. } => ErrorCode::CreditLimitExceeded,
            Self::NoExchangeRate { .. } => ErrorCode::NoExchangeRate,
            Self::Unbalanced { .. } => ErrorCode::Unbalanced,
            Self::PeriodClosed { .. } => ErrorCode::PeriodClosed,
            Self::AlreadyExists { .. } | Self::WalkInPartyExists => ErrorCode::AlreadyExists,
            Self::NotFound { .. } => ErrorCode::NotFound,
            Self::IdempotencyConflict(_) => ErrorCode::IdempotencyConflict,
            Self::DraftChanged { .. } => ErrorCode::VersionMismatch,
            Self::ApprovalRequired { .. } | Self::ApprovedForLess { .. } => ErrorCode::ApprovalRequired,
            Self::OwnApproval => ErrorCode::PermissionDenied,
            Self::WrongState { .. } => ErrorCode::WrongState,
            Self::Overloaded { .. } => ErrorCode::Overloaded,
            Self::Stopped => ErrorCode::Unavailable,
            Self::Storage { code, .. } | Self::BatchRefused { code, .. } => *code,
        }
    }
}
