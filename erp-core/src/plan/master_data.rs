use std::sync::Arc;

use cortex_types::{LocationId, PartyId, ProductId, StandardCostId, Timestamp};
use rust_decimal::Decimal;

use crate::limits::{
    DESCRIPTION_LENGTH_MAX, NAME_LENGTH_MAX, check_amount, check_code, check_currency, check_name, check_text,
};
use crate::postings::{Document, Postings};
use crate::valuation::Method;
use crate::{
    Books, CreateParty, CreateProduct, DefineLocation, DocumentKind, ErpError, Location, Party, PartyKind, PartyTerms,
    Product, ProductCost, ProductKind, SetPartyTerms, ids,
};

const MICROS_PER_UNIT: i64 = 1_000_000;
const PAYMENT_DAYS_MAX: u32 = 3_650;
const NO_TERMS: &str = "a cash sale is paid when it is made: it has no terms";
/// More decimals than the currency has, in a cost.
const COST_DECIMALS_MORE_MAX: u32 = 6;

/// A new party.
pub fn plan_new_party(command: &CreateParty, books: &Books, now: Timestamp) -> Result<Postings, ErpError> {
    command.check()?;
    match books.parties.get(&command.code) {
        None => plan_party(command, books, now),
        Some(party) => Err(ErpError::AlreadyExists {
            kind: DocumentKind::Party.as_str(),
            number: Arc::clone(&party.code),
        }),
    }
}

/// A new party, or another country, name and other terms for the one that there is. There is one walk-in party at most.
pub fn plan_party(command: &CreateParty, books: &Books, now: Timestamp) -> Result<Postings, ErpError> {
    command.check()?;
    let there = books.parties.get(&command.code);
    let terms = command.terms.clone().unwrap_or_default();
    check_terms(&terms, command.kind)?;
    match there {
        None if command.kind == PartyKind::WalkIn && books.walk_in.is_some() => {
            return Err(ErpError::WalkInPartyExists);
        }
        Some(there) => {
            check_stays("kind", there.kind.as_str(), command.kind.as_str())?;
            check_created(there.created_at, command.created_at)?;
        }
        None => {}
    }
    let created_at = command.created_at.unwrap_or(now);
    let party = Party {
        id: there.map_or_else(|| PartyId(ids::next()), |there| there.id),
        code: Arc::clone(&command.code),
        kind: command.kind,
        name_sealed: command.name_sealed.as_ref().map(|name| name.sealed.clone()),
        country: Arc::clone(&command.country),
        terms,
        created_at: there.map_or(created_at, |there| there.created_at),
    };
    Ok(party_at(party, if there.is_some() { now } else { created_at }))
}

/// What documents were posted by stays.
fn check_stays(field: &str, there: &str, said: &str) -> Result<(), ErpError> {
    if there == said {
        return Ok(());
    }
    let problem = format!("is '{there}', and stays: make another one to have '{said}'");
    Err(ErpError::invalid(field, problem))
}

fn check_created(there: Timestamp, said: Option<Timestamp>) -> Result<(), ErpError> {
    let said = said.unwrap_or(there);
    check_stays("created_at", &there.to_string(), &said.to_string())
}

/// How long a party may take to pay, and how much it may owe.
pub fn plan_party_terms(command: &SetPartyTerms, books: &Books, now: Timestamp) -> Result<Postings, ErpError> {
    let party = books.party(&command.party)?;
    if party.kind == PartyKind::WalkIn {
        return Err(ErpError::invalid("party", NO_TERMS));
    }
    let terms = PartyTerms {
        payment_days: command.payment_days,
        credit_limit: command.credit_limit,
    };
    check_terms(&terms, party.kind)?;
    Ok(party_at(Party { terms, ..party.clone() }, now))
}

fn check_terms(terms: &PartyTerms, kind: PartyKind) -> Result<(), ErpError> {
    if let Some(days) = terms.payment_days {
        if kind == PartyKind::WalkIn {
            return Err(ErpError::invalid("payment_days", NO_TERMS));
        }
        if days > PAYMENT_DAYS_MAX {
            let problem = format!("must be {PAYMENT_DAYS_MAX} at most");
            return Err(ErpError::invalid("payment_days", problem));
        }
    }
    if let Some((minor, currency)) = terms.credit_limit {
        check_amount("credit_limit", minor)?;
        check_currency(currency)?;
        if minor < 0 || kind != PartyKind::Customer {
            return Err(ErpError::invalid("credit_limit", "is for customers, and not negative"));
        }
    }
    Ok(())
}

fn party_at(party: Party, at: Timestamp) -> Postings {
    let (id, code) = (party.id.0, Arc::clone(&party.code));
    Postings::bare(DocumentKind::Party, id, code, at, Document::Party(party))
}

/// A new product.
pub fn plan_new_product(command: &CreateProduct, books: &Books, now: Timestamp) -> Result<Postings, ErpError> {
    check_code("code", &command.code)?;
    match books.products.get(&command.code) {
        None => plan_product(command, books, now),
        Some(product) => Err(ErpError::AlreadyExists {
            kind: DocumentKind::Product.as_str(),
            number: Arc::clone(&product.code),
        }),
    }
}

