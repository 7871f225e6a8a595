//! The protocol as a client sees it, over a model that needs no runtime.

mod support;

use std::sync::Arc;

use axum::body::Body;
use axum::extract::DefaultBodyLimit;
use axum::http::{Request, StatusCode};
use axum::response::Response;
use axum::{Extension, Router};
use bytes::Bytes;
use cortex_security::AuditLog;
use cortex_serving_api::{openapi, routes};
use cortex_types::Role;
use http_body_util::BodyExt;
use serde_json::{Value, json};
use support::{Bench, MODEL, as_role};
use tower::ServiceExt;

struct Client {
    bench: Bench,
    router: Router,
}

impl Client {
    /// Speaks as somebody with `role`.
    async fn with(role: Role) -> Self {
        let client = Self::without_identity().await;
        Self {
            router: client.router.layer(Extension(as_role(role))),
            ..client
        }
    }

    async fn without_identity() -> Self {
        let bench = Bench::new().await;
        let router = routes(Arc::clone(&bench.api));
        Self { bench, router }
    }

    async fn send(&self, request: Request<Body>) -> Response {
        self.router.clone().oneshot(request).await.unwrap()
    }

    async fn get(&self, path: &str) -> (StatusCode, Value) {
        read(self.send(Request::get(path).body(Body::empty()).unwrap()).await).await
    }

    async fn post(&self, path: &str, body: &Value) -> (StatusCode, Value) {
        let request = Request::post(path).header("content-type", "application/json");
        read(self.send(request.body(Body::from(body.to_string())).unwrap()).await).await
    }
}

async fn read(response: Response) -> (StatusCode, Value) {
    let status = response.status();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, serde_json::from_slice(&body).unwrap_or(Value::Null))
}

fn features(datatype: &str, shape: [i64; 2], data: Value) -> Value {
    json!({ "id": "7", "inputs": [{ "name": "features", "datatype": datatype, "shape": shape, "data": data }] })
}

fn infer_path() -> String {
    format!("/v2/models/{MODEL}/infer")
}

#[tokio::test]
async fn an_inference_in_json_comes_back_in_json() {
    let client = Client::with(Role::DataScientist).await;
    let (status, answer) = client
        .post(&infer_path(), &features("FP64", [2, 2], json!([[1, 2], [3, 4.5]])))
        .await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    assert_eq!(answer["model_version"], "1");
    assert_eq!(answer["id"], "7");
    assert_eq!(answer["parameters"]["arm"], "champion");
    let score = json!({ "name": "score", "datatype": "FP64", "shape": [2, 1], "data": [3.0, 7.5] });
    assert_eq!(answer["outputs"], json!([score]));
}

#[tokio::test]
async fn a_version_in_the_path_is_the_version_that_answers() {
    let client = Client::with(Role::DataScientist).await;
    let path = format!("/v2/models/{MODEL}/versions/2/infer");
    let (_, answer) = client.post(&path, &features("FP64", [1, 2], json!([1, 2]))).await;
    assert_eq!(
        (&answer["model_version"], &answer["outputs"][0]["data"]),
        (&json!("2"), &json!([13.0]))
    );
}

#[tokio::test]
async fn tensors_travel_as_bytes_behind_the_json_both_ways() {
    let client = Client::with(Role::DataScientist).await;
    let header = json!({
        "parameters": { "binary_data_output": true },
        "inputs": [{
            "name": "features",
            "datatype": "FP64",
            "shape": [1, 2],
            "parameters": { "binary_data_size": 16 },
        }],
    })
    .to_string();
    let mut body = header.clone().into_bytes();
    body.extend([1.5_f64, 2.0].iter().flat_map(|value| value.to_le_bytes()));
    let request = Request::post(infer_path()).header("inference-header-content-length", header.len());
    let response = client.send(request.body(Body::from(body)).unwrap()).await;
    assert_eq!(response.status(), StatusCode::OK);

    let length: usize = response.headers()["inference-header-content-length"]
        .to_str()
        .unwrap()
        .parse()
        .unwrap();
    let body: Bytes = response.into_body().collect().await.unwrap().to_bytes();
    let answer: Value = serde_json::from_slice(&body[..length]).unwrap();
    assert_eq!(answer["outputs"][0]["parameters"]["binary_data_size"], 8);
    assert_eq!(body[length..], 3.5_f64.to_le_bytes());
}

