//! The registry as its callers see it.

mod experiments;
mod names;
mod promotion;
mod rollback;
mod traffic;
mod versions;

use std::sync::Arc;

use cortex_types::Clock;
use tokio::sync::Semaphore;

use crate::gate::{GatePolicies, SigningKey};
use crate::port::{ArtifactStore, RegistryStore, Scorer};

/// The alias of the version that decides.
pub const CHAMPION: &str = "champion";

/// Gates that are computed at the same time; more are refused as overloaded.
const EVALUATIONS_MAX: usize = 4;

/// Experiments, versions, gates and aliases of all tenants. Cheap to share behind an `Arc`.
///
/// It checks what may be promoted, not who may ask for it: that is for the API in front of it.
#[derive(Debug)]
pub struct Registry {
    store: Arc<dyn RegistryStore>,
    artifacts: Arc<dyn ArtifactStore>,
    scorer: Arc<dyn Scorer>,
    gates: GatePolicies,
    key: SigningKey,
    clock: Arc<dyn Clock>,
    evaluations: Arc<Semaphore>,
}

impl Registry {
    /// A registry that signs its reports with a key of its own, which ends with the process. Reports that shall open a
    /// gate after a restart need [`with_signing_key`](Self::with_signing_key).
    #[must_use]
    pub fn new(
        store: Arc<dyn RegistryStore>,
        artifacts: Arc<dyn ArtifactStore>,
        scorer: Arc<dyn Scorer>,
        gates: GatePolicies,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let evaluations = Arc::new(Semaphore::new(EVALUATIONS_MAX));
        Self {
            store,
            artifacts,
            scorer,
            gates,
            key: SigningKey::generate(),
            clock,
            evaluations,
        }
    }

    #[must_use]
    pub fn with_signing_key(mut self, key: SigningKey) -> Self {
        self.key = key;
        self
    }

    #[must_use]
    pub const fn gates(&self) -> &GatePolicies {
        &self.gates
    }
}

#[cfg(test)]
mod tests;
