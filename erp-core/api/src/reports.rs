//! `/erp/v1/reports/…`

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use cortex_erp::{
    Account, AccountBalance, BalanceSheet, Closings, ErpError, LedgerLine, ProfitAndLoss, Section, Span, StatementLine,
};
use cortex_runtime::http::{ApiError, Ctx, Json, Query};
use cortex_types::Currency;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, OpenApi, ToSchema};

use crate::ErpApi;
use crate::decimals::amount_text;
use crate::paging::{List, Listing, PageQuery};

pub(crate) fn routes() -> Router<Arc<ErpApi>> {
    Router::new()
        .route("/erp/v1/reports/trial-balance", get(trial_balance))
        .route("/erp/v1/reports/balance-sheet", get(balance_sheet))
        .route("/erp/v1/reports/profit-and-loss", get(profit_and_loss))
        .route("/erp/v1/reports/general-ledger", get(general_ledger))
}

#[derive(OpenApi)]
#[openapi(paths(trial_balance, balance_sheet, profit_and_loss, general_ledger))]
pub(crate) struct Document;

/// The stretch of time that a report is about.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct SpanQuery {
    /// The first day, or RFC 3339 instant, that counts; from the beginning where absent.
    #[param(example = "2011-01-01")]
    from: Option<String>,
    /// The last day, or RFC 3339 instant, that counts; everything where absent. Days are UTC's.
    #[param(example = "2011-06-30")]
    as_of: Option<String>,
}

impl SpanQuery {
    fn span(&self) -> Result<Span, ErpError> {
        Span::new(self.from.as_deref(), self.as_of.as_deref())
    }
}

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

/// The day that a report looks back from.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct AsOfQuery {
    /// The last day, or RFC 3339 instant, that counts; everything where absent. Days are UTC's.
    #[param(example = "2011-06-30")]
    as_of: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct SectionView {
    accounts: Vec<StatementLineView>,
    total: String,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct StatementLineView {
    #[schema(example = "1100")]
    account: String,
    title: String,
    /// Positive on the side where accounts of its kind grow: debit for assets and expenses, credit for the others.
    amount: String,
}

impl SectionView {
    fn new(section: Section, currency: Currency) -> Self {
        let line = |line: StatementLine| StatementLineView {
            amount: amount_text(line.amount_minor, currency),
            account: line.account,
            title: line.title,
        };
        Self {
            accounts: section.lines.into_iter().map(line).collect(),
            total: amount_text(section.total_minor, currency),
        }
    }
}

#[derive(Serialize, ToSchema)]
pub(crate) struct BalanceSheets {
    /// One for each currency that was posted in.
    balance_sheets: Vec<BalanceSheetView>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct BalanceSheetView {
    currency: String,
    assets: SectionView,
    liabilities: SectionView,
    equity: SectionView,
    /// Income less expenses so far.
    earned: String,
    /// The same as the total of the assets.
    liabilities_and_equity: String,
}

impl From<BalanceSheet> for BalanceSheetView {
    fn from(sheet: BalanceSheet) -> Self {
        let currency = sheet.currency;
        Self {
            currency: currency.to_string(),
            earned: amount_text(sheet.earned_minor, currency),
            liabilities_and_equity: amount_text(sheet.liabilities_and_equity_minor(), currency),
            assets: SectionView::new(sheet.assets, currency),
            liabilities: SectionView::new(sheet.liabilities, currency),
            equity: SectionView::new(sheet.equity, currency),
        }
    }
}

#[derive(Serialize, ToSchema)]
pub(crate) struct ProfitAndLossStatements {
    /// One for each currency that was posted in.
    profit_and_loss: Vec<ProfitAndLossView>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct ProfitAndLossView {
    currency: String,
    income: SectionView,
    expenses: SectionView,
    /// Income less expenses.
    result: String,
}

impl From<ProfitAndLoss> for ProfitAndLossView {
    fn from(statement: ProfitAndLoss) -> Self {
        let currency = statement.currency;
        Self {
            currency: currency.to_string(),
            result: amount_text(statement.result_minor(), currency),
            income: SectionView::new(statement.income, currency),
            expenses: SectionView::new(statement.expenses, currency),
        }
    }
}

#[derive(Serialize, ToSchema)]
pub(crate) struct TrialBalance {
    accounts: Vec<AccountView>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct AccountView {
    account: String,
    title: String,
    currency: String,
    debit: String,
    credit: String,
    /// Debits less credits.
    balance: String,
}

impl From<AccountBalance> for AccountView {
    fn from(account: AccountBalance) -> Self {
        let text = |minor| amount_text(minor, account.currency);
        Self {
            title: account.title().to_owned(),
            debit: text(account.debit_minor),
            credit: text(account.credit_minor),
            balance: text(account.balance_minor()),
            currency: account.currency.to_string(),
            account: account.account,
        }
    }
}

#[derive(Serialize, ToSchema)]
pub(crate) struct LedgerView {
    account: String,
    title: String,
    /// What the account came to before this page, in each currency.
    opening: Vec<OpeningView>,
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
    /// Debits less credits of everything up to here.
    balance: String,
}

impl From<LedgerLine> for LedgerLineView {
    fn from(line: LedgerLine) -> Self {
        let text = |minor| amount_text(minor, line.currency);
        Self {
            posted_at: line.posted_at.to_string(),
            entry: line.entry.to_string(),
            document_kind: line.document.to_string(),
            debit: text(line.debit_minor),
            credit: text(line.credit_minor),
            balance: text(line.balance_minor),
            currency: line.currency.to_string(),
            memo: line.memo,
        }
    }
}

/// Every account that was posted to. The balances of one currency add up to zero.
#[utoipa::path(get, path = "/erp/v1/reports/trial-balance", tag = "erp", params(SpanQuery),
    responses((status = 200, description = "The accounts, by code", body = TrialBalance)))]
async fn trial_balance(
    State(api): State<Arc<ErpApi>>,
    Ctx(ctx): Ctx,
    Query(query): Query<SpanQuery>,
) -> Result<Json<TrialBalance>, ApiError> {
    api.may_read(&ctx)?;
    let accounts = api
        .records
        .trial_balance(&ctx, query.span()?, Closings::Counted)
        .await?;
    Ok(Json(TrialBalance {
        accounts: accounts.into_iter().map(AccountView::from).collect(),
    }))
}

/// What there is and whose it is, at the end of a day.
#[utoipa::path(get, path = "/erp/v1/reports/balance-sheet", tag = "erp", params(AsOfQuery),
    responses((status = 200, description = "Assets; liabilities, equity and earnings", body = BalanceSheets)))]
