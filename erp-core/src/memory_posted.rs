//! Documents of the ledger in memory, with all that they did.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use cortex_types::{InvoiceId, JournalLineId, LineId, ProductId, StockMoveId, Timestamp};
use uuid::Uuid;

use crate::memory::Tenant;
use crate::postings::{Document, Postings};
use crate::{
    Carried, Cost, Delivered, DocumentKind, DocumentRef, ItemAllocation, ItemSide, MoveReason, OpenItem, OrderProgress,
    PostedDocument, PostedEntry, StockMove, StoodUntil, UnbilledGoods, billed_moves,
};

impl Tenant {
    /// A document, and all that it did.
    pub(crate) fn posted(&self, kind: DocumentKind, number: &Arc<str>) -> Option<PostedDocument> {
        let mut postings = self.accepted.iter().map(|accepted| &accepted.postings);
        let found = postings.find(|postings| postings.kind == kind && postings.number == *number)?;
        let ids: BTreeSet<StockMoveId> = found.moves.iter().map(|moved| moved.id).collect();
        let others = || self.accepted.iter().map(|accepted| &accepted.postings);
        let needs = |other: &&Postings| {
            let follows = other.moves.iter().any(|moved| {
                moved.document.kind != DocumentKind::Cancellation
                    && moved.cost.refers_to().is_some_and(|of| ids.contains(&of))
            });
            let credits = match &other.document {
                Document::CreditNote(note) => note.invoice_id.is_some_and(|invoice| invoice.0 == found.id),
                _ => false,
            };
            let bills = match &other.document {
                Document::PurchaseBill(bill) => {
                    let mut of_moves = bill.lines.iter().filter_map(|line| line.of_move);
                    of_moves.any(|of| ids.contains(&of))
                }
                _ => false,
            };
            other.id != found.id && (follows || credits || bills)
        };
        let named = |other: &Postings| format!("{} {}", other.kind, other.number);
        let needed_by = others().filter(needs).find(|other| self.cancelled(other.id).is_none());
        let of_goods = |other: &Postings| {
            let bills = matches!(other.document, Document::PurchaseBill(_));
            let mut moves = other.moves.iter().filter(|moved| moved.cost.added_to().is_none());
            bills || moves.any(|moved| moved.cost.refers_to().is_some_and(|of| ids.contains(&of)))
        };
        // An invoice stands on the deliveries of its order.
        let lines: BTreeSet<LineId> = found.progress.iter().map(|progress| progress.line_id).collect();
        let billed = |other: &&Postings| {
            let delivered = found.kind == DocumentKind::Delivery && other.kind == DocumentKind::SalesInvoice;
            delivered && other.progress.iter().any(|progress| lines.contains(&progress.line_id))
        };
        let once_needed_by = others()
            .filter(|other| needs(other) || billed(other))
            .filter_map(|other| {
                Some(StoodUntil {
                    until: self.reversed_at(other.id)?,
                    took_goods: of_goods(other),
                    other: named(other),
                })
            });
        let worth = |moved: &StockMove| {
            let timeline = self.books.stock.get(&moved.product_id);
            let original = timeline.and_then(|timeline| timeline.original(moved.id));
            original.map_or(moved.value_minor, |original| original.value_minor)
        };
        Some(PostedDocument {
            id: found.id,
            at: found.at,
            currency: found.currency,
            amount_minor: found.amount_minor,
            party: match &found.document {
                Document::PurchaseReceipt(receipt) => Some(Arc::clone(&receipt.supplier_code)),
                Document::Invoice(invoice) => invoice.customer_code.clone(),
                _ => None,
            },
            moves: found.moves.iter().map(|moved| (moved.clone(), worth(moved))).collect(),
            entries: found
                .entries
                .iter()
                .filter(|entry| entry.document().kind == kind)
                .map(Into::into)
                .collect(),
            items: self.items_around(found.id),
            allocations: self.allocations_of(found.id),
            taxes: found.taxes.clone(),
            lines: match &found.document {
                Document::PurchaseReceipt(receipt) => receipt.lines.iter().map(Into::into).collect(),
                _ => Vec::new(),
            },
            to_be_billed: match &found.document {
                Document::PurchaseReceipt(receipt) => receipt.to_be_billed,
                _ => false,
            },
            progress: found.progress.clone(),
            delivered: self.delivered(found),
            cancelled_by: self
                .cancelled(found.id)
                .map(|cancellation| Arc::clone(&cancellation.number)),
            needed_by: needed_by.map(named),
            once_needed_by: once_needed_by.collect(),
        })
    }

    pub(crate) fn cancelled(&self, id: Uuid) -> Option<&Postings> {
        let place = self.cancellations.get(&id)?;
        self.accepted.get(*place).map(|accepted| &accepted.postings)
    }

    /// Until when a document stood that was reversed.
    fn reversed_at(&self, id: Uuid) -> Option<Timestamp> {
        match &self.cancelled(id)?.document {
            Document::Cancellation(by) if by.reversed => Some(by.effective_at),
            _ => None,
        }
    }

