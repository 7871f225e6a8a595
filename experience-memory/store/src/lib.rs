//! The memory on SQL.
//!
//! [`SqlExperienceStore`] implements the memory's store port on the tables of [`EXPERIENCE`]. Decisions, feedback and
//! outcomes are captured, so that they reach the lake like any other table; events that wait for their decision are not.
//! A call is one transaction: what it records, and what joins because of it, is there together or not at all.
//!
//! This crate never decides what joins or what conflicts: it fetches what `cortex-experience` decides on.

mod schema;

mod decisions;
mod events;
mod pending;
mod reading;
mod rows;
mod store;

pub use schema::EXPERIENCE;
pub use store::SqlExperienceStore;
