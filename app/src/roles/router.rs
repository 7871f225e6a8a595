//! All routes of all stages, behind the edge.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
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
        grpc: edge.guard(grpc_routes(platform)?, grpc_health.routes()),
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
