//! Models in ONNX Runtime itself. `tests/fixtures/make_fixtures.py` writes the files.
//!
//! Without libonnxruntime these tests cannot run; they say so loudly instead of failing.

use std::io::Write;
use std::path::PathBuf;

use cortex_registry::{RegistryError, Scorer};
use cortex_serving::{Datatype, LoadedModel, ModelRuntime, ServingError, Tensor, feature_tensor, scores_of};
use cortex_serving_onnx::{Device, OnnxConfig, OnnxRuntime};
use cortex_types::{Coded, ErrorCode};

const SCORER: &[u8] = include_bytes!("fixtures/scorer.onnx");
const ECHO: &[u8] = include_bytes!("fixtures/echo.onnx");

fn runtime() -> Option<OnnxRuntime> {
    match OnnxRuntime::load(None, OnnxConfig::default()) {
        Ok(runtime) => Some(runtime),
        Err(error) => {
            let mut stderr = std::io::stderr();
            let _ = writeln!(stderr, "\n*** SKIPPED: {error} ***\n");
            None
        }
    }
}

async fn load(runtime: &OnnxRuntime, onnx: &[u8]) -> std::sync::Arc<dyn LoadedModel> {
    runtime.load("fixture", onnx).await.unwrap()
}

#[tokio::test]
async fn a_model_scores_what_its_trees_say_and_takes_missing_values() {
    let Some(runtime) = runtime() else { return };
    let model = load(&runtime, SCORER).await;
    assert_eq!(model.signature().inputs[0].shape, [-1, 2]);
    assert_eq!(model.signature().outputs[0].datatype, "FP64");

    let rows = feature_tensor(&[0.1, 9.0, 0.9, 9.0, f64::NAN, 9.0], 2).unwrap();
    let inference = model.infer(vec![rows], &[]).await.unwrap();
    assert_eq!(inference.outputs[0].shape(), [3, 1]);
    assert_eq!(scores_of(&inference.outputs, 3).unwrap(), [0.8, 0.2, 0.2]);
}

#[tokio::test]
async fn every_datatype_of_the_protocol_goes_through_a_model_unchanged() {
    let Some(runtime) = runtime() else { return };
    let model = load(&runtime, ECHO).await;
    let input = |datatype: &Datatype| {
        let name = format!("in_{datatype}");
        match datatype {
            Datatype::Bytes => Tensor::from_elements(name, vec![1, 2], ["größer", ""]),
            Datatype::Bool => Tensor::new(name, *datatype, vec![1, 2], vec![1, 0]),
            other => {
                let width = other.width().unwrap_or(0);
                let bytes: Vec<u8> = (1..=width * 2).map(|byte| byte as u8).collect();
                Tensor::new(name, *datatype, vec![1, 2], bytes)
            }
        }
        .unwrap()
    };
    let inputs: Vec<Tensor> = Datatype::ALL.iter().map(input).collect();
    let outputs = model.infer(inputs.clone(), &[]).await.unwrap().outputs;
    assert_eq!(outputs.len(), Datatype::ALL.len());
    for input in inputs {
        let name = input.name().replace("in_", "out_");
        let output = outputs.iter().find(|output| output.name() == name).unwrap();
        assert_eq!(
            (output.datatype(), output.data()),
            (input.datatype(), input.data()),
            "{name}"
        );
    }
}

#[tokio::test]
async fn an_empty_batch_gives_an_empty_answer() {
    let Some(runtime) = runtime() else { return };
    let model = load(&runtime, SCORER).await;
    let inference = model.infer(vec![feature_tensor(&[], 2).unwrap()], &[]).await;
    // ONNX Runtime may refuse to run on nothing; it must not give something.
    if let Ok(inference) = inference {
        assert_eq!(inference.outputs[0].shape().first(), Some(&0));
    }
}

