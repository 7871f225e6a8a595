//! What the demo saw, as data, as a table for the terminal and as one self-contained HTML page.

use std::fmt::Write;

use anyhow::Context;
use cortex_types::Timestamp;
use minijinja::value::Serde;
use minijinja::{Environment, Value, context};
use serde::Serialize;

use super::chart::{Chart, Series, short};
use super::stage::StageCost;

const TEMPLATE: &str = include_str!("report.html.j2");

/// One week of the time-lapse.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Week {
    pub ending: String,
    pub invoices: u64,
    pub revenue: f64,
    pub changes: u64,
    pub predictions: u64,
    pub canary_predictions: u64,
    /// Advice that was not followed.
    pub overrides: u64,
    pub outcomes: u64,
    /// Area under the ROC curve of the repurchase scores made in this week, once their outcomes are known.
    pub live_auc: Option<f64>,
    /// Weighted absolute percentage error of the demand forecasts made in this week, once known.
    pub live_wape: Option<f64>,
}

/// One check of a gate.
#[derive(Clone, Debug, Serialize)]
pub struct CheckLine {
    pub name: String,
    /// `pass`, `warn` (the gate opens all the same) or `fail`.
    pub verdict: &'static str,
    pub observed: f64,
    pub threshold: f64,
    pub detail: String,
}

/// One model version, as trained, judged and (or not) promoted.
#[derive(Clone, Debug, Serialize)]
pub struct ModelLine {
    pub model: String,
    pub version: u32,
    pub as_of: Timestamp,
    pub trainer: String,
    pub training_rows: u64,
    pub experience_rows: u64,
    pub evaluation_rows: u64,
    pub metric: String,
    pub value: f64,
    pub baseline: f64,
    pub verdict: String,
    pub fate: String,
    pub checks: Vec<CheckLine>,
}

/// One table of the lake when the demo ended.
#[derive(Clone, Debug, Serialize)]
pub struct TableLine {
    pub name: String,
    pub rows: u64,
    pub version: u64,
}

/// One way of running the same year, in money.
#[derive(Clone, Debug, Default, Serialize)]
pub struct MoneyLine {
    pub name: String,
    pub revenue: f64,
    pub cost_of_goods: f64,
    pub offer_costs: f64,
    pub holding_costs: f64,
    pub lost_sales: f64,
    /// Share of the lines wanted that were delivered whole.
    pub fill_rate: f64,
    pub profit: f64,
}

/// What one stage of the loop cost.
#[derive(Clone, Debug, Serialize)]
pub struct StageLine {
    pub name: String,
    pub cost: StageCost,
}

/// Everything the demo has to show.
#[derive(Clone, Debug, Default, Serialize)]
pub struct DemoReport {
    pub title: String,
    pub source: String,
    pub currency: String,
    pub wall_seconds: f64,
    pub totals: Vec<(String, String)>,
    pub weeks: Vec<Week>,
    pub models: Vec<ModelLine>,
    pub tables: Vec<TableLine>,
    pub stages: Vec<StageLine>,
    pub money: Vec<MoneyLine>,
    pub money_weeks: Vec<(String, Vec<f64>)>,
    pub assumptions: Vec<String>,
}

impl DemoReport {
    /// The page; needs nothing beside itself.
    pub fn html(&self) -> anyhow::Result<String> {
        let mut environment = Environment::new();
        environment.add_filter("num", |value: f64| thousands(value));
        environment.add_filter("short", short);
        environment.add_filter("mib", |bytes: u64| format!("{}", bytes >> 20));
        environment.add_filter("seconds", |ms: u64| format!("{:.1}", ms as f64 / 1e3));
        environment
            .add_template("report.html", TEMPLATE)
            .context("the report's template does not parse")?;
        let charts: Vec<String> = self.charts().iter().map(Chart::svg).collect();
        let page = environment
            .get_template("report.html")?
            .render(context! { report => Value::from(Serde(self)), charts })?;
        Ok(page)
    }

    fn charts(&self) -> Vec<Chart> {
        let labels: Vec<String> = self.weeks.iter().map(|week| week.ending.clone()).collect();
        let over_weeks = |title: &str, unit: &str, series: Vec<Series>| Chart {
            title: title.to_owned(),
            unit: unit.to_owned(),
            labels: labels.clone(),
            series,
        };
        let of = |name: &str, value: &dyn Fn(&Week) -> Option<f64>| Series {
            name: name.to_owned(),
            points: self.weeks.iter().map(value).collect(),
        };
        let mut charts = vec![
            over_weeks(
                "Invoiced less credited, per week",
                &self.currency,
                vec![of("revenue", &|week| Some(week.revenue))],
            ),
            over_weeks(
                "Predictions and joined outcomes per week",
                "count",
                vec![
                    of("predictions", &|week| Some(week.predictions as f64)),
                    of("of these by the canary", &|week| Some(week.canary_predictions as f64)),
                    of("outcomes joined", &|week| Some(week.outcomes as f64)),
                ],
            ),
            over_weeks(
                "Will the customer buy again? Live ROC AUC",
                "by week of prediction",
                vec![of("auc", &|week| week.live_auc)],
            ),
            over_weeks(
                "How many units will sell? Live WAPE",
                "by week of prediction",
                vec![of("wape", &|week| week.live_wape)],
            ),
        ];
        charts.extend(self.metric_charts());
        // The last life is the measure of the others: the lines of all three would lie upon each other.
        if let Some(((measure, base), others)) = self.money_weeks.split_last() {
            let ahead = |values: &[f64]| {
                values
                    .iter()
                    .zip(base)
                    .map(|(value, base)| Some(value - base))
                    .collect()
            };
            let series = others.iter().map(|(name, values)| Series {
                name: name.clone(),
                points: ahead(values),
            });
            charts.push(Chart {
                title: format!("Profit so far, ahead of {}", measure.trim_start_matches("by ")),
                unit: self.currency.clone(),
                labels: labels.clone(),
                series: series.collect(),
            });
        }
        charts
    }

