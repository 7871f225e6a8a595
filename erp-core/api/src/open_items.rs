//! `/erp/v1/open-items`, what settles them, and how old they are.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::routing::{get, post};
use cortex_erp::{Ageing, Command, DocumentKind, ErpError, ItemSide, OpenItem, Settle, SettleInput, SettleItems, Span};
use cortex_runtime::http::{ApiError, Ctx, Json, Path, Query, objects};
use cortex_types::{Clock, Currency, RequestContext, SystemClock, Timestamp};
use rust_decimal::Decimal;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;
use utoipa::{IntoParams, OpenApi, ToSchema};

use crate::ErpApi;
use crate::decimals::{amount_minor, amount_text};
use crate::exact;
use crate::idempotency::Key;
use crate::paging::{List, Listing, PageQuery};
use crate::receipt::ReceiptView;
use crate::schemas::{CurrencyCode, DecimalText, Time};

/// Ends of the buckets, in days.
const BUCKETS: [u32; 3] = [30, 60, 90];
const BUCKETS_MAX: usize = 12;

pub(crate) fn routes() -> Router<Arc<ErpApi>> {
    Router::new()
        .route("/erp/v1/open-items", get(list))
        .route("/erp/v1/payments/{number}/settle", post(settle_payment))
        .route("/erp/v1/credit-notes/{number}/settle", post(settle_credit_note))
        .route("/erp/v1/purchase-bills/{number}/settle", post(settle_purchase_bill))
        .route("/erp/v1/purchase-returns/{number}/settle", post(settle_purchase_return))
        .route("/erp/v1/landed-costs/{number}/settle", post(settle_landed_cost))
        .route("/erp/v1/opening-balances/{number}/settle", post(settle_opening_balance))
        .route("/erp/v1/journal-entries/{number}/settle", post(settle_journal_entry))
        .route("/erp/v1/reports/receivables-ageing", get(receivables))
        .route("/erp/v1/reports/payables-ageing", get(payables))
}

#[derive(OpenApi)]
#[openapi(paths(
    list,
    settle_payment,
    settle_credit_note,
    settle_purchase_bill,
    settle_purchase_return,
    settle_landed_cost,
    settle_opening_balance,
    settle_journal_entry,
    receivables,
    payables
))]
pub(crate) struct Document;

/// What a payment is for.
#[derive(ToSchema)]
// As it is read below: by what it is, without a name.
#[serde(untagged)]
#[schema(as = Settles)]
pub(crate) enum SettlesBody {
    /// `oldest`: as many as it reaches for, from the one that was due first.
    #[schema(value_type = String)]
    Word(String),
    Named(Vec<SettlesLineBody>),
}

