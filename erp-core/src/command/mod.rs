//! What the ERP can be asked to do. A command names things by their codes and numbers, as people do; planning turns it
//! into rows.

mod approval;
mod company;
mod contacts;
mod ledger;
mod line_count;
mod master_data;
mod measured;
mod number_series;
mod orders;
mod sales;
mod sealed;
mod stock;

use std::sync::Arc;

use cortex_types::{Currency, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use approval::DefineApprovalRule;
pub use company::{
    DefineAccount, DefineCompany, DefineCostCentre, DefineTaxCode, OpenBalances, OpeningStockInput, RevalueCurrencies,
    SetExchangeRate,
};
pub use contacts::DefineContact;
pub use ledger::{
    Cancel, CloseFiscalYear, JournalLineInput, OpenFiscalYear, PostJournalEntry, Reversal, ReversalMethod,
    ReverseEntry, SetPeriodState,
};
pub use master_data::{CreateParty, CreateProduct, DefineLocation, DefineProductUnit, SetPartyTerms, SetStandardCost};
pub(crate) use measured::Measured;
pub use number_series::DefineNumberSeries;
pub use orders::{
    BillLineInput, ChangeOrder, DeliverGoods, OrderChange, OrderSide, PlaceOrder, PostBill, SetReorderRule,
};
pub use sales::{
    CreditLineInput, InvoiceLineInput, LinePrice, PostCreditNote, PostInvoice, RecordPayment, Settle, SettleInput,
    SettleItems,
};
pub use sealed::SealedText;
pub use stock::{
    AddLandedCost, AdjustStock, AdjustmentLineInput, Allocation, CountStock, QuantityInput, ReceiptLineInput,
    ReceiveGoods, ReturnGoods, TransferStock,
};

use crate::{DocumentKind, ErpError};

/// Most receipts that a landed cost or a bill may be for: all of them are looked up before it is planned.
const RECEIPTS_MAX: usize = 100;

/// One request to the ERP. Each is carried out whole, or not at all.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Command {
    CreateParty(CreateParty),
    CreateProduct(CreateProduct),
    /// A new one, or what becomes of the one that there is.
    DefineParty(CreateParty),
    /// A new one, or what becomes of the one that there is.
    DefineProduct(CreateProduct),
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
    DefineCompany(DefineCompany),
    DefineAccount(DefineAccount),
    DefineCostCentre(DefineCostCentre),
    SetExchangeRate(SetExchangeRate),
    RevalueCurrencies(RevalueCurrencies),
    OpenBalances(OpenBalances),
    SetPartyTerms(SetPartyTerms),
    SettleItems(SettleItems),
    DefineTaxCode(DefineTaxCode),
    PlaceOrder(PlaceOrder),
    ChangeOrder(ChangeOrder),
    DeliverGoods(DeliverGoods),
    PostBill(PostBill),
    SetReorderRule(SetReorderRule),
    DefineProductUnit(DefineProductUnit),
    DefineApprovalRule(DefineApprovalRule),
    DefineNumberSeries(DefineNumberSeries),
    DefineContact(DefineContact),
}

impl Command {
    #[must_use]
    pub const fn kind(&self) -> DocumentKind {
        match self {
            Self::CreateParty(_) | Self::DefineParty(_) => DocumentKind::Party,
            Self::CreateProduct(_) | Self::DefineProduct(_) => DocumentKind::Product,
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
            Self::DefineCompany(_) => DocumentKind::Company,
            Self::DefineAccount(_) => DocumentKind::Account,
            Self::DefineCostCentre(_) => DocumentKind::CostCentre,
            Self::SetExchangeRate(_) => DocumentKind::ExchangeRate,
            Self::RevalueCurrencies(_) => DocumentKind::ExchangeRevaluation,
            Self::OpenBalances(_) => DocumentKind::OpeningBalance,
            Self::SetPartyTerms(_) => DocumentKind::Party,
            Self::SettleItems(_) => DocumentKind::Settlement,
            Self::DefineTaxCode(_) => DocumentKind::TaxCode,
            Self::PlaceOrder(order) => order.side.kind(),
            Self::ChangeOrder(change) => change.side.kind(),
            Self::DeliverGoods(_) => DocumentKind::Delivery,
            Self::PostBill(_) => DocumentKind::PurchaseBill,
            Self::SetReorderRule(_) => DocumentKind::ReorderRule,
            Self::DefineProductUnit(_) => DocumentKind::ProductUnit,
            Self::DefineApprovalRule(_) => DocumentKind::ApprovalRule,
            Self::DefineNumberSeries(_) => DocumentKind::NumberSeries,
            Self::DefineContact(_) => DocumentKind::Contact,
        }
    }

    /// The documents that it is about, by number.
    #[must_use]
    pub(crate) fn documents(&self) -> Vec<&Arc<str>> {
        match self {
            Self::PostInvoice(invoice) => invoice.order.iter().collect(),
            Self::ReceiveGoods(receipt) => receipt.order.iter().collect(),
            Self::ChangeOrder(change) => vec![&change.number],
            Self::DeliverGoods(delivery) => vec![&delivery.order],
            Self::PostBill(bill) => bill.lines.iter().filter_map(|line| line.receipt.as_ref()).collect(),
            Self::PostCreditNote(note) => note.invoice.iter().collect(),
            Self::ReturnGoods(goods) => vec![&goods.receipt],
            Self::AddLandedCost(cost) => cost.receipts.iter().collect(),
            Self::Cancel(cancel) => vec![&cancel.number],
            Self::RecordPayment(payment) => payment.settles.iter().flat_map(Settle::numbers).collect(),
            Self::SettleItems(settlement) => {
                let named = settlement.settles.numbers();
                std::iter::once(&settlement.number).chain(named).collect()
            }
            _ => Vec::new(),
        }
    }

