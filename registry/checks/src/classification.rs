//! How well scores tell two classes apart. Labels are 0 or 1; a higher score means class 1.

use serde::{Deserialize, Serialize};

use crate::{CheckError, input};

/// Area under the ROC curve: the probability that a random positive scores above a random negative, ties counting half
/// (the Mann–Whitney statistic). Both classes must occur.
pub fn roc_auc(labels: &[f64], scores: &[f64]) -> Result<f64, CheckError> {
    input::binary(labels, scores)?;
    let positives = both_classes("ROC AUC", labels)?;
    let negatives = labels.len() as f64 - positives;
    let mut favourable = 0.0;
    let mut negatives_below = 0.0;
    for tie in ties(labels, scores, Order::Ascending) {
        favourable += tie.positives * (negatives_below + tie.negatives / 2.0);
        negatives_below += tie.negatives;
    }
    Ok(favourable / (positives * negatives))
}

/// Average precision: precision at each distinct score, weighted by the recall gained there (no interpolation).
/// At least one label must be 1.
pub fn average_precision(labels: &[f64], scores: &[f64]) -> Result<f64, CheckError> {
    input::binary(labels, scores)?;
    let positives: f64 = labels.iter().sum();
    if positives == 0.0 {
        return Err(CheckError::OneClass {
            metric: "average precision",
            only: 0.0,
        });
    }
    let (mut average, mut found, mut taken) = (0.0, 0.0, 0.0);
    for tie in ties(labels, scores, Order::Descending) {
        found += tie.positives;
        taken += tie.positives + tie.negatives;
        average += tie.positives / positives * (found / taken);
    }
    Ok(average)
}

/// Mean negative log-likelihood of the labels; probabilities are kept a rounding step away from 0 and 1.
pub fn log_loss(labels: &[f64], probabilities: &[f64]) -> Result<f64, CheckError> {
    input::probabilities(labels, probabilities)?;
    let loss = |(label, p): (&f64, &f64)| {
        let of_the_truth = if *label == 1.0 { *p } else { 1.0 - p };
        -of_the_truth.clamp(f64::EPSILON, 1.0 - f64::EPSILON).ln()
    };
    Ok(labels.iter().zip(probabilities).map(loss).sum::<f64>() / labels.len() as f64)
}

/// Mean squared distance of the probability from the label.
pub fn brier_score(labels: &[f64], probabilities: &[f64]) -> Result<f64, CheckError> {
    input::probabilities(labels, probabilities)?;
    Ok(labels
        .iter()
        .zip(probabilities)
        .map(|(label, p)| (label - p).powi(2))
        .sum::<f64>()
        / labels.len() as f64)
}

/// Counts of right and wrong answers at a threshold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confusion {
    pub true_positives: u64,
    pub false_positives: u64,
    pub true_negatives: u64,
    pub false_negatives: u64,
}

impl Confusion {
    /// A score of at least `threshold` is an answer of 1.
    pub fn at(labels: &[f64], scores: &[f64], threshold: f64) -> Result<Self, CheckError> {
        input::binary(labels, scores)?;
        let mut counts = Self {
            true_positives: 0,
            false_positives: 0,
            true_negatives: 0,
            false_negatives: 0,
        };
        for (label, score) in labels.iter().zip(scores) {
            let count = match (*label == 1.0, *score >= threshold) {
                (true, true) => &mut counts.true_positives,
                (false, true) => &mut counts.false_positives,
                (false, false) => &mut counts.true_negatives,
                (true, false) => &mut counts.false_negatives,
            };
            *count += 1;
        }
        Ok(counts)
    }

    #[must_use]
    pub fn accuracy(&self) -> f64 {
        let right = self.true_positives + self.true_negatives;
        share(right, right + self.false_positives + self.false_negatives)
    }

    /// Of those called positive, how many are; 0 where none is called so, as scikit-learn has it.
    #[must_use]
    pub fn precision(&self) -> f64 {
        share(self.true_positives, self.true_positives + self.false_positives)
    }

    /// Of the positives, how many are called so; 0 where there are none.
    #[must_use]
    pub fn recall(&self) -> f64 {
        share(self.true_positives, self.true_positives + self.false_negatives)
    }

    /// Harmonic mean of precision and recall; 0 where there is nothing to average.
    #[must_use]
    pub fn f1(&self) -> f64 {
        let twice = 2 * self.true_positives;
        share(twice, twice + self.false_positives + self.false_negatives)
    }
}

fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

/// The number of positives, where there are negatives too.
fn both_classes(metric: &'static str, labels: &[f64]) -> Result<f64, CheckError> {
    let positives: f64 = labels.iter().sum();
    if positives == 0.0 || positives == labels.len() as f64 {
        return Err(CheckError::OneClass {
            metric,
            only: labels[0],
        });
    }
    Ok(positives)
}

#[derive(Clone, Copy)]
enum Order {
    Ascending,
    Descending,
}

/// How many of each class share one score.
struct Tie {
    positives: f64,
    negatives: f64,
}

