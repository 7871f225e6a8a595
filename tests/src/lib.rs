//! Whole-loop tests of the real `cortex` binary: this library only starts it, stops it, and reads what it prints.
//!
//! The tests themselves stand in `tests/`. They look at what a user can look at: what commands print, what the HTTP API
//! answers, and the files of the data folder.

pub mod binary;
pub mod client;
pub mod content;
pub mod mutation;
pub mod postgres;
pub mod retail;
