//! `cortex score`: a whole table into the lake.

use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use cortex_lake::AsOf;
use cortex_serving_batch::{BatchScoring, JobRows, ScoreJob};
use cortex_types::Timestamp;

use super::lake;
use super::{open, progress, say, values};
use crate::cli::Globals;
use crate::failure::Failure;

/// What stands above its options in the help stands with the command's name, in `cli`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  cortex score repurchase-30d --job week-35
  cortex score units-7d --job 2011-09-01 --as-of 2011-09-01 --active-within 90d
  cortex score repurchase-30d --job replay --table training/repurchase-30d --key entity_key

A table has a column for each of the model's features, named view:feature or view__feature.")]
pub struct Score {
    model: String,
    /// Names the job: the same job again writes nothing, another one of that name is refused. Letters, digits, '.', '_'
    /// and '-'
    #[arg(long)]
    job: String,
    /// [default: the champion]
    #[arg(long, value_parser = values::version)]
    version: Option<u32>,
    /// The instant that features are as of [default: now]
    #[arg(long, value_name = "TIME", value_parser = values::instant)]
    as_of: Option<Timestamp>,
    /// Whom to score: entities with a fact in this time before
    #[arg(long, value_name = "SPAN", value_parser = values::span, default_value = "365d")]
    active_within: Duration,
    /// Score the rows of a lake table instead, as LAYER/TABLE
    #[arg(long, value_name = "LAYER/TABLE", requires = "key", conflicts_with = "active_within")]
    table: Option<String>,
    /// The table's column that names the entities
    #[arg(long, value_name = "COLUMN", requires = "table")]
    key: Option<String>,
}

impl Score {
    pub async fn run(self, globals: &Globals) -> Result<(), Failure> {
        let (platform, ctx) = open(globals).await?;
        // What a process that was killed had committed, but not yet handed on.
        platform.services.catch_up().await?;
        let spinner = progress::spinner(format!("scoring with {}", self.model));
        let lake = Arc::clone(&platform.services.lake);
        let scoring = BatchScoring::new(
            Arc::clone(&platform.services.serving),
            platform.services.training_sets.clone(),
            lake,
            Arc::clone(platform.clock()),
        );
        let rows = match self.table.as_deref().zip(self.key) {
            Some((table, key)) => JobRows::Table {
                table: lake::parse(&ctx, table)?,
                at: AsOf::Latest,
                key,
            },
            None => JobRows::Entities {
                active_within: self.active_within,
            },
        };
        let job = ScoreJob {
            job: self.job,
            model: self.model,
            version: self.version,
            as_of: self.as_of,
            rows,
        };
        let report = scoring.run(&ctx, &job).await?;
        spinner.finish_and_clear();
        match report.version {
            Some(_) if report.rows == 0 => eprintln!(
                "warning: there was nothing to score for job '{}', and nothing was written: {}. The same job may run again",
                job.job,
                nothing(&job)
            ),
            Some(version) => say(format!(
                "{} rows by version {version} into {}",
                report.rows, report.table
            )),
            None => say(format!(
                "job '{}' is in {} already; nothing was written",
                job.job, report.table
            )),
        }
        platform.close().await;
        Ok(())
    }
}

/// Why a job may have found nothing.
fn nothing(job: &ScoreJob) -> String {
    match &job.rows {
        JobRows::Entities { active_within } => {
            let days = active_within.as_secs_f64() / 86_400.0;
            let until = job.as_of.map_or("now".to_owned(), |as_of| as_of.to_string());
            format!("no entity was active in the {days:.1} days before {until}")
        }
        JobRows::Table { table, .. } => format!("{table} has no rows"),
    }
}
