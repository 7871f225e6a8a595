//! A server with the fixture models and nobody to ask for a token, to try foreign clients on:
//!
//! ```text
//! cargo run -p cortex-serving-api --example serve_fixtures -- 127.0.0.1:8000 127.0.0.1:8001
//! python tests/conformance/tritonclient_check.py --http 127.0.0.1:8000 --grpc 127.0.0.1:8001 --model scorer
//! ```

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::Arc;

use axum::Extension;
use cortex_features::FeatureRef;
use cortex_security::RoleAuthorizer;
use cortex_serving::memory::{FixedFeatures, MemoryDecisionLog, Shelf};
use cortex_serving::{Serving, ServingConfig};
use cortex_serving_api::{ServingApi, inference_service, prediction_service, routes};
use cortex_serving_onnx::{OnnxConfig, OnnxRuntime};
use cortex_types::{RequestContext, SystemClock, TenantId};
use tonic::{Request, Status};

const SCORER: &[u8] = include_bytes!("../../onnx/tests/fixtures/scorer.onnx");
const ECHO: &[u8] = include_bytes!("../../onnx/tests/fixtures/echo.onnx");

type Failure = Box<dyn std::error::Error + Send + Sync>;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let mut addresses = std::env::args().skip(1);
    let http = addresses.next().unwrap_or_else(|| "127.0.0.1:8000".to_owned());
    let grpc = addresses
        .next()
        .unwrap_or_else(|| "127.0.0.1:8001".to_owned())
        .parse()?;
    let ctx = RequestContext::system(TenantId::new("example")?);
    let api = Arc::new(ServingApi::new(
        Arc::new(serving(&ctx).await?),
        Arc::new(RoleAuthorizer),
        Arc::new(cortex_security::MemoryAudit::default()),
    ));

    let router = routes(Arc::clone(&api)).layer(Extension(ctx.clone()));
    let listener = tokio::net::TcpListener::bind(&http).await?;
    let identify = move |mut request: Request<()>| -> Result<Request<()>, Status> {
        request.extensions_mut().insert(ctx.clone());
        Ok(request)
    };
    let server = tonic::transport::Server::builder()
        .layer(tonic::service::InterceptorLayer::new(identify))
        .add_service(inference_service(Arc::clone(&api)))
        .add_service(prediction_service(api))
        .serve(grpc);
    writeln!(std::io::stdout(), "http://{http} and grpc://{grpc}")?;
    tokio::select! {
        ended = axum::serve(listener, router) => ended?,
        ended = server => ended?,
    }
    Ok(())
}

async fn serving(ctx: &RequestContext) -> Result<Serving, Failure> {
    let clock = Arc::new(SystemClock);
    let shelf = Shelf::new(clock.clone())?;
    let features = ["spend", "orders"].map(|name| FeatureRef::new("customer_sales", name));
    for (name, onnx) in [("scorer", SCORER), ("echo", ECHO)] {
        let version = shelf.publish(ctx, name, onnx, &features, BTreeMap::new()).await?;
        shelf.promote(ctx, name, version).await?;
    }
    let runtime = OnnxRuntime::load(None, OnnxConfig::default())?;
    Ok(Serving::new(
        shelf.registry,
        Arc::new(FixedFeatures::default()),
        Arc::new(runtime),
        Arc::new(MemoryDecisionLog::default()),
        clock,
        ServingConfig::default(),
    ))
}
