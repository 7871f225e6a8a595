//! `cortex models`: versions, gates, aliases, traffic.

use clap::Subcommand;
use cortex_registry::{CHAMPION, GateReport, Severity};
use cortex_types::RequestContext;

use super::table::Table;
use super::{open, say, values};
use crate::cli::Globals;
use crate::failure::{AppError, Failure};
use crate::platform::Platform;

#[derive(Debug, Subcommand)]
pub enum ModelsCommand {
    /// List models with their newest version, champion and canary
    Ls,
    /// Show a model's versions, aliases and lineage
    Show { model: String },
    /// Put a version through the gate, and move the alias if it passes
    ///
    /// The server scores the version's ONNX file and the incumbent's on the version's evaluation rows; what a client
    /// measured plays no part.
    #[command(after_help = "Example:\n  cortex models promote repurchase-30d 3")]
    Promote {
        model: String,
        /// Its number, as 'cortex models show' lists it
        #[arg(value_parser = values::version)]
        version: u32,
        #[arg(long, default_value = CHAMPION)]
        alias: String,
    },
    /// Point an alias to a version; a protected alias needs a passing report (see promote)
    #[command(after_help = "Example:\n  cortex models alias repurchase-30d champion 2 --rollback")]
    Alias {
        model: String,
        alias: String,
        /// Its number, as 'cortex models show' lists it
        #[arg(value_parser = values::version)]
        version: u32,
        /// Move back to a version that had the alias before, on the report of then: it is not judged again
        #[arg(long)]
        rollback: bool,
    },
    /// Show how a model's traffic is split, or change it
    #[command(after_help = "\
Examples:
  cortex models traffic repurchase-30d
  cortex models traffic repurchase-30d --canary 4 --weight 0.1
  cortex models traffic repurchase-30d --end-canary")]
    Traffic {
        model: String,
        /// A version that shall answer for a share of the entities
        #[arg(long, value_name = "VERSION", requires = "weight", conflicts_with = "end_canary", value_parser = values::version)]
        canary: Option<u32>,
        /// Its share, above 0
        #[arg(long, requires = "canary")]
        weight: Option<f64>,
        #[arg(long)]
        end_canary: bool,
    },
}

impl ModelsCommand {
    pub async fn run(self, globals: &Globals) -> Result<(), Failure> {
        let (platform, ctx) = open(globals).await?;
        match self {
            Self::Ls => list(&platform, &ctx).await?,
            Self::Show { model } => show(&platform, &ctx, &model).await?,
            Self::Promote { model, version, alias } => promote(&platform, &ctx, &model, version, &alias).await?,
            Self::Alias {
                model,
                alias,
                version,
                rollback,
            } => {
                let registry = &platform.services.registry;
                let moved = match rollback {
                    true => registry.roll_back(&ctx, &model, &alias, version).await?,
                    false => registry.move_alias(&ctx, &model, &alias, version).await?,
                };
                say(format!("'{alias}' of {model} is version {}", moved.version));
            }
            Self::Traffic {
                model,
                canary,
                weight,
                end_canary,
            } => {
                match (canary.zip(weight), end_canary) {
                    (Some(canary), _) => {
                        platform
                            .services
                            .serving
                            .set_traffic(&ctx, &model, Some(canary))
                            .await?
                    }
                    (None, true) => platform.services.serving.set_traffic(&ctx, &model, None).await?,
                    (None, false) => {}
                }
                traffic(&platform, &ctx, &model).await?;
            }
        }
        platform.close().await;
        Ok(())
    }
}

async fn list(platform: &Platform, ctx: &RequestContext) -> Result<(), Failure> {
    let mut table = Table::new(["model", "task", "versions", "champion", "canary"]);
    for model in platform.services.registry.models(ctx).await? {
        let versions = platform.services.registry.versions(ctx, &model).await?;
        let traffic = platform.services.registry.traffic(ctx, &model).await?;
        let task = versions.last().map_or("", |version| version.task.as_str());
        let canary = traffic
            .canary
            .map(|canary| format!("{} ({:.0} %)", canary.version, canary.weight * 100.0));
        table.row([
            model,
            task.to_owned(),
            versions.len().to_string(),
            traffic
                .champion
                .map_or("none".to_owned(), |version| version.to_string()),
            canary.unwrap_or_else(|| "none".to_owned()),
        ]);
    }
    say(table.to_string());
    Ok(())
}

async fn show(platform: &Platform, ctx: &RequestContext, model: &str) -> Result<(), Failure> {
    let mut table = Table::new(["version", "trainer", "as of", "data", "code", "metrics"]);
    for version in platform.services.registry.versions(ctx, model).await? {
        let lineage = &version.lineage;
        let metrics = version.metrics.iter().map(|(name, value)| format!("{name} {value:.4}"));
        table.row([
            version.version.to_string(),
            lineage.trainer.clone(),
            lineage.as_of.to_string(),
            lineage.data_digest.chars().take(12).collect(),
            lineage.code_version.clone(),
            metrics.collect::<Vec<_>>().join(", "),
        ]);
    }
    say(table.to_string());
    for alias in platform.services.registry.aliases(ctx, model).await? {
        say(format!(
            "{} is version {}, since {} by {}",
            alias.alias, alias.version, alias.moved_at, alias.moved_by
        ));
    }
    Ok(())
}

async fn promote(
    platform: &Platform,
    ctx: &RequestContext,
    model: &str,
    version: u32,
    alias: &str,
) -> Result<(), Failure> {
    let report = platform.services.registry.propose(ctx, model, version, alias).await?;
    say(checks(&report).to_string());
    if !report.passed() {
        let failed = report.failed_checks().join(", ");
        return Err(AppError::GateShut {
            model: model.to_owned(),
            version,
            alias: alias.to_owned(),
            failed,
        }
        .into());
    }
    platform
        .services
        .registry
        .move_alias(ctx, model, alias, version)
        .await?;
    say(format!("the gate is passed: '{alias}' of {model} is version {version}"));
    Ok(())
}

fn checks(report: &GateReport) -> Table<5> {
    let mut table = Table::new(["check", "verdict", "observed", "threshold", "what was compared"]);
    let figure = |value: Option<f64>| value.map_or("–".to_owned(), |value| format!("{value:.4}"));
    for check in &report.checks {
        let verdict = match (check.passed, check.severity) {
            (true, _) => "passed",
            (false, Severity::Warn) => "warns",
            (false, Severity::Fail) => "FAILED",
        };
        table.row([
            check.name.clone(),
            verdict.to_owned(),
            figure(check.observed),
            figure(check.threshold),
            check.detail.clone(),
        ]);
    }
    table
}

async fn traffic(platform: &Platform, ctx: &RequestContext, model: &str) -> Result<(), Failure> {
    let traffic = platform.services.registry.traffic(ctx, model).await?;
    let canary_share = traffic.canary.map_or(0.0, |canary| canary.weight);
    match traffic.champion {
        Some(version) => say(format!(
            "champion  version {version}  {:.1} %",
            (1.0 - canary_share) * 100.0
        )),
        None => say(format!(
            "{model} has no champion yet: 'cortex models promote {model} VERSION'"
        )),
    }
    if let Some(canary) = traffic.canary {
        say(format!(
            "canary    version {}  {:.1} %",
            canary.version,
            canary.weight * 100.0
        ));
    }
    Ok(())
}
