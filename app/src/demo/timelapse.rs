//! The time-lapse: a business, week by week, around the whole loop.

use std::sync::Arc;
use std::time::{Duration, Instant};

use cortex_experience::{Feedback, Reference};
use cortex_registry::Severity;
use cortex_training::run::{Progress, StageUpdate};
use cortex_types::{Clock, ManualClock, RequestContext, Timestamp};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use super::business::{Business, Override};
use super::promotion::{Fate, Promotions};
use super::report::{CheckLine, DemoReport, ModelLine, Week};
use super::stage::StageMeter;
use crate::platform::Platform;

const DAY_MICROS: i64 = 86_400_000_000;
/// Before the doors open on Monday: the week that ended is known, and nothing of the next has happened.
const MORNING: Duration = Duration::from_secs(5 * 3_600);
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
    pub(super) platform: &'a Platform,
    pub(super) clock: &'a ManualClock,
    pub(super) ctx: RequestContext,
    pub(super) meter: StageMeter,
    pub(super) promotions: Promotions,
    pub(super) weeks: Vec<Week>,
    pub(super) models: Vec<ModelLine>,
    pub(super) rejected: u64,
    pub(super) bar: ProgressBar,
    pub(super) stage_bar: ProgressBar,
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
        let mut week_begins = monday_before(from);
        let from = week_begins;
        self.bar.set_length(weeks_between(from, to));
        self.bar.set_prefix("time-lapse");
        while week_begins < to {
            let week_ends = week_begins.saturating_add(WEEK);
            self.week(business, week_begins, week_ends.min(to)).await?;
            self.bar.inc(1);
            week_begins = week_ends;
        }
        // Decisions, feedback and outcomes of the last week are still in the change log.
        let changes = self.ingest().await?;
        if let Some(last) = self.weeks.last_mut() {
            last.changes += changes;
        }
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
        let outcomes = services.memory.resolve_due(&self.ctx).await?;
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
        self.clock.advance_to(to.saturating_add(MORNING));
        self.predict(business).await
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
            let watch = Watch(&self.stage_bar);
            let trained = services
                .pipelines
                .run_with(&self.ctx, advised.pipeline, as_of, &watch)
                .await;
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
                training_rows: trained.rows.train as u64,
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
                        verdict: match (check.passed, check.severity) {
                            (true, _) => "pass",
                            (false, Severity::Warn) => "warn",
                            (false, Severity::Fail) => "fail",
                        },
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
    async fn predict(&mut self, business: &mut dyn Business) -> anyhow::Result<()> {
        let now = self.clock.now();
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
            // They are known on the day they are made, and not on whichever day they happen to be filed.
            services.settle_decisions().await?;
            self.meter.end(turn);
            if let Some(week) = self.weeks.last_mut() {
                week.predictions += predictions.len() as u64;
                let canary = |prediction: &&cortex_serving::Prediction| prediction.arm == cortex_serving::Arm::Canary;
                week.canary_predictions += predictions.iter().filter(canary).count() as u64;
            }
            let overrides = business.advised(advised.pipeline, &predictions);
            self.remember(overrides, now).await?;
        }
        Ok(())
    }

    /// What people did instead goes where the decisions are.
    async fn remember(&mut self, overrides: Vec<Override>, now: Timestamp) -> anyhow::Result<()> {
        let turn = self.begin("feedback");
        let feedback = overrides.into_iter().map(|done| Feedback {
            event_id: format!("demo/{}", done.decision).into(),
            of: Reference::Decision(done.decision),
            action: Some(done.action.into()),
            rating: None,
            given_by: "sales".into(),
            given_at: Some(now),
        });
        let feedback: Vec<Feedback> = feedback.collect();
        for batch in feedback.chunks(CHUNK) {
            self.platform
                .services
                .memory
                .feedback_batch(&self.ctx, batch.to_vec())
                .await?;
        }
        self.meter.end(turn);
        if let Some(week) = self.weeks.last_mut() {
            week.overrides += feedback.len() as u64;
        }
        Ok(())
    }

    pub(super) fn begin(&mut self, stage: &'static str) -> super::stage::Turn {
        self.stage_bar.set_prefix(stage);
        self.stage_bar.set_message("");
        self.stage_bar.tick();
        self.meter.begin(stage)
    }
}

/// Shows which stage of a training is under way.
struct Watch<'a>(&'a ProgressBar);

impl Progress for Watch<'_> {
    fn update(&self, update: StageUpdate<'_>) {
        if let StageUpdate::Started { pipeline, stage } = update {
            self.0.set_message(format!("{pipeline}: {stage}"));
            self.0.tick();
        }
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

fn day(at: Timestamp) -> String {
    at.to_string().chars().take(10).collect()
}

/// 1970 began on a Thursday.
fn monday_before(at: Timestamp) -> Timestamp {
    let day = at.micros().div_euclid(DAY_MICROS);
    Timestamp::from_micros((day - (day + 3).rem_euclid(7)) * DAY_MICROS)
}

fn weeks_between(from: Timestamp, to: Timestamp) -> u64 {
    (to.since(from).as_secs()).div_ceil(WEEK.as_secs())
}

/// The clock that a time-lapse runs on.
#[must_use]
pub fn clock_at(start: Timestamp) -> Arc<ManualClock> {
    Arc::new(ManualClock::at(start))
}
