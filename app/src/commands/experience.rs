//! `cortex experience`: what was decided, and what came of it.

use clap::Subcommand;
use cortex_experience::Summary;

use super::table::Table;
use super::{open, say};
use crate::cli::Globals;
use crate::failure::Failure;

#[derive(Debug, Subcommand)]
pub enum ExperienceCommand {
    /// How each model version did: decisions, overrides, outcomes, calibration
    Show {
        /// [default: all]
        #[arg(long)]
        model: Option<String>,
    },
    /// Look up in the lake what came of the decisions whose horizon has passed
    Resolve,
}

impl ExperienceCommand {
    pub async fn run(self, globals: &Globals) -> Result<(), Failure> {
        let (platform, ctx) = open(globals).await?;
        match self {
            Self::Show { model } => {
                let summary = platform.services.memory.summary(&ctx, model.as_deref()).await?;
                // A model that decided nothing yet is shown so; one that does not exist is a mistake in its name.
                if let Some(model) = model.filter(|_| summary.models.is_empty()) {
                    platform.services.registry.versions(&ctx, &model).await?;
                }
                print(&summary);
            }
            Self::Resolve => {
                let outcomes = platform.services.memory.resolve_due(&ctx).await?;
                say(format!("{outcomes} outcomes joined their decisions"));
            }
        }
        platform.close().await;
        Ok(())
    }
}

fn print(summary: &Summary) {
    let mut table = Table::new([
        "model",
        "decisions",
        "overridden",
        "outcome",
        "joined",
        "mean score",
        "mean outcome",
        "mean error",
    ]);
    for model in &summary.models {
        for version in &model.versions {
            let name = format!("{} v{}", model.model, version.version);
            let counts = [version.decisions.to_string(), version.overridden.to_string()];
            if version.outcomes.is_empty() {
                let [decisions, overridden] = counts.clone();
                table.row([
                    name.clone(),
                    decisions,
                    overridden,
                    "none yet".into(),
                    "0".into(),
                    "–".into(),
                    "–".into(),
                    "–".into(),
                ]);
            }
            for outcome in &version.outcomes {
                let [decisions, overridden] = counts.clone();
                table.row([
                    name.clone(),
                    decisions,
                    overridden,
                    outcome.kind.to_string(),
                    outcome.joined.to_string(),
                    format!("{:.4}", outcome.score_mean),
                    format!("{:.4}", outcome.outcome_mean),
                    format!("{:.4}", outcome.absolute_error_mean),
                ]);
            }
        }
    }
    say(table.to_string());
    say(format!(
        "{} decisions, {} outcomes joined, {} events wait for theirs",
        summary.decisions, summary.outcomes, summary.pending
    ));
}
