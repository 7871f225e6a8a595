//! Serving as a whole, with every port in memory.

use std::collections::BTreeMap;
use std::sync::Arc;

use cortex_features::{FeatureRef, FeatureValue};
use cortex_types::{Coded, ErrorCode, ManualClock, RequestContext, TenantId, Timestamp};

use crate::memory::{FixedFeatures, MemoryDecisionLog, Shelf, SumRuntime};
use crate::{Arm, EntityRequest, InferRequest, ModelState, Serving, ServingConfig, feature_tensor};

const MODEL: &str = "repurchase-30d";

struct Bench {
    ctx: RequestContext,
    shelf: Shelf,
    features: Arc<FixedFeatures>,
    decisions: Arc<MemoryDecisionLog>,
    serving: Serving,
}

fn feature(name: &str) -> FeatureRef {
    FeatureRef::new("customer_sales", name)
}

impl Bench {
    fn new() -> Self {
        let clock = Arc::new(ManualClock::at(Timestamp::from_micros(1_000_000)));
        let shelf = Shelf::new(clock.clone()).unwrap();
        let (features, decisions) = (Arc::<FixedFeatures>::default(), Arc::<MemoryDecisionLog>::default());
        let serving = Serving::new(
            shelf.registry.clone(),
            features.clone(),
            Arc::new(SumRuntime),
            decisions.clone(),
            clock,
            ServingConfig {
                loaded_max: 3,
                entities_max: 1_000,
                ..ServingConfig::default()
            },
        );
        let ctx = RequestContext::system(TenantId::new("acme").unwrap());
        Self {
            ctx,
            shelf,
            features,
            decisions,
            serving,
        }
    }

    /// One customer with spend 0.1 and orders 0.2.
    async fn with_champion() -> Self {
        let bench = Self::new();
        bench.features.set("C1", &feature("spend"), FeatureValue::Float(0.1));
        bench.features.set("C1", &feature("orders"), FeatureValue::Float(0.2));
        bench.publish("2,0").await;
        bench.shelf.promote(&bench.ctx, MODEL, 1).await.unwrap();
        bench
    }

    async fn publish(&self, file: &str) -> u32 {
        let params = [("policy.action", "offer"), ("policy.when", "score < 0.35")];
        let params: BTreeMap<String, String> = params.map(|(key, value)| (key.to_owned(), value.to_owned())).into();
        let features = [feature("spend"), feature("orders")];
        self.shelf
            .publish(&self.ctx, MODEL, file.as_bytes(), &features, params)
            .await
            .unwrap()
    }

    async fn infer_code(&self, model: &str, version: Option<u32>) -> Option<ErrorCode> {
        let inputs = vec![feature_tensor(&[1.0, 2.0], 2).unwrap()];
        let request = InferRequest {
            model: model.into(),
            version,
            inputs,
            ..InferRequest::default()
        };
        self.serving
            .infer(&self.ctx, request)
            .await
            .err()
            .map(|error| error.code())
    }
}

#[tokio::test]
async fn a_prediction_is_remembered_with_all_that_recomputes_it() {
    let bench = Bench::with_champion().await;
    let prediction = bench
        .serving
        .predict_entity(&bench.ctx, EntityRequest::new(MODEL, "C1"))
        .await
        .unwrap();
    assert!((prediction.score - 0.3).abs() < 1e-12);
    assert_eq!(
        (prediction.version, prediction.arm, prediction.propensity),
        (1, Arm::Champion, 1.0)
    );
    assert_eq!(prediction.action.as_deref(), Some("offer"));
    assert!(prediction.features_found);

    let decision = bench.decisions.find(prediction.decision_id).unwrap();
    assert_eq!(decision.score, prediction.score);
    assert_eq!(decision.frontier, FixedFeatures::computed_at());
    assert_eq!(decision.context["customer_sales:orders"], FeatureValue::Float(0.2));
    assert_eq!((&*decision.entity, &*decision.entity_key), ("customer", "C1"));
}

