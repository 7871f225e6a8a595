//! What one line becomes: a plain decision over the line and the number it stands on.

use super::catalogue::{DISCOUNT, own_fee, product_kind};
use super::documents::LineKind;
use super::line::{NumberKind, RetailLine};
use crate::{CreditReason, ProductKind, Role};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Invoiced,
    Credited(CreditReason),
    BadDebt,
    Fee(Role),
    WrittenOff,
    Found,
    NoEffect,
}

/// `priced` says whether any line of the same number has a price. The error is the reason of the reject.
pub(super) fn fate(line: &RetailLine, priced: bool) -> Result<Fate, String> {
    let goods = product_kind(&line.code) == ProductKind::Goods;
    let free = line.price.is_zero();
    if line.kind == NumberKind::BadDebt {
        return if free { Ok(Fate::NoEffect) } else { Ok(Fate::BadDebt) };
    }
    if line.price.is_sign_negative() && !free {
        return Err("a negative price is only known on a bad debt (A…)".to_owned());
    }
    if let (Some(account), None, false) = (own_fee(&line.code), &line.customer, free) {
        return Ok(Fate::Fee(account));
    }
    match (line.kind, line.pieces < 0) {
        (NumberKind::Cancellation, true) => Ok(Fate::Credited(credit_reason(line, goods))),
        (NumberKind::Cancellation, false) => Err("a cancellation (C…) needs a negative quantity".to_owned()),
        (_, true) if !free => Err("a negative quantity with a price needs a cancellation (C…)".to_owned()),
        (_, true) => Ok(if goods { Fate::WrittenOff } else { Fate::NoEffect }),
        (_, false) if free && line.customer.is_none() && !priced => {
            Ok(if goods { Fate::Found } else { Fate::NoEffect })
        }
        (_, false) => Ok(Fate::Invoiced),
    }
}

fn credit_reason(line: &RetailLine, goods: bool) -> CreditReason {
    match (&*line.code, goods) {
        (DISCOUNT, _) => CreditReason::Discount,
        (_, true) => CreditReason::Return,
        (_, false) => CreditReason::Other,
    }
}

/// How the line is counted in the report.
pub(super) fn line_kind(line: &RetailLine, fate: Fate) -> LineKind {
    match fate {
        Fate::Invoiced if line.price.is_zero() => LineKind::GivenAway,
        Fate::Invoiced => match product_kind(&line.code) {
            ProductKind::Goods => LineKind::GoodsSold,
            ProductKind::Service => LineKind::ServiceSold,
        },
        Fate::Credited(CreditReason::Return) => LineKind::GoodsReturned,
        Fate::Credited(CreditReason::Discount) => LineKind::Discount,
        Fate::Credited(CreditReason::Other) => LineKind::OtherCredit,
        Fate::BadDebt => LineKind::BadDebt,
        Fate::Fee(_) => LineKind::OwnFee,
        Fate::WrittenOff => LineKind::WrittenOff,
        Fate::Found => LineKind::Found,
        Fate::NoEffect => LineKind::NoEffect,
    }
}
