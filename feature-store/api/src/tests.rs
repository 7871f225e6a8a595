//! The wire forms, over a store that answers what it is told to.

use std::sync::Arc;

use async_trait::async_trait;
use axum::body::Body;
use axum::extract::DefaultBodyLimit;
use axum::http::{Request, StatusCode};
use cortex_features::{
    Definitions, EntityKey, FeatureError, FeatureRef, FeatureStatus, FeatureValue, OnlineRow, OnlineStore,
    OnlineVectors,
};
use cortex_lake::ChangeBatch;
use cortex_proto::features as pb;
use cortex_proto::features::feature_service_server::FeatureService;
use cortex_security::RoleAuthorizer;
use cortex_types::{ErrorCode, Frontier, ManualClock, Position, Principal, RequestContext, Role, TenantId, Timestamp};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::{FeatureGrpc, FeaturesApi, routes};

const DEFINITIONS: &str = "
entities:
  - { name: customer, join_keys: [customer_code] }
  - { name: listing, join_keys: [shop, product] }
views:
  - name: sales
    entity: customer
    source: { table: lines, event_time: at }
    features:
      - { name: spend_7d, aggregate: sum, value: net, window: 7d }
      - { name: net_avg_7d, aggregate: avg, value: net, window: 7d }
      - { name: channel, aggregate: last, value: channel, window: 7d }
  - name: returns
    entity: customer
    source: { table: credits, event_time: at }
    features: [{ name: spend_7d, aggregate: sum, value: net, window: 7d }]
  - name: offers
    entity: listing
    source: { table: offers, event_time: at }
    features: [{ name: offers_7d, aggregate: count, window: 7d }]
services:
  - { name: churn, entity: customer, features: ['sales:spend_7d', 'sales:net_avg_7d', 'sales:channel'] }
";

/// Knows customer 12345, and nobody else.
#[derive(Debug)]
struct OneCustomer;

#[async_trait]
impl OnlineStore for OneCustomer {
    async fn read(
        &self,
        _tenant: &TenantId,
        features: &[FeatureRef],
        keys: &[EntityKey],
        at: Timestamp,
    ) -> Result<OnlineVectors, FeatureError> {
        let value = |feature: &FeatureRef| match &*feature.feature {
            "spend_7d" => FeatureValue::Int(1_250),
            "net_avg_7d" => FeatureValue::Float(312.5),
            _ => FeatureValue::Text("w\"eb".into()),
        };
        let row = |key: &EntityKey| match key.as_str() == "12345" {
            true => OnlineRow {
                values: features.iter().map(value).collect(),
                statuses: vec![FeatureStatus::Present; features.len()],
                event_times: vec![Some(at); features.len()],
            },
            false => OnlineRow {
                values: vec![FeatureValue::Null; features.len()],
                statuses: vec![FeatureStatus::NotFound; features.len()],
                event_times: vec![None; features.len()],
            },
        };
        Ok(OnlineVectors {
            rows: keys.iter().map(row).collect(),
            frontier: self.frontier().await?,
        })
    }

    async fn fold(&self, _batches: &[ChangeBatch], _upto: &Frontier) -> Result<(), FeatureError> {
        Ok(())
    }

    async fn settle(&self) -> Result<(), FeatureError> {
        Ok(())
    }

    async fn frontier(&self) -> Result<Frontier, FeatureError> {
        Ok(Frontier::of(Position::new("erp", 1, 7, 42)))
    }
}

fn api() -> Arc<FeaturesApi> {
    Arc::new(FeaturesApi {
        store: Arc::new(OneCustomer),
        definitions: Arc::new(Definitions::parse([("test.yaml", DEFINITIONS)]).unwrap()),
        authorizer: Arc::new(RoleAuthorizer),
        clock: Arc::new(ManualClock::at("2011-03-01T12:00:00Z".parse().unwrap())),
    })
}

fn context(roles: &[Role]) -> RequestContext {
    RequestContext::new(
        TenantId::new("acme").unwrap(),
        Principal::new("someone", roles.iter().copied()),
    )
}

async fn call(roles: &[Role], method: &str, path: &str, body: &Value) -> (StatusCode, Vec<u8>) {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("content-type", "application/json");
    let mut request = request.body(Body::from(body.to_string())).unwrap();
    request.extensions_mut().insert(context(roles));
    let response = routes(api()).oneshot(request).await.unwrap();
    let status = response.status();
    (
        status,
        response.into_body().collect().await.unwrap().to_bytes().to_vec(),
    )
}

async fn post(path: &str, body: Value) -> (StatusCode, Value) {
    let (status, body) = call(&[Role::Viewer], "POST", path, &body).await;
    (status, serde_json::from_slice(&body).unwrap())
}

