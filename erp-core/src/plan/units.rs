//! Quantities in other units: everything is planned and posted in the product's own.

use std::borrow::Cow;
use std::sync::Arc;

use cortex_types::{Currency, Money, MoneyError, Quantity, Timestamp};
use rust_decimal::Decimal;

use crate::command::Measured;
use crate::limits::check_amount;
use crate::postings::{Document, Postings};
use crate::reference::{UnitError, convert};
use crate::{Books, Command, DefineProductUnit, DocumentKind, ErpError, Product, ProductUnit, ids};

/// Most units that a product may have besides its own.
const UNITS_MAX: usize = 100;
const DECIMALS_MAX: u32 = 12;

/// The command with all quantities in the units that their products are kept in. What a line costs stays what it is: the price
/// of one is multiplied with the quantity that was given.
pub(super) fn in_own_units<'a>(command: &'a Command, books: &Books) -> Result<Cow<'a, Command>, ErpError> {
    if !command.measured().into_iter().any(|line| is_foreign(line, books)) {
        return Ok(Cow::Borrowed(command));
    }
    let mut own = command.clone();
    let (name, currency) = (own.measured_name(), own.currency());
    for (index, line) in own.measured_mut().into_iter().enumerate() {
        if is_foreign(line, books) {
            restate(line, &format!("{name}[{index}]"), currency, books)?;
        }
    }
    Ok(Cow::Owned(own))
}

/// Whether it is not in its product's own unit. A product that nobody knows is refused where the line is planned.
fn is_foreign(line: &dyn Measured, books: &Books) -> bool {
    let own = |code| books.products.get(code).map(|product| &product.unit);
    match (line.unit(), line.product(), line.quantity_micro()) {
        (None, ..) => false,
        (unit, Some(code), Some(_)) => own(code).is_some_and(|own| Some(own) != unit),
        _ => true,
    }
}

fn restate(line: &mut dyn Measured, place: &str, currency: Option<Currency>, books: &Books) -> Result<(), ErpError> {
    let field = |name: &str| format!("{place}.{name}");
    let product = line.product().and_then(|code| books.products.get(code));
    let (Some(unit), Some(product), Some(micro)) = (line.unit(), product, line.quantity_micro()) else {
        return Err(ErpError::invalid(
            field("unit"),
            "is of a quantity of a product: give both",
        ));
    };
    let given = Quantity::from_micro(micro, unit.clone());
    let units = books.units_of(&product.code);
    let ratio = product
        .ratio_of(units, unit)
        .map_err(|error| ErpError::invalid(field("unit"), inconvertible(product, units, &error)))?;
    let own = convert(&given, &product.unit, ratio)
        .map_err(|error| ErpError::invalid(field("quantity"), error.to_string()))?;
    if let (Some(price), Some(currency)) = (line.unit_price(), currency) {
        let net_minor = net_of(&field("unit_price"), &given, price, currency)?;
        line.set_net(net_minor);
    }
    line.restate(own.micro);
    Ok(())
}

/// What so much costs; refused as its unit price is, which the line does not have any more afterwards.
fn net_of(field: &str, quantity: &Quantity, price: Decimal, currency: Currency) -> Result<i64, ErpError> {
    let amount = quantity.to_decimal().checked_mul(price).ok_or(MoneyError::Overflow);
    let net = amount.and_then(|amount| Money::rounded(amount, currency));
    let net = net.map_err(|error| ErpError::invalid(field, error.to_string()))?;
    check_amount(field, net.minor)?;
    if net.minor < 0 && quantity.micro > 0 {
        let problem = "must not be negative: post a credit note instead";
        return Err(ErpError::invalid(field, problem));
    }
    Ok(net.minor)
}

/// What is wrong with the unit, and which ones are right.
fn inconvertible(product: &Product, units: &[ProductUnit], error: &UnitError) -> String {
    let right: Vec<String> = product.units_right(units).map(|unit| unit.to_string()).collect();
    format!(
        "'{}' is kept in {}, and {error}: give {}, or define the unit for the product",
        product.code,
        product.unit,
        right.join(", ")
    )
}

/// Another unit that a product is traded in, or another factor for one that it has. What was posted stays as it is.
pub fn plan_product_unit(command: &DefineProductUnit, books: &Books, now: Timestamp) -> Result<Postings, ErpError> {
    let unknown = || ErpError::UnknownProduct(Arc::clone(&command.product));
    let product = books.products.get(&command.product).ok_or_else(unknown)?;
    if command.unit == product.unit {
        let problem = format!("'{}' is kept in {}: one of it is one", product.code, product.unit);
        return Err(ErpError::invalid("unit", problem));
    }
    let factor = command.factor.normalize();
    if factor.is_zero() || factor.is_sign_negative() {
        return Err(ErpError::invalid("factor", "must be above zero"));
    }
    if factor.scale() > DECIMALS_MAX || factor >= 1_000_000_000.into() {
        let problem = format!("must be below 1,000,000,000 and have {DECIMALS_MAX} decimals at most");
        return Err(ErpError::invalid("factor", problem));
    }
    let units = books.units_of(&product.code);
    let there = units.iter().find(|of| of.unit == command.unit);
    if there.is_none() && units.len() >= UNITS_MAX {
        let problem = format!("'{}' has {UNITS_MAX} units already", product.code);
        return Err(ErpError::invalid("unit", problem));
    }
    let unit = ProductUnit {
        id: there.map_or_else(ids::next, |there| there.id),
        product_id: product.id,
        product_code: Arc::clone(&product.code),
        unit: command.unit.clone(),
        factor,
        created_at: there.map_or(now, |there| there.created_at),
    };
    let number = format!("{}/{}", unit.product_code, unit.unit);
    Ok(Postings::bare(
        DocumentKind::ProductUnit,
        unit.id,
        number.into(),
        now,
        Document::ProductUnit(unit),
    ))
}
