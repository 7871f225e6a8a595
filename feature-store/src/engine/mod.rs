//! The engine: changes of source rows become facts, facts fold to values. Offline and online run this same code.

mod accumulator;
mod expression;
mod extraction;
mod fact;
mod fold;
mod history;
mod plan;
mod symbols;
mod view_facts;

pub(crate) use expression::sql_state;
pub use extraction::FactExtractor;
pub(crate) use extraction::ID;
pub use fact::{Cell, Fact, FactChange, FactPosition, Revision, RowId};
pub use fold::FoldedView;
pub use plan::ViewPlan;
pub use view_facts::{Uncompact, ViewFacts};

#[cfg(test)]
pub(crate) mod sample;
#[cfg(test)]
pub(crate) mod tests;
