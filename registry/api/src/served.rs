//! Whoever answers with the models: asked before a version gets traffic, told when the traffic has changed.

use async_trait::async_trait;
use cortex_runtime::http::ApiError;
use cortex_types::RequestContext;

/// What serves, as this API needs it. The registry keeps the split; only what serves knows whether a version runs here.
#[async_trait]
pub trait Served: Send + Sync + std::fmt::Debug {
    /// Loads the version, or answers why it cannot run: nothing may send it traffic then.
    async fn check(&self, ctx: &RequestContext, model: &str, version: u32) -> Result<(), ApiError>;

    /// The model's champion or canary is another one: the next request must see it.
    fn changed(&self, ctx: &RequestContext, model: &str);
}