impl<'de> Deserialize<'de> for SettlesBody {
    /// By hand: amounts are read as they were written, which nothing that is tried twice can be.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(transparent)]
        struct Lines(#[serde(deserialize_with = "objects")] Vec<SettlesLineBody>);

        let raw = Box::<RawValue>::deserialize(deserializer)?;
        let read = match raw.get().starts_with('"') {
            true => serde_json::from_str(raw.get()).map(Self::Word),
            false => serde_json::from_str(raw.get()).map(|Lines(lines)| Self::Named(lines)),
        };
        read.map_err(|error| D::Error::custom(format!("'oldest', or a list of documents: {error}")))
    }
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SettlesLineBody {
    /// `sales-invoice` for customers, `purchase-bill` or `purchase-receipt` for suppliers where it is absent.
    #[schema(value_type = Option<String>, example = "sales-invoice")]
    kind: Option<DocumentKind>,
    #[schema(example = "INV-000042")]
    number: String,
    /// All that is open, as far as it reaches, where it is absent.
    #[serde(default, deserialize_with = "exact::decimal_or_none")]
    #[schema(value_type = Option<DecimalText>, example = "15.30")]
    amount: Option<Decimal>,
}

impl SettlesBody {
    pub(crate) fn settle(self, currency: Currency) -> Result<Settle, ErpError> {
        match self {
            Self::Word(word) if word == "oldest" => Ok(Settle::Oldest),
            Self::Word(word) => Err(ErpError::invalid(
                "settles",
                format!("'{word}' is neither 'oldest' nor a list of documents"),
            )),
            Self::Named(lines) => {
                let line = |(index, line): (usize, SettlesLineBody)| {
                    let field = format!("settles[{index}].amount");
                    let amount = line.amount.map(|amount| amount_minor(&field, amount, currency));
                    Ok(SettleInput {
                        kind: line.kind,
                        number: line.number.into(),
                        amount_minor: amount.transpose()?,
                    })
                };
                let named = lines.into_iter().enumerate().map(line);
                Ok(Settle::Named(named.collect::<Result<_, ErpError>>()?))
            }
        }
    }
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SettleBody {
    /// `oldest`, or the documents.
    settles: SettlesBody,
    /// Of the amounts; that of the document where it is absent, and has one.
    #[schema(value_type = Option<CurrencyCode>)]
    currency: Option<Currency>,
    #[schema(value_type = Option<Time>)]
    settled_at: Option<Timestamp>,
}

/// Which items, and the place in the list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ItemsQuery {
    /// `receivable` or `payable`; both where it is absent.
    #[param(value_type = Option<String>, example = "receivable")]
    side: Option<ItemSide>,
    /// Code of a party.
    party: Option<String>,
    /// `next` of the page before.
    after: Option<String>,
    /// 1 to 500; 100 where it is absent.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 500)]
    limit: Option<String>,
}

/// The day that a report looks back from, and its buckets.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct AgeingQuery {
    /// The last day, or RFC 3339 instant, that counts; now where absent. Days are UTC's.
    #[param(example = "2011-06-30")]
    as_of: Option<String>,
    /// Ends of the buckets, in days overdue; `30,60,90` where it is absent.
    #[param(example = "30,60,90")]
    buckets: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct ItemView {
    #[schema(example = "receivable")]
    side: String,
    party: Option<String>,
    document_kind: String,
    number: String,
    currency: String,
    /// Above zero where the party owes.
    amount: String,
    open: String,
    /// The amount in the company's currency, at the rate that it was posted at, where the item is in another one.
    #[serde(skip_serializing_if = "Option::is_none")]
    base: Option<String>,
    /// What is open of it, in the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    open_base: Option<String>,
    posted_at: String,
    due_at: String,
}

impl ItemView {
    fn new(item: OpenItem, base: Option<Currency>) -> Self {
        let in_base = |minor: Option<i64>| minor.zip(base).map(|(minor, base)| amount_text(minor, base));
        Self {
            base: in_base(item.base_minor),
            open_base: in_base(item.base_minor.and_then(|_| item.open_base_minor().ok())),
            side: item.side.as_str().to_owned(),
            party: item.party.map(|party| party.to_string()),
            document_kind: item.document.kind.to_string(),
            number: item.number.to_string(),
            currency: item.currency.to_string(),
            amount: amount_text(item.amount_minor, item.currency),
            open: amount_text(item.open_minor, item.currency),
            posted_at: item.posted_at.to_string(),
            due_at: item.due_at.to_string(),
        }
    }
}

#[derive(Serialize, ToSchema)]
pub(crate) struct AgeingReport {
    /// What each of the amounts is overdue.
    #[schema(example = json!(["not due", "up to 30 days", "31 to 60 days", "61 to 90 days", "more than 90 days"]))]
    buckets: Vec<String>,
    parties: Vec<AgeingView>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct AgeingView {
    /// Absent for what manual entries left without one.
    party: Option<String>,
    currency: String,
    /// One for each bucket; above zero where the party owes.
    open: Vec<String>,
    total: String,
}

impl From<Ageing> for AgeingView {
    fn from(ageing: Ageing) -> Self {
        let text = |minor: i64| amount_text(minor, ageing.currency);
        Self {
            party: ageing.party.as_ref().map(ToString::to_string),
            currency: ageing.currency.to_string(),
            open: ageing.open_minor.iter().copied().map(text).collect(),
            total: text(ageing.total_minor),
        }
    }
}

/// What parties owe and are owed and is not settled, oldest first.
#[utoipa::path(get, path = "/erp/v1/open-items", operation_id = "list_open_items", tag = "erp", params(ItemsQuery),
    responses((status = 200, description = "A page", body = List<ItemView>)))]
async fn list(
    State(api): State<Arc<ErpApi>>,
    Ctx(ctx): Ctx,
    Query(query): Query<ItemsQuery>,
) -> Result<Json<List<ItemView>>, ApiError> {
    api.may_read(&ctx)?;
    let (after, limit) = (query.after, query.limit);
    let page = PageQuery { after, limit }.page(Listing::OpenItems)?;
    let items = api
        .records
        .open_items(&ctx, query.side, query.party.as_deref(), &page)
        .await?;
    let base = api.base(&ctx).await?;
    Ok(Json(List::new(
        Listing::OpenItems,
        &page,
        items,
        |item| item.id.to_string(),
        |item| ItemView::new(item, base),
    )))
}

/// The handlers differ in the kind of their document alone.
// rustfmt indents an attribute of several lines inside a macro anew each time it runs.
#[rustfmt::skip]
macro_rules! settle {
    ($name:ident, $path:literal, $kind:ident) => {
        /// What is left of the document settles others of its party.
        #[utoipa::path(post, path = $path, tag = "erp", request_body = SettleBody,
            params(("number" = String, Path),
                ("Idempotency-Key" = String, Header, description = "Chosen per request; the same when it is repeated")),
            responses(
                (status = 201, description = "Settled; the amount is what was, in the currency of the first item", body = ReceiptView),
                (status = 400, description = "More than is open or left, or of another party"),
                (status = 404, description = "No such document"),
            ))]
        async fn $name(
            State(api): State<Arc<ErpApi>>,
            Ctx(ctx): Ctx,
            Path(number): Path<String>,
            Key(key): Key,
            Json(body): Json<SettleBody>,
        ) -> Result<ReceiptView, ApiError> {
            let command = api.settlement(&ctx, DocumentKind::$kind, number, body).await?;
            Ok(api.execute(&ctx, command, key).await?.into())
        }
    };
}

