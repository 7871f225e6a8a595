//! Back to a version that decided before.
//!
//! Going back is not a promotion: the version's own evaluation rows are from before the newer one was trained, so the
//! newer one has learned from them, and judging both on these rows would favour it. What counts is that the version
//! had the alias, and that the gate opened for it then.

use std::collections::BTreeSet;

use cortex_types::{RequestContext, TenantId};

use super::{Registry, names};
use crate::RegistryError;
use crate::event::{EventKind, RegistryEvent, first_broken};
use crate::gate::{GateReport, ReportId};
use crate::model::{Alias, ModelVersion};

impl Registry {
    /// Points `alias` back to a version that it named before, on the gate report it was given for then, whatever policy
    /// is in force now. The event says that it was a rollback.
    ///
    /// [`RegistryError::GateFailed`] where the alias never named that version, where the history does not hold, and,
    /// for a protected alias, where no passing report that this server signed is behind the move of then. The version's
    /// file must still read as it was written.
    pub async fn roll_back(
        &self,
        ctx: &RequestContext,
        model: &str,
        alias: &str,
        version: u32,
    ) -> Result<Alias, RegistryError> {
        names::check_alias(alias)?;
        let candidate = self.store.version(ctx, model, version).await?;
        names::check_lookalikes(alias, self.gates.policy(model, candidate.task))?;
        let before = self.store.alias(ctx, model, alias).await?;
        if let Some(there) = before.as_ref().filter(|there| there.version == version) {
            return Ok(there.clone());
        }
        let report =
            self.report_of_then(ctx, &candidate, alias)
                .await?
                .map_err(|reason| RegistryError::GateFailed {
                    model: model.to_owned(),
                    alias: alias.to_owned(),
                    version,
                    reason,
                })?;
        self.onnx(ctx, &candidate).await?;
        let incumbent = before.map(|before| before.version);
        self.point(ctx, &candidate, alias, incumbent, (EventKind::AliasRolledBack, report))
            .await
    }

    /// The report behind the version's last time with the alias, absent where nothing protects that; the inner error
    /// says why it cannot come back.
    async fn report_of_then(
        &self,
        ctx: &RequestContext,
        candidate: &ModelVersion,
        alias: &str,
    ) -> Result<Result<Option<ReportId>, String>, RegistryError> {
        let chain = self.chain(ctx).await?;
        if let Some(broken) = first_broken(&chain) {
            return Ok(Err(format!(
                "cannot be shown to have had it: the history is broken at event {}",
                broken.seq
            )));
        }
        let moves: Vec<&RegistryEvent> = chain.iter().filter(|event| named(event, candidate, alias)).collect();
        if moves.is_empty() {
            return Ok(Err("never had it: promote it through the gate".to_owned()));
        }
        if !self.gates.policy(&candidate.name, candidate.task).protects(alias) {
            return Ok(Ok(None));
        }
        let given: BTreeSet<&str> = moves
            .iter()
            .filter_map(|event| event.detail.get("report").map(String::as_str))
            .collect();
        let reports = self.reports(ctx, &candidate.name, Some(candidate.version)).await?;
        let opened = reports.iter().find(|report| {
            given.contains(report.id.to_string().as_str()) && opened(report, &ctx.tenant, candidate, alias)
        });
        Ok(match opened {
            Some(report) => Ok(Some(report.id)),
            None => {
                Err("had it without a passing report that this server signed: promote it through the gate".to_owned())
            }
        })
    }
}

/// Whether an event gave the alias to the version.
fn named(event: &RegistryEvent, candidate: &ModelVersion, alias: &str) -> bool {
    let moved = matches!(event.kind, EventKind::AliasMoved | EventKind::AliasRolledBack);
    moved
        && (event.model.as_str(), event.version) == (&*candidate.name, candidate.version)
        && event.detail.get("alias").is_some_and(|named| named == alias)
}

/// Whether a genuine report let this version, with the file it has now, have the alias.
fn opened(report: &GateReport, tenant: &TenantId, candidate: &ModelVersion, alias: &str) -> bool {
    let about = (&*report.model, report.version, &*report.alias, &report.tenant);
    report.passed()
        && about == (&*candidate.name, candidate.version, alias, tenant)
        && report.evidence.onnx == candidate.onnx_digest
}
