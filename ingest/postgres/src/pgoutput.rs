//! The messages of `pgoutput`, PostgreSQL's own logical decoding plugin (protocol versions 1 and 2).
//!
//! Within a block of a transaction in progress each message says of which (sub)transaction it is. Source:
//! PostgreSQL's documentation, "Logical Replication Message Formats".

use bytes::{Buf, Bytes, TryGetError};

use crate::PostgresError;

/// Microseconds from 1970 to 2000, where PostgreSQL's time begins.
pub(crate) const POSTGRES_EPOCH_MICROS: i64 = 946_684_800_000_000;

#[derive(Debug)]
pub(crate) enum Message {
    Begin {
        /// Where the record of the commit begins.
        commit_lsn: u64,
        committed_at: i64,
        xid: u32,
    },
    Commit {
        end_lsn: u64,
    },
    Relation {
        relation: Relation,
    },
    Change {
        /// Of the (sub)transaction, within a block of one in progress.
        xid: u32,
        change: Change,
    },
    StreamStart {
        xid: u32,
    },
    StreamStop,
    StreamCommit {
        xid: u32,
        commit_lsn: u64,
        end_lsn: u64,
        committed_at: i64,
    },
    StreamAbort {
        xid: u32,
        subxid: u32,
    },
    /// Origins, names of types, and what somebody wrote into the log: nothing that we need.
    Other,
}

#[derive(Debug)]
pub(crate) enum Change {
    Insert {
        relation: u32,
        new: Tuple,
    },
    Update {
        relation: u32,
        old: Option<Old>,
        new: Tuple,
    },
    Delete {
        relation: u32,
        old: Old,
    },
    Truncate {
        relations: Vec<u32>,
    },
}

/// What is known of a row before its change.
#[derive(Debug)]
pub(crate) enum Old {
    /// The columns of the replica identity; the others are null.
    Key(Tuple),
    Whole(Tuple),
}

