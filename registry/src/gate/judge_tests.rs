use std::collections::BTreeMap;

use super::*;
use crate::evaluation::EvaluationSet;
use crate::gate::{GatePolicies, GateReport, Verdict};

fn policy(rules: &str) -> GatePolicy {
    let yaml = format!("model: m\nbootstrap: {{resamples: 100}}\n{rules}");
    let files = [
        ("m.yaml", yaml.as_str()),
        ("b.yaml", "task: binary_classification\nmetrics: [{name: roc_auc}]"),
        ("r.yaml", "task: regression\nmetrics: [{name: wape}]"),
    ];
    GatePolicies::from_yaml(&files)
        .unwrap()
        .policy("m", Task::BinaryClassification)
        .clone()
}

/// 200 rows in which every second one is positive, half of them in each country.
fn evidence() -> Evidence {
    let rows = 200;
    let labels: Vec<f64> = (0..rows).map(|row| f64::from(row % 2)).collect();
    let countries = (0..rows)
        .map(|row| if row % 4 < 2 { "UK" } else { "DE" }.to_owned())
        .collect();
    let spend: Vec<f64> = (0..rows).map(|row| f64::from(row % 50)).collect();
    Evidence {
        task: Task::BinaryClassification,
        candidate: noisy(&labels, 5),
        set: EvaluationSet {
            features: vec!["spend".to_owned()],
            reference: spend.clone(),
            rows: spend,
            labels,
            groups: BTreeMap::from([("country".to_owned(), countries)]),
            members: Vec::new(),
            baseline: None,
        },
        inputs: vec!["spend".to_owned()],
        incumbent: None,
    }
}

/// Scores that are right except in every `wrong_every`-th row.
fn noisy(labels: &[f64], wrong_every: usize) -> Vec<f64> {
    let answer = |(row, label): (usize, &f64)| {
        if (*label == 1.0) != (row % wrong_every == 0) {
            0.8
        } else {
            0.2
        }
    };
    labels.iter().enumerate().map(answer).collect()
}

fn incumbent(evidence: &Evidence, wrong_every: usize) -> Option<IncumbentScores> {
    Some(IncumbentScores {
        version: 1,
        scores: Ok(noisy(&evidence.set.labels, wrong_every)),
    })
}

fn find<'a>(checks: &'a [GateCheck], name: &str) -> &'a GateCheck {
    checks
        .iter()
        .find(|check| check.name == name)
        .unwrap_or_else(|| panic!("no check {name} in {checks:?}"))
}

#[test]
fn a_first_version_must_beat_the_constant() {
    let policy = policy("metrics: [{name: roc_auc, limit: 0.6}]");
    let checks = judge(&policy, &evidence());
    assert!(
        find(&checks, "roc_auc:baseline").passed && find(&checks, "roc_auc:limit").passed,
        "{checks:?}"
    );
    let upside_down = Evidence {
        candidate: evidence().candidate.iter().map(|p| 1.0 - p).collect(),
        ..evidence()
    };
    let checks = judge(&policy, &upside_down);
    assert!(!find(&checks, "roc_auc:baseline").passed && !find(&checks, "roc_auc:limit").passed);
}

#[test]
fn a_first_version_must_beat_the_naive_rule_where_there_is_one() {
    let mut evidence = evidence();
    evidence.set.baseline = Some(noisy(&evidence.set.labels, 1000));
    let checks = judge(&policy("metrics: [{name: brier}]"), &evidence);
    assert!(!find(&checks, "brier:baseline").passed, "{checks:?}");
}

#[test]
fn a_version_that_is_worse_than_the_incumbent_fails_and_one_within_tolerance_passes() {
    let worse = Evidence {
        incumbent: incumbent(&evidence(), 7),
        ..evidence()
    };
    let check = |rules: &str| find(&judge(&policy(rules), &worse), "roc_auc:incumbent").clone();
    let strict = check("metrics: [{name: roc_auc}]");
    assert!(!strict.passed && strict.observed < strict.threshold, "{strict:?}");
    let tolerant = check("metrics: [{name: roc_auc, tolerance: 0.2}]");
    assert!(
        tolerant.passed && tolerant.observed > tolerant.threshold,
        "{tolerant:?}"
    );
}

#[test]
fn lower_is_better_for_a_loss() {
    let better = Evidence {
        incumbent: incumbent(&evidence(), 3),
        ..evidence()
    };
    let checks = judge(&policy("metrics: [{name: log_loss, tolerance: 0.01}]"), &better);
    let check = find(&checks, "log_loss:incumbent");
    assert!(check.passed && check.observed < check.threshold, "{check:?}");
}

