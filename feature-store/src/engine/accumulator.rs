//! Aggregates as mergeable accumulators whose result does not depend on the order of what they are given.
//!
//! Values are whole numbers and sums are kept in 128 bits, so that nothing is rounded before [`Accumulator::finish`].

use std::collections::HashSet;
use std::hash::{BuildHasherDefault, Hasher};

use super::symbols::{ColumnKind, Symbols};
use crate::definition::Aggregate;
use crate::engine::history::Stamp;
use crate::value::FeatureValue;

const MICROS_PER_DAY: f64 = 86_400_000_000.0;

/// Mixes integers for a hash set; they are row values or symbol numbers, and the sets live for one read or one key.
#[derive(Clone, Copy, Debug, Default)]
pub struct IntHasher(u64);

impl Hasher for IntHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }

    fn write_u64(&mut self, value: u64) {
        // Multiply and fold the high half in (Knuth's multiplicative hashing, 2^64 over the golden ratio).
        let mixed = (self.0 ^ value).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        self.0 = mixed ^ (mixed >> 32);
    }

    fn write_i64(&mut self, value: i64) {
        self.write_u64(value.cast_unsigned());
    }
}

type IntSet = HashSet<i64, BuildHasherDefault<IntHasher>>;

/// The state of one aggregate.
#[derive(Clone, Debug)]
pub enum Accumulator {
    Sum(i128),
    Count(u64),
    Avg {
        sum: i128,
        count: u64,
    },
    Min(Option<i64>),
    Max(Option<i64>),
    /// The last value added is kept beside the set: lines of one invoice come together.
    Distinct {
        seen: IntSet,
        latest: Option<i64>,
    },
    /// Event time, microseconds.
    NewestEvent(Option<i64>),
    OldestEvent(Option<i64>),
    Last(Option<(Stamp, i64)>),
}

impl Accumulator {
    #[must_use]
    pub fn new(aggregate: Aggregate) -> Self {
        match aggregate {
            Aggregate::Sum => Self::Sum(0),
            Aggregate::Count => Self::Count(0),
            Aggregate::Avg => Self::Avg { sum: 0, count: 0 },
            Aggregate::Min => Self::Min(None),
            Aggregate::Max => Self::Max(None),
            Aggregate::CountDistinct => Self::Distinct {
                seen: IntSet::default(),
                latest: None,
            },
            Aggregate::DaysSinceLast => Self::NewestEvent(None),
            Aggregate::DaysSinceFirst => Self::OldestEvent(None),
            Aggregate::Last => Self::Last(None),
        }
    }

    /// Takes in one fact whose value (where the aggregate has one) is not null.
    pub fn add(&mut self, value: i64, stamp: &Stamp) {
        match self {
            Self::Sum(sum) => *sum += i128::from(value),
            Self::Count(count) => *count += 1,
            Self::Avg { sum, count } => {
                *sum += i128::from(value);
                *count += 1;
            }
            Self::Min(least) => *least = Some(least.map_or(value, |least| least.min(value))),
            Self::Max(most) => *most = (*most).max(Some(value)),
            Self::Distinct { seen, latest } => {
                if *latest != Some(value) {
                    seen.insert(value);
                    *latest = Some(value);
                }
            }
            Self::NewestEvent(newest) => *newest = (*newest).max(Some(stamp.event)),
            Self::OldestEvent(oldest) => *oldest = Some(oldest.map_or(stamp.event, |oldest| oldest.min(stamp.event))),
            Self::Last(last) => keep_later(last, stamp, value),
        }
    }

    /// Takes in everything that `other`, an accumulator of the same aggregate, has taken in.
    pub fn merge(&mut self, other: &Self) {
        match (self, other) {
            (Self::Sum(sum), Self::Sum(more)) => *sum += more,
            (Self::Count(count), Self::Count(more)) => *count += more,
            (
                Self::Avg { sum, count },
                Self::Avg {
                    sum: more,
                    count: times,
                },
            ) => {
                *sum += more;
                *count += times;
            }
            (Self::Min(least), Self::Min(Some(other))) => {
                *least = Some(least.map_or(*other, |least| least.min(*other)))
            }
            (Self::Max(most), Self::Max(other)) => *most = (*most).max(*other),
            (Self::Distinct { seen, .. }, Self::Distinct { seen: more, .. }) => seen.extend(more),
            (Self::NewestEvent(newest), Self::NewestEvent(other)) => *newest = (*newest).max(*other),
            (Self::OldestEvent(oldest), Self::OldestEvent(Some(other))) => {
                *oldest = Some(oldest.map_or(*other, |oldest| oldest.min(*other)));
            }
            (Self::Last(last), Self::Last(Some((stamp, value)))) => keep_later(last, stamp, *value),
            // An empty optional adds nothing; accumulators of different aggregates never meet (one plan makes both).
            _ => {}
        }
    }

