//! What every handler needs.

use std::sync::Arc;

use cortex_registry::Registry;
use cortex_security::{Area, Authorizer, Permission, SecurityError, Verb};
use cortex_types::RequestContext;

use crate::Served;

/// The registry, what serves its models, and who may do what with it.
#[derive(Clone, Debug)]
pub struct RegistryApi {
    pub(crate) registry: Arc<Registry>,
    pub(crate) served: Arc<dyn Served>,
    authorizer: Arc<dyn Authorizer>,
}

impl RegistryApi {
    #[must_use]
    pub fn new(registry: Arc<Registry>, served: Arc<dyn Served>, authorizer: Arc<dyn Authorizer>) -> Self {
        Self {
            registry,
            served,
            authorizer,
        }
    }

    pub(crate) fn may_read(&self, ctx: &RequestContext) -> Result<(), SecurityError> {
        self.may(ctx, Verb::Read)
    }

    /// Propose versions, move aliases that nothing protects.
    pub(crate) fn may_write(&self, ctx: &RequestContext) -> Result<(), SecurityError> {
        self.may(ctx, Verb::Write)
    }

    /// Decide what serves.
    pub(crate) fn may_approve(&self, ctx: &RequestContext) -> Result<(), SecurityError> {
        self.may(ctx, Verb::Approve)
    }

    fn may(&self, ctx: &RequestContext, verb: Verb) -> Result<(), SecurityError> {
        self.authorizer.authorize(ctx, Permission::new(Area::Models, verb))
    }
}
