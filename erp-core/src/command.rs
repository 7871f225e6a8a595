//! What the ERP can be asked to do. A command names things by their codes and numbers, as people do; planning turns it
//! into rows.

use std::sync::Arc;

use cortex_types::{Currency, DecisionId, Timestamp, Unit};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::limits::{NAME_LENGTH_MAX, check_code, check_name, check_time};
use crate::valuation::Method;
use crate::{
    CreditReason, DocumentKind, ErpError, NegativeStock, PartyKind, PaymentDirection, PeriodState, ProductKind,
};

/// One request to the ERP. Each is carried out whole, or not at all.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Command {
    CreateParty(CreateParty),
    CreateProduct(CreateProduct),
    PostInvoice(PostInvoice),
    PostCreditNote(PostCreditNote),
    PostJournalEntry(PostJournalEntry),
    AdjustStock(AdjustStock),
    ReceiveGoods(ReceiveGoods),
    ReturnGoods(ReturnGoods),
    AddLandedCost(AddLandedCost),
    CountStock(CountStock),
    TransferStock(TransferStock),
    DefineLocation(DefineLocation),
    SetStandardCost(SetStandardCost),
    Cancel(Cancel),
    RecordPayment(RecordPayment),
    ReverseEntry(ReverseEntry),
    OpenFiscalYear(OpenFiscalYear),
    SetPeriodState(SetPeriodState),
    CloseFiscalYear(CloseFiscalYear),
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CreateParty {
    pub code: Arc<str>,
    pub kind: PartyKind,
    pub country: Arc<str>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub name_sealed: Option<SealedName>,
    /// Now, where it is absent; so with the times of all commands.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub created_at: Option<Timestamp>,
}

/// A party's name, sealed already. The body that an idempotency key stands for has its fingerprint alone, because
/// sealing the same name twice gives different texts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SealedName {
    #[serde(skip)]
    pub sealed: String,
    /// The same for the same name, and made under the party's own key: it says nothing once that key is destroyed.
    pub fingerprint: String,
}

impl CreateParty {
    /// What is wrong with it whatever the books hold, so that nobody makes a key for a party that can never be.
    pub fn check(&self) -> Result<(), ErpError> {
        check_code("code", &self.code)?;
        check_code("country", &self.country)?;
        check_time("created_at", self.created_at)
    }

