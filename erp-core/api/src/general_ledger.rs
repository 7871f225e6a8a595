//! `/erp/v1/reports/general-ledger`

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use cortex_erp::{LedgerLine, Span};
use cortex_runtime::http::{ApiError, Ctx, Json, Query};
use cortex_types::Currency;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, OpenApi, ToSchema};

use crate::ErpApi;
use crate::decimals::amount_text;
use crate::paging::{List, Listing, PageQuery};

pub(crate) fn routes() -> Router<Arc<ErpApi>> {
    Router::new().route("/erp/v1/reports/general-ledger", get(general_ledger))
}

#[derive(OpenApi)]
#[openapi(paths(general_ledger))]
pub(crate) struct Document;

/// An account, the stretch of time, and the place in the list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct LedgerQuery {
    #[param(example = "1100")]
    account: String,
    /// The first day, or RFC 3339 instant, that counts; from the beginning where absent.
    #[param(example = "2011-01-01")]
    from: Option<String>,
    /// The last day, or RFC 3339 instant, that counts; everything where absent. Days are UTC's.
    #[param(example = "2011-06-30")]
    as_of: Option<String>,
    /// `next` of the page before.
    after: Option<String>,
    /// 1 to 500; 100 where it is absent.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 500)]
    limit: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct LedgerView {
    account: String,
    title: String,
    /// What the account came to before this page, in each currency.
    opening: Vec<OpeningView>,
    /// The same in the company's currency, once that is settled.
    #[serde(skip_serializing_if = "Option::is_none")]
    opening_base: Option<String>,
    #[serde(flatten)]
    lines: List<LedgerLineView>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct OpeningView {
    currency: String,
    /// Debits less credits.
    balance: String,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct LedgerLineView {
    posted_at: String,
    #[schema(example = "J-000042")]
    entry: String,
    #[schema(example = "sales-invoice")]
    document_kind: String,
    memo: String,
    currency: String,
    debit: String,
    credit: String,
    /// Debits less credits in the company's currency, where the line is in another one.
    #[serde(skip_serializing_if = "Option::is_none")]
    base: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cost_centre: Option<String>,
    /// Debits less credits of everything up to here, in this currency.
    balance: String,
    /// The same of every currency, in the company's.
    #[serde(skip_serializing_if = "Option::is_none")]
    balance_base: Option<String>,
}

impl LedgerLineView {
    fn new(line: LedgerLine, base: Option<Currency>) -> Self {
        let text = |minor| amount_text(minor, line.currency);
        Self {
            posted_at: line.posted_at.to_string(),
            entry: line.entry.to_string(),
            document_kind: line.document.to_string(),
            debit: text(line.debit_minor),
            credit: text(line.credit_minor),
            balance: text(line.balance_minor),
            balance_base: base.map(|base| amount_text(line.balance_base_minor, base)),
            base: line.base_minor.zip(base).map(|(minor, base)| amount_text(minor, base)),
            cost_centre: line.cost_centre.map(|code| code.to_string()),
            currency: line.currency.to_string(),
            memo: line.memo,
        }
    }
}

/// What was posted to an account, in the order of business time, with the balance after each line.
#[utoipa::path(get, path = "/erp/v1/reports/general-ledger", operation_id = "get_general_ledger",
    tag = "erp", params(LedgerQuery),
    responses((status = 200, description = "A page", body = LedgerView), (status = 400, description = "No such account")))]
async fn general_ledger(
    State(api): State<Arc<ErpApi>>,
    Ctx(ctx): Ctx,
    Query(query): Query<LedgerQuery>,
) -> Result<Json<LedgerView>, ApiError> {
    api.may_read(&ctx)?;
    let base = api.base(&ctx).await?;
    let chart = api.records.chart(&ctx).await?;
    let account = chart.account(&query.account)?;
    let span = Span::new(query.from.as_deref(), query.as_of.as_deref())?;
    let page = PageQuery {
        after: query.after,
        limit: query.limit,
    };
    let page = page.page(Listing::GeneralLedger)?;
    let ledger = api.records.general_ledger(&ctx, &account.code, span, &page).await?;
    let opening = ledger.opening.into_iter().map(|(currency, minor)| OpeningView {
        currency: currency.to_string(),
        balance: amount_text(minor, currency),
    });
    Ok(Json(LedgerView {
        account: account.code.to_string(),
        title: account.title.clone(),
        opening: opening.collect(),
        opening_base: base.map(|base| amount_text(ledger.opening_base_minor, base)),
        lines: List::new(
            Listing::GeneralLedger,
            &page,
            ledger.lines,
            |line| line.id.to_string(),
            |line| LedgerLineView::new(line, base),
        ),
    }))
}
