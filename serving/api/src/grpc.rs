//! `inference.GRPCInferenceService`.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::Arc;

use cortex_proto::inference as pb;
use cortex_proto::inference::grpc_inference_service_server::GrpcInferenceService;
use cortex_proto::{context, status, transport_status};
use cortex_serving::{InferRequest, ModelState, ServingError};
use cortex_types::{Coded, ErrorKind, RequestContext};
use futures::{Stream, StreamExt};
use tonic::{Code, Request, Response, Status, Streaming};

use crate::api::{self, ServingApi};
use crate::describe;
use crate::grpc_tensor;
use crate::repository::{refuse_overrides, state_name};
use crate::routing::Routing;
use crate::unsupported::{NO_LOG_SETTINGS, NO_SHARED_MEMORY, NO_TRACE_SETTINGS};

/// The Open Inference Protocol over gRPC.
#[derive(Debug)]
pub struct InferenceService {
    api: Arc<ServingApi>,
}

type Answer<T> = Result<Response<T>, Status>;

/// As over HTTP, the protocol knows a model that cannot be used only as "not ready".
fn refused(error: impl Coded) -> Status {
    let status = status(&error);
    match error.code().kind() {
        ErrorKind::Precondition => {
            Status::with_metadata(Code::Unavailable, status.message(), status.metadata().clone())
        }
        _ => status,
    }
}

fn routing<T>(request: &Request<T>) -> Result<Routing, Status> {
    Routing::of(request.metadata().as_ref()).map_err(refused)
}

fn unsupported<T>(why: &str) -> Answer<T> {
    Err(refused(ServingError::Invalid(why.to_owned())))
}

impl InferenceService {
    pub(crate) const fn new(api: Arc<ServingApi>) -> Self {
        Self { api }
    }

    /// The context of a call that only looks.
    fn reader<T>(&self, request: &Request<T>) -> Result<RequestContext, Status> {
        let ctx = context(request)?;
        self.api.may_read(&ctx).map_err(refused)?;
        Ok(ctx)
    }

    /// The context of a call that changes what is served.
    fn changer<T>(&self, request: &Request<T>) -> Result<RequestContext, Status> {
        let ctx = context(request)?;
        self.api.may_change(&ctx).map_err(refused)?;
        Ok(ctx)
    }

    /// What is not there has an empty status, and nothing to take away.
    fn nothing<T, R: Default>(&self, request: &Request<T>) -> Answer<R> {
        self.reader(request)?;
        Ok(Response::new(R::default()))
    }

    fn no_shared_memory<T, R>(&self, request: &Request<T>) -> Answer<R> {
        self.changer(request)?;
        unsupported(NO_SHARED_MEMORY)
    }
}

/// One inference, of a call of its own or of a stream.
async fn infer(
    api: &ServingApi,
    ctx: &RequestContext,
    message: pb::ModelInferRequest,
    routing: Routing,
) -> Result<pb::ModelInferResponse, Status> {
    let request = InferRequest {
        version: api::version(&message.model_version).map_err(refused)?,
        inputs: grpc_tensor::inputs(&message).map_err(refused)?,
        outputs: grpc_tensor::wanted(&message).map_err(refused)?,
        route_key: grpc_tensor::text_of(&message, api::ROUTE_KEY).map(str::to_owned),
        arm: api::arm(grpc_tensor::text_of(&message, api::ARM).unwrap_or_default()).map_err(refused)?,
        model: message.model_name,
    };
    let response = api.serving.infer(ctx, routing.over(request)).await.map_err(refused)?;
    let version = response.version.to_string();
    let mut parameters = HashMap::from([("model_version".to_owned(), grpc_tensor::text_parameter(&version))]);
    if let Some(arm) = response.arm {
        parameters.insert("arm".to_owned(), grpc_tensor::text_parameter(arm.as_str()));
    }
    let (outputs, raw_output_contents) = grpc_tensor::outputs(&response.outputs);
    let (model_name, model_version, id) = (response.model, version, message.id);
    Ok(pb::ModelInferResponse {
        model_name,
        model_version,
        id,
        parameters,
        outputs,
        raw_output_contents,
    })
}

#[tonic::async_trait]
impl GrpcInferenceService for InferenceService {
    async fn server_live(&self, request: Request<pb::ServerLiveRequest>) -> Answer<pb::ServerLiveResponse> {
        self.reader(&request)?;
        Ok(Response::new(pb::ServerLiveResponse { live: true }))
    }

