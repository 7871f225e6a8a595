use cortex_types::{PaymentId, Timestamp};

use super::post_entry;
use crate::limits::check_amount;
use crate::postings::{Document, Postings};
use crate::{
    Account, Books, DocumentKind, DocumentRef, ErpError, JournalDraft, PartyKind, Payment, PaymentDirection,
    RecordPayment,
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
        PartyKind::Customer => Account::RECEIVABLES,
        PartyKind::Supplier => Account::PAYABLES,
        PartyKind::WalkIn => {
            return Err(ErpError::invalid(
                "party",
                "a cash sale is paid when it is made: it needs no payment",
            ));
        }
    };
    let (number, place) = books.number(DocumentKind::Payment, command.number.as_ref())?;
    let (id, at) = (PaymentId::new(), command.paid_at.unwrap_or(now));
    let reference = DocumentRef {
        kind: DocumentKind::Payment,
        id: id.0,
    };
    let mut draft = JournalDraft::new(command.currency, format!("payment {number}"));
    match command.direction {
        PaymentDirection::In => draft
            .debit(Account::BANK, command.amount_minor)?
            .credit(account, command.amount_minor)?,
        PaymentDirection::Out => draft
            .debit(account, command.amount_minor)?
            .credit(Account::BANK, command.amount_minor)?,
    };
    let mut drawn: Vec<_> = place.map(|place| (DocumentKind::Payment, place)).into_iter().collect();
    let entries = post_entry(draft, books, reference, at, &mut drawn)?;
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
    Ok(Postings {
        kind: DocumentKind::Payment,
        id: id.0,
        number,
        currency: command.currency,
        amount_minor: command.amount_minor,
        at,
        document: Document::Payment(payment),
        moves: Vec::new(),
        entries,
        levels: Vec::new(),
        drawn,
    })
}
