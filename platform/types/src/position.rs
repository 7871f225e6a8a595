//! Where something was computed: the place of one change, and the cut through all sources that a value rests on.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::ids::InvalidId;

/// The name of a change source, such as `erp` (the embedded ERP's own database).
pub type SourceId = Arc<str>;

/// The place of one change in its source.
///
/// Ordered by `(epoch, commit, seq)` within one source; positions of different sources have no order that means
/// anything. The epoch grows when a source loses its history (failover, a lost slot), so that a commit number that
/// starts again still sorts later.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Position {
    pub source: SourceId,
    pub epoch: u64,
    pub commit: u64,
    pub seq: u64,
}

impl Position {
    #[must_use]
    pub fn new(source: impl Into<SourceId>, epoch: u64, commit: u64, seq: u64) -> Self {
        Self {
            source: source.into(),
            epoch,
            commit,
            seq,
        }
    }

    /// Before the first change of the source.
    #[must_use]
    pub fn origin(source: impl Into<SourceId>) -> Self {
        Self::new(source, 0, 0, 0)
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}.{}.{}", self.source, self.epoch, self.commit, self.seq)
    }
}

impl FromStr for Position {
    type Err = InvalidId;

    /// As it is written: `SOURCE@EPOCH.COMMIT.SEQ`.
    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let read = || {
            let (source, place) = text.trim().rsplit_once('@')?;
            let mut numbers = place.split('.').map(str::parse);
            let mut number = || numbers.next()?.ok();
            let position = Self::new(source, number()?, number()?, number()?);
            (!source.is_empty() && numbers.next().is_none()).then_some(position)
        };
        read().ok_or_else(|| InvalidId {
            kind: "position",
            text: text.to_owned(),
            expected: "SOURCE@EPOCH.COMMIT.SEQ, such as erp@1.42.0",
        })
    }
}

/// How far each source had been read when something was computed. Two frontiers join to the later of each source.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Frontier(BTreeMap<SourceId, Position>);

impl Frontier {
    #[must_use]
    pub fn of(position: Position) -> Self {
        Self(BTreeMap::from([(Arc::clone(&position.source), position)]))
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    #[must_use]
    pub fn get(&self, source: &str) -> Option<&Position> {
        self.0.get(source)
    }

    pub fn positions(&self) -> impl Iterator<Item = &Position> {
        self.0.values()
    }

    /// Whether the change at `position` is within what was read.
    #[must_use]
    pub fn covers(&self, position: &Position) -> bool {
        self.0.get(&position.source).is_some_and(|read| read >= position)
    }

    /// Moves the frontier on to `position`; an earlier one leaves it where it is.
    pub fn advance(&mut self, position: Position) {
        let read = self
            .0
            .entry(Arc::clone(&position.source))
            .or_insert_with(|| position.clone());
        if *read < position {
            *read = position;
        }
    }

    #[must_use]
    pub fn join(mut self, other: &Self) -> Self {
        for position in other.positions() {
            self.advance(position.clone());
        }
        self
    }
}

impl FromStr for Frontier {
    type Err = InvalidId;

    /// As it is written: positions with commas in between.
    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let mut frontier = Self::default();
        for position in text.split(',') {
            frontier.advance(position.parse()?);
        }
        Ok(frontier)
    }
}

impl fmt::Display for Frontier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        for position in self.0.values() {
            write!(f, "{separator}{position}")?;
            separator = ",";
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_and_frontiers_read_as_they_are_written() {
        let frontier = Frontier::of(Position::new("erp", 1, 2, 3)).join(&Frontier::of(Position::new("shop", 4, 5, 6)));
        assert_eq!(frontier.to_string().parse::<Frontier>().unwrap(), frontier);
        for wrong in [
            "",
            "shop",
            "@1.2.3",
            "shop@1.2",
            "shop@1.2.3.4",
            "shop@1.2.x",
            "shop@1.2.3,",
        ] {
            assert!(wrong.parse::<Frontier>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_new_epoch_sorts_after_every_commit_of_the_old() {
        assert!(Position::new("erp", 2, 1, 1) > Position::new("erp", 1, 900, 900));
    }

    #[test]
    fn joining_frontiers_takes_the_later_of_each_source() {
        let left = Frontier::of(Position::new("erp", 1, 5, 9)).join(&Frontier::of(Position::new("crm", 1, 2, 2)));
        let right = Frontier::of(Position::new("erp", 1, 7, 12));
        let joined = left.clone().join(&right);
        assert_eq!(joined, right.join(&left));
        assert!(joined.covers(&Position::new("erp", 1, 7, 12)));
        assert!(!joined.covers(&Position::new("erp", 1, 7, 13)));
        assert!(!joined.covers(&Position::new("hr", 1, 1, 1)));
    }
}
