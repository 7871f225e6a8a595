//! What an import did, and what it assumed.

use std::collections::BTreeMap;
use std::fmt;

use cortex_types::{Money, Timestamp};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::documents::{EntryKind, LineKind, RetailHistory};
use super::line::CURRENCY;
use super::{OnlineRetailOptions, Posted};

/// Documents of one kind: what the file says they come to, and what the ledger answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KindTotal {
    pub documents: u64,
    pub lines: u64,
    /// Σ quantity × price of the lines in the file, each rounded to pence.
    pub file_minor: i64,
    /// The same from the receipts of the ledger.
    pub ledger_minor: i64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ImportReport {
    pub file: String,
    /// Lines of the file, without the header.
    pub lines: u64,
    pub from: Option<Timestamp>,
    pub to: Option<Timestamp>,
    pub documents: BTreeMap<EntryKind, KindTotal>,
    pub lines_by_kind: BTreeMap<LineKind, u64>,
    /// Commands that an earlier run had carried out already.
    pub repeated: u64,
    pub rejected_lines: u64,
    pub rejects_by_reason: BTreeMap<String, u64>,
    pub rejects_file: Option<String>,
    /// Σ quantity × price of everything taken, before each line is rounded to pence.
    pub value_exact: Decimal,
    /// Whether every kind of document comes to the same in the file and in the ledger.
    pub reconciled: bool,
    pub assumptions: Vec<String>,
}

impl ImportReport {
    pub(super) fn new(history: &RetailHistory, posted: &Posted, options: &OnlineRetailOptions) -> Self {
        let mut rejects_by_reason = BTreeMap::new();
        for reject in history.rejects().iter().chain(&posted.rejects) {
            *rejects_by_reason.entry(reject.reason.clone()).or_insert(0) += 1;
        }
        Self {
            file: history.file_name().to_owned(),
            lines: history.line_count() as u64,
            from: history.entries().first().map(|entry| entry.at),
            to: history.entries().last().map(|entry| entry.at),
            documents: posted.totals.clone(),
            lines_by_kind: history.lines().iter().map(|(kind, count)| (*kind, *count)).collect(),
            repeated: posted.repeated,
            rejected_lines: (history.rejects().len() + posted.rejects.len()) as u64,
            rejects_by_reason,
            rejects_file: options.rejects.as_ref().map(|path| path.display().to_string()),
            value_exact: history.value_exact.normalize(),
            reconciled: posted
                .totals
                .values()
                .all(|total| total.file_minor == total.ledger_minor),
            assumptions: assumptions(options),
        }
    }
}

fn assumptions(options: &OnlineRetailOptions) -> Vec<String> {
    let delay_s = options.known_delay.as_secs();
    vec![
        "The file has no purchases: stock on hand starts at 0 and may go below it.".to_owned(),
        "The file has no costs: no cost of goods sold is posted, stock has no value, and no margin can be reported."
            .to_owned(),
        "The file has no payments: receivables stay open; cash sales are paid when they are made.".to_owned(),
        format!("All amounts are {CURRENCY}; a line's net is quantity × price rounded to pence, halves to even."),
        format!("History is declared as known at its event time plus {delay_s} s."),
        "Times in the file are taken as UTC; codes are read without regard to capitals.".to_owned(),
        "Bank charges and marketplace fees without a customer are expenses of our own, paid from the bank.".to_owned(),
    ]
}

impl fmt::Display for ImportReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}: {} lines", self.file, self.lines)?;
        if let (Some(from), Some(to)) = (self.from, self.to) {
            writeln!(f, "from {from} to {to}")?;
        }
        writeln!(
            f,
            "\n{:<14}{:>10}{:>10}{:>20}{:>20}",
            "", "count", "lines", "in the file", "in the ledger"
        )?;
        for (kind, total) in &self.documents {
            let (name, documents, lines) = (kind.as_str(), total.documents, total.lines);
            write!(f, "{name:<14}{documents:>10}")?;
            match kind {
                EntryKind::Party | EntryKind::Product => writeln!(f)?,
                EntryKind::WriteOff | EntryKind::Found => writeln!(f, "{lines:>10}")?,
                _ => {
                    let money = |minor| Money::new(minor, CURRENCY).to_string();
                    writeln!(
                        f,
                        "{lines:>10}{:>20}{:>20}",
                        money(total.file_minor),
                        money(total.ledger_minor)
                    )?;
                }
            }
        }
        writeln!(
            f,
            "Σ quantity × price of all lines taken, before rounding: {} {CURRENCY}",
            self.value_exact
        )?;
        let verdict = if self.reconciled {
            "file and ledger agree"
        } else {
            "FILE AND LEDGER DIFFER"
        };
        writeln!(f, "{verdict}; {} commands had been carried out before", self.repeated)?;
        writeln!(f, "\nlines rejected: {}", self.rejected_lines)?;
        for (reason, count) in &self.rejects_by_reason {
            writeln!(f, "  {count:>6}  {reason}")?;
        }
        if let Some(path) = self.rejects_file.as_ref().filter(|_| self.rejected_lines > 0) {
            writeln!(f, "  they are in {path}")?;
        }
        writeln!(f, "\nassumed:")?;
        self.assumptions
            .iter()
            .try_for_each(|assumption| writeln!(f, "  - {assumption}"))
    }
}
