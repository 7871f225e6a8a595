//! Evidence against policy: plain functions, no I/O. A figure that cannot be computed is a check that is not passed.

use std::collections::BTreeSet;

use cortex_checks::{
    Bootstrap, CheckError, Clusters, FeatureDrift, Interval, Metric, Parity, bootstrap, drift, parity,
};

use super::evidence::{Evidence, IncumbentScores};
use super::policy::{Action, DriftRule, FairnessRule, GatePolicy, Judgement, MetricRule};
use super::report::{GateCheck, Severity};
use crate::Task;

/// Every check that `policy` asks for. Where the scores themselves are unusable, that is the only one.
#[must_use]
pub fn judge(policy: &GatePolicy, evidence: &Evidence) -> Vec<GateCheck> {
    let mut checks = vec![usable_scores(evidence)];
    if !checks[0].passed {
        return checks;
    }
    for rule in &policy.metrics {
        checks.extend(metric_limit(rule, evidence));
        checks.push(metric_comparison(rule, &policy.bootstrap, evidence));
    }
    checks.extend(policy.drift.iter().flat_map(|rule| feature_drift(rule, evidence)));
    checks.extend(
        policy
            .fairness
            .iter()
            .map(|rule| fairness(rule, &policy.bootstrap, evidence)),
    );
    checks
}

/// How far a figure is on the right side of its limit, and the bootstrap interval of that distance.
struct Margin {
    point: f64,
    interval: Option<(f64, f64)>,
}

impl Margin {
    fn holds(&self, judgement: Judgement) -> bool {
        match judgement {
            Judgement::Point => self.point >= 0.0,
            Judgement::Strict => self.interval.is_some_and(|(lower, _)| lower >= 0.0),
            Judgement::Lenient => self.interval.is_some_and(|(_, upper)| upper >= 0.0),
        }
    }
}

/// A check whose figure could not be computed.
fn unknown(name: String, severity: Severity, why: impl std::fmt::Display) -> GateCheck {
    GateCheck {
        name,
        passed: false,
        severity,
        observed: None,
        threshold: None,
        detail: format!("not computed: {why}"),
    }
}

const fn severity(action: Action) -> Severity {
    match action {
        Action::Warn => Severity::Warn,
        Action::Fail => Severity::Fail,
    }
}

fn show(interval: &Result<Interval, CheckError>, confidence: f64) -> String {
    match interval {
        Ok(i) => format!("{:.0} % interval {:.4} to {:.4}", confidence * 100.0, i.lower, i.upper),
        Err(error) => format!("no interval: {error}"),
    }
}

/// One finite score per row; of a classifier, a probability.
fn usable_scores(evidence: &Evidence) -> GateCheck {
    let rows = evidence.set.len();
    let fits = |score: &f64| match evidence.task {
        Task::BinaryClassification => (0.0..=1.0).contains(score),
        Task::Regression => score.is_finite(),
    };
    let bad = evidence.candidate.iter().position(|score| !fits(score));
    let detail = match bad {
        _ if evidence.candidate.len() != rows => format!("{} scores for {rows} rows", evidence.candidate.len()),
        Some(row) => format!("the score of row {row} is {}", evidence.candidate[row]),
        None => format!("{rows} rows were scored"),
    };
    let passed = bad.is_none() && evidence.candidate.len() == rows;
    GateCheck {
        name: "scores".to_owned(),
        passed,
        severity: Severity::Fail,
        observed: None,
        threshold: None,
        detail,
    }
}

fn metric_limit(rule: &MetricRule, evidence: &Evidence) -> Option<GateCheck> {
    let limit = rule.limit?;
    let name = format!("{}:limit", rule.name);
    Some(
        match rule
            .name
            .compute(&evidence.set.labels, &evidence.candidate, rule.threshold)
        {
            Ok(observed) => GateCheck {
                name,
                passed: rule.name.direction().improvement(observed, limit) >= 0.0,
                severity: Severity::Fail,
                observed: Some(observed),
                threshold: Some(limit),
                detail: format!("{} is {observed:.4} on {} rows", rule.name, evidence.set.len()),
            },
            Err(error) => unknown(name, Severity::Fail, error),
        },
    )
}

/// Against the incumbent on the same rows; where there is none, against the naive rule or the best constant.
fn metric_comparison(rule: &MetricRule, bootstrap: &Bootstrap, evidence: &Evidence) -> GateCheck {
    match &evidence.incumbent {
        Some(IncumbentScores {
            version,
            scores: Ok(scores),
        }) => compare(
            rule,
            bootstrap,
            evidence,
            ("incumbent", format!("version {version}")),
            scores,
            rule.tolerance,
        ),
        Some(IncumbentScores {
            version,
            scores: Err(why),
        }) => unknown(
            format!("{}:incumbent", rule.name),
            Severity::Fail,
            format!("version {version}: {why}"),
        ),
        None => match baseline(rule.name, evidence) {
            Ok((what, scores)) => compare(rule, bootstrap, evidence, ("baseline", what), &scores, 0.0),
            Err(error) => unknown(format!("{}:baseline", rule.name), Severity::Fail, error),
        },
    }
}

