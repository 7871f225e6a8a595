//! What is gained or lost when items settle each other that were posted at different rates.

use std::collections::BTreeMap;

use cortex_types::{Currency, JournalEntryId, Timestamp};

use super::sides::add;
use crate::postings::Postings;
use crate::{Books, DocumentKind, DocumentRef, ErpError, ItemSide, JournalDraft, Role, ids};

/// By how much what is open of each control account changed at a time, in the company's currency, and nobody paid for it.
#[derive(Debug, Default)]
pub(super) struct ExchangeDifferences(BTreeMap<Timestamp, BTreeMap<(ItemSide, Currency), i64>>);

impl ExchangeDifferences {
    pub fn add(&mut self, at: Timestamp, side: ItemSide, currency: Currency, minor: i64) -> Result<(), ErpError> {
        if minor == 0 {
            return Ok(());
        }
        let of_time = self.0.entry(at).or_default();
        add(of_time.entry((side, currency)).or_default(), minor)
    }

    /// Posts them behind the document's own entries, one entry for each time.
    pub fn post(self, postings: &mut Postings, books: &Books, adjusting: bool) -> Result<(), ErpError> {
        let Some(base) = books.base() else { return Ok(()) };
        let document = DocumentRef {
            kind: DocumentKind::ExchangeDifference,
            id: postings.id,
        };
        for (at, changes) in self.0 {
            let memo = format!("exchange differences of {} {}", postings.kind, postings.number);
            let mut draft = JournalDraft::new(base, memo);
            draft.base = Some(base);
            for ((side, currency), minor) in changes {
                draft
                    .debit_with_base(books.chart.of(side.role()), currency, 0, minor)?
                    .debit_with_base(books.chart.of(Role::ExchangeDifferences), currency, 0, -minor)?;
            }
            if draft.is_empty() {
                continue;
            }
            books.locks.check(at, adjusting)?;
            let (number, drawn) = books.number_after(DocumentKind::JournalEntry, at, &postings.drawn)?;
            postings
                .entries
                .push(draft.post(JournalEntryId(ids::next()), number, document, at)?);
            postings.drawn.push(drawn);
        }
        Ok(())
    }
}
