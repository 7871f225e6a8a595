//! The binary's inside: composition, and nothing that a stage should know.
//!
//! [`Config`](config::Config) is every setting there is; [`Providers`](providers::Providers) are the adapters that it
//! chooses, built once; [`Platform`](platform::Platform) is the stages' services on those, without a network, so that
//! commands and tests use it as `cortex up` does; [`roles`] serves it. One file per command stands in [`commands`].
//!
//! Nothing here computes anything: what a command does is in the stages.

pub mod cli;
pub mod commands;
pub mod config;
pub mod crash;
pub mod demo;
pub mod edge;
pub mod failure;
pub mod layout;
pub mod model_runtime;
pub mod platform;
pub mod providers;
pub mod rehearsal;
pub mod roles;
pub mod system;
