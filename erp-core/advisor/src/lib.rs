//! The ERP's [`Advisor`](cortex_erp::Advisor) port on the serving API: asks `cortex.serving.v1.PredictionService` over
//! gRPC, as any other client would.
//!
//! [`ServingAdvisor`] keeps one channel, connected on first use and again when it breaks. It never waits for longer
//! than its caller does: the deadline is the caller's. It never retries: advice that comes late is no advice.

mod serving_advisor;

pub use serving_advisor::{AdvisorConfig, ServingAdvisor};
