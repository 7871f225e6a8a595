//! The protocol over gRPC, where it must say what it says over HTTP.

mod support;

use std::collections::HashMap;
use std::sync::Arc;

use axum::Extension;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use cortex_proto::inference as pb;
use cortex_proto::inference::grpc_inference_service_client::GrpcInferenceServiceClient;
use cortex_proto::inference::infer_parameter::ParameterChoice;
use cortex_proto::inference::model_infer_request::{InferInputTensor, InferRequestedOutputTensor};
use cortex_security::AuditLog;
use cortex_serving_api::{inference_service, routes};
use cortex_types::{RequestContext, Role};
use http_body_util::BodyExt;
use support::{Bench, CORRUPT, MODEL, as_role};
use tonic::{Code, Status};
use tower::ServiceExt;

/// A client wired straight into the server, with the context that an authentication layer would have put there.
fn client(
    bench: &Bench,
    ctx: RequestContext,
) -> GrpcInferenceServiceClient<
    impl tonic::client::GrpcService<
        tonic::body::Body,
        ResponseBody = tonic::body::Body,
        Error = std::convert::Infallible,
        Future: Send,
    >,
> {
    let server = inference_service(Arc::clone(&bench.api));
    GrpcInferenceServiceClient::new(
        tower::ServiceBuilder::new()
            .map_request(move |mut request: axum::http::Request<tonic::body::Body>| {
                request.extensions_mut().insert(ctx.clone());
                request
            })
            .service(server),
    )
}

fn request(version: &str) -> pb::ModelInferRequest {
    pb::ModelInferRequest {
        model_name: MODEL.into(),
        model_version: version.into(),
        inputs: vec![InferInputTensor {
            name: "features".into(),
            datatype: "FP64".into(),
            shape: vec![1, 2],
            contents: Some(pb::InferTensorContents {
                fp64_contents: vec![1.0, 2.0],
                ..Default::default()
            }),
            ..Default::default()
        }],
        ..Default::default()
    }
}

fn parameter(choice: ParameterChoice) -> pb::InferParameter {
    pb::InferParameter {
        parameter_choice: Some(choice),
    }
}

fn code_of(status: &Status) -> &str {
    status.metadata().get("cortex-error-code").unwrap().to_str().unwrap()
}

#[tokio::test]
async fn an_output_that_asks_for_more_than_its_tensor_is_refused_as_over_http() {
    let bench = Bench::new().await;
    let mut client = client(&bench, as_role(Role::DataScientist));
    for (name, choice) in [
        ("classification", ParameterChoice::Int64Param(1)),
        ("shared_memory_region", ParameterChoice::StringParam("region".into())),
    ] {
        let output = InferRequestedOutputTensor {
            name: "score".into(),
            parameters: HashMap::from([(name.to_owned(), parameter(choice))]),
        };
        let message = pb::ModelInferRequest {
            outputs: vec![output],
            ..request("")
        };
        let refused = client.model_infer(message).await.unwrap_err();
        assert_eq!(
            (refused.code(), code_of(&refused)),
            (Code::InvalidArgument, "invalid-argument"),
            "{name}"
        );
    }
}

#[tokio::test]
async fn routing_in_the_metadata_is_routing_and_comes_before_parameters() {
    let bench = Bench::new().await;
    bench.split().await;
    let mut client = client(&bench, as_role(Role::DataScientist));
    let text = |text: &str| parameter(ParameterChoice::StringParam(text.to_owned()));
    let mut forced = tonic::Request::new(pb::ModelInferRequest {
        parameters: HashMap::from([("x-cortex-arm".to_owned(), text("champion"))]),
        ..request("")
    });
    forced.metadata_mut().insert("x-cortex-arm", "canary".parse().unwrap());
    assert_eq!(
        client.model_infer(forced).await.unwrap().into_inner().model_version,
        "2"
    );

    let mut arms = [0; 2];
    for key in 0..40 {
        let mut keyed = tonic::Request::new(request(""));
        let key = format!("C{key}");
        keyed.metadata_mut().insert("x-cortex-route-key", key.parse().unwrap());
        let answer = client.model_infer(keyed).await.unwrap().into_inner();
        arms[usize::from(answer.model_version == "2")] += 1;
    }
    assert!(arms[0] > 5 && arms[1] > 5, "{arms:?} of a split in halves");

    let mut wrong = tonic::Request::new(request(""));
    wrong.metadata_mut().insert("x-cortex-arm", "third".parse().unwrap());
    assert_eq!(
        client.model_infer(wrong).await.unwrap_err().code(),
        Code::InvalidArgument
    );
}

