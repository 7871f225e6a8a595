//! The vocabulary that every stage of Cortex shares.
//!
//! A row committed in the ERP, the change event it becomes, the feature it moves, the prediction it informs and the
//! decision that prediction advised are all described with the types of this crate: typed ids, [`Money`] and
//! [`Quantity`] as integers, [`Position`] and [`Frontier`] for *where* something was computed, [`Timestamp`] for
//! *when*, [`RequestContext`] for *on whose behalf*, and [`ErrorCode`] for *what went wrong*.
//!
//! This crate does no I/O, knows no database, no web framework and no other crate of ours.

pub mod clock;
pub mod context;
pub mod error;
pub mod ids;
pub mod money;
pub mod position;
pub mod quantity;

pub use clock::{Clock, ManualClock, SystemClock, TimeOutOfRange, Timestamp};
pub use context::{Principal, RequestContext, Role, TraceId};
pub use error::{Coded, ErrorCode, ErrorKind, Problem, Retry};
pub use ids::{
    AccountId, ApprovalRuleId, CancellationId, CommandId, CompanyId, ContactId, CostCentreId, CreditNoteId, DecisionId,
    DraftId, ExchangeRateId, ExperimentId, FeedbackId, FiscalPeriodId, FiscalYearId, InvoiceId, JournalEntryId,
    JournalLineId, LineId, LocationId, ModelVersionId, NumberSeriesId, OrderId, OutcomeId, PartyId, PaymentId,
    ProductId, PurchaseBillId, ReceiptId, ReorderRuleId, RunId, StandardCostId, StockDocumentId, StockMoveId,
    StockRevaluationId, TaxCodeId, TenantId,
};
pub use money::{Currency, Money, MoneyError};
pub use position::{Frontier, Position, SourceId};
pub use quantity::{Quantity, QuantityError, Unit};
