//! The figures that a time-lapse closes with.

use std::time::Instant;

use cortex_lake::Layer;

use super::business::Business;
use super::judgement::live_metrics;
use super::report::{DemoReport, StageLine, TableLine, Week, thousands};
use super::timelapse::TimeLapse;

impl TimeLapse<'_> {
    pub(super) async fn report(
        mut self,
        title: &str,
        business: &dyn Business,
        started: Instant,
    ) -> anyhow::Result<DemoReport> {
        let turn = self.begin("report");
        live_metrics(self.platform, &self.ctx, &mut self.weeks).await?;
        let services = &self.platform.services;
        let summary = services.memory.summary(&self.ctx, None).await?;
        let (mut tables, mut in_delta) = (Vec::new(), 0);
        for table in services.lake.tables(&self.ctx.tenant).await? {
            let (rows, version) = services.table_rows(&table).await?;
            if table.layer == Layer::Bronze {
                in_delta += rows;
            }
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
        let gated = |verdict: &str| self.models.iter().filter(|line| line.verdict == verdict).count() as f64;
        let totals = [
            ("weeks lived through", thousands(self.weeks.len() as f64)),
            ("invoices posted", thousands(sum(|week| week.invoices) as f64)),
            ("lines refused, with reasons", thousands(self.rejected as f64)),
            ("changes captured", thousands(sum(|week| week.changes) as f64)),
            ("rows of the change log in Delta", thousands(in_delta as f64)),
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
            (
                "gate verdicts",
                format!(
                    "{} passed, {} refused",
                    thousands(gated("pass")),
                    thousands(gated("fail"))
                ),
            ),
            ("promoted", thousands(promoted as f64)),
            ("predictions, each a decision", thousands(predictions as f64)),
            (
                "by canaries",
                format!(
                    "{} ({:.1} %)",
                    thousands(canary as f64),
                    100.0 * canary as f64 / predictions.max(1) as f64
                ),
            ),
            ("advice not followed", thousands(sum(|week| week.overrides) as f64)),
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
