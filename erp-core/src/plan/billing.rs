//! The lines of a bill in the making: goods of receipts, and other things on their accounts.

use std::sync::Arc;

use cortex_types::{LineId, Timestamp};
use rust_decimal::Decimal;

use super::sales_lines::field;
use super::unbilled::Unbilled;
use crate::limits::{check_amount, check_quantity};
use crate::valuation::share;
use crate::{
    BillLineInput, Books, DocumentKind, ErpError, MoveReason, PostBill, PostedDocument, Product, PurchaseBillLine,
    Role, StockMove, ids,
};

pub(super) struct Billing<'a> {
    command: &'a PostBill,
    books: &'a Books,
    at: Timestamp,
    unbilled: Unbilled<'a>,
    lines: Vec<BillLine<'a>>,
}

pub(super) struct BillLine<'a> {
    pub net_minor: i64,
    pub tax: Option<Arc<str>>,
    pub of: Billed<'a>,
}

pub(super) enum Billed<'a> {
    Account {
        code: Arc<str>,
        cost_centre: Option<Arc<str>>,
    },
    Goods(BilledGoods<'a>),
}

pub(super) struct BilledGoods<'a> {
    pub number: Arc<str>,
    pub receipt: &'a PostedDocument,
    pub moved: &'a StockMove,
    pub product: &'a Product,
    pub quantity_micro: i64,
    /// What it was received for, in the currency of the bill.
    pub received_minor: i64,
    /// What of it stands on goods received for this.
    pub cleared_minor: i64,
}

impl BillLine<'_> {
    pub fn posted(&self, line_no: u32) -> PurchaseBillLine {
        let bare = PurchaseBillLine {
            id: LineId(ids::next()),
            line_no,
            receipt: None,
            of_move: None,
            product_code: None,
            quantity_micro: 0,
            cleared_minor: 0,
            account: None,
            cost_centre: None,
            net_minor: self.net_minor,
            tax: self.tax.clone(),
        };
        match &self.of {
            Billed::Account { code, cost_centre } => PurchaseBillLine {
                account: Some(Arc::clone(code)),
                cost_centre: cost_centre.clone(),
                ..bare
            },
            Billed::Goods(of) => PurchaseBillLine {
                receipt: Some(Arc::clone(&of.number)),
                of_move: Some(of.moved.id),
                product_code: Some(Arc::clone(&of.moved.product_code)),
                quantity_micro: of.quantity_micro,
                cleared_minor: of.cleared_minor,
                ..bare
            },
        }
    }
}

