//! Moves and timelines, made by hand.

use std::sync::Arc;

use cortex_types::{Currency, ProductId, StockMoveId, Timestamp, Unit};
use uuid::Uuid;

use super::super::{CostBasis, Entry, Holdings, Method, StandardCost, Timeline};
use crate::{Cost, DocumentKind, DocumentRef, MoveReason, Product, ProductKind};

pub const MAIN: &str = "main";
pub const SHOP: &str = "shop";

/// Midnight, so that a move can be at the very beginning of a month. The first day is the first of January 2012.
pub fn day(number: i64) -> Timestamp {
    const FIRST_MICROS: i64 = 1_325_376_000_000_000;
    Timestamp::from_micros(FIRST_MICROS + number * 24 * 3600 * 1_000_000)
}

pub fn noon(number: i64) -> Timestamp {
    Timestamp::from_micros(day(number).micros() + 12 * 3600 * 1_000_000)
}

pub fn id(number: u128) -> StockMoveId {
    StockMoveId(Uuid::from_u128(number))
}

pub fn standard(from: Timestamp, value_minor: i64, quantity_micro: i64) -> StandardCost {
    let cost = CostBasis {
        value_minor,
        quantity_micro,
    };
    StandardCost { from, cost }
}

pub fn product(method: Method) -> Product {
    Product {
        id: ProductId(Uuid::from_u128(1)),
        code: "MUG".into(),
        description: "A mug".into(),
        kind: ProductKind::Goods,
        unit: Unit::each(),
        currency: Currency::GBP,
        list_price_minor: None,
        valuation: method,
        created_at: day(0),
    }
}

/// Nothing was moved yet, and all that will be is at hand.
pub fn empty(method: Method) -> Timeline {
    let mut timeline = Timeline::at_its_end(&product(method), Holdings::new(), None);
    timeline.with_history(Timestamp::MIN, Holdings::new(), vec![]);
    timeline
}

pub fn moved(number: u128, at: Timestamp, location: &str, quantity_micro: i64, cost: Cost) -> Entry {
    let reason = match cost {
        Cost::ByMethod if quantity_micro == 0 => MoveReason::StandardCost,
        Cost::ByMethod => MoveReason::Sale,
        Cost::Known => MoveReason::Found,
        Cost::Given { .. } if quantity_micro < 0 => MoveReason::SupplierReturn,
        Cost::Given { .. } => MoveReason::Receipt,
        Cost::Of { .. } => MoveReason::Return,
        Cost::Added { .. } => MoveReason::LandedCost,
        Cost::Undone { .. } => MoveReason::WriteOff,
    };
    Entry {
        id: id(number),
        at,
        location: Arc::from(location),
        quantity_micro,
        value_minor: 0,
        cost,
        reason,
        document: DocumentRef {
            kind: DocumentKind::StockAdjustment,
            id: Uuid::from_u128(number),
        },
    }
}

/// What undoes a move.
pub fn undo(number: u128, entry: &Entry) -> Entry {
    Entry {
        reason: entry.reason,
        ..moved(
            number,
            entry.at,
            &entry.location,
            -entry.quantity_micro,
            Cost::Undone { of: entry.id },
        )
    }
}
