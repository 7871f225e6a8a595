//! What the gate lets through, and what it does not.

use super::*;

#[tokio::test]
async fn a_version_that_passes_becomes_champion_and_a_better_one_succeeds_it() {
    let bench = bench();
    bench.register("column 0").await;
    assert!(bench.propose(1).await.passed());
    bench.promote(1).await.unwrap();
    bench.register("column 0").await;
    let report = bench.propose(2).await;
    assert!(
        report.passed() && report.incumbent == Some(1) && report.rows == 200,
        "{report:?}"
    );
    bench.promote(2).await.unwrap();
    assert_eq!(
        bench.registry.resolve(&bench.ctx, "m", CHAMPION).await.unwrap().version,
        2
    );
    assert_eq!(bench.registry.resolve(&bench.ctx, "m", "1").await.unwrap().version, 1);
    assert_eq!(bench.registry.verify_events(&bench.ctx).await.unwrap(), None);
    let actions: Vec<String> = bench
        .store
        .audit(&bench.ctx)
        .into_iter()
        .map(|entry| entry.action)
        .collect();
    assert_eq!(
        actions[..3],
        ["models.registered", "models.gate-evaluated", "models.alias-moved"]
    );
}

#[tokio::test]
async fn a_candidate_that_is_worse_than_the_champion_fails() {
    let bench = bench();
    bench.register("column 0").await;
    bench.propose(1).await;
    bench.promote(1).await.unwrap();
    bench.register("column 1").await;
    let report = bench.propose(2).await;
    assert_eq!(report.failed_checks(), ["roc_auc:limit", "roc_auc:incumbent"]);
    let told = refusal(bench.promote(2).await);
    assert!(told.contains("roc_auc:incumbent"), "{told}");
    assert_eq!(
        bench.registry.resolve(&bench.ctx, "m", CHAMPION).await.unwrap().version,
        1
    );
}

#[tokio::test]
async fn metrics_that_a_client_made_up_do_not_help() {
    let bench = bench();
    let mut boastful = bench.new_version("column 0 reversed").await;
    boastful.metrics = BTreeMap::from([("roc_auc".to_owned(), 0.999)]);
    let run = boastful.run_id;
    bench
        .registry
        .log_metrics(&bench.ctx, run, 0, &boastful.metrics)
        .await
        .unwrap();
    bench.registry.register(&bench.ctx, boastful).await.unwrap();
    let report = bench.propose(1).await;
    let limit = report
        .checks
        .iter()
        .find(|check| check.name == "roc_auc:limit")
        .unwrap();
    assert!(!report.passed() && limit.observed.unwrap() < 0.2, "{report:?}");
    refusal(bench.promote(1).await);
}

#[tokio::test]
async fn without_a_report_the_gate_stays_shut_and_another_versions_report_does_not_open_it() {
    let bench = bench();
    bench.register("column 0").await;
    bench.register("column 1").await;
    assert!(refusal(bench.promote(1).await).contains("no gate report"));
    assert!(bench.propose(1).await.passed());
    assert!(refusal(bench.promote(2).await).contains("no gate report"));
    bench.registry.propose(&bench.ctx, "m", 2, "candidate").await.unwrap();
    assert!(
        refusal(bench.promote(2).await).contains("no gate report"),
        "it was about another alias"
    );
}

#[tokio::test]
async fn a_report_against_a_champion_of_yesterday_does_not_open_the_gate() {
    let bench = bench();
    for _ in 0..3 {
        bench.register("column 0").await;
    }
    assert!(bench.propose(1).await.passed() && bench.propose(2).await.passed());
    bench.promote(1).await.unwrap();
    assert!(refusal(bench.promote(2).await).contains("propose it again"));
    assert!(bench.propose(2).await.passed());
    bench.promote(2).await.unwrap();
}