    /// Whether a document stands in what is before a time: what was cancelled never did, what was reversed until then.
    fn stood_before(&self, id: Uuid, before: Timestamp) -> bool {
        self.cancelled(id).is_none() || self.reversed_at(id).is_some_and(|until| until >= before)
    }

    /// What is allocated to or from the items of a document, and not taken back.
    fn allocations_of(&self, id: Uuid) -> Vec<ItemAllocation> {
        let own: BTreeSet<JournalLineId> = self
            .books
            .items
            .values()
            .filter(|item| item.document.id == id)
            .map(|item| item.id)
            .collect();
        let all = || self.accepted.iter().flat_map(|accepted| &accepted.postings.allocations);
        let undone: BTreeSet<LineId> = all().filter_map(|allocation| allocation.undoes).collect();
        all()
            .filter(|allocation| allocation.undoes.is_none() && !undone.contains(&allocation.id))
            .filter(|allocation| own.contains(&allocation.debit) || own.contains(&allocation.credit))
            .cloned()
            .collect()
    }

    /// The items of a document, and those on the other side of their allocations.
    fn items_around(&self, id: Uuid) -> Vec<OpenItem> {
        let allocations = self.allocations_of(id);
        let around = |item: &&OpenItem| {
            item.document.id == id || allocations.iter().any(|of| of.debit == item.id || of.credit == item.id)
        };
        self.books.items.values().filter(around).cloned().collect()
    }

    /// What an invoice billed of goods that were delivered before it.
    fn delivered(&self, found: &Postings) -> Vec<Delivered> {
        let lines: BTreeSet<LineId> = found.progress.iter().map(|of| of.line_id).collect();
        let all = || self.accepted.iter().map(|accepted| &accepted.postings);
        let progress = all().flat_map(|postings| &postings.progress);
        let of_lines: Vec<OrderProgress> = progress.filter(|of| lines.contains(&of.line_id)).cloned().collect();
        let document = DocumentRef {
            kind: found.kind,
            id: found.id,
        };
        let billed = billed_moves(&of_lines, document).into_iter();
        let mut slices = Vec::new();
        for (of, line_no, quantity_micro) in billed.filter(|(of, ..)| *of != document) {
            let mut moves = all().flat_map(|postings| &postings.moves);
            let moved = moves.find(|moved| moved.document == of && moved.line_no == line_no);
            let timeline = moved.and_then(|moved| self.books.stock.get(&moved.product_id));
            if let (Some(moved), Some(timeline)) = (moved, timeline) {
                let original = timeline.original(moved.id);
                let value_minor = original.map_or(moved.value_minor, |original| original.value_minor);
                slices.push((moved.clone(), value_minor, quantity_micro));
            }
        }
        let own: BTreeSet<StockMoveId> = found.moves.iter().map(|moved| moved.id).collect();
        let notes = all().filter(|postings| match &postings.document {
            Document::CreditNote(note) => note.invoice_id == Some(InvoiceId(found.id)),
            _ => false,
        });
        let mut returned: BTreeMap<(StockMoveId, ProductId), i64> = BTreeMap::new();
        for back in notes
            .filter(|postings| self.cancelled(postings.id).is_none())
            .flat_map(|postings| &postings.moves)
        {
            if let Some(of) = back.cost.refers_to().filter(|of| !own.contains(of)) {
                *returned.entry((of, back.product_id)).or_default() += back.quantity_micro;
            }
        }
        let returned = returned.into_iter().map(|((of, product), back)| (of, product, back));
        Delivered::new(slices, returned.collect())
    }

    /// What control accounts were worth before a time by what was open then, and by what revaluations take back later.
    pub(crate) fn carried(&self, before: Timestamp) -> Vec<Carried> {
        let allocations = || self.accepted.iter().flat_map(|accepted| &accepted.postings.allocations);
        let mut carried = Vec::new();
        let foreign = self.books.items.values().filter(|item| item.base_minor.is_some());
        for item in foreign.filter(|item| item.posted_at < before) {
            let of_item = |of: &&ItemAllocation| item.id == of.debit || item.id == of.credit;
            let since = || allocations().filter(|of| of.allocated_at >= before).filter(of_item);
            let settled: i64 = since()
                .map(|of| match item.id {
                    id if id == of.debit => of.amount_minor,
                    id if id == of.credit => -of.amount_minor,
                    _ => 0,
                })
                .sum();
            let then = OpenItem {
                open_minor: item.open_minor + settled,
                ..item.clone()
            };
            carried.push(Carried {
                side: item.side,
                currency: item.currency,
                items_minor: then.open_base_minor().unwrap_or_default(),
                rounded_minor: i64::from(since().next().is_some()),
                taken_back_minor: 0,
            });
        }
        let is_revaluation = |entry: &&PostedEntry| entry.document().kind == DocumentKind::ExchangeRevaluation;
        let revaluations = || self.entries().filter(is_revaluation);
        let later = |entry: &&PostedEntry| {
            let mut others = revaluations().filter(|other| other.document().id == entry.document().id);
            entry.posted_at() < before && others.any(|other| other.posted_at() >= before)
        };
        for line in revaluations().filter(later).flat_map(|entry| entry.lines()) {
            let of = |side: &ItemSide| *self.books.chart.of(side.role()) == line.account;
            carried.extend(ItemSide::ALL.into_iter().find(of).map(|side| Carried {
                side,
                currency: line.currency,
                items_minor: 0,
                rounded_minor: 0,
                taken_back_minor: line.in_base_minor(),
            }));
        }
        carried
    }

