//! What invoice lines and credit-note lines have in common.

use std::sync::Arc;

use cortex_types::{Currency, LineId, Money, QuantityError};
use rust_decimal::Decimal;

use super::line_number;
use crate::limits::{check_amount, check_quantity};
use crate::{Books, ErpError, InvoiceLineInput, LinePrice, Product, SalesLine};

/// The line at `index`, priced and checked, and its product.
pub(super) fn sales_line<'a>(
    index: usize,
    input: &InvoiceLineInput,
    currency: Currency,
    books: &'a Books,
) -> Result<(SalesLine, &'a Product), ErpError> {
    let product = books.product(&input.product, currency)?;
    if let Some(unit) = input.unit.as_ref().filter(|unit| **unit != product.unit) {
        return Err(QuantityError::UnitMismatch {
            left: product.unit.clone(),
            right: unit.clone(),
        }
        .into());
    }
    if input.quantity_micro <= 0 {
        return Err(ErpError::invalid(field(index, "quantity"), "must be above zero"));
    }
    check_quantity(&field(index, "quantity"), input.quantity_micro)?;
    let net_minor = net(index, input, product, currency)?;
    check_amount(&field(index, "price"), net_minor)?;
    if net_minor < 0 {
        return Err(ErpError::invalid(
            field(index, "price"),
            "must not be negative: post a credit note instead",
        ));
    }
    let line = SalesLine {
        id: LineId::new(),
        line_no: line_number(index),
        product_id: product.id,
        product_code: Arc::clone(&product.code),
        product_kind: product.kind,
        quantity_micro: input.quantity_micro,
        unit: product.unit.clone(),
        net_minor,
    };
    Ok((line, product))
}

fn net(index: usize, input: &InvoiceLineInput, product: &Product, currency: Currency) -> Result<i64, ErpError> {
    let unit_price = match input.price {
        LinePrice::Net(net_minor) => return Ok(net_minor),
        LinePrice::Unit(price) => price,
        LinePrice::List => match product.list_price_minor {
            Some(minor) => Money::new(minor, currency).to_decimal(),
            None => {
                let problem = format!(
                    "'{}' has no list price: give a unit price or a net amount",
                    product.code
                );
                return Err(ErpError::invalid(field(index, "price"), problem));
            }
        },
    };
    let quantity = Decimal::new(input.quantity_micro, 6).normalize();
    let amount = quantity
        .checked_mul(unit_price)
        .ok_or(cortex_types::MoneyError::Overflow)?;
    Ok(Money::rounded(amount, currency)?.minor)
}

pub(super) fn field(index: usize, name: &str) -> String {
    format!("lines[{index}].{name}")
}
