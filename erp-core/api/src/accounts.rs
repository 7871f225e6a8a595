//! `/erp/v1/accounts`: the chart of accounts.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use cortex_erp::{Account, AccountKind, Chart, Command, DefineAccount, Role};
use cortex_runtime::http::{ApiError, Ctx, Json, Path};
use serde::{Deserialize, Serialize};
use utoipa::{OpenApi, ToSchema};

use crate::ErpApi;
use crate::api::not_found;
use crate::idempotency::Key;
use crate::receipt::ReceiptView;

pub(crate) fn routes() -> Router<Arc<ErpApi>> {
    Router::new()
        .route("/erp/v1/accounts", get(list))
        .route("/erp/v1/accounts/{code}", get(one).put(define))
}

#[derive(OpenApi)]
#[openapi(paths(list, one, define))]
pub(crate) struct Document;

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AccountBody {
    #[schema(example = "Rent")]
    title: String,
    /// `asset`, `liability`, `equity`, `income` or `expense`. It stays once something may have been posted.
    #[schema(value_type = crate::schemas::AccountKindWord, example = "expense")]
    kind: AccountKind,
    /// What posting rules are to use it for, such as `sales`. Another account loses it.
    #[schema(value_type = Option<crate::schemas::RoleWord>)]
    role: Option<Role>,
    /// Nothing more is posted to it.
    #[serde(default)]
    blocked: bool,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct Accounts {
    /// All of them, by code.
    items: Vec<AccountView>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct AccountView {
    #[schema(example = "1100")]
    code: String,
    title: String,
    #[schema(example = "asset")]
    kind: String,
    /// What posting rules use it for.
    #[schema(example = "receivables")]
    role: Option<String>,
    blocked: bool,
}

impl From<&Account> for AccountView {
    fn from(account: &Account) -> Self {
        Self {
            code: account.code.to_string(),
            title: account.title.clone(),
            kind: account.kind.as_str().to_owned(),
            role: account.role.map(|role| role.to_string()),
            blocked: account.blocked,
        }
    }
}

/// The chart of accounts. While nothing is posted it is that of the company's template, and `trading` where nobody said
/// what the company is.
#[utoipa::path(get, path = "/erp/v1/accounts", operation_id = "list_accounts", tag = "erp",
    responses((status = 200, description = "All accounts", body = Accounts)))]
async fn list(State(api): State<Arc<ErpApi>>, Ctx(ctx): Ctx) -> Result<Json<Accounts>, ApiError> {
    api.may_read(&ctx)?;
    let chart: Chart = api.records.chart(&ctx).await?;
    Ok(Json(Accounts {
        items: chart.accounts().map(AccountView::from).collect(),
    }))
}

/// One account.
#[utoipa::path(get, path = "/erp/v1/accounts/{code}", operation_id = "get_account", tag = "erp",
    params(("code" = String, Path, example = "1100")),
    responses((status = 200, description = "The account", body = AccountView),
        (status = 404, description = "No such account")))]
async fn one(
    State(api): State<Arc<ErpApi>>,
    Ctx(ctx): Ctx,
    Path(code): Path<String>,
) -> Result<Json<AccountView>, ApiError> {
    api.may_read(&ctx)?;
    let chart = api.records.chart(&ctx).await?;
    let found = chart.accounts().find(|account| *account.code == *code);
    found
        .map(|account| Json(account.into()))
        .ok_or_else(|| not_found("account", code))
}

/// Creates an account, or changes it.
#[utoipa::path(put, path = "/erp/v1/accounts/{code}", operation_id = "define_account", tag = "erp",
    request_body = AccountBody,
    params(("code" = String, Path),
        ("Idempotency-Key" = String, Header, description = "Chosen per request; the same when it is repeated")),
    responses(
        (status = 201, description = "Defined", body = ReceiptView),
        (status = 400, description = "Refused, as problem details"),
    ))]
async fn define(
    State(api): State<Arc<ErpApi>>,
    Ctx(ctx): Ctx,
    Path(code): Path<String>,
    Key(key): Key,
    Json(body): Json<AccountBody>,
) -> Result<ReceiptView, ApiError> {
    api.may_post(&ctx)?;
    let command = DefineAccount {
        code: code.into(),
        title: body.title,
        kind: body.kind,
        role: body.role,
        blocked: body.blocked,
    };
    Ok(api.execute(&ctx, Command::DefineAccount(command), key).await?.into())
}