fn baseline(metric: Metric, evidence: &Evidence) -> Result<(String, Vec<f64>), CheckError> {
    if let Some(naive) = &evidence.set.baseline {
        return Ok(("the naive rule".to_owned(), naive.clone()));
    }
    let constant = metric.best_constant(&evidence.set.labels)?;
    Ok((
        format!("the constant {constant:.4}"),
        vec![constant; evidence.set.len()],
    ))
}

fn compare(
    rule: &MetricRule,
    resampling: &Bootstrap,
    evidence: &Evidence,
    (kind, whom): (&str, String),
    others: &[f64],
    tolerance: f64,
) -> GateCheck {
    let name = format!("{}:{kind}", rule.name);
    let direction = rule.name.direction();
    let (labels, own) = (&evidence.set.labels, &evidence.candidate);
    let figure = |labels: &[f64], scores: &[f64]| rule.name.compute(labels, scores, rule.threshold);
    let (observed, other) = match (figure(labels, own), figure(labels, others)) {
        (Ok(observed), Ok(other)) => (observed, other),
        (Err(error), _) | (_, Err(error)) => return unknown(name, Severity::Fail, error),
    };
    let interval = resampling.interval(&Clusters::of(&evidence.set.members()), |rows| {
        let labels = bootstrap::take(labels, rows);
        let improved = figure(&labels, &bootstrap::take(own, rows))?;
        Ok(direction.improvement(improved, figure(&labels, &bootstrap::take(others, rows))?))
    });
    let improvement = direction.improvement(observed, other);
    let margin = Margin {
        point: improvement + tolerance,
        interval: interval
            .as_ref()
            .ok()
            .map(|i| (i.lower + tolerance, i.upper + tolerance)),
    };
    let shown = show(&interval, resampling.confidence);
    GateCheck {
        name,
        passed: margin.holds(rule.judge),
        severity: Severity::Fail,
        observed: Some(observed),
        threshold: Some(other - (direction.improvement(1.0, 0.0) * tolerance)),
        detail: format!("{observed:.4} against {other:.4} of {whom}: better by {improvement:.4} ({shown})"),
    }
}

fn feature_drift(rule: &DriftRule, evidence: &Evidence) -> Vec<GateCheck> {
    let worst = if rule.fail_from.is_some() {
        Severity::Fail
    } else {
        Severity::Warn
    };
    if evidence.set.reference.is_empty() {
        return vec![unknown(
            "drift".to_owned(),
            worst,
            "the evaluation set has no sample of the training rows",
        )];
    }
    let mut checks = Vec::new();
    for name in &evidence.inputs {
        let Some(index) = evidence.set.features.iter().position(|feature| feature == name) else {
            checks.push(unknown(
                format!("drift:{name}"),
                worst,
                "the evaluation set lacks this feature",
            ));
            continue;
        };
        let (reference, current) = evidence.set.column(index);
        checks.extend(silence(name, worst, (&reference, &current), &evidence.set.members()));
        match drift(&reference, &current) {
            Ok(figures) => {
                checks.push(stability(rule, name, &figures));
                checks.extend(missing_change(rule, name, &figures));
            }
            // A feature that never has a value did not drift; one that lost or gained all of them is caught below.
            Err(CheckError::Empty { .. }) if reference.iter().chain(&current).all(|value| !value.is_finite()) => {}
            Err(error) => checks.push(unknown(format!("drift:{name}"), worst, error)),
        }
    }
    checks
}

fn stability(rule: &DriftRule, name: &str, figures: &FeatureDrift) -> GateCheck {
    let reached = |limit: Option<f64>| limit.filter(|limit| figures.psi >= *limit);
    let (passed, severity, threshold) = match (reached(rule.fail_from), reached(rule.warn_from)) {
        (Some(limit), _) => (false, Severity::Fail, Some(limit)),
        (None, Some(limit)) => (false, Severity::Warn, Some(limit)),
        (None, None) => (true, Severity::Warn, rule.warn_from.or(rule.fail_from)),
    };
    let (before, now) = (figures.missing_reference * 100.0, figures.missing_current * 100.0);
    GateCheck {
        name: format!("drift:{name}"),
        passed,
        severity,
        observed: Some(figures.psi),
        threshold,
        detail: format!("PSI against the training sample; missing {before:.1} % then, {now:.1} % now"),
    }
}

/// How likely a feature that is alive may look silent: below this it is taken for silent.
const SILENT_BY_CHANCE_MAX: f64 = 1e-3;