#[tokio::test]
async fn a_request_that_does_not_fit_the_model_is_told_so_in_the_protocols_form() {
    let client = Client::with(Role::DataScientist).await;
    let fine = features("FP64", [1, 2], json!([1, 2]));
    let mut unknown_output = fine.clone();
    unknown_output["outputs"] = json!([{ "name": "probability" }]);
    for (path, body, status, word) in [
        (infer_path(), features("FP64", [1, 3], json!([1, 2, 3])), 400, "[-1, 2]"),
        (infer_path(), features("FP64", [1, 2], json!([1])), 400, "bytes"),
        (infer_path(), features("FP32", [1, 2], json!([1, 2])), 400, "FP64"),
        (infer_path(), features("FP8", [1, 2], json!([1, 2])), 400, "FP8"),
        (infer_path(), json!({ "inputs": [] }), 400, "missing"),
        (infer_path(), json!({ "input": [] }), 400, "inputs"),
        (infer_path(), unknown_output, 400, "probability"),
        ("/v2/models/nothing/infer".to_owned(), fine.clone(), 404, "nothing"),
        (format!("/v2/models/{MODEL}/versions/9/infer"), fine.clone(), 404, "9"),
        (format!("/v2/models/{MODEL}/versions/x/infer"), fine, 400, "'x'"),
    ] {
        let (answered, answer) = client.post(&path, &body).await;
        let message = answer["error"].as_str().unwrap_or_default();
        assert_eq!(answered.as_u16(), status, "{body}: {answer}");
        assert!(message.contains(word), "{body}: {answer}");
    }
}