#[test]
fn doubt_counts_against_a_version_only_where_the_policy_says_so() {
    let same = Evidence {
        incumbent: incumbent(&evidence(), 5),
        ..evidence()
    };
    let slightly = Evidence {
        incumbent: incumbent(&evidence(), 6),
        ..evidence()
    };
    let passes = |evidence: &Evidence, judgement: &str| {
        let rules = format!("metrics: [{{name: roc_auc, judge: {judgement}}}]");
        find(&judge(&policy(&rules), evidence), "roc_auc:incumbent").passed
    };
    assert!(passes(&same, "strict"), "the very same scores differ in no resample");
    assert!(!passes(&slightly, "point") && !passes(&slightly, "strict") && passes(&slightly, "lenient"));
}

#[test]
fn an_incumbent_that_cannot_be_scored_shuts_the_gate() {
    let scores = Err("it needs age, which the evaluation set lacks".to_owned());
    let blind = Evidence {
        incumbent: Some(IncumbentScores { version: 3, scores }),
        ..evidence()
    };
    let checks = judge(&policy("metrics: [{name: roc_auc}]"), &blind);
    let check = find(&checks, "roc_auc:incumbent");
    assert!(!check.passed && check.detail.contains("age") && GateReport::verdict(&checks) == Verdict::Failed);
}

#[test]
fn scores_that_are_nan_too_few_or_no_probabilities_end_it() {
    for (row, bad) in [(3, f64::NAN), (4, 1.2), (5, f64::INFINITY)] {
        let mut evidence = evidence();
        evidence.candidate[row] = bad;
        let checks = judge(&policy("metrics: [{name: roc_auc}]"), &evidence);
        assert!(checks.len() == 1 && !checks[0].passed && checks[0].detail.contains(&format!("row {row}")));
    }
    let mut short = evidence();
    short.candidate.pop();
    assert_eq!(
        GateReport::verdict(&judge(&policy("metrics: [{name: roc_auc}]"), &short)),
        Verdict::Failed
    );
}

#[test]
fn labels_of_one_class_fail_the_gate_instead_of_passing_as_nan() {
    let mut evidence = evidence();
    evidence.set.labels.fill(1.0);
    let checks = judge(&policy("metrics: [{name: roc_auc, limit: 0.1}]"), &evidence);
    assert!(
        checks[1..]
            .iter()
            .all(|check| !check.passed && check.observed.is_none()),
        "{checks:?}"
    );
}

#[test]
fn a_drifted_feature_warns_first_and_fails_later() {
    let mut evidence = evidence();
    for value in &mut evidence.set.rows {
        *value = *value * 0.9 + 4.0;
    }
    let drifted = |rules: &str| {
        let rules = format!("metrics: [{{name: roc_auc}}]\ndrift: {rules}");
        let checks = judge(&policy(&rules), &evidence);
        (find(&checks, "drift:spend").clone(), GateReport::verdict(&checks))
    };
    let (check, verdict) = drifted("{warn_from: 0.1}");
    assert!(
        !check.passed && check.severity == Severity::Warn && verdict == Verdict::Passed,
        "{check:?}"
    );
    let (check, verdict) = drifted("{warn_from: 0.05, fail_from: 0.1}");
    assert!(
        !check.passed && check.severity == Severity::Fail && verdict == Verdict::Failed,
        "{check:?}"
    );
    assert!(drifted("{fail_from: 9.0}").0.passed);
}

#[test]
fn a_feature_that_lost_all_its_values_or_has_no_reference_does_not_pass() {
    let rules = policy("metrics: [{name: roc_auc}]\ndrift: {fail_from: 0.5}");
    let mut lost = evidence();
    lost.set.rows.fill(f64::NAN);
    assert!(!find(&judge(&rules, &lost), "drift:spend").passed);
    let mut never = lost.clone();
    never.set.reference.fill(f64::NAN);
    assert_eq!(
        GateReport::verdict(&judge(&rules, &never)),
        Verdict::Passed,
        "it never had a value"
    );
    let mut unreferenced = evidence();
    unreferenced.set.reference.clear();
    assert!(!find(&judge(&rules, &unreferenced), "drift").passed);
}

#[test]
fn values_that_go_missing_are_told_even_where_the_rest_is_stable() {
    let mut evidence = evidence();
    for value in evidence.set.rows.iter_mut().skip(100) {
        *value = f64::NAN;
    }
    let rules = policy("metrics: [{name: roc_auc}]\ndrift: {fail_from: 0.5, missing_change_max: 0.2}");
    let checks = judge(&rules, &evidence);
    assert!(find(&checks, "drift:spend").passed);
    let missing = find(&checks, "missing:spend");
    assert!(!missing.passed && missing.observed == Some(0.5));
}

