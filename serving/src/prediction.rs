//! "Predict for this entity": route, read features, score, advise, remember.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;
use std::time::Instant;

use cortex_features::{EntityKey, FeatureRef, FeatureStatus, OnlineRow, OnlineVectors};
use cortex_types::{DecisionId, Frontier, RequestContext, Timestamp};

use crate::inputs::{columns_of, context_of, push_row, union_of_features};
use crate::{Arm, Decision, ReadyModel, Route, SCORE_OUTPUT, Serving, ServingError, feature_tensor, router, scores_of};

/// How long each stage of a prediction took; a stage that failed is not told.
const STAGE_SECONDS: &str = "cortex_serving_prediction_stage_seconds";

/// One entity to predict for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntityRequest {
    pub model: String,
    /// Business key, such as the customer's code.
    pub entity_key: String,
    /// What the canary split sticks to; the entity key where it is absent.
    pub route_key: Option<String>,
    /// Forces an arm; absent lets the router choose.
    pub arm: Option<Arm>,
}

impl EntityRequest {
    #[must_use]
    pub fn new(model: impl Into<String>, entity_key: impl Into<String>) -> Self {
        Self {
            model: model.into(),
            entity_key: entity_key.into(),
            route_key: None,
            arm: None,
        }
    }

    #[must_use]
    pub(crate) fn route_key(&self) -> &str {
        self.route_key
            .as_deref()
            .filter(|key| !key.is_empty())
            .unwrap_or(&self.entity_key)
    }
}

/// The answer for one entity. The decision behind it is durable.
#[derive(Clone, Debug, PartialEq)]
pub struct Prediction {
    pub decision_id: DecisionId,
    pub model: Arc<str>,
    pub version: u32,
    pub arm: Arm,
    pub propensity: f64,
    pub entity_key: Arc<str>,
    pub decided_at: Timestamp,
    pub score: f64,
    /// What the version's policy advises on this score.
    pub action: Option<Arc<str>>,
    /// Where the features were computed.
    pub frontier: Frontier,
    /// False where the online store has no facts of this entity: every feature was missing, and the score is what the
    /// model says of somebody unknown.
    pub features_found: bool,
}

impl Prediction {
    fn of(decision: Decision, row: &OnlineRow) -> Self {
        let features_found = row.statuses.iter().any(|status| *status != FeatureStatus::NotFound);
        Self {
            decision_id: decision.id,
            model: decision.model,
            version: decision.version,
            arm: decision.arm,
            propensity: decision.propensity,
            entity_key: decision.entity_key,
            decided_at: decision.decided_at,
            score: decision.score,
            action: decision.action,
            frontier: decision.frontier,
            features_found,
        }
    }
}

/// Who answers for whom, and which features that takes: one read serves all versions in play.
struct Plan {
    /// In the order of the requests.
    routes: Vec<Route>,
    models: BTreeMap<u32, Arc<ReadyModel>>,
    features: Vec<FeatureRef>,
}

/// The clock that the stages of one prediction share.
struct Stages(Instant);

impl Stages {
    fn begin() -> Self {
        Self(Instant::now())
    }

    fn done(&mut self, stage: &'static str) {
        let began = std::mem::replace(&mut self.0, Instant::now());
        metrics::histogram!(STAGE_SECONDS, "stage" => stage).record(self.0.duration_since(began).as_secs_f64());
    }
}

impl Serving {
    /// Predicts for one entity. Returns once the decision is durable.
    pub async fn predict_entity(
        &self,
        ctx: &RequestContext,
        request: EntityRequest,
    ) -> Result<Prediction, ServingError> {
        let model = request.model.clone();
        let mut predictions = self.predict(ctx, &model, vec![request]).await?;
        predictions
            .pop()
            .ok_or_else(|| ServingError::Inference("no prediction came".to_owned()))
    }

    /// Predicts for many entities of one model, in their order, with one read of features, one run per version in
    /// traffic, and one record of decisions.
    pub async fn predict_entities(
        &self,
        ctx: &RequestContext,
        model: &str,
        keys: &[String],
    ) -> Result<Vec<Prediction>, ServingError> {
        let requests = keys.iter().map(|key| EntityRequest::new(model, key)).collect();
        self.predict(ctx, model, requests).await
    }

