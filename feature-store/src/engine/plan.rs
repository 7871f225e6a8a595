//! How the features of a view are folded in one pass over an entity's facts.

use std::sync::Arc;

use crate::definition::{Aggregate, FeatureView, Window};

/// An aggregate of a column; features that differ only in their window share one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Measure {
    pub aggregate: Aggregate,
    /// Which value column; none where the aggregate looks only at event times.
    pub column: Option<usize>,
    /// Index of the longest window that a feature has on it.
    pub longest: usize,
}

/// Where a feature's value comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Output {
    Measured {
        measure: usize,
        window: usize,
    },
    /// Positions of two measured features.
    Ratio {
        of: usize,
        to: usize,
    },
}

/// Facts are folded from the newest to the oldest, and each feature is read off its accumulator when the pass leaves
/// its window: all windows of a measure cost as much as the longest of them.
#[derive(Clone, Debug)]
pub struct ViewPlan {
    view: Arc<FeatureView>,
    /// Ascending, lifetime last.
    pub(super) windows: Vec<Window>,
    pub(super) measures: Vec<Measure>,
    /// One per feature.
    pub(super) outputs: Vec<Output>,
    /// For each window, the features that are read off when the pass leaves it: (feature, measure).
    pub(super) closing: Vec<Vec<(usize, usize)>>,
    pub(super) width: usize,
}

impl ViewPlan {
    #[must_use]
    pub fn new(view: &Arc<FeatureView>) -> Self {
        let columns = view.value_columns();
        let mut windows: Vec<Window> = view.features.iter().filter_map(|feature| feature.window).collect();
        windows.sort_unstable();
        windows.dedup();
        let mut plan = Self {
            view: Arc::clone(view),
            closing: vec![Vec::new(); windows.len()],
            windows,
            measures: Vec::new(),
            outputs: Vec::new(),
            width: columns.len(),
        };
        let position = |name: &str| {
            view.features
                .iter()
                .position(|feature| *feature.name == *name)
                .unwrap_or(0)
        };
        for (index, feature) in view.features.iter().enumerate() {
            let output = match (&feature.ratio, feature.aggregate, feature.window) {
                (None, Some(aggregate), Some(window)) => {
                    let value = feature.value.as_deref();
                    let column = value.and_then(|value| columns.iter().position(|column| *column == value));
                    plan.measure(index, aggregate, column, window)
                }
                (Some(ratio), ..) => Output::Ratio {
                    of: position(&ratio.of),
                    to: position(&ratio.to),
                },
                // Validation lets no other feature through.
                _ => continue,
            };
            plan.outputs.push(output);
        }
        plan
    }

    fn measure(&mut self, feature: usize, aggregate: Aggregate, column: Option<usize>, window: Window) -> Output {
        let window = self.windows.iter().position(|known| *known == window).unwrap_or(0);
        let same = |known: &Measure| known.aggregate == aggregate && known.column == column;
        let measure = self.measures.iter().position(same).unwrap_or_else(|| {
            self.measures.push(Measure {
                aggregate,
                column,
                longest: window,
            });
            self.measures.len() - 1
        });
        self.measures[measure].longest = self.measures[measure].longest.max(window);
        self.closing[window].push((feature, measure));
        Output::Measured { measure, window }
    }

    #[must_use]
    pub fn view(&self) -> &Arc<FeatureView> {
        &self.view
    }

    /// The longest window that ends, in microseconds; zero where all are lifetimes.
    #[must_use]
    pub fn longest_span_micros(&self) -> i64 {
        let spans = self.windows.iter().filter_map(|window| match window {
            Window::Last(span) => Some(span.micros()),
            Window::Lifetime => None,
        });
        spans.max().unwrap_or(0)
    }

    pub(super) fn is_lifetime(&self, measure: &Measure) -> bool {
        self.windows.get(measure.longest) == Some(&Window::Lifetime)
    }
}
