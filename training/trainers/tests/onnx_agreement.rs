//! What the trainers write, ONNX Runtime says; and a whole pipeline with the real trainers.
//!
//! Without libonnxruntime (environment variable `ORT_DYLIB_PATH`) the tests that need it say so and pass.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use cortex_registry::{Scorer, Task};
use cortex_serving_onnx::{OnnxConfig, OnnxRuntime};
use cortex_training::TrainingMatrix;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

const TOLERANCE: f64 = 1e-6;

fn runtime() -> Option<&'static OnnxRuntime> {
    static RUNTIME: OnceLock<Option<OnnxRuntime>> = OnceLock::new();
    let loaded = RUNTIME.get_or_init(|| match OnnxRuntime::load(None, OnnxConfig::default()) {
        Ok(runtime) => Some(runtime),
        Err(error) => {
            eprintln!("\n*** SKIPPED: agreement with ONNX Runtime was NOT tested: {error}\n");
            None
        }
    });
    loaded.as_ref()
}

/// A trainer and its parameters, by task.
fn subjects(task: Task) -> Vec<(&'static str, BTreeMap<String, String>)> {
    let params = |pairs: &[(&str, &str)]| {
        pairs
            .iter()
            .map(|&(name, value)| (name.to_owned(), value.to_owned()))
            .collect()
    };
    let mut subjects = vec![
        ("boosted-trees", params(&[("budget", "0.3")])),
        ("network", params(&[("epochs", "2"), ("hidden", "5"), ("batch", "32")])),
        ("mean", params(&[])),
    ];
    if task == Task::Regression {
        subjects.push(("boosted-trees", params(&[("budget", "0.3"), ("target", "log1p")])));
        subjects.push((
            "network",
            params(&[("epochs", "2"), ("hidden", "5"), ("target", "log1p")]),
        ));
        subjects.push((
            "moving-average",
            params(&[("feature", "view:f0"), ("factor", "2.5e-7")]),
        ));
    }
    subjects
}

/// Values as features are: small counts that repeat (and so become thresholds), money with a long tail, missing ones.
fn feature() -> impl Strategy<Value = f64> {
    prop_oneof![
        3 => (0_i32..6).prop_map(f64::from),
        2 => -1e6..1e9_f64,
        1 => Just(f64::NAN),
        1 => Just(-0.0),
        1 => Just(f64::MIN_POSITIVE),
    ]
}

fn matrix(task: Task) -> impl Strategy<Value = TrainingMatrix> {
    (2_usize..5, 24_usize..120).prop_flat_map(move |(columns, rows)| {
        let values = proptest::collection::vec(feature(), columns * rows);
        let labels = proptest::collection::vec(0.0..50.0_f64, rows);
        (values, labels).prop_filter_map("no matrix", move |(values, mut labels)| {
            if task == Task::BinaryClassification {
                labels
                    .iter_mut()
                    .for_each(|label| *label = f64::from(u8::from(*label > 25.0)));
            }
            let names = (0..columns).map(|column| format!("view:f{column}")).collect();
            TrainingMatrix::new(task, names, values, labels).ok()
        })
    })
}

/// The training rows, rows with every pair of neighbouring values swapped for a missing one, and one that is all missing.
fn probes(set: &TrainingMatrix) -> Vec<f64> {
    let mut probes = set.values().to_vec();
    let holes = set
        .values()
        .iter()
        .enumerate()
        .map(|(at, value)| if at % 3 == 0 { f64::NAN } else { *value });
    probes.extend(holes);
    probes.extend(set.values().iter().map(|value| value + value.abs() * f64::EPSILON));
    probes.extend(set.values().iter().map(|value| value * -1e3));
    probes.extend(std::iter::repeat_n(f64::NAN, set.columns()));
    probes
}

