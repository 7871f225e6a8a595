//! Facts become values: the one place where a feature is computed, for training sets and for online reads alike.

use cortex_types::Timestamp;

use super::accumulator::Accumulator;
use super::history::{History, NULL};
use super::plan::{Output, ViewPlan};
use super::symbols::{ColumnKind, Symbols};
use crate::definition::Window;
use crate::value::{EventTime, FeatureStatus, FeatureValue};

/// The values of one view for one entity at one instant.
#[derive(Clone, Debug, PartialEq)]
pub struct FoldedView {
    /// One per feature of the view. Of nothing, a count or a sum is zero; everything else is null.
    pub values: Vec<FeatureValue>,
    /// Event time of the newest fact; none where no fact counts.
    pub newest: EventTime,
    /// The newest fact is older than the view's TTL, and the values are withheld.
    pub expired: bool,
}

impl FoldedView {
    #[must_use]
    pub fn status(&self, feature: usize) -> FeatureStatus {
        match (self.newest, self.values.get(feature)) {
            (None, _) => FeatureStatus::NotFound,
            _ if self.expired => FeatureStatus::OutsideMaxAge,
            (_, None | Some(FeatureValue::Null)) => FeatureStatus::NullValue,
            _ => FeatureStatus::Present,
        }
    }
}

impl ViewPlan {
    /// The view's values at `at`: of the facts that had happened by then, and are known at `known_by`, those in each
    /// feature's window. A feature is what was known at its own instant: the two differ for labels alone.
    #[must_use]
    pub(super) fn fold(
        &self,
        history: Option<&History>,
        kinds: &[ColumnKind],
        symbols: &Symbols,
        at: Timestamp,
        known_by: Timestamp,
    ) -> FoldedView {
        let at = at.micros();
        let mut pass = Pass {
            plan: self,
            kinds,
            symbols,
            at,
            known_by: known_by.micros(),
            accumulators: self
                .measures
                .iter()
                .map(|measure| Accumulator::new(measure.aggregate))
                .collect(),
            values: vec![FeatureValue::Null; self.outputs.len()],
            window: 0,
        };
        let newest = history.and_then(|history| pass.run(history));
        pass.leave_windows(|_| true);
        let mut values = pass.values;
        self.divide(&mut values);
        let expired = match (newest, self.view().ttl) {
            (Some(newest), Some(ttl)) => at.saturating_sub(newest) > ttl.micros(),
            _ => false,
        };
        if expired {
            values.fill(FeatureValue::Null);
        }
        FoldedView {
            values,
            newest: newest.map(Timestamp::from_micros),
            expired,
        }
    }

    /// The view's values for an entity without facts.
    #[must_use]
    pub fn nothing(&self) -> FoldedView {
        self.fold(None, &[], &Symbols::default(), Timestamp::MAX, Timestamp::MAX)
    }

    fn divide(&self, values: &mut [FeatureValue]) {
        for (index, output) in self.outputs.iter().enumerate() {
            let Output::Ratio { of, to } = output else { continue };
            let quotient = match (values[*of].as_f64(), values[*to].as_f64()) {
                (Some(of), Some(to)) if to != 0.0 => of / to,
                _ => f64::NAN,
            };
            values[index] = if quotient.is_nan() {
                FeatureValue::Null
            } else {
                FeatureValue::Float(quotient)
            };
        }
    }
}

struct Pass<'a> {
    plan: &'a ViewPlan,
    kinds: &'a [ColumnKind],
    symbols: &'a Symbols,
    at: i64,
    known_by: i64,
    accumulators: Vec<Accumulator>,
    values: Vec<FeatureValue>,
    /// The shortest window that the pass is still in.
    window: usize,
}

impl Pass<'_> {
    /// Folds from the newest fact to the oldest; answers the newest event time.
    fn run(&mut self, history: &History) -> Option<i64> {
        let width = self.plan.width;
        let mut newest = None;
        for index in (0..history.until(self.at)).rev() {
            let stamp = &history.stamps[index];
            let (at, event) = (self.at, stamp.event);
            self.leave_windows(|window| match window {
                Window::Last(span) => i128::from(event) <= i128::from(at) - i128::from(span.micros()),
                Window::Lifetime => false,
            });
            if self.window == self.plan.windows.len() && newest.is_some() {
                return newest;
            }
            if !stamp.counts(self.at, self.known_by) {
                continue;
            }
            newest = newest.or(Some(event));
            let cells = &history.cells[index * width..(index + 1) * width];
            for (measure, accumulator) in self.plan.measures.iter().zip(&mut self.accumulators) {
                let value = measure.column.map_or(0, |column| cells[column]);
                if measure.longest >= self.window && value != NULL {
                    accumulator.add(value, stamp);
                }
            }
        }
        let Some(base) = &history.base else { return newest };
        // What is in the base lies before every finite window.
        self.leave_windows(|window| *window != Window::Lifetime);
        for (accumulator, compacted) in self.accumulators.iter_mut().zip(&base.accumulators) {
            accumulator.merge(compacted);
        }
        newest.max(Some(base.newest))
    }

    /// Reads off the features of every window, from the shortest on, that `left` says the pass has left.
    fn leave_windows(&mut self, left: impl Fn(&Window) -> bool) {
        while self.plan.windows.get(self.window).is_some_and(&left) {
            for (feature, measure) in &self.plan.closing[self.window] {
                let column = self.plan.measures[*measure].column;
                let kind = column
                    .and_then(|column| self.kinds.get(column))
                    .copied()
                    .unwrap_or_default();
                self.values[*feature] = self.accumulators[*measure].finish(self.at, kind, self.symbols);
            }
            self.window += 1;
        }
    }
}
