//! `/erp/v1/currencies`, `/erp/v1/countries` and `/erp/v1/units`: what is the same for everybody

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use cortex_erp::reference::{
    Country, ReferenceCurrency, StandardUnit, UnitError, convert, countries, country_named, currencies, currency,
    ratio_between, standard_unit, standard_units,
};
use cortex_erp::{ErpError, Page, ProductUnit};
use cortex_runtime::http::{ApiError, Ctx, Json, Path, Query};
use cortex_types::{Quantity, RequestContext, Unit};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, OpenApi, ToSchema};

use crate::ErpApi;
use crate::api::not_found;
use crate::bodies::unit_of;
use crate::decimals::quantity_text;
use crate::exact;
use crate::paging::{List, Listing, PageQuery};

pub(crate) fn routes() -> Router<Arc<ErpApi>> {
    Router::new()
        .route("/erp/v1/currencies", get(list_currencies))
        .route("/erp/v1/currencies/{code}", get(one_currency))
        .route("/erp/v1/countries", get(list_countries))
        .route("/erp/v1/countries/{code}", get(one_country))
        .route("/erp/v1/units", get(list_units))
        .route("/erp/v1/units/convert", get(convert_quantity))
        .route("/erp/v1/units/{code}", get(one_unit))
}

#[derive(OpenApi)]
#[openapi(paths(
    list_currencies,
    one_currency,
    list_countries,
    one_country,
    list_units,
    one_unit,
    convert_quantity
))]
pub(crate) struct Document;

#[derive(Serialize, ToSchema)]
pub(crate) struct CurrencyView {
    #[schema(example = "GBP")]
    code: String,
    /// Three digits.
    #[schema(example = "826")]
    numeric: String,
    name: String,
    /// Decimals of an amount.
    #[schema(example = 2)]
    minor_digits: u32,
}

impl From<&ReferenceCurrency> for CurrencyView {
    fn from(of: &ReferenceCurrency) -> Self {
        Self {
            code: of.currency.to_string(),
            numeric: format!("{:03}", of.numeric),
            name: of.name.clone(),
            minor_digits: of.currency.exponent(),
        }
    }
}

#[derive(Serialize, ToSchema)]
pub(crate) struct CountryView {
    #[schema(example = "GB")]
    alpha2: String,
    #[schema(example = "GBR")]
    alpha3: String,
    /// Three digits.
    #[schema(example = "826")]
    numeric: String,
    /// The short name of the standard.
    name: String,
}

impl From<&Country> for CountryView {
    fn from(of: &Country) -> Self {
        Self {
            alpha2: of.alpha2.to_owned(),
            alpha3: of.alpha3.to_owned(),
            numeric: format!("{:03}", of.numeric),
            name: of.name.to_owned(),
        }
    }
}

#[derive(Serialize, ToSchema)]
pub(crate) struct UnitView {
    #[schema(example = "LBR")]
    code: String,
    name: String,
    symbol: String,
    /// `count`, `mass`, `length`, `area`, `volume`, `time` or `energy`.
    #[schema(example = "mass")]
    dimension: String,
    /// The unit of its dimension that all others are so many of.
    #[schema(example = "KGM")]
    base: String,
    /// How many of the base it is, exactly: a decimal, or a fraction such as `1200/3937`. Absent for boxes and the like, which hold
    /// what their product says.
    #[schema(example = "0.45359237")]
    #[serde(skip_serializing_if = "Option::is_none")]
    factor: Option<String>,
}