    async fn server_ready(&self, request: Request<pb::ServerReadyRequest>) -> Answer<pb::ServerReadyResponse> {
        self.reader(&request)?;
        Ok(Response::new(pb::ServerReadyResponse { ready: true }))
    }

    /// A model that is not there or cannot be used is an answer here, not an error.
    async fn model_ready(&self, request: Request<pb::ModelReadyRequest>) -> Answer<pb::ModelReadyResponse> {
        let ctx = self.reader(&request)?;
        let named = request.into_inner();
        let version = api::version(&named.version).map_err(refused)?;
        let ready = self.api.serving.model(&ctx, &named.name, version).await.is_ok();
        Ok(Response::new(pb::ModelReadyResponse { ready }))
    }

    async fn server_metadata(&self, request: Request<pb::ServerMetadataRequest>) -> Answer<pb::ServerMetadataResponse> {
        self.reader(&request)?;
        Ok(Response::new(pb::ServerMetadataResponse {
            name: describe::SERVER_NAME.to_owned(),
            version: describe::SERVER_VERSION.to_owned(),
            extensions: describe::EXTENSIONS.map(str::to_owned).to_vec(),
        }))
    }

    async fn model_metadata(&self, request: Request<pb::ModelMetadataRequest>) -> Answer<pb::ModelMetadataResponse> {
        let ctx = self.reader(&request)?;
        let named = request.into_inner();
        let version = api::version(&named.version).map_err(refused)?;
        let model = self
            .api
            .serving
            .model(&ctx, &named.name, version)
            .await
            .map_err(refused)?;
        let versions = self.api.serving.versions(&ctx, &named.name).await.map_err(refused)?;
        Ok(Response::new(describe::metadata(&model, &versions)))
    }

    async fn model_infer(&self, request: Request<pb::ModelInferRequest>) -> Answer<pb::ModelInferResponse> {
        let ctx = context(&request)?;
        self.api.may_infer(&ctx).map_err(refused)?;
        let routing = routing(&request)?;
        infer(&self.api, &ctx, request.into_inner(), routing)
            .await
            .map(Response::new)
    }

    type ModelStreamInferStream = Pin<Box<dyn Stream<Item = Result<pb::ModelStreamInferResponse, Status>> + Send>>;

    /// Requests are answered one after the other; one that fails is told in its answer and the stream goes on.
    async fn model_stream_infer(
        &self,
        request: Request<Streaming<pb::ModelInferRequest>>,
    ) -> Answer<Self::ModelStreamInferStream> {
        let ctx = context(&request)?;
        self.api.may_infer(&ctx).map_err(refused)?;
        let (api, routing) = (Arc::clone(&self.api), routing(&request)?);
        let answers = request.into_inner().then(move |message| {
            let (api, ctx, routing) = (Arc::clone(&api), ctx.clone(), routing.clone());
            async move {
                let message = message.map_err(transport_status)?;
                // A failed answer keeps the id, by which the client finds the request it belongs to.
                let (id, model_name) = (message.id.clone(), message.model_name.clone());
                Ok(match infer(&api, &ctx, message, routing).await {
                    Ok(response) => pb::ModelStreamInferResponse {
                        error_message: String::new(),
                        infer_response: Some(response),
                    },
                    Err(error) => pb::ModelStreamInferResponse {
                        error_message: error.message().to_owned(),
                        infer_response: Some(pb::ModelInferResponse {
                            id,
                            model_name,
                            ..Default::default()
                        }),
                    },
                })
            }
        });
        Ok(Response::new(Box::pin(answers)))
    }

    async fn model_config(&self, request: Request<pb::ModelConfigRequest>) -> Answer<pb::ModelConfigResponse> {
        let ctx = self.reader(&request)?;
        let named = request.into_inner();
        let version = api::version(&named.version).map_err(refused)?;
        let model = self
            .api
            .serving
            .model(&ctx, &named.name, version)
            .await
            .map_err(refused)?;
        Ok(Response::new(pb::ModelConfigResponse {
            config: Some(describe::config(&model)),
        }))
    }

