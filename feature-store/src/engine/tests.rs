//! The engine against a computation that anybody can check by reading it.

use std::collections::BTreeSet;
use std::sync::Arc;

use cortex_types::Timestamp;
use proptest::prelude::*;

use super::sample::{DAY, DEFINITIONS, Version, bronze, day, histories};
use super::{FactChange, FactExtractor, FoldedView, ViewFacts, ViewPlan};
use crate::definition::Definitions;
use crate::value::{EntityKey, FeatureStatus, FeatureValue};

pub(crate) fn definitions() -> Arc<Definitions> {
    Arc::new(Definitions::parse([("sample.yaml", DEFINITIONS)]).unwrap())
}

fn extracted(versions: &[Version]) -> Vec<FactChange> {
    let definitions = definitions();
    let view = definitions.view("sales").unwrap();
    let extractor = FactExtractor::new(view, definitions.entity("customer").unwrap());
    extractor.extract(&bronze(versions, 0, &[])).unwrap()
}

fn facts() -> ViewFacts {
    ViewFacts::new(Arc::new(ViewPlan::new(definitions().view("sales").unwrap())))
}

fn folded(versions: &[Version]) -> ViewFacts {
    let mut facts = facts();
    for change in extracted(versions) {
        assert!(facts.apply(&change).is_empty());
    }
    facts
}

fn values(facts: &ViewFacts, customer: &str, at: Timestamp) -> FoldedView {
    facts.values(&EntityKey::single(customer), at).unwrap()
}

fn value(folded: &FoldedView, name: &str) -> FeatureValue {
    let definitions = definitions();
    folded.values[definitions.position(definitions.view("sales").unwrap(), name).unwrap()].clone()
}

/// The rows that somebody who asked at `at` would have found for `customer`, oldest event first, with their place.
fn visible<'a>(versions: &'a [Version], customer: &str, at: i64) -> Vec<(usize, &'a Version)> {
    let rows: BTreeSet<usize> = versions.iter().map(|version| version.row).collect();
    let mut found = Vec::new();
    for row in rows {
        let known = |(_, version): &(usize, &Version)| version.row == row && version.known <= at;
        let Some((place, version)) = versions.iter().enumerate().rfind(known) else {
            continue;
        };
        let counts = version.holds && version.customer == Some(customer) && version.kind == "goods";
        if counts && version.at.is_some_and(|happened| happened <= at) {
            found.push((place, version));
        }
    }
    found.sort_by_key(|(place, version)| (version.at, version.known, *place));
    found
}

/// In the order of the sample view's features.
pub(crate) fn brute_force(versions: &[Version], customer: &str, at: i64) -> Vec<FeatureValue> {
    let visible = visible(versions, customer, at);
    let within = |days: Option<i64>| -> Vec<&Version> {
        let inside = |version: &&Version| days.is_none_or(|days| version.at.unwrap() > at - days * DAY);
        visible.iter().map(|(_, version)| *version).filter(inside).collect()
    };
    let nets = |days| -> Vec<i64> { within(days).iter().filter_map(|version| version.net).collect() };
    let sum = |days| FeatureValue::Int(nets(days).iter().sum());
    let optional = |value: Option<i64>| value.map_or(FeatureValue::Null, FeatureValue::Int);
    let average = |values: Vec<i64>| match values.len() {
        0 => FeatureValue::Null,
        count => FeatureValue::Float(values.iter().sum::<i64>() as f64 / count as f64),
    };
    let orders = |days| {
        within(days)
            .iter()
            .map(|version| version.invoice)
            .collect::<BTreeSet<_>>()
            .len() as i64
    };
    let days_since = |version: Option<&&Version>| match version {
        Some(version) => FeatureValue::Float((at - version.at.unwrap()) as f64 / DAY as f64),
        None => FeatureValue::Null,
    };
    let (nine, ever) = (within(Some(9)), within(None));
    let spend: i64 = nets(Some(9)).iter().sum();
    vec![
        sum(Some(3)),
        sum(Some(9)),
        sum(None),
        FeatureValue::Int(nine.len() as i64),
        average(nets(Some(9))),
        optional(nets(None).into_iter().min()),
        optional(nets(Some(9)).into_iter().max()),
        FeatureValue::Int(orders(Some(9))),
        FeatureValue::Int(orders(None)),
        days_since(ever.last()),
        days_since(ever.first()),
        optional(nets(Some(3)).last().copied()),
        ever.last()
            .map_or(FeatureValue::Null, |version| FeatureValue::Text(version.invoice.into())),
        match orders(Some(9)) {
            0 => FeatureValue::Null,
            count => FeatureValue::Float(spend as f64 / count as f64),
        },
    ]
}

