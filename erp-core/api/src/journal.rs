//! `/erp/v1/journal-entries`

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::routing::{self, get};
use cortex_erp::{
    Command, ErpError, JournalEntryRecord, JournalLineInput, PostJournalEntry, ReversalMethod, ReverseEntry,
};
use cortex_runtime::http::{ApiError, Ctx, Json, Path, Query, objects};
use cortex_types::{Currency, Timestamp};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use utoipa::{OpenApi, ToSchema};

use crate::ErpApi;
use crate::api::not_found;
use crate::decimals::{amount_minor, amount_text};
use crate::exact;
use crate::idempotency::Key;
use crate::paging::{List, Listing, PageQuery};
use crate::receipt::ReceiptView;
use crate::schemas::{CurrencyCode, DecimalText, Time};

pub(crate) fn routes() -> Router<Arc<ErpApi>> {
    Router::new()
        .route("/erp/v1/journal-entries", get(list).post(post))
        .route("/erp/v1/journal-entries/{number}", get(show))
        .route("/erp/v1/journal-entries/{number}/reverse", routing::post(reverse))
}

#[derive(OpenApi)]
#[openapi(paths(list, post, show, reverse))]
pub(crate) struct Document;

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct EntryBody {
    memo: String,
    #[schema(value_type = Option<CurrencyCode>)]
    currency: Option<Currency>,
    #[schema(value_type = Option<Time>)]
    posted_at: Option<Timestamp>,
    /// It may go into a period that is soft-closed.
    #[serde(default)]
    adjusting: bool,
    /// Debits and credits must come to the same.
    #[serde(deserialize_with = "objects")]
    lines: Vec<EntryLineBody>,
}

/// Exactly one of `debit` and `credit` is above zero.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct EntryLineBody {
    #[schema(example = "6000")]
    /// By its code, or by its role, such as `bank-charges`.
    account: String,
    #[serde(default, deserialize_with = "exact::decimal")]
    #[schema(value_type = Option<DecimalText>, example = "15.00")]
    debit: Decimal,
    #[serde(default, deserialize_with = "exact::decimal")]
    #[schema(value_type = Option<DecimalText>)]
    credit: Decimal,
    /// The entry's where it is absent.
    #[schema(value_type = Option<CurrencyCode>, example = "EUR")]
    currency: Option<Currency>,
    /// What the amount is in the company's currency; by the rate of the day where it is absent.
    #[serde(default, deserialize_with = "exact::decimal_or_none")]
    #[schema(value_type = Option<DecimalText>)]
    base: Option<Decimal>,
    /// What it is counted for.
    cost_centre: Option<String>,
    /// Whose account it is, on receivables and payables.
    party: Option<String>,
    /// When that party owes it, or is owed it; at the time of the entry where it is absent.
    #[schema(value_type = Option<Time>)]
    due_at: Option<Timestamp>,
}

/// Lines as commands have them.
pub(crate) fn line_inputs(
    lines: Vec<EntryLineBody>,
    currency: Currency,
    base_currency: Option<Currency>,
) -> Result<Vec<JournalLineInput>, ErpError> {
    let line = |(index, line): (usize, EntryLineBody)| {
        let field = |name: &str| format!("lines[{index}].{name}");
        let of_line = line.currency.unwrap_or(currency);
        let base = line
            .base
            .map(|base| amount_minor(&field("base"), base, base_currency.unwrap_or(of_line)));
        Ok(JournalLineInput {
            debit_minor: amount_minor(&field("debit"), line.debit, of_line)?,
            credit_minor: amount_minor(&field("credit"), line.credit, of_line)?,
            base_minor: base.transpose()?,
            account: line.account,
            currency: line.currency,
            cost_centre: line.cost_centre.map(Arc::from),
            party: line.party.map(Arc::from),
            due_at: line.due_at,
        })
    };
    lines.into_iter().enumerate().map(line).collect()
}

/// How an entry is undone.
#[derive(Clone, Copy, Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Method {
    /// What was debited is credited, and the other way round.
    #[default]
    CounterEntry,
    /// The same sides with negative amounts.
    Storno,
}

impl From<Method> for ReversalMethod {
    fn from(method: Method) -> Self {
        match method {
            Method::CounterEntry => Self::CounterEntry,
            Method::Storno => Self::Storno,
        }
    }
}

