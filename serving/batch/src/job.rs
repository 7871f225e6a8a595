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
const NAME_BYTES_MAX: usize = 128;
/// The number of the batch with a job's rows. Greater than that of any job which found nothing, because such a job may
/// find something when it runs again; in lakes of before the number is 1, and jobs that found nothing left no trace.
const WITH_ROWS: u64 = 1 << 62;
const WITH_ROWS_BEFORE: u64 = 1;

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
    /// Names the job within its model: letters, digits, `.`, `_` and `-`, beginning with a letter or digit. The same job
    /// again writes nothing; another one of the same name is refused.
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
        hex::encode(self.digest_bytes())
    }

    /// A job that finds nothing leaves no row that tells what was asked for; the number of its batch does, between 2 and
    /// [`WITH_ROWS`].
    fn batch_without_rows(&self) -> u64 {
        let [a, b, c, d, e, f, g, h, ..] = self.digest_bytes();
        2 + (u64::from_be_bytes([a, b, c, d, e, f, g, h]) >> 3)
    }

    fn digest_bytes(&self) -> [u8; 32] {
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
        Sha256::digest(format!("{}\n{version}\n{as_of}\n{rows}", self.model)).into()
    }

    /// The name stands in the lake's log and in what people type.
    fn check_name(&self) -> Result<(), BatchError> {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
        let name = self.job.as_bytes();
        let fits = name.len() <= NAME_BYTES_MAX
            && name.first().is_some_and(u8::is_ascii_alphanumeric)
            && name.iter().all(|b| allowed(*b));
        match fits {
            true => Ok(()),
            false => Err(BatchError::Invalid(format!(
                "{:?} is no name for a job: a name is 1 to {NAME_BYTES_MAX} letters, digits, '.', '_' and '-', and begins \
                 with a letter or digit",
                self.job
            ))),
        }
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
    /// nothing, and may be run again. A job that finds nothing to score commits no rows, only that the name is its own,
    /// and may be run again as well. [`BatchError::OtherJob`] where another job was done under the same name.
    pub async fn run(&self, ctx: &RequestContext, job: &ScoreJob) -> Result<JobReport, BatchError> {
        job.check_name()?;
        let table = TableRef::new(ctx.tenant.clone(), Layer::Scores, &job.model)?;
        // Each job is a pipeline of its own with one batch, so that jobs may run in any order of their names.
        let pipeline: Arc<str> = format!("score/{}/{}", job.model, job.job).into();
        if let Some(done) = self.done_before(&table, &pipeline, job).await? {
            return Ok(done);
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
        let batch = scores::to_batch((&job.job, &job.digest()), &model, rows.keys, scores, as_of, &frontier)?;
        let commit = Commit {
            pipeline: Arc::clone(&pipeline),
            batch: if count == 0 {
                job.batch_without_rows()
            } else {
                WITH_ROWS
            },
            frontier,
        };
        match self.lake.append(&table, vec![batch], &commit).await? {
            // It was there before, or somebody else ran a job of that name at the same time, and was first.
            Appended::AlreadyThere => Ok(self.done_before(&table, &pipeline, job).await?.unwrap_or(written)),
            Appended::Committed { .. } => {
                tracing::info!(model = job.model, job = job.job, rows = count, "table is scored");
                Ok(written)
            }
        }
    }

    /// Absent where the name is free, or was used by this very job, which found nothing then. Where it was used by
    /// another job it is refused.
    async fn done_before(
        &self,
        table: &TableRef,
        pipeline: &str,
        job: &ScoreJob,
    ) -> Result<Option<JobReport>, BatchError> {
        let same = match self.lake.last_batch(table, pipeline).await? {
            None => return Ok(None),
            Some(WITH_ROWS | WITH_ROWS_BEFORE) => {
                let digest = done::digest_of(&*self.lake, table, &job.job).await?;
                digest.is_none_or(|digest| digest == job.digest())
            }
            Some(without_rows) if without_rows == job.batch_without_rows() => return Ok(None),
            Some(_) => false,
        };
        if !same {
            return Err(BatchError::OtherJob {
                job: job.job.clone(),
                model: job.model.clone(),
                table: table.to_string(),
            });
        }
        Ok(Some(JobReport {
            table: table.clone(),
            version: None,
            rows: 0,
            already_there: true,
            frontier: Frontier::default(),
        }))
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
