//! What the stock codes stand for.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::line::RetailLine;
use crate::{ProductKind, Role};

/// Code of a discount on a credit note.
pub(super) const DISCOUNT: &str = "D";

/// Codes that are billed but not stocked: bad debt, carriage, charity commission, postage, discount, manual, samples,
/// cushion-pad matching, fees passed on, corrections. Vouchers (`GIFT_…`) come on top.
const SERVICES: [&str; 14] = [
    "ADJUST",
    "AMAZONFEE",
    "B",
    "BANK CHARGES",
    "C2",
    "C3",
    "CRUK",
    "D",
    "DOT",
    "M",
    "PADS",
    "POST",
    "S",
    "TEST",
];

pub(super) fn product_kind(code: &str) -> ProductKind {
    if SERVICES.contains(&code) || code.starts_with("GIFT_") {
        ProductKind::Service
    } else {
        ProductKind::Goods
    }
}

/// The expense account of a code that stands for our own costs when no customer is named.
pub(super) fn own_fee(code: &str) -> Option<Role> {
    match code {
        "BANK CHARGES" => Some(Role::BankCharges),
        "AMAZONFEE" => Some(Role::MarketplaceFees),
        _ => None,
    }
}

/// The most useful description of each code: the one that most of its priced lines carry, because those of unpriced
/// lines are notes such as "damaged"; then one in capitals, as product names are; then the code itself.
pub(super) fn descriptions(lines: &[RetailLine]) -> HashMap<Arc<str>, String> {
    let mut counts: HashMap<&Arc<str>, BTreeMap<&Arc<str>, (u32, u32)>> = HashMap::new();
    for line in lines {
        let of_code = counts.entry(&line.code).or_default();
        if line.description.is_empty() {
            continue;
        }
        let (priced, unpriced) = of_code.entry(&line.description).or_default();
        if line.price.is_zero() {
            *unpriced += u32::from(!line.description.chars().any(char::is_lowercase));
        } else {
            *priced += 1;
        }
    }
    let best = |of_code: &BTreeMap<&Arc<str>, (u32, u32)>| {
        let known = of_code.iter().filter(|(_, count)| **count != (0, 0));
        // The first of the alphabet wins a tie, so that the order of the lines does not matter.
        known
            .rev()
            .max_by_key(|(_, count)| **count)
            .map(|(text, _)| text.to_string())
    };
    counts
        .iter()
        .map(|(code, of_code)| (Arc::clone(code), best(of_code).unwrap_or_else(|| code.to_string())))
        .collect()
}
