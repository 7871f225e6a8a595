//! A pipeline from bronze tables to a registered version, on a lake in memory and a trainer that fits in ten lines.

mod house;
mod toy;

use std::sync::Mutex;
use std::sync::atomic::Ordering;

use cortex_lake::{AsOf, Lake, Layer, TableRef};
use cortex_training::TrainingError;
use cortex_training::run::StageUpdate;
use cortex_types::{Coded, ErrorCode, RequestContext, TenantId, Timestamp};

use house::{House, day, decisions};

const PIPELINE: &str = "
pipeline: again
model: again-14d
task: binary_classification
entity: customer
feature_service: repurchase
label: { table: lines, key: customer_code, event_time: invoiced_at, aggregate: exists, horizon: 14d, outcome: bought }
rows: { every: 7d, on: monday, history: 200d, active_within: 60d }
split: { evaluation: 14d, validation: 14d }
trainers: [{ trainer: constant, params: { score: 0.5 } }, { trainer: one-feature }]
metric: roc_auc
baseline: { trainer: constant, params: { score: 0.25 } }
seed: 7
policy: { action: offer, when: score < 0.35 }
groups: { country: { table: parties, key: code, column: country } }
experience: { include: true, min_propensity: 0.05 }
";

#[tokio::test]
async fn a_pipeline_registers_the_better_trainer_with_lineage_and_the_rows_that_judge_it() {
    let house = House::new().await;
    let pipelines = house.pipelines(PIPELINE, 0.0).unwrap();
    let report = pipelines.run(&house.ctx, "again", day(180)).await.unwrap();

    let best = report.best().unwrap();
    assert_eq!(best.trainer, "one-feature");
    assert_eq!(report.candidates[0].validation, Some(0.5), "a constant ranks nobody");
    assert!(best.metrics["roc_auc"] > 0.8, "{:?}", best.metrics);
    assert!(best.metrics["brier"] < report.baseline["brier"]);
    assert!(
        report
            .warnings
            .iter()
            .any(|warning| warning.contains("returns:returned_30d")),
        "{:?}",
        report.warnings
    );

    let version = house.registry.version(&house.ctx, "again-14d", 1).await.unwrap();
    assert_eq!(version, best.version);
    let lineage = &version.lineage;
    assert_eq!(
        lineage.features,
        ["sales:orders_30d", "sales:spend_30d", "returns:returned_30d"]
    );
    assert_eq!(lineage.as_of, day(180));
    assert_eq!(lineage.params["policy.action"], "offer");
    assert_eq!((lineage.tables["lines"], lineage.tables["training/again"]), (0, 0));
    assert_eq!(lineage.data_digest, report.training_set.digest);
    assert!(version.evaluation_digest.is_some());

    let table = TableRef::new(house.ctx.tenant.clone(), Layer::Training, "again").unwrap();
    let stored = house.lake.snapshot(&table, AsOf::Latest).await.unwrap();
    assert!(stored.schema.field_with_name("sales__orders_30d").is_ok());
    assert!(
        report.rows.train > 500 && report.rows.evaluation > 60,
        "{:?}",
        report.rows
    );
}

#[tokio::test]
async fn a_rerun_takes_every_stage_from_the_cache_and_builds_the_same_file() {
    let house = House::new().await;
    let pipelines = house.pipelines(PIPELINE, 0.0).unwrap();
    let first = pipelines.run(&house.ctx, "again", day(180)).await.unwrap();
    let trained = house.trained.load(Ordering::SeqCst);
    let computed = Mutex::new(Vec::new());
    let watch = |update: StageUpdate<'_>| {
        if let StageUpdate::Finished {
            stage,
            from_cache: false,
            ..
        } = update
        {
            computed.lock().unwrap().push(stage.to_owned());
        }
    };
    let again = pipelines.run_with(&house.ctx, "again", day(180), &watch).await.unwrap();
    assert_eq!(
        house.trained.load(Ordering::SeqCst),
        trained,
        "nothing was trained again"
    );
    assert_eq!(
        *computed.lock().unwrap(),
        ["store", "check:one-feature", "register:one-feature"]
    );
    let digest = |report: &cortex_training::TrainingReport| report.best().unwrap().version.onnx_digest.clone();
    assert_eq!(digest(&first), digest(&again));
    assert_eq!(again.training_set, first.training_set, "the same set is stored once");
    assert_eq!(again.best().unwrap().version.version, 2);
}