#[test]
fn a_window_takes_in_its_end_and_leaves_out_its_beginning() {
    let facts = folded(&[Version::sale(1, "A", 0, 5), Version::sale(2, "A", 3 * DAY, 7)]);
    assert_eq!(value(&values(&facts, "A", day(3)), "spend_3d"), FeatureValue::Int(7));
    let instant_before = Timestamp::from_micros(3 * DAY - 1);
    assert_eq!(
        value(&values(&facts, "A", instant_before), "spend_3d"),
        FeatureValue::Int(5)
    );
}

#[test]
fn a_late_invoice_does_not_change_what_was_known_before_it_came() {
    let late = Version {
        known: 5 * DAY,
        ..Version::sale(1, "A", 2 * DAY, 5)
    };
    let facts = folded(&[late]);
    let before = values(&facts, "A", day(4));
    assert_eq!(
        (value(&before, "spend_9d"), before.status(1)),
        (FeatureValue::Int(0), FeatureStatus::NotFound)
    );
    assert_eq!(value(&values(&facts, "A", day(5)), "spend_9d"), FeatureValue::Int(5));
}

#[test]
fn a_deleted_line_counts_until_its_deletion_is_known() {
    let sale = Version::sale(1, "A", DAY, 5);
    let deleted = Version {
        holds: false,
        first: false,
        known: 4 * DAY,
        ..sale.clone()
    };
    let facts = folded(&[sale, deleted]);
    assert_eq!(value(&values(&facts, "A", day(3)), "spend_9d"), FeatureValue::Int(5));
    assert_eq!(value(&values(&facts, "A", day(4)), "spend_9d"), FeatureValue::Int(0));
}

#[test]
fn a_line_that_moves_to_another_customer_leaves_the_first() {
    let sale = Version::sale(1, "A", DAY, 5);
    let moved = Version {
        first: false,
        known: 4 * DAY,
        customer: Some("B"),
        ..sale.clone()
    };
    let facts = folded(&[sale, moved]);
    let spend = |customer, at| value(&values(&facts, customer, at), "spend_9d");
    assert_eq!(
        (spend("A", day(3)), spend("B", day(3))),
        (FeatureValue::Int(5), FeatureValue::Int(0))
    );
    assert_eq!(
        (spend("A", day(4)), spend("B", day(4))),
        (FeatureValue::Int(0), FeatureValue::Int(5))
    );
}

#[test]
fn a_walk_in_sale_and_a_service_are_nobodys_facts() {
    let walk_in = Version {
        customer: None,
        ..Version::sale(1, "A", DAY, 5)
    };
    let service = Version {
        kind: "service",
        ..Version::sale(2, "A", DAY, 5)
    };
    assert!(extracted(&[walk_in, service]).is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_value_is_what_a_brute_force_computation_finds(versions in histories(), at in 0_i64..40) {
        let facts = folded(&versions);
        for customer in ["A", "B", "C"] {
            let found = values(&facts, customer, day(at)).values;
            prop_assert_eq!(found, brute_force(&versions, customer, at * DAY), "of {} on day {}", customer, at);
        }
    }

    #[test]
    fn nothing_that_became_known_later_reaches_a_value(
        versions in histories(),
        otherwise in histories(),
        at in 0_i64..40,
    ) {
        let mut another_future = versions.clone();
        let later = another_future.iter_mut().filter(|version| version.known > at * DAY);
        for (version, other) in later.zip(otherwise.into_iter().cycle()) {
            let Version { row, holds, first, known, .. } = *version;
            *version = Version { row, holds, first, known, ..other };
        }
        let (facts, others) = (folded(&versions), folded(&another_future));
        for customer in ["A", "B"] {
            prop_assert_eq!(values(&facts, customer, day(at)), values(&others, customer, day(at)));
        }
    }

    #[test]
    fn compacting_changes_no_value_that_is_still_answered(
        versions in histories(),
        compactions in proptest::collection::vec((0_usize..40, 0_i64..40), 1..4),
    ) {
        let changes = extracted(&versions);
        let (mut whole, mut compacted) = (self::facts(), self::facts());
        for (index, change) in changes.iter().enumerate() {
            let _ = whole.apply(change);
            for key in compacted.apply(change) {
                compacted.forget(&key.0);
                changes[..=index].iter().for_each(|change| compacted.reapply(&key.0, change));
                compacted.recompact(&key.0);
            }
            for (_, now) in compactions.iter().filter(|(place, _)| *place == index) {
                compacted.compact(day(*now));
            }
        }
        for at in 0..45 {
            for customer in ["A", "B"] {
                let key = EntityKey::single(customer);
                let Some(answer) = compacted.values(&key, day(at)) else { continue };
                prop_assert_eq!(&answer, &values(&whole, customer, day(at)), "of {} on day {}", customer, at);
                prop_assert_eq!(compacted.newest_event(&key, day(at)), whole.newest_event(&key, day(at)));
            }
        }
    }
}
