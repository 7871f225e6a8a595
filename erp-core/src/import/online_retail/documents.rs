//! From lines to documents: lines of one invoice number come together, and each becomes what it is.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use cortex_types::Timestamp;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::file::RetailFile;
use super::line::{LineReader, RetailLine};
use super::mapping::Mapping;
use super::rejects::Reject;
use crate::{Command, ErpError};

/// What an entry of the history is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EntryKind {
    Party,
    Product,
    Invoice,
    CreditNote,
    BadDebt,
    Fees,
    WriteOff,
    Found,
}

impl EntryKind {
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Party => "party",
            Self::Product => "product",
            Self::Invoice => "invoice",
            Self::CreditNote => "credit-note",
            Self::BadDebt => "bad-debt",
            Self::Fees => "fees",
            Self::WriteOff => "write-off",
            Self::Found => "found",
        }
    }
}

/// What a line of the file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LineKind {
    GoodsSold,
    ServiceSold,
    GivenAway,
    GoodsReturned,
    Discount,
    OtherCredit,
    BadDebt,
    OwnFee,
    WrittenOff,
    Found,
    /// A service at no price to nobody: there is nothing to post.
    NoEffect,
}

/// One command of the history.
#[derive(Clone, Debug)]
pub struct Entry {
    pub at: Timestamp,
    pub kind: EntryKind,
    /// Idempotency key, such as `online-retail/invoice/536365`.
    pub key: String,
    pub command: Command,
    /// Σ quantity × price of its lines, in pence, with the file's signs.
    pub value_minor: i64,
    pub(super) records: Vec<u32>,
}

/// The file, understood: every document in the order of time.
#[derive(Debug)]
pub struct RetailHistory {
    file: RetailFile,
    entries: Vec<Entry>,
    rejects: Vec<Reject>,
    lines: HashMap<LineKind, u64>,
    /// Σ quantity × price of the lines taken, before rounding each to pence.
    pub(super) value_exact: Decimal,
}

impl RetailHistory {
    /// Reads the file; with `strict`, the first refused line is an error. Blocks: call it off the async threads.
    pub fn read(path: &Path, strict: bool) -> Result<Self, ErpError> {
        Self::understood(RetailFile::open(path)?, strict)
    }

    /// The same for what a file holds, unpacked; `name` is what errors call it.
    pub fn of_bytes(name: &str, bytes: Vec<u8>, strict: bool) -> Result<Self, ErpError> {
        Self::understood(RetailFile::from_bytes(name.to_owned(), bytes)?, strict)
    }

    fn understood(mut file: RetailFile, strict: bool) -> Result<Self, ErpError> {
        let mut rejects = Vec::new();
        let mut lines = Vec::new();
        let mut reader = LineReader::default();
        file.for_each(|record, line, fields| {
            let read = match fields {
                Some(fields) => reader.read(record, fields),
                None => Err("it has another number of fields than the first line".to_owned()),
            };
            match read {
                Ok(read) => lines.push(read),
                Err(reason) => rejects.push(Reject { record, line, reason }),
            }
            Ok(())
        })?;
        let mut mapping = Mapping::new(&lines);
        for number in numbers(&lines) {
            mapping.add(&number);
        }
        let Mapping {
            entries,
            refused,
            counts,
            value_exact,
            ..
        } = mapping;
        rejects.extend(refused.into_iter().map(|(record, reason)| Reject {
            record,
            line: file.line(record),
            reason,
        }));
        rejects.sort_by_key(|reject| reject.record);
        if let Some(first) = rejects.first().filter(|_| strict) {
            return Err(ErpError::StrictImport {
                file: file.name,
                line: first.line,
                reason: first.reason.clone(),
            });
        }
        let mut history = Self {
            file,
            entries,
            rejects,
            lines: counts,
            value_exact,
        };
        // Stable: what a document needs stays before it.
        history.entries.sort_by_key(|entry| entry.at);
        Ok(history)
    }

    /// Every command, in the order of time; what a command refers to comes before it. Any part may be posted alone, as
    /// long as the parts before it were.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    #[must_use]
    pub fn rejects(&self) -> &[Reject] {
        &self.rejects
    }

    /// How many lines were understood as what.
    #[must_use]
    pub fn lines(&self) -> &HashMap<LineKind, u64> {
        &self.lines
    }

    /// Lines of the file, without the header.
    #[must_use]
    pub fn line_count(&self) -> usize {
        self.file.records()
    }

    #[must_use]
    pub fn file_name(&self) -> &str {
        &self.file.name
    }

    pub(super) fn line_of(&self, record: u32) -> u64 {
        self.file.line(record)
    }

    pub(super) fn raw(&self, reject: &Reject) -> String {
        self.file.raw(reject.record)
    }
}

/// Lines by number, in the order in which the numbers first appear.
fn numbers(lines: &[RetailLine]) -> Vec<Vec<&RetailLine>> {
    let mut places: HashMap<&Arc<str>, usize> = HashMap::new();
    let mut numbers: Vec<Vec<&RetailLine>> = Vec::new();
    for line in lines {
        let place = *places.entry(&line.number).or_insert_with(|| {
            numbers.push(Vec::new());
            numbers.len() - 1
        });
        numbers[place].push(line);
    }
    // A file need not be in the order of time: what a document needs is dated by the earliest one that needs it.
    numbers.sort_by_key(|lines| lines.iter().map(|line| line.at).min());
    numbers
}
