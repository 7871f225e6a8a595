//! The boot sequence: six steps in one fixed order, each timed and logged.
//!
//! | step   | what happens                                                                                    |
//! |--------|-------------------------------------------------------------------------------------------------|
//! | CFG    | configuration is read and checked, and logging starts                                            |
//! | IOC    | the providers (database, lake, online store, …) are built, once, from configuration              |
//! | SPV    | the supervisor exists, before anything that would need one                                       |
//! | MOD    | migrations run, services are built on the providers, background tasks are handed to the supervisor |
//! | ROUTES | the services' routes are mounted behind the edge                                                 |
//! | HEALTH | every dependency is asked whether it works; only then listeners are bound and tasks started      |
//!
//! The order is in the types: `Boot<Cfg>` has only [`Boot::configuration`], which gives a `Boot<Ioc>`, and so on.

use std::future::Future;
use std::marker::PhantomData;
use std::time::{Duration, Instant};

use cortex_types::TraceId;

use crate::telemetry::names;

/// A boot that stands before step `S`.
#[must_use = "a boot that is not carried on starts nothing"]
pub struct Boot<S> {
    report: BootReport,
    step: PhantomData<S>,
}

/// What the steps were and how long they took.
#[derive(Clone, Debug)]
pub struct BootReport {
    pub trace_id: TraceId,
    pub steps: Vec<(&'static str, Duration)>,
}

macro_rules! boot_steps {
    ($($(#[$doc:meta])* $step:ident $name:literal $method:ident => $next:ident;)+) => {$(
        #[derive(Debug)]
        pub enum $step {}

        impl Boot<$step> {
            $(#[$doc])*
            pub async fn $method<T, E>(
                self,
                work: impl Future<Output = Result<T, E>>,
            ) -> Result<(T, Boot<$next>), E> {
                let (value, report) = run_step(self.report, $name, work).await?;
                Ok((value, Boot { report, step: PhantomData }))
            }
        }
    )+};
}

boot_steps! {
    /// CFG
    Cfg "CFG" configuration => Ioc;
    /// IOC
    Ioc "IOC" providers => Spv;
    /// SPV
    Spv "SPV" supervision => Mod;
    /// MOD
    Mod "MOD" modules => Routes;
    /// ROUTES
    Routes "ROUTES" routes => Health;
    /// HEALTH
    Health "HEALTH" health => Done;
}

/// After the last step.
#[derive(Debug)]
pub enum Done {}

impl Boot<Cfg> {
    pub fn begin() -> Self {
        Self {
            report: BootReport {
                trace_id: TraceId::new(),
                steps: Vec::new(),
            },
            step: PhantomData,
        }
    }
}

impl Boot<Done> {
    #[must_use]
    pub fn finish(self) -> BootReport {
        self.report
    }
}

impl<S> Boot<S> {
    #[must_use]
    pub fn trace_id(&self) -> TraceId {
        self.report.trace_id
    }

    /// What has been done so far, for a boot that is meant to end early.
    #[must_use]
    pub fn stop(self) -> BootReport {
        self.report
    }
}

async fn run_step<T, E>(
    mut report: BootReport,
    step: &'static str,
    work: impl Future<Output = Result<T, E>>,
) -> Result<(T, BootReport), E> {
    let started = Instant::now();
    let outcome = work.await;
    let took = started.elapsed();
    let duration_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
    metrics::histogram!(names::BOOT_STEP_SECONDS, names::STEP => step).record(took.as_secs_f64());
    match outcome {
        Ok(value) => {
            tracing::info!(trace_id = %report.trace_id, boot_step = step, duration_ms, "boot step done");
            report.steps.push((step, took));
            Ok((value, report))
        }
        Err(error) => {
            // Why is told by whoever started the boot, once.
            tracing::warn!(trace_id = %report.trace_id, boot_step = step, duration_ms, "boot step failed");
            Err(error)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn done<T>(value: T) -> Result<T, String> {
        Ok(value)
    }

    #[tokio::test]
    async fn the_steps_come_in_their_order_and_each_is_reported() {
        let ((), boot) = Boot::begin().configuration(done(())).await.unwrap();
        let ((), boot) = boot.providers(done(())).await.unwrap();
        let ((), boot) = boot.supervision(done(())).await.unwrap();
        let ((), boot) = boot.modules(done(())).await.unwrap();
        let ((), boot) = boot.routes(done(())).await.unwrap();
        let (ready, boot) = boot.health(done("ready")).await.unwrap();
        let names: Vec<&str> = boot.finish().steps.into_iter().map(|(name, _)| name).collect();
        assert_eq!(
            (ready, names),
            ("ready", vec!["CFG", "IOC", "SPV", "MOD", "ROUTES", "HEALTH"])
        );
    }

    #[tokio::test]
    async fn a_step_that_fails_ends_the_boot() {
        let (_, boot) = Boot::begin().configuration(done(())).await.unwrap();
        let failed = boot.providers::<(), _>(async { Err("no disk") }).await;
        assert_eq!(failed.err(), Some("no disk"));
    }
}
