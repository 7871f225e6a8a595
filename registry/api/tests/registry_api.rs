//! The routes, over a registry in memory.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use cortex_registry::contract::sample_version;
use cortex_registry::memory::{MemoryArtifacts, MemoryRegistry};
use cortex_registry::{EvaluationSet, GatePolicies, NewVersion, Registry, RegistryError, Scorer};
use cortex_registry_api::{RegistryApi, Served, openapi, routes};
use cortex_runtime::http::ApiError;
use cortex_security::RoleAuthorizer;
use cortex_types::{ErrorCode, ManualClock, Principal, RequestContext, Role, TenantId, Timestamp};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tower::ServiceExt;

/// A "model file" of one byte: which column is the score.
#[derive(Debug)]
struct ByColumn;

#[async_trait]
impl Scorer for ByColumn {
    async fn score(&self, onnx: &[u8], rows: &[f64], columns: usize) -> Result<Vec<f64>, RegistryError> {
        Ok(rows
            .chunks_exact(columns)
            .map(|row| row[usize::from(onnx[0])])
            .collect())
    }
}

/// Cannot run version 3, and counts how often it is told of a change.
#[derive(Debug, Default)]
struct Server {
    told: AtomicUsize,
}

#[async_trait]
impl Served for Server {
    async fn check(&self, _ctx: &RequestContext, _model: &str, version: u32) -> Result<(), ApiError> {
        match version {
            3 => Err(ApiError::new(ErrorCode::CorruptModel, "version 3 does not run")),
            _ => Ok(()),
        }
    }

    fn changed(&self, _ctx: &RequestContext, _model: &str) {
        self.told.fetch_add(1, Ordering::Relaxed);
    }
}

struct Bench {
    registry: Arc<Registry>,
    server: Arc<Server>,
    router: axum::Router,
}

fn as_role(tenant: &str, role: Role) -> RequestContext {
    RequestContext::new(TenantId::new(tenant).unwrap(), Principal::new(role.as_str(), [role]))
}

fn bench() -> Bench {
    let registry = Arc::new(Registry::new(
        Arc::new(MemoryRegistry::default()),
        Arc::new(MemoryArtifacts::default()),
        Arc::new(ByColumn),
        GatePolicies::builtin().unwrap(),
        Arc::new(ManualClock::at(Timestamp::from_micros(1_300_000_000_000_000))),
    ));
    let server = Arc::<Server>::default();
    let api = RegistryApi::new(
        Arc::clone(&registry),
        Arc::clone(&server) as _,
        Arc::new(RoleAuthorizer),
    );
    Bench {
        registry,
        server,
        router: routes(Arc::new(api)),
    }
}

impl Bench {
    /// Registers a version of `churn` whose score is `column`: 0 is nearly the label, 1 is nearly its opposite.
    async fn register(&self, column: u8) {
        let ctx = as_role("acme", Role::DataScientist);
        let run = self.registry.start_run(&ctx, "churn", "nightly").await.unwrap();
        let metrics = BTreeMap::from([("roc_auc".to_owned(), 0.99)]);
        self.registry.log_metrics(&ctx, run.id, 1, &metrics).await.unwrap();
        let sample = sample_version("churn", run.id);
        let mut set = EvaluationSet {
            features: sample.lineage.features.clone(),
            ..EvaluationSet::default()
        };
        for row in 0..60 {
            let label = f64::from(row % 2);
            let good = if row % 7 == 0 { 1.0 - label } else { label };
            set.rows.extend([good, 1.0 - good]);
            set.labels.push(label);
        }
        set.reference = set.rows.clone();
        let new = NewVersion {
            name: sample.name,
            run_id: run.id,
            task: sample.task,
            signature: sample.signature,
            lineage: sample.lineage,
            onnx: vec![column],
            evaluation: Some(set),
            metrics,
        };
        self.registry.register(&ctx, new).await.unwrap();
    }

    async fn call(&self, ctx: &RequestContext, method: Method, path: &str, body: Option<Value>) -> (StatusCode, Value) {
        let mut request = Request::builder().method(method).uri(format!("/models/v1/{path}"));
        request = request
            .header("content-type", "application/json")
            .extension(ctx.clone());
        let body = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
        let response = self.router.clone().oneshot(request.body(body).unwrap()).await.unwrap();
        let status = response.status();
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        (status, serde_json::from_slice(&bytes).unwrap_or(Value::Null))
    }

    async fn get(&self, path: &str) -> Value {
        let (status, body) = self.call(&as_role("acme", Role::Viewer), Method::GET, path, None).await;
        assert_eq!(status, StatusCode::OK, "{path}: {body}");
        body
    }

    async fn admin(&self, method: Method, path: &str, body: Value) -> (StatusCode, Value) {
        self.call(&as_role("acme", Role::Admin), method, path, Some(body)).await
    }
}

