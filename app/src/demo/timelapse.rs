//! The time-lapse: a business, week by week, around the whole loop.

use std::sync::Arc;
use std::time::{Duration, Instant};

use cortex_types::{ManualClock, RequestContext, Timestamp};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use super::business::Business;
use super::judgement::live_metrics;
use super::promotion::{Fate, Promotions};
use super::report::{CheckLine, DemoReport, ModelLine, StageLine, TableLine, Week, thousands};
use super::stage::StageMeter;
use crate::platform::Platform;

const WEEK: Duration = Duration::from_secs(7 * 86_400);
/// Weeks between two trainings.
const TRAIN_EVERY: usize = 4;
/// Weeks of history before the first training: one label horizon, and rows to learn from and to judge on.
const TRAIN_FIRST: usize = 14;
/// Entities predicted for in one call.
const CHUNK: usize = 1_000;

/// A model that the loop trains and asks every week.
struct Advised {
    pipeline: &'static str,
    entity: &'static str,
    /// Only entities with an event in this span are asked about.
    active_within: Duration,
}

const ADVISED: [Advised; 2] = [
    Advised {
        pipeline: "repurchase-30d",
        entity: "customer",
        active_within: Duration::from_secs(90 * 86_400),
    },
    Advised {
        pipeline: "units-7d",
        entity: "product",
        active_within: Duration::from_secs(28 * 86_400),
    },
];

/// One run of a business through the platform.
pub struct TimeLapse<'a> {
    platform: &'a Platform,
    clock: &'a ManualClock,
    ctx: RequestContext,
    meter: StageMeter,
    promotions: Promotions,
    weeks: Vec<Week>,
    models: Vec<ModelLine>,
    rejected: u64,
    bar: ProgressBar,
    stage_bar: ProgressBar,
}

impl<'a> TimeLapse<'a> {
    #[must_use]
    pub fn new(platform: &'a Platform, clock: &'a ManualClock) -> Self {
        let bars = MultiProgress::new();
        let bar = bars.add(ProgressBar::new(0));
        bar.set_style(style("  {prefix:>10} {bar:40} {pos}/{len} weeks  {elapsed}  {msg}"));
        let stage_bar = bars.add(ProgressBar::new_spinner());
        stage_bar.set_style(style("  {prefix:>10} {spinner} {msg}"));
        Self {
            platform,
            clock,
            ctx: RequestContext::system(platform.tenant().clone()),
            meter: StageMeter::default(),
            promotions: Promotions::default(),
            weeks: Vec::new(),
            models: Vec::new(),
            rejected: 0,
            bar,
            stage_bar,
        }
    }

    /// Lives through all of it, and reports.
    pub async fn run(mut self, title: &str, business: &mut dyn Business) -> anyhow::Result<DemoReport> {
        let started = Instant::now();
        let (from, to) = business.span();
        let mut week_begins = from;
        self.bar.set_length(weeks_between(from, to));
        self.bar.set_prefix("time-lapse");
        while week_begins < to {
            let week_ends = week_begins.saturating_add(WEEK);
            self.week(business, week_begins, week_ends.min(to)).await?;
            self.bar.inc(1);
            week_begins = week_ends;
        }
        // Outcomes of the last weeks are still in the change log.
        self.ingest().await?;
        self.stage_bar.finish_and_clear();
        self.bar.finish_and_clear();
        self.report(title, business, started).await
    }

    async fn week(&mut self, business: &mut dyn Business, from: Timestamp, to: Timestamp) -> anyhow::Result<()> {
        self.bar.set_message(day(to));
        let turn = self.begin("business");
        let traded = business.trade(&self.platform.services.erp, &self.ctx, from, to).await?;
        self.meter.end(turn);
        self.rejected += traded.rejected;
        self.clock.advance_to(to);
        let changes = self.ingest().await?;

        let turn = self.begin("outcomes");
        let services = &self.platform.services;
        let outcomes = services.memory.resolve_due(&self.ctx, &services.outcome_rules).await?;
        self.meter.end(turn);

        self.weeks.push(Week {
            ending: day(to),
            invoices: traded.invoices,
            revenue: traded.revenue_minor as f64 / 100.0,
            changes,
            outcomes: outcomes as u64,
            ..Week::default()
        });
        self.promote().await?;
        let number = self.weeks.len();
        if number >= TRAIN_FIRST && (number - TRAIN_FIRST).is_multiple_of(TRAIN_EVERY) {
            self.train(to).await?;
        }
        self.predict(business, to).await
    }

