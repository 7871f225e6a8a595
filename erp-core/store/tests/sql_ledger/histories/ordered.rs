//! Orders, and what comes of them.

use cortex_erp::{
    ChangeOrder, Command, DeliverGoods, DocumentKind, OrderChange, OrderSide, PlaceOrder, PostInvoice, ReceiveGoods,
};

use super::history::History;

impl History {
    pub fn order(&mut self) -> Command {
        let side = self.side();
        let mut lines = self.lines(side == OrderSide::Sales);
        if side == OrderSide::Purchase {
            // List prices are what customers pay.
            for line in lines
                .iter_mut()
                .filter(|line| line.price == cortex_erp::LinePrice::List)
            {
                line.price = cortex_erp::LinePrice::Net(self.dice.between(0, 9_000));
            }
        }
        Command::PlaceOrder(PlaceOrder {
            side,
            number: None,
            series: None,
            party: match side {
                OrderSide::Sales => self.customer(),
                OrderSide::Purchase => self.supplier(),
            },
            currency: self.currency(),
            location: self.location(),
            ordered_at: Some(self.at()),
            due_at: None,
            prices_include_tax: self.dice.once_in(3),
            memo: String::new(),
            reserve: side == OrderSide::Sales && self.dice.once_in(2),
            lines,
        })
    }

    pub fn delivery(&mut self) -> Command {
        let Some(order) = self.earlier(DocumentKind::SalesOrder) else {
            return self.order();
        };
        let whole = self.dice.once_in(3);
        Command::DeliverGoods(DeliverGoods {
            number: None,
            series: None,
            location: self.dice.once_in(6).then(|| self.location()).flatten(),
            memo: String::new(),
            delivered_at: Some(self.at()),
            lines: if whole {
                Vec::new()
            } else {
                self.quantities(&order.products, 6)
            },
            order: order.number,
        })
    }

    pub fn invoice_of_order(&mut self) -> Command {
        let Some(order) = self.earlier(DocumentKind::SalesOrder) else {
            return self.order();
        };
        let lines = (0..self.dice.between(0, 2)).map(|_| {
            let mut line = self.line(false);
            line.product = self.one_of(&order.products);
            (line.quantity_micro, line.unit) = self.quantity_of(&line.product, 6);
            if self.dice.once_in(2) {
                line.price = cortex_erp::LinePrice::List;
            }
            line
        });
        Command::PostInvoice(PostInvoice {
            lines: lines.collect(),
            order: Some(order.number),
            prices_include_tax: false,
            due_at: None,
            number: None,
            series: None,
            customer: None,
            country: None,
            currency: order.currency,
            location: None,
            invoiced_at: Some(self.at()),
            decision_id: None,
        })
    }

    pub fn receipt_of_order(&mut self) -> Command {
        let Some(order) = self.earlier(DocumentKind::PurchaseOrder) else {
            return self.order();
        };
        let lines = (0..self.dice.between(0, 2)).map(|_| {
            let valued = self.dice.once_in(2);
            let mut line = self.receipt_line(6, valued);
            line.product = self.one_of(&order.products);
            (line.quantity_micro, line.unit) = self.quantity_of(&line.product, 6);
            line
        });
        Command::ReceiveGoods(ReceiveGoods {
            lines: lines.collect(),
            to_be_billed: self.dice.once_in(2),
            order: Some(order.number),
            prices_include_tax: false,
            due_at: None,
            number: None,
            series: None,
            supplier: order.party,
            currency: order.currency,
            location: None,
            received_at: Some(self.at()),
        })
    }

    pub fn order_change(&mut self) -> Command {
        let side = self.side();
        let changes = [
            OrderChange::Reserve,
            OrderChange::Reserve,
            OrderChange::Reserve,
            OrderChange::Release,
            OrderChange::Close,
            OrderChange::Cancel,
        ];
        let order = self.earlier(side.kind());
        Command::ChangeOrder(ChangeOrder {
            side,
            number: order.map_or_else(|| "SO-000001".into(), |order| order.number),
            change: *self.dice.of(&changes),
        })
    }
}