    /// Whether it goes by what documents, balances and settlements were before it, so that nothing may be planned beside it.
    #[must_use]
    pub(crate) const fn is_planned_alone(&self) -> bool {
        matches!(
            self,
            Self::Cancel(_)
                | Self::ReverseEntry(_)
                | Self::SettleItems(_)
                | Self::RevalueCurrencies(_)
                | Self::DefineCompany(_)
                | Self::DefineNumberSeries(_)
                | Self::CloseFiscalYear(_)
        )
    }

    /// The number that the caller chose for its document.
    #[must_use]
    pub(crate) const fn given_number(&self) -> Option<&Arc<str>> {
        match self {
            Self::PostInvoice(invoice) => invoice.number.as_ref(),
            Self::PostCreditNote(note) => note.number.as_ref(),
            Self::ReceiveGoods(receipt) => receipt.number.as_ref(),
            Self::RecordPayment(payment) => payment.number.as_ref(),
            Self::PlaceOrder(order) => order.number.as_ref(),
            Self::DeliverGoods(delivery) => delivery.number.as_ref(),
            Self::PostBill(bill) => bill.number.as_ref(),
            _ => None,
        }
    }

    /// When the caller says that it was, and what it calls that time.
    #[must_use]
    pub const fn given_time(&self) -> (&'static str, Option<Timestamp>) {
        match self {
            Self::CreateParty(party) | Self::DefineParty(party) => ("created_at", party.created_at),
            Self::CreateProduct(product) | Self::DefineProduct(product) => ("created_at", product.created_at),
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
            Self::Cancel(Cancel {
                reversal: Some(reversal),
                ..
            }) => ("posted_at", reversal.posted_at),
            Self::DefineLocation(_)
            | Self::Cancel(_)
            | Self::OpenFiscalYear(_)
            | Self::SetPeriodState(_)
            | Self::CloseFiscalYear(_)
            | Self::DefineCompany(_)
            | Self::DefineAccount(_)
            | Self::DefineCostCentre(_)
            | Self::SetExchangeRate(_)
            | Self::SetPartyTerms(_)
            | Self::ChangeOrder(_)
            | Self::SetReorderRule(_)
            | Self::DefineProductUnit(_)
            | Self::DefineApprovalRule(_)
            | Self::DefineNumberSeries(_)
            | Self::DefineContact(_)
            | Self::DefineTaxCode(_) => ("from", None),
            Self::PlaceOrder(order) => ("ordered_at", order.ordered_at),
            Self::DeliverGoods(delivery) => ("delivered_at", delivery.delivered_at),
            Self::PostBill(bill) => ("billed_at", bill.billed_at),
            Self::SettleItems(settlement) => ("settled_at", settlement.settled_at),
            Self::RevalueCurrencies(revaluation) => ("as_of", Some(revaluation.before)),
            Self::OpenBalances(opening) => ("opened_at", opening.opened_at),
        }
    }

    /// `None` where it has no currency of its own.
    #[must_use]
    pub const fn currency(&self) -> Option<Currency> {
        match self {
            Self::CreateParty(_)
            | Self::DefineParty(_)
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
            | Self::CloseFiscalYear(_)
            | Self::DefineAccount(_)
            | Self::DefineCostCentre(_)
            | Self::SetExchangeRate(_)
            | Self::RevalueCurrencies(_)
            | Self::SetPartyTerms(_)
            | Self::SettleItems(_)
            | Self::ChangeOrder(_)
            | Self::DeliverGoods(_)
            | Self::SetReorderRule(_)
            | Self::DefineProductUnit(_)
            | Self::DefineContact(_)
            | Self::DefineNumberSeries(_)
            | Self::DefineTaxCode(_) => None,
            Self::DefineApprovalRule(rule) => Some(rule.currency),
            Self::PlaceOrder(order) => Some(order.currency),
            Self::PostBill(bill) => Some(bill.currency),
            Self::DefineCompany(company) => Some(company.currency),
            Self::OpenBalances(opening) => Some(opening.currency),
            Self::CreateProduct(product) | Self::DefineProduct(product) => Some(product.currency),
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
            Self::Cancel(Cancel {
                reversal: Some(reversal),
                ..
            }) => reversal.adjusting,
            Self::RevalueCurrencies(revaluation) => revaluation.adjusting,
            _ => false,
        }
    }

    /// The command's JSON. It is canonical because fields are written in the order of their declaration and absent ones
    /// are left out: so its SHA-256 tells whether two commands are the same.
    pub(crate) fn body(&self) -> Result<String, ErpError> {
        let (field, receipts) = match self {
            Self::AddLandedCost(cost) => ("receipts", cost.receipts.len()),
            Self::PostBill(bill) => {
                let receipts = bill.lines.iter().filter_map(|line| line.receipt.as_ref());
                ("lines", receipts.collect::<std::collections::BTreeSet<_>>().len())
            }
            _ => ("receipts", 0),
        };
        if receipts > RECEIPTS_MAX {
            let problem = format!("name more than {RECEIPTS_MAX} receipts: split it");
            return Err(ErpError::invalid(field, problem));
        }
        let body = serde_json::to_string(self).map_err(|error| ErpError::invalid("body", error.to_string()))?;
        if holds_nul(body.as_bytes()) {
            // Here, because what a command names is looked up before it is planned, together with what others name.
            let place = serde_json::to_value(self).ok().and_then(|body| place_of_nul(&body));
            // What comes first is the kind of the command.
            let field = place.as_deref().and_then(|place| place.splitn(3, '.').nth(2));
            let field = field.unwrap_or("body");
            return Err(ErpError::invalid(field, "must not hold a NUL character"));
        }
        Ok(body)
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
