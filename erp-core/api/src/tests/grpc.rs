//! The same over gRPC: whatever any test here asks over HTTP is asked over gRPC as well.

mod description;
mod mirror;
mod order_to_cash;
mod refusals;
mod stack;
mod walk;

pub(super) use mirror::mirror;

use std::sync::Arc;

use cortex_proto::erp::erp_service_client::ErpServiceClient;
use cortex_types::Role;
use prost_reflect::DynamicMessage;
use tonic::Status;
use tonic::body::Body;
use tower::ServiceExt;
use tower::util::BoxCloneSyncService;

use super::{Caller, ctx};
use crate::grpc::codec::Wire;
use crate::grpc::{METHODS, SERVICE};
use crate::{ErpApi, grpc};

type Service = BoxCloneSyncService<
    axum::http::Request<Body>,
    axum::http::Response<Body>,
    Box<dyn std::error::Error + Send + Sync>,
>;

/// The service behind an edge that lets one caller in.
fn service(api: &Arc<ErpApi>, role: Option<Role>) -> Service {
    let service = grpc(Arc::clone(api)).map_request(move |mut request: axum::http::Request<Body>| {
        if let Some(role) = role {
            request.extensions_mut().insert(ctx(role));
        }
        request
    });
    BoxCloneSyncService::new(service.map_err(|never| match never {}))
}

impl Caller {
    /// What a caller's own program is made of.
    fn client(&self) -> ErpServiceClient<Service> {
        ErpServiceClient::new(service(&self.api, Some(self.role)))
    }

    async fn ask(&self, rpc: &str, asked: DynamicMessage) -> Result<tonic::Response<DynamicMessage>, Status> {
        let asked_as = METHODS.by_name.get(rpc).unwrap_or_else(|| panic!("there is no {rpc}"));
        let wire = Wire {
            asked: asked_as.output.clone(),
        };
        let mut client = tonic::client::Grpc::new(service(&self.api, Some(self.role)));
        client
            .ready()
            .await
            .map_err(|error| Status::unavailable(error.to_string()))?;
        let path = format!("/{SERVICE}/{rpc}").parse().unwrap();
        client.unary(tonic::Request::new(asked), path, wire).await
    }
}

fn code_of(status: &Status) -> &str {
    let code = status.metadata().get("cortex-error-code");
    code.unwrap_or_else(|| panic!("{status:?} has no code"))
        .to_str()
        .unwrap()
}