#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReversalBody {
    #[serde(default)]
    pub method: Method,
    /// `reversal of …` where it is absent.
    pub memo: Option<String>,
    /// Now where it is absent; of an exchange revaluation the time of that.
    #[schema(value_type = Option<Time>)]
    pub posted_at: Option<Timestamp>,
    /// It may go into a period that is soft-closed.
    #[serde(default)]
    pub adjusting: bool,
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
    currency: String,
    debit: String,
    credit: String,
    /// Debits less credits in the company's currency, where the line is in another one.
    #[serde(skip_serializing_if = "Option::is_none")]
    base: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cost_centre: Option<String>,
    /// Whose account it is, on receivables and payables.
    #[serde(skip_serializing_if = "Option::is_none")]
    party: Option<String>,
}

impl EntryView {
    fn new(entry: JournalEntryRecord, base: Option<Currency>) -> Self {
        let currency = entry.currency;
        let lines = entry.lines.into_iter().map(|line| EntryLineView {
            account: line.account.to_string(),
            currency: line.currency.to_string(),
            debit: amount_text(line.debit_minor, line.currency),
            credit: amount_text(line.credit_minor, line.currency),
            base: line.base_minor.zip(base).map(|(minor, base)| amount_text(minor, base)),
            cost_centre: line.cost_centre.map(|code| code.to_string()),
            party: line.party.map(|code| code.to_string()),
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
#[utoipa::path(get, path = "/erp/v1/journal-entries", operation_id = "list_journal_entries",
    tag = "erp", params(PageQuery),
    responses((status = 200, description = "A page", body = List<EntryView>)))]
async fn list(
    State(api): State<Arc<ErpApi>>,
    Ctx(ctx): Ctx,
    Query(query): Query<PageQuery>,
) -> Result<Json<List<EntryView>>, ApiError> {
    api.may_read(&ctx)?;
    let page = query.page(Listing::JournalEntries)?;
    let entries = api.records.journal_entries(&ctx, &page).await?;
    let base = api.base(&ctx).await?;
    Ok(Json(List::new(
        Listing::JournalEntries,
        &page,
        entries,
        |entry| entry.id.to_string(),
        |entry| EntryView::new(entry, base),
    )))
}

/// Posts a manual entry.
#[utoipa::path(post, path = "/erp/v1/journal-entries", operation_id = "post_journal_entry",
    tag = "erp", request_body = EntryBody,
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
    let (base, currency) = api.currencies(&ctx, body.currency).await?;
    let command = PostJournalEntry {
        memo: body.memo,
        currency,
        posted_at: body.posted_at,
        adjusting: body.adjusting,
        lines: line_inputs(body.lines, currency, base)?,
    };
    Ok(api.execute(&ctx, Command::PostJournalEntry(command), key).await?.into())
}

/// One journal entry.
#[utoipa::path(get, path = "/erp/v1/journal-entries/{number}", operation_id = "get_journal_entry", tag = "erp",
    params(("number" = String, Path, example = "J-000042")),
    responses((status = 200, description = "The entry", body = EntryView), (status = 404, description = "No such entry")))]
async fn show(
    State(api): State<Arc<ErpApi>>,
    Ctx(ctx): Ctx,
    Path(number): Path<String>,
) -> Result<Json<EntryView>, ApiError> {
    api.may_read(&ctx)?;
    let entry = api.records.journal_entry(&ctx, &number).await?;
    let base = api.base(&ctx).await?;
    entry
        .map(|entry| Json(EntryView::new(entry, base)))
        .ok_or_else(|| not_found("journal entry", number))
}

/// Undoes a manual entry by another one. What belongs to a document is reversed with that.
#[utoipa::path(post, path = "/erp/v1/journal-entries/{number}/reverse", operation_id = "reverse_journal_entry",
    tag = "erp", request_body = Option<ReversalBody>,
    params(
        ("number" = String, Path, example = "J-000042"),
        ("Idempotency-Key" = String, Header, description = "Chosen per request; the same when it is repeated"),
    ),
    responses(
        (status = 201, description = "Reversed", body = ReceiptView),
        (status = 400, description = "It was reversed already, or belongs to a document"),
        (status = 404, description = "No such entry"),
    ))]
async fn reverse(
    State(api): State<Arc<ErpApi>>,
    Ctx(ctx): Ctx,
    Key(key): Key,
    Path(number): Path<String>,
    body: Option<Json<ReversalBody>>,
) -> Result<ReceiptView, ApiError> {
    api.may_post(&ctx)?;
    let Json(body) = body.unwrap_or_default();
    let command = ReverseEntry {
        entry: number.into(),
        method: body.method.into(),
        memo: body.memo,
        posted_at: body.posted_at,
        adjusting: body.adjusting,
    };
    Ok(api.execute(&ctx, Command::ReverseEntry(command), key).await?.into())
}