/// A source that went silent leaves zeros, not gaps, and where most values were zero before, no index of stability sees
/// it: a feature that varied among the training rows must not have one single value now. Few entities may all have the
/// usual value by chance, and that is no silence.
fn silence(
    name: &str,
    severity: Severity,
    (reference, current): (&[f64], &[f64]),
    members: &[u32],
) -> Option<GateCheck> {
    let (before, now) = (finite(reference), finite(current));
    let varies = |values: &[f64]| values.iter().any(|value| *value != values[0]);
    let value = *now.first()?;
    if !varies(&before) || varies(&now) {
        return None;
    }
    let usual = before.iter().filter(|other| **other == value).count() as f64 / before.len() as f64;
    let told = current.iter().zip(members).filter(|(value, _)| value.is_finite());
    let entities: BTreeSet<&u32> = told.map(|(_, member)| member).collect();
    let by_chance = usual.powf(entities.len() as f64);
    Some(GateCheck {
        name: format!("silent:{name}"),
        passed: by_chance >= SILENT_BY_CHANCE_MAX,
        severity,
        observed: Some(by_chance),
        threshold: Some(SILENT_BY_CHANCE_MAX),
        detail: format!(
            "every row has {value} now, which {:.1} % of the training rows had: observed is the chance of that",
            usual * 100.0
        ),
    })
}

fn finite(values: &[f64]) -> Vec<f64> {
    values.iter().copied().filter(|value| value.is_finite()).collect()
}

fn missing_change(rule: &DriftRule, name: &str, figures: &FeatureDrift) -> Option<GateCheck> {
    let limit = rule.missing_change_max?;
    let change = (figures.missing_current - figures.missing_reference).abs();
    Some(GateCheck {
        name: format!("missing:{name}"),
        passed: change <= limit,
        severity: Severity::Warn,
        observed: Some(change),
        threshold: Some(limit),
        detail: "change of the share of rows without a value".to_owned(),
    })
}

fn fairness(rule: &FairnessRule, resampling: &Bootstrap, evidence: &Evidence) -> GateCheck {
    let name = format!("fairness:{}", rule.group);
    let Some(groups) = evidence.set.groups.get(&rule.group) else {
        return unknown(
            name,
            severity(rule.incomparable),
            "the evaluation set has no such group column",
        );
    };
    let scores = &evidence.candidate;
    let members = evidence.set.members();
    let figures = match parity(scores, groups, &members, rule.threshold, rule.min_group_size) {
        Ok(figures) => figures,
        Err(error @ CheckError::TooFewGroups { .. }) => return unknown(name, severity(rule.incomparable), error),
        Err(error) => return unknown(name, severity(rule.action), error),
    };
    let interval = parity_interval(rule, resampling, (scores, groups, &members), &figures);
    let margin = Margin {
        point: rule.max_difference - figures.difference,
        interval: interval
            .as_ref()
            .ok()
            .map(|i| (rule.max_difference - i.upper, rule.max_difference - i.lower)),
    };
    GateCheck {
        name,
        passed: margin.holds(rule.judge),
        severity: severity(rule.action),
        observed: Some(figures.difference),
        threshold: Some(rule.max_difference),
        detail: describe(&figures, &show(&interval, resampling.confidence)),
    }
}

/// Resamples only the rows of groups that are compared, so that no group drops in and out by its size.
fn parity_interval(
    rule: &FairnessRule,
    resampling: &Bootstrap,
    (scores, groups, members): (&[f64], &[String], &[u32]),
    figures: &Parity,
) -> Result<Interval, CheckError> {
    let compared = |group: &str| figures.groups.iter().any(|rate| rate.compared && rate.group == group);
    let rows: Vec<usize> = (0..scores.len()).filter(|row| compared(&groups[*row])).collect();
    let (scores, groups) = (bootstrap::take(scores, &rows), bootstrap::take(groups, &rows));
    let members = bootstrap::take(members, &rows);
    resampling.interval(&Clusters::of(&members), |rows| {
        let drawn = parity(
            &bootstrap::take(&scores, rows),
            &bootstrap::take(&groups, rows),
            &bootstrap::take(&members, rows),
            rule.threshold,
            1,
        )?;
        Ok(drawn.difference)
    })
}

fn describe(figures: &Parity, interval: &str) -> String {
    let compared = figures.groups.iter().filter(|group| group.compared);
    let rates: Vec<String> = compared
        .map(|g| format!("{} {:.3} of {}", g.group, g.selection_rate, g.members))
        .collect();
    let ratio = figures
        .ratio
        .map_or_else(|| "nobody is selected".to_owned(), |ratio| format!("ratio {ratio:.3}"));
    format!("selected: {}; {ratio}; difference's {interval}", rates.join(", "))
}

#[cfg(test)]
#[path = "judge_tests.rs"]
mod tests;