#[tokio::test]
async fn an_unknown_entity_is_scored_as_somebody_unknown_and_says_so() {
    let bench = Bench::with_champion().await;
    let prediction = bench
        .serving
        .predict_entity(&bench.ctx, EntityRequest::new(MODEL, "nobody"))
        .await
        .unwrap();
    assert!(!prediction.features_found);
    assert_eq!(prediction.score, 0.0);
    assert_eq!(
        bench.decisions.decisions()[0].context["customer_sales:spend"],
        FeatureValue::Null
    );
}

#[tokio::test]
async fn many_entities_take_one_read_and_one_record() {
    let bench = Bench::with_champion().await;
    assert_eq!(bench.publish("2,10").await, 2);
    bench
        .serving
        .set_traffic(&bench.ctx, MODEL, Some((2, 0.3)))
        .await
        .unwrap();
    let keys: Vec<String> = (0..500).map(|key| format!("C{key}")).collect();
    let predictions = bench.serving.predict_entities(&bench.ctx, MODEL, &keys).await.unwrap();

    assert_eq!((bench.features.reads(), bench.decisions.calls()), (1, 1));
    let in_order: Vec<&str> = predictions.iter().map(|prediction| &*prediction.entity_key).collect();
    assert_eq!(in_order, keys);
    let canaries = predictions
        .iter()
        .filter(|prediction| prediction.arm == Arm::Canary)
        .count();
    assert!((100..200).contains(&canaries), "{canaries} of 500 at a weight of 0.3");
    for prediction in &predictions {
        assert_eq!(prediction.score >= 10.0, prediction.version == 2, "{prediction:?}");
        assert_eq!(
            prediction.propensity,
            if prediction.arm == Arm::Canary { 0.3 } else { 0.7 }
        );
    }
}

#[tokio::test]
async fn a_canary_that_cannot_be_loaded_gets_no_traffic() {
    let bench = Bench::with_champion().await;
    assert_eq!(bench.publish("no model").await, 2);
    let error = bench
        .serving
        .set_traffic(&bench.ctx, MODEL, Some((2, 0.1)))
        .await
        .unwrap_err();
    assert_eq!(error.code(), ErrorCode::CorruptModel);
    assert_eq!(bench.serving.traffic(&bench.ctx, MODEL).await.unwrap().canary, None);
    let index = bench.serving.index(&bench.ctx).await.unwrap();
    assert_eq!((index[0].version, index[0].state), (2, ModelState::Unavailable));
    assert!(index[0].reason.contains("columns,bias"), "{}", index[0].reason);
}

#[tokio::test]
async fn a_promotion_is_served_after_a_reload() {
    let bench = Bench::with_champion().await;
    let key = EntityRequest::new(MODEL, "C1");
    assert_eq!(
        bench
            .serving
            .predict_entity(&bench.ctx, key.clone())
            .await
            .unwrap()
            .version,
        1
    );
    bench.publish("2,10").await;
    bench.shelf.promote(&bench.ctx, MODEL, 2).await.unwrap();
    bench.serving.reload(&bench.ctx, MODEL).await.unwrap();
    assert_eq!(bench.serving.predict_entity(&bench.ctx, key).await.unwrap().version, 2);
}

#[tokio::test]
async fn a_change_of_traffic_that_is_told_is_served_at_once_and_loads_nothing_that_was_unloaded() {
    let bench = Bench::with_champion().await;
    bench.publish("2,10").await;
    assert_eq!(bench.serving.traffic(&bench.ctx, MODEL).await.unwrap().canary, None);
    let registry = &bench.shelf.registry;
    registry.set_traffic(&bench.ctx, MODEL, Some((2, 0.5))).await.unwrap();
    bench.serving.traffic_changed(&bench.ctx, MODEL);
    let split = bench.serving.traffic(&bench.ctx, MODEL).await.unwrap();
    assert_eq!(split.canary, Some((2, 0.5)));
    bench.serving.unload(&bench.ctx, MODEL).await.unwrap();
    bench.serving.set_traffic(&bench.ctx, MODEL, None).await.unwrap();
    assert_eq!(bench.infer_code(MODEL, Some(1)).await, Some(ErrorCode::ModelNotReady));
}

