//! Taxes on sales and purchases: on top of prices or within them, one on another, rounded per line or per document.

use std::collections::BTreeMap;
use std::sync::Arc;

use cortex_types::{Currency, LineId, MoneyError, TaxCodeId, Timestamp};
use rust_decimal::prelude::ToPrimitive;
use rust_decimal::{Decimal, RoundingStrategy};
use serde::{Deserialize, Serialize};

use crate::{DocumentRef, ErpError, Role};

/// What is charged on a line: one tax, or several at once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaxCode {
    pub id: TaxCodeId,
    pub code: Arc<str>,
    pub title: String,
    pub components: Vec<TaxComponent>,
    /// No new document may name it.
    pub blocked: bool,
    pub created_at: Timestamp,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaxComponent {
    pub name: Arc<str>,
    /// In percent.
    pub rate: Decimal,
    /// Charged on the taxes before it as well.
    #[serde(default)]
    pub compound: bool,
}

/// What is rounded to the minor unit, halves away from zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TaxRounding {
    /// What a tax comes to over all lines.
    #[default]
    PerDocument,
    /// What it comes to on each line.
    PerLine,
}

impl TaxRounding {
    pub const ALL: [Self; 2] = [Self::PerDocument, Self::PerLine];

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PerDocument => "per-document",
            Self::PerLine => "per-line",
        }
    }
}

/// Whether a tax was charged to a customer or by a supplier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TaxDirection {
    Output,
    Input,
}

impl TaxDirection {
    pub const ALL: [Self; 2] = [Self::Output, Self::Input];

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Output => "output",
            Self::Input => "input",
        }
    }

    #[must_use]
    pub const fn role(self) -> Role {
        match self {
            Self::Output => Role::OutputTax,
            Self::Input => Role::InputTax,
        }
    }
}

/// What one tax came to in a document; below zero where the document takes it back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DocumentTax {
    pub id: LineId,
    pub document: DocumentRef,
    pub number: Arc<str>,
    pub direction: TaxDirection,
    pub code: Arc<str>,
    pub component: Arc<str>,
    /// In percent.
    pub rate: Decimal,
    pub base_minor: i64,
    pub tax_minor: i64,
    pub currency: Currency,
    pub taxed_at: Timestamp,
}

/// What was charged in a stretch of time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaxTotal {
    pub direction: TaxDirection,
    pub code: Arc<str>,
    pub component: Arc<str>,
    pub rate: Decimal,
    pub currency: Currency,
    pub base_minor: i64,
    pub tax_minor: i64,
}

/// What a tax comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Charged<'a> {
    pub code: &'a TaxCode,
    pub component: &'a TaxComponent,
    pub base_minor: i64,
    pub tax_minor: i64,
}

/// Taxes lines: `amounts` are net, or gross where prices have their taxes within them; they are net afterwards.
pub(crate) fn charge<'a>(
    amounts: &mut [(i64, Option<&'a TaxCode>)],
    within: bool,
    rounding: TaxRounding,
) -> Result<Vec<Charged<'a>>, ErpError> {
    let mut groups: BTreeMap<(usize, &str, bool), Vec<usize>> = BTreeMap::new();
    for (index, (amount, code)) in amounts.iter().enumerate() {
        if let Some(code) = code {
            let line = match rounding {
                TaxRounding::PerDocument => 0,
                TaxRounding::PerLine => index,
            };
            // What is credited within its price is no share of what is charged.
            let credited = within && *amount < 0;
            groups.entry((line, &code.code, credited)).or_default().push(index);
        }
    }
    let mut charged: Vec<Charged<'a>> = Vec::new();
    for places in groups.into_values() {
        let Some(code) = places.first().and_then(|place| amounts[*place].1) else {
            continue;
        };
        let whole = places
            .iter()
            .map(|place| amounts[*place].0)
            .try_fold(0_i64, i64::checked_add);
        let whole = whole.ok_or(MoneyError::Overflow)?;
        let (net, taxes) = split(code, whole, within)?;
        spread(amounts, &places, whole, net)?;
        for (component, tax_minor) in code.components.iter().zip(taxes) {
            let same =
                |there: &&mut Charged<'_>| there.code.code == code.code && there.component.name == component.name;
            match charged.iter_mut().find(same) {
                Some(there) => {
                    let sum = |sum: i64, more: i64| sum.checked_add(more).ok_or(MoneyError::Overflow);
                    there.base_minor = sum(there.base_minor, net)?;
                    there.tax_minor = sum(there.tax_minor, tax_minor)?;
                }
                None => charged.push(Charged {
                    code,
                    component,
                    base_minor: net,
                    tax_minor,
                }),
            }
        }
    }
    Ok(charged)
}

/// The net of an amount, and what each component comes to on it.
fn split(code: &TaxCode, amount_minor: i64, within: bool) -> Result<(i64, Vec<i64>), ErpError> {
    let overflow = || ErpError::from(MoneyError::Overflow);
    let mut parts: Vec<Decimal> = Vec::with_capacity(code.components.len());
    for component in &code.components {
        let before: Decimal = parts.iter().sum();
        let on = if component.compound {
            Decimal::ONE + before
        } else {
            Decimal::ONE
        };
        let rate = component.rate / Decimal::ONE_HUNDRED;
        parts.push(rate.checked_mul(on).ok_or_else(overflow)?);
    }
    let all: Decimal = parts.iter().sum();
    let amount = Decimal::from(amount_minor);
    let net = match within {
        true => amount.checked_div(Decimal::ONE + all).ok_or_else(overflow)?,
        false => amount,
    };
    let round = |tax: Decimal| {
        let rounded = tax.round_dp_with_strategy(0, RoundingStrategy::MidpointAwayFromZero);
        rounded.to_i64().ok_or_else(overflow)
    };
    let taxes = parts
        .iter()
        .map(|part| round(net.checked_mul(*part).ok_or_else(overflow)?));
    let taxes = taxes.collect::<Result<Vec<_>, _>>()?;
    let net = match within {
        true => {
            let all = taxes.iter().try_fold(0_i64, |sum, tax| sum.checked_add(*tax));
            all.and_then(|all| amount_minor.checked_sub(all)).ok_or_else(overflow)?
        }
        false => amount_minor,
    };
    Ok((net, taxes))
}

