//! `cortex.erp.v1.ErpService`: the shadow of the HTTP API.
//!
//! Each operation of the OpenAPI document is an rpc, described in `erp.proto`, which is generated from that document. A message
//! becomes the request that the routes take, and their answer a message. So nothing is decided here, and nothing of the API can
//! be missing.

pub(crate) mod codec;
mod document;
pub(crate) mod messages;
mod method;
pub(crate) mod operations;
mod refusal;
pub(crate) mod transcoding;

use std::collections::HashMap;
use std::convert::Infallible;
use std::future::{Future, ready};
use std::pin::Pin;
use std::sync::LazyLock;
use std::task::{Context, Poll};

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::{Request, Response};
use prost_reflect::{DescriptorPool, DynamicMessage};
use tonic::Status;
use tonic::body::Body;
use tonic::server::{Grpc, NamedService, UnaryService};
use tower::Service;

use self::codec::Wire;
use self::document::Document;
use self::method::Method;
use self::operations::Contract;

/// Full name of the service.
pub(crate) const SERVICE: &str = "cortex.erp.v1.ErpService";

type Answer<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// What there is to call: the same in every process of this build.
pub(crate) static METHODS: LazyLock<Methods> = LazyLock::new(Methods::of_openapi);

/// The ERP over gRPC.
#[derive(Clone, Debug)]
pub struct ErpGrpc {
    /// Those of HTTP.
    routes: Router,
    request_bytes_max: Option<usize>,
}

#[derive(Debug)]
pub(crate) struct Methods {
    pub contract: Contract,
    pub by_name: HashMap<String, Method>,
}

impl Contract {
    /// What the routes take and answer.
    pub(crate) fn of_openapi() -> Self {
        let text = serde_json::to_string(&crate::openapi()).unwrap_or_default();
        match serde_json::from_str::<Document>(&text) {
            Ok(document) => Self::of(&document),
            Err(error) => Self {
                problems: vec![format!("the OpenAPI document does not read: {error}")],
                ..Self::default()
            },
        }
    }
}

impl Methods {
    fn of_openapi() -> Self {
        let contract = Contract::of_openapi();
        let pool = DescriptorPool::decode(cortex_proto::FILE_DESCRIPTOR_SET).unwrap_or_default();
        let described = contract.operations.iter().filter_map(|operation| {
            let method = Method::new(&pool, operation)?;
            Some((operation.rpc.clone(), method))
        });
        let by_name: HashMap<_, _> = described.collect();
        // A test holds that there are neither.
        let missing = contract.operations.len() - by_name.len();
        if missing > 0 || !contract.problems.is_empty() {
            tracing::error!(missing, problems = ?contract.problems, "erp.proto is not what the HTTP API is");
        }
        Self { contract, by_name }
    }
}

impl ErpGrpc {
    /// `routes` are those of HTTP.
    pub(crate) fn new(routes: Router) -> Self {
        LazyLock::force(&METHODS);
        Self {
            // A message is held to its own limit.
            routes: routes.layer(DefaultBodyLimit::disable()),
            request_bytes_max: None,
        }
    }

    /// Larger requests are refused; 4 MiB where nothing is said.
    #[must_use]
    pub const fn max_decoding_message_size(mut self, bytes_max: usize) -> Self {
        self.request_bytes_max = Some(bytes_max);
        self
    }
}

impl NamedService for ErpGrpc {
    const NAME: &'static str = SERVICE;
}

impl Service<Request<Body>> for ErpGrpc {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Answer<Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let name = request.uri().path().rsplit('/').next().unwrap_or_default();
        let Some(method) = METHODS.by_name.get(name) else {
            return Box::pin(ready(Ok(Status::unimplemented("").into_http())));
        };
        let asked = method.input.clone();
        let routes = self.routes.clone();
        let mut grpc = Grpc::new(Wire { asked }).apply_max_message_size_config(self.request_bytes_max, None);
        Box::pin(async move { Ok(grpc.unary(Call { routes, method }, request).await) })
    }
}

/// A call of one method.
struct Call {
    routes: Router,
    method: &'static Method,
}

impl UnaryService<DynamicMessage> for Call {
    type Response = DynamicMessage;
    type Future = Answer<Result<tonic::Response<DynamicMessage>, Status>>;

    fn call(&mut self, request: tonic::Request<DynamicMessage>) -> Self::Future {
        let (routes, method) = (self.routes.clone(), self.method);
        Box::pin(async move {
            let ctx = cortex_proto::context(&request)?;
            method.call(&METHODS.contract, routes, ctx, request.get_ref()).await
        })
    }
}
