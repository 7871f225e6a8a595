//! Parties, products with their units, and locations.

use std::collections::BTreeSet;
use std::sync::Arc;

use cortex_erp::valuation::Method;
use cortex_erp::{
    Books, Location, NegativeStock, Page, Party, PartyKind, PartyTerms, Product, ProductCost, ProductKind, ProductUnit,
    References,
};
use cortex_store::sql::{self, Pool, QueryBuilder, Row, Transaction};
use sqlx::AssertSqlSafe;

use super::books::rows;
use crate::rows::Columns;

pub(super) const PARTIES: &str = "SELECT id, code, kind, name_sealed, country, payment_days, \
                                  credit_limit_minor, credit_currency, created_at FROM parties";
pub(super) const PRODUCTS: &str =
    "SELECT id, code, description, kind, unit, currency, list_price_minor, valuation, created_at FROM products";

const PRODUCT_UNITS: &str = "SELECT id, product_id, product_code, unit, factor, created_at FROM product_units";

pub(super) const STANDARD_COSTS: &str = "SELECT id, product_id, product_code, value_minor, quantity_micro, currency, number, \
                                         effective_from FROM standard_costs";

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

fn product_unit(row: &Row) -> Result<ProductUnit, sqlx::Error> {
    Ok(ProductUnit {
        id: row.parsed("id")?,
        product_id: row.parsed("product_id")?,
        product_code: row.text("product_code")?,
        unit: row.parsed("unit")?,
        factor: row.parsed("factor")?,
        created_at: row.time("created_at")?,
    })
}

/// The units of those products that a line has in another unit than their own: of all others nobody asks.
pub(super) async fn load_units(
    on: &mut Transaction,
    tenant: &str,
    wanted: &References,
    books: &mut Books,
) -> Result<(), sqlx::Error> {
    let other = wanted.units.iter().filter(|(code, unit)| {
        let product = books.products.get(code);
        product.is_some_and(|product| product.unit != *unit)
    });
    let codes: BTreeSet<&str> = other.map(|(code, _)| &**code).collect();
    let codes: Vec<&str> = codes.into_iter().collect();
    for row in rows(on, PRODUCT_UNITS, "product_code", tenant, &codes).await? {
        let unit = product_unit(&row)?;
        let units = books.product_units.entry(unit.product_code.clone()).or_default();
        units.push(unit);
    }
    Ok(())
}

pub(super) async fn units_of(
    readers: &Pool,
    tenant: &str,
    product: Option<&str>,
    page: &Page,
) -> Result<Vec<ProductUnit>, sqlx::Error> {
    let mut query = QueryBuilder::new(format!("{PRODUCT_UNITS} WHERE tenant_id = "));
    query.push_bind(tenant);
    if let Some(product) = product {
        query.push(" AND product_code = ").push_bind(product);
    }
    query
        .push(" AND id > ")
        .push_bind(page.after.as_deref().unwrap_or_default());
    query.push(" ORDER BY id LIMIT ").push_bind(i64::from(page.limit()));
    query
        .build()
        .fetch_all(readers)
        .await?
        .iter()
        .map(product_unit)
        .collect()
}

pub(super) fn standard_cost(row: &Row) -> Result<ProductCost, sqlx::Error> {
    Ok(ProductCost {
        id: row.parsed("id")?,
        product_id: row.parsed("product_id")?,
        product_code: row.text("product_code")?,
        value_minor: row.integer("value_minor")?,
        quantity_micro: row.integer("quantity_micro")?,
        currency: row.parsed("currency")?,
        from: row.time("effective_from")?,
    })
}

/// The first one of a product has no number: it is part of that.
pub(super) async fn standard_costs(
    readers: &Pool,
    tenant: &str,
    page: &Page,
) -> Result<Vec<(Arc<str>, ProductCost)>, sqlx::Error> {
    let select =
        format!("{STANDARD_COSTS} WHERE tenant_id = $1 AND number IS NOT NULL AND id > $2 ORDER BY id LIMIT $3");
    let rows = sql::query(AssertSqlSafe(select))
        .bind(tenant)
        .bind(page.after.as_deref().unwrap_or_default())
        .bind(i64::from(page.limit()))
        .fetch_all(readers)
        .await?;
    let numbered = |row: &Row| Ok((row.text("number")?, standard_cost(row)?));
    rows.iter().map(numbered).collect()
}

fn terms(row: &Row) -> Result<PartyTerms, sqlx::Error> {
    let days: Option<i64> = row.try_get("payment_days")?;
    let limit: Option<i64> = row.try_get("credit_limit_minor")?;
    Ok(PartyTerms {
        payment_days: days.and_then(|days| u32::try_from(days).ok()),
        credit_limit: limit.zip(row.optional_parsed("credit_currency")?),
    })
}
