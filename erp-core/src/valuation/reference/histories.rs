//! Random histories: draws become documents that make sense after what was posted before.

use cortex_types::{StockMoveId, Timestamp};
use proptest::prelude::*;
use proptest::sample::Index;

use super::super::{Entry, Method, StandardCost};
use super::Model;
use super::cases::{MAIN, SHOP, day, moved, noon, standard, undo};
use crate::{Cost, MoveReason};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Receipt,
    Found,
    Sale,
    Return,
    /// What came back leaves again.
    ReturnReversed,
    SupplierReturn,
    Transfer,
    LandedCost,
    StandardCost,
    Cancellation,
}

/// What chance says of a document.
#[derive(Clone, Debug)]
pub struct Draw {
    pub kind: Kind,
    /// How many days it is; behind the newest move where it is not `backdated`.
    pub days: i64,
    pub backdated: bool,
    pub location: &'static str,
    pub other_location: bool,
    /// Quantities and values.
    pub lines: Vec<(i64, i64)>,
    /// Which of what was posted before it refers to.
    pub picks: [Index; 2],
    pub choice: bool,
    /// Which locations may go below zero.
    pub may_go_below_zero: [bool; 2],
}

impl Draw {
    pub fn allows(&self, location: &str) -> bool {
        self.may_go_below_zero[usize::from(location == SHOP)]
    }
}

pub fn any_draw(may_go_below_zero: impl Strategy<Value = bool> + Clone) -> impl Strategy<Value = Draw> {
    let kind = prop_oneof![
        6 => Just(Kind::Receipt),
        1 => Just(Kind::Found),
        8 => Just(Kind::Sale),
        3 => Just(Kind::Return),
        2 => Just(Kind::ReturnReversed),
        3 => Just(Kind::SupplierReturn),
        3 => Just(Kind::Transfer),
        3 => Just(Kind::LandedCost),
        1 => Just(Kind::StandardCost),
        3 => Just(Kind::Cancellation),
    ];
    let when = prop_oneof![
        4 => (0_i64..4).prop_map(|days| (days, false)),
        // Often the same days, and the first days of months among them.
        5 => prop_oneof![Just(0_i64), Just(7), Just(14), Just(31), Just(32), Just(60), Just(61), Just(91), Just(110)]
            .prop_map(|days| (days, true)),
        3 => (0_i64..121).prop_map(|days| (days, true)),
    ];
    let location = prop_oneof![3 => Just(MAIN), 1 => Just(SHOP)];
    let value = prop_oneof![1 => Just(0_i64), 9 => 0_i64..=1000];
    let lines = proptest::collection::vec((1_i64..=20, value), 1..=3);
    let allowed = [may_go_below_zero.clone(), may_go_below_zero];
    (
        kind,
        when,
        location,
        any::<bool>(),
        lines,
        any::<[Index; 2]>(),
        any::<bool>(),
        allowed,
    )
        .prop_map(
            |(kind, (days, backdated), location, other_location, lines, picks, choice, may_go_below_zero)| Draw {
                kind,
                days,
                backdated,
                location,
                other_location,
                lines,
                picks,
                choice,
                may_go_below_zero,
            },
        )
}

#[derive(Clone, Debug)]
pub struct Document {
    pub kind: Kind,
    pub moves: Vec<Entry>,
    pub standard: Option<StandardCost>,
    /// Place of the document that it cancels.
    pub cancels: Option<usize>,
}

/// What was posted, and what may come after it.
#[derive(Clone, Debug)]
pub struct History {
    pub model: Model,
    pub documents: Vec<Document>,
    cancelled: Vec<usize>,
}

impl History {
    /// Standard cost has been there from the beginning.
    pub fn new(method: Method, (value_minor, quantity_micro): (i64, i64)) -> Self {
        let mut model = Model::new(method);
        if method == Method::Standard {
            model
                .standards
                .push(standard(Timestamp::MIN, value_minor, quantity_micro));
        }
        Self {
            model,
            documents: Vec::new(),
            cancelled: Vec::new(),
        }
    }

    pub fn post(&mut self, document: &Document) {
        self.model.standards.extend(document.standard);
        self.model.post(&document.moves);
        self.cancelled.extend(document.cancels);
        self.documents.push(document.clone());
    }