#[tokio::test]
async fn what_is_not_there_says_what_is_missing() {
    let bench = Bench::new();
    assert_eq!(bench.infer_code(MODEL, None).await, Some(ErrorCode::UnknownModel));
    bench.publish("2,0").await;
    assert_eq!(bench.infer_code(MODEL, None).await, Some(ErrorCode::ModelNotReady));
    assert_eq!(bench.infer_code(MODEL, Some(1)).await, None);
    assert_eq!(bench.infer_code(MODEL, Some(9)).await, Some(ErrorCode::UnknownModel));
}

#[tokio::test]
async fn another_tenants_model_is_unknown() {
    let bench = Bench::with_champion().await;
    let stranger = RequestContext::system(TenantId::new("other").unwrap());
    let error = bench
        .serving
        .predict_entity(&stranger, EntityRequest::new(MODEL, "C1"))
        .await
        .unwrap_err();
    assert_eq!(error.code(), ErrorCode::UnknownModel);
    assert!(bench.serving.index(&stranger).await.unwrap().is_empty());
}

#[tokio::test]
async fn an_unloaded_model_answers_again_once_it_is_loaded() {
    let bench = Bench::with_champion().await;
    bench.serving.unload(&bench.ctx, MODEL).await.unwrap();
    assert_eq!(bench.infer_code(MODEL, Some(1)).await, Some(ErrorCode::ModelNotReady));
    bench.serving.reload(&bench.ctx, MODEL).await.unwrap();
    assert_eq!(bench.infer_code(MODEL, None).await, None);
}

#[tokio::test]
async fn no_more_versions_stay_loaded_than_there_is_room_for() {
    let bench = Bench::with_champion().await;
    for _ in 0..5 {
        let version = bench.publish("2,0").await;
        assert_eq!(bench.infer_code(MODEL, Some(version)).await, None);
    }
    let index = bench.serving.index(&bench.ctx).await.unwrap();
    let ready: Vec<u32> = index
        .iter()
        .filter(|entry| entry.state == ModelState::Ready)
        .map(|entry| entry.version)
        .collect();
    assert_eq!(ready, [6, 5, 4]);
}

#[tokio::test]
async fn statistics_count_rows_runs_and_failures() {
    let bench = Bench::with_champion().await;
    assert_eq!(bench.infer_code(MODEL, None).await, None);
    bench
        .serving
        .predict_entities(&bench.ctx, MODEL, &["C1".into(), "C2".into()])
        .await
        .unwrap();
    let bad = InferRequest {
        model: MODEL.into(),
        ..InferRequest::default()
    };
    assert!(bench.serving.infer(&bench.ctx, bad).await.is_err());
    let totals = bench
        .serving
        .statistics(&bench.ctx, Some(MODEL), None)
        .await
        .unwrap()
        .remove(0);
    assert_eq!((totals.inference_count, totals.execution_count), (3, 2));
    assert_eq!((totals.success.count, totals.fail.count), (2, 1));
    assert_eq!(totals.last_inference, Some(Timestamp::from_micros(1_000_000)));
}

#[tokio::test]
async fn a_call_for_nobody_or_for_too_many_is_refused() {
    let bench = Bench::with_champion().await;
    for keys in [vec![], vec![String::new()], vec!["C1".to_owned(); 1_001]] {
        let error = bench
            .serving
            .predict_entities(&bench.ctx, MODEL, &keys)
            .await
            .unwrap_err();
        assert_eq!(error.code(), ErrorCode::InvalidArgument);
    }
    assert!(bench.decisions.decisions().is_empty());
}

#[tokio::test]
async fn a_champion_whose_file_is_gone_is_our_damage_and_shows_in_the_health() {
    let bench = Bench::with_champion().await;
    bench.shelf.lose_files();
    assert!(bench.serving.failures().is_empty());
    let error = bench
        .serving
        .predict_entity(&bench.ctx, EntityRequest::new(MODEL, "C1"))
        .await
        .unwrap_err();
    assert_eq!(error.code(), ErrorCode::Corrupt);
    assert!(error.to_string().contains("version 1 of 'repurchase-30d'"), "{error}");
    let failures = bench.serving.failures();
    assert!(failures.len() == 1 && failures[0].contains("version 1"), "{failures:?}");
    // A version that was never registered is the caller's mistake all the same.
    assert_eq!(bench.infer_code(MODEL, Some(9)).await, Some(ErrorCode::UnknownModel));
}
