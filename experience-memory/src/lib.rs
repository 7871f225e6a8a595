//! The memory of the platform: what was decided, what people did with it, and what came of it.
//!
//! [`Memory`] keeps each [`Decision`] with its context, propensity and frontier; [`Feedback`] says what a person did
//! instead, [`Outcome`] what happened. Both find their decision by its id or by a business key and a time, count once
//! however often they are sent, and wait where they arrive before their decision. Outcomes that the ERP knows are read
//! from the lake once their horizon has passed ([`OutcomeRule`]). [`Summary`] judges model versions by all of it.
//!
//! This crate never names a database and never asks a model anything: it stores through the [`ExperienceStore`] port.

mod context;
mod decision;
mod event;
mod join;

mod error;
mod in_memory;
mod plan;
mod port;

mod horizon;
mod memory;
mod resolve;
mod rule;
mod summary;

#[cfg(any(test, feature = "contract"))]
pub mod contract;

pub use context::{ContextValue, DecisionContext};
pub use decision::Decision;
pub use error::ExperienceError;
pub use event::{
    BATCH_MAX, Event, EventKind, Feedback, OUTCOME_VALUE_MAX, Outcome, OutcomeSource, Recorded, Reference,
};
pub use in_memory::InMemoryExperienceStore;
pub use join::{DecisionHead, accepts, newest_accepted};
pub use memory::{JOIN_HORIZON, Memory, PAGE_MAX, Resolved};
pub use plan::{Earlier, GroupPlan, plan_groups, settle};
pub use port::{
    DecisionCursor, DecisionGroup, DecisionPage, DecisionQuery, ExperienceStore, FeedbackEntry, Judged, JudgedQuery,
    Matured, MaturedQuery, OutcomeEntry, PENDING_MAX, Remembered,
};
pub use rule::{Aggregate, OutcomeRule, OutcomeRules};
pub use summary::{CalibrationBin, CellSummary, ModelSummary, OutcomeSummary, Summary, VersionSummary};