#[tokio::test]
async fn a_model_file_that_cannot_be_loaded_is_not_ready_over_either_transport() {
    let bench = Bench::new().await;
    let scientist = as_role(Role::DataScientist);
    let version = CORRUPT.to_string();
    let mut client = client(&bench, scientist.clone());
    let refused = client.model_infer(request(&version)).await.unwrap_err();
    assert_eq!(
        (refused.code(), code_of(&refused)),
        (Code::Unavailable, "corrupt-model")
    );
    let metadata = pb::ModelMetadataRequest {
        name: MODEL.into(),
        version,
    };
    assert_eq!(
        client.model_metadata(metadata).await.unwrap_err().code(),
        Code::Unavailable
    );

    let http = routes(Arc::clone(&bench.api)).layer(Extension(scientist));
    let path = format!("/v2/models/{MODEL}/versions/{CORRUPT}");
    let answer = http
        .oneshot(Request::get(path).body(Body::empty()).unwrap())
        .await
        .unwrap();
    assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(answer.headers()["cortex-error-code"], "corrupt-model");
}

#[tokio::test]
async fn loading_and_unloading_are_on_the_record_and_done_only_if_they_can_be() {
    let bench = Bench::new().await;
    let admin = as_role(Role::Admin);
    let mut client = client(&bench, admin.clone());
    let unload = pb::RepositoryModelUnloadRequest {
        model_name: MODEL.into(),
        ..Default::default()
    };
    let load = pb::RepositoryModelLoadRequest {
        model_name: MODEL.into(),
        ..Default::default()
    };
    let unknown = pb::RepositoryModelLoadRequest {
        model_name: "nothing".into(),
        ..Default::default()
    };
    client.repository_model_unload(unload.clone()).await.unwrap();
    client.repository_model_load(load).await.unwrap();
    assert_eq!(
        client.repository_model_load(unknown).await.unwrap_err().code(),
        Code::NotFound
    );
    let records = bench.audit.recent(&admin, 10).await.unwrap();
    let told: Vec<(&str, &str, &str)> = records
        .iter()
        .map(|record| (&*record.entry.action, &*record.entry.resource, &*record.principal))
        .collect();
    let model = "model/repurchase-30d";
    assert_eq!(
        told,
        [
            ("serving.load", model, "somebody"),
            ("serving.unload", model, "somebody")
        ]
    );
    bench.audit.refuse();
    assert!(client.repository_model_unload(unload).await.is_err());
    assert!(client.model_infer(request("")).await.is_ok(), "it was not unloaded");
}

#[tokio::test]
async fn shared_memory_and_settings_are_empty_to_read_and_refused_to_change() {
    let bench = Bench::new().await;
    let mut admin = client(&bench, as_role(Role::Admin));
    admin
        .system_shared_memory_status(pb::SystemSharedMemoryStatusRequest::default())
        .await
        .unwrap();
    admin
        .cuda_shared_memory_unregister(pb::CudaSharedMemoryUnregisterRequest::default())
        .await
        .unwrap();
    let refused = admin
        .cuda_shared_memory_register(pb::CudaSharedMemoryRegisterRequest::default())
        .await
        .unwrap_err();
    assert_eq!(
        (refused.code(), code_of(&refused)),
        (Code::InvalidArgument, "invalid-argument")
    );
    let settings = pb::LogSettingsRequest {
        settings: HashMap::from([("log_info".to_owned(), pb::log_settings_request::SettingValue::default())]),
    };
    assert_eq!(
        admin.log_settings(settings.clone()).await.unwrap_err().code(),
        Code::InvalidArgument
    );
    let mut viewer = client(&bench, as_role(Role::Viewer));
    assert_eq!(
        viewer.log_settings(settings).await.unwrap_err().code(),
        Code::PermissionDenied
    );
    viewer.log_settings(pb::LogSettingsRequest::default()).await.unwrap();
}

#[tokio::test]
async fn a_message_of_a_stream_that_cannot_be_read_is_refused_with_a_stable_code() {
    let bench = Bench::new().await;
    // Four bytes of message: the first field is a text, and this one is no UTF-8.
    let unreadable = vec![0, 0, 0, 0, 4, 0x0a, 2, 0xc3, 0x28];
    let mut stream = Request::post("/inference.GRPCInferenceService/ModelStreamInfer")
        .header("content-type", "application/grpc")
        .body(Body::from(unreadable))
        .unwrap();
    stream.extensions_mut().insert(as_role(Role::DataScientist));
    let answer = inference_service(Arc::clone(&bench.api)).oneshot(stream).await.unwrap();
    let ended = answer.into_body().collect().await.unwrap();
    let trailers = ended.trailers().unwrap();
    assert_eq!(trailers["grpc-status"], "3");
    assert_eq!(trailers["cortex-error-code"], "invalid-argument");
}