    /// Changes → Delta and online store; answers how many there were.
    async fn ingest(&mut self) -> anyhow::Result<u64> {
        let turn = self.begin("ingest");
        let changes = self.platform.services.catch_up().await?;
        self.meter.end(turn);
        Ok(changes)
    }

    async fn promote(&mut self) -> anyhow::Result<()> {
        let services = &self.platform.services;
        let promoted = self
            .promotions
            .week_passed(&services.registry, &services.serving, &self.ctx)
            .await?;
        for promotion in promoted {
            let line = self
                .models
                .iter_mut()
                .rfind(|line| line.model == promotion.model && line.version == promotion.version);
            if let Some(line) = line {
                line.fate = "canary, then champion".to_owned();
            }
        }
        Ok(())
    }

    async fn train(&mut self, as_of: Timestamp) -> anyhow::Result<()> {
        for advised in &ADVISED {
            let turn = self.begin("training");
            self.stage_bar.set_message(advised.pipeline);
            let services = &self.platform.services;
            let trained = services.pipelines.run(&self.ctx, advised.pipeline, as_of).await;
            self.meter.end(turn);
            let trained = match trained {
                Ok(trained) => trained,
                Err(error) => {
                    // Early on there can be too little to learn from; the business goes on without.
                    tracing::warn!(pipeline = advised.pipeline, %error, "no model this time");
                    continue;
                }
            };
            let Some(best) = trained.best() else { continue };
            let turn = self.begin("gate");
            let services = &self.platform.services;
            let (report, fate) = self
                .promotions
                .propose(
                    &services.registry,
                    &services.serving,
                    &self.ctx,
                    &trained.model,
                    best.version.version,
                )
                .await?;
            self.meter.end(turn);
            let metric = services
                .pipelines
                .definitions()
                .named(advised.pipeline)?
                .metric
                .to_string();
            self.models.push(ModelLine {
                model: trained.model.clone(),
                version: best.version.version,
                as_of,
                trainer: best.trainer.clone(),
                training_rows: (trained.rows.train + trained.rows.validation) as u64,
                experience_rows: trained.rows.experience as u64,
                evaluation_rows: trained.rows.evaluation as u64,
                value: best.metrics.get(&metric).copied().unwrap_or(f64::NAN),
                baseline: trained.baseline.get(&metric).copied().unwrap_or(f64::NAN),
                metric,
                verdict: if report.passed() { "pass" } else { "fail" }.to_owned(),
                fate: match fate {
                    Fate::PromotedAtOnce => "champion".to_owned(),
                    Fate::Canary => "canary".to_owned(),
                    Fate::Refused => format!("refused: {}", report.failed_checks().join(", ")),
                },
                checks: report
                    .checks
                    .iter()
                    .map(|check| CheckLine {
                        name: check.name.clone(),
                        passed: check.passed,
                        observed: check.observed.unwrap_or(f64::NAN),
                        threshold: check.threshold.unwrap_or(f64::NAN),
                        detail: check.detail.clone(),
                    })
                    .collect(),
            });
        }
        Ok(())
    }