#[tokio::test]
async fn a_version_goes_from_registration_through_the_gate_to_champion_and_canary() {
    let bench = bench();
    bench.register(0).await;
    let (status, report) = bench
        .admin(Method::POST, "models/churn/versions/1/gate", json!({}))
        .await;
    assert_eq!(
        (status, &report["verdict"]),
        (StatusCode::OK, &json!("passed")),
        "{report}"
    );
    let (status, alias) = bench
        .admin(Method::PUT, "models/churn/aliases/champion", json!({ "version": 1 }))
        .await;
    assert_eq!((status, &alias["version"]), (StatusCode::OK, &json!(1)));
    bench.register(0).await;
    let canary = json!({ "canary": { "version": 2, "weight": 0.1 } });
    let (status, traffic) = bench.admin(Method::PUT, "models/churn/traffic", canary.clone()).await;
    assert_eq!((status, &traffic["canary"]), (StatusCode::OK, &canary["canary"]));
    assert_eq!(bench.get("models/churn/traffic").await, traffic);

    let models = bench.get("models").await;
    assert_eq!(models["items"][0]["newest_version"], 2);
    assert_eq!(
        bench.get("models/churn").await["protected_aliases"],
        json!(["champion"])
    );
    assert_eq!(bench.get("models/churn/versions").await["items"][0]["version"], 2);
    assert_eq!(bench.get("models/churn/versions/champion").await["version"], 1);
    assert_eq!(
        bench.get("models/churn/versions/1/lineage").await["frontier"],
        "erp@1.7.42"
    );
    assert_eq!(
        bench.get("models/churn/reports?version=1").await["items"][0]["id"],
        report["id"]
    );
    let events = bench.get("events").await;
    let kinds: Vec<&str> = events["items"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|event| event["kind"].as_str())
        .collect();
    assert_eq!(
        kinds,
        [
            "registered",
            "gate-evaluated",
            "alias-moved",
            "registered",
            "traffic-changed"
        ]
    );
    assert_eq!(bench.get("events/verification").await["intact"], true);
}

#[tokio::test]
async fn a_shut_gate_answers_a_problem_that_names_the_failed_checks() {
    let bench = bench();
    bench.register(1).await;
    let (status, report) = bench
        .admin(
            Method::POST,
            "models/churn/versions/1/gate",
            json!({ "alias": "champion" }),
        )
        .await;
    assert_eq!((status, &report["verdict"]), (StatusCode::OK, &json!("failed")));
    let (status, problem) = bench
        .admin(Method::PUT, "models/churn/aliases/champion", json!({ "version": 1 }))
        .await;
    assert_eq!(
        (status, &problem["code"]),
        (StatusCode::CONFLICT, &json!("gate-failed"))
    );
    assert!(
        problem["detail"].as_str().unwrap().contains("roc_auc:baseline"),
        "{problem}"
    );
}

#[tokio::test]
async fn a_version_that_does_not_run_gets_no_traffic_and_what_serves_hears_of_every_change() {
    let bench = bench();
    for _ in 0..3 {
        bench.register(0).await;
    }
    bench
        .admin(Method::POST, "models/churn/versions/1/gate", json!({}))
        .await;
    bench
        .admin(Method::PUT, "models/churn/aliases/champion", json!({ "version": 1 }))
        .await;
    let told = || bench.server.told.load(Ordering::Relaxed);
    assert_eq!(told(), 1, "of the promotion");
    let canary = |version: u32| json!({ "canary": { "version": version, "weight": 0.1 } });
    let (status, problem) = bench.admin(Method::PUT, "models/churn/traffic", canary(3)).await;
    assert_eq!(
        (status, &problem["code"]),
        (StatusCode::CONFLICT, &json!("corrupt-model"))
    );
    assert_eq!(
        (&bench.get("models/churn/traffic").await["canary"], told()),
        (&Value::Null, 1)
    );
    let (status, _) = bench.admin(Method::PUT, "models/churn/traffic", canary(2)).await;
    assert_eq!((status, told()), (StatusCode::OK, 2));
}

#[tokio::test]
async fn a_champion_goes_back_to_the_version_before_without_being_judged_again() {
    let bench = bench();
    let promote = async |version: u32| {
        let gate = format!("models/churn/versions/{version}/gate");
        bench.admin(Method::POST, &gate, json!({})).await;
        let body = json!({ "version": version });
        let (status, _) = bench.admin(Method::PUT, "models/churn/aliases/champion", body).await;
        assert_eq!(status, StatusCode::OK);
    };
    for version in 1..=2 {
        bench.register(0).await;
        promote(version).await;
    }
    bench.register(0).await;
    let back = async |body: Value| bench.admin(Method::PUT, "models/churn/aliases/champion", body).await;
    assert_eq!(back(json!({ "version": 1 })).await.0, StatusCode::CONFLICT);
    let (status, problem) = back(json!({ "version": 3, "rollback": true })).await;
    assert_eq!(
        (status, &problem["code"]),
        (StatusCode::CONFLICT, &json!("gate-failed"))
    );
    let (status, alias) = back(json!({ "version": 1, "rollback": true })).await;
    assert_eq!((status, &alias["version"]), (StatusCode::OK, &json!(1)));
}

