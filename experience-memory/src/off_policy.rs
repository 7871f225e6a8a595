//! What a policy would have earned, told from what another one did: inverse propensity scoring.
//!
//! A logged decision took its action with probability `p`; the policy in question would have taken the same action with
//! probability `t`. Weighting its reward by `t / p` makes the logged mean an unbiased estimate of that policy's mean
//! (Horvitz and Thompson 1952). The self-normalised form divides by the sum of weights instead of the count: slightly
//! biased, far less noisy. Kish's effective sample size says how much evidence the weights leave.

use serde::Serialize;

/// Adds up weighted rewards, one logged decision at a time.
#[derive(Clone, Copy, Debug, Default)]
pub struct Estimator {
    samples: u64,
    weights: f64,
    weights_squared: f64,
    weighted_rewards: f64,
}

/// The estimated mean reward of a policy.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Estimate {
    /// Unbiased, where every action of the policy had a chance in the log.
    pub value: f64,
    /// Weighted mean over the decisions the two policies share.
    pub self_normalised: f64,
    /// (Σw)² / Σw²: how many unweighted decisions this evidence is worth.
    pub effective_samples: f64,
    pub samples: u64,
}

impl Estimator {
    /// One logged decision: `propensity` in (0, 1] is the probability it was logged with, `target` in [0, 1] the one
    /// that the policy in question gives the same action. A propensity outside its range carries no evidence, and is
    /// passed over.
    pub fn add(&mut self, propensity: f64, target: f64, reward: f64) {
        if !(propensity > 0.0 && propensity <= 1.0) {
            return;
        }
        let weight = target / propensity;
        self.samples += 1;
        self.weights += weight;
        self.weights_squared += weight * weight;
        self.weighted_rewards += weight * reward;
    }

    /// `None` while no logged decision shares an action with the policy.
    #[must_use]
    pub fn estimate(&self) -> Option<Estimate> {
        (self.weights > 0.0).then(|| Estimate {
            value: self.weighted_rewards / self.samples as f64,
            self_normalised: self.weighted_rewards / self.weights,
            effective_samples: self.weights * self.weights / self.weights_squared,
            samples: self.samples,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Logged with 80 : 20 over two actions that earn 1 and 3.
    fn logged(target_first: f64, target_second: f64) -> Estimate {
        let mut estimator = Estimator::default();
        (0..80).for_each(|_| estimator.add(0.8, target_first, 1.0));
        (0..20).for_each(|_| estimator.add(0.2, target_second, 3.0));
        estimator.estimate().unwrap()
    }

    #[test]
    fn a_policy_that_always_takes_the_rare_action_is_valued_at_what_that_action_earned() {
        let estimate = logged(0.0, 1.0);
        assert!((estimate.value - 3.0).abs() < 1e-12);
        assert!((estimate.self_normalised - 3.0).abs() < 1e-12);
        // 20 decisions of equal weight carry all the evidence.
        assert!((estimate.effective_samples - 20.0).abs() < 1e-9);
    }

    #[test]
    fn the_logging_policy_is_valued_at_its_own_mean_with_all_the_evidence() {
        let estimate = logged(0.8, 0.2);
        assert!((estimate.value - 1.4).abs() < 1e-12);
        assert!((estimate.effective_samples - 100.0).abs() < 1e-9);
    }

    #[test]
    fn an_even_coin_is_valued_between_the_actions_with_less_evidence() {
        let estimate = logged(0.5, 0.5);
        assert!((estimate.value - 2.0).abs() < 1e-12);
        // Weights: 80 of 0.625 and 20 of 2.5, so (50 + 50)² / (31.25 + 125).
        assert!((estimate.effective_samples - 64.0).abs() < 1e-9);
    }

    #[test]
    fn nothing_is_said_of_a_policy_the_log_never_followed() {
        let mut estimator = Estimator::default();
        estimator.add(0.5, 0.0, 1.0);
        estimator.add(0.0, 1.0, 1.0);
        assert_eq!(estimator.estimate(), None);
    }

    proptest! {
        #[test]
        fn evidence_never_exceeds_the_decisions_it_comes_from(
            log in proptest::collection::vec((0.01_f64..=1.0, 0.01_f64..=1.0, -5.0_f64..5.0), 1..50),
        ) {
            let mut estimator = Estimator::default();
            log.iter().for_each(|(p, t, r)| estimator.add(*p, *t, *r));
            let estimate = estimator.estimate().unwrap();
            prop_assert!(estimate.effective_samples <= log.len() as f64 + 1e-6);
            prop_assert!(estimate.effective_samples >= 1.0 - 1e-9);
            prop_assert!(estimate.self_normalised.abs() <= 5.0 + 1e-9);
        }
    }
}
