//! What every process of Cortex stands on, whatever its stages do.
//!
//! [`config::load`] turns layers of files, variables and flags into typed structs ([`config::Loaded`]) that remember
//! where each value came from; [`Boot`] is the sequence of six steps that starts the process; [`Supervisor`] keeps its
//! parts and background tasks, and drains them; [`Aside`] is where those run that must not slow answers; [`http`] is
//! what API crates build on.
//!
//! This crate knows no stage, no database and no model, and holds no global state but the log and the metrics.

mod aside;
pub mod boot;
pub mod config;
pub mod http;
pub mod lifecycle;
pub mod telemetry;

pub use aside::Aside;
pub use boot::{Boot, BootReport};
pub use config::Secret;
pub use lifecycle::{Health, HealthCheck, Lifecycle, Phase, Readiness, Running, Supervisor};
