//! One job: rows in, scores out, once.

use std::sync::Arc;
use std::time::Duration;

use cortex_features::TrainingSets;
use cortex_lake::{Appended, AsOf, Commit, Lake, Layer, TableRef};
use cortex_serving::{InferRequest, ReadyModel, SCORE_OUTPUT, Serving, feature_tensor, scores_of};
use cortex_types::{Clock, Frontier, RequestContext, Timestamp};
use sha2::{Digest, Sha256};

use crate::features::{self, Rows};
use crate::{BatchError, done, scores};

/// Rows per run of the model.
const ROWS_PER_RUN: usize = 16_384;

/// What is scored.
#[derive(Clone, Debug)]
pub enum JobRows {
    /// Every key of the model's entity that was active in the time before `as_of`, with its features as of then.
    Entities { active_within: Duration },
    /// Every row of a lake table with a column `key` and a column for each feature of the model, named `view:feature` or
    /// `view__feature`; a null is a missing value.
    Table { table: TableRef, at: AsOf, key: String },
}

/// What to score with what, under a name.
#[derive(Clone, Debug)]
pub struct ScoreJob {
    /// Names the job within its model. The same job again writes nothing; another one of the same name is refused.
    pub job: String,
    pub model: String,
    /// Absent: the champion.
    pub version: Option<u32>,
    /// The instant that the features are as of; absent: now.
    pub as_of: Option<Timestamp>,
    pub rows: JobRows,
}

impl ScoreJob {
    /// SHA-256 of what is asked for, without the name: what was left open (the champion, now) stays open, so that the
    /// same command is the same job whenever it is given.
    #[must_use]
    pub fn digest(&self) -> String {
        let version = self
            .version
            .map_or("champion".to_owned(), |version| version.to_string());
        let as_of = self.as_of.map_or("now".to_owned(), |as_of| as_of.micros().to_string());
        let rows = match &self.rows {
            JobRows::Entities { active_within } => format!("entities {}", active_within.as_micros()),
            JobRows::Table { table, at, key } => match at {
                AsOf::Latest => format!("table {table} latest {key}"),
                AsOf::Version(at) => format!("table {table} {at} {key}"),
            },
        };
        hex::encode(Sha256::digest(format!("{}\n{version}\n{as_of}\n{rows}", self.model)))
    }
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
    clock: Arc<dyn Clock>,
}

impl BatchScoring {
    #[must_use]
    pub const fn new(
        serving: Arc<Serving>,
        features: TrainingSets,
        lake: Arc<dyn Lake>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            serving,
            features,
            lake,
            clock,
        }
    }

    /// Runs a job to its end, or finds that it was. Everything is written in one commit: a run that is cut off leaves
    /// nothing, and may be run again. A job without rows commits nothing. [`BatchError::OtherJob`] where another job was
    /// done under the same name.
    pub async fn run(&self, ctx: &RequestContext, job: &ScoreJob) -> Result<JobReport, BatchError> {
        let table = TableRef::new(ctx.tenant.clone(), Layer::Scores, &job.model)?;
        // Each job is a pipeline of its own with one batch, so that jobs may run in any order of their names.
        let pipeline: Arc<str> = format!("score/{}/{}", job.model, job.job).into();
        if self.lake.last_batch(&table, &pipeline).await?.is_some() {
            return self.already_there(table, job).await;
        }
        let as_of = job.as_of.unwrap_or_else(|| self.clock.now());
        let model = self.serving.model(ctx, &job.model, job.version).await?;
        let rows = match &job.rows {
            JobRows::Entities { active_within } => {
                features::of_entities(&self.features, ctx, &model, as_of, *active_within).await?
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
        let written = JobReport {
            table: table.clone(),
            version: Some(model.version.version),
            rows: count,
            already_there: false,
            frontier: frontier.clone(),
        };
        if count == 0 {
            return Ok(written);
        }
        let batch = scores::to_batch((&job.job, &job.digest()), &model, rows.keys, scores, as_of, &frontier)?;
        let commit = Commit {
            pipeline,
            batch: 1,
            frontier,
        };
        match self.lake.append(&table, vec![batch], &commit).await? {
            // Somebody else ran the same job at the same time, and was first.
            Appended::AlreadyThere => self.already_there(table, job).await,
            Appended::Committed { .. } => {
                tracing::info!(model = job.model, job = job.job, rows = count, "table is scored");
                Ok(written)
            }
        }
    }

    /// The name was used: by this very job, or it is refused.
    async fn already_there(&self, table: TableRef, job: &ScoreJob) -> Result<JobReport, BatchError> {
        let digest = done::digest_of(&*self.lake, &table, &job.job).await?;
        if digest.is_some_and(|digest| digest != job.digest()) {
            return Err(BatchError::OtherJob {
                job: job.job.clone(),
                model: job.model.clone(),
                table: table.to_string(),
            });
        }
        Ok(JobReport {
            table,
            version: None,
            rows: 0,
            already_there: true,
            frontier: Frontier::default(),
        })
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

#[cfg(test)]
mod tests;
