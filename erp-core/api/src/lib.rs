//! The ERP over HTTP (`/erp/v1/…`) and gRPC (`cortex.erp.v1.ErpService`).
//!
//! [`ErpApi`] holds what the handlers need; [`routes`], [`openapi`] and [`grpc`] hand them out. Every handler asks the
//! authorizer first. Amounts and quantities are decimals here and integers inside; what is personal of a party or a contact
//! is sealed before it goes any further, and only ever opened for the one who reads that party or contact.
//!
//! Nothing is decided here: requests are translated into commands, and receipts back.

mod accounts;
mod api;
mod approvals;
mod batch;
mod bodies;
mod cancellations;
mod company;
mod contact_fields;
mod contacts;
mod credit_notes;
mod decimals;
mod deliveries;
mod draft_states;
mod drafts;
mod events;
mod exact;
mod exchange;
mod fiscal;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod general_ledger;
mod grpc;
mod idempotency;
#[cfg(any(test, feature = "fuzzing"))]
mod in_memory;
mod interchange;
mod invoices;
mod journal;
mod locations;
mod number_series;
mod open_items;
mod opening_balances;
mod order_views;
mod orders;
mod paging;
mod parties;
mod product_units;
mod products;
mod purchase_bills;
mod purchasing;
mod receipt;
mod reference;
mod refusals;
mod reordering;
mod reports;
mod schemas;
mod standard_costs;
mod stock;
mod stock_document_views;
mod stock_documents;
mod stock_report;
mod taxes;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use axum::Router;
use utoipa::OpenApi;

pub use api::{ErpApi, SettledCurrencies};
pub use grpc::ErpGrpc;

/// Everything under `/erp/v1`. Within a Tokio runtime.
pub fn routes(api: Arc<ErpApi>) -> Router {
    let documents = Router::new()
        .merge(company::routes())
        .merge(accounts::routes())
        .merge(exchange::routes())
        .merge(open_items::routes())
        .merge(taxes::routes())
        .merge(parties::routes())
        .merge(products::routes())
        .merge(product_units::routes())
        .merge(standard_costs::routes())
        .merge(contacts::routes())
        .merge(reference::routes())
        .merge(invoices::routes())
        .merge(credit_notes::routes())
        .merge(locations::routes())
        .merge(stock::routes())
        .merge(stock_documents::routes())
        .merge(stock_report::routes())
        .merge(cancellations::routes())
        .merge(journal::routes())
        .merge(fiscal::routes())
        .merge(purchasing::routes())
        .merge(orders::routes())
        .merge(purchase_bills::routes())
        .merge(reordering::routes())
        .merge(approvals::routes())
        .merge(number_series::routes())
        .merge(events::routes())
        .merge(reports::routes())
        .merge(general_ledger::routes())
        .with_state(Arc::clone(&api));
    let refusals = refusals::Refusals::into(Arc::clone(&api.audit));
    let documents = refusals.of(documents);
    let drafts = drafts::routes(&api, &documents);
    let batches = batch::Batches::new(&api, &documents);
    let interchange = interchange::routes(&api, &batches);
    let others = drafts.merge(batch::routes(&batches)).merge(interchange);
    documents.merge(refusals.of(others))
}

/// What the routes take and answer.
#[must_use]
pub fn openapi() -> utoipa::openapi::OpenApi {
    let document = company::Document::openapi()
        .merge_from(accounts::Document::openapi())
        .merge_from(exchange::Document::openapi())
        .merge_from(opening_balances::Document::openapi())
        .merge_from(open_items::Document::openapi())
        .merge_from(taxes::Document::openapi())
        .merge_from(parties::Document::openapi())
        .merge_from(products::Document::openapi())
        .merge_from(product_units::Document::openapi())
        .merge_from(standard_costs::Document::openapi())
        .merge_from(contacts::Document::openapi())
        .merge_from(reference::Document::openapi())
        .merge_from(invoices::Document::openapi())
        .merge_from(credit_notes::Document::openapi())
        .merge_from(locations::Document::openapi())
        .merge_from(stock::Document::openapi())
        .merge_from(stock_documents::Document::openapi())
        .merge_from(stock_report::Document::openapi())
        .merge_from(cancellations::Document::openapi())
        .merge_from(journal::Document::openapi())
        .merge_from(fiscal::Document::openapi())
        .merge_from(purchasing::Document::openapi())
        .merge_from(orders::Document::openapi())
        .merge_from(deliveries::Document::openapi())
        .merge_from(drafts::Document::openapi())
        .merge_from(draft_states::Document::openapi())
        .merge_from(approvals::Document::openapi())
        .merge_from(number_series::Document::openapi())
        .merge_from(batch::Document::openapi())
        .merge_from(interchange::Document::openapi())
        .merge_from(purchase_bills::Document::openapi())
        .merge_from(reordering::Document::openapi())
        .merge_from(events::Document::openapi())
        .merge_from(reports::Document::openapi())
        .merge_from(general_ledger::Document::openapi());
    schemas::of_operations(document)
}

/// `cortex.erp.v1.ErpService`.
#[must_use]
pub fn grpc(api: Arc<ErpApi>) -> ErpGrpc {
    ErpGrpc::new(routes(api))
}