    /// Asks every model that has a champion about whoever was active, and tells the business.
    async fn predict(&mut self, business: &mut dyn Business, now: Timestamp) -> anyhow::Result<()> {
        for advised in &ADVISED {
            let services = &self.platform.services;
            if services
                .registry
                .alias(&self.ctx, advised.pipeline, "champion")
                .await?
                .is_none()
            {
                continue;
            }
            let turn = self.begin("predictions");
            let services = &self.platform.services;
            let keys: Vec<String> = services
                .training_sets
                .entities(&self.ctx, advised.entity, now, advised.active_within)
                .await?
                .iter()
                .map(ToString::to_string)
                .collect();
            let mut predictions = Vec::with_capacity(keys.len());
            for chunk in keys.chunks(CHUNK) {
                predictions.extend(
                    services
                        .serving
                        .predict_entities(&self.ctx, advised.pipeline, chunk)
                        .await?,
                );
            }
            self.meter.end(turn);
            if let Some(week) = self.weeks.last_mut() {
                week.predictions += predictions.len() as u64;
                let canary = |prediction: &&cortex_serving::Prediction| prediction.arm == cortex_serving::Arm::Canary;
                week.canary_predictions += predictions.iter().filter(canary).count() as u64;
            }
            business.advised(advised.pipeline, &predictions);
        }
        Ok(())
    }

    fn begin(&mut self, stage: &'static str) -> super::stage::Turn {
        self.stage_bar.set_prefix(stage);
        self.stage_bar.set_message("");
        self.stage_bar.tick();
        self.meter.begin(stage)
    }

    async fn report(mut self, title: &str, business: &dyn Business, started: Instant) -> anyhow::Result<DemoReport> {
        let turn = self.begin("report");
        live_metrics(self.platform, &self.ctx, &mut self.weeks).await?;
        let services = &self.platform.services;
        let summary = services.memory.summary(&self.ctx, None).await?;
        let mut tables = Vec::new();
        for table in services.lake.tables(&self.ctx.tenant).await? {
            let (rows, version) = services.table_rows(&table).await?;
            tables.push(TableLine {
                name: table.to_string(),
                rows,
                version,
            });
        }
        self.meter.end(turn);
        let sum = |value: fn(&Week) -> u64| self.weeks.iter().map(value).sum::<u64>();
        let (predictions, canary) = (sum(|week| week.predictions), sum(|week| week.canary_predictions));
        let promoted = self.models.iter().filter(|line| line.fate.contains("champion")).count();
        let totals = [
            ("weeks lived through", thousands(self.weeks.len() as f64)),
            ("invoices posted", thousands(sum(|week| week.invoices) as f64)),
            ("lines refused, with reasons", thousands(self.rejected as f64)),
            (
                "changes, each in Delta once",
                thousands(sum(|week| week.changes) as f64),
            ),
            ("tables in the lake", thousands(tables.len() as f64)),
            (
                "features served",
                thousands(
                    services
                        .definitions
                        .views()
                        .map(|view| view.features.len())
                        .sum::<usize>() as f64,
                ),
            ),
            ("models trained", thousands(self.models.len() as f64)),
            ("of these promoted", thousands(promoted as f64)),
            ("predictions, each a decision", thousands(predictions as f64)),
            (
                "by canaries",
                format!(
                    "{} ({:.1} %)",
                    thousands(canary as f64),
                    100.0 * canary as f64 / predictions.max(1) as f64
                ),
            ),
            ("outcomes joined", thousands(summary.outcomes as f64)),
        ];
        Ok(DemoReport {
            title: title.to_owned(),
            source: business.source(),
            currency: "GBP".to_owned(),
            wall_seconds: started.elapsed().as_secs_f64(),
            totals: totals
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value))
                .collect(),
            weeks: self.weeks,
            models: self.models,
            tables,
            stages: self
                .meter
                .costs()
                .into_iter()
                .map(|(name, cost)| StageLine {
                    name: name.to_owned(),
                    cost,
                })
                .collect(),
            money: business.money(),
            money_weeks: business.money_weeks(),
            assumptions: business.assumptions(),
        })
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

fn day(at: Timestamp) -> String {
    at.to_string().chars().take(10).collect()
}

fn weeks_between(from: Timestamp, to: Timestamp) -> u64 {
    (to.since(from).as_secs()).div_ceil(WEEK.as_secs())
}

/// The clock that a time-lapse runs on.
#[must_use]
pub fn clock_at(start: Timestamp) -> Arc<ManualClock> {
    Arc::new(ManualClock::at(start))
}
