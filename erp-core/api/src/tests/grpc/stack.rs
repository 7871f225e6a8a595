//! The service within the stack that serves it.

use std::sync::Arc;

use axum::body::Body;
use axum::http::{HeaderMap, Request};
use axum::middleware::map_response;
use axum::response::Response;
use cortex_types::Role;
use tonic::service::RoutesBuilder;
use tower::ServiceExt;

use super::super::{api, ctx};

const LIMIT: usize = 1 << 16;

/// A gRPC message of `length` bytes, which need not all come.
fn framed(length: usize, message: &[u8]) -> Vec<u8> {
    let length = u32::try_from(length).unwrap().to_be_bytes();
    [&[0], length.as_slice(), message].concat()
}

#[tokio::test]
async fn what_cannot_be_read_is_told_in_codes_of_ours() {
    let mut routes = RoutesBuilder::default();
    routes.add_service(crate::grpc(Arc::clone(&api())).max_decoding_message_size(LIMIT));
    let router = routes.routes().prepare().into_axum_router();
    let router = router.layer(map_response(async |response: Response| {
        cortex_proto::with_stable_code(response)
    }));
    let call = async |method: &str, body: Vec<u8>| -> HeaderMap {
        let mut request = Request::post(format!("/cortex.erp.v1.ErpService/{method}"))
            .header("content-type", "application/grpc")
            .body(Body::from(body))
            .unwrap();
        request.extensions_mut().insert(ctx(Role::Admin));
        router.clone().oneshot(request).await.unwrap().headers().clone()
    };
    // Field 1 is a text, and this one is no UTF-8.
    let unreadable = framed(4, &[0x0a, 2, 0xc3, 0x28]);
    for (method, body, status, code) in [
        ("GetInvoice", unreadable, "3", "invalid-argument"),
        ("GetInvoice", framed(LIMIT + 1, &[]), "3", "too-large"),
        ("GetInvoice", framed(LIMIT, &[]), "3", "invalid-argument"),
        ("GetInvoice", framed(3, &[0x0a, 1, b'7']), "5", "not-found"),
        ("DropEverything", framed(0, &[]), "12", "unimplemented"),
    ] {
        let headers = call(method, body).await;
        let told = ["grpc-status", "cortex-error-code"].map(|name| headers[name].to_str().unwrap().to_owned());
        assert_eq!(told, [status, code], "{method}: {headers:?}");
    }
}