#[test]
fn a_feature_that_went_silent_fails_although_most_of_its_values_were_zero_before() {
    let rules = policy("metrics: [{name: roc_auc}]\ndrift: {warn_from: 0.25, fail_from: 5.0}");
    let mut silent = evidence();
    silent.set.reference = (0..200).map(|row| f64::from(u8::from(row % 10 == 0))).collect();
    silent.set.rows.fill(0.0);
    let checks = judge(&rules, &silent);
    let check = find(&checks, "silent:spend");
    assert!(!check.passed && check.severity == Severity::Fail, "{check:?}");
    assert!(find(&checks, "drift:spend").observed < Some(5.0), "{checks:?}");
    assert_eq!(GateReport::verdict(&checks), Verdict::Failed);
    let warned = judge(&policy("metrics: [{name: roc_auc}]\ndrift: {warn_from: 0.25}"), &silent);
    assert_eq!(find(&warned, "silent:spend").severity, Severity::Warn);
}

#[test]
fn a_feature_that_never_varied_still_varies_or_is_quiet_among_few_is_not_silent() {
    let rules = policy("metrics: [{name: roc_auc}]\ndrift: {warn_from: 0.25, fail_from: 5.0}");
    let says_silent = |evidence: &Evidence| {
        let checks = judge(&rules, evidence);
        checks.iter().any(|check| check.name == "silent:spend" && !check.passed)
    };
    assert!(!says_silent(&evidence()));
    let mut constant = evidence();
    constant.set.reference.fill(0.0);
    constant.set.rows.fill(0.0);
    assert!(!says_silent(&constant));
    let mut few = evidence();
    few.set.reference = (0..200).map(|row| f64::from(u8::from(row % 10 == 0))).collect();
    few.set.rows.fill(0.0);
    few.set.members = (0..200).map(|row| row % 20).collect();
    assert!(
        !says_silent(&few),
        "of twenty customers all are quiet one time in eight"
    );
    few.set.members.clear();
    assert!(says_silent(&few));
}

const FAIR: &str = "metrics: [{name: roc_auc}]\nfairness: [{group: country, max_difference: 0.2, min_group_size: 30, \
                    action: fail, incomparable: warn}]";

/// One country is hardly ever selected, whatever its customers did.
fn unfair() -> Evidence {
    let mut evidence = evidence();
    for (score, country) in evidence.candidate.iter_mut().zip(&evidence.set.groups["country"]) {
        if country == "DE" {
            *score *= 0.5;
        }
    }
    evidence
}

#[test]
fn a_model_that_selects_one_country_less_fails() {
    let checks = judge(&policy(FAIR), &unfair());
    let check = find(&checks, "fairness:country");
    assert!(
        !check.passed && check.severity == Severity::Fail && check.detail.contains("DE 0.000"),
        "{check:?}"
    );
    assert!(find(&judge(&policy(FAIR), &evidence()), "fairness:country").passed);
}

#[test]
fn a_small_difference_that_chance_explains_passes_a_lenient_rule_only() {
    let small = FAIR.replace("max_difference: 0.2", "max_difference: 0.02");
    let mut evidence = evidence();
    for row in [1, 5, 9, 13] {
        evidence.candidate[row] = 0.2;
    }
    let check = |rules: &str| find(&judge(&policy(rules), &evidence), "fairness:country").clone();
    let point = check(&small);
    assert!(!point.passed && point.observed < Some(0.06), "{point:?}");
    assert!(check(&small.replace("action: fail", "action: fail, judge: lenient")).passed);
    assert!(!check(&small.replace("action: fail", "action: fail, judge: strict")).passed);
}

#[test]
fn groups_too_small_to_compare_are_what_the_policy_says_they_are() {
    let large = FAIR.replace("min_group_size: 30", "min_group_size: 150");
    let severity = |rules: &str| {
        let checks = judge(&policy(rules), &evidence());
        let check = find(&checks, "fairness:country").clone();
        assert!(!check.passed);
        (check.severity, GateReport::verdict(&checks))
    };
    assert_eq!(severity(&large), (Severity::Warn, Verdict::Passed));
    assert_eq!(
        severity(&large.replace("incomparable: warn", "incomparable: fail")),
        (Severity::Fail, Verdict::Failed)
    );
}