fn ties(labels: &[f64], scores: &[f64], order: Order) -> Vec<Tie> {
    let mut pairs: Vec<(f64, f64)> = scores.iter().copied().zip(labels.iter().copied()).collect();
    match order {
        Order::Ascending => pairs.sort_unstable_by(|a, b| a.0.total_cmp(&b.0)),
        Order::Descending => pairs.sort_unstable_by(|a, b| b.0.total_cmp(&a.0)),
    }
    // `==` and not the order's own equality: 0.0 and -0.0 are one score.
    pairs
        .chunk_by(|a, b| a.0 == b.0)
        .map(|tie| {
            let positives: f64 = tie.iter().map(|(_, label)| label).sum();
            Tie {
                positives,
                negatives: tie.len() as f64 - positives,
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const LABELS: [f64; 10] = [0.0, 1.0, 1.0, 0.0, 1.0, 0.0, 1.0, 0.0, 0.0, 1.0];
    const SCORES: [f64; 10] = [0.1, 0.4, 0.35, 0.8, 0.8, 0.35, 0.9, 0.05, 0.35, 0.6];

    #[test]
    fn figures_agree_with_scikit_learn() {
        let confusion = Confusion::at(&LABELS, &SCORES, 0.5).unwrap();
        for (figure, scikit_learn) in [
            (roc_auc(&LABELS, &SCORES).unwrap(), 0.8200000000000001),
            (average_precision(&LABELS, &SCORES).unwrap(), 0.7683333333333333),
            (log_loss(&LABELS, &SCORES).unwrap(), 0.5433100101775244),
            (brier_score(&LABELS, &SCORES).unwrap(), 0.189),
            (confusion.accuracy(), 0.7),
            (confusion.precision(), 0.75),
            (confusion.recall(), 0.6),
            (confusion.f1(), 0.6666666666666666),
        ] {
            assert!((figure - scikit_learn).abs() < 1e-12, "{figure} is not {scikit_learn}");
        }
    }

    #[test]
    fn a_probability_of_zero_for_what_happened_costs_much_but_not_infinity() {
        let loss = log_loss(&[1.0, 0.0], &[0.0, 1.0]).unwrap();
        assert!((loss - 36.043_653_389_117_15).abs() < 1e-9, "{loss}");
    }

    #[test]
    fn one_class_alone_has_no_auc_and_an_empty_set_has_nothing() {
        assert_eq!(
            roc_auc(&[1.0, 1.0], &[0.2, 0.3]),
            Err(CheckError::OneClass {
                metric: "ROC AUC",
                only: 1.0
            })
        );
        assert!(matches!(
            average_precision(&[0.0], &[0.2]),
            Err(CheckError::OneClass { .. })
        ));
        assert_eq!(roc_auc(&[], &[]), Err(CheckError::Empty { what: "labels" }));
        assert!(matches!(log_loss(&[1.0], &[]), Err(CheckError::Length { .. })));
    }

    #[test]
    fn a_score_that_is_nan_is_an_error_and_not_a_figure() {
        assert!(matches!(
            roc_auc(&[1.0, 0.0], &[f64::NAN, 0.1]),
            Err(CheckError::Value { index: 0, .. })
        ));
        assert!(matches!(
            brier_score(&[1.0, 0.0], &[0.5, 1.5]),
            Err(CheckError::Value { index: 1, .. })
        ));
        assert!(matches!(
            Confusion::at(&[0.5], &[0.5], 0.5),
            Err(CheckError::Value { what: "labels", .. })
        ));
    }

    proptest! {
        #[test]
        fn auc_is_the_share_of_pairs_in_the_right_order(
            pairs in prop::collection::vec((prop::bool::ANY, 0u8..6), 2..60)
        ) {
            let labels: Vec<f64> = pairs.iter().map(|(label, _)| f64::from(u8::from(*label))).collect();
            let scores: Vec<f64> = pairs.iter().map(|(_, score)| f64::from(*score) / 5.0).collect();
            let (mut favourable, mut all) = (0.0, 0.0);
            for (i, label) in labels.iter().enumerate().filter(|(_, label)| **label == 1.0) {
                for (j, other) in labels.iter().enumerate().filter(|(_, other)| *other != label) {
                    debug_assert!(*other == 0.0);
                    all += 1.0;
                    favourable += if scores[i] > scores[j] { 1.0 } else if scores[i] == scores[j] { 0.5 } else { 0.0 };
                }
            }
            match roc_auc(&labels, &scores) {
                Ok(auc) => prop_assert!((auc - favourable / all).abs() < 1e-12),
                Err(error) => {
                    let one_class = matches!(error, CheckError::OneClass { .. });
                    prop_assert!(one_class && all == 0.0);
                }
            }
        }

        #[test]
        fn average_precision_lies_between_the_base_rate_of_a_constant_and_one(
            labels in prop::collection::vec(prop::bool::ANY, 1..40)
        ) {
            prop_assume!(labels.iter().any(|label| *label));
            let labels: Vec<f64> = labels.into_iter().map(|label| f64::from(u8::from(label))).collect();
            let constant = vec![0.5; labels.len()];
            let base_rate = labels.iter().sum::<f64>() / labels.len() as f64;
            prop_assert!((average_precision(&labels, &constant).unwrap() - base_rate).abs() < 1e-12);
            prop_assert!((average_precision(&labels, &labels).unwrap() - 1.0).abs() < 1e-12);
        }
    }
}