#[tokio::test]
async fn the_response_is_columnar_with_join_keys_first_and_keys_go_back_as_they_came() {
    let body = json!({ "feature_service": "churn", "entities": { "customer_code": [12345, "12345", 7] } });
    let (status, bytes) = call(&[Role::Viewer], "POST", "/get-online-features", &body).await;
    assert_eq!(status, StatusCode::OK);
    let golden = concat!(
        r#"{"metadata":{"feature_names":["customer_code","spend_7d","net_avg_7d","channel"]},"results":["#,
        r#"{"values":[12345,"12345",7],"statuses":["PRESENT","PRESENT","PRESENT"],"#,
        r#""event_timestamps":["1970-01-01T00:00:00Z","1970-01-01T00:00:00Z","1970-01-01T00:00:00Z"]},"#,
        r#"{"values":[1250,1250,null],"statuses":["PRESENT","PRESENT","NOT_FOUND"],"#,
        r#""event_timestamps":["2011-03-01T12:00:00Z","2011-03-01T12:00:00Z","1970-01-01T00:00:00Z"]},"#,
        r#"{"values":[312.5,312.5,null],"statuses":["PRESENT","PRESENT","NOT_FOUND"],"#,
        r#""event_timestamps":["2011-03-01T12:00:00Z","2011-03-01T12:00:00Z","1970-01-01T00:00:00Z"]},"#,
        r#"{"values":["w\"eb","w\"eb",null],"statuses":["PRESENT","PRESENT","NOT_FOUND"],"#,
        r#""event_timestamps":["2011-03-01T12:00:00Z","2011-03-01T12:00:00Z","1970-01-01T00:00:00Z"]}]}"#,
    );
    assert_eq!(String::from_utf8(bytes).unwrap(), golden);
}

#[tokio::test]
async fn full_names_tell_two_views_apart_and_short_ones_may_not() {
    let features = json!(["sales:spend_7d", "returns:spend_7d"]);
    let ask =
        |full: bool| json!({ "features": features, "entities": { "customer_code": [1] }, "full_feature_names": full });
    let (_, response) = post("/get-online-features", ask(true)).await;
    let names = json!(["customer_code", "sales__spend_7d", "returns__spend_7d"]);
    assert_eq!(response["metadata"]["feature_names"], names);
    let (status, error) = post("/get-online-features", ask(false)).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert!(error.as_str().unwrap().contains("full_feature_names"));
}

#[tokio::test]
async fn an_error_is_a_json_string_that_names_a_class_of_feast() {
    let customer = json!({ "customer_code": [1] });
    let cases = [
        (
            json!({ "features": ["nope:x"], "entities": customer }),
            404,
            "FeatureViewNotFoundException",
        ),
        (
            json!({ "feature_service": "nope", "entities": customer }),
            404,
            "FeatureServiceNotFoundException",
        ),
        (
            json!({ "feature_service": "churn", "entities": { "customer": [1] } }),
            400,
            "FeastError",
        ),
        (
            json!({ "feature_service": "churn", "entities": { "customer_code": [null] } }),
            400,
            "FeastError",
        ),
        (
            json!({ "features": ["sales:spend_7d", "offers:offers_7d"], "entities": customer }),
            400,
            "FeastError",
        ),
        (json!({ "entities": customer }), 400, "FeastError"),
        (json!({ "feature_service": "churn" }), 400, "FeastError"),
    ];
    for (request, expected, class) in cases {
        let (status, body) = post("/get-online-features", request.clone()).await;
        assert_eq!(status.as_u16(), expected, "{request}");
        let detail: Value = serde_json::from_str(body.as_str().unwrap()).unwrap();
        assert_eq!(
            (&detail["module"], &detail["class"]),
            (&json!("feast.errors"), &json!(class)),
            "{request}"
        );
        assert!(!detail["message"].as_str().unwrap().is_empty());
    }
}

/// Status, and what Feast's client makes of the body.
async fn feast_error(body: String, limit: usize) -> (StatusCode, Value) {
    let mut request = Request::post("/get-online-features")
        .header("content-type", "application/json")
        .body(Body::from(body))
        .unwrap();
    request.extensions_mut().insert(context(&[Role::Viewer]));
    let limited = routes(api()).layer(DefaultBodyLimit::max(limit));
    let response = limited.oneshot(request).await.unwrap();
    let (status, code) = (response.status(), response.extensions().get::<ErrorCode>().copied());
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    let detail: String = serde_json::from_slice(&bytes).unwrap();
    assert_eq!(code.map(ErrorCode::http_status), Some(status.as_u16()));
    (status, serde_json::from_str(&detail).unwrap())
}

#[tokio::test]
async fn a_body_that_is_too_large_or_broken_off_is_refused_in_feasts_form() {
    let (status, detail) = feast_error("x".repeat(300), 200).await;
    assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(detail["module"], "feast.errors");
    assert!(
        detail["message"].as_str().unwrap().contains("body_bytes_max"),
        "{detail}"
    );
    let (status, detail) = feast_error("{\"features\": [".to_owned(), 200).await;
    assert_eq!(
        (status, &detail["class"]),
        (StatusCode::BAD_REQUEST, &json!("FeastError"))
    );
}

