//! The API over a model that needs no runtime.

use std::collections::BTreeMap;
use std::sync::Arc;

use cortex_features::FeatureRef;
use cortex_security::RoleAuthorizer;
use cortex_serving::memory::{FixedFeatures, MemoryDecisionLog, Shelf, SumRuntime};
use cortex_serving::{Serving, ServingConfig};
use cortex_serving_api::ServingApi;
use cortex_types::{Principal, RequestContext, Role, SystemClock, TenantId};

use cortex_security::MemoryAudit;

pub const MODEL: &str = "repurchase-30d";
/// The version whose file cannot be loaded.
#[allow(dead_code)] // not every test file asks for it
pub const CORRUPT: u32 = 3;

pub fn as_role(role: Role) -> RequestContext {
    RequestContext::new(TenantId::new("acme").unwrap(), Principal::new("somebody", [role]))
}

pub struct Bench {
    pub api: Arc<ServingApi>,
    #[allow(dead_code)] // not every test file predicts for entities
    pub decisions: Arc<MemoryDecisionLog>,
    pub audit: Arc<MemoryAudit>,
}

impl Bench {
    /// Version 1 is the champion, version 2 (which adds 10) its canary, version 3 is no model.
    pub async fn new() -> Self {
        let shelf = Shelf::new(Arc::new(SystemClock)).unwrap();
        let system = RequestContext::system(TenantId::new("acme").unwrap());
        let features = ["spend", "orders"].map(|name| FeatureRef::new("customer_sales", name));
        for file in ["2,0", "2,10", "no model"] {
            shelf
                .publish(&system, MODEL, file.as_bytes(), &features, BTreeMap::new())
                .await
                .unwrap();
        }
        shelf.promote(&system, MODEL, 1).await.unwrap();
        let decisions = Arc::<MemoryDecisionLog>::default();
        let serving = Serving::new(
            shelf.registry.clone(),
            Arc::new(FixedFeatures::default()),
            Arc::new(SumRuntime),
            decisions.clone(),
            Arc::new(SystemClock),
            ServingConfig::default(),
        );
        let audit = Arc::<MemoryAudit>::default();
        let api = ServingApi::new(Arc::new(serving), Arc::new(RoleAuthorizer), Arc::clone(&audit) as _);
        Self {
            api: Arc::new(api),
            decisions,
            audit,
        }
    }

    /// Gives version 2 half of the keys.
    #[allow(dead_code)] // not every test file splits traffic
    pub async fn split(&self) {
        let canary = Some((2, 0.5));
        self.api
            .serving
            .set_traffic(&as_role(Role::Admin), MODEL, canary)
            .await
            .unwrap();
    }
}
