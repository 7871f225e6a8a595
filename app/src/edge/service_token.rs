//! Which token is whose: the process's own, with which it calls itself, is random, in memory alone and gone with the
//! process; others are asked about the rest, and whether it is still valid is for the machine's clock.

use std::sync::Arc;

use async_trait::async_trait;
use cortex_security::{Authenticator, BearerToken, Identity, SecurityError, TokenDigest};
use cortex_types::{Clock, Principal, Role, SystemClock, TenantId};

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
        let identity = self.others.authenticate(token).await?;
        // A data folder may live in another time than the machine (a demo's does, years behind); a token was given for
        // a span of the caller's own time.
        match identity.expires_at {
            Some(at) if at <= SystemClock.now() => Err(SecurityError::TokenExpired(at)),
            _ => Ok(identity),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    use cortex_types::Timestamp;

    /// By whose clock no token ever expires.
    #[derive(Debug)]
    struct Behind(Timestamp);

    #[async_trait]
    impl Authenticator for Behind {
        async fn authenticate(&self, _token: &str) -> Result<Identity, SecurityError> {
            Ok(Identity {
                tenant: TenantId::new("acme").unwrap(),
                principal: Principal::new("ada", [Role::Admin]),
                expires_at: Some(self.0),
            })
        }
    }

    #[tokio::test]
    async fn a_token_expires_by_the_machines_clock() {
        let (own, tenant) = (BearerToken::generate(), TenantId::new("acme").unwrap());
        let at = |expires_at| WithServiceToken::new(&own, tenant.clone(), Arc::new(Behind(expires_at)));
        let (now, hour) = (SystemClock.now(), Duration::from_secs(3_600));
        assert!(at(now.saturating_add(hour)).authenticate("ada's").await.is_ok());
        let expired = at(now.saturating_sub(hour));
        assert!(matches!(
            expired.authenticate("ada's").await,
            Err(SecurityError::TokenExpired(_))
        ));
        assert!(expired.authenticate(own.expose()).await.is_ok());
    }
}
