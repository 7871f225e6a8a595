//! What a day brings, in the shape in which an ERP books it.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use cortex_types::Timestamp;

use super::catalogue::{ProductNo, SupplierNo};
use super::customers::CustomerNo;

/// What is done on a day, before the doors open.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Actions {
    /// Shops that an offer reaches; a shop named twice is reached once.
    pub offers: Vec<CustomerNo>,
    /// Pieces to order; the supplier rounds up to whole cartons.
    pub reorders: BTreeMap<ProductNo, i64>,
}

/// Everything of one day. The lists are each in the order in which things happened; receipts came first, then sales,
/// then credit notes, then payments.
#[derive(Clone, Debug, PartialEq)]
pub struct DayEvents {
    pub day: u32,
    pub date: NaiveDate,
    pub receipts: Vec<Receipt>,
    pub invoices: Vec<Invoice>,
    pub cash_sales: Vec<CashSale>,
    pub credit_notes: Vec<CreditNote>,
    pub payments: Vec<Payment>,
    /// What was wanted and not there: nobody tells the ERP.
    pub lost_sales: Vec<LostSale>,
    /// Lines of the raw feed that no import may accept.
    pub dirty_rows: Vec<DirtyRow>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    pub number: String,
    pub day: u32,
    pub at: Timestamp,
    pub supplier: SupplierNo,
    pub lines: Vec<ReceiptLine>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceiptLine {
    pub product: ProductNo,
    pub pieces: i64,
    /// What the line cost.
    pub value_minor: i64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invoice {
    /// Unique, and the same for the same shop and day whatever else happens.
    pub number: String,
    pub customer: CustomerNo,
    pub country: &'static str,
    pub at: Timestamp,
    pub lines: Vec<SaleLine>,
    /// Postage, passed on at cost to shops abroad: a service, no goods.
    pub postage_minor: i64,
    /// An offer was used: its discount is in the lines' prices.
    pub with_offer: bool,
}

impl Invoice {
    /// Goods and postage.
    pub fn net_minor(&self) -> i64 {
        self.lines.iter().map(SaleLine::net_minor).sum::<i64>() + self.postage_minor
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SaleLine {
    pub product: ProductNo,
    pub pieces: i64,
    pub unit_price_minor: i64,
}

impl SaleLine {
    pub fn net_minor(&self) -> i64 {
        self.pieces * self.unit_price_minor
    }
}

/// A sale over the counter: paid at once, by nobody in particular.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CashSale {
    pub number: String,
    pub at: Timestamp,
    pub lines: Vec<SaleLine>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CreditReason {
    /// Goods came back, and went on the shelf again.
    Return,
    /// A price was put right; no goods moved.
    Discount,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreditNote {
    pub number: String,
    /// Number of the invoice it corrects.
    pub invoice: String,
    pub customer: CustomerNo,
    pub country: &'static str,
    pub at: Timestamp,
    pub reason: CreditReason,
    pub product: ProductNo,
    /// What came back; for a discount, what it was given on.
    pub pieces: i64,
    pub net_minor: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PaymentParty {
    Customer(CustomerNo),
    Supplier(SupplierNo),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    In,
    Out,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payment {
    pub number: String,
    pub party: PaymentParty,
    pub direction: Direction,
    pub amount_minor: i64,
    pub at: Timestamp,
    /// Days after the due date.
    pub days_late: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LostSale {
    /// `None` over the counter.
    pub customer: Option<CustomerNo>,
    pub product: ProductNo,
    pub pieces: i64,
    pub revenue_minor: i64,
    /// What would have been earned on it.
    pub margin_minor: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Flaw {
    UnknownProduct,
    NegativePrice,
    ImpossibleDate,
    NoQuantity,
    Truncated,
}

/// A raw line `InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country` with one flaw.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DirtyRow {
    pub raw: String,
    pub flaw: Flaw,
}
