//! Does a model treat groups of people alike?

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::{CheckError, input};

/// One group's share of favourable answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GroupRate {
    pub group: String,
    pub rows: usize,
    /// Different people, or whatever the rows are about: `rows` where each row is somebody else.
    pub members: usize,
    /// Share of the group that is selected, `0..=1`.
    pub selection_rate: f64,
    /// Whether the group is large enough to take part in the comparison.
    pub compared: bool,
}

/// Demographic parity: whether being selected depends on the group.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Parity {
    /// Every group, in the order of their names.
    pub groups: Vec<GroupRate>,
    /// Share selected over all rows.
    pub overall: f64,
    /// Largest minus smallest selection rate among the compared groups; 0 is parity.
    pub difference: f64,
    /// Smallest divided by largest; 1 is parity. Absent where nobody is selected, which is parity by difference.
    pub ratio: Option<f64>,
}

/// Selection rates by group, as Fairlearn's `demographic_parity_difference` and `_ratio` define them. A score of at least
/// `threshold` selects. `members` says whose row each is. Groups with fewer than `min_group_size` members are listed but
/// not compared, because their rate is mostly chance; fewer than two groups left is [`CheckError::TooFewGroups`].
pub fn parity<G: AsRef<str>>(
    scores: &[f64],
    groups: &[G],
    members: &[u32],
    threshold: f64,
    min_group_size: usize,
) -> Result<Parity, CheckError> {
    input::same_length(("scores", scores.len()), ("groups", groups.len()))?;
    input::same_length(("scores", scores.len()), ("members", members.len()))?;
    input::each("scores", scores, "it must be finite", f64::is_finite)?;
    let mut counts: BTreeMap<&str, Count> = BTreeMap::new();
    for ((score, group), member) in scores.iter().zip(groups).zip(members) {
        let count = counts.entry(group.as_ref()).or_default();
        count.rows += 1;
        count.selected += usize::from(*score >= threshold);
        count.members.insert(*member);
    }
    let groups: Vec<GroupRate> = counts
        .iter()
        .map(|(group, count)| GroupRate {
            group: (*group).to_owned(),
            rows: count.rows,
            members: count.members.len(),
            selection_rate: count.selected as f64 / count.rows as f64,
            compared: count.members.len() >= min_group_size,
        })
        .collect();
    let selected: usize = counts.values().map(|count| count.selected).sum();
    compare(groups, selected as f64 / scores.len() as f64, min_group_size)
}

#[derive(Default)]
struct Count {
    rows: usize,
    selected: usize,
    members: BTreeSet<u32>,
}

fn compare(groups: Vec<GroupRate>, overall: f64, min_size: usize) -> Result<Parity, CheckError> {
    let rates: Vec<f64> = groups
        .iter()
        .filter(|group| group.compared)
        .map(|group| group.selection_rate)
        .collect();
    if rates.len() < 2 {
        return Err(CheckError::TooFewGroups {
            groups: rates.len(),
            min_size,
        });
    }
    let least = rates.iter().copied().fold(f64::INFINITY, f64::min);
    let most = rates.iter().copied().fold(0.0, f64::max);
    Ok(Parity {
        groups,
        overall,
        difference: most - least,
        ratio: (most > 0.0).then(|| least / most),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each row somebody else's.
    fn each(rows: u32) -> Vec<u32> {
        (0..rows).collect()
    }

    #[test]
    fn one_customer_in_many_weeks_is_one_customer() {
        let scores = [0.9, 0.9, 0.9, 0.1, 0.9];
        let groups = ["MT", "MT", "MT", "UK", "UK"];
        let few = parity(&scores, &groups, &[7, 7, 7, 1, 2], 0.5, 2);
        assert_eq!(few, Err(CheckError::TooFewGroups { groups: 1, min_size: 2 }));
        let parity = parity(&scores, &groups, &[7, 7, 7, 1, 2], 0.5, 1).unwrap();
        assert_eq!((parity.groups[0].rows, parity.groups[0].members), (3, 1));
    }

    #[test]
    fn figures_agree_with_fairlearn() {
        let scores = [0.9, 0.2, 0.7, 0.6, 0.1, 0.55, 0.3, 0.5, 0.05, 0.8, 0.45];
        let groups = ["UK", "UK", "UK", "DE", "DE", "FR", "FR", "FR", "FR", "DE", "UK"];
        let parity = parity(&scores, &groups, &each(11), 0.5, 1).unwrap();
        assert!((parity.difference - 0.16666666666666663).abs() < 1e-12);
        assert!((parity.ratio.unwrap() - 0.75).abs() < 1e-12);
        assert!((parity.overall - 0.5454545454545454).abs() < 1e-12);
        let rates: Vec<f64> = parity.groups.iter().map(|group| group.selection_rate).collect();
        assert_eq!(rates, [0.6666666666666666, 0.5, 0.5]);
    }

    #[test]
    fn a_group_of_two_says_nothing_about_its_country() {
        let scores = [0.9, 0.9, 0.1, 0.9, 0.1, 0.1];
        let groups = ["DE", "DE", "DE", "UK", "UK", "MT"];
        let parity = parity(&scores, &groups, &each(6), 0.5, 2).unwrap();
        assert!(
            (parity.difference - (2.0 / 3.0 - 0.5)).abs() < 1e-12,
            "MT is not compared: {parity:?}"
        );
        assert!(!parity.groups[1].compared && parity.groups[1].group == "MT");
    }

    #[test]
    fn one_group_alone_cannot_be_compared() {
        assert_eq!(
            parity(&[0.9, 0.8], &["UK", "UK"], &each(2), 0.5, 1),
            Err(CheckError::TooFewGroups { groups: 1, min_size: 1 })
        );
        assert!(matches!(
            parity::<&str>(&[], &[], &[], 0.5, 1),
            Err(CheckError::Empty { .. })
        ));
        assert!(matches!(
            parity(&[f64::NAN, 1.0], &["a", "b"], &each(2), 0.5, 1),
            Err(CheckError::Value { .. })
        ));
    }

    #[test]
    fn where_nobody_is_selected_there_is_no_ratio() {
        let parity = parity(&[0.1, 0.2], &["a", "b"], &each(2), 0.5, 1).unwrap();
        assert_eq!((parity.difference, parity.ratio), (0.0, None));
    }
}