    /// The offline metric of each model over its versions, beside the baseline on the same rows.
    fn metric_charts(&self) -> Vec<Chart> {
        let mut names: Vec<&str> = self.models.iter().map(|line| line.model.as_str()).collect();
        names.dedup();
        names.sort_unstable();
        names.dedup();
        names
            .into_iter()
            .map(|name| {
                let lines: Vec<&ModelLine> = self.models.iter().filter(|line| line.model == name).collect();
                let series = |label: &str, value: &dyn Fn(&ModelLine) -> f64| Series {
                    name: label.to_owned(),
                    points: lines.iter().map(|line| Some(value(line))).collect(),
                };
                Chart {
                    title: format!(
                        "{name}: offline {}",
                        lines.first().map_or("metric", |line| line.metric.as_str())
                    ),
                    unit: "by version".to_owned(),
                    labels: lines.iter().map(|line| format!("v{}", line.version)).collect(),
                    series: vec![
                        series("model", &|line| line.value),
                        series("baseline", &|line| line.baseline),
                    ],
                }
            })
            .collect()
    }

    /// The closing table of the terminal.
    #[must_use]
    pub fn table(&self) -> String {
        let mut out = String::new();
        let width = self
            .totals
            .iter()
            .map(|(name, _)| name.chars().count())
            .max()
            .unwrap_or(0);
        for (name, value) in &self.totals {
            let _ = writeln!(out, "  {name:<width$}  {value}");
        }
        let _ = writeln!(
            out,
            "\n  model             version  trained as of  metric        value  baseline  gate    fate"
        );
        for line in &self.models {
            let day: String = line.as_of.to_string().chars().take(10).collect();
            let _ = writeln!(
                out,
                "  {:<16}  {:>7}  {:<13}  {:<10}  {:>7.4}  {:>8.4}  {:<6}  {}",
                line.model, line.version, day, line.metric, line.value, line.baseline, line.verdict, line.fate
            );
        }
        if !self.money.is_empty() {
            let _ = writeln!(
                out,
                "\n  the same year        revenue    goods   offers  holding  lost sales     profit  ({})",
                self.currency
            );
            for line in &self.money {
                let _ = writeln!(
                    out,
                    "  {:<18} {:>9.0} {:>8.0} {:>8.0} {:>8.0} {:>11.0} {:>10.0}",
                    line.name,
                    line.revenue,
                    line.cost_of_goods,
                    line.offer_costs,
                    line.holding_costs,
                    line.lost_sales,
                    line.profit
                );
            }
        }
        let _ = writeln!(out, "\n  table in the lake                      rows  Delta version");
        for line in &self.tables {
            let _ = writeln!(
                out,
                "  {:<34} {:>8} {:>14}",
                line.name,
                thousands(line.rows as f64),
                line.version
            );
        }
        let _ = writeln!(out, "\n  stage           turns   wall s   peak MiB");
        for line in &self.stages {
            let _ = writeln!(
                out,
                "  {:<14} {:>6} {:>8.1} {:>10}",
                line.name,
                line.cost.turns,
                line.cost.wall_ms as f64 / 1e3,
                line.cost.memory_bytes_peak >> 20
            );
        }
        out
    }
}

/// 1234567.4 as `1,234,567`.
#[must_use]
pub fn thousands(value: f64) -> String {
    let digits = format!("{:.0}", value.abs());
    let mut grouped = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index) % 3 == 0 {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    if value < 0.0 && digits != "0" {
        format!("-{grouped}")
    } else {
        grouped
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_renders_with_nothing_to_show_and_escapes_what_it_shows() {
        let report = DemoReport {
            title: "<script>".to_owned(),
            ..DemoReport::default()
        };
        let page = report.html().unwrap();
        assert!(page.contains("&lt;script&gt;") && !page.contains("<script>"));
    }

    #[test]
    fn thousands_are_grouped() {
        assert_eq!(thousands(1_234_567.4), "1,234,567");
        assert_eq!(thousands(-999.6), "-1,000");
        assert_eq!(thousands(12.0), "12");
    }
}
