//! What the handlers share.

use std::str::FromStr;
use std::sync::Arc;

use cortex_security::{Area, AuditLog, Authorizer, Permission, SecurityError, Verb};
use cortex_serving::{Arm, Serving, ServingError};
use cortex_types::RequestContext;

/// Sticks a request to its arm of a canary split.
pub const ROUTE_KEY: &str = "x-cortex-route-key";
/// Forces an arm: `champion` or `canary`.
pub const ARM: &str = "x-cortex-arm";

/// Serving, who may ask it, and where changes are recorded.
#[derive(Debug)]
pub struct ServingApi {
    pub serving: Arc<Serving>,
    authorizer: Arc<dyn Authorizer>,
    pub(crate) audit: Arc<dyn AuditLog>,
}

impl ServingApi {
    #[must_use]
    pub fn new(serving: Arc<Serving>, authorizer: Arc<dyn Authorizer>, audit: Arc<dyn AuditLog>) -> Self {
        Self {
            serving,
            authorizer,
            audit,
        }
    }

    /// May the caller look at models?
    pub(crate) fn may_read(&self, ctx: &RequestContext) -> Result<(), SecurityError> {
        self.authorizer
            .authorize(ctx, Permission::new(Area::Serving, Verb::Read))
    }

    /// May the caller ask models?
    pub(crate) fn may_infer(&self, ctx: &RequestContext) -> Result<(), SecurityError> {
        self.authorizer
            .authorize(ctx, Permission::new(Area::Serving, Verb::Infer))
    }

    /// May the caller change what is served?
    pub(crate) fn may_change(&self, ctx: &RequestContext) -> Result<(), SecurityError> {
        self.authorizer
            .authorize(ctx, Permission::new(Area::Models, Verb::Approve))
    }
}

/// The protocol's version, a text that may be empty.
pub fn version(text: &str) -> Result<Option<u32>, ServingError> {
    if text.is_empty() {
        return Ok(None);
    }
    let number = u32::from_str(text).ok().filter(|number| *number > 0);
    number
        .map(Some)
        .ok_or_else(|| ServingError::Invalid(format!("'{text}' is not a version: versions are 1, 2, 3, …")))
}

/// An arm by name; an empty one lets the router choose.
pub fn arm(text: &str) -> Result<Option<Arm>, ServingError> {
    match text {
        "" => Ok(None),
        "champion" => Ok(Some(Arm::Champion)),
        "canary" => Ok(Some(Arm::Canary)),
        other => Err(ServingError::Invalid(format!(
            "'{other}' is not an arm: use champion or canary"
        ))),
    }
}
