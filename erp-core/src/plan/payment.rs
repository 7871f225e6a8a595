use cortex_types::{PaymentId, Timestamp};

use super::sides::Sides;
use super::{Head, Posting};
use crate::books::Numbering;
use crate::limits::check_amount;
use crate::postings::{Document, Postings};
use crate::{
    Books, DocumentKind, DocumentRef, ErpError, PartyKind, Payment, PaymentDirection, RecordPayment, Role, ids,
};

/// A payment: the bank against the party's account.
pub fn plan_payment(command: &RecordPayment, books: &Books, now: Timestamp) -> Result<Postings, ErpError> {
    if command.amount_minor <= 0 {
        return Err(ErpError::invalid(
            "amount",
            "must be above zero; the direction says which way it went",
        ));
    }
    check_amount("amount", command.amount_minor)?;
    let party = books.party(&command.party)?;
    let account = match party.kind {
        PartyKind::Customer => Role::Receivables,
        PartyKind::Supplier => Role::Payables,
        PartyKind::WalkIn => {
            return Err(ErpError::invalid(
                "party",
                "a cash sale is paid when it is made: it needs no payment",
            ));
        }
    };
    let (id, at) = (PaymentId(ids::next()), command.paid_at.unwrap_or(now));
    let asked = Numbering::of(&command.number, &command.series);
    let (number, drawn) = books.number(DocumentKind::Payment, asked, at)?;
    let reference = DocumentRef {
        kind: DocumentKind::Payment,
        id: id.0,
    };
    let mut sides = Sides::new(command.currency);
    match command.direction {
        PaymentDirection::In => sides
            .debit(Role::Bank, command.amount_minor)?
            .credit(account, command.amount_minor)?,
        PaymentDirection::Out => sides
            .debit(account, command.amount_minor)?
            .credit(Role::Bank, command.amount_minor)?,
    };
    let mut posting = Posting::new(books, reference, drawn).with(&party.code, None);
    posting.post(sides, &format!("payment {number}"), at)?;
    let payment = Payment {
        id,
        number: number.clone(),
        party_id: party.id,
        party_code: party.code.clone(),
        direction: command.direction,
        amount_minor: command.amount_minor,
        currency: command.currency,
        paid_at: at,
    };
    let head = Head {
        number,
        currency: command.currency,
        amount_minor: command.amount_minor,
        at,
    };
    Ok(posting.into_postings(head, Document::Payment(payment), None))
}