#[tokio::test]
async fn a_model_describes_itself() {
    let client = Client::with(Role::Viewer).await;
    let (_, server) = client.get("/v2").await;
    assert_eq!(server["name"], "cortex");
    let (status, metadata) = client.get(&format!("/v2/models/{MODEL}")).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(metadata["versions"], json!(["1", "2", "3"]));
    assert_eq!(
        metadata["inputs"],
        json!([{ "name": "features", "datatype": "FP64", "shape": [-1, 2] }])
    );
    let (_, config) = client.get(&format!("/v2/models/{MODEL}/config")).await;
    assert_eq!(
        config["input"],
        json!([{ "name": "features", "data_type": "TYPE_FP64", "dims": [-1, 2] }])
    );
    assert_eq!(
        (&config["max_batch_size"], &config["backend"]),
        (&json!(0), &json!("onnxruntime"))
    );
    assert_eq!(client.get(&format!("/v2/models/{MODEL}/ready")).await.0, StatusCode::OK);
    assert_eq!(client.get("/v2/models/nothing/ready").await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn the_index_shows_what_is_loaded() {
    let client = Client::with(Role::Admin).await;
    assert_eq!(
        client.post("/v2/repository/index", &json!({ "ready": true })).await.1,
        json!([])
    );
    assert_eq!(
        client
            .post(&format!("/v2/repository/models/{MODEL}/load"), &json!({}))
            .await
            .0,
        StatusCode::OK
    );
    let (_, index) = client.post("/v2/repository/index", &json!({ "ready": true })).await;
    assert_eq!(
        index,
        json!([{ "name": MODEL, "version": "1", "state": "READY", "reason": "" }])
    );
    assert_eq!(
        client
            .post(&format!("/v2/repository/models/{MODEL}/unload"), &json!({}))
            .await
            .0,
        StatusCode::OK
    );
    let (status, answer) = client
        .post(&infer_path(), &features("FP64", [1, 2], json!([1, 2])))
        .await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{answer}");
    let records = client.bench.audit.recent(&as_role(Role::Admin), 10).await.unwrap();
    let actions: Vec<&str> = records.iter().map(|record| &*record.entry.action).collect();
    assert_eq!(actions, ["serving.unload", "serving.load"]);
}

#[tokio::test]
async fn a_body_that_is_too_large_and_a_path_that_is_no_text_are_refused_in_the_protocols_form() {
    let client = Client::with(Role::Admin).await;
    let small = Client {
        router: client.router.layer(DefaultBodyLimit::max(64)),
        ..client
    };
    let load = format!("/v2/repository/models/{MODEL}/load");
    for path in [infer_path(), load, "/v2/repository/index".to_owned()] {
        let request = Request::post(&path).body(Body::from(" ".repeat(65))).unwrap();
        assert_refused(small.send(request).await, 413, "too-large").await;
    }
    for path in ["/v2/models/%FF/infer", "/v2/repository/models/%FF/unload"] {
        let request = Request::post(path).body(Body::from("{}")).unwrap();
        assert_refused(small.send(request).await, 400, "invalid-argument").await;
    }
    let request = Request::get("/v2/models/%FF").body(Body::empty()).unwrap();
    assert_refused(small.send(request).await, 400, "invalid-argument").await;
}

async fn assert_refused(response: Response, status: u16, code: &str) {
    assert_eq!(response.headers()["cortex-error-code"], code);
    let (answered, body) = read(response).await;
    assert_eq!(answered.as_u16(), status, "{body}");
    assert!(body["error"].is_string(), "{body}");
}

#[tokio::test]
async fn statistics_tell_what_was_asked() {
    let client = Client::with(Role::DataScientist).await;
    client
        .post(&infer_path(), &features("FP64", [2, 2], json!([1, 2, 3, 4])))
        .await;
    let (_, stats) = client.get(&format!("/v2/models/{MODEL}/versions/1/stats")).await;
    let stats = &stats["model_stats"][0];
    assert_eq!(
        (&stats["inference_count"], &stats["execution_count"]),
        (&json!(2), &json!(1))
    );
    assert_eq!(stats["inference_stats"]["success"]["count"], 1);
    assert_eq!(
        client.get("/v2/models/stats").await.1["model_stats"]
            .as_array()
            .unwrap()
            .len(),
        3
    );
}

#[tokio::test]
async fn a_role_does_no_more_than_it_may() {
    let viewer = Client::with(Role::Viewer).await;
    let body = features("FP64", [1, 2], json!([1, 2]));
    assert_eq!(viewer.post(&infer_path(), &body).await.0, StatusCode::FORBIDDEN);
    let entity = format!("/v2/cortex/models/{MODEL}/predict-entity");
    assert_eq!(
        viewer.post(&entity, &json!({ "entity_key": "C1" })).await.0,
        StatusCode::FORBIDDEN
    );
    let scientist = Client::with(Role::DataScientist).await;
    let unload = format!("/v2/repository/models/{MODEL}/unload");
    assert_eq!(scientist.post(&unload, &json!({})).await.0, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn a_call_without_an_identity_is_refused_in_the_protocols_form() {
    let client = Client::without_identity().await;
    let (status, answer) = client.get("/v2/models/stats").await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    assert!(answer["error"].is_string(), "{answer}");
}

#[tokio::test]
async fn a_prediction_for_an_entity_carries_its_decision() {
    let client = Client::with(Role::DataScientist).await;
    let path = format!("/v2/cortex/models/{MODEL}/predict-entity");
    let (status, answer) = client.post(&path, &json!({ "entity_key": "C1" })).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    assert_eq!(answer["features_found"], false);
    assert_eq!(answer["feature_position"], "fixed@1.7.42");
    let id = answer["decision_id"].as_str().unwrap().parse().unwrap();
    assert_eq!(&*client.bench.decisions.find(id).unwrap().entity_key, "C1");

    let (status, problem) = client
        .post(&path, &json!({ "entity_key": "C1", "arm": "canary" }))
        .await;
    assert_eq!(
        (status, &problem["code"]),
        (StatusCode::BAD_REQUEST, &json!("invalid-argument"))
    );
}

#[tokio::test]
async fn every_route_that_is_described_is_there() {
    let client = Client::with(Role::Admin).await;
    let document = serde_json::to_value(openapi()).unwrap();
    let paths = document["paths"].as_object().unwrap();
    assert!(paths.len() > 20, "{:?}", paths.keys());
    for (path, item) in paths {
        for method in item.as_object().unwrap().keys() {
            let path = path.replace("{model}", MODEL).replace("{version}", "1");
            let request = Request::builder()
                .method(method.to_uppercase().as_str())
                .uri(&path)
                .header("content-type", "application/json");
            let response = client.send(request.body(Body::from("{}")).unwrap()).await;
            // Whatever the handler thinks of the body, it was reached: the router's own answers have no code.
            let headers = response.headers();
            let reached = response.status().is_success()
                || headers.contains_key("cortex-error-code")
                || headers
                    .get("content-type")
                    .is_some_and(|kind| kind == "application/problem+json");
            assert!(reached, "{method} {path}: {}", response.status());
        }
    }
}
