//! `/erp/v1/journal-entries`

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use cortex_erp::{Command, ErpError, JournalEntryRecord, JournalLineInput, PostJournalEntry};
use cortex_runtime::http::{ApiError, Ctx, Json, Query, objects};
use cortex_types::{Currency, Timestamp};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use utoipa::{OpenApi, ToSchema};

use crate::ErpApi;
use crate::decimals::{amount_minor, amount_text};
use crate::exact;
use crate::idempotency::Key;
use crate::paging::{List, Listing, PageQuery};
use crate::receipt::ReceiptView;

pub(crate) fn routes() -> Router<Arc<ErpApi>> {
    Router::new().route("/erp/v1/journal-entries", get(list).post(post))
}

#[derive(OpenApi)]
#[openapi(paths(list, post))]
pub(crate) struct Document;

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct EntryBody {
    memo: String,
    #[schema(value_type = Option<String>)]
    currency: Option<Currency>,
    #[schema(value_type = Option<String>)]
    posted_at: Option<Timestamp>,
    /// Debits and credits must come to the same.
    #[serde(deserialize_with = "objects")]
    lines: Vec<EntryLineBody>,
}

/// Exactly one of `debit` and `credit` is above zero.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct EntryLineBody {
    #[schema(example = "6000")]
    account: String,
    #[serde(default, deserialize_with = "exact::decimal")]
    #[schema(value_type = Option<String>, example = "15.00")]
    debit: Decimal,
    #[serde(default, deserialize_with = "exact::decimal")]
    #[schema(value_type = Option<String>)]
    credit: Decimal,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct EntryView {
    id: String,
    number: String,
    memo: String,
    document_kind: String,
    document_id: String,
    currency: String,
    posted_at: String,
    lines: Vec<EntryLineView>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct EntryLineView {
    account: String,
    debit: String,
    credit: String,
}

impl From<JournalEntryRecord> for EntryView {
    fn from(entry: JournalEntryRecord) -> Self {
        let currency = entry.currency;
        let lines = entry.lines.into_iter().map(|line| EntryLineView {
            account: line.account,
            debit: amount_text(line.debit_minor, currency),
            credit: amount_text(line.credit_minor, currency),
        });
        Self {
            lines: lines.collect(),
            id: entry.id.to_string(),
            number: entry.number.to_string(),
            memo: entry.memo,
            document_kind: entry.document.kind.to_string(),
            document_id: entry.document.id.to_string(),
            currency: currency.to_string(),
            posted_at: entry.posted_at.to_string(),
        }
    }
}

/// Journal entries, oldest first.
#[utoipa::path(get, path = "/erp/v1/journal-entries", tag = "erp", params(PageQuery),
    responses((status = 200, description = "A page", body = List<EntryView>)))]
async fn list(
    State(api): State<Arc<ErpApi>>,
    Ctx(ctx): Ctx,
    Query(query): Query<PageQuery>,
) -> Result<Json<List<EntryView>>, ApiError> {
    api.may_read(&ctx)?;
    let page = query.page(Listing::JournalEntries)?;
    let entries = api.records.journal_entries(&ctx, &page).await?;
    Ok(Json(List::new(
        Listing::JournalEntries,
        &page,
        entries,
        |entry| entry.id.to_string(),
        EntryView::from,
    )))
}

/// Posts a manual entry.
#[utoipa::path(post, path = "/erp/v1/journal-entries", tag = "erp", request_body = EntryBody,
    params(("Idempotency-Key" = String, Header, description = "Chosen per request; the same when it is repeated")),
    responses(
        (status = 201, description = "Posted", body = ReceiptView),
        (status = 400, description = "Unbalanced, or an unknown account"),
    ))]
async fn post(
    State(api): State<Arc<ErpApi>>,
    Ctx(ctx): Ctx,
    Key(key): Key,
    Json(body): Json<EntryBody>,
) -> Result<ReceiptView, ApiError> {
    api.may_post(&ctx)?;
    let currency = body.currency.unwrap_or(api.currency);
    let lines = body.lines.into_iter().enumerate().map(|(index, line)| {
        let debit_minor = amount_minor(&format!("lines[{index}].debit"), line.debit, currency)?;
        let credit_minor = amount_minor(&format!("lines[{index}].credit"), line.credit, currency)?;
        Ok(JournalLineInput {
            account: line.account,
            debit_minor,
            credit_minor,
        })
    });
    let lines = lines.collect::<Result<_, ErpError>>()?;
    let command = PostJournalEntry {
        memo: body.memo,
        currency,
        posted_at: body.posted_at,
        lines,
    };
    Ok(api.execute(&ctx, Command::PostJournalEntry(command), key).await?.into())
}