impl Old {
    pub(crate) fn tuple(&self) -> &Tuple {
        match self {
            Self::Key(tuple) | Self::Whole(tuple) => tuple,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Relation {
    pub oid: u32,
    pub schema: String,
    pub name: String,
    /// `d`efault, `n`othing, `f`ull or an `i`ndex.
    pub identity: u8,
    pub columns: Vec<RelationColumn>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RelationColumn {
    pub name: String,
    pub in_identity: bool,
    pub type_oid: u32,
    pub type_modifier: i32,
}

/// The values of a row as they were sent; read without a copy.
#[derive(Clone, Debug)]
pub(crate) struct Tuple(Bytes);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Value<'a> {
    Null,
    /// It is large, stands elsewhere, and this update left it alone.
    Unchanged,
    Text(&'a [u8]),
}

impl Tuple {
    pub(crate) fn values(&self) -> impl Iterator<Item = Value<'_>> {
        let mut rest: &[u8] = &self.0;
        std::iter::from_fn(move || {
            let (kind, tail) = rest.split_first()?;
            rest = tail;
            Some(match kind {
                b'n' => Value::Null,
                b'u' => Value::Unchanged,
                // Its length was held against the message's when that was read.
                _ => {
                    let (length, tail) = rest.split_first_chunk::<4>()?;
                    let (value, tail) = tail.split_at_checked(u32::from_be_bytes(*length) as usize)?;
                    rest = tail;
                    Value::Text(value)
                }
            })
        })
    }

    fn read(from: &mut Bytes) -> Result<Self, Malformed> {
        let columns = from.try_get_u16()?;
        let mut ahead = &from[..];
        for _ in 0..columns {
            match ahead.try_get_u8()? {
                b'n' | b'u' => {}
                b't' => {
                    let length = ahead.try_get_u32()? as usize;
                    if ahead.len() < length {
                        return Err(Malformed::CutOff);
                    }
                    ahead.advance(length);
                }
                other => return Err(Malformed::Tag("value", other)),
            }
        }
        let length = from.len() - ahead.len();
        Ok(Self(from.split_to(length)))
    }
}

/// Why a message is none.
#[derive(Debug)]
enum Malformed {
    CutOff,
    Text,
    Tag(&'static str, u8),
}

impl From<TryGetError> for Malformed {
    fn from(_: TryGetError) -> Self {
        Self::CutOff
    }
}

impl Message {
    /// Reads one message. `in_stream` says whether it stands within a block of a transaction in progress.
    pub(crate) fn read(message: Bytes, in_stream: bool) -> Result<Self, PostgresError> {
        let kind = message.first().map_or('?', |kind| char::from(*kind));
        read(message, in_stream).map_err(|why| {
            PostgresError::protocol(match why {
                Malformed::CutOff => format!("a message '{kind}' of pgoutput that ends too early"),
                Malformed::Text => format!("a message '{kind}' of pgoutput with text that is not UTF-8"),
                Malformed::Tag(what, tag) => {
                    let tag = char::from(tag);
                    format!("a message '{kind}' of pgoutput with a {what} '{tag}'")
                }
            })
        })
    }
}

fn read(mut from: Bytes, in_stream: bool) -> Result<Message, Malformed> {
    let kind = from.try_get_u8()?;
    let xid = match kind {
        b'R' | b'I' | b'U' | b'D' | b'T' | b'M' if in_stream => from.try_get_u32()?,
        _ => 0,
    };
    let change = |change| Message::Change { xid, change };
    Ok(match kind {
        b'B' => Message::Begin {
            commit_lsn: from.try_get_u64()?,
            committed_at: unix_micros(from.try_get_i64()?),
            xid: from.try_get_u32()?,
        },
        b'C' => {
            let (_flags, _commit_lsn) = (from.try_get_u8()?, from.try_get_u64()?);
            Message::Commit {
                end_lsn: from.try_get_u64()?,
            }
        }
        b'R' => Message::Relation {
            relation: relation(&mut from)?,
        },
        b'I' => change(insert(&mut from)?),
        b'U' => change(update(&mut from)?),
        b'D' => change(delete(&mut from)?),
        b'T' => change(truncate(&mut from)?),
        b'S' => Message::StreamStart {
            xid: from.try_get_u32()?,
        },
        b'E' => Message::StreamStop,
        b'c' => {
            let (xid, _flags) = (from.try_get_u32()?, from.try_get_u8()?);
            Message::StreamCommit {
                xid,
                commit_lsn: from.try_get_u64()?,
                end_lsn: from.try_get_u64()?,
                committed_at: unix_micros(from.try_get_i64()?),
            }
        }
        b'A' => Message::StreamAbort {
            xid: from.try_get_u32()?,
            subxid: from.try_get_u32()?,
        },
        b'O' | b'Y' | b'M' => Message::Other,
        other => return Err(Malformed::Tag("kind", other)),
    })
}

fn relation(from: &mut Bytes) -> Result<Relation, Malformed> {
    let (oid, schema, name) = (from.try_get_u32()?, text(from)?, text(from)?);
    let (identity, count) = (from.try_get_u8()?, from.try_get_u16()?);
    let mut columns = Vec::with_capacity(usize::from(count));
    for _ in 0..count {
        columns.push(RelationColumn {
            in_identity: from.try_get_u8()? & 1 == 1,
            name: text(from)?,
            type_oid: from.try_get_u32()?,
            type_modifier: from.try_get_i32()?,
        });
    }
    Ok(Relation {
        oid,
        // What is in the system catalog has an empty schema here.
        schema: if schema.is_empty() {
            "pg_catalog".to_owned()
        } else {
            schema
        },
        name,
        identity,
        columns,
    })
}

fn insert(from: &mut Bytes) -> Result<Change, Malformed> {
    let relation = from.try_get_u32()?;
    Ok(Change::Insert {
        relation,
        new: new_tuple(from)?,
    })
}

fn update(from: &mut Bytes) -> Result<Change, Malformed> {
    let relation = from.try_get_u32()?;
    let old = match from.first() {
        Some(b'K' | b'O') => Some(old_tuple(from)?),
        _ => None,
    };
    Ok(Change::Update {
        relation,
        old,
        new: new_tuple(from)?,
    })
}

fn delete(from: &mut Bytes) -> Result<Change, Malformed> {
    Ok(Change::Delete {
        relation: from.try_get_u32()?,
        old: old_tuple(from)?,
    })
}

fn truncate(from: &mut Bytes) -> Result<Change, Malformed> {
    let (count, _options) = (from.try_get_u32()?, from.try_get_u8()?);
    let relations = (0..count).map(|_| from.try_get_u32()).collect::<Result<_, _>>()?;
    Ok(Change::Truncate { relations })
}

fn new_tuple(from: &mut Bytes) -> Result<Tuple, Malformed> {
    match from.try_get_u8()? {
        b'N' => Tuple::read(from),
        other => Err(Malformed::Tag("tuple", other)),
    }
}

fn old_tuple(from: &mut Bytes) -> Result<Old, Malformed> {
    match from.try_get_u8()? {
        b'K' => Tuple::read(from).map(Old::Key),
        b'O' => Tuple::read(from).map(Old::Whole),
        other => Err(Malformed::Tag("tuple", other)),
    }
}

fn text(from: &mut Bytes) -> Result<String, Malformed> {
    let end = from.iter().position(|byte| *byte == 0).ok_or(Malformed::CutOff)?;
    let text = from.split_to(end);
    from.advance(1);
    String::from_utf8(text.into()).map_err(|_| Malformed::Text)
}

fn unix_micros(postgres_micros: i64) -> i64 {
    postgres_micros.saturating_add(POSTGRES_EPOCH_MICROS)
}