#[tokio::test]
async fn matured_decisions_with_outcomes_become_rows_of_the_training_set() {
    let house = House::new().await;
    let noon = Timestamp::from_micros(day(60).micros() + 43_200_000_000);
    decisions(&house.lake, &house.ctx, noon).await;
    let report = house
        .pipelines(PIPELINE, 0.0)
        .unwrap()
        .run(&house.ctx, "again", day(180))
        .await
        .unwrap();
    // C9 has no outcome, C8 no complete context, C7 too small a propensity, C6's outcome is not known yet.
    assert_eq!((report.rows.experience, report.rows.experience_unusable), (6, 1));

    let before_they_matured = house
        .pipelines(PIPELINE, 0.0)
        .unwrap()
        .run(&house.ctx, "again", day(73))
        .await
        .unwrap();
    assert_eq!(before_they_matured.rows.experience, 0);
}

#[tokio::test]
async fn a_decision_on_the_day_of_a_row_stands_for_it_and_judges_nothing() {
    let rows = |as_of| async move {
        let house = House::new().await;
        let run = |house: &House| house.pipelines(PIPELINE, 0.0).unwrap();
        let without = run(&house).run(&house.ctx, "again", as_of).await.unwrap().rows;
        // Day 63 is a Monday, and C0 to C5 are rows of it.
        decisions(&house.lake, &house.ctx, day(63)).await;
        (without, run(&house).run(&house.ctx, "again", as_of).await.unwrap().rows)
    };
    let (without, with) = rows(day(180)).await;
    assert_eq!((with.experience, with.train), (6, without.train));
    // By then day 63 lies among the rows that judge.
    let (without, with) = rows(day(84)).await;
    assert_eq!((with.experience, with.evaluation), (0, without.evaluation));
    assert_eq!(with.train, without.train);
}

#[tokio::test]
async fn a_file_that_disagrees_with_its_trainer_is_not_registered() {
    let house = House::new().await;
    let error = house
        .pipelines(PIPELINE, 1e-5)
        .unwrap()
        .run(&house.ctx, "again", day(180))
        .await
        .unwrap_err();
    assert!(matches!(error, TrainingError::Disagreement { .. }), "{error}");
    assert!(house.registry.versions(&house.ctx, "again-14d").await.is_err());
    let experiment = house.registry.experiment(&house.ctx, "again").await.unwrap();
    let runs = house.registry.runs(&house.ctx, experiment.id, 10).await.unwrap();
    assert_eq!(runs[0].status, cortex_registry::RunStatus::Failed);
}

#[tokio::test]
async fn what_cannot_be_learned_is_refused_with_the_reason() {
    let house = House::new().await;
    let refused = async |yaml: &str, as_of: Timestamp| {
        house
            .pipelines(yaml, 0.0)?
            .run(&house.ctx, "again", as_of)
            .await
            .map(|_| ())
    };
    let before_all = refused(PIPELINE, day(-10)).await.unwrap_err();
    assert!(
        matches!(before_all, TrainingError::NoRows { what: "usable", .. }),
        "{before_all}"
    );
    let too_early = refused(PIPELINE, day(30)).await.unwrap_err();
    assert!(
        matches!(too_early, TrainingError::NoRows { what: "training", .. }),
        "{too_early}"
    );
    let nobody = PIPELINE.replace(
        "invoiced_at, aggregate",
        "invoiced_at, where: 'net_minor < 0', aggregate",
    );
    let single = refused(&nobody, day(180)).await.unwrap_err();
    assert!(
        matches!(single, TrainingError::SingleClass { value: 0.0, .. }),
        "{single}"
    );
    let unknown = refused(&PIPELINE.replace("one-feature", "oracle"), day(180))
        .await
        .unwrap_err();
    assert!(unknown.to_string().contains("constant, one-feature"), "{unknown}");
    let param = refused(&PIPELINE.replace("score: 0.5", "skore: 0.5"), day(180))
        .await
        .unwrap_err();
    assert_eq!(param.code(), ErrorCode::InvalidArgument);
    assert!(
        param.to_string().contains("skore") && param.to_string().contains("score"),
        "{param}"
    );
    let elsewhere = house.pipelines(PIPELINE, 0.0).unwrap();
    let error = elsewhere.run(&house.ctx, "churn", day(180)).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::NotFound);
}

#[tokio::test]
async fn another_tenant_has_no_rows() {
    let house = House::new().await;
    let other = RequestContext::system(TenantId::new("globex").unwrap());
    let error = house
        .pipelines(PIPELINE, 0.0)
        .unwrap()
        .run(&other, "again", day(180))
        .await
        .unwrap_err();
    assert!(matches!(error, TrainingError::NoRows { .. }), "{error}");
}
