//! What the stages' API crates offer, on this platform's services.

use std::sync::Arc;

use axum::Router;
use cortex_erp_api::{ErpApi, SettledCurrencies};
use cortex_experience_api::ExperienceApi;
use cortex_features_api::FeaturesApi;
use cortex_registry_api::RegistryApi;
use cortex_security::Authorizer;
use cortex_serving_api::ServingApi;
use tonic::service::RoutesBuilder;
use utoipa::openapi::OpenApi;

use super::Platform;
use super::served_models::ServedModels;

impl Platform {
    /// `/erp/v1`, `/v2`, `/experience/v1`, …; nothing of it checks who calls: that is the edge's.
    pub fn http_routes(&self) -> Router {
        Router::new()
            .merge(cortex_erp_api::routes(self.erp_api()))
            .merge(cortex_features_api::routes(self.features_api()))
            .merge(cortex_registry_api::routes(self.registry_api()))
            .merge(cortex_serving_api::routes(self.serving_api()))
            .merge(cortex_experience_api::routes(self.experience_api()))
    }

    /// The same services over gRPC, each with the limit that a body has over HTTP.
    pub fn grpc_services(&self, routes: &mut RoutesBuilder) {
        let bytes_max = self.config.http.request_body_bytes_max.get();
        routes
            .add_service(cortex_erp_api::grpc(self.erp_api()).max_decoding_message_size(bytes_max))
            .add_service(cortex_features_api::grpc(self.features_api()).max_decoding_message_size(bytes_max))
            .add_service(cortex_serving_api::inference_service(self.serving_api()).max_decoding_message_size(bytes_max))
            .add_service(
                cortex_serving_api::prediction_service(self.serving_api()).max_decoding_message_size(bytes_max),
            )
            .add_service(cortex_experience_api::grpc(self.experience_api()).max_decoding_message_size(bytes_max));
    }

    /// What each API says of itself.
    #[must_use]
    pub fn openapi(&self) -> Vec<OpenApi> {
        vec![
            cortex_erp_api::openapi(),
            cortex_features_api::openapi(),
            cortex_registry_api::openapi(),
            cortex_serving_api::openapi(),
            cortex_experience_api::openapi(),
        ]
    }

    fn authorizer(&self) -> Arc<dyn Authorizer> {
        Arc::clone(&self.providers.authorizer) as _
    }

    fn erp_api(&self) -> Arc<ErpApi> {
        Arc::new(ErpApi {
            erp: self.services.erp.clone(),
            entry: self.services.invoice_entry.clone(),
            records: Arc::clone(&self.services.records),
            drafts: Arc::clone(&self.services.drafts),
            commands: Arc::clone(&self.services.commands),
            rulebook: Arc::clone(&self.services.rulebook),
            authorizer: self.authorizer(),
            audit: Arc::clone(&self.providers.audit) as _,
            clock: Arc::clone(&self.providers.clock),
            sealer: self.providers.sealer.clone(),
            currency: self.config.tenant.currency,
            settled: SettledCurrencies::default(),
        })
    }

    fn features_api(&self) -> Arc<FeaturesApi> {
        Arc::new(FeaturesApi {
            store: Arc::clone(&self.services.online),
            definitions: Arc::clone(&self.services.definitions),
            authorizer: self.authorizer(),
            clock: Arc::clone(&self.providers.clock),
        })
    }

    fn registry_api(&self) -> Arc<RegistryApi> {
        let served = Arc::new(ServedModels(Arc::clone(&self.services.serving)));
        Arc::new(RegistryApi::new(
            Arc::clone(&self.services.registry),
            served,
            self.authorizer(),
        ))
    }

    fn serving_api(&self) -> Arc<ServingApi> {
        Arc::new(ServingApi::new(
            Arc::clone(&self.services.serving),
            self.authorizer(),
            Arc::clone(&self.providers.audit) as _,
        ))
    }

    fn experience_api(&self) -> Arc<ExperienceApi> {
        Arc::new(ExperienceApi::new(self.services.memory.clone(), self.authorizer()))
    }
}
