//! What invoice lines and credit-note lines have in common.

use std::sync::Arc;

use cortex_types::{Currency, LineId, Money, MoneyError, Timestamp};
use rust_decimal::Decimal;

use super::line_number;
use crate::limits::{check_amount, check_quantity};
use crate::{Books, Conversion, ErpError, InvoiceLineInput, LinePrice, Product, SalesLine, ids};

/// The line at `index`, priced and checked, and its product.
pub(super) fn sales_line<'a>(
    index: usize,
    input: &InvoiceLineInput,
    (currency, at): (Currency, Timestamp),
    books: &'a Books,
) -> Result<(SalesLine, &'a Product), ErpError> {
    let product = books.product(&input.product, currency)?;
    if let Some(unit) = input.unit.as_ref().filter(|unit| **unit != product.unit) {
        let problem = format!("'{}' is kept in {}, not in {unit}", product.code, product.unit);
        return Err(ErpError::invalid(field(index, "unit"), problem));
    }
    if input.quantity_micro <= 0 {
        return Err(ErpError::invalid(field(index, "quantity"), "must be above zero"));
    }
    check_quantity(&field(index, "quantity"), input.quantity_micro)?;
    let price = field(index, price_field(&input.price));
    let net_minor = net(&price, input, product, currency, books.conversion(currency, at)?)?;
    check_amount(&price, net_minor)?;
    if net_minor < 0 {
        return Err(ErpError::invalid(
            price,
            "must not be negative: post a credit note instead",
        ));
    }
    let line = SalesLine {
        id: LineId(ids::next()),
        line_no: line_number(index),
        product_id: product.id,
        product_code: Arc::clone(&product.code),
        product_kind: product.kind,
        quantity_micro: input.quantity_micro,
        unit: product.unit.clone(),
        net_minor,
        tax: input.tax.clone(),
    };
    Ok((line, product))
}

/// What the caller calls the price that it gave, or could have given.
const fn price_field(price: &LinePrice) -> &'static str {
    match price {
        LinePrice::Net(_) => "net",
        LinePrice::Unit(_) | LinePrice::List => "unit_price",
    }
}

fn net(
    price: &str,
    input: &InvoiceLineInput,
    product: &Product,
    currency: Currency,
    conversion: Option<Conversion>,
) -> Result<i64, ErpError> {
    let unit_price = match input.price {
        LinePrice::Net(net_minor) => return Ok(net_minor),
        LinePrice::Unit(price) => price,
        LinePrice::List => match product.list_price_minor {
            Some(minor) => {
                let price = Money::new(minor, product.currency).to_decimal();
                conversion.map_or(Ok(price), |conversion| conversion.back(price))?
            }
            None => {
                let problem = format!("'{}' has no list price: give unit_price or net", product.code);
                return Err(ErpError::invalid(price, problem));
            }
        },
    };
    let quantity = Decimal::new(input.quantity_micro, 6).normalize();
    let amount = quantity.checked_mul(unit_price).ok_or(MoneyError::Overflow);
    let net = amount.and_then(|amount| Money::rounded(amount, currency));
    net.map(|net| net.minor)
        .map_err(|error| ErpError::invalid(price, error.to_string()))
}

pub(super) fn field(index: usize, name: &str) -> String {
    format!("lines[{index}].{name}")
}
