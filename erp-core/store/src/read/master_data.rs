use cortex_erp::valuation::Method;
use cortex_erp::{Location, NegativeStock, Party, PartyKind, PartyTerms, Product, ProductKind};
use cortex_store::sql::Row;

use crate::rows::Columns;

pub(super) const PARTIES: &str = "SELECT id, code, kind, name_sealed, country, payment_days, \
                                  credit_limit_minor, credit_currency, created_at FROM parties";
pub(super) const PRODUCTS: &str =
    "SELECT id, code, description, kind, unit, currency, list_price_minor, valuation, created_at FROM products";

pub(super) const LOCATIONS: &str = "SELECT id, code, name, negative_stock, created_at FROM locations";
pub(super) const LOCATIONS_OF_TENANT: &str =
    "SELECT id, code, name, negative_stock, created_at FROM locations WHERE tenant_id = $1";

pub(super) fn location(row: &Row) -> Result<Location, sqlx::Error> {
    Ok(Location {
        id: row.parsed("id")?,
        code: row.text("code")?,
        name: row.try_get("name")?,
        negative_stock: row.word("negative_stock", &NegativeStock::ALL, NegativeStock::as_str)?,
        created_at: row.time("created_at")?,
    })
}

pub(super) fn party(row: &Row) -> Result<Party, sqlx::Error> {
    Ok(Party {
        id: row.parsed("id")?,
        code: row.text("code")?,
        kind: row.word("kind", &PartyKind::ALL, PartyKind::as_str)?,
        name_sealed: row.try_get("name_sealed")?,
        country: row.text("country")?,
        terms: terms(row)?,
        created_at: row.time("created_at")?,
    })
}

pub(super) fn product(row: &Row) -> Result<Product, sqlx::Error> {
    Ok(Product {
        id: row.parsed("id")?,
        code: row.text("code")?,
        description: row.try_get("description")?,
        kind: row.word("kind", &ProductKind::ALL, ProductKind::as_str)?,
        unit: row.parsed("unit")?,
        currency: row.parsed("currency")?,
        list_price_minor: row.try_get("list_price_minor")?,
        valuation: row.word("valuation", &Method::ALL, Method::as_str)?,
        created_at: row.time("created_at")?,
    })
}

fn terms(row: &Row) -> Result<PartyTerms, sqlx::Error> {
    let days: Option<i64> = row.try_get("payment_days")?;
    let limit: Option<i64> = row.try_get("credit_limit_minor")?;
    Ok(PartyTerms {
        payment_days: days.and_then(|days| u32::try_from(days).ok()),
        credit_limit: limit.zip(row.optional_parsed("credit_currency")?),
    })
}
