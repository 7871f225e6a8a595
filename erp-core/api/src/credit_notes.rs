//! `/erp/v1/credit-notes`

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use cortex_erp::{Command, CreditLineInput, CreditNote, CreditReason, DocumentKind, ErpError, PostCreditNote};
use cortex_runtime::http::{ApiError, Ctx, Json, Path, Query, objects};
use cortex_types::{Currency, Timestamp};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use utoipa::{OpenApi, ToSchema};

use crate::ErpApi;
use crate::api::not_found;
use crate::bodies::{LineBody, LineView};
use crate::cancellations::cancelled_by;
use crate::decimals::amount_text;
use crate::exact;
use crate::idempotency::Key;
use crate::paging::{List, Listing, PageQuery};
use crate::receipt::ReceiptView;
use crate::schemas::{CurrencyCode, DecimalText, Time};

pub(crate) fn routes() -> Router<Arc<ErpApi>> {
    Router::new()
        .route("/erp/v1/credit-notes", get(list).post(post))
        .route("/erp/v1/credit-notes/{number}", get(one))
}

#[derive(OpenApi)]
#[openapi(paths(list, post, one))]
pub(crate) struct Document;

/// A line to be credited. Without `unit_price` and `net` it takes the product's list price.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CreditLineBody {
    product: String,
    #[schema(value_type = DecimalText, example = "1")]
    #[serde(deserialize_with = "exact::decimal")]
    quantity: Decimal,
    unit: Option<String>,
    #[schema(value_type = Option<DecimalText>)]
    #[serde(default, deserialize_with = "exact::decimal_or_none")]
    unit_price: Option<Decimal>,
    #[schema(value_type = Option<DecimalText>)]
    #[serde(default, deserialize_with = "exact::decimal_or_none")]
    net: Option<Decimal>,
    /// The whole line with its taxes, where prices include them.
    #[schema(value_type = Option<DecimalText>)]
    #[serde(default, deserialize_with = "exact::decimal_or_none")]
    gross: Option<Decimal>,
    /// Code of the taxes on it: they are credited as well.
    #[schema(example = "VAT20")]
    tax: Option<String>,
    /// `return` (goods come back into stock), `discount` or `other`.
    #[schema(value_type = crate::schemas::CreditReasonWord, example = "return")]
    reason: CreditReason,
}

impl CreditLineBody {
    fn input(self, index: usize, currency: Currency, taxed: bool) -> Result<CreditLineInput, ErpError> {
        let Self {
            product,
            quantity,
            unit,
            unit_price,
            net,
            gross,
            tax,
            reason,
        } = self;
        let line = LineBody {
            product,
            quantity,
            unit,
            unit_price,
            net,
            gross,
            tax,
        }
        .input(index, currency, taxed)?;
        Ok(CreditLineInput { line, reason })
    }
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CreditNoteBody {
    number: Option<String>,
    /// Code of the number series that gives the number; the default of its kind where it is absent.
    series: Option<String>,
    customer: Option<String>,
    country: Option<String>,
    /// That of the invoice where it is absent; the company's where no invoice is named.
    #[schema(value_type = Option<CurrencyCode>)]
    currency: Option<Currency>,
    /// Where the goods come back to.
    location: Option<String>,
    /// Number of the invoice it corrects; one that was never posted is `unknown-invoice`.
    invoice: Option<String>,
    #[schema(value_type = Option<Time>)]
    credited_at: Option<Timestamp>,
    /// Prices have their taxes within them.
    #[serde(default)]
    prices_include_tax: bool,
    #[serde(deserialize_with = "objects")]
    lines: Vec<CreditLineBody>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct CreditNoteView {
    id: String,
    number: String,
    /// The cancellation that took it back.
    #[serde(skip_serializing_if = "Option::is_none")]
    cancelled_by: Option<String>,
    customer: Option<String>,
    country: String,
    currency: String,
    net: String,
    tax: String,
    gross: String,
    /// Of all lines, or `other` where they differ.
    reason: String,
    /// Id of the invoice it corrects, where that is known.
    invoice_id: Option<String>,
    credited_at: String,
    lines: Vec<LineView>,
}

cancelled_by!(CreditNoteView);

impl From<CreditNote> for CreditNoteView {
    fn from(note: CreditNote) -> Self {
        let currency = note.currency;
        let lines = note.lines.into_iter().map(|line| LineView {
            reason: Some(line.reason.as_str().to_owned()),
            ..LineView::new(line.line, currency)
        });
        Self {
            lines: lines.collect(),
            cancelled_by: None,
            id: note.id.to_string(),
            number: note.number.to_string(),
            customer: note.customer_code.map(|code| code.to_string()),
            country: note.country.to_string(),
            currency: currency.to_string(),
            net: amount_text(note.net_minor, currency),
            tax: amount_text(note.tax_minor, currency),
            gross: amount_text(note.net_minor + note.tax_minor, currency),
            reason: note.reason.as_str().to_owned(),
            invoice_id: note.invoice_id.map(|id| id.to_string()),
            credited_at: note.credited_at.to_string(),
        }
    }
}

/// Posted credit notes, oldest first.
#[utoipa::path(get, path = "/erp/v1/credit-notes", operation_id = "list_credit_notes", tag = "erp", params(PageQuery),
    responses((status = 200, description = "A page", body = List<CreditNoteView>)))]
