//! Whether every sink of the pipeline takes changes.

use std::sync::Arc;

use async_trait::async_trait;
use cortex_ingest::Pipeline;
use cortex_runtime::{Health, HealthCheck};

/// A sink that failed is started again by the pipeline; until it works, what it feeds falls behind.
#[derive(Debug)]
pub(super) struct SinksCheck(pub(super) Arc<Pipeline>);

#[async_trait]
impl HealthCheck for SinksCheck {
    fn name(&self) -> &str {
        "ingest-sinks"
    }

    async fn check(&self) -> Health {
        let standings = self.0.standings();
        let failures: Vec<String> = standings
            .iter()
            .filter_map(|standing| {
                let failure = standing.failure.as_ref()?;
                Some(format!(
                    "'{}' takes nothing after {} ({}): {}",
                    standing.sink, standing.position, failure.code, failure.detail
                ))
            })
            .collect();
        match failures.is_empty() {
            true => Health::Up,
            false => Health::Degraded(failures.join("; ")),
        }
    }
}
