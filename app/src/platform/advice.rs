//! Advice for the tenant that the process's own credentials belong to.

use std::sync::Arc;

use async_trait::async_trait;
use cortex_erp::{Advice, AdviceRequest, Advisor, AdvisorError};
use cortex_types::{ErrorCode, RequestContext, TenantId};

/// The serving API tells tenants apart by the caller's credentials, and the ERP calls it with its own: a question on
/// behalf of another tenant would be answered from the wrong customers.
#[derive(Debug)]
pub(super) struct OneTenantsAdvice {
    tenant: TenantId,
    advisor: Arc<dyn Advisor>,
}

impl OneTenantsAdvice {
    pub(super) fn new(tenant: TenantId, advisor: Arc<dyn Advisor>) -> Self {
        Self { tenant, advisor }
    }
}

#[async_trait]
impl Advisor for OneTenantsAdvice {
    async fn advise(&self, ctx: &RequestContext, request: AdviceRequest) -> Result<Advice, AdvisorError> {
        if ctx.tenant == self.tenant {
            return self.advisor.advise(ctx, request).await;
        }
        let reason = format!(
            "the ERP's own credentials are for '{}', not for '{}'",
            self.tenant, ctx.tenant
        );
        Err(AdvisorError {
            code: ErrorCode::WrongTenant,
            reason,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct NeverAsked;

    #[async_trait]
    impl Advisor for NeverAsked {
        async fn advise(&self, _ctx: &RequestContext, _request: AdviceRequest) -> Result<Advice, AdvisorError> {
            Err(AdvisorError {
                code: ErrorCode::Internal,
                reason: "asked".to_owned(),
            })
        }
    }

    #[tokio::test]
    async fn another_tenants_customer_is_never_asked_about() {
        let tenant = |slug: &str| TenantId::new(slug).unwrap();
        let advice = OneTenantsAdvice::new(tenant("main"), Arc::new(NeverAsked));
        let ask = |slug: &str| RequestContext::system(tenant(slug));
        let request = AdviceRequest {
            model: "repurchase-30d".into(),
            entity_key: "C1".into(),
        };
        assert_eq!(
            advice.advise(&ask("other"), request.clone()).await.unwrap_err().code,
            ErrorCode::WrongTenant
        );
        assert_eq!(
            advice.advise(&ask("main"), request).await.unwrap_err().code,
            ErrorCode::Internal
        );
    }
}
