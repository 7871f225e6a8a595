//! What the registry's API asks and tells of serving.

use std::sync::Arc;

use async_trait::async_trait;
use cortex_registry_api::Served;
use cortex_runtime::http::ApiError;
use cortex_serving::Serving;
use cortex_types::RequestContext;

/// The serving of this process.
#[derive(Debug)]
pub(super) struct ServedModels(pub(super) Arc<Serving>);

#[async_trait]
impl Served for ServedModels {
    async fn check(&self, ctx: &RequestContext, model: &str, version: u32) -> Result<(), ApiError> {
        self.0.model(ctx, model, Some(version)).await?;
        Ok(())
    }

    fn changed(&self, ctx: &RequestContext, model: &str) {
        self.0.traffic_changed(ctx, model);
    }
}
