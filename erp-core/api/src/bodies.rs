//! Lines of documents, in and out.

use std::sync::Arc;

use cortex_erp::{ErpError, InvoiceLineInput, LinePrice, QuantityInput, SalesLine};
use cortex_types::{Currency, QuantityError, Unit};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::decimals::{amount_minor, amount_text, quantity_micro, quantity_text};
use crate::exact;
use crate::schemas::DecimalText;

/// A line to be posted. Without `unit_price` and `net` it takes the product's list price.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LineBody {
    #[schema(example = "85123A")]
    pub product: String,
    #[schema(value_type = DecimalText, example = "6")]
    #[serde(deserialize_with = "exact::decimal")]
    pub quantity: Decimal,
    /// The product's own where it is absent. Another one of its units, or one of the same dimension: the quantity is posted in the
    /// product's own, and `unit_price` is of one of this.
    #[schema(example = "BX")]
    pub unit: Option<String>,
    #[schema(value_type = Option<DecimalText>, example = "2.55")]
    #[serde(default, deserialize_with = "exact::decimal_or_none")]
    pub unit_price: Option<Decimal>,
    /// Net of the whole line.
    #[schema(value_type = Option<DecimalText>)]
    #[serde(default, deserialize_with = "exact::decimal_or_none")]
    pub net: Option<Decimal>,
    /// The whole line with its taxes, where prices include them.
    #[schema(value_type = Option<DecimalText>)]
    #[serde(default, deserialize_with = "exact::decimal_or_none")]
    pub gross: Option<Decimal>,
    /// Code of the taxes on it.
    #[schema(example = "VAT20")]
    pub tax: Option<String>,
}

impl LineBody {
    /// `taxed`: whether prices include their taxes.
    pub fn input(self, index: usize, currency: Currency, taxed: bool) -> Result<InvoiceLineInput, ErpError> {
        let field = |name: &str| format!("lines[{index}].{name}");
        let whole = match (self.net, self.gross) {
            (Some(_), _) if taxed => {
                let problem = "prices include their taxes: give gross or unit_price";
                return Err(ErpError::invalid(field("net"), problem));
            }
            (_, Some(_)) if !taxed => {
                let problem = "is for documents whose prices include their taxes: give net or unit_price";
                return Err(ErpError::invalid(field("gross"), problem));
            }
            (net, gross) => net.or(gross),
        };
        let price = match (self.unit_price, whole) {
            (Some(price), None) => LinePrice::Unit(price),
            (None, Some(amount)) => {
                let name = if taxed { "gross" } else { "net" };
                LinePrice::Net(amount_minor(&field(name), amount, currency)?)
            }
            (None, None) => LinePrice::List,
            (Some(_), Some(_)) => {
                let problem = "give unit_price or the whole line, not both";
                return Err(ErpError::invalid(field(if taxed { "gross" } else { "net" }), problem));
            }
        };
        let unit = unit_or_none(&field("unit"), self.unit.as_deref())?;
        let quantity_micro = quantity_micro(&field("quantity"), self.quantity)?;
        Ok(InvoiceLineInput {
            product: self.product.into(),
            quantity_micro,
            unit,
            price,
            tax: self.tax.map(Arc::from),
        })
    }
}

/// A line as it was posted.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct LineView {
    pub line_no: u32,
    pub product: String,
    /// `goods` or `service`.
    pub product_kind: String,
    pub quantity: String,
    pub unit: String,
    pub net: String,
    /// Code of the taxes on it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tax: Option<String>,
    /// On credit notes: `return`, `discount` or `other`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl LineView {
    pub fn new(line: SalesLine, currency: Currency) -> Self {
        Self {
            line_no: line.line_no,
            product: line.product_code.to_string(),
            product_kind: line.product_kind.as_str().to_owned(),
            quantity: quantity_text(line.quantity_micro),
            unit: line.unit.to_string(),
            net: amount_text(line.net_minor, currency),
            tax: line.tax.map(|code| code.to_string()),
            reason: None,
        }
    }
}

/// So much of a product.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct QuantityLine {
    #[schema(example = "85123A")]
    product: String,
    #[schema(value_type = DecimalText, example = "12")]
    #[serde(deserialize_with = "exact::decimal")]
    quantity: Decimal,
    /// The product's own where it is absent.
    unit: Option<String>,
}

/// A unit's code; the error names the field.
pub(crate) fn unit_of(field: &str, text: &str) -> Result<Unit, ErpError> {
    text.parse()
        .map_err(|error: QuantityError| ErpError::invalid(field, error.to_string()))
}

pub(crate) fn unit_or_none(field: &str, text: Option<&str>) -> Result<Option<Unit>, ErpError> {
    text.map(|text| unit_of(field, text)).transpose()
}

pub(crate) fn quantities(lines: Vec<QuantityLine>) -> Result<Vec<QuantityInput>, ErpError> {
    let line = |(index, line): (usize, QuantityLine)| {
        Ok(QuantityInput {
            unit: unit_or_none(&format!("lines[{index}].unit"), line.unit.as_deref())?,
            quantity_micro: quantity_micro(&format!("lines[{index}].quantity"), line.quantity)?,
            product: line.product.into(),
        })
    };
    lines.into_iter().enumerate().map(line).collect()
}
