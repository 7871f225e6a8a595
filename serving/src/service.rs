//! What the APIs call.

use std::sync::Arc;
use std::time::Instant;

use cortex_features::OnlineStore;
use cortex_registry::Registry;
use cortex_types::{Clock, RequestContext};

use crate::statistics::{Statistics, VersionKey};
use crate::{
    Arm, DecisionLog, IndexEntry, Inference, ModelRepository, ModelRuntime, ModelStatistics, ReadyModel, ServingConfig,
    ServingError, Split, Tensor, router,
};

/// Tensors to run through a model.
#[derive(Clone, Debug, Default)]
pub struct InferRequest {
    pub model: String,
    /// Absent: the version that the router chooses.
    pub version: Option<u32>,
    pub inputs: Vec<Tensor>,
    /// Empty: all outputs.
    pub outputs: Vec<String>,
    /// What the canary split sticks to. Without it, and without a forced arm, the champion answers.
    pub route_key: Option<String>,
    pub arm: Option<Arm>,
}

#[derive(Clone, Debug)]
pub struct InferResponse {
    pub model: String,
    pub version: u32,
    /// Absent where the request named a version.
    pub arm: Option<Arm>,
    pub outputs: Vec<Tensor>,
}

/// Models, asked by tensors or by entity.
#[derive(Debug)]
pub struct Serving {
    pub(crate) repository: ModelRepository,
    pub(crate) features: Arc<dyn OnlineStore>,
    pub(crate) decisions: Arc<dyn DecisionLog>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) config: ServingConfig,
    statistics: Statistics,
}

impl Serving {
    #[must_use]
    pub fn new(
        registry: Arc<Registry>,
        features: Arc<dyn OnlineStore>,
        runtime: Arc<dyn ModelRuntime>,
        decisions: Arc<dyn DecisionLog>,
        clock: Arc<dyn Clock>,
        config: ServingConfig,
    ) -> Self {
        let repository = ModelRepository::new(registry, runtime, config.clone());
        Self {
            repository,
            features,
            decisions,
            clock,
            config,
            statistics: Statistics::default(),
        }
    }

    /// Runs tensors through a model. Nothing is remembered of it: only a prediction for an entity is a decision.
    pub async fn infer(&self, ctx: &RequestContext, request: InferRequest) -> Result<InferResponse, ServingError> {
        let (version, arm) = match request.version {
            Some(version) => (version, None),
            None => {
                let split = self.repository.split(ctx, &request.model).await?;
                let forced = request.arm.or(request.route_key.is_none().then_some(Arm::Champion));
                let route = router::route(
                    &request.model,
                    &split,
                    request.route_key.as_deref().unwrap_or(""),
                    forced,
                )?;
                (route.version, Some(route.arm))
            }
        };
        let model = self.repository.get(ctx, &request.model, version).await?;
        let inference = self.run(ctx, &model, request.inputs, &request.outputs).await?;
        Ok(InferResponse {
            model: request.model,
            version,
            arm,
            outputs: inference.outputs,
        })
    }

    pub(crate) async fn run(
        &self,
        ctx: &RequestContext,
        model: &ReadyModel,
        inputs: Vec<Tensor>,
        outputs: &[String],
    ) -> Result<Inference, ServingError> {
        let key = Self::key(ctx, &model.version.name, model.version.version);
        let rows = inputs.first().map_or(1, Tensor::rows);
        let started = Instant::now();
        let _pending = Statistics::pending(&key);
        match model.loaded.infer(inputs, outputs).await {
            Ok(inference) => {
                let (at, took) = (self.clock.now(), started.elapsed());
                self.statistics.succeeded(&key, rows, at, took, &inference.timing);
                Ok(inference)
            }
            Err(error) => {
                self.statistics.failed(&key, started.elapsed());
                Err(error)
            }
        }
    }