    /// The value at `at` (microseconds). Numbers beyond 64 bits become floats.
    #[must_use]
    pub fn finish(&self, at: i64, kind: ColumnKind, symbols: &Symbols) -> FeatureValue {
        let optional = |value: &Option<i64>| value.map_or(FeatureValue::Null, FeatureValue::Int);
        let days = |event: &Option<i64>| match event {
            Some(event) => FeatureValue::Float((i128::from(at) - i128::from(*event)) as f64 / MICROS_PER_DAY),
            None => FeatureValue::Null,
        };
        match self {
            Self::Sum(sum) => i64::try_from(*sum).map_or(FeatureValue::Float(*sum as f64), FeatureValue::Int),
            Self::Count(count) => FeatureValue::Int(i64::try_from(*count).unwrap_or(i64::MAX)),
            Self::Avg { count: 0, .. } => FeatureValue::Null,
            Self::Avg { sum, count } => FeatureValue::Float(*sum as f64 / *count as f64),
            Self::Min(value) | Self::Max(value) => optional(value),
            Self::Distinct { seen, .. } => FeatureValue::Int(i64::try_from(seen.len()).unwrap_or(i64::MAX)),
            Self::NewestEvent(event) | Self::OldestEvent(event) => days(event),
            Self::Last(None) => FeatureValue::Null,
            Self::Last(Some((_, value))) => match kind {
                ColumnKind::Int => FeatureValue::Int(*value),
                ColumnKind::Text => symbols.text(*value).map_or(FeatureValue::Null, FeatureValue::Text),
            },
        }
    }
}

fn keep_later(last: &mut Option<(Stamp, i64)>, stamp: &Stamp, value: i64) {
    if last.as_ref().is_none_or(|(newest, _)| newest.order() < stamp.order()) {
        *last = Some((*stamp, value));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::fact::{FactPosition, RowId};
    use proptest::prelude::*;

    const ALL: [Aggregate; 9] = [
        Aggregate::Sum,
        Aggregate::Count,
        Aggregate::Avg,
        Aggregate::Min,
        Aggregate::Max,
        Aggregate::CountDistinct,
        Aggregate::DaysSinceLast,
        Aggregate::DaysSinceFirst,
        Aggregate::Last,
    ];

    fn stamp(event: i64, known: i64, row: u128) -> Stamp {
        Stamp {
            event,
            known,
            position: FactPosition::default(),
            row: RowId(row),
            until: i64::MAX,
        }
    }

    fn folded(aggregate: Aggregate, facts: &[(i64, Stamp)]) -> Accumulator {
        let mut accumulator = Accumulator::new(aggregate);
        for (value, stamp) in facts {
            accumulator.add(*value, stamp);
        }
        accumulator
    }

    fn value(accumulator: &Accumulator) -> FeatureValue {
        accumulator.finish(1_000, ColumnKind::Int, &Symbols::default())
    }

    #[test]
    fn a_sum_beyond_64_bits_is_not_wrapped() {
        let facts = [(i64::MAX, stamp(0, 0, 1)), (i64::MAX, stamp(0, 0, 2))];
        assert_eq!(
            value(&folded(Aggregate::Sum, &facts)),
            FeatureValue::Float(i64::MAX as f64 * 2.0)
        );
    }

    #[test]
    fn nothing_sums_to_zero_and_averages_to_null() {
        assert_eq!(value(&folded(Aggregate::Sum, &[])), FeatureValue::Int(0));
        assert_eq!(value(&folded(Aggregate::CountDistinct, &[])), FeatureValue::Int(0));
        for aggregate in [
            Aggregate::Avg,
            Aggregate::Min,
            Aggregate::DaysSinceLast,
            Aggregate::Last,
        ] {
            assert_eq!(value(&folded(aggregate, &[])), FeatureValue::Null);
        }
    }

    proptest! {
        #[test]
        fn neither_order_nor_tiling_changes_a_result(
            facts in proptest::collection::vec((any::<i64>(), 0_i64..20, 0_i64..20), 0..40),
            cut in 0_usize..40,
            turn in 0_usize..40,
        ) {
            let facts: Vec<(i64, Stamp)> = facts.iter().enumerate()
                .map(|(row, (value, event, known))| (*value, stamp(*event, *known, row as u128)))
                .collect();
            let mut turned = facts.clone();
            turned.rotate_left(turn.min(facts.len()));
            turned.reverse();
            let (left, right) = turned.split_at(cut.min(facts.len()));
            for aggregate in ALL {
                let whole = folded(aggregate, &facts);
                let mut tiled = folded(aggregate, right);
                tiled.merge(&folded(aggregate, left));
                prop_assert_eq!(value(&whole), value(&tiled), "{:?}", aggregate);
            }
        }
    }
}