    /// The document that a draw stands for; `None` where there is nothing that it could refer to.
    pub fn document(&self, draw: &Draw) -> Option<Document> {
        let at = self.time_of(draw);
        let mut document = Document {
            kind: draw.kind,
            moves: Vec::new(),
            standard: None,
            cancels: None,
        };
        let number = |line: usize| 1 + (self.model.posted.len() + line) as u128;
        let all_lines = draw.lines.iter().enumerate();
        let (quantity, value) = draw.lines[0];
        let other = if draw.location == MAIN { SHOP } else { MAIN };
        match draw.kind {
            Kind::Receipt => document.moves.extend(all_lines.map(|(line, (quantity, minor))| {
                let cost = Cost::Given {
                    minor: *minor,
                    of: None,
                };
                moved(number(line), at, draw.location, *quantity, cost)
            })),
            Kind::Found => document
                .moves
                .push(moved(number(0), at, draw.location, quantity, Cost::Known)),
            Kind::Sale => document.moves.extend(all_lines.map(|(line, (quantity, _))| {
                let location = if draw.other_location && line == 1 {
                    other
                } else {
                    draw.location
                };
                moved(number(line), at, location, -quantity, Cost::ByMethod)
            })),
            Kind::Return => {
                let (sale, returned, left) = self.pick(draw, is_sale)?;
                let cost = Cost::Of {
                    of: sale.id,
                    offset_micro: returned,
                };
                document.moves.push(moved(
                    number(0),
                    at.max(sale.at),
                    draw.location,
                    quantity.min(left),
                    cost,
                ));
            }
            Kind::ReturnReversed => {
                let (returned, _, quantity) = self.pick(draw, |entry| {
                    entry.reason == MoveReason::Return && entry.quantity_micro > 0
                })?;
                let cost = Cost::Of {
                    of: returned.id,
                    offset_micro: 0,
                };
                let at = at.max(returned.at);
                let goes_again = moved(number(0), at, &returned.location, -quantity, cost);
                document.moves.push(goes_again);
            }
            Kind::SupplierReturn if draw.choice && draw.other_location => {
                let cost = Cost::Given { minor: value, of: None };
                document
                    .moves
                    .push(moved(number(0), at, draw.location, -quantity, cost));
            }
            Kind::SupplierReturn => {
                let (receipt, _, left) = self.pick(draw, is_receipt)?;
                let location = if draw.other_location {
                    draw.location
                } else {
                    &*receipt.location
                };
                let cost = Cost::Given {
                    minor: value,
                    of: Some(receipt.id),
                };
                document.moves.push(moved(
                    number(0),
                    at.max(receipt.at),
                    location,
                    -quantity.min(left),
                    cost,
                ));
            }
            Kind::Transfer => {
                let mut out = moved(number(0), at, draw.location, -quantity, Cost::ByMethod);
                let cost = Cost::Of {
                    of: out.id,
                    offset_micro: 0,
                };
                let mut into = moved(number(1), at, other, quantity, cost);
                (out.reason, into.reason) = (MoveReason::Transfer, MoveReason::Transfer);
                document.moves.extend([out, into]);
            }
            Kind::LandedCost => {
                for (line, (pick, (_, minor))) in draw.picks.iter().zip(&draw.lines).enumerate() {
                    let receipts: Vec<&Entry> = self.live().filter(|entry| is_receipt(entry)).collect();
                    let receipt = (!receipts.is_empty()).then(|| *pick.get(&receipts))?;
                    let cost = Cost::Added {
                        of: receipt.id,
                        of_quantity_micro: receipt.quantity_micro,
                        minor: minor - 300,
                    };
                    // A receipt in a closed period gets dearer later, another of the same bill at its own time.
                    let from = if draw.choice == (line == 0) {
                        receipt.at
                    } else {
                        at.max(receipt.at)
                    };
                    document
                        .moves
                        .push(moved(number(line), from, &receipt.location, 0, cost));
                }
            }
            Kind::StandardCost => {
                let from = match draw.other_location {
                    true => day(draw.days),
                    false => noon(draw.days),
                };
                if self.model.standards.iter().any(|there| there.from == from) {
                    return None;
                }
                document.standard = Some(standard(from, value, quantity));
                let locations = if draw.choice {
                    vec![MAIN, SHOP]
                } else {
                    vec![draw.location]
                };
                document.moves.extend(
                    locations
                        .into_iter()
                        .enumerate()
                        .map(|(line, location)| moved(number(line), from, location, 0, Cost::ByMethod)),
                );
            }
            Kind::Cancellation => {
                let places: Vec<usize> = (0..self.documents.len())
                    .filter(|place| self.can_cancel(*place))
                    .collect();
                let place = (!places.is_empty()).then(|| *draw.picks[0].get(&places))?;
                let moves = self.documents[place].moves.iter().enumerate();
                document
                    .moves
                    .extend(moves.map(|(line, entry)| undo(number(line), entry)));
                document.cancels = Some(place);
            }
        }
        Some(document)
    }

