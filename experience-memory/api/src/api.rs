//! What the handlers share.

use std::sync::Arc;

use cortex_experience::Memory;
use cortex_security::{Area, Authorizer, Permission, SecurityError, Verb};
use cortex_types::RequestContext;

/// The memory, and who may use it.
#[derive(Debug)]
pub struct ExperienceApi {
    pub memory: Memory,
    authorizer: Arc<dyn Authorizer>,
}

impl ExperienceApi {
    #[must_use]
    pub fn new(memory: Memory, authorizer: Arc<dyn Authorizer>) -> Self {
        Self { memory, authorizer }
    }

    /// May the caller look at decisions and what came of them?
    pub(crate) fn may_read(&self, ctx: &RequestContext) -> Result<(), SecurityError> {
        self.authorizer
            .authorize(ctx, Permission::new(Area::Experience, Verb::Read))
    }

    /// May the caller add feedback and outcomes?
    pub(crate) fn may_write(&self, ctx: &RequestContext) -> Result<(), SecurityError> {
        self.authorizer
            .authorize(ctx, Permission::new(Area::Experience, Verb::Write))
    }
}
