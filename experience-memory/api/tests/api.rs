//! Both doors to the memory, on a memory that forgets.

use std::sync::Arc;

use axum::body::Body;
use axum::http::{Request, StatusCode};
use cortex_experience::contract::{decision, tenant};
use cortex_experience::{Decision, InMemoryExperienceStore, Memory};
use cortex_experience_api::{ExperienceApi, grpc, openapi, routes};
use cortex_lake::MemoryLake;
use cortex_proto::experience as pb;
use cortex_proto::experience::experience_service_client::ExperienceServiceClient;
use cortex_security::RoleAuthorizer;
use cortex_types::{ManualClock, Principal, RequestContext, Role, TenantId, Timestamp};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tower::ServiceExt;

fn api() -> Arc<ExperienceApi> {
    let clock = Arc::new(ManualClock::at(Timestamp::from_micros(0)));
    let store = Arc::new(InMemoryExperienceStore::new(clock.clone()));
    let memory = Memory::new(store, Arc::new(MemoryLake::default()), clock, Arc::default());
    Arc::new(ExperienceApi::new(memory, Arc::new(RoleAuthorizer)))
}

async fn decided(api: &ExperienceApi, key: &str, day: u32) -> Decision {
    let made = decision(key, day);
    api.memory.decided(&tenant("acme"), vec![made.clone()]).await.unwrap();
    made
}

async fn call(api: &Arc<ExperienceApi>, ctx: RequestContext, request: Request<Body>) -> (StatusCode, Value) {
    let mut request = request;
    request.extensions_mut().insert(ctx);
    let response = routes(Arc::clone(api)).oneshot(request).await.unwrap();
    let status = response.status();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, serde_json::from_slice(&body).unwrap())
}

async fn post(api: &Arc<ExperienceApi>, ctx: RequestContext, path: &str, body: &Value) -> (StatusCode, Value) {
    let request = Request::post(path).header("content-type", "application/json");
    call(api, ctx, request.body(Body::from(body.to_string())).unwrap()).await
}

async fn get(api: &Arc<ExperienceApi>, ctx: RequestContext, path: &str) -> (StatusCode, Value) {
    call(api, ctx, Request::get(path).body(Body::empty()).unwrap()).await
}

fn as_role(role: Role) -> RequestContext {
    RequestContext::new(TenantId::new("acme").unwrap(), Principal::new("ann", [role]))
}

#[tokio::test]
async fn feedback_and_outcomes_come_back_with_their_decision() {
    let api = api();
    let made = decided(&api, "12346", 10).await;
    let feedback = json!({ "event_id": "f1", "decision_id": made.id, "action": "call", "rating": 2 });
    let (status, answer) = post(&api, as_role(Role::DataScientist), "/experience/v1/feedback", &feedback).await;
    assert_eq!(
        (status, &answer),
        (
            StatusCode::OK,
            &json!({ "decision_id": made.id, "waiting": false, "repeated": false })
        )
    );
    let outcome = json!({
        "event_id": "o1", "model": "repurchase-30d", "entity_key": "12346", "kind": "margin", "value": 12.5,
        "observed_at": "1970-01-15T00:00:00Z",
    });
    let (_, answer) = post(&api, tenant("acme"), "/experience/v1/outcomes", &outcome).await;
    assert_eq!(answer["decision_id"], json!(made.id));
    let (status, body) = get(
        &api,
        as_role(Role::Viewer),
        &format!("/experience/v1/decisions/{}", made.id),
    )
    .await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(body["decision"]["context"]["customer:orders_30d"], json!(3));
    assert_eq!(body["feedback"][0]["given_by"], json!("ann"));
    assert_eq!(body["outcomes"][0]["value"], json!(12.5));
    assert_eq!(body["outcomes"][0]["source"], json!("api"));
}

