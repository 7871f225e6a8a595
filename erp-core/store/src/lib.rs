//! The ERP's ports on SQL.
//!
//! [`SqlLedger`] implements [`UnitOfWork`](cortex_erp::UnitOfWork) — one group of commands is one physical commit, each
//! command one transaction of the change log —, [`Records`](cortex_erp::Records), [`Drafts`](cortex_erp::Drafts) and
//! [`CommandJournal`](cortex_erp::CommandJournal), which [`SqlLedger::replay`] carries out again. [`MIGRATIONS`] brings the tables;
//! the columns of the captured ones are the contract that features, training and experience read.
//!
//! Entries are sealed in a chain as they are posted, so that one that was changed afterwards is named by
//! [`verify`](cortex_erp::Records::verify).
//!
//! Nothing here decides anything about the business: rows come planned. Every statement is scoped by tenant, to which
//! PostgreSQL holds it as well, and posted rows refuse to be changed by triggers of their own.

mod chain;
mod contents;
mod costs;
mod days;
mod drafts;
mod ledger;
mod migrations;
mod read;
mod replay;
mod rows;
mod write;

pub use ledger::SqlLedger;
pub use migrations::MIGRATIONS;
pub use replay::{Replayed, ReplayedTable};
