//! Stock: where it lies, every movement, and what became of its value later.

use std::sync::Arc;

use cortex_types::{
    CancellationId, Currency, LocationId, PartyId, ProductId, StandardCostId, StockDocumentId, StockMoveId,
    StockRevaluationId, Timestamp,
};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::{DocumentKind, DocumentRef};

/// Where stock lies when nobody says otherwise. It is there without being created.
pub const MAIN_LOCATION: &str = "main";

/// Whether more may leave a location than is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NegativeStock {
    /// The books may run behind the shelf.
    Allow,
    Refuse,
}

impl NegativeStock {
    pub const ALL: [Self; 2] = [Self::Allow, Self::Refuse];

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Refuse => "refuse",
        }
    }
}

/// A place where stock lies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Location {
    pub id: LocationId,
    pub code: Arc<str>,
    pub name: String,
    pub negative_stock: NegativeStock,
    pub created_at: Timestamp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MoveReason {
    Sale,
    Return,
    WriteOff,
    Found,
    Receipt,
    /// Goods that went back to the supplier.
    SupplierReturn,
    /// From one location to another.
    Transfer,
    /// A receipt that cost more, or less, than was thought.
    LandedCost,
    /// Another standard cost.
    StandardCost,
    /// Brought along from the books before.
    Opening,
}

impl MoveReason {
    pub const ALL: [Self; 10] = [
        Self::Sale,
        Self::Return,
        Self::WriteOff,
        Self::Found,
        Self::Receipt,
        Self::SupplierReturn,
        Self::Transfer,
        Self::LandedCost,
        Self::StandardCost,
        Self::Opening,
    ];

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sale => "sale",
            Self::Return => "return",
            Self::WriteOff => "write_off",
            Self::Found => "found",
            Self::Receipt => "receipt",
            Self::SupplierReturn => "supplier_return",
            Self::Transfer => "transfer",
            Self::LandedCost => "landed_cost",
            Self::StandardCost => "standard_cost",
            Self::Opening => "opening",
        }
    }
}

/// Where the cost of a move comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cost {
    /// What the product's method says that leaves.
    ByMethod,
    /// The cost that is known when it comes.
    Known,
    /// What somebody billed for it; `of` is the move into stock that it takes back.
    Given { minor: i64, of: Option<StockMoveId> },
    /// The cost of the move that it undoes or carries on, of which `offset_micro` came back before.
    Of { of: StockMoveId, offset_micro: i64 },
    /// More for goods that came with `of`.
    Added {
        of: StockMoveId,
        of_quantity_micro: i64,
        minor: i64,
    },
    /// As if `of` had never been.
    Undone { of: StockMoveId },
}

impl Cost {
    #[must_use]
    pub const fn added_to(self) -> Option<StockMoveId> {
        match self {
            Self::Added { of, .. } => Some(of),
            _ => None,
        }
    }

    #[must_use]
    pub const fn undoes(self) -> Option<StockMoveId> {
        match self {
            Self::Undone { of } => Some(of),
            _ => None,
        }
    }

    /// The move that it refers to.
    #[must_use]
    pub const fn refers_to(self) -> Option<StockMoveId> {
        match self {
            Self::ByMethod | Self::Known => None,
            Self::Given { of, .. } => of,
            Self::Of { of, .. } | Self::Added { of, .. } | Self::Undone { of } => Some(of),
        }
    }
}

/// One movement: what enters stock is positive, what leaves it negative, in quantity and in value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StockMove {
    pub id: StockMoveId,
    pub product_id: ProductId,
    pub product_code: Arc<str>,
    pub location: Arc<str>,
    pub quantity_micro: i64,
    /// As it was posted; a [`StockRevaluation`] says what became of it.
    pub value_minor: i64,
    pub currency: Currency,
    pub reason: MoveReason,
    pub cost: Cost,
    pub document: DocumentRef,
    /// The line of the document; a document may move several products, and a product several times.
    pub line_no: u32,
    pub moved_at: Timestamp,
}

impl StockMove {
    /// What goods were said to cost when they came.
    #[must_use]
    pub const fn given_minor(&self) -> i64 {
        match self.cost {
            Cost::Given { minor, .. } => minor,
            _ => self.value_minor,
        }
    }
}

/// Moves of a product in one period that are worth something else, because of a document that came late, was cancelled or
/// cost more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StockRevaluation {
    pub id: StockRevaluationId,
    pub product_id: ProductId,
    pub product_code: Arc<str>,
    pub location: Arc<str>,
    /// What stock is worth more by it.
    pub value_minor: i64,
    pub move_count: u32,
    pub currency: Currency,
    /// The document that it came of.
    pub document: DocumentRef,
    /// When the last of the moves was, which is when the journal has it.
    pub posted_at: Timestamp,
}

/// A standard cost of a product, from some time on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProductCost {
    pub id: StandardCostId,
    pub product_id: ProductId,
    pub product_code: Arc<str>,
    /// What `quantity_micro` costs.
    pub value_minor: i64,
    pub quantity_micro: i64,
    pub currency: Currency,
    pub from: Timestamp,
}

impl ProductCost {
    /// Of one unit, with as many decimals as the currency has, or more where it was said with more.
    #[must_use]
    pub fn of_one(&self) -> Decimal {
        let decimals = self.currency.exponent();
        let more = (self.quantity_micro / 1_000_000).max(1).ilog10();
        let mut cost = Decimal::new(self.value_minor, decimals + more).normalize();
        if cost.scale() < decimals {
            cost.rescale(decimals);
        }
        cost
    }
}

/// A document that moves stock: an adjustment, a count, a transfer, a return to a supplier, or what goods cost on top. Its
/// lines are its moves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StockDocument {
    pub id: StockDocumentId,
    pub kind: DocumentKind,
    pub number: Arc<str>,
    /// Whose goods, or whose bill, it is.
    pub party_id: Option<PartyId>,
    pub party_code: Option<Arc<str>>,
    pub location: Option<Arc<str>>,
    /// Where a transfer goes.
    pub to_location: Option<Arc<str>>,
    /// Number of the sales order that a delivery is for.
    pub order: Option<Arc<str>>,
    pub memo: String,
    pub currency: Currency,
    /// What stock is worth more by it; what is owed more, of landed costs; what is owed less, of returns.
    pub value_minor: i64,
    pub line_count: u32,
    pub moved_at: Timestamp,
}

/// A document that was taken back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cancellation {
    pub id: CancellationId,
    pub number: Arc<str>,
    pub document: DocumentRef,
    pub document_number: Arc<str>,
    pub memo: String,
    /// From which time on it is taken back: where that is its own, as if it had never been.
    pub effective_at: Timestamp,
    /// Whether it stood until then.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub reversed: bool,
    pub cancelled_at: Timestamp,
}
