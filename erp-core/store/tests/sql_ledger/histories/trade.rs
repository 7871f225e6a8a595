//! Sales and purchases without orders.

use std::sync::Arc;

use cortex_erp::{
    AddLandedCost, Allocation, BillLineInput, Command, CreditLineInput, CreditReason, DocumentKind, PostBill,
    PostCreditNote, PostInvoice, ReceiptLineInput, ReceiveGoods, ReturnGoods,
};

use super::business::COST_CENTRE;
use super::history::{History, Posted};
use crate::company::PIECE;

impl History {
    pub fn receipt(&mut self) -> Command {
        let lines = (0..self.dice.between(1, 3))
            .map(|_| self.receipt_line(25, true))
            .collect();
        Command::ReceiveGoods(ReceiveGoods {
            to_be_billed: self.dice.once_in(2),
            order: None,
            prices_include_tax: self.dice.once_in(3),
            due_at: None,
            number: None,
            series: self.series(DocumentKind::PurchaseReceipt),
            supplier: self.supplier(),
            currency: self.currency(),
            location: self.location(),
            received_at: Some(self.at()),
            lines,
        })
    }

    pub fn receipt_line(&mut self, pieces_max: i64, valued: bool) -> ReceiptLineInput {
        let product = self.good();
        let (quantity_micro, unit) = self.quantity_of(&product, pieces_max);
        ReceiptLineInput {
            product,
            quantity_micro,
            unit,
            value_minor: valued.then(|| self.dice.between(0, 20_000)),
            tax: self.tax(),
        }
    }

    pub fn sale(&mut self) -> Command {
        let customer = self.customer();
        self.invoice(Some(customer))
    }

    pub fn cash_sale(&mut self) -> Command {
        self.invoice(None)
    }

    fn invoice(&mut self, customer: Option<Arc<str>>) -> Command {
        Command::PostInvoice(PostInvoice {
            order: None,
            prices_include_tax: self.dice.once_in(3),
            due_at: None,
            number: None,
            series: self.series(DocumentKind::SalesInvoice),
            customer,
            country: None,
            currency: self.currency(),
            location: self.location(),
            invoiced_at: Some(self.at()),
            decision_id: None,
            lines: self.lines(true),
        })
    }

    /// Goods that come back, or a part of the price, with an invoice that says which or without.
    pub fn come_back(&mut self) -> Command {
        let known = match self.dice.once_in(4) {
            true => None,
            false => self.earlier(DocumentKind::SalesInvoice),
        };
        let reasons = [CreditReason::Return, CreditReason::Return, CreditReason::Discount];
        let mut line = self.line(false);
        if let Some(invoice) = &known {
            line.product = self.one_of(&invoice.products);
        }
        (line.quantity_micro, line.unit) = self.quantity_of(&line.product, 3);
        line.price = cortex_erp::LinePrice::Net(self.dice.between(0, 500));
        let lines = vec![CreditLineInput {
            line,
            reason: *self.dice.of(&reasons),
        }];
        let (customer, currency) = match &known {
            Some(invoice) => (Arc::clone(&invoice.party), invoice.currency),
            None => (self.customer(), self.currency()),
        };
        Command::PostCreditNote(PostCreditNote {
            prices_include_tax: self.dice.once_in(3),
            number: None,
            series: None,
            // Over the counter it was nobody's.
            customer: (!customer.is_empty()).then_some(customer),
            country: None,
            currency,
            location: self.location(),
            invoice: known.map(|invoice| invoice.number),
            credited_at: Some(self.at()),
            lines,
        })
    }

    pub fn go_back(&mut self) -> Command {
        let Some(receipt) = self.earlier(DocumentKind::PurchaseReceipt) else {
            return self.receipt();
        };
        Command::ReturnGoods(ReturnGoods {
            lines: self.quantities(&receipt.products, 4),
            receipt: receipt.number,
            memo: String::new(),
            returned_at: Some(self.at()),
        })
    }

    pub fn landed_cost(&mut self) -> Command {
        let Some(receipt) = self.earlier(DocumentKind::PurchaseReceipt) else {
            return self.receipt();
        };
        let mut receipts = vec![receipt.number];
        if self.dice.once_in(3) {
            receipts.extend(self.earlier(DocumentKind::PurchaseReceipt).map(|other| other.number));
            receipts.dedup();
        }
        Command::AddLandedCost(AddLandedCost {
            supplier: self.supplier(),
            currency: self.currency(),
            amount_minor: self.dice.between(-300, 2_000),
            receipts,
            allocation: *self.dice.of(&[Allocation::ByValue, Allocation::ByQuantity]),
            memo: String::new(),
            billed_at: Some(self.at()),
        })
    }

    pub fn bill(&mut self) -> Command {
        let Some(receipt) = self.earlier(DocumentKind::PurchaseReceipt) else {
            return self.receipt();
        };
        let mut lines = vec![self.billed_goods(&receipt)];
        if self.dice.once_in(4) {
            lines.push(BillLineInput {
                account: Some("bank-charges".into()),
                cost_centre: self.dice.once_in(2).then(|| COST_CENTRE.into()),
                amount_minor: Some(self.dice.between(-500, 2_000)),
                tax: self.tax(),
                ..BillLineInput::default()
            });
        }
        Command::PostBill(PostBill {
            reference: None,
            number: None,
            series: None,
            supplier: receipt.party,
            currency: receipt.currency,
            billed_at: Some(self.at()),
            due_at: None,
            prices_include_tax: self.dice.once_in(3),
            memo: String::new(),
            lines,
        })
    }

    /// All that came with a receipt, or so much of it: as it was received, or at another price; below zero where it went back.
    fn billed_goods(&mut self, receipt: &Posted) -> BillLineInput {
        let whole = self.dice.once_in(3);
        let quantity_micro = *self.dice.of(&[-2, 1, 2, 5, 8]) * PIECE;
        let amount = self.dice.between(0, 9_000) * quantity_micro.signum();
        BillLineInput {
            receipt: Some(Arc::clone(&receipt.number)),
            product: (!whole).then(|| self.one_of(&receipt.products)),
            quantity_micro: (!whole).then_some(quantity_micro),
            amount_minor: (!whole && self.dice.once_in(2)).then_some(amount),
            ..BillLineInput::default()
        }
    }
}
