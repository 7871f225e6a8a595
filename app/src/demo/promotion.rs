//! What happens to a model after training: gate, canary, promotion.

use std::collections::BTreeMap;

use cortex_registry::{GateReport, Registry};
use cortex_serving::Serving;
use cortex_types::RequestContext;

/// Share of the entities that a canary answers for.
const CANARY_WEIGHT: f64 = 0.2;
/// Weeks that a version serves as canary before it is promoted.
const CANARY_WEEKS: u32 = 2;

const CHAMPION: &str = "champion";

/// A version on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Candidate {
    version: u32,
    weeks_left: u32,
}

/// What became of a version that was proposed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// The first version that passed: there was nobody to try it beside.
    PromotedAtOnce,
    Canary,
    Refused,
}

/// A canary that has served its time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Promotion {
    pub model: String,
    pub version: u32,
}

/// The canaries under way, by model.
#[derive(Debug, Default)]
pub struct Promotions {
    canaries: BTreeMap<String, Candidate>,
}

impl Promotions {
    /// Has the gate judge `version`; a version that passes becomes champion where there is none, else canary.
    pub async fn propose(
        &mut self,
        registry: &Registry,
        serving: &Serving,
        ctx: &RequestContext,
        model: &str,
        version: u32,
    ) -> anyhow::Result<(GateReport, Fate)> {
        let report = registry.propose(ctx, model, version, CHAMPION).await?;
        if !report.passed() {
            return Ok((report, Fate::Refused));
        }
        if registry.alias(ctx, model, CHAMPION).await?.is_none() {
            registry.move_alias(ctx, model, CHAMPION, version).await?;
            serving.reload(ctx, model).await?;
            return Ok((report, Fate::PromotedAtOnce));
        }
        serving.set_traffic(ctx, model, Some((version, CANARY_WEIGHT))).await?;
        self.canaries.insert(
            model.to_owned(),
            Candidate {
                version,
                weeks_left: CANARY_WEEKS,
            },
        );
        Ok((report, Fate::Canary))
    }

    /// A week has passed: canaries that have served their time without a failure are promoted, on the report of their gate.
    pub async fn week_passed(
        &mut self,
        registry: &Registry,
        serving: &Serving,
        ctx: &RequestContext,
    ) -> anyhow::Result<Vec<Promotion>> {
        let mut promoted = Vec::new();
        let mut due = Vec::new();
        for (model, candidate) in &mut self.canaries {
            candidate.weeks_left -= 1;
            if candidate.weeks_left == 0 {
                due.push((model.clone(), candidate.version));
            }
        }
        for (model, version) in due {
            self.canaries.remove(&model);
            serving.set_traffic(ctx, &model, None).await?;
            registry.move_alias(ctx, &model, CHAMPION, version).await?;
            serving.reload(ctx, &model).await?;
            promoted.push(Promotion { model, version });
        }
        Ok(promoted)
    }
}
