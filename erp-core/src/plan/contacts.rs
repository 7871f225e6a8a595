use std::sync::Arc;

use cortex_types::{ContactId, Timestamp};

use crate::postings::{Document, Postings};
use crate::{Books, Contact, DefineContact, DocumentKind, ErpError, PartyKind, SealedText, ids};

/// Most contacts of a party: all of them are looked through for the one that is asked first.
const CONTACTS_MAX: usize = 500;

/// A new contact of a party, or what one is from now on. One at most is asked first.
pub fn plan_contact(command: &DefineContact, books: &Books, now: Timestamp) -> Result<Postings, ErpError> {
    command.check()?;
    let party = books.party(&command.party)?;
    if party.kind == PartyKind::WalkIn {
        let problem = "whoever pays in cash leaves no name: the walk-in party has no contacts";
        return Err(ErpError::invalid("party", problem));
    }
    let contacts = books.contacts_of(&party.code);
    let there = contacts.iter().find(|of| of.code == command.contact);
    if there.is_none() && contacts.len() >= CONTACTS_MAX {
        let problem = format!("'{}' has {CONTACTS_MAX} contacts already", party.code);
        return Err(ErpError::invalid("contact", problem));
    }
    let first = contacts.iter().find(|of| of.is_primary && of.code != command.contact);
    let displaced = first.filter(|_| command.is_primary).map(|first| Contact {
        is_primary: false,
        ..first.clone()
    });
    let sealed = |text: &Option<SealedText>| text.as_ref().map(|text| text.sealed.clone());
    let contact = Contact {
        id: there.map_or_else(|| ContactId(ids::next()), |there| there.id),
        party_id: party.id,
        party_code: Arc::clone(&party.code),
        code: Arc::clone(&command.contact),
        role: command.role.clone(),
        name_sealed: sealed(&command.name_sealed),
        email_sealed: sealed(&command.email_sealed),
        phone_sealed: sealed(&command.phone_sealed),
        is_primary: command.is_primary,
        blocked: command.blocked,
        created_at: there.map_or(now, |there| there.created_at),
    };
    let (id, number) = (contact.id.0, Contact::number(&contact.party_code, &contact.code));
    let document = Document::Contact { contact, displaced };
    Ok(Postings::bare(DocumentKind::Contact, id, number, now, document))
}
