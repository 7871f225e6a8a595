//! The stages that make the rows: instants and entities, labels, features, experience.

use std::collections::BTreeMap;

use cortex_features::{EntityRows, TrainingSets};
use cortex_lake::Lake;
use cortex_types::{Frontier, RequestContext, Timestamp};

use super::cache::StageKey;
use super::results;
use super::stages::Stages;
use crate::TrainingError;
use crate::dataset::{self, Examples, Experience, ExperienceSource, Split};
use crate::declaration::Pipeline;

/// Rows to learn from and to judge by, and where they come from.
#[derive(Debug)]
pub struct Dataset {
    pub examples: Examples,
    pub split: Split,
    pub frontier: Frontier,
    /// Bronze tables that were read, and at which version.
    pub tables: BTreeMap<String, u64>,
    /// Decisions whose context could not be used.
    pub unusable: usize,
}

/// Builds the dataset of one pipeline as of one instant.
pub struct DatasetStages<'a> {
    pub ctx: &'a RequestContext,
    pub pipeline: &'a Pipeline,
    pub as_of: Timestamp,
    pub lake: &'a dyn Lake,
    pub sets: &'a TrainingSets,
    pub code_version: &'a str,
}

impl DatasetStages<'_> {
    pub async fn build(&self, stages: &mut Stages<'_>) -> Result<Dataset, TrainingError> {
        let pipeline = self.pipeline;
        let service = self.sets.definitions().service(&pipeline.feature_service)?;
        let features: Vec<String> = service.features.iter().map(ToString::to_string).collect();
        let versions = dataset::versions(self.lake, &self.ctx.tenant).await?;
        // Everything below reads the same state of the same lake with the same code.
        let views: Vec<_> = self
            .sets
            .definitions()
            .views()
            .filter(|view| view.entity == service.entity)
            .collect();
        let views = format!("{views:?}");
        let tenant = self.ctx.tenant.as_str();
        // A label needs its whole horizon in the lake: what may still be on its way is not nothing.
        let covered_to = self.sets.covered_to(self.ctx, &pipeline.label.table).await?;
        let Some(labelled_to) = covered_to.map(|covered_to| covered_to.min(self.as_of)) else {
            return Err(self.no_rows("usable", "the lake has nothing of the label's table yet; ingest first"));
        };
        let state = (tenant, self.as_of, labelled_to, &versions, views, self.code_version);
        let state = StageKey::new("state", &state, &[]);

        let key = StageKey::new(
            "rows",
            &(&pipeline.rows, pipeline.label.horizon, &pipeline.entity),
            &[&state],
        );
        let rows = results::rows_of(&stages.cached("rows", &key, self.rows(labelled_to)).await?)?;
        let label_key = StageKey::new("labels", &pipeline.label, &[&key]);
        let labels = results::labels_of(&stages.cached("labels", &label_key, self.labels(&rows)).await?)?;
        let feature_key = StageKey::new("features", &features, &[&key]);
        let frame = results::frame_of(&stages.cached("features", &feature_key, self.features(&rows)).await?)?;
        let recipe = (
            pipeline.experience,
            &pipeline.model,
            &pipeline.entity,
            &pipeline.label,
            &features,
            &pipeline.rows,
        );
        let lived_key = StageKey::new("experience", &recipe, &[&state]);
        let lived = stages
            .cached("experience", &lived_key, self.experience(&features))
            .await?;
        let lived = results::experience_of(&lived, &features)?;

        let (frontier, mut tables) = (frame.frontier.clone(), frame.tables.clone());
        tables.extend(self.label_and_experience_tables(&versions));
        let unusable = lived.unusable;
        let examples = Examples::new(rows, labels, frame, lived)?;
        let split = self.split(&examples, labelled_to)?;
        Ok(Dataset {
            examples,
            split,
            frontier,
            tables,
            unusable,
        })
    }

    async fn rows(&self, labelled_to: Timestamp) -> Result<arrow::array::RecordBatch, TrainingError> {
        let pipeline = self.pipeline;
        let instants = dataset::instants(&pipeline.rows, pipeline.label.horizon.duration(), labelled_to);
        let definitions = self.sets.definitions();
        let rows = dataset::active_rows(
            self.ctx,
            self.lake,
            definitions,
            &pipeline.entity,
            &pipeline.rows,
            &instants,
        )
        .await?;
        if rows.is_empty() {
            return Err(self.no_rows(
                "usable",
                "was anything known by then? Ingest first, or train as of a later time",
            ));
        }
        results::rows_to_batch(&rows)
    }

    async fn labels(&self, rows: &EntityRows) -> Result<arrow::array::RecordBatch, TrainingError> {
        let label = &self.pipeline.label;
        let folded = self.sets.ahead(self.ctx, &label.spec(), rows, self.as_of).await?;
        results::labels_to_batch(
            &folded
                .into_iter()
                .map(|folded| label.of_folded(folded))
                .collect::<Vec<_>>(),
        )
    }

    async fn features(&self, rows: &EntityRows) -> Result<arrow::array::RecordBatch, TrainingError> {
        results::frame_to_batch(&self.sets.build(self.ctx, &self.pipeline.feature_service, rows).await?)
    }

    async fn experience(&self, features: &[String]) -> Result<arrow::array::RecordBatch, TrainingError> {
        let source = ExperienceSource {
            lake: self.lake,
            pipeline: self.pipeline,
            features,
        };
        let lived: Experience = source.read(self.ctx, self.as_of).await?;
        results::experience_to_batch(&lived, features)
    }

    fn split(&self, examples: &Examples, labelled_to: Timestamp) -> Result<Split, TrainingError> {
        let horizon = self.pipeline.label.horizon.duration();
        let newest = labelled_to.saturating_sub(horizon);
        let split = Split::by_time(&examples.rows.times, newest, horizon, self.pipeline.split)
            .without(|row| examples.is_decision(row), &examples.replaced);
        if split.evaluation.is_empty() {
            return Err(self.no_rows("evaluation", "nothing happened lately; train as of an earlier time"));
        }
        if split.train.is_empty() {
            let hint = "the history is shorter than horizon, split.evaluation and another horizon together; wait, or \
                        shorten them";
            return Err(self.no_rows("training", hint));
        }
        Ok(split)
    }

    fn label_and_experience_tables(&self, versions: &BTreeMap<String, u64>) -> BTreeMap<String, u64> {
        let mut read = vec![self.pipeline.label.table.as_str()];
        if self.pipeline.experience.include {
            read.extend([dataset::DECISIONS, dataset::OUTCOMES]);
        }
        read.into_iter()
            .filter_map(|table| Some((table.to_owned(), *versions.get(table)?)))
            .collect()
    }

    fn no_rows(&self, what: &'static str, hint: &'static str) -> TrainingError {
        TrainingError::NoRows {
            pipeline: self.pipeline.pipeline.clone(),
            what,
            as_of: self.as_of,
            hint,
        }
    }
}
