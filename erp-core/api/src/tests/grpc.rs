//! The same documents over gRPC.

use std::sync::Arc;

use cortex_proto::erp as pb;
use cortex_proto::erp::erp_service_server::ErpService;
use cortex_types::Role;

use super::{ctx, shop};
use crate::ErpGrpc;

#[tokio::test]
async fn grpc_posts_the_same_documents() {
    let service = ErpGrpc::new(Arc::clone(&shop().await.api));
    let request = |body| {
        let mut request = tonic::Request::new(body);
        request.extensions_mut().insert(ctx(Role::Admin));
        request
    };
    let line = pb::InvoiceLine {
        product: "MUG".into(),
        quantity: "2".into(),
        ..pb::InvoiceLine::default()
    };
    let invoice = pb::PostInvoiceRequest {
        idempotency_key: "g1".into(),
        customer: "C1".into(),
        lines: vec![line.clone()],
        ..pb::PostInvoiceRequest::default()
    };
    let receipt = service
        .post_invoice(request(invoice.clone()))
        .await
        .unwrap()
        .into_inner()
        .receipt
        .unwrap();
    assert_eq!(
        (receipt.amount.as_str(), receipt.kind.as_str()),
        ("6.00", "sales-invoice")
    );
    let mut read = tonic::Request::new(pb::GetInvoiceRequest {
        number: receipt.number.clone(),
    });
    read.extensions_mut().insert(ctx(Role::Viewer));
    assert_eq!(
        service.get_invoice(read).await.unwrap().into_inner().lines[0].net,
        "6.00"
    );

    let other = pb::PostInvoiceRequest {
        lines: vec![line.clone(), line],
        ..invoice
    };
    let status = service.post_invoice(request(other)).await.unwrap_err();
    assert_eq!(
        status.metadata().get("cortex-error-code").unwrap(),
        "idempotency-conflict"
    );
}