    fn time_of(&self, draw: &Draw) -> Timestamp {
        let newest = self.model.posted.iter().map(|entry| entry.at).max();
        match newest {
            Some(newest) if !draw.backdated => {
                Timestamp::from_micros(newest.micros() + day(draw.days).micros() - day(0).micros())
            }
            _ => day(draw.days),
        }
    }

    /// What was posted and neither cancelled nor cancels.
    fn live(&self) -> impl Iterator<Item = &Entry> {
        let is_live = |entry: &&Entry| {
            !self.model.cancelled.contains_key(&entry.id) && !matches!(entry.cost, Cost::Undone { .. })
        };
        self.model.posted.iter().filter(is_live)
    }

    /// A move of which something can come back: with how much did, and how much may.
    fn pick(&self, draw: &Draw, is_wanted: impl Fn(&Entry) -> bool) -> Option<(&Entry, i64, i64)> {
        let returned = |of: &Entry| -> i64 {
            let returns = self.live().filter(|entry| match entry.cost {
                Cost::Given { of: Some(target), .. } | Cost::Of { of: target, .. } => target == of.id,
                _ => false,
            });
            returns.map(|entry| entry.quantity_micro.abs()).sum()
        };
        let candidates = self.live().filter(|entry| is_wanted(entry)).map(|entry| {
            let returned = returned(entry);
            (entry, returned, entry.quantity_micro.abs() - returned)
        });
        let open: Vec<(&Entry, i64, i64)> = candidates.filter(|(_, _, left)| *left > 0).collect();
        (!open.is_empty()).then(|| *draw.picks[0].get(&open))
    }

    fn can_cancel(&self, place: usize) -> bool {
        let document = &self.documents[place];
        let is_own = |id| document.moves.iter().any(|entry| entry.id == id);
        let is_needed = self
            .live()
            .any(|entry| !is_own(entry.id) && entry.cost.refers_to().is_some_and(is_own));
        let stays = matches!(document.kind, Kind::Cancellation | Kind::StandardCost);
        !stays && !is_needed && !self.cancelled.contains(&place)
    }

    /// What was posted, to be read by a person.
    pub fn told(&self) -> String {
        let lines = self.model.posted.iter().map(|entry| {
            let days = (entry.at.micros() - day(0).micros()) as f64 / (day(1).micros() - day(0).micros()) as f64;
            let number = |id: StockMoveId| id.0.as_u128();
            let cost = match entry.cost {
                Cost::Of { of, offset_micro } => format!("as move {} behind {offset_micro}", number(of)),
                Cost::Added { of, minor, .. } => format!("{minor} more for move {}", number(of)),
                Cost::Undone { of } => format!("undoes move {}", number(of)),
                Cost::Given { minor, of } => format!("for {minor}, of move {:?}", of.map(number)),
                cost => format!("{cost:?}"),
            };
            let (id, quantity) = (number(entry.id), entry.quantity_micro);
            format!("  move {id}: day {days} {} {quantity:+} {cost}\n", entry.location)
        });
        format!(
            "{:?} {:?}\n{}",
            self.model.method,
            self.model.standards,
            lines.collect::<String>()
        )
    }
}

fn is_receipt(entry: &Entry) -> bool {
    entry.quantity_micro > 0 && matches!(entry.cost, Cost::Given { .. })
}

fn is_sale(entry: &Entry) -> bool {
    entry.quantity_micro < 0 && entry.reason == MoveReason::Sale
}
