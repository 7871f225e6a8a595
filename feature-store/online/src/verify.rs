//! Served values against values recomputed from the lake.

use std::collections::BTreeSet;
use std::sync::Arc;

use cortex_features::engine::{FoldedView, ViewFacts};
use cortex_features::{EntityKey, FeatureError, FeatureRef, FeatureStatus, FeatureValue};
use cortex_lake::Lake;
use cortex_types::{Frontier, RequestContext, TenantId, Timestamp};

use crate::memory::Memory;
use crate::rebuild::read_groups;
use crate::store::{EmbeddedOnlineStore, Shared};

/// What a comparison found.
#[derive(Clone, Debug, PartialEq)]
pub struct VerifyReport {
    /// Entities of all views together.
    pub vectors: usize,
    pub values: usize,
    /// Where both sides were computed.
    pub frontier: Frontier,
    pub mismatches: Vec<Mismatch>,
}

/// A value that the online store would serve, and that the lake does not bear out.
#[derive(Clone, Debug, PartialEq)]
pub struct Mismatch {
    pub feature: FeatureRef,
    pub key: EntityKey,
    pub online: (FeatureValue, FeatureStatus),
    pub lake: (FeatureValue, FeatureStatus),
}

/// What the store serves of one view for one entity.
struct Served {
    view: Arc<str>,
    key: EntityKey,
    folded: FoldedView,
}

impl EmbeddedOnlineStore {
    /// Recomputes up to `sample` entities per view, spread evenly over their keys, from the lake at the store's own
    /// frontier and as of `at`, and compares bit for bit.
    ///
    /// `lake_frontier` is where the lake is complete; [`FeatureError::Request`] where that is behind the store, because
    /// then there is nothing to compare with: run again once ingest has caught up.
    pub async fn verify(
        &self,
        ctx: &RequestContext,
        lake: &dyn Lake,
        lake_frontier: &Frontier,
        sample: usize,
        at: Timestamp,
    ) -> Result<VerifyReport, FeatureError> {
        self.shared.ready()?;
        let (served, known, frontier) = {
            let memory = self.shared.memory.read();
            (
                serve(&memory, &ctx.tenant, sample, at),
                keys(&memory, &ctx.tenant),
                memory.frontier.clone(),
            )
        };
        if !frontier.positions().all(|position| lake_frontier.covers(position)) {
            let detail =
                format!("the lake reaches {lake_frontier}, the online store {frontier}: let ingest catch up first");
            return Err(FeatureError::Request(detail));
        }
        let recomputed = recompute(&self.shared, lake, &ctx.tenant, &frontier).await?;
        let mut report = VerifyReport {
            vectors: served.len(),
            values: 0,
            frontier,
            mismatches: Vec::new(),
        };
        for Served { view, key, folded } in served {
            let plan = self.shared.plans.get(&view);
            let from_lake = recomputed
                .view(&ctx.tenant, &view)
                .and_then(|facts| facts.values(&key, at));
            let from_lake = from_lake.or_else(|| plan.map(|plan| plan.nothing()));
            let (Some(plan), Some(from_lake)) = (plan, from_lake) else {
                continue;
            };
            report.values += folded.values.len();
            for (position, feature) in plan.view().features.iter().enumerate() {
                let [online, lake] =
                    [&folded, &from_lake].map(|side| (side.values[position].clone(), side.status(position)));
                if online != lake || folded.newest != from_lake.newest {
                    let feature = FeatureRef::new(Arc::clone(&view), Arc::clone(&feature.name));
                    report.mismatches.push(Mismatch {
                        feature,
                        key: key.clone(),
                        online,
                        lake,
                    });
                }
            }
        }
        report
            .mismatches
            .extend(unknown_online(&recomputed, &ctx.tenant, &known, at));
        Ok(report)
    }
}

/// All entities of each view.
fn keys(memory: &Memory, tenant: &TenantId) -> BTreeSet<(Arc<str>, EntityKey)> {
    let views = memory
        .tenants()
        .filter(|(known, _)| *known == tenant)
        .flat_map(|(_, views)| views);
    views
        .flat_map(|(view, facts)| facts.keys().map(|key| (Arc::clone(view), key.clone())))
        .collect()
}

/// Entities of the lake that the store does not have at all, each with its view's first feature.
fn unknown_online<'a>(
    lake: &'a Memory,
    tenant: &'a TenantId,
    known: &'a BTreeSet<(Arc<str>, EntityKey)>,
    at: Timestamp,
) -> impl Iterator<Item = Mismatch> + 'a {
    keys(lake, tenant)
        .into_iter()
        .filter(|entity| !known.contains(entity))
        .filter_map(move |(view, key)| {
            let facts = lake.view(tenant, &view)?;
            let folded = facts.values(&key, at).filter(|folded| folded.newest.is_some())?;
            let feature = Arc::clone(&facts.plan().view().features.first()?.name);
            Some(Mismatch {
                feature: FeatureRef::new(view, feature),
                key,
                online: (FeatureValue::Null, FeatureStatus::NotFound),
                lake: (folded.values.first()?.clone(), folded.status(0)),
            })
        })
}

fn serve(memory: &Memory, tenant: &TenantId, sample: usize, at: Timestamp) -> Vec<Served> {
    let views = memory
        .tenants()
        .filter(|(known, _)| *known == tenant)
        .flat_map(|(_, views)| views);
    let mut served = Vec::new();
    for (view, facts) in views {
        for key in spread(facts, sample) {
            // What is older than the store keeps cannot be served, and so cannot be served wrongly.
            if let Some(folded) = facts.values(&key, at) {
                served.push(Served {
                    view: Arc::clone(view),
                    key,
                    folded,
                });
            }
        }
    }
    served
}

fn spread(facts: &ViewFacts, sample: usize) -> Vec<EntityKey> {
    let keys: BTreeSet<&EntityKey> = facts.keys().collect();
    let step = keys.len().div_ceil(sample.max(1)).max(1);
    keys.into_iter().step_by(step).cloned().collect()
}

async fn recompute(
    shared: &Shared,
    lake: &dyn Lake,
    tenant: &TenantId,
    frontier: &Frontier,
) -> Result<Memory, FeatureError> {
    let mut memory = Memory::default();
    for group in read_groups(shared, lake, tenant, frontier).await? {
        // Never compacted, so nothing is stale.
        drop(memory.apply(&group, &shared.plans));
    }
    Ok(memory)
}