async fn balance_sheet(
    State(api): State<Arc<ErpApi>>,
    Ctx(ctx): Ctx,
    Query(query): Query<AsOfQuery>,
) -> Result<Json<BalanceSheets>, ApiError> {
    api.may_read(&ctx)?;
    let span = Span::new(None, query.as_of.as_deref())?;
    let sheets = BalanceSheet::of(&api.records.trial_balance(&ctx, span, Closings::Counted).await?);
    Ok(Json(BalanceSheets {
        balance_sheets: sheets.into_iter().map(BalanceSheetView::from).collect(),
    }))
}

/// What was earned and what it cost, in a stretch of time.
#[utoipa::path(get, path = "/erp/v1/reports/profit-and-loss", tag = "erp", params(SpanQuery),
    responses((status = 200, description = "Income and expenses", body = ProfitAndLossStatements)))]
async fn profit_and_loss(
    State(api): State<Arc<ErpApi>>,
    Ctx(ctx): Ctx,
    Query(query): Query<SpanQuery>,
) -> Result<Json<ProfitAndLossStatements>, ApiError> {
    api.may_read(&ctx)?;
    let statements = ProfitAndLoss::of(
        &api.records
            .trial_balance(&ctx, query.span()?, Closings::LeftOut)
            .await?,
    );
    Ok(Json(ProfitAndLossStatements {
        profit_and_loss: statements.into_iter().map(ProfitAndLossView::from).collect(),
    }))
}

/// What was posted to an account, in the order of business time, with the balance after each line.
#[utoipa::path(get, path = "/erp/v1/reports/general-ledger", tag = "erp", params(LedgerQuery),
    responses((status = 200, description = "A page", body = LedgerView), (status = 400, description = "No such account")))]
async fn general_ledger(
    State(api): State<Arc<ErpApi>>,
    Ctx(ctx): Ctx,
    Query(query): Query<LedgerQuery>,
) -> Result<Json<LedgerView>, ApiError> {
    api.may_read(&ctx)?;
    let account = Account::find(&query.account)?;
    let span = Span::new(query.from.as_deref(), query.as_of.as_deref())?;
    let page = PageQuery {
        after: query.after,
        limit: query.limit,
    };
    let page = page.page(Listing::GeneralLedger)?;
    let ledger = api.records.general_ledger(&ctx, account, span, &page).await?;
    let opening = ledger.opening.into_iter().map(|(currency, minor)| OpeningView {
        currency: currency.to_string(),
        balance: amount_text(minor, currency),
    });
    Ok(Json(LedgerView {
        account: account.code().to_owned(),
        title: account.title().to_owned(),
        opening: opening.collect(),
        lines: List::new(
            Listing::GeneralLedger,
            &page,
            ledger.lines,
            |line| line.id.to_string(),
            LedgerLineView::from,
        ),
    }))
}