#[tokio::test]
async fn the_same_outcome_again_is_a_repetition_and_another_a_conflict() {
    let api = api();
    let made = decided(&api, "12346", 10).await;
    let mut outcome = json!({ "event_id": "o1", "decision_id": made.id, "kind": "margin", "value": 1.0 });
    post(&api, tenant("acme"), "/experience/v1/outcomes", &outcome).await;
    let (status, answer) = post(&api, tenant("acme"), "/experience/v1/outcomes", &outcome).await;
    assert_eq!((status, &answer["repeated"]), (StatusCode::OK, &json!(true)));
    outcome["value"] = json!(2.0);
    let (status, problem) = post(&api, tenant("acme"), "/experience/v1/outcomes", &outcome).await;
    assert_eq!(
        (status, &problem["code"]),
        (StatusCode::CONFLICT, &json!("idempotency-conflict"))
    );
}

#[tokio::test]
async fn a_batch_goes_in_whole_or_not_at_all() {
    let api = api();
    let made = decided(&api, "12346", 10).await;
    let outcome = |i: usize, value: f64| json!({ "event_id": format!("o{i}"), "decision_id": made.id, "kind": "k", "value": value });
    let batch = |outcomes: Vec<Value>| json!({ "outcomes": outcomes });
    let path = "/experience/v1/outcomes/batch";
    let (status, answer) = post(
        &api,
        tenant("acme"),
        path,
        &batch(vec![outcome(1, 1.0), outcome(2, 2.0)]),
    )
    .await;
    assert_eq!(
        (status, answer["recorded"].as_array().unwrap().len()),
        (StatusCode::OK, 2)
    );
    let (status, _) = post(
        &api,
        tenant("acme"),
        path,
        &batch(vec![outcome(3, 3.0), outcome(1, 9.0)]),
    )
    .await;
    assert_eq!(status, StatusCode::CONFLICT);
    let many = (0..1001).map(|i| outcome(i, 1.0)).collect();
    let (status, problem) = post(&api, tenant("acme"), path, &batch(many)).await;
    assert_eq!(
        (status, &problem["code"]),
        (StatusCode::PAYLOAD_TOO_LARGE, &json!("too-large"))
    );
    let (_, summary) = get(&api, tenant("acme"), "/experience/v1/summary?model=repurchase-30d").await;
    assert_eq!((&summary["decisions"], &summary["outcomes"]), (&json!(1), &json!(2)));
}

#[tokio::test]
async fn a_listing_is_read_page_by_page() {
    let api = api();
    for day in 10..13 {
        decided(&api, "12346", day).await;
    }
    decided(&api, "99999", 11).await;
    let path = "/experience/v1/decisions?model=repurchase-30d&entity_key=12346&limit=2";
    let (_, first) = get(&api, tenant("acme"), path).await;
    let cursor = first["next_cursor"].as_str().unwrap();
    let (_, second) = get(&api, tenant("acme"), &format!("{path}&cursor={cursor}")).await;
    assert_eq!(first["decisions"].as_array().unwrap().len(), 2);
    assert_eq!(second["decisions"].as_array().unwrap().len(), 1);
    assert!(second.get("next_cursor").is_none());
    let (status, problem) = get(&api, tenant("acme"), "/experience/v1/decisions?cursor=yesterday").await;
    assert_eq!(
        (status, &problem["code"]),
        (StatusCode::BAD_REQUEST, &json!("invalid-argument"))
    );
}

#[tokio::test]
async fn what_is_unclear_or_forbidden_or_another_tenants_is_refused_by_its_code() {
    let api = api();
    let made = decided(&api, "12346", 10).await;
    let path = format!("/experience/v1/decisions/{}", made.id);
    let refusals = [
        post(
            &api,
            tenant("acme"),
            "/experience/v1/feedback",
            &json!({ "event_id": "f1", "rating": 3 }),
        )
        .await,
        post(
            &api,
            tenant("acme"),
            "/experience/v1/feedback",
            &json!({ "event_id": "f1", "decision_id": made.id, "rating": 9 }),
        )
        .await,
        post(
            &api,
            as_role(Role::Viewer),
            "/experience/v1/feedback",
            &json!({ "event_id": "f1", "decision_id": made.id, "rating": 3 }),
        )
        .await,
        get(&api, tenant("other"), &path).await,
        get(&api, tenant("acme"), "/experience/v1/decisions/17").await,
    ];
    let codes: Vec<&str> = refusals
        .iter()
        .map(|(_, problem)| problem["code"].as_str().unwrap())
        .collect();
    assert_eq!(
        codes,
        [
            "invalid-argument",
            "invalid-argument",
            "permission-denied",
            "not-found",
            "invalid-argument"
        ]
    );
}