/// What the lines are net: each its share, all of them the whole.
fn spread(amounts: &mut [(i64, Option<&TaxCode>)], places: &[usize], whole: i64, net: i64) -> Result<(), ErpError> {
    if whole == net {
        return Ok(());
    }
    let (mut sum, mut before) = (0, 0);
    for place in places {
        sum += amounts[*place].0;
        let until = crate::valuation::share(net, sum * whole.signum(), whole.abs())?;
        amounts[*place].0 = until - before;
        before = until;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn code(components: &[(&str, &str, bool)]) -> TaxCode {
        let component = |(name, rate, compound): &(&str, &str, bool)| TaxComponent {
            name: (*name).into(),
            rate: rate.parse().unwrap(),
            compound: *compound,
        };
        TaxCode {
            id: TaxCodeId::new(),
            code: "T".into(),
            title: String::new(),
            components: components.iter().map(component).collect(),
            blocked: false,
            created_at: Timestamp::default(),
        }
    }

    fn charged(amounts: &[i64], code: &TaxCode, within: bool, rounding: TaxRounding) -> (Vec<i64>, Vec<(i64, i64)>) {
        let mut lines: Vec<_> = amounts.iter().map(|amount| (*amount, Some(code))).collect();
        let taxes = charge(&mut lines, within, rounding).unwrap();
        let nets = lines.iter().map(|(net, _)| *net).collect();
        (nets, taxes.iter().map(|tax| (tax.base_minor, tax.tax_minor)).collect())
    }

    #[test]
    fn on_top_it_is_rounded_per_line_or_once() {
        let vat = code(&[("VAT", "20", false)]);
        // Three times 0.13: 0.026 each, 0.078 together.
        assert_eq!(
            charged(&[13, 13, 13], &vat, false, TaxRounding::PerLine),
            (vec![13; 3], vec![(39, 9)])
        );
        assert_eq!(
            charged(&[13, 13, 13], &vat, false, TaxRounding::PerDocument),
            (vec![13; 3], vec![(39, 8)])
        );
        // Halves go away from zero: 0.125 is 0.13.
        let eighth = code(&[("VAT", "12.5", false)]);
        assert_eq!(charged(&[100], &eighth, false, TaxRounding::PerDocument).1, [(100, 13)]);
    }

    #[test]
    fn within_the_price_net_and_taxes_are_the_price() {
        let vat = code(&[("VAT", "19", false)]);
        // 119.00 has 19.00 within it, 10.00 has 1.60.
        assert_eq!(
            charged(&[11_900], &vat, true, TaxRounding::PerLine),
            (vec![10_000], vec![(10_000, 1_900)])
        );
        assert_eq!(
            charged(&[1_000], &vat, true, TaxRounding::PerLine),
            (vec![840], vec![(840, 160)])
        );
        let (nets, taxes) = charged(&[333, 333, 334], &vat, true, TaxRounding::PerDocument);
        assert_eq!((nets.iter().sum::<i64>(), taxes[0]), (840, (840, 160)));
    }

    #[test]
    fn what_is_credited_within_its_price_has_its_tax_within_it_too() {
        let vat = code(&[("VAT", "20", false)]);
        let credited = charged(&[-12_000], &vat, true, TaxRounding::PerDocument);
        assert_eq!(credited, (vec![-10_000], vec![(-10_000, -2_000)]));
        let both = charged(&[1_200, -1_190, -10], &vat, true, TaxRounding::PerDocument);
        assert_eq!(both, (vec![1_000, -992, -8], vec![(0, 0)]));
    }

    #[test]
    fn one_tax_is_charged_on_another() {
        // Quebec until 2012: 5 % federal, 9.5 % provincial on top of both.
        let both = code(&[("GST", "5", false), ("QST", "9.5", true)]);
        assert_eq!(
            charged(&[10_000], &both, false, TaxRounding::PerDocument).1,
            [(10_000, 500), (10_000, 998)]
        );
        let (nets, taxes) = charged(&[11_498], &both, true, TaxRounding::PerDocument);
        assert_eq!((nets, taxes), (vec![10_000], vec![(10_000, 500), (10_000, 998)]));
        let beside = code(&[("GST", "5", false), ("PST", "7", false)]);
        assert_eq!(
            charged(&[10_000], &beside, false, TaxRounding::PerDocument).1,
            [(10_000, 500), (10_000, 700)]
        );
    }

    proptest! {
        #[test]
        fn nothing_is_lost_within_prices(
            amounts in proptest::collection::vec(0_i64..10_000_000, 1..20), rate in 0_i64..3_000, line in any::<bool>()
        ) {
            let rate = Decimal::new(rate, 2).to_string();
            let tax = code(&[("A", &rate, false), ("B", "3.3", true)]);
            let rounding = if line { TaxRounding::PerLine } else { TaxRounding::PerDocument };
            let (nets, taxes) = charged(&amounts, &tax, true, rounding);
            let charged: i64 = taxes.iter().map(|(_, tax)| tax).sum();
            prop_assert_eq!(nets.iter().sum::<i64>() + charged, amounts.iter().sum::<i64>());
            prop_assert!(nets.iter().zip(&amounts).all(|(net, gross)| *net >= 0 && net <= gross));
        }
    }
}