    fn key(ctx: &RequestContext, model: &str, version: u32) -> VersionKey {
        VersionKey {
            tenant: ctx.tenant.clone(),
            model: model.to_owned(),
            version,
        }
    }

    /// The version that is named, or the champion; loaded.
    pub async fn model(
        &self,
        ctx: &RequestContext,
        model: &str,
        version: Option<u32>,
    ) -> Result<Arc<ReadyModel>, ServingError> {
        let version = match version {
            Some(version) => version,
            None => self.repository.split(ctx, model).await?.champion,
        };
        self.repository.get(ctx, model, version).await
    }

    /// Numbers of the model's versions, oldest first; a model without any has the code `unknown-model`.
    pub async fn versions(&self, ctx: &RequestContext, model: &str) -> Result<Vec<u32>, ServingError> {
        let versions = self.repository.registry().versions(ctx, model).await?;
        let mut numbers: Vec<u32> = versions.into_iter().map(|version| version.version).collect();
        numbers.sort_unstable();
        Ok(numbers)
    }

    /// Statistics of the named model's versions, or of all models; zeros for a version that was not asked yet.
    pub async fn statistics(
        &self,
        ctx: &RequestContext,
        model: Option<&str>,
        version: Option<u32>,
    ) -> Result<Vec<ModelStatistics>, ServingError> {
        let names = match model {
            Some(name) => vec![name.to_owned()],
            None => self.repository.registry().models(ctx).await?,
        };
        let mut all = Vec::new();
        for name in names {
            let versions = self.versions(ctx, &name).await?;
            if let Some(wanted) = version.filter(|wanted| !versions.contains(wanted)) {
                return Err(ServingError::UnknownModel(format!("{name}/{wanted}")));
            }
            let wanted = versions
                .into_iter()
                .filter(|number| version.is_none_or(|wanted| wanted == *number));
            all.extend(wanted.map(|number| self.statistics.of(&Self::key(ctx, &name, number))));
        }
        Ok(all)
    }

    pub async fn index(&self, ctx: &RequestContext) -> Result<Vec<IndexEntry>, ServingError> {
        self.repository.index(ctx).await
    }

    /// Why versions that have traffic cannot answer; empty where all can, or nobody asked yet.
    #[must_use]
    pub fn failures(&self) -> Vec<String> {
        self.repository.failures()
    }

    pub async fn traffic(&self, ctx: &RequestContext, model: &str) -> Result<Split, ServingError> {
        self.repository.split(ctx, model).await
    }

    /// Gives a version a share of the entities, or all of them to the champion again. The registry keeps it.
    pub async fn set_traffic(
        &self,
        ctx: &RequestContext,
        model: &str,
        canary: Option<(u32, f64)>,
    ) -> Result<(), ServingError> {
        if let Some((version, _)) = canary {
            // A version that cannot run must not get traffic.
            self.repository.get(ctx, model, version).await?;
        }
        self.repository.registry().set_traffic(ctx, model, canary).await?;
        self.repository.forget_split(ctx, model);
        Ok(())
    }

    /// Takes note that the registry's split of a model changed: the next request is routed by the new one.
    pub fn traffic_changed(&self, ctx: &RequestContext, model: &str) {
        self.repository.forget_split(ctx, model);
    }

    /// Takes note of a promotion at once, and loads what is in traffic.
    pub async fn reload(&self, ctx: &RequestContext, model: &str) -> Result<(), ServingError> {
        self.repository.reload(ctx, model);
        let split = self.repository.split(ctx, model).await?;
        self.repository.get(ctx, model, split.champion).await?;
        if let Some((version, _)) = split.canary {
            self.repository.get(ctx, model, version).await?;
        }
        Ok(())
    }

    /// Refuses the model until it is reloaded.
    pub async fn unload(&self, ctx: &RequestContext, model: &str) -> Result<(), ServingError> {
        self.versions(ctx, model).await?;
        self.repository.unload(ctx, model);
        Ok(())
    }
}