impl From<&StandardUnit> for UnitView {
    fn from(of: &StandardUnit) -> Self {
        Self {
            code: of.code.to_owned(),
            name: of.name.to_owned(),
            symbol: of.symbol.to_owned(),
            dimension: of.dimension.as_str().to_owned(),
            base: of.dimension.base().to_owned(),
            factor: of.factor.map(|factor| factor.to_string()),
        }
    }
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ConversionQuery {
    #[param(example = "100")]
    quantity: String,
    #[param(example = "LBR")]
    from: String,
    #[param(example = "KGM")]
    to: String,
    /// Code of the product that it is a quantity of: its own units count as well.
    product: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct ConversionView {
    quantity: String,
    from: String,
    to: String,
    /// How many of `to` one of `from` is.
    factor: String,
    #[schema(example = "1.133981")]
    result: String,
}

/// A page of a table that goes by codes.
fn page_of<T, V>(
    query: PageQuery,
    listing: Listing,
    rows: impl Iterator<Item = T>,
    code: impl Fn(&T) -> String,
    view: impl Fn(T) -> V,
) -> Result<Json<List<V>>, ApiError> {
    let page = query.page(listing)?;
    let behind = |row: &T| page.after.as_ref().is_none_or(|after| code(row) > *after);
    let rows = rows.filter(behind).take(page.limit() as usize).collect();
    Ok(Json(List::new(listing, &page, rows, &code, view)))
}

/// Currencies that documents may be in (ISO 4217), by code.
#[utoipa::path(get, path = "/erp/v1/currencies", operation_id = "list_currencies", tag = "erp", params(PageQuery),
    responses((status = 200, description = "A page", body = List<CurrencyView>)))]
async fn list_currencies(
    State(api): State<Arc<ErpApi>>,
    Ctx(ctx): Ctx,
    Query(query): Query<PageQuery>,
) -> Result<Json<List<CurrencyView>>, ApiError> {
    api.may_read(&ctx)?;
    let code = |of: &&ReferenceCurrency| of.currency.to_string();
    page_of(
        query,
        Listing::Currencies,
        currencies().iter(),
        code,
        CurrencyView::from,
    )
}

/// One currency.
#[utoipa::path(get, path = "/erp/v1/currencies/{code}", operation_id = "get_currency", tag = "erp",
    params(("code" = String, Path, example = "GBP")),
    responses(
        (status = 200, description = "The currency", body = CurrencyView),
        (status = 404, description = "No such currency"),
    ))]
async fn one_currency(
    State(api): State<Arc<ErpApi>>,
    Ctx(ctx): Ctx,
    Path(code): Path<String>,
) -> Result<Json<CurrencyView>, ApiError> {
    api.may_read(&ctx)?;
    match currency(&code) {
        Some(found) => Ok(Json(found.into())),
        None => Err(not_found("currency", code)),
    }
}

/// Countries (ISO 3166-1), by their alpha-2 codes.
#[utoipa::path(get, path = "/erp/v1/countries", operation_id = "list_countries", tag = "erp", params(PageQuery),
    responses((status = 200, description = "A page", body = List<CountryView>)))]
async fn list_countries(
    State(api): State<Arc<ErpApi>>,
    Ctx(ctx): Ctx,
    Query(query): Query<PageQuery>,
) -> Result<Json<List<CountryView>>, ApiError> {
    api.may_read(&ctx)?;
    let code = |of: &&Country| of.alpha2.to_owned();
    page_of(query, Listing::Countries, countries().iter(), code, CountryView::from)
}

/// One country: by its alpha-2 or alpha-3 code, its name, or a name that is in use for it, such as `UK` or `Czech Republic`.
#[utoipa::path(get, path = "/erp/v1/countries/{code}", operation_id = "get_country", tag = "erp",
    params(("code" = String, Path, example = "GB")),
    responses(
        (status = 200, description = "The country", body = CountryView),
        (status = 404, description = "No such country, or more than one"),
    ))]
async fn one_country(
    State(api): State<Arc<ErpApi>>,
    Ctx(ctx): Ctx,
    Path(code): Path<String>,
) -> Result<Json<CountryView>, ApiError> {
    api.may_read(&ctx)?;
    match country_named(&code) {
        Some(found) => Ok(Json(found.into())),
        None => Err(not_found("country", code)),
    }
}

/// Units of measure (UN/ECE Recommendations 20 and 21), by code.
#[utoipa::path(get, path = "/erp/v1/units", operation_id = "list_units", tag = "erp", params(PageQuery),
    responses((status = 200, description = "A page", body = List<UnitView>)))]