#[test]
fn every_exported_file_says_what_its_trainer_says() {
    let Some(runtime) = runtime() else { return };
    let executor = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let trainers = cortex_trainers::builtin();
    for task in [Task::BinaryClassification, Task::Regression] {
        let mut runner = TestRunner::new(Config {
            cases: 12,
            failure_persistence: None,
            ..Config::default()
        });
        let checked = runner.run(&matrix(task), |set| {
            for (name, params) in subjects(task) {
                let model = trainers.named(name).unwrap().train(&set, &params, 3).unwrap();
                let probes = probes(&set);
                let native = (model.native)(&probes);
                let onnx = executor
                    .block_on(runtime.score(&model.onnx, &probes, set.columns()))
                    .unwrap();
                prop_assert_eq!(native.len(), onnx.len());
                for (row, (native, onnx)) in native.iter().zip(&onnx).enumerate() {
                    let off = (native - onnx).abs() / native.abs().max(1.0);
                    prop_assert!(off <= TOLERANCE, "{name} {params:?} row {row}: {native} and {onnx}");
                }
            }
            Ok(())
        });
        checked.unwrap();
    }
}

/// 600 rows whose label follows the first column, with noise that does not.
fn learnable(task: Task) -> TrainingMatrix {
    let noise = |row: usize, salt: usize| ((row * 7_919 + salt * 104_729) % 997) as f64 / 997.0;
    let mut values = Vec::new();
    let mut labels = Vec::new();
    for row in 0..600 {
        let signal = (row % 10) as f64;
        values.extend([
            signal,
            noise(row, 1) * 1e6,
            if row % 7 == 0 { f64::NAN } else { noise(row, 2) },
            f64::NAN,
        ]);
        let target = signal * 10.0 + noise(row, 3);
        labels.push(if task == Task::Regression {
            target
        } else {
            f64::from(u8::from(target > 45.0))
        });
    }
    let names = ["view:f0", "view:noise", "view:holes", "view:empty"]
        .map(str::to_owned)
        .to_vec();
    TrainingMatrix::new(task, names, values, labels).unwrap()
}

#[test]
fn the_same_rows_and_seed_give_the_same_bytes() {
    let trainers = cortex_trainers::builtin();
    for task in [Task::BinaryClassification, Task::Regression] {
        let set = learnable(task);
        for (name, params) in subjects(task) {
            let trainer = trainers.named(name).unwrap();
            let [first, second] = [
                trainer.train(&set, &params, 5).unwrap(),
                trainer.train(&set, &params, 5).unwrap(),
            ];
            assert_eq!(first.onnx, second.onnx, "{name} {params:?}");
        }
    }
    let network = |seed| {
        trainers
            .named("network")
            .unwrap()
            .train(&learnable(Task::Regression), &BTreeMap::new(), seed)
    };
    assert_ne!(network(1).unwrap().onnx, network(2).unwrap().onnx, "the seed decides");
}

#[test]
fn trees_and_networks_learn_what_the_mean_cannot() {
    let trainers = cortex_trainers::builtin();
    let set = learnable(Task::Regression);
    let error_of = |name: &str, params: &[(&str, &str)]| {
        let params = params
            .iter()
            .map(|&(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        let model = trainers.named(name).unwrap().train(&set, &params, 1).unwrap();
        let scores = (model.native)(set.values());
        let squares = scores
            .iter()
            .zip(set.labels())
            .map(|(score, label)| (score - label).powi(2));
        (squares.sum::<f64>() / set.rows() as f64).sqrt()
    };
    let dull = error_of("mean", &[]);
    let trees = error_of("boosted-trees", &[]);
    let network = error_of(
        "network",
        &[("epochs", "40"), ("batch", "32"), ("learning_rate", "0.01")],
    );
    assert!(
        trees < dull / 3.0 && network < dull / 3.0,
        "mean {dull}, trees {trees}, network {network}"
    );
}

#[test]
fn a_feature_that_the_pipeline_does_not_have_is_named_with_those_it_has() {
    let params = BTreeMap::from([("feature".to_owned(), "view:sales".to_owned())]);
    let trainers = cortex_trainers::builtin();
    let error = trainers
        .named("moving-average")
        .unwrap()
        .train(&learnable(Task::Regression), &params, 0)
        .unwrap_err();
    assert!(error.to_string().contains("view:f0, view:noise"), "{error}");
    let error = trainers
        .named("boosted-trees")
        .unwrap()
        .check(&BTreeMap::from([("depth".to_owned(), "3".to_owned())]));
    assert!(
        error
            .unwrap_err()
            .to_string()
            .contains("budget, max_bins, target, trees_max")
    );
}