/// A new product, or another description and list price for the one that there is.
pub fn plan_product(command: &CreateProduct, books: &Books, now: Timestamp) -> Result<Postings, ErpError> {
    check_code("code", &command.code)?;
    check_text("description", &command.description, DESCRIPTION_LENGTH_MAX)?;
    check_amount("list_price", command.list_price_minor.unwrap_or(0))?;
    if command.list_price_minor.is_some_and(|price| price < 0) {
        return Err(ErpError::invalid("list_price", "must not be negative"));
    }
    if command.kind == ProductKind::Service && (command.valuation.is_some() || command.standard_cost.is_some()) {
        return Err(ErpError::invalid("valuation", "is for goods: a service has no stock"));
    }
    if let Some(there) = books.products.get(&command.code) {
        return plan_product_change(command, there, now);
    }
    if let Some(base) = books.base().filter(|base| *base != command.currency) {
        let problem = format!("must be {base}: what a company's stock is worth is in its own currency");
        return Err(ErpError::invalid("currency", problem));
    }
    let valuation = command.valuation.unwrap_or_default();
    let product = Product {
        id: ProductId(ids::next()),
        code: Arc::clone(&command.code),
        description: command.description.clone(),
        kind: command.kind,
        unit: command.unit.clone(),
        currency: command.currency,
        list_price_minor: command.list_price_minor,
        valuation,
        created_at: command.created_at.unwrap_or(now),
    };
    let costs = match (valuation, command.standard_cost) {
        // It holds from ever on: what comes late may lie before the product was created.
        (Method::Standard, Some(cost)) => vec![product_cost(&product, "standard_cost", cost, Timestamp::GIVEN_FROM)?],
        (Method::Standard, None) => {
            let problem = "is missing: a product valued at standard cost needs one";
            return Err(ErpError::invalid("standard_cost", problem));
        }
        (_, None) => Vec::new(),
        (method, Some(_)) => {
            let problem = format!(
                "is only for products valued at standard cost, not at {}",
                method.as_str()
            );
            return Err(ErpError::invalid("standard_cost", problem));
        }
    };
    let (id, at, code) = (product.id.0, product.created_at, Arc::clone(&product.code));
    Ok(Postings {
        currency: command.currency,
        costs,
        ..Postings::bare(DocumentKind::Product, id, code, at, Document::Product(product))
    })
}

fn plan_product_change(command: &CreateProduct, there: &Product, now: Timestamp) -> Result<Postings, ErpError> {
    check_stays("kind", there.kind.as_str(), command.kind.as_str())?;
    check_stays("unit", there.unit.as_str(), command.unit.as_str())?;
    check_stays("currency", there.currency.as_str(), command.currency.as_str())?;
    let valuation = command.valuation.unwrap_or(there.valuation);
    check_stays("valuation", there.valuation.as_str(), valuation.as_str())?;
    check_created(there.created_at, command.created_at)?;
    if command.standard_cost.is_some() {
        let problem = format!(
            "is set from a time on: POST /erp/v1/products/{}/standard-costs",
            there.code
        );
        return Err(ErpError::invalid("standard_cost", problem));
    }
    let product = Product {
        description: command.description.clone(),
        list_price_minor: command.list_price_minor,
        ..there.clone()
    };
    let (id, code) = (product.id.0, Arc::clone(&product.code));
    Ok(Postings {
        currency: product.currency,
        ..Postings::bare(DocumentKind::Product, id, code, now, Document::Product(product))
    })
}

/// `cost` of one unit as whole minor units of so many units, without rounding.
pub(super) fn product_cost(
    product: &Product,
    field: &str,
    cost: Decimal,
    from: Timestamp,
) -> Result<ProductCost, ErpError> {
    let refused = |problem: String| ErpError::invalid(field, problem);
    if cost.is_sign_negative() && !cost.is_zero() {
        return Err(refused("must not be negative".to_owned()));
    }
    let cost = cost.normalize();
    let decimals = product.currency.exponent();
    let more = cost.scale().saturating_sub(decimals);
    if more > COST_DECIMALS_MORE_MAX {
        let problem = format!("has more than {} decimals", decimals + COST_DECIMALS_MORE_MAX);
        return Err(refused(problem));
    }
    let mut scaled = cost;
    scaled.rescale(decimals + more);
    let value_minor = i64::try_from(scaled.mantissa()).map_err(|_| refused("is too large".to_owned()))?;
    check_amount(field, value_minor)?;
    Ok(ProductCost {
        id: StandardCostId(ids::next()),
        product_id: product.id,
        product_code: Arc::clone(&product.code),
        value_minor,
        quantity_micro: 10_i64.pow(more) * MICROS_PER_UNIT,
        currency: product.currency,
        from,
    })
}

/// A new location, or another name and policy for one that there is.
pub fn plan_location(command: &DefineLocation, books: &Books, now: Timestamp) -> Result<Postings, ErpError> {
    check_code("code", &command.code)?;
    check_name("name", &command.name, NAME_LENGTH_MAX)?;
    let there = books.locations.get(&command.code);
    let location = Location {
        id: there.map_or_else(|| LocationId(ids::next()), |there| there.id),
        code: Arc::clone(&command.code),
        name: command.name.clone(),
        negative_stock: command.negative_stock,
        created_at: there.map_or(now, |there| there.created_at),
    };
    let (id, code) = (location.id.0, Arc::clone(&location.code));
    Ok(Postings::bare(
        DocumentKind::Location,
        id,
        code,
        now,
        Document::Location(location),
    ))
}
