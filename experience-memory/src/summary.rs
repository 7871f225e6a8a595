//! How model versions did: what they promised, and what came of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;

use crate::port::Judged;

const BINS: usize = 10;

#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Summary {
    pub decisions: u64,
    /// Outcomes that joined a decision.
    pub outcomes: u64,
    pub ratings: u64,
    /// Events that wait for their decision.
    pub pending: u64,
    pub models: Vec<ModelSummary>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ModelSummary {
    pub model: Arc<str>,
    pub versions: Vec<VersionSummary>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct VersionSummary {
    pub version: u32,
    pub decisions: u64,
    /// Decisions where somebody did something else than what was advised.
    pub overridden: u64,
    pub rating_mean: Option<f64>,
    /// Per arm and advised action.
    pub cells: Vec<CellSummary>,
    /// Per kind of outcome.
    pub outcomes: Vec<OutcomeSummary>,
}

/// Decisions of one version that share arm and action.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CellSummary {
    pub arm: Arc<str>,
    pub action: Option<Arc<str>>,
    pub decisions: u64,
    /// Mean value by kind of outcome, over the decisions that have one.
    pub outcome_means: BTreeMap<Arc<str>, f64>,
}

/// Scores of one version against outcomes of one kind.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct OutcomeSummary {
    pub kind: Arc<str>,
    pub joined: u64,
    pub score_mean: f64,
    pub outcome_mean: f64,
    /// Mean of |score - outcome|.
    pub absolute_error_mean: f64,
    /// Ten bins of equal width, those that hold anything; empty unless scores are probabilities and outcomes yes or no.
    pub calibration: Vec<CalibrationBin>,
    /// Expected calibration error: mean of |score - share of yes| over the bins, by their size.
    pub calibration_error: Option<f64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct CalibrationBin {
    pub score_mean: f64,
    pub outcome_mean: f64,
    pub joined: u64,
}

#[derive(Clone, Copy, Debug, Default)]
struct Mean {
    count: u64,
    sum: f64,
}

impl Mean {
    fn add(&mut self, value: f64) {
        self.count += 1;
        self.sum += value;
    }

    fn get(self) -> Option<f64> {
        (self.count > 0).then(|| self.sum / self.count as f64)
    }
}

/// Takes decisions one by one, so that a summary of millions needs no more room than one of ten.
#[derive(Debug, Default)]
pub(crate) struct SummaryBuilder {
    decisions: u64,
    outcomes: u64,
    ratings: u64,
    versions: BTreeMap<(Arc<str>, u32), VersionTally>,
}

#[derive(Debug, Default)]
struct VersionTally {
    decisions: u64,
    overridden: u64,
    ratings: Mean,
    cells: BTreeMap<(Arc<str>, Option<Arc<str>>), CellTally>,
    outcomes: BTreeMap<Arc<str>, OutcomeTally>,
}

#[derive(Debug, Default)]
struct CellTally {
    decisions: u64,
    outcomes: BTreeMap<Arc<str>, Mean>,
}

#[derive(Debug, Default)]
struct OutcomeTally {
    scores: Mean,
    outcomes: Mean,
    errors: Mean,
    bins: [(Mean, Mean); BINS],
    not_binary: bool,
}

impl SummaryBuilder {
    pub(crate) fn add(&mut self, judged: &Judged) {
        self.decisions += 1;
        self.outcomes += judged.outcomes.len() as u64;
        self.ratings += judged.ratings.len() as u64;
        let version = self
            .versions
            .entry((Arc::clone(&judged.model), judged.version))
            .or_default();
        version.decisions += 1;
        version.overridden += u64::from(judged.overridden);
        judged
            .ratings
            .iter()
            .for_each(|rating| version.ratings.add(*rating as f64));
        let cell = version
            .cells
            .entry((Arc::clone(&judged.arm), judged.action.clone()))
            .or_default();
        cell.decisions += 1;
        for (kind, value) in &judged.outcomes {
            cell.outcomes.entry(Arc::clone(kind)).or_default().add(*value);
            version
                .outcomes
                .entry(Arc::clone(kind))
                .or_default()
                .add(judged, *value);
        }
    }

    pub(crate) fn finish(self, pending: u64) -> Summary {
        let mut models: Vec<ModelSummary> = Vec::new();
        for ((model, version), tally) in self.versions {
            let summary = tally.finish(version);
            match models.last_mut().filter(|last| last.model == model) {
                Some(last) => last.versions.push(summary),
                None => models.push(ModelSummary {
                    model,
                    versions: vec![summary],
                }),
            }
        }
        Summary {
            decisions: self.decisions,
            outcomes: self.outcomes,
            ratings: self.ratings,
            pending,
            models,
        }
    }
}

