//! How much work a command is.

use super::Command;

impl Command {
    /// Lines of its document; 1 where it has none.
    #[must_use]
    pub(crate) fn line_count(&self) -> usize {
        match self {
            Self::PostInvoice(invoice) => invoice.lines.len(),
            Self::PostCreditNote(note) => note.lines.len(),
            Self::PostJournalEntry(entry) => entry.lines.len(),
            Self::AdjustStock(adjustment) => adjustment.lines.len(),
            Self::ReceiveGoods(receipt) => receipt.lines.len(),
            Self::ReturnGoods(goods) => goods.lines.len(),
            Self::CountStock(count) => count.lines.len(),
            Self::TransferStock(transfer) => 2 * transfer.lines.len(),
            Self::AddLandedCost(cost) => cost.receipts.len(),
            Self::PlaceOrder(order) => order.lines.len(),
            Self::DeliverGoods(delivery) => delivery.lines.len(),
            Self::PostBill(bill) => bill.lines.len(),
            Self::CreateParty(_)
            | Self::CreateProduct(_)
            | Self::DefineParty(_)
            | Self::DefineProduct(_)
            | Self::RecordPayment(_)
            | Self::DefineLocation(_)
            | Self::SetStandardCost(_)
            | Self::Cancel(_)
            | Self::ReverseEntry(_)
            | Self::OpenFiscalYear(_)
            | Self::SetPeriodState(_)
            | Self::CloseFiscalYear(_)
            | Self::DefineCompany(_)
            | Self::DefineAccount(_)
            | Self::DefineCostCentre(_)
            | Self::SetExchangeRate(_)
            | Self::RevalueCurrencies(_)
            | Self::SetPartyTerms(_)
            | Self::SettleItems(_)
            | Self::ChangeOrder(_)
            | Self::SetReorderRule(_)
            | Self::DefineProductUnit(_)
            | Self::DefineApprovalRule(_)
            | Self::DefineNumberSeries(_)
            | Self::DefineContact(_)
            | Self::DefineTaxCode(_) => 1,
            Self::OpenBalances(opening) => opening.lines.len() + opening.stock.len(),
        }
    }
}
