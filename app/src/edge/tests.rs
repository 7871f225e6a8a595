use async_trait::async_trait;
use axum::body::Body;
use axum::routing::get;
use cortex_runtime::http::Ctx;
use cortex_security::{Identity, SecurityError};
use cortex_types::{ErrorCode, Principal, Problem, Role, Timestamp};
use tower::ServiceExt;

use super::*;

#[derive(Debug)]
struct OneToken;

#[async_trait]
impl Authenticator for OneToken {
    async fn authenticate(&self, token: &str) -> Result<Identity, SecurityError> {
        match token {
            "good" => Ok(Identity {
                tenant: TenantId::new("acme").unwrap(),
                principal: Principal::new("ada", [Role::Viewer]),
                expires_at: None,
            }),
            "slow" => std::future::pending().await,
            "old" => Err(SecurityError::TokenExpired(Timestamp::from_micros(0))),
            _ => Err(SecurityError::UnknownToken),
        }
    }
}

fn app(edge: Edge) -> Router {
    let apis = Router::new()
        .route(
            "/who",
            get(|Ctx(ctx): Ctx| async move { format!("{} {}", ctx.tenant, ctx.principal.id) }),
        )
        .route("/post", axum::routing::post(|| async { "posted" }))
        .route("/slow", get(|| async { std::future::pending::<()>().await }))
        .route("/broken", get(broken));
    let apis = apis.route("/v2/models/m/infer", axum::routing::post(|| async { "unpacked" }));
    edge.guard(apis, Router::new().route("/open", get(|| async { "open" })))
}

async fn broken() -> &'static str {
    panic!("boom")
}

const LIMITS: Limits = Limits {
    timeout: Duration::from_millis(20),
    body_bytes_max: 1024,
    requests_in_flight_max: 2,
};

fn with_tokens() -> Router {
    app(Edge::tokens(Arc::new(OneToken), LIMITS))
}

fn local() -> Router {
    app(Edge::local(TenantId::new("main").unwrap(), LIMITS))
}

async fn call(app: Router, path: &str, headers: &[(&str, &str)]) -> (u16, axum::http::HeaderMap, String) {
    send(app, "GET", path, headers).await
}

async fn send(app: Router, method: &str, path: &str, headers: &[(&str, &str)]) -> (u16, axum::http::HeaderMap, String) {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = app.oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    let (parts, body) = response.into_parts();
    let body = axum::body::to_bytes(body, 1 << 16).await.unwrap();
    (
        parts.status.as_u16(),
        parts.headers,
        String::from_utf8(body.to_vec()).unwrap(),
    )
}

async fn refused(app: Router, path: &str, headers: &[(&str, &str)]) -> ErrorCode {
    let (status, _, body) = call(app, path, headers).await;
    let problem: Problem = serde_json::from_str(&body).unwrap();
    assert_eq!(status, problem.status);
    assert!(problem.trace_id.is_some());
    problem.code
}

#[tokio::test]
async fn a_token_decides_who_calls_and_for_which_tenant() {
    let bearer = ("authorization", "bearer good");
    assert_eq!(call(with_tokens(), "/who", &[bearer]).await.2, "acme ada");
    assert_eq!(
        call(with_tokens(), "/who", &[bearer, ("x-cortex-tenant", "acme")])
            .await
            .0,
        200
    );
    assert_eq!(
        refused(with_tokens(), "/who", &[bearer, ("x-cortex-tenant", "main")]).await,
        ErrorCode::WrongTenant
    );
    assert_eq!(refused(with_tokens(), "/who", &[]).await, ErrorCode::Unauthenticated);
    assert_eq!(
        refused(with_tokens(), "/who", &[("authorization", "Bearer old")]).await,
        ErrorCode::TokenExpired
    );
    assert_eq!(
        refused(with_tokens(), "/nowhere", &[]).await,
        ErrorCode::Unauthenticated
    );
    assert_eq!(refused(with_tokens(), "/nowhere", &[bearer]).await, ErrorCode::NotFound);
}

#[tokio::test]
async fn without_authentication_whoever_is_here_is_the_local_admin_of_one_tenant() {
    assert_eq!(
        call(local(), "/who", &[("host", "localhost:8000")]).await.2,
        "main local"
    );
    assert_eq!(
        refused(local(), "/who", &[("x-cortex-tenant", "acme")]).await,
        ErrorCode::WrongTenant
    );
}

#[tokio::test]
async fn a_foreign_name_that_points_here_is_refused() {
    for host in ["evil.example", "localhost.evil.example", "10.0.0.1:8000"] {
        assert_eq!(
            refused(local(), "/who", &[("host", host)]).await,
            ErrorCode::PermissionDenied
        );
    }
    for host in ["127.0.0.1:8000", "[::1]:8000", "cortex.localhost"] {
        assert_eq!(call(local(), "/who", &[("host", host)]).await.0, 200, "{host}");
    }
}

#[tokio::test]
async fn what_hangs_or_panics_is_answered_all_the_same() {
    assert_eq!(refused(local(), "/slow", &[]).await, ErrorCode::DeadlineExceeded);
    assert_eq!(refused(local(), "/broken", &[]).await, ErrorCode::Internal);
}

#[tokio::test]
async fn a_trace_that_comes_in_goes_on_and_out() {
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let traceparent = format!("00-{trace}-00f067aa0ba902b7-01");
    let headers = [("traceparent", traceparent.as_str()), ("x-request-id", "r-1")];
    let (status, headers, _) = call(with_tokens(), "/open", &headers).await;
    assert_eq!((status, headers["x-request-id"].to_str().unwrap()), (200, "r-1"));
    assert!(
        headers["traceparent"]
            .to_str()
            .unwrap()
            .starts_with(&format!("00-{trace}-"))
    );
    let (_, headers, _) = call(with_tokens(), "/open", &[("traceparent", "nonsense")]).await;
    assert!(headers["traceparent"].to_str().unwrap().len() == 55);
}