settle!(settle_payment, "/erp/v1/payments/{number}/settle", Payment);
settle!(settle_credit_note, "/erp/v1/credit-notes/{number}/settle", CreditNote);
settle!(
    settle_purchase_bill,
    "/erp/v1/purchase-bills/{number}/settle",
    PurchaseBill
);
settle!(
    settle_purchase_return,
    "/erp/v1/purchase-returns/{number}/settle",
    PurchaseReturn
);
settle!(settle_landed_cost, "/erp/v1/landed-costs/{number}/settle", LandedCost);
settle!(
    settle_opening_balance,
    "/erp/v1/opening-balances/{number}/settle",
    OpeningBalance
);
settle!(
    settle_journal_entry,
    "/erp/v1/journal-entries/{number}/settle",
    JournalEntry
);

/// What customers owe, by how long it is overdue.
#[utoipa::path(get, path = "/erp/v1/reports/receivables-ageing", operation_id = "get_receivables_ageing", tag = "erp",
    params(AgeingQuery), responses((status = 200, description = "By customer and currency", body = AgeingReport)))]
async fn receivables(
    State(api): State<Arc<ErpApi>>,
    Ctx(ctx): Ctx,
    Query(query): Query<AgeingQuery>,
) -> Result<Json<AgeingReport>, ApiError> {
    api.ageing(&ctx, ItemSide::Receivable, &query).await
}

/// What is owed to suppliers, by how long it is overdue.
#[utoipa::path(get, path = "/erp/v1/reports/payables-ageing", operation_id = "get_payables_ageing", tag = "erp",
    params(AgeingQuery), responses((status = 200, description = "By supplier and currency", body = AgeingReport)))]
async fn payables(
    State(api): State<Arc<ErpApi>>,
    Ctx(ctx): Ctx,
    Query(query): Query<AgeingQuery>,
) -> Result<Json<AgeingReport>, ApiError> {
    api.ageing(&ctx, ItemSide::Payable, &query).await
}

impl ErpApi {
    async fn settlement(
        &self,
        ctx: &RequestContext,
        kind: DocumentKind,
        number: String,
        body: SettleBody,
    ) -> Result<Command, ApiError> {
        self.may_post(ctx)?;
        let named = match body.currency {
            None => self.currency_of(ctx, kind, &number).await?,
            named => named,
        };
        let currency = self.document_currency(ctx, named).await?;
        Ok(Command::SettleItems(SettleItems {
            kind,
            number: number.into(),
            currency,
            settles: body.settles.settle(currency)?,
            settled_at: body.settled_at,
        }))
    }

    async fn ageing(
        &self,
        ctx: &RequestContext,
        side: ItemSide,
        query: &AgeingQuery,
    ) -> Result<Json<AgeingReport>, ApiError> {
        self.may_read(ctx)?;
        let days = query.buckets.as_deref().map_or(Ok(BUCKETS.to_vec()), buckets)?;
        let before = Span::new(None, query.as_of.as_deref())?.before;
        let before = before.unwrap_or_else(|| SystemClock.now());
        let ageing = self.records.ageing(ctx, side, before, &days).await?;
        let mut titles = vec!["not due".to_owned()];
        let mut from = None;
        for end in &days {
            titles.push(from.map_or_else(|| format!("up to {end} days"), |from| format!("{from} to {end} days")));
            from = Some(end.saturating_add(1));
        }
        titles.push(format!("more than {} days", days.last().copied().unwrap_or(0)));
        Ok(Json(AgeingReport {
            buckets: titles,
            parties: ageing.into_iter().map(AgeingView::from).collect(),
        }))
    }
}

/// Days, each more than the one before.
fn buckets(text: &str) -> Result<Vec<u32>, ErpError> {
    let days = text.split(',').map(|days| days.trim().parse::<u32>());
    let days = days.collect::<Result<Vec<_>, _>>().unwrap_or_default();
    let grows = days.windows(2).all(|two| two[0] < two[1]);
    if days.is_empty() || days.len() > BUCKETS_MAX || !grows {
        let problem = format!(
            "'{text}' is not 1 to {BUCKETS_MAX} numbers of days, each more than the one before, such as 30,60,90"
        );
        return Err(ErpError::invalid("buckets", problem));
    }
    Ok(days)
}
