//! The gate: what a version must show before a protected alias may name it.
//!
//! A [`GatePolicy`] says what is asked; [`Evidence`] is what the server computed by scoring; [`judge`] compares the two;
//! a [`GateReport`] is the signed result.

mod evidence;
mod judge;
mod policy;
mod report;
mod signature;

pub use evidence::{Evidence, IncumbentScores};
pub use judge::judge;
pub use policy::{Action, DriftRule, FairnessRule, GatePolicies, GatePolicy, Judgement, MetricRule};
pub use report::{Digests, GateCheck, GateReport, ReportId, Severity, SignedReport, Verdict};
pub use signature::SigningKey;
