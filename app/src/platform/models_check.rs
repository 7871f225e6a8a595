//! Whether the models that have traffic answer.

use std::sync::Arc;

use async_trait::async_trait;
use cortex_runtime::{Health, HealthCheck};
use cortex_serving::Serving;

/// A version is loaded when it is first asked for; one that cannot be is tried again with each request.
#[derive(Debug)]
pub(super) struct ModelsCheck(pub(super) Arc<Serving>);

#[async_trait]
impl HealthCheck for ModelsCheck {
    fn name(&self) -> &str {
        "models"
    }

    async fn check(&self) -> Health {
        let failures = self.0.failures();
        match failures.is_empty() {
            true => Health::Up,
            false => Health::Degraded(failures.join("; ")),
        }
    }
}