async fn list(
    State(api): State<Arc<ErpApi>>,
    Ctx(ctx): Ctx,
    Query(query): Query<PageQuery>,
) -> Result<Json<List<CreditNoteView>>, ApiError> {
    api.may_read(&ctx)?;
    let page = query.page(Listing::CreditNotes)?;
    let notes = api.records.credit_notes(&ctx, &page).await?;
    let list = List::new(
        Listing::CreditNotes,
        &page,
        notes,
        |note| note.id.to_string(),
        CreditNoteView::from,
    );
    Ok(Json(api.with_cancellations(&ctx, list).await?))
}

/// One credit note.
#[utoipa::path(get, path = "/erp/v1/credit-notes/{number}", operation_id = "get_credit_note",
    tag = "erp", params(("number" = String, Path)),
    responses(
        (status = 200, description = "The credit note", body = CreditNoteView),
        (status = 404, description = "No such credit note"),
    ))]
async fn one(
    State(api): State<Arc<ErpApi>>,
    Ctx(ctx): Ctx,
    Path(number): Path<String>,
) -> Result<Json<CreditNoteView>, ApiError> {
    api.may_read(&ctx)?;
    match api.records.credit_note(&ctx, &number).await? {
        Some(note) => Ok(Json(api.with_cancellation(&ctx, CreditNoteView::from(note)).await?)),
        None => Err(not_found("credit-note", number)),
    }
}

/// Posts a credit note: what corrects a posted invoice.
#[utoipa::path(post, path = "/erp/v1/credit-notes", operation_id = "post_credit_note",
    tag = "erp", request_body = CreditNoteBody,
    params(("Idempotency-Key" = String, Header, description = "Chosen per request; the same when it is repeated")),
    responses(
        (status = 201, description = "Posted", body = ReceiptView),
        (status = 400, description = "Refused, as problem details"),
    ))]
async fn post(
    State(api): State<Arc<ErpApi>>,
    Ctx(ctx): Ctx,
    Key(key): Key,
    Json(body): Json<CreditNoteBody>,
) -> Result<ReceiptView, ApiError> {
    api.may_post(&ctx)?;
    let named = match (body.currency, &body.invoice) {
        (None, Some(invoice)) => api.currency_of(&ctx, DocumentKind::SalesInvoice, invoice).await?,
        (named, _) => named,
    };
    let currency = api.document_currency(&ctx, named).await?;
    let lines = body
        .lines
        .into_iter()
        .enumerate()
        .map(|(index, line)| line.input(index, currency, body.prices_include_tax));
    let command = PostCreditNote {
        prices_include_tax: body.prices_include_tax,
        lines: lines.collect::<Result<_, _>>()?,
        number: body.number.map(Arc::from),
        series: body.series.map(Arc::from),
        customer: body.customer.map(Arc::from),
        country: body.country.map(Arc::from),
        currency,
        location: body.location.map(Arc::from),
        invoice: body.invoice.map(Arc::from),
        credited_at: body.credited_at,
    };
    Ok(api.execute(&ctx, Command::PostCreditNote(command), key).await?.into())
}
