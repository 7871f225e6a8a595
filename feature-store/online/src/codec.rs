//! Changes as bytes, for the journal.
//!
//! Integers are little-endian; a text is its length (u32) and its UTF-8 bytes. A block is a sequence of groups: tenant,
//! view, number of changes (u32), changes.

use std::sync::Arc;

use cortex_features::EntityKey;
use cortex_features::engine::{Cell, Fact, FactChange, FactPosition, Revision, RowId};
use cortex_types::{TenantId, Timestamp};

/// Changes of one view of one tenant.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Group {
    pub tenant: TenantId,
    pub view: Arc<str>,
    pub changes: Vec<FactChange>,
}

const HAS_FACT: u8 = 1;
const SUPERSEDES: u8 = 2;
const HAS_KEY_BEFORE: u8 = 4;

const NULL_CELL: u8 = 0;
const INT_CELL: u8 = 1;
const TEXT_CELL: u8 = 2;

pub(crate) fn encode(groups: &[Group]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for group in groups {
        text(&mut bytes, group.tenant.as_str());
        text(&mut bytes, &group.view);
        bytes.extend((group.changes.len() as u32).to_le_bytes());
        for change in &group.changes {
            encode_change(&mut bytes, change);
        }
    }
    bytes
}

fn text(bytes: &mut Vec<u8>, text: &str) {
    bytes.extend((text.len() as u32).to_le_bytes());
    bytes.extend(text.as_bytes());
}

fn encode_change(bytes: &mut Vec<u8>, change: &FactChange) {
    let key_before = match &change.revision {
        Revision::New => None,
        Revision::Supersedes { key_before } => key_before.as_ref(),
    };
    let mut flags = 0;
    flags |= if change.fact.is_some() { HAS_FACT } else { 0 };
    flags |= if change.revision == Revision::New {
        0
    } else {
        SUPERSEDES
    };
    flags |= if key_before.is_some() { HAS_KEY_BEFORE } else { 0 };
    bytes.push(flags);
    bytes.extend(change.row.0.to_le_bytes());
    for number in [change.position.epoch, change.position.commit, change.position.seq] {
        bytes.extend(number.to_le_bytes());
    }
    bytes.extend(change.known_at.micros().to_le_bytes());
    if let Some(key) = key_before {
        text(bytes, key.as_str());
    }
    let Some(fact) = &change.fact else { return };
    text(bytes, fact.key.as_str());
    bytes.extend(fact.event_time.micros().to_le_bytes());
    bytes.extend((fact.cells.len() as u32).to_le_bytes());
    for cell in &fact.cells {
        match cell {
            Cell::Null => bytes.push(NULL_CELL),
            Cell::Int(value) => {
                bytes.push(INT_CELL);
                bytes.extend(value.to_le_bytes());
            }
            Cell::Text(value) => {
                bytes.push(TEXT_CELL);
                text(bytes, value);
            }
        }
    }
}

/// The groups of a block. `None` where the bytes are not what [`encode`] writes.
pub(crate) fn decode(bytes: &[u8]) -> Option<Vec<Group>> {
    let mut reader = Reader(bytes);
    let mut groups = Vec::new();
    while !reader.0.is_empty() {
        let tenant = TenantId::new(reader.text()?).ok()?;
        let view = reader.text()?.into();
        let count = reader.u32()?;
        let changes = (0..count).map(|_| reader.change()).collect::<Option<_>>()?;
        groups.push(Group { tenant, view, changes });
    }
    Some(groups)
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*taken)
    }

    fn u32(&mut self) -> Option<u32> {
        self.take().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> Option<u64> {
        self.take().map(u64::from_le_bytes)
    }

    fn instant(&mut self) -> Option<Timestamp> {
        self.take().map(i64::from_le_bytes).map(Timestamp::from_micros)
    }

    fn text(&mut self) -> Option<&'a str> {
        let length = self.u32()? as usize;
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        std::str::from_utf8(taken).ok()
    }

    fn key(&mut self) -> Option<EntityKey> {
        self.text().map(EntityKey::single)
    }

    fn change(&mut self) -> Option<FactChange> {
        let [flags] = self.take()?;
        let row = RowId(u128::from_le_bytes(self.take()?));
        let position = FactPosition {
            epoch: self.u64()?,
            commit: self.u64()?,
            seq: self.u64()?,
        };
        let known_at = self.instant()?;
        let key_before = if flags & HAS_KEY_BEFORE != 0 {
            Some(self.key()?)
        } else {
            None
        };
        let revision = if flags & SUPERSEDES != 0 {
            Revision::Supersedes { key_before }
        } else {
            Revision::New
        };
        let fact = if flags & HAS_FACT != 0 {
            Some(self.fact()?)
        } else {
            None
        };
        Some(FactChange {
            row,
            position,
            known_at,
            revision,
            fact,
        })
    }

    fn fact(&mut self) -> Option<Fact> {
        let key = self.key()?;
        let event_time = self.instant()?;
        let count = self.u32()?;
        let cells = (0..count).map(|_| self.cell()).collect::<Option<_>>()?;
        Some(Fact { key, event_time, cells })
    }

    fn cell(&mut self) -> Option<Cell> {
        match self.take()? {
            [NULL_CELL] => Some(Cell::Null),
            [INT_CELL] => self.take().map(i64::from_le_bytes).map(Cell::Int),
            [TEXT_CELL] => self.text().map(|text| Cell::Text(text.into())),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group() -> Group {
        let fact = Fact {
            key: EntityKey::composite(["A", "b"]),
            event_time: Timestamp::from_micros(-5),
            cells: vec![Cell::Null, Cell::Int(-7), Cell::Text("für".into())],
        };
        let position = FactPosition {
            epoch: 1,
            commit: 2,
            seq: 3,
        };
        let known_at = Timestamp::from_micros(9);
        let change = |revision, fact| FactChange {
            row: RowId(u128::MAX),
            position,
            known_at,
            revision,
            fact,
        };
        let changes = vec![
            change(Revision::New, Some(fact.clone())),
            change(Revision::Supersedes { key_before: None }, Some(fact)),
            change(
                Revision::Supersedes {
                    key_before: Some(EntityKey::single("A")),
                },
                None,
            ),
        ];
        Group {
            tenant: TenantId::new("acme").unwrap(),
            view: "sales".into(),
            changes,
        }
    }

    #[test]
    fn a_block_reads_as_it_was_written() {
        let groups = vec![group(), group()];
        assert_eq!(decode(&encode(&groups)), Some(groups));
    }

    #[test]
    fn a_block_that_was_cut_off_is_not_read_as_a_shorter_one() {
        let bytes = encode(&[group()]);
        assert!((1..bytes.len()).all(|length| decode(&bytes[..length]).is_none()));
    }
}
