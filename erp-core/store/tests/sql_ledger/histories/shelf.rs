//! What happens to goods without a sale or a purchase.

use cortex_erp::{
    AdjustStock, AdjustmentLineInput, Command, CountStock, JournalLineInput, OpenBalances, OpeningStockInput,
    QuantityInput, SetReorderRule, SetStandardCost, TransferStock,
};

use super::history::History;
use crate::company::PIECE;

impl History {
    pub fn transfer(&mut self) -> Command {
        let (from, to) = *self.dice.of(&[
            ("main", "shop"),
            ("main", "shop"),
            ("main", "depot"),
            ("shop", "depot"),
            ("depot", "main"),
        ]);
        Command::TransferStock(TransferStock {
            memo: String::new(),
            from: from.into(),
            to: to.into(),
            moved_at: Some(self.at()),
            lines: self.quantities(&[], 12),
        })
    }

    pub fn count(&mut self) -> Command {
        let product = self.good();
        let (quantity_micro, unit) = match self.dice.once_in(5) {
            true => (0, None),
            false => self.quantity_of(&product, 30),
        };
        Command::CountStock(CountStock {
            memo: String::new(),
            location: self.location(),
            counted_at: Some(self.at()),
            lines: vec![QuantityInput {
                product,
                quantity_micro,
                unit,
            }],
        })
    }

    pub fn adjustment(&mut self) -> Command {
        let quantity_micro = *self.dice.of(&[-3, -1, 2, 5]) * PIECE;
        let valued = quantity_micro > 0 && self.dice.once_in(2);
        Command::AdjustStock(AdjustStock {
            memo: String::new(),
            location: self.location(),
            moved_at: Some(self.at()),
            lines: vec![AdjustmentLineInput {
                unit: None,
                product: self.good(),
                quantity_micro,
                value_minor: valued.then_some(777),
            }],
        })
    }

    pub fn standard_cost(&mut self) -> Command {
        let cost = format!("{}.{:03}", self.dice.between(0, 99), self.dice.between(1, 999));
        Command::SetStandardCost(SetStandardCost {
            product: "STD".into(),
            cost: cost.parse().unwrap(),
            from: Some(self.at()),
        })
    }

    pub fn reorder_rule(&mut self) -> Command {
        Command::SetReorderRule(SetReorderRule {
            product: self.good(),
            location: self.location(),
            point_micro: self.dice.between(0, 9) * PIECE,
            up_to_micro: self.dice.between(10, 40) * PIECE,
            lot_micro: self.dice.once_in(2).then_some(6 * PIECE),
            supplier: Some(self.supplier()),
        })
    }

    pub fn opening_balance(&mut self) -> Command {
        let product = self.good();
        let (quantity_micro, unit) = self.quantity_of(&product, 20);
        let stock = OpeningStockInput {
            product,
            location: self.location(),
            quantity_micro,
            unit,
            value_minor: self.dice.between(0, 9_000),
        };
        let line = JournalLineInput {
            account: "bank".to_owned(),
            debit_minor: self.dice.between(1, 9_000),
            ..JournalLineInput::default()
        };
        Command::OpenBalances(OpenBalances {
            memo: String::new(),
            currency: self.currency(),
            opened_at: Some(self.at()),
            lines: if self.dice.once_in(2) { vec![line] } else { Vec::new() },
            stock: vec![stock],
        })
    }
}
