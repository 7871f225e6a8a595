use std::sync::Arc;

use cortex_types::{Currency, PartyId, ProductId, Timestamp};
use uuid::Uuid;

use crate::limits::{DESCRIPTION_LENGTH_MAX, check_amount, check_code, check_text};
use crate::postings::{Document, Postings};
use crate::{Books, CreateParty, CreateProduct, DocumentKind, ErpError, Party, PartyKind, Product};

/// A new party. There is one walk-in party at most.
pub fn plan_party(command: &CreateParty, books: &Books, now: Timestamp) -> Result<Postings, ErpError> {
    command.check()?;
    if let Some(party) = books.parties.get(&command.code) {
        return Err(ErpError::AlreadyExists {
            kind: DocumentKind::Party.as_str(),
            number: Arc::clone(&party.code),
        });
    }
    if command.kind == PartyKind::WalkIn && books.walk_in.is_some() {
        return Err(ErpError::WalkInPartyExists);
    }
    let party = Party {
        id: PartyId::new(),
        code: Arc::clone(&command.code),
        kind: command.kind,
        name_sealed: command.name_sealed.as_ref().map(|name| name.sealed.clone()),
        country: Arc::clone(&command.country),
        created_at: command.created_at.unwrap_or(now),
    };
    let (id, at) = (party.id.0, party.created_at);
    Ok(master_data(
        DocumentKind::Party,
        id,
        Arc::clone(&command.code),
        Currency::GBP,
        at,
        Document::Party(party),
    ))
}

/// A new product.
pub fn plan_product(command: &CreateProduct, books: &Books, now: Timestamp) -> Result<Postings, ErpError> {
    check_code("code", &command.code)?;
    check_text("description", &command.description, DESCRIPTION_LENGTH_MAX)?;
    check_amount("list_price", command.list_price_minor.unwrap_or(0))?;
    if command.list_price_minor.is_some_and(|price| price < 0) {
        return Err(ErpError::invalid("list_price", "must not be negative"));
    }
    if books.products.contains_key(&command.code) {
        let number = Arc::clone(&command.code);
        return Err(ErpError::AlreadyExists {
            kind: DocumentKind::Product.as_str(),
            number,
        });
    }
    let product = Product {
        id: ProductId::new(),
        code: Arc::clone(&command.code),
        description: command.description.clone(),
        kind: command.kind,
        unit: command.unit.clone(),
        currency: command.currency,
        list_price_minor: command.list_price_minor,
        created_at: command.created_at.unwrap_or(now),
    };
    let (id, at) = (product.id.0, product.created_at);
    let code = Arc::clone(&command.code);
    Ok(master_data(
        DocumentKind::Product,
        id,
        code,
        command.currency,
        at,
        Document::Product(product),
    ))
}

fn master_data(
    kind: DocumentKind,
    id: Uuid,
    number: Arc<str>,
    currency: Currency,
    at: Timestamp,
    document: Document,
) -> Postings {
    Postings {
        kind,
        id,
        number,
        currency,
        amount_minor: 0,
        at,
        document,
        moves: Vec::new(),
        entries: Vec::new(),
        levels: Vec::new(),
        drawn: Vec::new(),
    }
}
