//! The standard gRPC health service, which follows the process's phase.

use async_trait::async_trait;
use axum::Router;
use cortex_runtime::Lifecycle;
use tonic::service::Routes;
use tonic_health::ServingStatus;
use tonic_health::server::{HealthReporter, HealthService};

/// The name under which the server as a whole is asked for.
const WHOLE_SERVER: &str = "";

/// Serves `grpc.health.v1.Health`, without credentials: probes have none.
#[derive(Clone)]
pub struct GrpcHealth(HealthReporter);

impl GrpcHealth {
    /// Not serving, until the process is ready.
    pub async fn booting() -> Self {
        let reporter = HealthReporter::new();
        reporter
            .set_service_status(WHOLE_SERVER, ServingStatus::NotServing)
            .await;
        Self(reporter)
    }

    pub(super) fn routes(&self) -> Router {
        let service = HealthService::from_health_reporter(self.0.clone());
        Routes::new(tonic_health::pb::health_server::HealthServer::new(service))
            .prepare()
            .into_axum_router()
    }
}

#[async_trait]
impl Lifecycle for GrpcHealth {
    fn name(&self) -> &str {
        "grpc-health"
    }

    async fn on_ready(&self) {
        self.0.set_service_status(WHOLE_SERVER, ServingStatus::Serving).await;
    }

    async fn on_drain(&self) {
        self.0.set_service_status(WHOLE_SERVER, ServingStatus::NotServing).await;
    }
}
