//! Lines whose quantity may be in another unit than the product's own.

use std::sync::Arc;

use cortex_types::Unit;
use rust_decimal::Decimal;

use super::{
    AdjustmentLineInput, BillLineInput, Command, CreditLineInput, InvoiceLineInput, LinePrice, OpeningStockInput,
    QuantityInput, ReceiptLineInput,
};

pub(crate) trait Measured {
    fn product(&self) -> Option<&Arc<str>>;
    /// `None` where it is the product's own.
    fn unit(&self) -> Option<&Unit>;
    /// `None` where everything is meant.
    fn quantity_micro(&self) -> Option<i64>;
    /// The same quantity in the product's own unit.
    fn restate(&mut self, quantity_micro: i64);
    /// Of one of its unit.
    fn unit_price(&self) -> Option<Decimal> {
        None
    }
    /// What the whole line costs, in place of the price of one.
    fn set_net(&mut self, _minor: i64) {}
}

macro_rules! measured {
    ($($line:ident),+) => {$(
        impl Measured for $line {
            fn product(&self) -> Option<&Arc<str>> {
                Some(&self.product)
            }

            fn unit(&self) -> Option<&Unit> {
                self.unit.as_ref()
            }

            fn quantity_micro(&self) -> Option<i64> {
                Some(self.quantity_micro)
            }

            fn restate(&mut self, quantity_micro: i64) {
                (self.quantity_micro, self.unit) = (quantity_micro, None);
            }
        }
    )+};
}

measured!(AdjustmentLineInput, OpeningStockInput, QuantityInput, ReceiptLineInput);

impl Measured for InvoiceLineInput {
    fn product(&self) -> Option<&Arc<str>> {
        Some(&self.product)
    }

    fn unit(&self) -> Option<&Unit> {
        self.unit.as_ref()
    }

    fn quantity_micro(&self) -> Option<i64> {
        Some(self.quantity_micro)
    }

    fn restate(&mut self, quantity_micro: i64) {
        (self.quantity_micro, self.unit) = (quantity_micro, None);
    }

    fn unit_price(&self) -> Option<Decimal> {
        match self.price {
            LinePrice::Unit(price) => Some(price),
            LinePrice::Net(_) | LinePrice::List => None,
        }
    }

    fn set_net(&mut self, minor: i64) {
        self.price = LinePrice::Net(minor);
    }
}

impl Measured for BillLineInput {
    fn product(&self) -> Option<&Arc<str>> {
        self.product.as_ref()
    }

    fn unit(&self) -> Option<&Unit> {
        self.unit.as_ref()
    }

    fn quantity_micro(&self) -> Option<i64> {
        self.quantity_micro
    }

    fn restate(&mut self, quantity_micro: i64) {
        (self.quantity_micro, self.unit) = (Some(quantity_micro), None);
    }
}

/// The lines of all documents that have any; the arms differ in how they are borrowed alone.
macro_rules! lines_of {
    ($command:expr, $iter:ident, $line:ty, $of_note:expr) => {
        match $command {
            Command::PostInvoice(of) => of.lines.$iter().map(|line| line as $line).collect(),
            Command::PostCreditNote(of) => of.lines.$iter().map($of_note).collect(),
            Command::PlaceOrder(of) => of.lines.$iter().map(|line| line as $line).collect(),
            Command::DeliverGoods(of) => of.lines.$iter().map(|line| line as $line).collect(),
            Command::ReceiveGoods(of) => of.lines.$iter().map(|line| line as $line).collect(),
            Command::ReturnGoods(of) => of.lines.$iter().map(|line| line as $line).collect(),
            Command::PostBill(of) => of.lines.$iter().map(|line| line as $line).collect(),
            Command::AdjustStock(of) => of.lines.$iter().map(|line| line as $line).collect(),
            Command::CountStock(of) => of.lines.$iter().map(|line| line as $line).collect(),
            Command::TransferStock(of) => of.lines.$iter().map(|line| line as $line).collect(),
            Command::OpenBalances(of) => of.stock.$iter().map(|line| line as $line).collect(),
            _ => Vec::new(),
        }
    };
}

impl Command {
    /// Its lines that have quantities, in their order.
    pub(crate) fn measured(&self) -> Vec<&dyn Measured> {
        lines_of!(self, iter, &dyn Measured, |line: &CreditLineInput| &line.line as _)
    }

    pub(crate) fn measured_mut(&mut self) -> Vec<&mut dyn Measured> {
        lines_of!(self, iter_mut, &mut dyn Measured, |line: &mut CreditLineInput| {
            &mut line.line as _
        })
    }

    /// What the caller calls them.
    pub(crate) const fn measured_name(&self) -> &'static str {
        match self {
            Self::OpenBalances(_) => "stock",
            _ => "lines",
        }
    }
}