#[tokio::test]
async fn a_report_that_was_tampered_with_is_refused() {
    let bench = bench();
    bench.register("column 1").await;
    assert!(!bench.propose(1).await.passed());
    bench.store.tamper_with_reports(&bench.ctx, |text| {
        text.replace("\"verdict\":\"failed\"", "\"verdict\":\"passed\"")
            .replace("\"passed\":false", "\"passed\":true")
    });
    assert!(refusal(bench.promote(1).await).contains("did not sign"));
    assert!(bench.registry.reports(&bench.ctx, "m", None).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_genuine_report_in_another_reports_place_is_refused() {
    let bench = bench();
    bench.register("column 0").await;
    bench.register("column 1").await;
    bench.propose(2).await;
    bench.propose(1).await;
    let good = bench.store.reports(&bench.ctx, "m", Some(1)).await.unwrap().remove(0);
    let moved = SignedReport { version: 2, ..good };
    let event = crate::NewEvent {
        kind: crate::EventKind::GateEvaluated,
        model: "m".to_owned(),
        version: 2,
        at: moved.computed_at,
        detail: BTreeMap::new(),
    };
    bench.store.add_report(&bench.ctx, moved, event).await.unwrap();
    assert!(refusal(bench.promote(2).await).contains("another version"));
}

#[tokio::test]
async fn an_unfair_model_fails_however_good_it_is() {
    let bench = bench();
    bench.register("column 2").await;
    let report = bench.propose(1).await;
    assert_eq!(report.failed_checks(), ["fairness:country"]);
    refusal(bench.promote(1).await);
}

#[tokio::test]
async fn a_feature_that_drifted_a_little_warns_and_one_that_is_elsewhere_fails() {
    let bench = bench();
    let mut drifted = bench.new_version("column 0").await;
    let set = drifted.evaluation.as_mut().unwrap();
    for (index, value) in set.reference.iter_mut().enumerate() {
        match index % 3 {
            1 => *value = value.powi(3),
            2 => *value += 100.0,
            _ => {}
        }
    }
    bench.registry.register(&bench.ctx, drifted).await.unwrap();
    let report = bench.propose(1).await;
    let severity = |name: &str| {
        let check = report.checks.iter().find(|check| check.name == name).unwrap();
        (!check.passed).then_some(check.severity)
    };
    assert_eq!(severity("drift:good"), None);
    assert_eq!(severity("drift:poor"), Some(Severity::Warn), "{report:?}");
    assert_eq!(severity("drift:biased"), Some(Severity::Fail));
    assert_eq!(report.failed_checks(), ["drift:biased"]);
}

#[tokio::test]
async fn an_incumbent_with_other_inputs_is_scored_on_the_rows_that_have_them_and_fails_the_gate_otherwise() {
    let bench = bench();
    bench.register("column 0").await;
    bench.propose(1).await;
    bench.promote(1).await.unwrap();
    let mut narrow = bench.new_version("column 0").await;
    narrow.lineage.features = vec!["good".to_owned()];
    bench.registry.register(&bench.ctx, narrow.clone()).await.unwrap();
    assert!(
        bench.propose(2).await.passed(),
        "the set has more columns than the model needs"
    );
    let set = narrow.evaluation.as_mut().unwrap();
    set.rows = set.project(&narrow.lineage.features).unwrap();
    set.reference = set.rows.clone();
    set.features.clone_from(&narrow.lineage.features);
    bench.registry.register(&bench.ctx, narrow).await.unwrap();
    let report = bench.propose(3).await;
    let check = report
        .checks
        .iter()
        .find(|check| check.name == "roc_auc:incumbent")
        .unwrap();
    assert!(!check.passed && check.detail.contains("poor, biased"), "{check:?}");
}

#[tokio::test]
async fn a_model_without_a_policy_of_its_own_is_protected_all_the_same() {
    let bench = bench();
    let other = NewVersion {
        name: "other".into(),
        ..bench.new_version("column 0").await
    };
    bench.registry.register(&bench.ctx, other).await.unwrap();
    let result = bench.registry.move_alias(&bench.ctx, "other", CHAMPION, 1).await;
    refusal(result.map(drop));
}
