//! `cortex features`: what the online store serves, and whether the lake bears it out.

use clap::Subcommand;
use cortex_features::{EntityKey, FeatureStatus, FeatureValue};
use cortex_types::RequestContext;

use super::table::Table;
use super::{open, progress, say};
use crate::cli::Globals;
use crate::failure::{AppError, Failure};
use crate::platform::Platform;

#[derive(Debug, Subcommand)]
pub enum FeaturesCommand {
    /// Show the features of one entity as they would be served now
    #[command(after_help = "Example:\n  cortex features show 17850 --service customer_repurchase")]
    Show {
        /// Business key, such as a customer's code
        key: String,
        #[arg(long, default_value = "customer_repurchase")]
        service: String,
    },
    /// Recompute served vectors from the lake at their own frontier, and compare bit for bit
    Verify {
        /// Entities per view
        #[arg(long, default_value_t = 1000)]
        sample: usize,
    },
    /// Make the online store again from the lake, up to where the lake is complete
    ///
    /// An online store that is gone, or was folded under other definitions, is rebuilt at the next start without this.
    Rebuild,
}

impl FeaturesCommand {
    pub async fn run(self, globals: &Globals) -> Result<(), Failure> {
        let (platform, ctx) = open(globals).await?;
        match self {
            Self::Show { key, service } => show(&platform, &ctx, key, &service).await?,
            Self::Verify { sample } => verify(&platform, &ctx, sample).await?,
            Self::Rebuild => rebuild(&platform).await?,
        }
        platform.close().await;
        Ok(())
    }
}

async fn show(platform: &Platform, ctx: &RequestContext, key: String, service: &str) -> Result<(), Failure> {
    if key.trim().is_empty() {
        let problem = "KEY is empty: give the business key of an entity, such as a customer's code";
        return Err(AppError::Invalid(problem.to_owned()).into());
    }
    let service = platform.services.definitions.service(service)?;
    let (keys, at) = ([EntityKey::single(key)], platform.clock().now());
    let vectors = platform
        .services
        .online
        .read(&ctx.tenant, &service.features, &keys, at)
        .await?;
    let mut table = Table::new(["feature", "value", "status"]);
    for row in &vectors.rows {
        for ((feature, value), status) in service.features.iter().zip(&row.values).zip(&row.statuses) {
            let value = match status {
                FeatureStatus::Present => plain(value),
                _ => NOTHING.to_owned(),
            };
            table.row([feature.to_string(), value, word(*status).to_owned()]);
        }
    }
    say(table.to_string());
    say(format!("as of {at}, from {}", vectors.frontier));
    Ok(())
}

/// Where there is no value.
const NOTHING: &str = "–";

fn plain(value: &FeatureValue) -> String {
    match value {
        FeatureValue::Null => NOTHING.to_owned(),
        FeatureValue::Int(value) => value.to_string(),
        FeatureValue::Float(value) => value.to_string(),
        FeatureValue::Text(value) => value.to_string(),
    }
}

const fn word(status: FeatureStatus) -> &'static str {
    match status {
        FeatureStatus::Present => "present",
        FeatureStatus::NotFound => "no facts",
        FeatureStatus::OutsideMaxAge => "too old",
        FeatureStatus::NullValue => "no value",
    }
}

/// `12.5 (present)`; two that differ may differ in either.
fn told((value, status): &(FeatureValue, FeatureStatus)) -> String {
    format!("{} ({})", plain(value), word(*status))
}

async fn verify(platform: &Platform, ctx: &RequestContext, sample: usize) -> Result<(), Failure> {
    let (lake, lake_frontier) = (&*platform.providers.lake, platform.services.lake_frontier().await?);
    let online = &platform.providers.online;
    let report = online
        .verify(ctx, lake, &lake_frontier, sample, platform.clock().now())
        .await?;
    for mismatch in &report.mismatches {
        say(format!(
            "{} of {}: served {}, the lake says {}",
            mismatch.feature,
            mismatch.key,
            told(&mismatch.online),
            told(&mismatch.lake)
        ));
    }
    if !report.mismatches.is_empty() {
        return Err(AppError::FeaturesDiffer(report.mismatches.len()).into());
    }
    say(format!(
        "{} values of {} vectors are what the lake says, at {}",
        report.values, report.vectors, report.frontier
    ));
    Ok(())
}

async fn rebuild(platform: &Platform) -> Result<(), Failure> {
    let spinner = progress::spinner("rebuilding the online store from the lake".to_owned());
    let rebuilt = match &platform.rebuilt {
        // It had to be done to open the platform; once is enough.
        Some(rebuilt) => rebuilt.clone(),
        None => platform.services.online_rebuild.now("it was asked for").await?,
    };
    spinner.finish_and_clear();
    say(format!(
        "{} changes of {} tenants are in the online store again, up to {}; what came later follows with 'cortex up'",
        rebuilt.changes, rebuilt.tenants, rebuilt.frontier
    ));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_and_statuses_are_told_in_words() {
        let present = |value| told(&(value, FeatureStatus::Present));
        assert_eq!(present(FeatureValue::Int(2_523_650)), "2523650 (present)");
        assert_eq!(present(FeatureValue::Float(0.1)), "0.1 (present)");
        assert_eq!(present(FeatureValue::Text("GB".into())), "GB (present)");
        assert_eq!(told(&(FeatureValue::Null, FeatureStatus::NotFound)), "– (no facts)");
    }
}
