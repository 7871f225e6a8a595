//! Registering versions, and finding them again.

use cortex_types::{ModelVersionId, RequestContext};

use super::{Registry, names};
use crate::RegistryError;
use crate::event::{EventKind, NewEvent, facts};
use crate::model::{Alias, ModelVersion, NewVersion};

impl Registry {
    /// Stores a version under the next number of its name.
    ///
    /// The run must exist; the ONNX file must load and give a score for a row of its features, or the version is refused
    /// as [`RegistryError::CorruptModel`]; the evaluation set must have a column for each of the model's features.
    pub async fn register(&self, ctx: &RequestContext, new: NewVersion) -> Result<ModelVersion, RegistryError> {
        names::check("model", &new.name)?;
        if let Some((key, value)) = new.metrics.iter().find(|(_, value)| !value.is_finite()) {
            return Err(RegistryError::Invalid(format!(
                "metric '{key}' of '{}' is {value}: leave it out",
                new.name
            )));
        }
        self.store.run(ctx, new.run_id).await?;
        self.probe(&new).await?;
        let evaluation = new.evaluation.as_ref().map(|set| set.encode()).transpose()?;
        let onnx_digest = self.artifacts.put(ctx, &new.onnx).await?;
        let evaluation_digest = match evaluation {
            Some(bytes) => Some(self.artifacts.put(ctx, &bytes).await?),
            None => None,
        };
        let version = ModelVersion {
            id: ModelVersionId::new(),
            name: new.name,
            version: 0,
            run_id: new.run_id,
            task: new.task,
            signature: new.signature,
            lineage: new.lineage,
            onnx_digest,
            evaluation_digest,
            metrics: new.metrics,
            created_at: self.clock.now(),
        };
        let event = NewEvent {
            kind: EventKind::Registered,
            model: version.name.to_string(),
            version: version.version,
            at: version.created_at,
            detail: facts([
                ("run", Some(version.run_id.to_string())),
                ("onnx", Some(version.onnx_digest.clone())),
                ("evaluation", version.evaluation_digest.clone()),
                ("data", Some(version.lineage.data_digest.clone())),
            ]),
        };
        self.store.create_version(ctx, version, event).await
    }

    /// Scores one row, so that a file which does not run is refused now and not when it is needed.
    async fn probe(&self, new: &NewVersion) -> Result<(), RegistryError> {
        let columns = new.lineage.features.len();
        if columns == 0 {
            return Err(RegistryError::Invalid(format!(
                "model '{}' has no features in its lineage",
                new.name
            )));
        }
        let row = match &new.evaluation {
            Some(set) => {
                set.check()?;
                let rows = set.project(&new.lineage.features).map_err(|missing| {
                    RegistryError::Invalid(format!("the evaluation set lacks feature {}", missing.join(", ")))
                })?;
                rows[..columns].to_vec()
            }
            None => vec![0.0; columns],
        };
        let scores = self.scorer.score(&new.onnx, &row, columns).await?;
        match scores.as_slice() {
            [score] if score.is_finite() => Ok(()),
            other => Err(RegistryError::CorruptModel {
                model: new.name.to_string(),
                detail: format!("its answer to one row is {other:?}, not one finite score"),
            }),
        }
    }

    /// In order of their names.
    pub async fn models(&self, ctx: &RequestContext) -> Result<Vec<String>, RegistryError> {
        self.store.model_names(ctx).await
    }

    /// Newest first; a model without any is [`RegistryError::NotFound`].
    pub async fn versions(&self, ctx: &RequestContext, model: &str) -> Result<Vec<ModelVersion>, RegistryError> {
        let versions = self.store.versions(ctx, model).await?;
        if versions.is_empty() {
            return Err(RegistryError::not_found("model", model));
        }
        Ok(versions)
    }

    pub async fn version(
        &self,
        ctx: &RequestContext,
        model: &str,
        version: u32,
    ) -> Result<ModelVersion, RegistryError> {
        self.store.version(ctx, model, version).await
    }

    pub async fn alias(&self, ctx: &RequestContext, model: &str, alias: &str) -> Result<Option<Alias>, RegistryError> {
        self.store.alias(ctx, model, alias).await
    }

    /// In order of their names.
    pub async fn aliases(&self, ctx: &RequestContext, model: &str) -> Result<Vec<Alias>, RegistryError> {
        self.store.aliases(ctx, model).await
    }

    /// The version that `reference` names: a number such as `3`, or an alias such as `champion`.
    pub async fn resolve(
        &self,
        ctx: &RequestContext,
        model: &str,
        reference: &str,
    ) -> Result<ModelVersion, RegistryError> {
        let number = match reference.parse::<u32>() {
            Ok(number) => number,
            Err(_) => match self.store.alias(ctx, model, reference).await? {
                Some(alias) => alias.version,
                None => return Err(RegistryError::not_found("alias", format!("{model}@{reference}"))),
            },
        };
        self.store.version(ctx, model, number).await
    }

    /// The version's ONNX file, checked against its digest.
    pub async fn onnx(&self, ctx: &RequestContext, version: &ModelVersion) -> Result<Vec<u8>, RegistryError> {
        self.artifacts.get(ctx, &version.onnx_digest).await
    }
}