#[tokio::test]
async fn every_route_asks_who_may_use_it() {
    let api = api();
    let nobody = || RequestContext::new(TenantId::new("acme").unwrap(), Principal::new("nobody", []));
    let feedback = json!({ "event_id": "e", "decision_id": cortex_types::DecisionId::new(), "rating": 3 });
    let outcome = json!({ "event_id": "e", "decision_id": cortex_types::DecisionId::new(), "kind": "k", "value": 1.0 });
    let answers = [
        post(&api, nobody(), "/experience/v1/feedback", &feedback).await,
        post(&api, nobody(), "/experience/v1/outcomes", &outcome).await,
        post(
            &api,
            nobody(),
            "/experience/v1/outcomes/batch",
            &json!({ "outcomes": [outcome] }),
        )
        .await,
        get(&api, nobody(), "/experience/v1/decisions").await,
        get(
            &api,
            nobody(),
            "/experience/v1/decisions/0190f2f0-7c3e-7d52-9f43-5a2b1c0d9e8f",
        )
        .await,
        get(&api, nobody(), "/experience/v1/summary").await,
    ];
    assert!(
        answers.iter().all(|(status, _)| *status == StatusCode::FORBIDDEN),
        "{answers:?}"
    );
    let documented: usize = openapi()
        .paths
        .paths
        .values()
        .map(|item| usize::from(item.get.is_some()) + usize::from(item.post.is_some()))
        .sum();
    assert_eq!(
        documented,
        answers.len(),
        "a documented route has no authorization test"
    );
}

/// A client wired straight into the server, with the context that an authentication layer would have put there.
fn client(
    api: &Arc<ExperienceApi>,
    ctx: RequestContext,
) -> ExperienceServiceClient<
    impl tonic::client::GrpcService<
        tonic::body::Body,
        ResponseBody = tonic::body::Body,
        Error = std::convert::Infallible,
        Future: Send,
    >,
> {
    let server = grpc(Arc::clone(api));
    ExperienceServiceClient::new(
        tower::ServiceBuilder::new()
            .map_request(move |mut request: axum::http::Request<tonic::body::Body>| {
                request.extensions_mut().insert(ctx.clone());
                request
            })
            .service(server),
    )
}

#[tokio::test]
async fn grpc_records_reads_and_refuses_like_http() {
    let api = api();
    let made = decided(&api, "12346", 10).await;
    let of = |of| Some(pb::DecisionReference { of: Some(of) });
    let mut acme = client(&api, tenant("acme"));
    let by_entity = pb::decision_reference::Of::Entity(pb::EntityReference {
        model: "repurchase-30d".into(),
        entity_key: "12346".into(),
        at_micros: made.decided_at.micros() + 1,
    });
    let feedback = pb::RecordFeedbackRequest {
        event_id: "f1".into(),
        of: of(by_entity),
        rating: Some(4),
        ..Default::default()
    };
    let recorded = acme.record_feedback(feedback).await.unwrap().into_inner();
    assert_eq!((recorded.decision_id, recorded.repeated), (made.id.to_string(), false));
    let by_id = pb::decision_reference::Of::DecisionId(made.id.to_string());
    let mut outcome = pb::RecordOutcomeRequest {
        event_id: "o1".into(),
        of: of(by_id),
        kind: "margin".into(),
        value: 2.0,
        observed_at_micros: Some(7),
    };
    acme.record_outcome(outcome.clone()).await.unwrap();
    outcome.value = 3.0;
    let conflict = acme.record_outcome(outcome).await.unwrap_err();
    assert_eq!(
        conflict.metadata().get("cortex-error-code").unwrap(),
        "idempotency-conflict"
    );
    let question = pb::GetDecisionRequest {
        decision_id: made.id.to_string(),
    };
    let remembered = acme.get_decision(question.clone()).await.unwrap().into_inner();
    assert_eq!(
        (
            remembered.score,
            remembered.feedback.len(),
            remembered.outcomes[0].value
        ),
        (made.score, 1, 2.0)
    );
    let elsewhere = client(&api, tenant("other"))
        .get_decision(question.clone())
        .await
        .unwrap_err();
    assert_eq!(elsewhere.code(), tonic::Code::NotFound);
    let nobody = RequestContext::new(TenantId::new("acme").unwrap(), Principal::new("nobody", []));
    assert_eq!(
        client(&api, nobody).get_decision(question).await.unwrap_err().code(),
        tonic::Code::PermissionDenied
    );
}

