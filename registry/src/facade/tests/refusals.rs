//! What the registry refuses, and with which code.

use super::*;

#[tokio::test]
async fn a_corrupt_onnx_file_is_refused_when_it_is_registered_and_when_it_is_scored() {
    let bench = bench();
    let corrupt = bench.new_version("not a model").await;
    let error = bench.registry.register(&bench.ctx, corrupt).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::CorruptModel);
    let nan = NewVersion {
        evaluation: Some(EvaluationSet {
            rows: vec![f64::NAN; 600],
            ..evaluation()
        }),
        ..bench.new_version("column 0").await
    };
    let error = bench.registry.register(&bench.ctx, nan).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::CorruptModel);
    let version = bench.register("column 0").await;
    bench.artifacts.corrupt(&bench.ctx, &version.onnx_digest, b"column 1");
    let error = bench.registry.propose(&bench.ctx, "m", 1, CHAMPION).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::Corrupt);
    assert_eq!(
        bench.registry.onnx(&bench.ctx, &version).await.unwrap_err().code(),
        ErrorCode::Corrupt
    );
}

#[tokio::test]
async fn a_version_without_evaluation_rows_serves_but_cannot_be_proposed() {
    let bench = bench();
    let blind = NewVersion {
        evaluation: None,
        ..bench.new_version("column 0").await
    };
    bench.registry.register(&bench.ctx, blind).await.unwrap();
    let error = bench.registry.propose(&bench.ctx, "m", 1, CHAMPION).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::InvalidArgument);
    bench
        .registry
        .move_alias(&bench.ctx, "m", "candidate", 1)
        .await
        .unwrap();
    refusal(bench.promote(1).await);
}

#[tokio::test]
async fn a_canary_needs_a_champion_and_has_at_most_what_the_policy_allows() {
    let bench = bench();
    bench.register("column 0").await;
    bench.register("column 0").await;
    let split = |canary| bench.registry.set_traffic(&bench.ctx, "m", canary);
    assert_eq!(
        split(Some((2, 0.1))).await.unwrap_err().code(),
        ErrorCode::InvalidArgument
    );
    bench.propose(1).await;
    bench.promote(1).await.unwrap();
    for bad in [(2, 0.0), (2, 0.51), (2, f64::NAN), (1, 0.1)] {
        assert_eq!(
            split(Some(bad)).await.unwrap_err().code(),
            ErrorCode::InvalidArgument,
            "{bad:?}"
        );
    }
    assert_eq!(split(Some((9, 0.1))).await.unwrap_err().code(), ErrorCode::UnknownModel);
    let traffic = split(Some((2, 0.1))).await.unwrap();
    assert_eq!(bench.registry.traffic(&bench.ctx, "m").await.unwrap(), traffic);
    assert!(bench.propose(2).await.passed());
    bench.promote(2).await.unwrap();
    let traffic = bench.registry.traffic(&bench.ctx, "m").await.unwrap();
    assert_eq!((traffic.champion, traffic.canary), (Some(2), None));
}

#[tokio::test]
async fn names_runs_and_files_that_do_not_fit_are_refused() {
    let bench = bench();
    let good = bench.new_version("column 0").await;
    let code = async |new: NewVersion| bench.registry.register(&bench.ctx, new).await.unwrap_err().code();
    assert_eq!(
        code(NewVersion {
            name: "a/b".into(),
            ..good.clone()
        })
        .await,
        ErrorCode::InvalidArgument
    );
    assert_eq!(
        code(NewVersion {
            run_id: cortex_types::RunId::new(),
            ..good.clone()
        })
        .await,
        ErrorCode::NotFound
    );
    let nan = BTreeMap::from([("mape".to_owned(), f64::NAN)]);
    assert_eq!(
        code(NewVersion {
            metrics: nan,
            ..good.clone()
        })
        .await,
        ErrorCode::InvalidArgument
    );
    let mut lacking = good.clone();
    lacking.lineage.features.push("age".to_owned());
    assert_eq!(code(lacking).await, ErrorCode::InvalidArgument);
    bench.registry.register(&bench.ctx, good).await.unwrap();
    for bad in ["7", "", "a b"] {
        let error = bench.registry.move_alias(&bench.ctx, "m", bad, 1).await.unwrap_err();
        assert_eq!(error.code(), ErrorCode::InvalidArgument, "{bad:?}");
        assert!(error.to_string().contains("is no name for an alias"), "{error}");
    }
    let unknown = bench.registry.versions(&bench.ctx, "unheard-of").await.unwrap_err();
    assert_eq!(unknown.code(), ErrorCode::UnknownModel);
}

