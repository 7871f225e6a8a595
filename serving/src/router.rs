//! Which version answers: a pure function of the split, the route key and nothing else, so that any past routing can be
//! computed again.

use sha2::{Digest, Sha256};

use crate::{Arm, ServingError};

/// The versions that share a model's traffic.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Split {
    pub champion: u32,
    /// Version and weight: the share of the route keys, `0..=1`, that it gets.
    pub canary: Option<(u32, f64)>,
}

/// Where one request goes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Route {
    pub version: u32,
    pub arm: Arm,
    /// Probability with which this route key got this arm; 1 where the caller forced it.
    pub propensity: f64,
}

/// Routes a key. The same key goes to the same arm as long as the canary is the same version, and a key that is in the
/// canary stays in it while the weight grows; another canary version draws its keys anew.
///
/// [`ServingError::Invalid`] where a canary is forced and there is none.
pub fn route(model: &str, split: &Split, route_key: &str, forced: Option<Arm>) -> Result<Route, ServingError> {
    let champion = |propensity| Route {
        version: split.champion,
        arm: Arm::Champion,
        propensity,
    };
    let canary = |version, propensity| Route {
        version,
        arm: Arm::Canary,
        propensity,
    };
    match (forced, split.canary) {
        (Some(Arm::Champion), _) | (None, None) => Ok(champion(1.0)),
        (Some(Arm::Canary), Some((version, _))) => Ok(canary(version, 1.0)),
        (Some(Arm::Canary), None) => Err(ServingError::Invalid(format!(
            "model '{model}' has no canary to send this request to"
        ))),
        (None, Some((version, weight))) => {
            let weight = weight.clamp(0.0, 1.0);
            let drawn_for_canary = draw(model, version, route_key) < weight;
            Ok(if drawn_for_canary {
                canary(version, weight)
            } else {
                champion(1.0 - weight)
            })
        }
    }
}

/// A number in `[0, 1)` that is uniform over route keys, and independent between models and between canary versions.
fn draw(model: &str, canary_version: u32, route_key: &str) -> f64 {
    let mut hash = Sha256::new();
    // Lengths first, so that ("ab", "c") and ("a", "bc") are different inputs.
    hash.update((model.len() as u64).to_le_bytes());
    hash.update(model);
    hash.update(canary_version.to_le_bytes());
    hash.update(route_key);
    let digest = hash.finalize();
    let mut first = [0_u8; 8];
    first.copy_from_slice(&digest[..8]);
    // 53 bits are what a double holds exactly.
    (u64::from_le_bytes(first) >> 11) as f64 / (1_u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn arm(key: &str, version: u32, weight: f64) -> Arm {
        route(
            "m",
            &Split {
                champion: 1,
                canary: Some((version, weight)),
            },
            key,
            None,
        )
        .unwrap()
        .arm
    }

    #[test]
    fn the_split_is_as_wide_as_its_weight() {
        for weight in [0.05, 0.1, 0.5] {
            let keys = 20_000;
            let canaries = (0..keys)
                .filter(|key| arm(&format!("C{key}"), 2, weight) == Arm::Canary)
                .count();
            let share = canaries as f64 / f64::from(keys);
            assert!(
                (share - weight).abs() < 0.015,
                "weight {weight} gave a share of {share}"
            );
        }
    }

    #[test]
    fn weights_of_zero_and_one_leave_nothing_to_chance() {
        assert!((0..500).all(|key| arm(&key.to_string(), 2, 0.0) == Arm::Champion));
        assert!((0..500).all(|key| arm(&key.to_string(), 2, 1.0) == Arm::Canary));
    }

    #[test]
    fn a_new_canary_draws_its_entities_anew() {
        let in_both = (0..4_000).map(|key| key.to_string());
        let in_both = in_both
            .filter(|key| arm(key, 2, 0.5) == Arm::Canary && arm(key, 3, 0.5) == Arm::Canary)
            .count();
        assert!(
            (800..1_200).contains(&in_both),
            "{in_both} of 4000 where 1000 are expected by chance"
        );
    }

    #[test]
    fn a_forced_arm_is_certain_and_a_canary_that_is_not_there_is_refused() {
        let split = Split {
            champion: 1,
            canary: Some((2, 0.1)),
        };
        let forced = route("m", &split, "x", Some(Arm::Canary)).unwrap();
        assert_eq!((forced.version, forced.propensity), (2, 1.0));
        assert_eq!(route("m", &split, "x", Some(Arm::Champion)).unwrap().version, 1);
        let alone = Split {
            champion: 1,
            canary: None,
        };
        assert!(route("m", &alone, "x", Some(Arm::Canary)).is_err());
        assert_eq!(route("m", &alone, "x", None).unwrap().propensity, 1.0);
    }

    proptest! {
        #[test]
        fn an_entity_in_the_canary_stays_in_it_as_the_weight_grows(
            key in ".{0,20}",
            low in 0.0..1.0,
            more in 0.0..1.0,
        ) {
            let high = low + (1.0 - low) * more;
            if arm(&key, 7, low) == Arm::Canary {
                prop_assert_eq!(arm(&key, 7, high), Arm::Canary);
            }
        }

        #[test]
        fn the_propensities_of_both_arms_add_up_to_one(key in ".{0,20}", weight in 0.0..1.0) {
            let split = Split { champion: 1, canary: Some((2, weight)) };
            let taken = route("m", &split, &key, None).unwrap();
            let other = if taken.arm == Arm::Canary { 1.0 - weight } else { weight };
            prop_assert!((taken.propensity + other - 1.0).abs() < 1e-12);
        }
    }
}