    /// The name in clear, before it is sealed.
    pub fn check_name(name: &str) -> Result<(), ErpError> {
        check_name("name", name, NAME_LENGTH_MAX)
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CreateProduct {
    pub code: Arc<str>,
    pub description: String,
    pub kind: ProductKind,
    pub unit: Unit,
    pub currency: Currency,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub list_price_minor: Option<i64>,
    /// Moving average where it is absent.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub valuation: Option<Method>,
    /// Of one unit, in the product's currency: for products that are valued at it, and for no other.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub standard_cost: Option<Decimal>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub created_at: Option<Timestamp>,
}

/// What a line costs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LinePrice {
    /// Price of one unit, in the document's currency; the line's net is rounded to the minor unit, halves to even.
    Unit(Decimal),
    /// Net of the whole line, in minor units.
    Net(i64),
    /// The product's list price.
    List,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct InvoiceLineInput {
    pub product: Arc<str>,
    /// Above zero.
    pub quantity_micro: i64,
    /// The product's own unit where it is absent; another one is refused.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub unit: Option<Unit>,
    pub price: LinePrice,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PostInvoice {
    /// Kept where it is given; the next of the series otherwise.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub number: Option<Arc<str>>,
    /// Absent on a cash sale.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub customer: Option<Arc<str>>,
    /// Where it went; the customer's country where it is absent.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub country: Option<Arc<str>>,
    pub currency: Currency,
    /// Where the goods leave from.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub location: Option<Arc<str>>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub invoiced_at: Option<Timestamp>,
    /// The advice that the caller had when entering it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub decision_id: Option<DecisionId>,
    pub lines: Vec<InvoiceLineInput>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CreditLineInput {
    #[serde(flatten)]
    pub line: InvoiceLineInput,
    pub reason: CreditReason,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PostCreditNote {
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub number: Option<Arc<str>>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub customer: Option<Arc<str>>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub country: Option<Arc<str>>,
    pub currency: Currency,
    /// Where the goods come back to.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub location: Option<Arc<str>>,
    /// Number of the invoice it corrects.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub invoice: Option<Arc<str>>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub credited_at: Option<Timestamp>,
    pub lines: Vec<CreditLineInput>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct JournalLineInput {
    pub account: String,
    #[serde(default)]
    pub debit_minor: i64,
    #[serde(default)]
    pub credit_minor: i64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PostJournalEntry {
    pub memo: String,
    pub currency: Currency,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub posted_at: Option<Timestamp>,
    /// May go into a period that is soft-closed.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub adjusting: bool,
    pub lines: Vec<JournalLineInput>,
}

/// How a reversal undoes an entry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReversalMethod {
    /// What was debited is credited, and the other way round.
    #[default]
    CounterEntry,
    /// The same sides with negative amounts, so that the accounts' turnovers are as if it had never been.
    Storno,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReverseEntry {
    /// Number of the entry.
    pub entry: Arc<str>,
    pub method: ReversalMethod,
    /// `reversal of …` where it is absent.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub memo: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub posted_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub adjusting: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OpenFiscalYear {
    /// `FY` and the year of its last day where it is absent.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub code: Option<Arc<str>>,
    /// Its first day; the end of the newest year, where there is one.
    pub from: Timestamp,
    pub months: u32,
}

/// Closes a period, softly or for good, or opens one that is soft-closed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SetPeriodState {
    pub period: Arc<str>,
    pub state: PeriodState,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CloseFiscalYear {
    pub year: Arc<str>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AdjustmentLineInput {
    pub product: Arc<str>,
    /// Below zero: written off; above zero: found.
    pub quantity_micro: i64,
    /// What was found is worth, in minor units; the known cost where it is absent.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub value_minor: Option<i64>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AdjustStock {
    pub memo: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub location: Option<Arc<str>>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub moved_at: Option<Timestamp>,
    pub lines: Vec<AdjustmentLineInput>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReceiptLineInput {
    pub product: Arc<str>,
    pub quantity_micro: i64,
    /// What the whole line cost, in minor units.
    pub value_minor: i64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReceiveGoods {
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub number: Option<Arc<str>>,
    pub supplier: Arc<str>,
    pub currency: Currency,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub location: Option<Arc<str>>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub received_at: Option<Timestamp>,
    pub lines: Vec<ReceiptLineInput>,
}

/// Goods that go back to the supplier, at what they cost when they came.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReturnGoods {
    /// Number of the receipt that they came with.
    pub receipt: Arc<str>,
    #[serde(skip_serializing_if = "String::is_empty", default)]
    pub memo: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub returned_at: Option<Timestamp>,
    pub lines: Vec<QuantityInput>,
}

/// So much of a product.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct QuantityInput {
    pub product: Arc<str>,
    pub quantity_micro: i64,
}

/// How a cost is shared among the lines of the receipts that it was for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Allocation {
    #[default]
    ByValue,
    ByQuantity,
}

/// Freight, duty, insurance, or a bill that differs from what was thought: goods that came cost more, or less.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AddLandedCost {
    /// Who bills it.
    pub supplier: Arc<str>,
    pub currency: Currency,
    /// Below zero where the goods cost less.
    pub amount_minor: i64,
    /// Numbers of the receipts that it was for.
    pub receipts: Vec<Arc<str>>,
    #[serde(default)]
    pub allocation: Allocation,
    #[serde(skip_serializing_if = "String::is_empty", default)]
    pub memo: String,
    /// When it was billed. The goods have cost it from their receipt on.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub billed_at: Option<Timestamp>,
}

/// What was counted at a location; stock is adjusted to it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CountStock {
    #[serde(skip_serializing_if = "String::is_empty", default)]
    pub memo: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub location: Option<Arc<str>>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub counted_at: Option<Timestamp>,
    pub lines: Vec<QuantityInput>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TransferStock {
    #[serde(skip_serializing_if = "String::is_empty", default)]
    pub memo: String,
    pub from: Arc<str>,
    pub to: Arc<str>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub moved_at: Option<Timestamp>,
    pub lines: Vec<QuantityInput>,
}

/// Creates a location, or changes the one that there is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DefineLocation {
    pub code: Arc<str>,
    #[serde(skip_serializing_if = "String::is_empty", default)]
    pub name: String,
    pub negative_stock: NegativeStock,
}

/// Another standard cost for a product that is valued at it; stock is revalued.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SetStandardCost {
    pub product: Arc<str>,
    /// Of one unit, in the product's currency.
    pub cost: Decimal,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub from: Option<Timestamp>,
}

/// Takes a document back as if it had never been: its entries are undone at its own time, and what its goods did to the value
/// of others with them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Cancel {
    pub kind: DocumentKind,
    pub number: Arc<str>,
    #[serde(skip_serializing_if = "String::is_empty", default)]
    pub memo: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RecordPayment {
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub number: Option<Arc<str>>,
    pub party: Arc<str>,
    pub direction: PaymentDirection,
    /// Above zero.
    pub amount_minor: i64,
    pub currency: Currency,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub paid_at: Option<Timestamp>,
}

impl Command {
    #[must_use]
    pub const fn kind(&self) -> DocumentKind {
        match self {
            Self::CreateParty(_) => DocumentKind::Party,
            Self::CreateProduct(_) => DocumentKind::Product,
            Self::PostInvoice(_) => DocumentKind::SalesInvoice,
            Self::PostCreditNote(_) => DocumentKind::CreditNote,
            Self::PostJournalEntry(_) => DocumentKind::JournalEntry,
            Self::AdjustStock(_) => DocumentKind::StockAdjustment,
            Self::ReceiveGoods(_) => DocumentKind::PurchaseReceipt,
            Self::ReturnGoods(_) => DocumentKind::PurchaseReturn,
            Self::AddLandedCost(_) => DocumentKind::LandedCost,
            Self::CountStock(_) => DocumentKind::StockCount,
            Self::TransferStock(_) => DocumentKind::StockTransfer,
            Self::DefineLocation(_) => DocumentKind::Location,
            Self::SetStandardCost(_) => DocumentKind::StandardCost,
            Self::Cancel(_) => DocumentKind::Cancellation,
            Self::RecordPayment(_) => DocumentKind::Payment,
            Self::ReverseEntry(_) => DocumentKind::JournalEntry,
            Self::OpenFiscalYear(_) | Self::CloseFiscalYear(_) => DocumentKind::FiscalYear,
            Self::SetPeriodState(_) => DocumentKind::FiscalPeriod,
        }
    }

    /// The documents that it is about, by number.
    #[must_use]
    pub(crate) fn documents(&self) -> Vec<&Arc<str>> {
        match self {
            Self::PostCreditNote(note) => note.invoice.iter().collect(),
            Self::ReturnGoods(goods) => vec![&goods.receipt],
            Self::AddLandedCost(cost) => cost.receipts.iter().collect(),
            Self::Cancel(cancel) => vec![&cancel.number],
            _ => Vec::new(),
        }
    }

    /// The number that the caller chose for its document.
    #[must_use]
    pub(crate) const fn given_number(&self) -> Option<&Arc<str>> {
        match self {
            Self::PostInvoice(invoice) => invoice.number.as_ref(),
            Self::PostCreditNote(note) => note.number.as_ref(),
            Self::ReceiveGoods(receipt) => receipt.number.as_ref(),
            Self::RecordPayment(payment) => payment.number.as_ref(),
            _ => None,
        }
    }

    /// When the caller says that it was, and what it calls that time.
    #[must_use]
    pub const fn given_time(&self) -> (&'static str, Option<Timestamp>) {
        match self {
            Self::CreateParty(party) => ("created_at", party.created_at),
            Self::CreateProduct(product) => ("created_at", product.created_at),
            Self::PostInvoice(invoice) => ("invoiced_at", invoice.invoiced_at),
            Self::PostCreditNote(note) => ("credited_at", note.credited_at),
            Self::PostJournalEntry(entry) => ("posted_at", entry.posted_at),
            Self::AdjustStock(adjustment) => ("moved_at", adjustment.moved_at),
            Self::ReceiveGoods(receipt) => ("received_at", receipt.received_at),
            Self::ReturnGoods(goods) => ("returned_at", goods.returned_at),
            Self::AddLandedCost(cost) => ("billed_at", cost.billed_at),
            Self::CountStock(count) => ("counted_at", count.counted_at),
            Self::TransferStock(transfer) => ("moved_at", transfer.moved_at),
            Self::SetStandardCost(cost) => ("from", cost.from),
            Self::RecordPayment(payment) => ("paid_at", payment.paid_at),
            Self::ReverseEntry(reversal) => ("posted_at", reversal.posted_at),
            Self::DefineLocation(_)
            | Self::Cancel(_)
            | Self::OpenFiscalYear(_)
            | Self::SetPeriodState(_)
            | Self::CloseFiscalYear(_) => ("from", None),
        }
    }

    /// `None` where it has no currency of its own.
    #[must_use]
    pub const fn currency(&self) -> Option<Currency> {
        match self {
            Self::CreateParty(_)
            | Self::AdjustStock(_)
            | Self::ReturnGoods(_)
            | Self::CountStock(_)
            | Self::TransferStock(_)
            | Self::DefineLocation(_)
            | Self::SetStandardCost(_)
            | Self::Cancel(_)
            | Self::ReverseEntry(_)
            | Self::OpenFiscalYear(_)
            | Self::SetPeriodState(_)
            | Self::CloseFiscalYear(_) => None,
            Self::CreateProduct(product) => Some(product.currency),
            Self::PostInvoice(invoice) => Some(invoice.currency),
            Self::PostCreditNote(note) => Some(note.currency),
            Self::PostJournalEntry(entry) => Some(entry.currency),
            Self::ReceiveGoods(receipt) => Some(receipt.currency),
            Self::AddLandedCost(cost) => Some(cost.currency),
            Self::RecordPayment(payment) => Some(payment.currency),
        }
    }

    /// Whether it may go into a period that is soft-closed.
    #[must_use]
    pub const fn is_adjusting(&self) -> bool {
        match self {
            Self::PostJournalEntry(entry) => entry.adjusting,
            Self::ReverseEntry(reversal) => reversal.adjusting,
            _ => false,
        }
    }

    /// SHA-256 of the command's JSON. The JSON is canonical because fields are written in the order of their
    /// declaration and absent ones are left out.
    pub(crate) fn digest(&self) -> Result<[u8; 32], ErpError> {
        let body = serde_json::to_vec(self).map_err(|error| ErpError::invalid("body", error.to_string()))?;
        if holds_nul(&body) {
            // Here, because what a command names is looked up before it is planned, together with what others name.
            let place = serde_json::to_value(self).ok().and_then(|body| place_of_nul(&body));
            // What comes first is the kind of the command.
            let field = place.as_deref().and_then(|place| place.splitn(3, '.').nth(2));
            let field = field.unwrap_or("body");
            return Err(ErpError::invalid(field, "must not hold a NUL character"));
        }
        Ok(Sha256::digest(&body).into())
    }
}

/// Whether a text in this JSON has a NUL, which is written as `\u0000` behind an even number of backslashes.
fn holds_nul(json: &[u8]) -> bool {
    const NUL: &[u8] = b"\\u0000";
    let mut places = json.windows(NUL.len()).enumerate().filter(|(_, window)| *window == NUL);
    places.any(|(place, _)| json[..place].iter().rev().take_while(|byte| **byte == b'\\').count() % 2 == 0)
}

/// Where the first such text is, such as `.post-invoice.lines[0].product`.
fn place_of_nul(json: &Value) -> Option<String> {
    let within = |name: String, value: &Value| place_of_nul(value).map(|place| name + &place);
    match json {
        Value::String(text) => text.contains('\0').then(String::new),
        Value::Array(items) => (0..)
            .zip(items)
            .find_map(|(index, item)| within(format!("[{index}]"), item)),
        Value::Object(fields) => fields
            .iter()
            .find_map(|(name, value)| within(format!(".{name}"), value)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nul_is_found_and_what_only_looks_like_one_is_not() {
        let json = |text: &str| serde_json::to_vec(text).unwrap();
        for text in ["\0", "a\0b", "\\\0", "\\u0000\0"] {
            assert!(holds_nul(&json(text)), "{text:?}");
        }
        let within = serde_json::json!({ "post": { "a": 1, "lines": [{ "b": "" }, { "b": "\0" }] } });
        assert_eq!(place_of_nul(&within).as_deref(), Some(".post.lines[1].b"));
        for text in ["", "\\u0000", "a\\\\u0000", "u0000", "\u{1}"] {
            assert!(!holds_nul(&json(text)), "{text:?}");
        }
    }
}
