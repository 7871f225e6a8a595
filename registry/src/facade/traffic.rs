//! Canaries, and the history of it all.

use std::sync::Arc;

use cortex_types::RequestContext;

use super::{CHAMPION, Registry};
use crate::RegistryError;
use crate::event::{EventKind, NewEvent, RegistryEvent, facts, first_broken};
use crate::traffic::{Canary, Traffic};

/// Most events in one answer.
const EVENTS_MAX: usize = 1000;

impl Registry {
    /// How the model's traffic is split now.
    pub async fn traffic(&self, ctx: &RequestContext, model: &str) -> Result<Traffic, RegistryError> {
        let champion = self.store.alias(ctx, model, CHAMPION).await?;
        let version = champion.as_ref().map(|alias| alias.version);
        if let Some(stored) = self.store.traffic(ctx, model).await? {
            return Ok(Traffic {
                champion: version,
                ..stored
            });
        }
        let (changed_at, changed_by) = match champion {
            Some(alias) => (alias.moved_at, alias.moved_by),
            None => match self.versions(ctx, model).await?.pop() {
                Some(first) => (first.created_at, "nobody".into()),
                None => return Err(RegistryError::not_found("model", model)),
            },
        };
        Ok(Traffic {
            model: model.into(),
            champion: version,
            canary: None,
            changed_at,
            changed_by,
        })
    }

    /// Gives `canary` (a version and its share of the entities) part of the traffic, or ends the canary. There must be a
    /// champion, and the share is at most what the gate policy allows to a version that has not passed. What is so
    /// already stays, without another event.
    pub async fn set_traffic(
        &self,
        ctx: &RequestContext,
        model: &str,
        canary: Option<(u32, f64)>,
    ) -> Result<Traffic, RegistryError> {
        let champion = self.store.alias(ctx, model, CHAMPION).await?.ok_or_else(|| {
            RegistryError::Invalid(format!(
                "'{model}' has no {CHAMPION} to split traffic with: promote a version first"
            ))
        })?;
        let canary = match canary {
            None => None,
            Some((version, _)) if version == champion.version => {
                return Err(RegistryError::Invalid(format!(
                    "version {version} of '{model}' is the {CHAMPION} itself"
                )));
            }
            Some((version, weight)) => {
                let task = self.store.version(ctx, model, version).await?.task;
                Some(Canary::new(
                    version,
                    weight,
                    self.gates.policy(model, task).canary_weight_max,
                )?)
            }
        };
        let now = self.traffic(ctx, model).await?;
        if now.canary == canary {
            return Ok(now);
        }
        let traffic = Traffic {
            model: model.into(),
            champion: Some(champion.version),
            canary,
            changed_at: self.clock.now(),
            changed_by: Arc::clone(&ctx.principal.id),
        };
        let event = NewEvent {
            kind: EventKind::TrafficChanged,
            model: model.to_owned(),
            version: canary.map_or(champion.version, |canary| canary.version),
            at: traffic.changed_at,
            detail: facts([
                ("champion", Some(champion.version.to_string())),
                ("canary", canary.map(|canary| canary.version.to_string())),
                ("weight", canary.map(|canary| canary.weight.to_string())),
            ]),
        };
        self.store.set_traffic(ctx, traffic.clone(), event).await?;
        Ok(traffic)
    }

    /// The events after number `after` (0 for all), oldest first, at most `limit` and 1000.
    pub async fn events(
        &self,
        ctx: &RequestContext,
        after: u64,
        limit: usize,
    ) -> Result<Vec<RegistryEvent>, RegistryError> {
        self.store.events(ctx, after, limit.min(EVENTS_MAX)).await
    }

    /// The first event of the tenant that was altered, removed or put elsewhere, if any.
    pub async fn verify_events(&self, ctx: &RequestContext) -> Result<Option<RegistryEvent>, RegistryError> {
        Ok(first_broken(&self.chain(ctx).await?).cloned())
    }

    /// Every event of the tenant, oldest first.
    pub(super) async fn chain(&self, ctx: &RequestContext) -> Result<Vec<RegistryEvent>, RegistryError> {
        let mut chain: Vec<RegistryEvent> = Vec::new();
        loop {
            let after = chain.last().map_or(0, |event| event.seq);
            let page = self.store.events(ctx, after, EVENTS_MAX).await?;
            let last = page.len() < EVENTS_MAX;
            chain.extend(page);
            if last {
                return Ok(chain);
            }
        }
    }
}
