//! Models in the protocol's words: metadata, configuration and statistics, built once and sent by either transport.

use cortex_proto::inference as pb;
use cortex_proto::inference::model_metadata_response::TensorMetadata;
use cortex_registry::TensorSpec;
use cortex_serving::{Durations, ModelStatistics, ReadyModel};
use serde_json::{Value, json};

pub const SERVER_NAME: &str = "cortex";
pub const SERVER_VERSION: &str = env!("CARGO_PKG_VERSION");

/// The protocol's extensions that are really there.
pub const EXTENSIONS: [&str; 5] = [
    "binary_tensor_data",
    "model_configuration",
    "model_repository",
    "parameters",
    "statistics",
];

const PLATFORM: &str = "onnxruntime_onnx";
const BACKEND: &str = "onnxruntime";

pub fn metadata(model: &ReadyModel, versions: &[u32]) -> pb::ModelMetadataResponse {
    let tensor = |spec: &TensorSpec| TensorMetadata {
        name: spec.name.clone(),
        datatype: spec.datatype.clone(),
        shape: spec.shape.clone(),
    };
    let signature = model.loaded.signature();
    pb::ModelMetadataResponse {
        name: model.version.name.to_string(),
        versions: versions.iter().map(ToString::to_string).collect(),
        platform: PLATFORM.to_owned(),
        inputs: signature.inputs.iter().map(tensor).collect(),
        outputs: signature.outputs.iter().map(tensor).collect(),
    }
}

pub fn metadata_json(metadata: &pb::ModelMetadataResponse) -> Value {
    let tensor = |tensor: &TensorMetadata| {
        json!({
            "name": tensor.name,
            "datatype": tensor.datatype,
            "shape": tensor.shape,
        })
    };
    json!({
        "name": metadata.name,
        "versions": metadata.versions,
        "platform": metadata.platform,
        "inputs": metadata.inputs.iter().map(tensor).collect::<Vec<_>>(),
        "outputs": metadata.outputs.iter().map(tensor).collect::<Vec<_>>(),
    })
}

/// `max_batch_size` is 0, which in the protocol means that the shapes include the batch dimension.
pub fn config(model: &ReadyModel) -> pb::ModelConfig {
    let signature = model.loaded.signature();
    let input = |spec: &TensorSpec| pb::ModelInput {
        name: spec.name.clone(),
        data_type: data_type(&spec.datatype).into(),
        dims: spec.shape.clone(),
    };
    let output = |spec: &TensorSpec| pb::ModelOutput {
        name: spec.name.clone(),
        data_type: data_type(&spec.datatype).into(),
        dims: spec.shape.clone(),
    };
    let specific = pb::model_version_policy::Specific {
        versions: vec![i64::from(model.version.version)],
    };
    pb::ModelConfig {
        name: model.version.name.to_string(),
        platform: PLATFORM.to_owned(),
        backend: BACKEND.to_owned(),
        version_policy: Some(pb::ModelVersionPolicy {
            policy_choice: Some(pb::model_version_policy::PolicyChoice::Specific(specific)),
        }),
        max_batch_size: 0,
        input: signature.inputs.iter().map(input).collect(),
        output: signature.outputs.iter().map(output).collect(),
        instance_group: vec![pb::ModelInstanceGroup {
            name: model.version.name.to_string(),
            count: i32::try_from(model.loaded.instances()).unwrap_or(i32::MAX),
            kind: pb::model_instance_group::Kind::Cpu.into(),
        }],
        default_model_filename: "model.onnx".to_owned(),
        model_transaction_policy: Some(pb::ModelTransactionPolicy { decoupled: false }),
    }
}

pub fn config_json(config: &pb::ModelConfig) -> Value {
    let versions = match config
        .version_policy
        .as_ref()
        .and_then(|policy| policy.policy_choice.as_ref())
    {
        Some(pb::model_version_policy::PolicyChoice::Specific(specific)) => specific.versions.as_slice(),
        None => &[],
    };
    let inputs: Vec<Value> = config
        .input
        .iter()
        .map(|input| json!({ "name": input.name, "data_type": input.data_type().as_str_name(), "dims": input.dims }))
        .collect();
    let outputs: Vec<Value> = config
        .output
        .iter()
        .map(
            |output| json!({ "name": output.name, "data_type": output.data_type().as_str_name(), "dims": output.dims }),
        )
        .collect();
    let groups: Vec<Value> = config
        .instance_group
        .iter()
        .map(|group| json!({ "name": group.name, "count": group.count, "kind": group.kind().as_str_name() }))
        .collect();
    json!({
        "name": config.name,
        "platform": config.platform,
        "backend": config.backend,
        "version_policy": { "specific": { "versions": versions } },
        "max_batch_size": config.max_batch_size,
        "input": inputs,
        "output": outputs,
        "instance_group": groups,
        "default_model_filename": config.default_model_filename,
        "model_transaction_policy": { "decoupled": false },
    })
}

fn data_type(datatype: &str) -> pb::DataType {
    match datatype {
        "BYTES" => pb::DataType::TypeString,
        other => pb::DataType::from_str_name(&format!("TYPE_{other}")).unwrap_or(pb::DataType::TypeInvalid),
    }
}

pub fn statistics(totals: &ModelStatistics) -> pb::ModelStatistics {
    let duration = |part: Durations| {
        Some(pb::StatisticDuration {
            count: part.count,
            ns: part.total_ns,
        })
    };
    let none = Durations::default();
    let last_inference_ms = totals.last_inference.map_or(0, |at| at.micros() / 1000);
    pb::ModelStatistics {
        name: totals.model.clone(),
        version: totals.version.to_string(),
        last_inference: u64::try_from(last_inference_ms).unwrap_or(0),
        inference_count: totals.inference_count,
        execution_count: totals.execution_count,
        inference_stats: Some(pb::InferStatistics {
            success: duration(totals.success),
            fail: duration(totals.fail),
            queue: duration(totals.queue),
            compute_input: duration(totals.compute_input),
            compute_infer: duration(totals.compute_infer),
            compute_output: duration(totals.compute_output),
            cache_hit: duration(none),
            cache_miss: duration(none),
        }),
        batch_stats: Vec::new(),
    }
}

pub fn statistics_json(totals: &ModelStatistics) -> Value {
    let duration = |part: Durations| json!({ "count": part.count, "ns": part.total_ns });
    json!({
        "name": totals.model,
        "version": totals.version.to_string(),
        "last_inference": totals.last_inference.map_or(0, |at| at.micros() / 1000),
        "inference_count": totals.inference_count,
        "execution_count": totals.execution_count,
        "inference_stats": {
            "success": duration(totals.success),
            "fail": duration(totals.fail),
            "queue": duration(totals.queue),
            "compute_input": duration(totals.compute_input),
            "compute_infer": duration(totals.compute_infer),
            "compute_output": duration(totals.compute_output),
            "cache_hit": duration(Durations::default()),
            "cache_miss": duration(Durations::default()),
        },
        "batch_stats": [],
    })
}