#[tokio::test]
async fn what_no_caller_can_mean_is_refused_by_its_field_over_both_doors() {
    let api = api();
    let made = decided(&api, "12346", 10).await;
    let outcome = |field: &str, value: Value| {
        let mut body = json!({ "event_id": "o1", "decision_id": made.id, "kind": "margin", "value": 1.0 });
        body[field] = value;
        body
    };
    let path = "/experience/v1/outcomes";
    for (body, named) in [
        (outcome("value", json!(1e308)), "value:"),
        (outcome("observed_at", json!("9999-12-31")), "observed_at:"),
        (
            json!(["o1", made.id, null, null, null, "margin", 1.0, null]),
            "a JSON object",
        ),
    ] {
        let (status, problem) = post(&api, tenant("acme"), path, &body).await;
        let detail = problem["detail"].as_str().unwrap();
        assert_eq!(
            (status, &problem["code"]),
            (StatusCode::BAD_REQUEST, &json!("invalid-argument"))
        );
        assert!(detail.contains(named) && !detail.contains("struct"), "{detail}");
    }
    let line = json!({ "outcomes": [["o1", made.id, null, null, null, "margin", 1.0, null]] });
    let (_, problem) = post(&api, tenant("acme"), "/experience/v1/outcomes/batch", &line).await;
    assert!(problem["detail"].as_str().unwrap().contains("outcomes[0]"), "{problem}");
    for limit in ["0", "1001", "-1"] {
        let (status, problem) = get(&api, tenant("acme"), &format!("/experience/v1/decisions?limit={limit}")).await;
        assert_eq!(status, StatusCode::BAD_REQUEST);
        assert!(
            problem["detail"].as_str().unwrap().contains("from 1 to 1000"),
            "{problem}"
        );
    }

    let id = pb::decision_reference::Of::DecisionId(made.id.to_string());
    let of = Some(pb::DecisionReference { of: Some(id) });
    let mut acme = client(&api, tenant("acme"));
    let late = pb::RecordOutcomeRequest {
        event_id: "o1".into(),
        of: of.clone(),
        kind: "margin".into(),
        value: 1.0,
        observed_at_micros: Some(i64::MAX),
    };
    let large = pb::RecordOutcomeRequest {
        value: -1e308,
        observed_at_micros: None,
        ..late.clone()
    };
    let early = pb::RecordFeedbackRequest {
        event_id: "f1".into(),
        of,
        rating: Some(3),
        given_at_micros: Some(i64::MIN),
        ..Default::default()
    };
    for (refused, named) in [
        (acme.record_outcome(late).await, "observed_at:"),
        (acme.record_outcome(large).await, "value:"),
        (acme.record_feedback(early).await, "given_at:"),
    ] {
        let status = refused.unwrap_err();
        assert_eq!(status.code(), tonic::Code::InvalidArgument);
        assert!(status.message().starts_with(named), "{status}");
    }
    let (_, summary) = get(&api, tenant("acme"), "/experience/v1/summary").await;
    assert_eq!(summary["outcomes"], json!(0), "nothing was recorded");
}
