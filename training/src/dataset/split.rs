//! Which rows teach and which judge: by time alone, with one horizon between them.

use std::collections::BTreeSet;
use std::time::Duration;

use cortex_types::Timestamp;

use crate::declaration::SplitRule;

/// Row numbers, each list in the order of the rows. A row at `t` has a label from `(t, t + horizon]`; whatever judges
/// lies after every label of what taught.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Split {
    /// Teach the finished model; includes what `fit` and `validation` have, or what replaces it.
    pub train: Vec<usize>,
    /// Teach the trainers that are compared.
    pub fit: Vec<usize>,
    /// Judge the trainers that are compared.
    pub validation: Vec<usize>,
    /// Judge the finished model.
    pub evaluation: Vec<usize>,
}

impl Split {
    /// `newest` is the latest instant whose horizon is over. Rows whose label would reach across a border are in no
    /// list of the earlier side.
    #[must_use]
    pub fn by_time(times: &[Timestamp], newest: Timestamp, horizon: Duration, rule: SplitRule) -> Self {
        let evaluation_after = newest.saturating_sub(rule.evaluation.duration());
        let train_until = evaluation_after.saturating_sub(horizon);
        let validation_after = train_until.saturating_sub(rule.validation.duration());
        let fit_until = validation_after.saturating_sub(horizon);
        let rows = |wanted: &dyn Fn(Timestamp) -> bool| {
            times
                .iter()
                .enumerate()
                .filter(|(_, time)| wanted(**time))
                .map(|(row, _)| row)
                .collect::<Vec<_>>()
        };
        Self {
            train: rows(&|time| time <= train_until),
            fit: rows(&|time| time <= fit_until),
            validation: rows(&|time| time > validation_after && time <= train_until),
            evaluation: rows(&|time| time > evaluation_after && time <= newest),
        }
    }

    /// Only what no caller can add to judges; what `replaced` says teaches no more.
    #[must_use]
    pub fn without(mut self, is_decision: impl Fn(usize) -> bool, replaced: &BTreeSet<usize>) -> Self {
        for judging in [&mut self.validation, &mut self.evaluation] {
            judging.retain(|row| !is_decision(*row));
        }
        for teaching in [&mut self.train, &mut self.fit] {
            teaching.retain(|row| !replaced.contains(row));
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HOUR: u64 = 3_600;

    proptest! {
        #[test]
        fn no_training_label_reaches_into_the_time_that_judges(
            hours in proptest::collection::vec(0_u64..9_000, 1..200),
            horizon in 1_u64..1_000,
            evaluation in 1_u64..40,
            validation in 1_u64..40,
        ) {
            let at = |hours: u64| Timestamp::from_micros((hours * HOUR * 1_000_000).cast_signed());
            let times: Vec<Timestamp> = hours.iter().map(|&hours| at(hours)).collect();
            let horizon = Duration::from_secs(horizon * HOUR);
            let days = |count: u64| format!("{count}d").parse().unwrap();
            let rule = SplitRule { evaluation: days(evaluation), validation: days(validation) };
            let split = Split::by_time(&times, at(8_000), horizon, rule);

            for (teach, judge) in [(&split.train, &split.evaluation), (&split.fit, &split.validation)] {
                let last_label = teach.iter().map(|&row| times[row].saturating_add(horizon)).max();
                let first_judged = judge.iter().map(|&row| times[row]).min();
                if let (Some(last_label), Some(first_judged)) = (last_label, first_judged) {
                    prop_assert!(last_label < first_judged);
                }
            }
            prop_assert!(split.fit.iter().chain(&split.validation).all(|row| split.train.contains(row)));
            prop_assert!(split.evaluation.iter().all(|&row| times[row] <= at(8_000)));
        }
    }
}
