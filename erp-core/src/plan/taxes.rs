//! Taxes of a document in the making.

use std::sync::Arc;

use cortex_types::{Currency, LineId, Timestamp};

use super::sales_lines::field;
use super::sides::{Sides, add};
use crate::tax::{Charged, charge};
use crate::{Books, DocumentRef, DocumentTax, ErpError, TaxCode, TaxDirection, TaxRounding, ids};

/// What the taxes of a document come to.
pub(super) struct Taxes<'a> {
    charged: Vec<Charged<'a>>,
    pub total_minor: i64,
}

impl<'a> Taxes<'a> {
    /// On lines with their amounts and the codes of their taxes. The amounts are net afterwards.
    pub fn on<'l>(
        books: &'a Books,
        lines: impl Iterator<Item = (&'l mut i64, Option<&'l Arc<str>>)>,
        within: bool,
    ) -> Result<Self, ErpError> {
        let lines: Vec<(&mut i64, Option<&Arc<str>>)> = lines.collect();
        let codes = lines.iter().enumerate().map(|(index, (amount, code))| {
            let code = code.map(|code| books.tax_code(&field(index, "tax"), code));
            Ok((**amount, code.transpose()?))
        });
        let mut amounts = codes.collect::<Result<Vec<_>, ErpError>>()?;
        let rounding = books
            .company
            .as_ref()
            .map_or_else(TaxRounding::default, |company| company.tax_rounding);
        let charged = charge(&mut amounts, within, rounding)?;
        for ((amount, _), (net, _)) in lines.into_iter().zip(&amounts) {
            *amount = *net;
        }
        let mut total_minor = 0;
        for tax in &charged {
            add(&mut total_minor, tax.tax_minor)?;
        }
        Ok(Self { charged, total_minor })
    }

    /// As the rows of a document; a document that takes back has them below zero.
    pub fn rows(
        &self,
        document: DocumentRef,
        number: &Arc<str>,
        direction: TaxDirection,
        (currency, taxed_at): (Currency, Timestamp),
        takes_back: bool,
    ) -> Vec<DocumentTax> {
        let sign = if takes_back { -1 } else { 1 };
        let row = |tax: &Charged<'_>| DocumentTax {
            id: LineId(ids::next()),
            document,
            number: Arc::clone(number),
            direction,
            code: Arc::clone(&tax.code.code),
            component: Arc::clone(&tax.component.name),
            rate: tax.component.rate,
            base_minor: sign * tax.base_minor,
            tax_minor: sign * tax.tax_minor,
            currency,
            taxed_at,
        };
        self.charged.iter().map(row).collect()
    }
}

/// Taxes that were charged are owed, or claimed back.
pub(super) fn post(sides: &mut Sides, taxes: &[DocumentTax]) -> Result<(), ErpError> {
    for tax in taxes {
        match tax.direction {
            TaxDirection::Output => sides.credit(tax.direction.role(), tax.tax_minor)?,
            TaxDirection::Input => sides.debit(tax.direction.role(), tax.tax_minor)?,
        };
    }
    Ok(())
}

impl Books {
    pub(super) fn tax_code(&self, field: &str, code: &Arc<str>) -> Result<&TaxCode, ErpError> {
        match self.tax_codes.get(code) {
            Some(code) if !code.blocked => Ok(code),
            Some(_) => Err(ErpError::invalid(
                field,
                format!("'{code}' is blocked: name another one"),
            )),
            None => {
                let problem = format!("there is no tax code '{code}': create it first, or correct the code");
                Err(ErpError::invalid(field, problem))
            }
        }
    }
}
