//! All routes of all stages, behind the edge.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::middleware::map_response;
use axum::response::Response;
use cortex_runtime::Readiness;
use cortex_runtime::telemetry::MetricsPage;
use tonic::service::RoutesBuilder;

use crate::config::{Authentication, Config};
use crate::edge::{Edge, Limits};
use crate::failure::{AppError, Failure};
use crate::platform::Platform;
use crate::system::{self, System};

use super::GrpcHealth;

/// One router per port.
pub struct Routers {
    pub http: Router,
    pub grpc: Router,
}

/// Mounts everything. Nothing is bound yet.
pub fn routers(
    config: &Config,
    platform: &Platform,
    readiness: Readiness,
    metrics: MetricsPage,
    grpc_health: &GrpcHealth,
) -> Result<Routers, Failure> {
    let openapi_json = system::describe(platform.openapi())?;
    let edge = edge(config, platform);
    let open = system::routes(System {
        readiness,
        metrics,
        openapi_json,
        callers: (!config.http.addr.ip().is_loopback()).then(|| edge.callers.clone()),
    });
    Ok(Routers {
        http: edge.clone().guard(platform.http_routes(), open),
        grpc: edge.guard(coded(grpc_routes(platform)?), coded(grpc_health.routes())),
    })
}

fn edge(config: &Config, platform: &Platform) -> Edge {
    let limits = Limits {
        timeout: Duration::from_millis(config.http.timeout_ms.get()),
        body_bytes_max: config.http.request_body_bytes_max.get(),
        requests_in_flight_max: config.http.requests_in_flight_max.get(),
    };
    match config.security.authentication {
        Authentication::Tokens => Edge::tokens(Arc::clone(&platform.providers.authenticator), limits),
        Authentication::None => Edge::local(config.tenant().clone(), limits),
    }
}

/// What the gRPC stack refuses before a handler sees it has a stable code as well.
fn coded(routes: Router) -> Router {
    routes.layer(map_response(async |response: Response| {
        cortex_proto::with_stable_code(response)
    }))
}

fn grpc_routes(platform: &Platform) -> Result<Router, Failure> {
    let mut routes = RoutesBuilder::default();
    platform.grpc_services(&mut routes);
    let reflection = tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(cortex_proto::FILE_DESCRIPTOR_SET)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
        .build_v1()
        .map_err(|error| AppError::Invalid(format!("the services' descriptors do not fit together: {error}")))?;
    routes.add_service(reflection);
    Ok(routes.routes().prepare().into_axum_router())
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;
    use axum::http::{HeaderMap, Request};
    use cortex_types::{RequestContext, SystemClock};
    use tower::ServiceExt;

    const MIB: usize = 1 << 20;

    /// A gRPC message of `length` bytes, which need not all come.
    fn framed(length: usize, message: &[u8]) -> Vec<u8> {
        let length = u32::try_from(length).unwrap().to_be_bytes();
        [&[0], length.as_slice(), message].concat()
    }

    async fn refused(routes: Router, ctx: RequestContext, path: &str, body: Vec<u8>) -> HeaderMap {
        let mut request = Request::post(path)
            .header("content-type", "application/grpc")
            .body(Body::from(body))
            .unwrap();
        request.extensions_mut().insert(ctx);
        coded(routes).oneshot(request).await.unwrap().headers().clone()
    }

    #[tokio::test]
    async fn a_grpc_message_may_be_as_large_as_a_body_and_what_the_stack_refuses_has_a_code() {
        let folder = tempfile::tempdir().unwrap();
        let config = Config {
            data_dir: folder.path().to_owned(),
            ..Config::default()
        };
        let platform = Platform::open(config, Arc::new(SystemClock)).await.unwrap();
        let call = async |method: &str, body| {
            let routes = grpc_routes(&platform).unwrap();
            refused(routes, platform.system(), &format!("/{method}"), body).await
        };
        let fields = |headers: &HeaderMap| {
            ["grpc-status", "cortex-error-code"].map(|name| headers[name].to_str().unwrap().to_owned())
        };
        for method in [
            "cortex.erp.v1.ErpService/GetInvoice",
            "cortex.features.v1.FeatureService/GetOnlineFeatures",
            "inference.GRPCInferenceService/ModelInfer",
            "cortex.serving.v1.PredictionService/PredictEntity",
            "cortex.experience.v1.ExperienceService/GetDecision",
        ] {
            // Field 1 is a text everywhere, and this one is no UTF-8.
            let unreadable = framed(4, &[0x0a, 2, 0xc3, 0x28]);
            assert_eq!(
                fields(&call(method, unreadable).await),
                ["3", "invalid-argument"],
                "{method}"
            );
            let large = call(method, framed(16 * MIB + 1, &[])).await;
            assert_eq!(fields(&large), ["3", "too-large"], "{method}");
            let fits = call(method, framed(16 * MIB, &[])).await;
            assert_eq!(
                fields(&fits),
                ["3", "invalid-argument"],
                "{method}: it is cut short, and not too large"
            );
        }
        let unknown = call("cortex.erp.v1.ErpService/DropEverything", framed(0, &[])).await;
        assert_eq!(fields(&unknown), ["12", "unimplemented"]);
        assert!(unknown["grpc-message"].to_str().unwrap().contains("reflection"));
        platform.close().await;
    }
}