    async fn predict(
        &self,
        ctx: &RequestContext,
        model: &str,
        requests: Vec<EntityRequest>,
    ) -> Result<Vec<Prediction>, ServingError> {
        self.check_entities(&requests)?;
        let plan = self.plan(ctx, model, &requests).await?;
        let keys: Vec<EntityKey> = requests
            .iter()
            .map(|request| EntityKey::single(request.entity_key.as_str()))
            .collect();
        let at = self.clock.now();
        let mut stages = Stages::begin();
        let vectors = self.features.read(&ctx.tenant, &plan.features, &keys, at).await?;
        stages.done("features");
        if vectors.rows.len() != keys.len() {
            let message = format!(
                "the online store gave {} rows for {} keys",
                vectors.rows.len(),
                keys.len()
            );
            return Err(ServingError::Inference(message));
        }
        let decisions = self.decide(ctx, &plan, &keys, at, &vectors).await?;
        stages.done("model");
        self.decisions.record(ctx, &decisions).await?;
        stages.done("decision");
        Ok(decisions
            .into_iter()
            .zip(&vectors.rows)
            .map(|(decision, row)| Prediction::of(decision, row))
            .collect())
    }

    async fn plan(&self, ctx: &RequestContext, model: &str, requests: &[EntityRequest]) -> Result<Plan, ServingError> {
        let split = self.repository.split(ctx, model).await?;
        let route = |request: &EntityRequest| router::route(model, &split, request.route_key(), request.arm);
        let routes = requests.iter().map(route).collect::<Result<Vec<Route>, _>>()?;
        let mut models: BTreeMap<u32, Arc<ReadyModel>> = BTreeMap::new();
        for route in &routes {
            if let Entry::Vacant(missing) = models.entry(route.version) {
                missing.insert(self.repository.get(ctx, model, route.version).await?);
            }
        }
        let features = union_of_features(models.values().map(AsRef::as_ref));
        Ok(Plan {
            routes,
            models,
            features,
        })
    }

    /// One decision per key, in their order; each version scores its keys in one run.
    async fn decide(
        &self,
        ctx: &RequestContext,
        plan: &Plan,
        keys: &[EntityKey],
        at: Timestamp,
        vectors: &OnlineVectors,
    ) -> Result<Vec<Decision>, ServingError> {
        let mut decided = Vec::with_capacity(keys.len());
        for (version, model) in &plan.models {
            let columns = columns_of(model, &plan.features)?;
            let rows: Vec<usize> = (0..keys.len())
                .filter(|row| plan.routes[*row].version == *version)
                .collect();
            let scores = self.score(ctx, model, vectors, &rows, &columns).await?;
            for (row, score) in rows.into_iter().zip(scores) {
                let route = &plan.routes[row];
                let decision = Decision {
                    id: DecisionId::new(),
                    model: Arc::clone(&model.version.name),
                    version: route.version,
                    arm: route.arm,
                    propensity: route.propensity,
                    entity: model.version.lineage.entity.as_str().into(),
                    entity_key: keys[row].as_str().into(),
                    decided_at: at,
                    score,
                    action: model.policy.as_ref().and_then(|policy| policy.advise(score)).cloned(),
                    context: context_of(model, &vectors.rows[row], &columns),
                    frontier: vectors.frontier.clone(),
                };
                decided.push((row, decision));
            }
        }
        decided.sort_unstable_by_key(|(row, _)| *row);
        Ok(decided.into_iter().map(|(_, decision)| decision).collect())
    }

    fn check_entities(&self, requests: &[EntityRequest]) -> Result<(), ServingError> {
        if requests.is_empty() || requests.len() > self.config.entities_max {
            let most = self.config.entities_max;
            return Err(ServingError::Invalid(format!(
                "ask for 1 to {most} entities, not {}",
                requests.len()
            )));
        }
        let unnamed = |key: &str| key.is_empty() || key.contains('\0');
        if requests.iter().any(|request| unnamed(&request.entity_key)) {
            let problem = "an entity key is empty, or holds a NUL character";
            return Err(ServingError::Invalid(problem.to_owned()));
        }
        Ok(())
    }

    async fn score(
        &self,
        ctx: &RequestContext,
        model: &ReadyModel,
        vectors: &OnlineVectors,
        rows: &[usize],
        columns: &[usize],
    ) -> Result<Vec<f64>, ServingError> {
        let mut values = Vec::with_capacity(rows.len() * columns.len());
        for row in rows {
            push_row(&mut values, &vectors.rows[*row], columns, model)?;
        }
        let features = feature_tensor(&values, columns.len())?;
        let inference = self.run(ctx, model, vec![features], &[SCORE_OUTPUT.to_owned()]).await?;
        scores_of(&inference.outputs, rows.len())
    }
}
