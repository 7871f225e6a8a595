//! What a store promises of experiments and runs.

use super::*;

pub async fn an_experiment_is_made_once_per_name(store: Store) {
    let ctx = context("acme");
    let new = |name: &str| Experiment {
        id: ExperimentId::new(),
        name: name.to_owned(),
        created_at: at(1),
    };
    let first = store.ensure_experiment(&ctx, new("repurchase")).await.unwrap();
    assert_eq!(store.ensure_experiment(&ctx, new("repurchase")).await.unwrap(), first);
    let earlier = store.ensure_experiment(&ctx, new("demand")).await.unwrap();
    assert_eq!(store.experiments(&ctx).await.unwrap(), [earlier, first]);
}

pub async fn a_run_reads_back_with_what_was_logged(store: Store) {
    let ctx = context("acme");
    let run = start_run(&*store, &ctx).await;
    assert_eq!(store.run(&ctx, run.id).await.unwrap(), run);
    store
        .log_params(&ctx, run.id, &pairs(&[("budget", "0.5"), ("seed", "7")]))
        .await
        .unwrap();
    store
        .set_tags(&ctx, run.id, &pairs(&[("stage", "draft"), ("by", "ada")]))
        .await
        .unwrap();
    store
        .set_tags(&ctx, run.id, &pairs(&[("stage", "final")]))
        .await
        .unwrap();
    store.end_run(&ctx, run.id, RunStatus::Finished, at(5)).await.unwrap();
    let stored = store.run(&ctx, run.id).await.unwrap();
    assert_eq!(stored.params, pairs(&[("budget", "0.5"), ("seed", "7")]));
    assert_eq!(stored.tags, pairs(&[("stage", "final"), ("by", "ada")]));
    assert_eq!((stored.status, stored.ended_at), (RunStatus::Finished, Some(at(5))));
    let second = start_run(&*store, &ctx).await;
    let newest: Vec<RunId> = store
        .runs(&ctx, run.experiment, 10)
        .await
        .unwrap()
        .iter()
        .map(|run| run.id)
        .collect();
    assert_eq!(newest, [second.id, run.id]);
    assert_eq!(store.runs(&ctx, run.experiment, 1).await.unwrap().len(), 1);
    assert!(matches!(
        store.run(&ctx, RunId::new()).await,
        Err(RegistryError::NotFound { kind: "run", .. })
    ));
}

pub async fn parameters_are_written_once_all_or_nothing(store: Store) {
    let ctx = context("acme");
    let run = start_run(&*store, &ctx).await;
    store.log_params(&ctx, run.id, &pairs(&[("seed", "7")])).await.unwrap();
    store
        .log_params(&ctx, run.id, &pairs(&[("seed", "7"), ("depth", "4")]))
        .await
        .unwrap();
    let refused = store
        .log_params(&ctx, run.id, &pairs(&[("another", "1"), ("seed", "8")]))
        .await;
    assert!(matches!(refused, Err(RegistryError::Immutable(_))));
    assert_eq!(
        store.run(&ctx, run.id).await.unwrap().params,
        pairs(&[("seed", "7"), ("depth", "4")])
    );
    let nowhere = store.log_params(&ctx, RunId::new(), &pairs(&[("seed", "7")])).await;
    assert!(matches!(nowhere, Err(RegistryError::NotFound { .. })));
}

pub async fn a_run_that_ended_does_not_end_again(store: Store) {
    let ctx = context("acme");
    let run = start_run(&*store, &ctx).await;
    store.end_run(&ctx, run.id, RunStatus::Failed, at(5)).await.unwrap();
    let again = store.end_run(&ctx, run.id, RunStatus::Finished, at(6)).await;
    assert!(matches!(again, Err(RegistryError::Immutable(_))));
    assert_eq!(store.run(&ctx, run.id).await.unwrap().status, RunStatus::Failed);
}

pub async fn metrics_come_by_key_and_step_and_may_be_nan(store: Store) {
    let ctx = context("acme");
    let run = start_run(&*store, &ctx).await;
    let point = |key: &str, step, value| MetricPoint {
        key: key.to_owned(),
        value,
        step,
        at: at(3),
    };
    let logged = [
        point("loss", 2, f64::NAN),
        point("auc", 1, 0.7),
        point("loss", 1, f64::INFINITY),
    ];
    store.log_metrics(&ctx, run.id, &logged).await.unwrap();
    store.log_metrics(&ctx, run.id, &[point("loss", 1, 0.1)]).await.unwrap();
    let all = store.metrics(&ctx, run.id, None).await.unwrap();
    let order: Vec<(&str, i64)> = all.iter().map(|point| (point.key.as_str(), point.step)).collect();
    assert_eq!(order, [("auc", 1), ("loss", 1), ("loss", 1), ("loss", 2)]);
    let loss = store.metrics(&ctx, run.id, Some("loss")).await.unwrap();
    assert_eq!(
        (loss[0].value, loss[1].value),
        (f64::INFINITY, 0.1),
        "in the order they were logged"
    );
    assert!(loss[2].value.is_nan() && loss[2].at == at(3));
    assert!(store.metrics(&ctx, RunId::new(), None).await.is_err());
}