#[tokio::test]
async fn an_alias_that_looks_like_the_champion_or_the_canary_is_refused_everywhere() {
    let bench = bench_with(&format!("{POLICY}protected: [champion, runner-up]\n"));
    bench.register("column 0").await;
    for lookalike in ["Champion", "CHAMPION", "Runner-Up", "canary", "Canary"] {
        let (registry, ctx) = (&bench.registry, &bench.ctx);
        let refused = [
            registry.propose(ctx, "m", 1, lookalike).await.map(drop),
            registry.move_alias(ctx, "m", lookalike, 1).await.map(drop),
            registry.roll_back(ctx, "m", lookalike, 1).await.map(drop),
        ];
        for refused in refused {
            assert_eq!(refused.unwrap_err().code(), ErrorCode::InvalidArgument, "{lookalike}");
        }
    }
    assert!(bench.registry.aliases(&bench.ctx, "m").await.unwrap().is_empty());
    bench
        .registry
        .move_alias(&bench.ctx, "m", "challenger", 1)
        .await
        .unwrap();
}

#[tokio::test]
async fn a_split_that_is_there_already_leaves_no_second_event() {
    let bench = bench();
    bench.register("column 0").await;
    bench.register("column 0").await;
    bench.propose(1).await;
    bench.promote(1).await.unwrap();
    let split = |canary| bench.registry.set_traffic(&bench.ctx, "m", canary);
    let events = async || bench.registry.events(&bench.ctx, 0, 100).await.unwrap().len();
    let before = events().await;
    split(None).await.unwrap();
    assert_eq!(events().await, before, "there was no canary to end");
    let first = split(Some((2, 0.1))).await.unwrap();
    assert_eq!(split(Some((2, 0.1))).await.unwrap(), first);
    assert_eq!(events().await, before + 1);
    split(Some((2, 0.2))).await.unwrap();
    split(None).await.unwrap();
    split(None).await.unwrap();
    assert_eq!(events().await, before + 3);
}

#[tokio::test]
async fn what_does_not_exist_is_told_from_what_has_no_reports_or_runs_yet() {
    let bench = bench();
    bench.register("column 0").await;
    let (registry, ctx) = (&bench.registry, &bench.ctx);
    assert!(registry.reports(ctx, "m", Some(1)).await.unwrap().is_empty());
    for (model, version) in [("nope", None), ("m", Some(99))] {
        let error = registry.reports(ctx, model, version).await.unwrap_err();
        assert_eq!(error.code(), ErrorCode::UnknownModel, "{model} {version:?}");
    }
    let empty = registry.experiment(ctx, "empty").await.unwrap();
    assert!(registry.runs(ctx, empty.id, 10).await.unwrap().is_empty());
    let unknown = cortex_types::ExperimentId::new();
    assert_eq!(
        registry.runs(ctx, unknown, 10).await.unwrap_err().code(),
        ErrorCode::NotFound
    );
}

#[tokio::test]
async fn a_run_ends_as_something() {
    let bench = bench();
    let run = bench.registry.start_run(&bench.ctx, "tests", "run").await.unwrap();
    assert!(
        bench
            .registry
            .end_run(&bench.ctx, run.id, RunStatus::Running)
            .await
            .is_err()
    );
    bench
        .registry
        .end_run(&bench.ctx, run.id, RunStatus::Finished)
        .await
        .unwrap();
    let listed = bench.registry.runs(&bench.ctx, run.experiment, 10).await.unwrap();
    assert_eq!(listed[0].status, RunStatus::Finished);
}
