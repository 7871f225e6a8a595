//! The kinds of documents, and how they are numbered.

use std::fmt;

use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DocumentKind {
    Party,
    Product,
    SalesInvoice,
    CreditNote,
    JournalEntry,
    StockAdjustment,
    /// Stock that was counted.
    StockCount,
    StockTransfer,
    /// What moves came to be worth because of a document; it belongs to that.
    StockRevaluation,
    PurchaseReceipt,
    PurchaseReturn,
    LandedCost,
    Payment,
    Location,
    StandardCost,
    Cancellation,
    FiscalYear,
    FiscalPeriod,
    Company,
    Account,
    CostCentre,
    ExchangeRate,
    /// What is owned and owed in other currencies, at what it is worth. It has the number of its entry.
    ExchangeRevaluation,
    /// What was gained or lost when a document settled others that were posted at another rate; it belongs to that.
    ExchangeDifference,
    /// What a company brought along.
    OpeningBalance,
    /// What of a payment or a credit note settles other documents; it has the number of that.
    Settlement,
    TaxCode,
    SalesOrder,
    PurchaseOrder,
    /// Goods that left for an order.
    Delivery,
    PurchaseBill,
    ReorderRule,
    /// Another unit that a product is traded in.
    ProductUnit,
    /// Whose word documents need.
    ApprovalRule,
    NumberSeries,
    /// A person at a party.
    Contact,
}

impl DocumentKind {
    pub const ALL: [Self; 36] = [
        Self::Party,
        Self::Product,
        Self::SalesInvoice,
        Self::CreditNote,
        Self::JournalEntry,
        Self::StockAdjustment,
        Self::StockCount,
        Self::StockTransfer,
        Self::StockRevaluation,
        Self::PurchaseReceipt,
        Self::PurchaseReturn,
        Self::LandedCost,
        Self::Payment,
        Self::Location,
        Self::StandardCost,
        Self::Cancellation,
        Self::FiscalYear,
        Self::FiscalPeriod,
        Self::Company,
        Self::Account,
        Self::CostCentre,
        Self::ExchangeRate,
        Self::ExchangeRevaluation,
        Self::ExchangeDifference,
        Self::OpeningBalance,
        Self::Settlement,
        Self::TaxCode,
        Self::SalesOrder,
        Self::PurchaseOrder,
        Self::Delivery,
        Self::PurchaseBill,
        Self::ReorderRule,
        Self::ProductUnit,
        Self::ApprovalRule,
        Self::NumberSeries,
        Self::Contact,
    ];

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Party => "party",
            Self::Product => "product",
            Self::SalesInvoice => "sales-invoice",
            Self::CreditNote => "credit-note",
            Self::JournalEntry => "journal-entry",
            Self::StockAdjustment => "stock-adjustment",
            Self::StockCount => "stock-count",
            Self::StockTransfer => "stock-transfer",
            Self::StockRevaluation => "stock-revaluation",
            Self::PurchaseReceipt => "purchase-receipt",
            Self::PurchaseReturn => "purchase-return",
            Self::LandedCost => "landed-cost",
            Self::Payment => "payment",
            Self::Location => "location",
            Self::StandardCost => "standard-cost",
            Self::Cancellation => "cancellation",
            Self::FiscalYear => "fiscal-year",
            Self::FiscalPeriod => "fiscal-period",
            Self::Company => "company",
            Self::Account => "account",
            Self::CostCentre => "cost-centre",
            Self::ExchangeRate => "exchange-rate",
            Self::ExchangeRevaluation => "exchange-revaluation",
            Self::ExchangeDifference => "exchange-difference",
            Self::OpeningBalance => "opening-balance",
            Self::Settlement => "settlement",
            Self::TaxCode => "tax-code",
            Self::SalesOrder => "sales-order",
            Self::PurchaseOrder => "purchase-order",
            Self::Delivery => "delivery",
            Self::PurchaseBill => "purchase-bill",
            Self::ReorderRule => "reorder-rule",
            Self::ProductUnit => "product-unit",
            Self::ApprovalRule => "approval-rule",
            Self::NumberSeries => "number-series",
            Self::Contact => "contact",
        }
    }

    /// What its numbers begin with where the company has no series of its own for it; what has a code instead has none.
    #[must_use]
    pub const fn prefix(self) -> Option<&'static str> {
        match self {
            Self::Party
            | Self::Product
            | Self::Location
            | Self::StockRevaluation
            | Self::FiscalYear
            | Self::FiscalPeriod
            | Self::Company
            | Self::Account
            | Self::CostCentre
            | Self::ExchangeRate
            | Self::ExchangeRevaluation
            | Self::ExchangeDifference
            | Self::Settlement
            | Self::TaxCode
            | Self::ReorderRule
            | Self::ProductUnit
            | Self::ApprovalRule
            | Self::NumberSeries
            | Self::Contact => None,
            Self::SalesInvoice => Some("INV-"),
            Self::CreditNote => Some("CN-"),
            Self::JournalEntry => Some("J-"),
            Self::StockAdjustment => Some("ADJ-"),
            Self::StockCount => Some("CNT-"),
            Self::StockTransfer => Some("TR-"),
            Self::PurchaseReceipt => Some("GRN-"),
            Self::PurchaseReturn => Some("PRT-"),
            Self::LandedCost => Some("LC-"),
            Self::Payment => Some("PAY-"),
            Self::StandardCost => Some("SC-"),
            Self::Cancellation => Some("CAN-"),
            Self::OpeningBalance => Some("OB-"),
            Self::SalesOrder => Some("SO-"),
            Self::PurchaseOrder => Some("PO-"),
            Self::Delivery => Some("DN-"),
            Self::PurchaseBill => Some("BILL-"),
        }
    }

    /// Those that have numbers.
    #[must_use]
    pub fn numbered() -> Vec<Self> {
        Self::ALL.into_iter().filter(|kind| kind.prefix().is_some()).collect()
    }

    /// Whether it belongs to a time, which must not be closed: parties, products, orders and the calendar itself do not.
    #[must_use]
    pub const fn is_posted(self) -> bool {
        let numbered = self.prefix().is_some() && !matches!(self, Self::SalesOrder | Self::PurchaseOrder);
        numbered || matches!(self, Self::ExchangeRevaluation)
    }

    /// Whether it can be taken back as if it had never been. What is not posted through a document of its own is reversed.
    #[must_use]
    pub const fn is_cancelled(self) -> bool {
        matches!(
            self,
            Self::SalesInvoice
                | Self::CreditNote
                | Self::StockAdjustment
                | Self::StockCount
                | Self::StockTransfer
                | Self::PurchaseReceipt
                | Self::PurchaseReturn
                | Self::LandedCost
                | Self::Payment
                | Self::OpeningBalance
                | Self::Delivery
                | Self::PurchaseBill
        )
    }

    /// Whether it is taken back at a later time too. What only moves or counts goods is moved or counted again instead.
    #[must_use]
    pub const fn is_reversed(self) -> bool {
        matches!(
            self,
            Self::SalesInvoice
                | Self::CreditNote
                | Self::PurchaseReceipt
                | Self::PurchaseReturn
                | Self::LandedCost
                | Self::Payment
                | Self::Delivery
                | Self::PurchaseBill
        )
    }
}

impl fmt::Display for DocumentKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
