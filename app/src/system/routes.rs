//! `/healthz`, `/readyz`, `/metrics` and `/openapi.json`, without secrets. Where others than this machine can reach the
//! port, what `/readyz` says of each dependency and all of `/metrics` are for callers with a token.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use cortex_runtime::Readiness;
use cortex_runtime::http::{ApiError, Json};
use cortex_runtime::telemetry::MetricsPage;

use crate::edge::Callers;
use crate::failure::Failure;

/// What the routes answer from.
#[derive(Clone)]
pub struct System {
    pub readiness: Readiness,
    pub metrics: MetricsPage,
    /// The OpenAPI document, written once.
    pub openapi_json: Arc<str>,
    /// Whom metrics and details are shown to; everybody where it is absent.
    pub callers: Option<Callers>,
}

impl System {
    async fn shown_to(&self, headers: &HeaderMap) -> Result<(), Failure> {
        match &self.callers {
            Some(callers) => callers.knows(headers).await,
            None => Ok(()),
        }
    }
}

pub fn routes(system: System) -> Router {
    Router::new()
        .route("/healthz", get(alive))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .route("/openapi.json", get(openapi))
        .with_state(system)
}

async fn alive() -> &'static str {
    "alive\n"
}

async fn ready(State(system): State<System>, headers: HeaderMap) -> Response {
    let mut report = system.readiness.report().await;
    if system.shown_to(&headers).await.is_err() {
        report.dependencies.clear();
    }
    let status = if report.ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (status, Json(report)).into_response()
}

async fn metrics(State(system): State<System>, headers: HeaderMap) -> Response {
    if let Err(refused) = system.shown_to(&headers).await {
        return ApiError::of(refused.error()).into_response();
    }
    (
        [(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")],
        system.metrics.render(),
    )
        .into_response()
}

async fn openapi(State(system): State<System>) -> Response {
    (
        [(header::CONTENT_TYPE, "application/json")],
        system.openapi_json.to_string(),
    )
        .into_response()
}

#[cfg(test)]
mod tests {
    use super::*;
    use async_trait::async_trait;
    use axum::body::Body;
    use axum::http::Request;
    use cortex_runtime::lifecycle::Phase;
    use cortex_runtime::{Health, HealthCheck, Supervisor};
    use cortex_security::{Authenticator, Identity, SecurityError};
    use cortex_types::{Principal, Role, TenantId};
    use tower::ServiceExt;

    #[derive(Debug)]
    struct OneToken;

    #[async_trait]
    impl Authenticator for OneToken {
        async fn authenticate(&self, token: &str) -> Result<Identity, SecurityError> {
            match token {
                "good" => Ok(Identity {
                    tenant: TenantId::new("acme").unwrap(),
                    principal: Principal::new("prometheus", [Role::Viewer]),
                    expires_at: None,
                }),
                _ => Err(SecurityError::UnknownToken),
            }
        }
    }

    struct Disk;

    #[async_trait]
    impl HealthCheck for Disk {
        fn name(&self) -> &str {
            "disk"
        }
        async fn check(&self) -> Health {
            Health::Degraded("/srv/cortex is nearly full".to_owned())
        }
    }

    async fn get_as(callers: Option<Callers>, path: &str, token: Option<&str>) -> (u16, String) {
        let supervisor = Supervisor::default();
        assert_eq!(*supervisor.phases().borrow(), Phase::Booting);
        let system = System {
            readiness: Readiness::new(supervisor.phases(), vec![Arc::new(Disk)]),
            metrics: MetricsPage::detached(),
            openapi_json: "{}".into(),
            callers,
        };
        let mut request = Request::get(path);
        if let Some(token) = token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let request = request.body(Body::empty()).unwrap();
        let response = routes(system).oneshot(request).await.unwrap();
        let status = response.status().as_u16();
        let body = axum::body::to_bytes(response.into_body(), 1 << 16).await.unwrap();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn where_others_reach_the_port_metrics_and_details_need_a_token() {
        let reachable = || Some(Callers::Tokens(Arc::new(OneToken)));
        assert_eq!(get_as(reachable(), "/metrics", None).await.0, 401);
        assert_eq!(get_as(reachable(), "/metrics", Some("bad")).await.0, 401);
        assert_eq!(get_as(reachable(), "/metrics", Some("good")).await.0, 200);
        assert_eq!(get_as(None, "/metrics", None).await.0, 200);
        let (status, terse) = get_as(reachable(), "/readyz", None).await;
        assert!(
            status == 503 && terse.contains("ready") && !terse.contains("/srv"),
            "{terse}"
        );
        assert!(get_as(reachable(), "/readyz", Some("good")).await.1.contains("/srv"));
        assert!(get_as(None, "/readyz", None).await.1.contains("/srv"));
    }
}
