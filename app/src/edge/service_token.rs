//! The token with which this process calls itself: random, in memory alone, gone with the process.

use std::sync::Arc;

use async_trait::async_trait;
use cortex_security::{Authenticator, BearerToken, Identity, SecurityError, TokenDigest};
use cortex_types::{Principal, Role, TenantId};

/// Whom the audit log names when the ERP asks a model.
const PRINCIPAL: &str = "erp-advisor";

/// Knows the process's own token, and asks `others` about the rest.
#[derive(Debug)]
pub struct WithServiceToken {
    digest: TokenDigest,
    identity: Identity,
    others: Arc<dyn Authenticator>,
}

impl WithServiceToken {
    /// `token` may ask models for `tenant`, and nothing that a data scientist may not.
    #[must_use]
    pub fn new(token: &BearerToken, tenant: TenantId, others: Arc<dyn Authenticator>) -> Self {
        let principal = Principal::new(PRINCIPAL, [Role::DataScientist]);
        Self {
            digest: token.digest(),
            identity: Identity {
                tenant,
                principal,
                expires_at: None,
            },
            others,
        }
    }
}

#[async_trait]
impl Authenticator for WithServiceToken {
    async fn authenticate(&self, token: &str) -> Result<Identity, SecurityError> {
        if TokenDigest::of(token) == self.digest {
            return Ok(self.identity.clone());
        }
        self.others.authenticate(token).await
    }
}
