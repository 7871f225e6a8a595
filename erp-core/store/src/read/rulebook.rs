//! What a company said about how its documents are made.

use async_trait::async_trait;
use cortex_erp::{APPROVING_ROLES, ApprovalRule, DocumentKind, ErpError, NumberSeries, Rulebook};
use cortex_store::sql::{On, Row};
use cortex_types::{RequestContext, Role};

use super::company::is_blocked;
use super::fiscal::of_tenant;
use super::number_series;
use crate::SqlLedger;
use crate::ledger::failed;
use crate::rows::Columns;

const APPROVAL_RULES: &str = "SELECT id, code, kind, above_minor, currency, role, state, created_at FROM approval_rules \
                              WHERE tenant_id = $1 ORDER BY id";

/// Oldest first.
pub(super) async fn approval_rules<'c>(on: impl Into<On<'c>>, tenant: &str) -> Result<Vec<ApprovalRule>, sqlx::Error> {
    let rows = of_tenant(on, APPROVAL_RULES, tenant).await?;
    rows.iter().map(approval_rule).collect()
}

fn approval_rule(row: &Row) -> Result<ApprovalRule, sqlx::Error> {
    Ok(ApprovalRule {
        id: row.parsed("id")?,
        code: row.text("code")?,
        kind: row.word("kind", &DocumentKind::ALL, DocumentKind::as_str)?,
        above_minor: row.integer("above_minor")?,
        currency: row.parsed("currency")?,
        role: row.word("role", &APPROVING_ROLES, Role::as_str)?,
        blocked: is_blocked(row)?,
        created_at: row.time("created_at")?,
    })
}

#[async_trait]
impl Rulebook for SqlLedger {
    async fn approval_rules(&self, ctx: &RequestContext) -> Result<Vec<ApprovalRule>, ErpError> {
        let rules = approval_rules(&self.readers_of(ctx), ctx.tenant.as_str()).await;
        rules.map_err(|error| failed("read the approval rules")(self.database().failed(error)))
    }

    async fn number_series(&self, ctx: &RequestContext) -> Result<Vec<NumberSeries>, ErpError> {
        let series = number_series::of_company(&self.readers_of(ctx), ctx.tenant.as_str()).await;
        series.map_err(|error| failed("read the number series")(self.database().failed(error)))
    }
}
