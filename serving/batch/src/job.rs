//! One job: rows in, scores out, once.

use std::sync::Arc;
use std::time::Duration;

use cortex_features::TrainingSets;
use cortex_lake::{Appended, AsOf, Commit, Lake, Layer, TableRef};
use cortex_serving::{InferRequest, ReadyModel, SCORE_OUTPUT, Serving, feature_tensor, scores_of};
use cortex_types::{Frontier, RequestContext, Timestamp};

use crate::features::{self, Rows};
use crate::{BatchError, scores};

/// Rows per run of the model.
const ROWS_PER_RUN: usize = 16_384;

/// What is scored.
#[derive(Clone, Debug)]
pub enum JobRows {
    /// Every key of the model's entity that was active in the time before `as_of`, with its features as of then.
    Entities { active_within: Duration },
    /// Every row of a lake table with a column `key` and a column for each feature of the model, named as the feature
    /// is; a null is a missing value.
    Table { table: TableRef, at: AsOf, key: String },
}

/// What to score with what, under a name.
#[derive(Clone, Debug)]
pub struct ScoreJob {
    /// Names the job within its model. The same name again writes nothing.
    pub job: String,
    pub model: String,
    /// Absent: the champion.
    pub version: Option<u32>,
    /// The instant that the features are as of.
    pub as_of: Timestamp,
    pub rows: JobRows,
}

/// What became of a job.
#[derive(Clone, Debug, PartialEq)]
pub struct JobReport {
    /// Where the scores are.
    pub table: TableRef,
    /// The version that scored; absent where the job had been done before.
    pub version: Option<u32>,
    /// Rows that this run wrote.
    pub rows: usize,
    /// The job was there already: nothing was computed or written.
    pub already_there: bool,
    pub frontier: Frontier,
}

/// Scores tables into the lake.
#[derive(Clone, Debug)]
pub struct BatchScoring {
    serving: Arc<Serving>,
    features: TrainingSets,
    lake: Arc<dyn Lake>,
}

impl BatchScoring {
    #[must_use]
    pub const fn new(serving: Arc<Serving>, features: TrainingSets, lake: Arc<dyn Lake>) -> Self {
        Self {
            serving,
            features,
            lake,
        }
    }

    /// Runs a job to its end, or finds that it was. Everything is written in one commit: a run that is cut off leaves
    /// nothing, and may be run again.
    pub async fn run(&self, ctx: &RequestContext, job: &ScoreJob) -> Result<JobReport, BatchError> {
        let table = TableRef::new(ctx.tenant.clone(), Layer::Scores, &job.model)?;
        // Each job is a pipeline of its own with one batch, so that jobs may run in any order of their names.
        let pipeline: Arc<str> = format!("score/{}/{}", job.model, job.job).into();
        if self.lake.last_batch(&table, &pipeline).await?.is_some() {
            return Ok(already_there(table));
        }
        let model = self.serving.model(ctx, &job.model, job.version).await?;
        let rows = match &job.rows {
            JobRows::Entities { active_within } => {
                features::of_entities(&self.features, ctx, &model, job.as_of, *active_within).await?
            }
            JobRows::Table { table, at, key } => {
                if table.tenant != ctx.tenant {
                    return Err(BatchError::Invalid(format!("table {table} belongs to another tenant")));
                }
                features::of_table(&*self.lake, &model, table, *at, key).await?
            }
        };
        let scores = self.score(ctx, &model, &rows).await?;
        let (count, frontier) = (rows.keys.len(), rows.frontier);
        let batch = scores::to_batch(&job.job, &model, rows.keys, scores, job.as_of, &frontier)?;
        let commit = Commit {
            pipeline,
            batch: 1,
            frontier: frontier.clone(),
        };
        match self.lake.append(&table, vec![batch], &commit).await? {
            // Somebody else ran the same job at the same time, and was first.
            Appended::AlreadyThere => Ok(already_there(table)),
            Appended::Committed { .. } => {
                let version = Some(model.version.version);
                tracing::info!(model = job.model, job = job.job, rows = count, "table is scored");
                Ok(JobReport {
                    table,
                    version,
                    rows: count,
                    already_there: false,
                    frontier,
                })
            }
        }
    }

    async fn score(&self, ctx: &RequestContext, model: &ReadyModel, rows: &Rows) -> Result<Vec<f64>, BatchError> {
        let columns = model.features.len();
        let mut scores = Vec::with_capacity(rows.keys.len());
        for run in rows.values.chunks(ROWS_PER_RUN * columns.max(1)) {
            let request = InferRequest {
                model: model.version.name.to_string(),
                version: Some(model.version.version),
                inputs: vec![feature_tensor(run, columns)?],
                outputs: vec![SCORE_OUTPUT.to_owned()],
                ..InferRequest::default()
            };
            let response = self.serving.infer(ctx, request).await?;
            scores.extend(scores_of(&response.outputs, run.len() / columns.max(1))?);
        }
        Ok(scores)
    }
}

fn already_there(table: TableRef) -> JobReport {
    JobReport {
        table,
        version: None,
        rows: 0,
        already_there: true,
        frontier: Frontier::default(),
    }
}

#[cfg(test)]
mod tests;