    /// A reversal belongs to what it undoes: what is reversed is there twice.
    pub(crate) fn newest_revaluation(&self) -> Option<(Arc<str>, Timestamp)> {
        let is_revaluation = |entry: &&PostedEntry| entry.document().kind == DocumentKind::ExchangeRevaluation;
        let all: Vec<&PostedEntry> = self.entries().filter(is_revaluation).collect();
        let stands = |entry: &&&PostedEntry| {
            let of_same = all.iter().filter(|other| other.document().id == entry.document().id);
            of_same.count() == 1
        };
        let newest = all.iter().filter(stands).max_by_key(|entry| entry.posted_at());
        newest.map(|entry| (Arc::clone(entry.number()), entry.posted_at()))
    }

    /// What came before a time and was not billed before it.
    pub(crate) fn unbilled(&self, before: Timestamp) -> Vec<UnbilledGoods> {
        let mut unbilled = Vec::new();
        for postings in self.accepted.iter().map(|accepted| &accepted.postings) {
            let Document::PurchaseReceipt(receipt) = &postings.document else {
                continue;
            };
            if !self.stood_before(postings.id, before) {
                continue;
            }
            for moved in postings
                .moves
                .iter()
                .filter(|moved| moved.reason == MoveReason::Receipt)
            {
                let (mut quantity_micro, mut value_minor) = (0, self.added(moved.id, before));
                if receipt.to_be_billed {
                    let came = i64::from(moved.moved_at < before);
                    let (returned, returned_minor) = self.returned(moved.id, before);
                    let (billed, cleared) = self.billed(moved.id, before);
                    quantity_micro = came * moved.quantity_micro - returned - billed;
                    value_minor += came * moved.given_minor() - returned_minor - cleared;
                }
                unbilled.push(UnbilledGoods {
                    id: moved.id,
                    receipt: Arc::clone(&receipt.number),
                    supplier: Arc::clone(&receipt.supplier_code),
                    product_code: Arc::clone(&moved.product_code),
                    quantity_micro,
                    value_minor,
                    currency: moved.currency,
                    received_at: moved.moved_at,
                });
            }
        }
        unbilled.retain(|goods| (goods.quantity_micro, goods.value_minor) != (0, 0));
        unbilled
    }

    /// What documents say that a move cost more, from a time before `before` on, and bill later.
    fn added(&self, of: StockMoveId, before: Timestamp) -> i64 {
        let postings = self.accepted.iter().map(|accepted| &accepted.postings);
        let standing = postings.filter(|postings| self.stood_before(postings.id, before));
        let standing = standing.filter(|postings| postings.kind != DocumentKind::Cancellation);
        let moves = standing.flat_map(|postings| postings.moves.iter().map(|moved| (postings.at, moved)));
        moves
            .map(|(billed_at, moved)| match moved.cost {
                Cost::Added { of: target, minor, .. } if target == of => {
                    minor * (i64::from(moved.moved_at < before) - i64::from(billed_at < before))
                }
                _ => 0,
            })
            .sum()
    }

    /// How much of a move was billed before a time, and what of it stood on goods received.
    pub(crate) fn billed(&self, of: StockMoveId, before: Timestamp) -> (i64, i64) {
        let postings = self.accepted.iter().map(|accepted| &accepted.postings);
        let standing = postings.filter(|postings| self.stood_before(postings.id, before));
        let lines = standing.flat_map(|postings| match &postings.document {
            Document::PurchaseBill(bill) if bill.billed_at < before => bill.lines.as_slice(),
            _ => &[],
        });
        lines
            .filter(|line| line.of_move == Some(of))
            .fold((0, 0), |(quantity, cleared), line| {
                (quantity + line.quantity_micro, cleared + line.cleared_minor)
            })
    }

    /// How much of a move came back before a time, and what a supplier took it back for.
    pub(crate) fn returned(&self, of: StockMoveId, before: Timestamp) -> (i64, i64) {
        let postings = self.accepted.iter().map(|accepted| &accepted.postings);
        let standing = postings.filter(|postings| self.stood_before(postings.id, before));
        let moves = standing.flat_map(|postings| &postings.moves);
        moves
            .filter(|moved| matches!(moved.reason, MoveReason::Return | MoveReason::SupplierReturn))
            .filter(|moved| moved.cost.undoes().is_none() && moved.cost.refers_to() == Some(of))
            .filter(|moved| moved.moved_at < before)
            .fold((0, 0), |(quantity, minor), moved| {
                let given = match moved.cost {
                    Cost::Given { minor, .. } => minor,
                    _ => 0,
                };
                (quantity + moved.quantity_micro.saturating_abs(), minor + given)
            })
    }
}
