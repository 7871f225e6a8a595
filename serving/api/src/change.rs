//! Loading and unloading models, on the record.

use cortex_security::{AuditEntry, SecurityError};
use cortex_serving::ServingError;
use cortex_types::{Coded, ErrorCode, RequestContext};

use crate::ServingApi;

/// Why a model was not loaded or unloaded.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    #[error(transparent)]
    Serving(#[from] ServingError),
    /// It could not be recorded, so it was not done.
    #[error(transparent)]
    Record(#[from] SecurityError),
}

impl Coded for ChangeError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Serving(error) => error.code(),
            Self::Record(error) => error.code(),
        }
    }
}

/// The caller was asked for its permission already. A change is recorded before it is made, so that none is without a
/// record; about a model that does not exist there is none.
impl ServingApi {
    /// Loads what is in traffic, and lets a model that was unloaded answer again.
    pub(crate) async fn load(&self, ctx: &RequestContext, model: &str) -> Result<(), ChangeError> {
        self.record(ctx, "serving.load", model).await?;
        Ok(self.serving.reload(ctx, model).await?)
    }

    /// Refuses the model until it is loaded again.
    pub(crate) async fn unload(&self, ctx: &RequestContext, model: &str) -> Result<(), ChangeError> {
        self.record(ctx, "serving.unload", model).await?;
        Ok(self.serving.unload(ctx, model).await?)
    }

    async fn record(&self, ctx: &RequestContext, action: &str, model: &str) -> Result<(), ChangeError> {
        self.serving.versions(ctx, model).await?;
        let entry = AuditEntry {
            action: action.to_owned(),
            resource: format!("model/{model}"),
            detail: serde_json::json!({}),
        };
        Ok(self.audit.record(ctx, entry).await?)
    }
}