impl<'a> Billing<'a> {
    /// All lines of a bill.
    pub fn lines(command: &'a PostBill, books: &'a Books, at: Timestamp) -> Result<Vec<BillLine<'a>>, ErpError> {
        let mut billing = Self {
            command,
            books,
            at,
            unbilled: Unbilled::new(books),
            lines: Vec::new(),
        };
        for (index, line) in command.lines.iter().enumerate() {
            billing.add(index, line)?;
        }
        Ok(billing.lines)
    }

    fn add(&mut self, index: usize, line: &'a BillLineInput) -> Result<(), ErpError> {
        if let Some(amount) = line.amount_minor {
            check_amount(&field(index, "amount"), amount)?;
        }
        match (&line.receipt, &line.account) {
            (Some(receipt), None) => self.goods(index, line, receipt),
            (None, Some(account)) => self.account(index, line, account),
            _ => Err(ErpError::invalid(
                field(index, "receipt"),
                "a line is for goods of a receipt, or on an account: name one of them",
            )),
        }
    }

    fn account(&mut self, index: usize, line: &BillLineInput, account: &str) -> Result<(), ErpError> {
        let refused = |name: &str, problem: String| Err(ErpError::invalid(field(index, name), problem));
        if line.product.is_some() || line.quantity_micro.is_some() {
            return refused("product", "is for goods of a receipt: name the receipt".to_owned());
        }
        let Some(net_minor) = line.amount_minor else {
            return refused("amount", "say what is billed".to_owned());
        };
        let account = self.books.chart.account(account)?;
        if account.role.is_some_and(Role::is_control) {
            let problem = format!("'{}' is the sum of other records: name another account", account.code);
            return refused("account", problem);
        }
        if account.blocked {
            return refused(
                "account",
                format!("'{}' is blocked: nothing more is posted to it", account.code),
            );
        }
        let centre = line.cost_centre.as_ref();
        let centre = centre.map(|code| self.books.cost_centre(&field(index, "cost_centre"), code));
        self.lines.push(BillLine {
            net_minor,
            tax: line.tax.clone(),
            of: Billed::Account {
                code: Arc::clone(&account.code),
                cost_centre: centre.transpose()?.cloned(),
            },
        });
        Ok(())
    }

    fn goods(&mut self, index: usize, line: &'a BillLineInput, number: &'a Arc<str>) -> Result<(), ErpError> {
        let books = self.books;
        let refused = |name: &str, problem: String| Err(ErpError::invalid(field(index, name), problem));
        if line.cost_centre.is_some() {
            return refused("cost_centre", "is for lines on an account".to_owned());
        }
        if line.quantity_micro.is_some() && line.product.is_none() {
            return refused("product", "say which product the quantity is of".to_owned());
        }
        if line.amount_minor.is_none() && self.command.prices_include_tax {
            return refused(
                "amount",
                "prices include their taxes: say what is billed with them".to_owned(),
            );
        }
        let receipt = self.receipt(index, number)?;
        let product = line.product.as_ref();
        let came = receipt.moves.iter().map(|(moved, _)| moved);
        let came = came.filter(|moved| {
            moved.reason == MoveReason::Receipt && product.is_none_or(|code| *code == moved.product_code)
        });
        let mut parts: Vec<BilledGoods<'a>> = Vec::new();
        let mut wanted = line.quantity_micro;
        if let Some(quantity_micro) = wanted {
            check_quantity(&field(index, "quantity"), quantity_micro)?;
            if quantity_micro == 0 {
                return refused("quantity", "must not be zero".to_owned());
            }
        }
        for moved in came {
            let (open, open_worth) = self.unbilled.of(moved);
            let quantity_micro = match wanted {
                None => open,
                Some(wanted) if wanted > 0 => wanted.min(open).max(0),
                Some(wanted) => wanted.max(open).min(0),
            };
            if quantity_micro == 0 {
                continue;
            }
            wanted = wanted.map(|wanted| wanted - quantity_micro);
            let cleared_minor = proportion(open_worth, quantity_micro, open)?;
            let before_micro = moved.quantity_micro - open;
            self.unbilled.take(moved, quantity_micro, cleared_minor);
            let of_line = receipt.lines.iter().find(|of| of.line_no == moved.line_no);
            let received = of_line.map_or(0, |of| of.net_minor);
            let until = share(received, before_micro + quantity_micro, moved.quantity_micro)?;
            parts.push(BilledGoods {
                number: Arc::clone(number),
                receipt,
                moved,
                product: books.product(&moved.product_code, self.command.currency)?,
                quantity_micro,
                received_minor: until - share(received, before_micro, moved.quantity_micro)?,
                cleared_minor,
            });
        }
        if let Some(left) = wanted.filter(|left| *left != 0) {
            let open = Decimal::new(line.quantity_micro.unwrap_or(0) - left, 6).normalize();
            return refused("quantity", format!("of '{number}', {open} are not billed"));
        }
        if let Some(code) = product.filter(|code| !receipt.moves.iter().any(|(moved, _)| moved.product_code == **code))
        {
            return refused("product", format!("'{code}' did not come with '{number}'"));
        }
        if parts.is_empty() {
            return refused("receipt", format!("nothing of '{number}' is left to bill"));
        }
        self.price(index, line, parts)
    }

    /// Each part what the receipt said, or as much more or less as the line costs more or less than that.
    fn price(&mut self, index: usize, line: &BillLineInput, parts: Vec<BilledGoods<'a>>) -> Result<(), ErpError> {
        let goods_in_its_currency = self.books.goods_currency(self.command.currency) == self.command.currency;
        // In the currency of the goods it is what stands on goods received, to the penny.
        let received = |part: &BilledGoods<'_>| match goods_in_its_currency {
            true => part.cleared_minor,
            false => part.received_minor,
        };
        let quantity: i64 = parts.iter().map(|part| part.quantity_micro).sum();
        let worth: i64 = parts.iter().map(received).sum();
        let mixed = parts
            .iter()
            .any(|part| part.quantity_micro.signum() != quantity.signum());
        if line.amount_minor.is_some() && mixed {
            let problem = "is for goods that came and for goods that went back: give a line to each product";
            return Err(ErpError::invalid(field(index, "amount"), problem));
        }
        if line
            .amount_minor
            .is_some_and(|amount| amount != 0 && amount.signum() != quantity.signum())
        {
            let problem = "must be above zero for goods that came, and below zero for goods that went back";
            return Err(ErpError::invalid(field(index, "amount"), problem));
        }
        let (mut sum, mut before) = (0, 0);
        for part in parts {
            let (weight, whole) = match worth {
                0 => (part.quantity_micro, quantity),
                worth => (received(&part), worth),
            };
            sum += weight;
            let net_minor = match line.amount_minor {
                Some(amount) => {
                    let until = proportion(amount, sum, whole)?;
                    let net_minor = until - before;
                    before = until;
                    net_minor
                }
                None => received(&part),
            };
            let of_receipt = part.receipt.lines.iter().find(|of| of.line_no == part.moved.line_no);
            self.lines.push(BillLine {
                net_minor,
                tax: line.tax.clone().or_else(|| of_receipt.and_then(|of| of.tax.clone())),
                of: Billed::Goods(part),
            });
        }
        Ok(())
    }

    fn receipt(&self, index: usize, number: &'a Arc<str>) -> Result<&'a PostedDocument, ErpError> {
        let refused = |problem: String| Err(ErpError::invalid(field(index, "receipt"), problem));
        let receipt = self.books.posted(DocumentKind::PurchaseReceipt, number)?;
        if let Some(cancellation) = &receipt.cancelled_by {
            return refused(format!("'{number}' was cancelled, by {cancellation}"));
        }
        if receipt.party.as_ref() != Some(&self.command.supplier) {
            return refused(format!("'{number}' is of another supplier"));
        }
        receipt.check_goods_free("billed_at", self.at)?;
        if !receipt.to_be_billed {
            return refused(format!("'{number}' was billed when it came"));
        }
        if receipt.currency != self.command.currency {
            return Err(ErpError::WrongCurrency {
                what: format!("receipt '{number}'"),
                kept: receipt.currency,
                document: self.command.currency,
            });
        }
        Ok(receipt)
    }
}

/// [`share`] for amounts and quantities that may be below zero.
pub(super) fn proportion(value: i64, part: i64, whole: i64) -> Result<i64, ErpError> {
    Ok(share(value * whole.signum(), part, whole.abs())?)
}
