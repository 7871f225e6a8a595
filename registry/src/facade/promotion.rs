//! From a version to the one that decides: propose, judge, sign, move.

use std::sync::Arc;

use cortex_types::RequestContext;
use uuid::Uuid;

use super::{EVALUATIONS_MAX, Registry, names};
use crate::RegistryError;
use crate::evaluation::EvaluationSet;
use crate::event::{EventKind, NewEvent, facts};
use crate::gate::{Digests, Evidence, GateReport, IncumbentScores, ReportId, SignedReport, judge};
use crate::model::{Alias, ModelVersion};

impl Registry {
    /// Computes whether `version` may have `alias`, and keeps the signed report.
    ///
    /// Both the version and the one that has the alias now are scored on the version's evaluation rows; nothing that a
    /// client logged plays a part. A report that failed is an answer, not an error.
    pub async fn propose(
        &self,
        ctx: &RequestContext,
        model: &str,
        version: u32,
        alias: &str,
    ) -> Result<GateReport, RegistryError> {
        names::check_alias(alias)?;
        let _permit = Arc::clone(&self.evaluations)
            .try_acquire_owned()
            .map_err(|_| RegistryError::Overloaded {
                what: format!("{EVALUATIONS_MAX} gates are being computed"),
            })?;
        let candidate = self.store.version(ctx, model, version).await?;
        let policy = self.gates.policy(model, candidate.task).clone();
        names::check_lookalikes(alias, &policy)?;
        let incumbent = self.incumbent(ctx, model, alias).await?;
        let digests = Digests {
            onnx: candidate.onnx_digest.clone(),
            incumbent_onnx: incumbent.as_ref().map(|version| version.onnx_digest.clone()),
            evaluation: evaluation_digest(&candidate)?.to_owned(),
            policy: policy.digest(),
        };
        let evidence = self
            .gather(ctx, &candidate, incumbent.as_ref(), &digests.evaluation)
            .await?;
        let rows = evidence.set.len();
        let checks = tokio::task::spawn_blocking(move || judge(&policy, &evidence))
            .await
            .map_err(|error| RegistryError::Internal(format!("the gate was not judged: {error}")))?;
        let report = GateReport {
            id: ReportId(Uuid::now_v7()),
            tenant: ctx.tenant.clone(),
            model: model.to_owned(),
            version,
            alias: alias.to_owned(),
            incumbent: incumbent.map(|version| version.version),
            verdict: GateReport::verdict(&checks),
            checks,
            evidence: digests,
            rows,
            computed_at: self.clock.now(),
        };
        self.keep(ctx, &report).await?;
        Ok(report)
    }

    async fn incumbent(
        &self,
        ctx: &RequestContext,
        model: &str,
        alias: &str,
    ) -> Result<Option<ModelVersion>, RegistryError> {
        match self.store.alias(ctx, model, alias).await? {
            Some(alias) => self.store.version(ctx, model, alias.version).await.map(Some),
            None => Ok(None),
        }
    }

    /// Scores both versions on the candidate's rows.
    async fn gather(
        &self,
        ctx: &RequestContext,
        candidate: &ModelVersion,
        incumbent: Option<&ModelVersion>,
        evaluation: &str,
    ) -> Result<Evidence, RegistryError> {
        let set = EvaluationSet::decode(&self.artifacts.get(ctx, evaluation).await?, evaluation)?;
        let scores = self
            .score(ctx, candidate, &set)
            .await?
            .map_err(RegistryError::Invalid)?;
        let incumbent = match incumbent {
            Some(version) => {
                let scores = self.score(ctx, version, &set).await?;
                Some(IncumbentScores {
                    version: version.version,
                    scores,
                })
            }
            None => None,
        };
        Ok(Evidence {
            task: candidate.task,
            inputs: candidate.lineage.features.clone(),
            candidate: scores,
            incumbent,
            set,
        })
    }

    /// One score per row of `set`; the inner error says why these rows are not for this model.
    async fn score(
        &self,
        ctx: &RequestContext,
        version: &ModelVersion,
        set: &EvaluationSet,
    ) -> Result<Result<Vec<f64>, String>, RegistryError> {
        let features = &version.lineage.features;
        let rows = match set.project(features) {
            Ok(rows) => rows,
            Err(missing) => {
                let missing = missing.join(", ");
                return Ok(Err(format!(
                    "it needs {missing}, which the evaluation set lacks: add the columns to the set"
                )));
            }
        };
        let onnx = self.artifacts.get(ctx, &version.onnx_digest).await?;
        self.scorer.score(&onnx, &rows, features.len()).await.map(Ok)
    }

    async fn keep(&self, ctx: &RequestContext, report: &GateReport) -> Result<(), RegistryError> {
        let sealed = SignedReport::seal(report, &self.key)?;
        let event = NewEvent {
            kind: EventKind::GateEvaluated,
            model: report.model.clone(),
            version: report.version,
            at: report.computed_at,
            detail: facts([
                ("report", Some(report.id.to_string())),
                ("alias", Some(report.alias.clone())),
                ("incumbent", report.incumbent.map(|version| version.to_string())),
                (
                    "verdict",
                    Some(if report.passed() { "passed" } else { "failed" }.to_owned()),
                ),
                ("failed", (!report.passed()).then(|| report.failed_checks().join(", "))),
                ("signature", Some(sealed.signature.clone())),
            ]),
        };
        self.store.add_report(ctx, sealed, event).await
    }