#[tokio::test]
async fn grpc_is_refused_in_its_own_words() {
    let (status, headers, _) = call(with_tokens(), "/who", &[("content-type", "application/grpc")]).await;
    assert_eq!(status, 200);
    assert_eq!(headers["grpc-status"], "16");
    assert_eq!(headers["cortex-error-code"], "unauthenticated");
    let grpc = ("content-type", "application/grpc");
    let (_, headers, _) = call(local(), "/grpc.reflection.v1alpha.ServerReflection/Info", &[grpc]).await;
    assert_eq!(
        headers["grpc-status"], "12",
        "clients fall back to another service on this one alone"
    );
    assert_eq!(headers["cortex-error-code"], "unimplemented");
    let message = headers["grpc-message"].to_str().unwrap();
    assert!(!message.contains("openapi"), "{message}");
}

#[tokio::test]
async fn looking_a_token_up_is_within_the_time_limit() {
    let slow = ("authorization", "Bearer slow");
    assert_eq!(
        refused(with_tokens(), "/who", &[slow]).await,
        ErrorCode::DeadlineExceeded
    );
}

#[tokio::test]
async fn one_request_too_many_at_one_time_is_refused_at_once() {
    let limits = Limits {
        timeout: Duration::from_secs(60),
        ..LIMITS
    };
    let app = app(Edge::local(TenantId::new("main").unwrap(), limits));
    let slow: Vec<_> = (0..LIMITS.requests_in_flight_max)
        .map(|_| {
            let app = app.clone();
            tokio::spawn(async move { call(app, "/slow", &[]).await })
        })
        .collect();
    // On one thread: both are in their handler before this one comes.
    tokio::task::yield_now().await;
    let (status, headers, body) = call(app.clone(), "/who", &[]).await;
    let problem: Problem = serde_json::from_str(&body).unwrap();
    assert_eq!((status, problem.code), (503, ErrorCode::Overloaded));
    assert_eq!(headers["retry-after"], "1");
    assert_eq!(call(app.clone(), "/open", &[]).await.0, 200, "probes are not counted");
    for task in slow {
        task.abort();
        let _aborted = task.await;
    }
    assert_eq!(call(app, "/who", &[]).await.0, 200);
}

#[tokio::test]
async fn a_path_that_takes_another_method_says_so_with_a_code() {
    let (status, headers, body) = send(local(), "DELETE", "/who", &[]).await;
    let problem: Problem = serde_json::from_str(&body).unwrap();
    assert_eq!((status, problem.code), (405, ErrorCode::MethodNotAllowed));
    assert!(headers["allow"].to_str().unwrap().contains("GET"));
}

#[tokio::test]
async fn a_route_of_the_system_says_with_a_code_that_it_takes_another_method() {
    for method in ["POST", "DELETE"] {
        let (status, headers, body) = send(with_tokens(), method, "/open", &[]).await;
        let problem: Problem = serde_json::from_str(&body).unwrap();
        assert_eq!((status, problem.code), (405, ErrorCode::MethodNotAllowed));
        assert!(headers["allow"].to_str().unwrap().contains("GET"));
        assert_eq!(headers["content-type"], "application/problem+json");
    }
}

#[tokio::test]
async fn a_packed_body_is_refused_where_it_is_not_unpacked() {
    let gzip = ("content-encoding", "gzip");
    let (status, headers, body) = send(local(), "POST", "/post", &[gzip]).await;
    let problem: Problem = serde_json::from_str(&body).unwrap();
    assert_eq!((status, problem.code), (415, ErrorCode::UnsupportedEncoding));
    assert!(problem.detail.contains("gzip"), "{body}");
    assert_eq!(headers["accept-encoding"], "identity");
    assert_eq!(
        send(local(), "POST", "/post", &[("content-encoding", "identity")])
            .await
            .0,
        200
    );
    assert_eq!(send(local(), "POST", "/v2/models/m/infer", &[gzip]).await.0, 200);
    assert_eq!(call(local(), "/who", &[gzip]).await.0, 200, "it has no body");
}

#[tokio::test]
async fn a_page_from_elsewhere_cannot_post_to_a_server_without_authentication() {
    for foreign in [
        ("origin", "https://evil.example"),
        ("origin", "null"),
        ("origin", "http://localhost.evil.example"),
        ("sec-fetch-site", "cross-site"),
    ] {
        let (status, _, body) = send(local(), "POST", "/post", &[foreign]).await;
        let problem: Problem = serde_json::from_str(&body).unwrap();
        assert_eq!(
            (status, problem.code),
            (403, ErrorCode::PermissionDenied),
            "{foreign:?}"
        );
    }
    for own in [
        ("origin", "http://localhost:8000"),
        ("origin", "http://[::1]:3000"),
        ("sec-fetch-site", "same-origin"),
    ] {
        assert_eq!(send(local(), "POST", "/post", &[own]).await.0, 200, "{own:?}");
    }
    let foreign = ("origin", "https://evil.example");
    assert_eq!(call(local(), "/who", &[foreign]).await.0, 200);
    let bearer = ("authorization", "Bearer good");
    assert_eq!(send(with_tokens(), "POST", "/post", &[foreign, bearer]).await.0, 200);
}
