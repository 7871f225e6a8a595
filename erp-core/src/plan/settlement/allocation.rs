//! So much of one item settles so much of another, or no longer does.

use std::sync::Arc;

use cortex_types::{JournalLineId, LineId, Timestamp};

use super::Settlement;
use crate::plan::sides::add;
use crate::{DocumentKind, ErpError, ItemAllocation, OpenItem, ids};

impl Settlement<'_> {
    /// What the document settled, and what settled it, is open again, as if it had never been; then it and what cancels it settle each other.
    pub(super) fn take_back(&mut self, kind: DocumentKind, number: &Arc<str>) -> Result<(), ErpError> {
        // An entry that revalues has no items.
        let Ok(document) = self.books.posted(kind, number) else {
            return Ok(());
        };
        for item in &document.items {
            self.items.insert(item.id, item.clone());
        }
        for allocation in &document.allocations {
            // Nothing that was settled is open again before it was settled, or before it is said.
            let at = self.at.max(allocation.allocated_at);
            let amount_minor = -allocation.amount_minor;
            let gained_minor = self.shift(allocation.debit, allocation.credit, amount_minor, at)?;
            self.allocations.push(ItemAllocation {
                id: LineId(ids::next()),
                amount_minor,
                gained_minor,
                allocated_at: at,
                document: self.document,
                number: Arc::clone(&self.number),
                undoes: Some(allocation.id),
                ..allocation.clone()
            });
        }
        let cancelled: Vec<JournalLineId> = document
            .items
            .iter()
            .filter(|item| item.document.id == document.id)
            .map(|item| item.id)
            .collect();
        for own in self.own.clone() {
            for other in &cancelled {
                let (Some(one), Some(other)) = (self.items.get(&own), self.items.get(other)) else {
                    continue;
                };
                let part = one.open_minor.saturating_abs().min(other.open_minor.saturating_abs());
                let opposite = one.open_minor.signum() == -other.open_minor.signum();
                let of = |item: &OpenItem| (item.side, item.currency, item.party.clone());
                if part > 0 && opposite && of(one) == of(other) {
                    let other = other.id;
                    self.allocate(own, other, part)?;
                }
            }
        }
        Ok(())
    }

    pub(super) fn allocate(
        &mut self,
        own: JournalLineId,
        other: JournalLineId,
        amount_minor: i64,
    ) -> Result<(), ErpError> {
        let items = &self.items;
        let known = |id: &JournalLineId| items.get(id).or_else(|| self.books.items.get(id)).cloned();
        let (Some(one), Some(another)) = (known(&own), known(&other)) else {
            return Ok(());
        };
        let (debit, credit) = match one.amount_minor > 0 {
            true => (own, other),
            false => (other, own),
        };
        // Not before both are there.
        let at = self.at.max(one.posted_at).max(another.posted_at);
        let currency = one.currency;
        self.items.insert(one.id, one);
        self.items.insert(another.id, another);
        let gained_minor = self.shift(debit, credit, amount_minor, at)?;
        self.allocations.push(ItemAllocation {
            id: LineId(ids::next()),
            debit,
            credit,
            currency,
            amount_minor,
            gained_minor,
            allocated_at: at,
            document: self.document,
            number: Arc::clone(&self.number),
            undoes: None,
        });
        Ok(())
    }

    /// The debit has less open, and the credit. What the two were worth when they were posted is not the same where the rates were not:
    /// the rest is gained, or lost.
    fn shift(
        &mut self,
        debit: JournalLineId,
        credit: JournalLineId,
        amount_minor: i64,
        at: Timestamp,
    ) -> Result<Option<i64>, ErpError> {
        let mut gained = None;
        for (id, amount_minor) in [(debit, amount_minor), (credit, -amount_minor)] {
            let Some(item) = self.items.get_mut(&id) else { continue };
            let before = item.open_base_minor()?;
            item.open_minor -= amount_minor;
            let change = item.open_base_minor()? - before;
            if item.base_minor.is_some() {
                self.differences.add(at, item.side, item.currency, change)?;
                add(gained.get_or_insert(0), change)?;
            }
        }
        Ok(gained)
    }
}
