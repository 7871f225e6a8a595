use cortex_types::{LineId, ReceiptId, Timestamp};

use super::sales_lines::field;
use super::shelf::{Shelf, add};
use super::{check_line_count, line_number, post_entry};
use crate::books::location;
use crate::limits::{check_amount, check_quantity};
use crate::postings::{Document, Postings};
use crate::{
    Account, Books, DocumentKind, DocumentRef, ErpError, JournalDraft, PurchaseReceipt, PurchaseReceiptLine,
    ReceiveGoods,
};

/// Goods received: they enter stock at what they cost, against the supplier's account. What had been sold before it
/// came goes straight to the cost of sales.
pub fn plan_purchase_receipt(command: &ReceiveGoods, books: &Books, now: Timestamp) -> Result<Postings, ErpError> {
    check_line_count(command.lines.len())?;
    let supplier = books.supplier(&command.supplier)?;
    let (number, place) = books.number(DocumentKind::PurchaseReceipt, command.number.as_ref())?;
    let (id, at) = (ReceiptId::new(), command.received_at.unwrap_or(now));
    let reference = DocumentRef {
        kind: DocumentKind::PurchaseReceipt,
        id: id.0,
    };

    let mut shelf = Shelf::new(books, location(command.location.as_ref())?, reference, at);
    let mut lines = Vec::with_capacity(command.lines.len());
    let (mut value, mut sold_before) = (0, 0);
    for (index, input) in command.lines.iter().enumerate() {
        let product = books.goods(&field(index, "product"), &input.product, command.currency)?;
        if input.quantity_micro <= 0 {
            return Err(ErpError::invalid(field(index, "quantity"), "must be above zero"));
        }
        if input.value_minor < 0 {
            return Err(ErpError::invalid(field(index, "value"), "must not be negative"));
        }
        check_quantity(&field(index, "quantity"), input.quantity_micro)?;
        check_amount(&field(index, "value"), input.value_minor)?;
        add(&mut value, input.value_minor)?;
        add(
            &mut sold_before,
            shelf.receive(product, input.quantity_micro, input.value_minor)?,
        )?;
        lines.push(PurchaseReceiptLine {
            id: LineId::new(),
            line_no: line_number(index),
            product_id: product.id,
            product_code: product.code.clone(),
            quantity_micro: input.quantity_micro,
            value_minor: input.value_minor,
        });
    }

    let mut draft = JournalDraft::new(command.currency, format!("goods received {number}"));
    draft
        .debit(Account::INVENTORY, value - sold_before)?
        .debit(Account::COST_OF_SALES, sold_before)?;
    draft.credit(Account::PAYABLES, value)?;
    let mut drawn: Vec<_> = place
        .map(|place| (DocumentKind::PurchaseReceipt, place))
        .into_iter()
        .collect();
    let entries = post_entry(draft, books, reference, at, &mut drawn)?;
    let (moves, levels) = shelf.into_parts();

    let receipt = PurchaseReceipt {
        id,
        number: number.clone(),
        supplier_id: supplier.id,
        supplier_code: supplier.code.clone(),
        currency: command.currency,
        value_minor: value,
        received_at: at,
        lines,
    };
    Ok(Postings {
        kind: DocumentKind::PurchaseReceipt,
        id: id.0,
        number,
        currency: command.currency,
        amount_minor: value,
        at,
        document: Document::PurchaseReceipt(receipt),
        moves,
        entries,
        levels,
        drawn,
    })
}