#[tokio::test]
async fn more_entities_than_one_read_may_have_are_too_large() {
    let keys: Vec<u64> = (0..1_001).collect();
    let body = json!({ "feature_service": "churn", "entities": { "customer_code": keys } });
    let (status, detail) = feast_error(body.to_string(), 1 << 20).await;
    assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE, "{detail}");
    let (status, problem) = post("/features/v1/online", json!({ "service": "churn", "keys": keys })).await;
    assert_eq!(
        (status, &problem["code"]),
        (StatusCode::PAYLOAD_TOO_LARGE, &json!("too-large"))
    );
}

#[tokio::test]
async fn a_composite_key_takes_its_parts_from_one_list_each() {
    let entities = json!({ "product": ["P1", "P2"], "shop": [1, 2] });
    let (status, response) = post(
        "/get-online-features",
        json!({ "features": ["offers:offers_7d"], "entities": entities }),
    )
    .await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(
        response["metadata"]["feature_names"],
        json!(["shop", "product", "offers_7d"])
    );
    assert_eq!(response["results"][1]["values"], json!(["P1", "P2"]));
    let uneven = json!({ "product": ["P1", "P2"], "shop": [1] });
    let (status, _) = post(
        "/get-online-features",
        json!({ "features": ["offers:offers_7d"], "entities": uneven }),
    )
    .await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn the_native_read_answers_by_row_and_says_where_it_was_computed() {
    let (status, response) = post(
        "/features/v1/online",
        json!({ "features": ["sales:spend_7d"], "keys": [12345, ["7"]] }),
    )
    .await;
    assert_eq!(status, StatusCode::OK);
    let expected = json!({
        "features": ["sales:spend_7d"],
        "rows": [
            { "key": 12345, "values": [1250], "statuses": ["PRESENT"], "event_times": ["2011-03-01T12:00:00Z"] },
            { "key": ["7"], "values": [null], "statuses": ["NOT_FOUND"], "event_times": [null] },
        ],
        "frontier": "erp@1.7.42",
    });
    assert_eq!(response, expected);
}

#[tokio::test]
async fn a_key_with_too_few_parts_is_refused_with_the_parts_it_needs() {
    let (status, problem) = post(
        "/features/v1/online",
        json!({ "features": ["offers:offers_7d"], "keys": ["P1"] }),
    )
    .await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert!(
        problem["detail"].as_str().unwrap().contains("shop, product"),
        "{problem}"
    );
}

#[tokio::test]
async fn definitions_can_be_looked_up() {
    for (path, name) in [("entities", "customer"), ("views", "offers"), ("services", "churn")] {
        let (status, body) = call(&[Role::Viewer], "GET", &format!("/features/v1/{path}"), &Value::Null).await;
        let listed: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!((status, &listed[path][0]["name"]), (StatusCode::OK, &json!(name)));
    }
}

#[tokio::test]
async fn nobody_reads_without_a_role() {
    let ask = json!({ "feature_service": "churn", "entities": { "customer_code": [1] } });
    let native = json!({ "service": "churn", "keys": [1] });
    let calls = [
        ("POST", "/get-online-features", &ask),
        ("GET", "/health", &Value::Null),
        ("POST", "/features/v1/online", &native),
        ("GET", "/features/v1/entities", &Value::Null),
        ("GET", "/features/v1/views", &Value::Null),
        ("GET", "/features/v1/services", &Value::Null),
    ];
    for (method, path, body) in calls {
        assert_eq!(call(&[], method, path, body).await.0, StatusCode::FORBIDDEN, "{path}");
        assert_eq!(
            call(&[Role::Viewer], method, path, body).await.0,
            StatusCode::OK,
            "{path}"
        );
    }
}

#[tokio::test]
async fn grpc_answers_the_same_and_asks_who_is_calling() {
    let service = FeatureGrpc::new(api());
    let message = pb::GetOnlineFeaturesRequest {
        feature_service: "churn".into(),
        features: vec![],
        entities: vec![pb::EntityKey {
            values: vec!["12345".into()],
        }],
    };
    let anonymous = service
        .get_online_features(tonic::Request::new(message.clone()))
        .await
        .unwrap_err();
    assert_eq!(anonymous.code(), tonic::Code::Unauthenticated);
    let mut request = tonic::Request::new(message);
    request.extensions_mut().insert(context(&[Role::Viewer]));
    let response = service.get_online_features(request).await.unwrap().into_inner();
    assert_eq!(
        response.features,
        ["sales:spend_7d", "sales:net_avg_7d", "sales:channel"]
    );
    assert_eq!(
        response.rows[0].cells[0].value,
        Some(pb::feature_cell::Value::IntValue(1_250))
    );
    assert_eq!(response.rows[0].cells[0].status(), pb::FeatureStatus::Present);
    assert_eq!(response.frontier, "erp@1.7.42");
}

#[test]
fn every_route_is_documented() {
    let document = serde_json::to_value(crate::openapi()).unwrap();
    let paths: Vec<&String> = document["paths"].as_object().unwrap().keys().collect();
    let mut expected = ["/get-online-features", "/health"].map(str::to_owned).to_vec();
    expected.extend(["entities", "views", "services", "online"].map(|path| format!("/features/v1/{path}")));
    assert!(
        expected.iter().all(|path| paths.contains(&path)) && paths.len() == expected.len(),
        "{paths:?}"
    );
}