    async fn model_statistics(
        &self,
        request: Request<pb::ModelStatisticsRequest>,
    ) -> Answer<pb::ModelStatisticsResponse> {
        let ctx = self.reader(&request)?;
        let named = request.into_inner();
        let version = api::version(&named.version).map_err(refused)?;
        let model = Some(named.name.as_str()).filter(|name| !name.is_empty());
        let totals = self
            .api
            .serving
            .statistics(&ctx, model, version)
            .await
            .map_err(refused)?;
        let model_stats = totals.iter().map(describe::statistics).collect();
        Ok(Response::new(pb::ModelStatisticsResponse { model_stats }))
    }

    async fn repository_index(
        &self,
        request: Request<pb::RepositoryIndexRequest>,
    ) -> Answer<pb::RepositoryIndexResponse> {
        let ctx = self.reader(&request)?;
        let only_ready = request.into_inner().ready;
        let entries = self.api.serving.index(&ctx).await.map_err(refused)?;
        let shown = entries
            .into_iter()
            .filter(|entry| !only_ready || entry.state == ModelState::Ready);
        let models = shown.map(|entry| pb::repository_index_response::ModelIndex {
            name: entry.model,
            version: entry.version.to_string(),
            state: state_name(entry.state).to_owned(),
            reason: entry.reason,
        });
        Ok(Response::new(pb::RepositoryIndexResponse {
            models: models.collect(),
        }))
    }

    async fn repository_model_load(
        &self,
        request: Request<pb::RepositoryModelLoadRequest>,
    ) -> Answer<pb::RepositoryModelLoadResponse> {
        let ctx = self.changer(&request)?;
        let named = request.into_inner();
        refuse_overrides(named.parameters.keys()).map_err(refused)?;
        self.api.load(&ctx, &named.model_name).await.map_err(refused)?;
        Ok(Response::new(pb::RepositoryModelLoadResponse {}))
    }

    async fn repository_model_unload(
        &self,
        request: Request<pb::RepositoryModelUnloadRequest>,
    ) -> Answer<pb::RepositoryModelUnloadResponse> {
        let ctx = self.changer(&request)?;
        let model = request.into_inner().model_name;
        self.api.unload(&ctx, &model).await.map_err(refused)?;
        Ok(Response::new(pb::RepositoryModelUnloadResponse {}))
    }

    async fn system_shared_memory_status(
        &self,
        request: Request<pb::SystemSharedMemoryStatusRequest>,
    ) -> Answer<pb::SystemSharedMemoryStatusResponse> {
        self.nothing(&request)
    }

    async fn system_shared_memory_register(
        &self,
        request: Request<pb::SystemSharedMemoryRegisterRequest>,
    ) -> Answer<pb::SystemSharedMemoryRegisterResponse> {
        self.no_shared_memory(&request)
    }

    async fn system_shared_memory_unregister(
        &self,
        request: Request<pb::SystemSharedMemoryUnregisterRequest>,
    ) -> Answer<pb::SystemSharedMemoryUnregisterResponse> {
        self.nothing(&request)
    }

    async fn cuda_shared_memory_status(
        &self,
        request: Request<pb::CudaSharedMemoryStatusRequest>,
    ) -> Answer<pb::CudaSharedMemoryStatusResponse> {
        self.nothing(&request)
    }

    async fn cuda_shared_memory_register(
        &self,
        request: Request<pb::CudaSharedMemoryRegisterRequest>,
    ) -> Answer<pb::CudaSharedMemoryRegisterResponse> {
        self.no_shared_memory(&request)
    }

    async fn cuda_shared_memory_unregister(
        &self,
        request: Request<pb::CudaSharedMemoryUnregisterRequest>,
    ) -> Answer<pb::CudaSharedMemoryUnregisterResponse> {
        self.nothing(&request)
    }

    /// Clients read the settings with an empty request.
    async fn trace_setting(&self, request: Request<pb::TraceSettingRequest>) -> Answer<pb::TraceSettingResponse> {
        if request.get_ref().settings.is_empty() {
            return self.nothing(&request);
        }
        self.changer(&request)?;
        unsupported(NO_TRACE_SETTINGS)
    }

    async fn log_settings(&self, request: Request<pb::LogSettingsRequest>) -> Answer<pb::LogSettingsResponse> {
        if request.get_ref().settings.is_empty() {
            return self.nothing(&request);
        }
        self.changer(&request)?;
        unsupported(NO_LOG_SETTINGS)
    }
}
