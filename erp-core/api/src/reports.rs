//! `/erp/v1/reports/…`

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use cortex_erp::{
    AccountBalance, BalanceSheet, Chart, Closings, ErpError, ProfitAndLoss, Section, Span, StatementLine,
};
use cortex_runtime::http::{ApiError, Ctx, Json, Query};
use cortex_types::{Currency, RequestContext};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, OpenApi, ToSchema};

use crate::ErpApi;
use crate::decimals::amount_text;

pub(crate) fn routes() -> Router<Arc<ErpApi>> {
    Router::new()
        .route("/erp/v1/reports/trial-balance", get(trial_balance))
        .route("/erp/v1/reports/balance-sheet", get(balance_sheet))
        .route("/erp/v1/reports/profit-and-loss", get(profit_and_loss))
}

#[derive(OpenApi)]
#[openapi(paths(trial_balance, balance_sheet, profit_and_loss))]
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
    /// `company`: all in the company's currency, which is what is meant where it said one. `original`: each currency by itself.
    #[serde(rename = "in")]
    #[param(value_type = Option<String>, example = "company")]
    basis: Option<Basis>,
    /// What was counted for this one alone.
    cost_centre: Option<String>,
}

/// A stretch of time.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct StretchQuery {
    /// The first day, or RFC 3339 instant, that counts; from the beginning where absent.
    #[param(example = "2011-01-01")]
    from: Option<String>,
    /// The last day, or RFC 3339 instant, that counts; everything where absent. Days are UTC's.
    #[param(example = "2011-06-30")]
    as_of: Option<String>,
}

impl StretchQuery {
    pub(crate) fn span(&self) -> Result<Span, ErpError> {
        Span::new(self.from.as_deref(), self.as_of.as_deref())
    }
}

/// What amounts are in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Basis {
    Company,
    Original,
}

impl SpanQuery {
    fn span(&self) -> Result<Span, ErpError> {
        Span::new(self.from.as_deref(), self.as_of.as_deref())
    }
}

/// The day that a report looks back from.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct AsOfQuery {
    /// The last day, or RFC 3339 instant, that counts; everything where absent. Days are UTC's.
    #[param(example = "2011-06-30")]
    as_of: Option<String>,
    /// `company`: all in the company's currency, which is what is meant where it said one. `original`: each currency by itself.
    #[serde(rename = "in")]
    #[param(value_type = Option<String>, example = "company")]
    basis: Option<Basis>,
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
    accounts: Vec<AccountTotalsView>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct AccountTotalsView {
    account: String,
    title: String,
    currency: String,
    debit: String,
    credit: String,
    /// Debits less credits.
    balance: String,
}

impl AccountTotalsView {
    fn new(account: &AccountBalance, chart: &Chart) -> Self {
        let text = |minor| amount_text(minor, account.currency);
        Self {
            title: chart
                .account(&account.account)
                .map_or_else(|_| String::new(), |found| found.title.clone()),
            debit: text(account.debit_minor),
            credit: text(account.credit_minor),
            balance: text(account.balance_minor()),
            currency: account.currency.to_string(),
            account: account.account.to_string(),
        }
    }
}

/// Balances with the chart that their accounts are of.
struct Balances {
    chart: Chart,
    accounts: Vec<AccountBalance>,
}

impl ErpApi {
    async fn balances(
        &self,
        ctx: &RequestContext,
        span: Span,
        closings: Closings,
        basis: Option<Basis>,
        cost_centre: Option<&str>,
    ) -> Result<Balances, ApiError> {
        self.may_read(ctx)?;
        let company = self.records.company(ctx).await?;
        let accounts = match cost_centre {
            None => self.records.trial_balance(ctx, span, closings).await?,
            Some(code) => self.records.cost_centre_balances(ctx, code, span).await?,
        };
        let accounts = match (basis, company) {
            (Some(Basis::Original), _) | (None, None) => accounts,
            (_, Some(company)) => AccountBalance::in_base(&accounts, company.currency),
            (Some(Basis::Company), None) => {
                let problem = "the company has no currency yet: say it at /erp/v1/company, or ask for 'original'";
                return Err(ErpError::invalid("in", problem).into());
            }
        };
        let chart = self.records.chart(ctx).await?;
        Ok(Balances { chart, accounts })
    }
}

/// Every account that was posted to. The balances of one currency add up to zero.
#[utoipa::path(get, path = "/erp/v1/reports/trial-balance", operation_id = "get_trial_balance",
    tag = "erp", params(SpanQuery),
    responses((status = 200, description = "The accounts, by code", body = TrialBalance)))]
async fn trial_balance(
    State(api): State<Arc<ErpApi>>,
    Ctx(ctx): Ctx,
    Query(query): Query<SpanQuery>,
) -> Result<Json<TrialBalance>, ApiError> {
    let (span, centre) = (query.span()?, query.cost_centre.as_deref());
    let Balances { chart, accounts } = api.balances(&ctx, span, Closings::Counted, query.basis, centre).await?;
    Ok(Json(TrialBalance {
        accounts: accounts
            .iter()
            .map(|account| AccountTotalsView::new(account, &chart))
            .collect(),
    }))
}

/// What there is and whose it is, at the end of a day.
#[utoipa::path(get, path = "/erp/v1/reports/balance-sheet", operation_id = "get_balance_sheet",
    tag = "erp", params(AsOfQuery),
    responses((status = 200, description = "Assets; liabilities, equity and earnings", body = BalanceSheets)))]
async fn balance_sheet(
    State(api): State<Arc<ErpApi>>,
    Ctx(ctx): Ctx,
    Query(query): Query<AsOfQuery>,
) -> Result<Json<BalanceSheets>, ApiError> {
    let span = Span::new(None, query.as_of.as_deref())?;
    let Balances { chart, accounts } = api.balances(&ctx, span, Closings::Counted, query.basis, None).await?;
    let sheets = BalanceSheet::of(&accounts, &chart);
    Ok(Json(BalanceSheets {
        balance_sheets: sheets.into_iter().map(BalanceSheetView::from).collect(),
    }))
}

/// What was earned and what it cost, in a stretch of time.
#[utoipa::path(get, path = "/erp/v1/reports/profit-and-loss", operation_id = "get_profit_and_loss",
    tag = "erp", params(SpanQuery),
    responses((status = 200, description = "Income and expenses", body = ProfitAndLossStatements)))]
async fn profit_and_loss(
    State(api): State<Arc<ErpApi>>,
    Ctx(ctx): Ctx,
    Query(query): Query<SpanQuery>,
) -> Result<Json<ProfitAndLossStatements>, ApiError> {
    let (span, centre) = (query.span()?, query.cost_centre.as_deref());
    let Balances { chart, accounts } = api.balances(&ctx, span, Closings::LeftOut, query.basis, centre).await?;
    let statements = ProfitAndLoss::of(&accounts, &chart);
    Ok(Json(ProfitAndLossStatements {
        profit_and_loss: statements.into_iter().map(ProfitAndLossView::from).collect(),
    }))
}
