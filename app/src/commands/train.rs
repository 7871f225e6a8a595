//! `cortex train`: a declared pipeline, as of a date.

use clap::Args;
use cortex_training::TrainingReport;
use cortex_training::run::StageUpdate;
use cortex_types::Timestamp;

use super::table::Table;
use super::{open, progress, say, values};
use crate::cli::Globals;
use crate::failure::{AppError, Failure};

/// What stands above its options in the help stands with the command's name, in `cli`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  cortex train repurchase-30d
  cortex train units-7d --as-of 2011-09-01")]
pub struct Train {
    /// A pipeline, such as repurchase-30d
    pipeline: String,
    /// Use only what was known then; not in the future [default: now]
    #[arg(long, value_name = "TIME", value_parser = values::instant)]
    as_of: Option<Timestamp>,
}

impl Train {
    pub async fn run(self, globals: &Globals) -> Result<(), Failure> {
        let (platform, ctx) = open(globals).await?;
        let now = platform.clock().now();
        if let Some(as_of) = self.as_of.filter(|as_of| *as_of > now) {
            // Its rows would end today, and its lineage would say that it knows what has not happened.
            let problem = format!("--as-of {as_of} is in the future: by the clock of this folder it is {now}");
            return Err(AppError::Invalid(problem).into());
        }
        // What a process that was killed had committed, but not yet handed on.
        platform.services.catch_up().await?;
        let as_of = self.as_of.unwrap_or_else(|| platform.clock().now());
        let spinner = progress::spinner(self.pipeline.clone());
        let show = |update: StageUpdate<'_>| {
            if let StageUpdate::Started { pipeline, stage } = update {
                spinner.set_message(format!("{pipeline}: {stage}"));
            }
        };
        let report = platform
            .services
            .pipelines
            .run_with(&ctx, &self.pipeline, as_of, &show)
            .await?;
        spinner.finish_and_clear();
        print(&report);
        platform.close().await;
        Ok(())
    }
}

fn print(report: &TrainingReport) {
    let rows = &report.rows;
    say(format!(
        "{} as of {}: {} rows to learn from, {} to choose, {} to judge ({} from decisions and their outcomes)",
        report.pipeline, report.as_of, rows.train, rows.validation, rows.evaluation, rows.experience
    ));
    let mut table = Table::new(["model", "trainer", "metric", "value", "baseline"]);
    for registered in &report.registered {
        for (metric, value) in &registered.metrics {
            let baseline = report
                .baseline
                .get(metric)
                .map_or("–".to_owned(), |value| format!("{value:.4}"));
            let version = format!("{} v{}", registered.version.name, registered.version.version);
            table.row([
                version,
                registered.trainer.clone(),
                metric.clone(),
                format!("{value:.4}"),
                baseline,
            ]);
        }
    }
    say(table.to_string());
    for warning in &report.warnings {
        say(format!("note: {warning}"));
    }
}