#[tokio::test]
async fn runs_and_their_metrics_can_be_read() {
    let bench = bench();
    bench.register(0).await;
    let experiment = bench.get("experiments").await["items"][0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let run = bench.get(&format!("experiments/{experiment}/runs")).await["items"][0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    assert_eq!(bench.get(&format!("runs/{run}")).await["status"], "running");
    let tags = format!("runs/{run}/tags");
    let scientist = as_role("acme", Role::DataScientist);
    let tagged = bench
        .call(&scientist, Method::PUT, &tags, Some(json!({ "why": "a retry" })))
        .await;
    assert_eq!(
        (tagged.0, &tagged.1["tags"]["why"]),
        (StatusCode::OK, &json!("a retry"))
    );
    assert_eq!(
        bench.get(&format!("runs/{run}/metrics?key=roc_auc")).await["items"][0]["value"],
        0.99
    );
    let (status, problem) = bench
        .call(&as_role("acme", Role::Viewer), Method::GET, "runs/7", None)
        .await;
    assert_eq!(
        (status, &problem["code"]),
        (StatusCode::BAD_REQUEST, &json!("invalid-argument"))
    );
}

#[tokio::test]
async fn a_viewer_changes_nothing_and_a_data_scientist_does_not_approve() {
    let bench = bench();
    bench.register(0).await;
    let (viewer, scientist) = (as_role("acme", Role::Viewer), as_role("acme", Role::DataScientist));
    let changes = [
        (Method::POST, "models/churn/versions/1/gate", json!({})),
        (Method::PUT, "models/churn/aliases/champion", json!({ "version": 1 })),
        (Method::PUT, "models/churn/traffic", json!({ "canary": null })),
        (
            Method::PUT,
            "models/churn/aliases/champion",
            json!({ "version": 1, "rollback": true }),
        ),
    ];
    for (method, path, body) in &changes {
        let (status, problem) = bench.call(&viewer, method.clone(), path, Some(body.clone())).await;
        assert_eq!(
            (status, &problem["code"]),
            (StatusCode::FORBIDDEN, &json!("permission-denied")),
            "{path}"
        );
    }
    let mut statuses = Vec::new();
    for (method, path, body) in changes {
        statuses.push(bench.call(&scientist, method, path, Some(body)).await.0.as_u16());
    }
    assert_eq!(statuses, [200, 403, 403, 403]);
    let free = bench
        .call(
            &scientist,
            Method::PUT,
            "models/churn/aliases/draft",
            Some(json!({ "version": 1 })),
        )
        .await;
    assert_eq!(free.0, StatusCode::OK);
}

#[tokio::test]
async fn nothing_is_shown_to_a_caller_without_a_role_or_of_another_tenant() {
    let bench = bench();
    bench.register(0).await;
    let nobody = RequestContext::new(TenantId::new("acme").unwrap(), Principal::new("nobody", []));
    let run = cortex_types::RunId::new();
    for path in [
        "models",
        "models/churn",
        "models/churn/versions",
        "models/churn/versions/1",
        "models/churn/versions/1/lineage",
        "models/churn/traffic",
        "models/churn/reports",
        "experiments",
        &format!("experiments/{run}/runs"),
        &format!("runs/{run}"),
        &format!("runs/{run}/metrics"),
        "events",
        "events/verification",
    ] {
        assert_eq!(
            bench.call(&nobody, Method::GET, path, None).await.0,
            StatusCode::FORBIDDEN,
            "{path}"
        );
    }
    let rival = as_role("rival", Role::Admin);
    assert_eq!(
        bench.call(&rival, Method::GET, "models", None).await.1,
        json!({ "items": [] })
    );
    let (status, problem) = bench.call(&rival, Method::GET, "models/churn", None).await;
    assert_eq!(
        (status, &problem["code"]),
        (StatusCode::NOT_FOUND, &json!("unknown-model"))
    );
}

#[test]
fn every_route_is_described() {
    let document = serde_json::to_value(openapi()).unwrap();
    let paths = document["paths"].as_object().unwrap();
    assert_eq!(paths.len(), 16, "{:?}", paths.keys().collect::<Vec<_>>());
    assert!(paths.keys().all(|path| path.starts_with("/models/v1/")));
}
