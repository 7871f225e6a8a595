//! How the process starts, works and stops.
//!
//! [`Supervisor`] takes what needs care: parts with hooks ([`Lifecycle`]) and background tasks, which are started again
//! when they fail. Started, it is [`Running`], and ends in a drain: readiness goes first, then the listeners, then the
//! requests in flight are waited for, then the tasks finish their batch, then the parts stop, in reverse order.
//! [`Readiness`] tells a load balancer the truth about all of it.

mod health;
mod supervisor;
mod task;

pub use health::{Dependency, Health, HealthCheck, Readiness, ReadinessReport, Status};
pub use supervisor::{DrainReport, Lifecycle, LifecycleError, Phase, Running, Supervisor};

/// Why a hook or a task failed.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;