impl VersionTally {
    fn finish(self, version: u32) -> VersionSummary {
        let cells = self.cells.into_iter().map(|((arm, action), cell)| CellSummary {
            arm,
            action,
            decisions: cell.decisions,
            outcome_means: cell
                .outcomes
                .into_iter()
                .filter_map(|(kind, mean)| Some((kind, mean.get()?)))
                .collect(),
        });
        VersionSummary {
            version,
            decisions: self.decisions,
            overridden: self.overridden,
            rating_mean: self.ratings.get(),
            cells: cells.collect(),
            outcomes: self
                .outcomes
                .into_iter()
                .filter_map(|(kind, tally)| tally.finish(kind))
                .collect(),
        }
    }
}

impl OutcomeTally {
    fn add(&mut self, judged: &Judged, value: f64) {
        self.scores.add(judged.score);
        self.outcomes.add(value);
        self.errors.add((judged.score - value).abs());
        let binary = (0.0..=1.0).contains(&judged.score) && (value == 0.0 || value == 1.0);
        self.not_binary |= !binary;
        if binary {
            let bin = ((judged.score * BINS as f64) as usize).min(BINS - 1);
            if let Some((scores, outcomes)) = self.bins.get_mut(bin) {
                scores.add(judged.score);
                outcomes.add(value);
            }
        }
    }

    fn finish(self, kind: Arc<str>) -> Option<OutcomeSummary> {
        let calibration = if self.not_binary {
            Vec::new()
        } else {
            self.calibration()
        };
        let joined = self.outcomes.count;
        let gaps = calibration
            .iter()
            .map(|bin| (bin.score_mean - bin.outcome_mean).abs() * bin.joined as f64);
        Some(OutcomeSummary {
            kind,
            joined,
            score_mean: self.scores.get()?,
            outcome_mean: self.outcomes.get()?,
            absolute_error_mean: self.errors.get()?,
            calibration_error: (!self.not_binary).then(|| gaps.sum::<f64>() / joined as f64),
            calibration,
        })
    }

    fn calibration(&self) -> Vec<CalibrationBin> {
        let filled = self.bins.iter().filter_map(|(scores, outcomes)| {
            Some(CalibrationBin {
                score_mean: scores.get()?,
                outcome_mean: outcomes.get()?,
                joined: scores.count,
            })
        });
        filled.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cortex_types::DecisionId;

    fn judged(version: u32, propensity: f64, score: f64, outcome: Option<f64>) -> Judged {
        Judged {
            id: DecisionId::new(),
            model: "repurchase-30d".into(),
            version,
            arm: if version == 1 {
                "champion".into()
            } else {
                "canary".into()
            },
            propensity,
            score,
            action: (score < 0.5).then(|| "offer".into()),
            outcomes: outcome
                .into_iter()
                .map(|value| ("bought_again".into(), value))
                .collect(),
            ratings: vec![],
            overridden: false,
        }
    }

    fn summarise(all: &[Judged]) -> Summary {
        let mut builder = SummaryBuilder::default();
        all.iter().for_each(|judged| builder.add(judged));
        builder.finish(0)
    }

    #[test]
    fn scores_that_say_what_happens_have_no_calibration_error() {
        // Of ten scored 0.7, seven bought.
        let honest: Vec<Judged> = (0..10)
            .map(|i| judged(1, 0.9, 0.7, Some(f64::from(u8::from(i < 7)))))
            .collect();
        let summary = summarise(&honest);
        let outcome = &summary.models[0].versions[0].outcomes[0];
        assert!(outcome.calibration_error.unwrap() < 1e-12);
        assert_eq!(outcome.calibration.len(), 1);
        assert!((outcome.absolute_error_mean - 0.42).abs() < 1e-12);
    }

    #[test]
    fn a_quantity_has_no_calibration_bins_but_an_error() {
        let summary = summarise(&[judged(1, 1.0, 12.0, Some(10.0)), judged(1, 1.0, 5.0, Some(9.0))]);
        let outcome = &summary.models[0].versions[0].outcomes[0];
        assert_eq!((outcome.calibration.len(), outcome.calibration_error), (0, None));
        assert!((outcome.absolute_error_mean - 3.0).abs() < 1e-12);
    }

    #[test]
    fn a_decision_without_an_outcome_counts_as_a_decision_and_as_nothing_else() {
        let summary = summarise(&[judged(1, 0.9, 0.2, Some(1.0)), judged(2, 0.1, 0.2, None)]);
        assert_eq!((summary.decisions, summary.outcomes), (2, 1));
        let canary = &summary.models[0].versions[1];
        assert_eq!((canary.decisions, canary.outcomes.len()), (1, 0));
        assert_eq!(canary.cells[0].action.as_deref(), Some("offer"));
        assert!(canary.cells[0].outcome_means.is_empty());
    }
}