    /// The reports of one version, or of all of the model, newest first; one that this server did not sign is left out.
    /// [`RegistryError::NotFound`] where there is no such model or version.
    pub async fn reports(
        &self,
        ctx: &RequestContext,
        model: &str,
        version: Option<u32>,
    ) -> Result<Vec<GateReport>, RegistryError> {
        match version {
            Some(version) => drop(self.store.version(ctx, model, version).await?),
            None => drop(self.versions(ctx, model).await?),
        }
        let reports = self.store.reports(ctx, model, version).await?;
        Ok(reports.iter().filter_map(|report| report.open(&self.key)).collect())
    }

    /// Points `alias` to `version`. A protected alias needs a passing report: signed by this server, for exactly this
    /// version and alias, against the version that has the alias now, under the policy in force; otherwise
    /// [`RegistryError::GateFailed`] says what is missing. An alias that is there already stays, and that is fine.
    /// To go back to a version that had it, see [`roll_back`](Self::roll_back).
    pub async fn move_alias(
        &self,
        ctx: &RequestContext,
        model: &str,
        alias: &str,
        version: u32,
    ) -> Result<Alias, RegistryError> {
        names::check_alias(alias)?;
        let candidate = self.store.version(ctx, model, version).await?;
        let policy = self.gates.policy(model, candidate.task);
        names::check_lookalikes(alias, policy)?;
        let before = self.store.alias(ctx, model, alias).await?;
        if let Some(there) = before.as_ref().filter(|there| there.version == version) {
            return Ok(there.clone());
        }
        let incumbent = before.map(|before| before.version);
        let mut report = None;
        if policy.protects(alias) {
            let refused = |reason| RegistryError::GateFailed {
                model: model.to_owned(),
                alias: alias.to_owned(),
                version,
                reason,
            };
            report = Some(
                self.opening_report(ctx, &candidate, alias, incumbent)
                    .await?
                    .map_err(refused)?,
            );
        }
        self.point(ctx, &candidate, alias, incumbent, (EventKind::AliasMoved, report))
            .await
    }

    /// Moves the alias away from `incumbent`, and writes down why it may be.
    pub(super) async fn point(
        &self,
        ctx: &RequestContext,
        candidate: &ModelVersion,
        alias: &str,
        incumbent: Option<u32>,
        (kind, report): (EventKind, Option<ReportId>),
    ) -> Result<Alias, RegistryError> {
        let moved = Alias {
            model: Arc::clone(&candidate.name),
            alias: alias.into(),
            version: candidate.version,
            moved_at: self.clock.now(),
            moved_by: Arc::clone(&ctx.principal.id),
        };
        let event = NewEvent {
            kind,
            model: candidate.name.to_string(),
            version: candidate.version,
            at: moved.moved_at,
            detail: facts([
                ("alias", Some(alias.to_owned())),
                ("from", incumbent.map(|version| version.to_string())),
                ("report", report.map(|report| report.to_string())),
            ]),
        };
        self.store.move_alias(ctx, moved.clone(), incumbent, event).await?;
        Ok(moved)
    }

    /// The report that opens the gate; the inner error says why none does. Only the newest one for the version and alias
    /// counts: a later verdict replaces an earlier one.
    async fn opening_report(
        &self,
        ctx: &RequestContext,
        candidate: &ModelVersion,
        alias: &str,
        incumbent: Option<u32>,
    ) -> Result<Result<ReportId, String>, RegistryError> {
        let reports = self
            .store
            .reports(ctx, &candidate.name, Some(candidate.version))
            .await?;
        let Some(sealed) = reports.iter().find(|report| report.alias == alias) else {
            return Ok(Err("has no gate report for this alias: propose it first".to_owned()));
        };
        let Some(report) = sealed.open(&self.key) else {
            return Ok(Err(format!(
                "has gate report {}, which this server did not sign: propose it again",
                sealed.id
            )));
        };
        let policy = self.gates.policy(&candidate.name, candidate.task).digest();
        Ok(opens(&report, ctx, candidate, (alias, incumbent), &policy).map(|()| report.id))
    }
}

/// Whether a genuine report is about exactly this move. What the text says counts, not the row that it was stored in.
fn opens(
    report: &GateReport,
    ctx: &RequestContext,
    candidate: &ModelVersion,
    (alias, incumbent): (&str, Option<u32>),
    policy: &str,
) -> Result<(), String> {
    let about = (
        report.model.as_str(),
        report.version,
        report.alias.as_str(),
        &report.tenant,
    );
    if about != (&*candidate.name, candidate.version, alias, &ctx.tenant) {
        return Err(format!(
            "has only the gate report of another version or alias, {}: propose it",
            report.id
        ));
    }
    if !report.passed() {
        return Err(format!("failed {}", report.failed_checks().join(", ")));
    }
    if report.incumbent != incumbent {
        return Err("was compared with another version than the one in place now: propose it again".to_owned());
    }
    if report.evidence.policy != policy {
        return Err("passed under another gate policy than the one in force: propose it again".to_owned());
    }
    let evaluation = candidate.evaluation_digest.as_deref();
    if report.evidence.onnx != candidate.onnx_digest || Some(report.evidence.evaluation.as_str()) != evaluation {
        return Err("was scored from other files than its own: propose it again".to_owned());
    }
    Ok(())
}

fn evaluation_digest(version: &ModelVersion) -> Result<&str, RegistryError> {
    version.evaluation_digest.as_deref().ok_or_else(|| {
        RegistryError::Invalid(format!(
            "version {} of '{}' was registered without an evaluation set: there are no rows to judge it by",
            version.version, version.name
        ))
    })
}