async fn list_units(
    State(api): State<Arc<ErpApi>>,
    Ctx(ctx): Ctx,
    Query(query): Query<PageQuery>,
) -> Result<Json<List<UnitView>>, ApiError> {
    api.may_read(&ctx)?;
    let (units, code) = (standard_units().iter().copied(), |of: &&StandardUnit| {
        of.code.to_owned()
    });
    page_of(query, Listing::Units, units, code, UnitView::from)
}

/// One unit.
#[utoipa::path(get, path = "/erp/v1/units/{code}", operation_id = "get_unit", tag = "erp",
    params(("code" = String, Path, example = "KGM")),
    responses(
        (status = 200, description = "The unit", body = UnitView),
        (status = 404, description = "No such unit"),
    ))]
async fn one_unit(
    State(api): State<Arc<ErpApi>>,
    Ctx(ctx): Ctx,
    Path(code): Path<String>,
) -> Result<Json<UnitView>, ApiError> {
    api.may_read(&ctx)?;
    match standard_unit(&code) {
        Some(found) => Ok(Json(found.into())),
        None => Err(not_found("unit", code)),
    }
}

/// The same quantity in another unit, exactly; refused where that has more than six decimals.
#[utoipa::path(get, path = "/erp/v1/units/convert", operation_id = "convert_quantity", tag = "erp",
    params(ConversionQuery),
    responses(
        (status = 200, description = "What it is", body = ConversionView),
        (status = 400, description = "No such unit, one of another dimension, or not exact"),
        (status = 404, description = "No such product"),
    ))]
async fn convert_quantity(
    State(api): State<Arc<ErpApi>>,
    Ctx(ctx): Ctx,
    Query(query): Query<ConversionQuery>,
) -> Result<Json<ConversionView>, ApiError> {
    api.may_read(&ctx)?;
    let refused = |field: &'static str| move |error: String| ErpError::invalid(field, error);
    let amount = exact::decimal_of_text(&query.quantity).map_err(refused("quantity"))?;
    let (from, to) = (unit_of("from", &query.from)?, unit_of("to", &query.to)?);
    let given = Quantity::from_decimal(amount, from).map_err(|error| refused("quantity")(error.to_string()))?;
    let ratio = match query.product {
        Some(product) => api.ratio_for(&ctx, product, &given.unit, &to).await?,
        None => ratio_between(&given.unit, &to),
    };
    let ratio = ratio.map_err(|error| {
        let field = match &error {
            UnitError::Unknown(unit) | UnitError::NoFactor(unit) if *unit == given.unit => "from",
            _ => "to",
        };
        refused(field)(error.to_string())
    })?;
    let found = convert(&given, &to, ratio).map_err(|error| refused("quantity")(error.to_string()))?;
    Ok(Json(ConversionView {
        quantity: quantity_text(given.micro),
        from: given.unit.to_string(),
        to: to.to_string(),
        factor: ratio.to_string(),
        result: quantity_text(found.micro),
    }))
}

impl ErpApi {
    /// All units of a product besides its own: they are fewer than a page holds.
    pub(crate) async fn units_of(&self, ctx: &RequestContext, product: &str) -> Result<Vec<ProductUnit>, ErpError> {
        let page = Page::new(None, cortex_erp::PAGE_LIMIT_MAX);
        self.records.product_units(ctx, Some(product), &page).await
    }

    /// How many of `to` one of `from` is, of a product; as it is for everybody where the product's own unit is of no use.
    async fn ratio_for(
        &self,
        ctx: &RequestContext,
        product: String,
        from: &Unit,
        to: &Unit,
    ) -> Result<Result<cortex_erp::reference::Ratio, UnitError>, ApiError> {
        let Some(product) = self.records.product(ctx, &product).await? else {
            return Err(not_found("product", product));
        };
        let units = self.units_of(ctx, &product.code).await?;
        let (one, other) = (product.ratio_of(&units, from), product.ratio_of(&units, to));
        let both = one.and_then(|one| one.per(other?).ok_or_else(|| UnitError::Unknown(to.clone())));
        Ok(both.or_else(|of_product| ratio_between(from, to).map_err(|_| of_product)))
    }
}