#[tokio::test]
async fn text_that_is_no_text_is_the_callers_mistake() {
    let Some(runtime) = runtime() else { return };
    let model = load(&runtime, ECHO).await;
    let mut inputs: Vec<Tensor> = Vec::new();
    for datatype in Datatype::ALL.iter().filter(|datatype| **datatype != Datatype::Bytes) {
        let bytes = vec![0_u8; datatype.width().unwrap_or(0) * 2];
        inputs.push(Tensor::new(format!("in_{datatype}"), *datatype, vec![1, 2], bytes).unwrap());
    }
    inputs.push(Tensor::from_elements("in_BYTES", vec![1, 2], [&[0xff_u8, 0xfe][..], b"ok"]).unwrap());
    let error = model.infer(inputs, &[]).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::InvalidArgument);
}

#[tokio::test]
async fn a_wrong_shape_type_or_name_is_refused_before_it_reaches_the_runtime() {
    let Some(runtime) = runtime() else { return };
    let model = load(&runtime, SCORER).await;
    let wrong_shape = feature_tensor(&[0.0; 3], 3).unwrap();
    let wrong_type = Tensor::new("features", Datatype::Fp32, vec![1, 2], vec![0_u8; 8]).unwrap();
    let wrong_name = Tensor::from_f64("x", vec![1, 2], &[0.0; 2]).unwrap();
    for (input, code) in [
        (wrong_shape, ErrorCode::WrongShape),
        (wrong_type, ErrorCode::WrongType),
        (wrong_name, ErrorCode::InvalidArgument),
    ] {
        assert_eq!(model.infer(vec![input], &[]).await.unwrap_err().code(), code);
    }
    let features = feature_tensor(&[0.0; 2], 2).unwrap();
    let unknown_output = model
        .infer(vec![features], &["probability".to_owned()])
        .await
        .unwrap_err();
    assert_eq!(unknown_output.code(), ErrorCode::InvalidArgument);
}

#[tokio::test]
async fn a_file_that_is_no_model_is_corrupt_and_named() {
    let Some(runtime) = runtime() else { return };
    let cut = &SCORER[..SCORER.len() / 2];
    for bytes in [&b"not a model"[..], &[], cut] {
        let error = runtime.load("repurchase-30d", bytes).await.unwrap_err();
        assert!(
            matches!(&error, ServingError::CorruptModel { model, .. } if model == "repurchase-30d"),
            "{error}"
        );
        assert!(matches!(
            runtime.score(bytes, &[1.0], 1).await,
            Err(RegistryError::CorruptModel { .. })
        ));
    }
}

#[tokio::test]
async fn the_registrys_evidence_is_what_the_model_would_serve() {
    let Some(runtime) = runtime() else { return };
    let rows: Vec<f64> = (0..40_000).flat_map(|row| [f64::from(row % 2), 0.0]).collect();
    let scores = runtime.score(SCORER, &rows, 2).await.unwrap();
    assert_eq!(scores.len(), 40_000);
    assert_eq!((scores[0], scores[1], scores[39_999]), (0.8, 0.2, 0.2));
    assert!(runtime.score(SCORER, &rows, 7).await.is_err());
}

#[test]
fn a_library_that_is_missing_or_is_none_is_an_error_that_says_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let none: PathBuf = folder.path().join("libonnxruntime.so");
    let text = folder.path().join("text.so");
    std::fs::write(&text, "this is no library").unwrap();
    for file in [none, text] {
        let error = OnnxRuntime::load(Some(file.clone()), OnnxConfig::default()).unwrap_err();
        assert_eq!(error.code(), ErrorCode::RuntimeMissing);
        let message = error.to_string();
        assert!(message.contains(file.to_str().unwrap()), "{message}");
    }
}

#[test]
fn a_device_that_is_not_there_is_refused_and_never_replaced() {
    if runtime().is_none() {
        return;
    }
    let config = OnnxConfig {
        device: Device::Cuda(0),
        ..OnnxConfig::default()
    };
    // A library that was built with CUDA gets further than this; the one of the plain package must not.
    if let Err(error) = OnnxRuntime::load(None, config) {
        assert_eq!(error.code(), ErrorCode::RuntimeMissing);
        assert!(error.to_string().contains("CUDA"), "{error}");
    }
}
