//! Long random histories: whatever is done, in whatever order and however late, the books stay sound, and they are those of
//! the ledger in memory.

use std::collections::BTreeMap;
use std::sync::Arc;

use cortex_erp::valuation::Method;
use cortex_erp::{
    AddLandedCost, AdjustStock, AdjustmentLineInput, Allocation, BillLineInput, Cancel, ChangeOrder, Command,
    CountStock, CreateParty, CreateProduct, CreditLineInput, CreditReason, DefineLocation, DeliverGoods, DocumentKind,
    Erp, ErpConfig, ErpError, InvoiceLineInput, Known, LinePrice, MemoryLedger, NegativeStock, Order, OrderChange,
    OrderSide, OrderState, Page, PartyKind, PaymentDirection, Pending, PlaceOrder, PostBill, PostCreditNote,
    PostInvoice, ProductKind, QuantityInput, Receipt, ReceiptLineInput, ReceiveGoods, RecordPayment, Records,
    ReturnGoods, SetStandardCost, Span, TransferStock,
};
use cortex_store::sql;
use cortex_types::{Coded, Currency, SystemClock, Timestamp, Unit};
use futures::future::join_all;

use crate::company::{Company, PIECE, key};

const PRODUCTS: [(&str, Method); 3] = [
    ("AVG", Method::MovingAverage),
    ("FIFO", Method::Fifo),
    ("STD", Method::Standard),
];
/// Sent without waiting for each other, so that the sequencer makes groups of them.
const AT_ONCE: usize = 24;

/// Numbers that look random and are the same each time (SplitMix64).
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % end
    }

    fn between(&mut self, low: i64, high: i64) -> i64 {
        low + self.below((high - low + 1).unsigned_abs()).cast_signed()
    }

    fn of<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[usize::try_from(self.below(items.len() as u64)).unwrap()]
    }
}

struct History {
    dice: Dice,
    today: i64,
    /// What was posted and may be referred to, by kind.
    posted: Vec<(DocumentKind, Arc<str>)>,
}

impl History {
    /// Mostly today, sometimes up to two months before.
    fn at(&mut self) -> Timestamp {
        let late = if self.dice.below(4) == 0 {
            self.dice.between(1, 60)
        } else {
            0
        };
        let day = (self.today - late).max(0);
        let start: Timestamp = "2024-01-01".parse().unwrap();
        Timestamp::from_micros(start.micros() + day * 86_400_000_000)
    }

    fn product(&mut self) -> Arc<str> {
        self.dice.of(&PRODUCTS).0.into()
    }

    fn location(&mut self) -> Arc<str> {
        (*self.dice.of(&["main", "main", "shop"])).into()
    }

    fn earlier(&mut self, kind: DocumentKind) -> Option<Arc<str>> {
        let of_kind: Vec<_> = self.posted.iter().filter(|(of, _)| *of == kind).collect();
        let recent = &of_kind[of_kind.len().saturating_sub(40)..];
        (!recent.is_empty()).then(|| Arc::clone(&self.dice.of(recent).1))
    }

    fn quantities(&mut self) -> Vec<QuantityInput> {
        let count = self.dice.between(1, 2);
        (0..count)
            .map(|_| QuantityInput {
                unit: None,
                product: self.product(),
                quantity_micro: self.dice.between(1, 12) * PIECE,
            })
            .collect()
    }

    fn line(&mut self) -> InvoiceLineInput {
        InvoiceLineInput {
            tax: None,
            product: self.product(),
            quantity_micro: self.dice.between(1, 15) * PIECE,
            unit: None,
            price: LinePrice::Net(self.dice.between(0, 50_000)),
        }
    }

    fn next(&mut self) -> Command {
        if self.dice.below(12) == 0 {
            self.today += 1;
        }
        let (at, location) = (Some(self.at()), Some(self.location()));
        match self.dice.below(150) {
            0..30 => self.receipt(at, location),
            30..62 => self.sale(at, location),
            62..70 => self.come_back(at, location),
            70..74 => match self.earlier(DocumentKind::PurchaseReceipt) {
                None => self.sale(at, location),
                Some(receipt) => Command::ReturnGoods(ReturnGoods {
                    receipt,
                    memo: String::new(),
                    returned_at: at,
                    lines: self.quantities(),
                }),
            },
            74..78 => match self.earlier(DocumentKind::PurchaseReceipt) {
                None => self.receipt(at, location),
                Some(receipt) => Command::AddLandedCost(AddLandedCost {
                    supplier: "S1".into(),
                    currency: Currency::GBP,
                    amount_minor: self.dice.between(-300, 2_000),
                    receipts: vec![receipt],
                    allocation: *self.dice.of(&[Allocation::ByValue, Allocation::ByQuantity]),
                    memo: String::new(),
                    billed_at: at,
                }),
            },
            78..84 => Command::TransferStock(TransferStock {
                memo: String::new(),
                from: "main".into(),
                to: "shop".into(),
                moved_at: at,
                lines: self.quantities(),
            }),
            84..87 => Command::CountStock(CountStock {
                memo: String::new(),
                location,
                counted_at: at,
                lines: vec![QuantityInput {
                    unit: None,
                    product: self.product(),
                    quantity_micro: self.dice.between(0, 30) * PIECE,
                }],
            }),
            87..90 => self.adjustment(at, location),
            90..93 => Command::RecordPayment(RecordPayment {
                settles: None,
                number: None,
                party: "C1".into(),
                direction: PaymentDirection::In,
                amount_minor: self.dice.between(1, 9_999),
                currency: Currency::GBP,
                paid_at: at,
            }),
            93..94 => Command::SetStandardCost(SetStandardCost {
                product: "STD".into(),
                cost: format!("{}.{:03}", self.dice.between(0, 99), self.dice.between(1, 999))
                    .parse()
                    .unwrap(),
                from: at,
            }),
            94..106 => self.order(at, location),
            106..116 => self.delivery(at),
            116..124 => match self.earlier(DocumentKind::SalesOrder) {
                None => self.sale(at, location),
                Some(order) => self.invoice_of(order, at),
            },
            124..130 => match self.earlier(DocumentKind::PurchaseOrder) {
                None => self.receipt(at, location),
                Some(order) => self.receipt_of(order, at),
            },
            130..138 => match self.earlier(DocumentKind::PurchaseReceipt) {
                None => self.receipt(at, location),
                Some(receipt) => self.bill(receipt, at),
            },
            138..142 => {
                let side = *self.dice.of(&[OrderSide::Sales, OrderSide::Sales, OrderSide::Purchase]);
                let changes = [
                    OrderChange::Reserve,
                    OrderChange::Reserve,
                    OrderChange::Release,
                    OrderChange::Close,
                    OrderChange::Cancel,
                ];
                Command::ChangeOrder(ChangeOrder {
                    side,
                    number: self.earlier(side.kind()).unwrap_or_else(|| "SO-000001".into()),
                    change: *self.dice.of(&changes),
                })
            }
            _ => {
                let kind = *self.dice.of(&DocumentKind::ALL);
                Command::Cancel(Cancel {
                    kind,
                    number: self.earlier(kind).unwrap_or_else(|| "INV-000001".into()),
                    memo: String::new(),
                })
            }
        }
    }

    fn receipt(&mut self, received_at: Option<Timestamp>, location: Option<Arc<str>>) -> Command {
        Command::ReceiveGoods(ReceiveGoods {
            to_be_billed: self.dice.below(2) == 0,
            order: None,
            prices_include_tax: false,
            due_at: None,
            number: None,
            supplier: "S1".into(),
            currency: Currency::GBP,
            location,
            received_at,
            lines: (0..self.dice.between(1, 3))
                .map(|_| ReceiptLineInput {
                    unit: None,
                    tax: None,
                    product: self.product(),
                    quantity_micro: self.dice.between(1, 25) * PIECE,
                    value_minor: Some(self.dice.between(0, 20_000)),
                })
                .collect(),
        })
    }

    fn sale(&mut self, invoiced_at: Option<Timestamp>, location: Option<Arc<str>>) -> Command {
        Command::PostInvoice(PostInvoice {
            order: None,
            prices_include_tax: false,
            due_at: None,
            number: None,
            customer: Some("C1".into()),
            country: None,
            currency: Currency::GBP,
            location,
            invoiced_at,
            decision_id: None,
            lines: (0..self.dice.between(1, 3)).map(|_| self.line()).collect(),
        })
    }

    fn come_back(&mut self, credited_at: Option<Timestamp>, location: Option<Arc<str>>) -> Command {
        let invoice = if self.dice.below(4) == 0 {
            None
        } else {
            self.earlier(DocumentKind::SalesInvoice)
        };
        let mut line = self.line();
        line.price = LinePrice::Net(self.dice.between(0, 500));
        line.quantity_micro = self.dice.between(1, 4) * PIECE;
        let reason = *self
            .dice
            .of(&[CreditReason::Return, CreditReason::Return, CreditReason::Discount]);
        Command::PostCreditNote(PostCreditNote {
            prices_include_tax: false,
            number: None,
            customer: Some("C1".into()),
            country: None,
            currency: Currency::GBP,
            location,
            invoice,
            credited_at,
            lines: vec![CreditLineInput { line, reason }],
        })
    }

    fn order(&mut self, ordered_at: Option<Timestamp>, location: Option<Arc<str>>) -> Command {
        let side = *self.dice.of(&[OrderSide::Sales, OrderSide::Sales, OrderSide::Purchase]);
        Command::PlaceOrder(PlaceOrder {
            side,
            number: None,
            party: if side == OrderSide::Sales { "C1" } else { "S1" }.into(),
            currency: Currency::GBP,
            location,
            ordered_at,
            due_at: None,
            prices_include_tax: false,
            memo: String::new(),
            reserve: side == OrderSide::Sales && self.dice.below(2) == 0,
            lines: (0..self.dice.between(1, 4)).map(|_| self.line()).collect(),
        })
    }

    fn delivery(&mut self, delivered_at: Option<Timestamp>) -> Command {
        let order = self.earlier(DocumentKind::SalesOrder);
        let location = (self.dice.below(6) == 0).then(|| self.location());
        Command::DeliverGoods(DeliverGoods {
            number: None,
            order: order.unwrap_or_else(|| "SO-000001".into()),
            location,
            memo: String::new(),
            delivered_at,
            lines: if self.dice.below(3) == 0 {
                Vec::new()
            } else {
                self.quantities()
            },
        })
    }

    fn invoice_of(&mut self, order: Arc<str>, invoiced_at: Option<Timestamp>) -> Command {
        let count = self.dice.between(0, 2);
        let lines = (0..count).map(|_| {
            let mut line = self.line();
            line.quantity_micro = self.dice.between(1, 6) * PIECE;
            if self.dice.below(2) == 0 {
                line.price = LinePrice::List;
            }
            line
        });
        Command::PostInvoice(PostInvoice {
            order: Some(order),
            prices_include_tax: false,
            due_at: None,
            number: None,
            customer: None,
            country: None,
            currency: Currency::GBP,
            lines: lines.collect(),
            location: None,
            invoiced_at,
            decision_id: None,
        })
    }

    fn receipt_of(&mut self, order: Arc<str>, received_at: Option<Timestamp>) -> Command {
        let lines = (0..self.dice.between(0, 2)).map(|_| ReceiptLineInput {
            unit: None,
            tax: None,
            product: self.product(),
            quantity_micro: self.dice.between(1, 6) * PIECE,
            value_minor: (self.dice.below(2) == 0).then(|| self.dice.between(0, 9_999)),
        });
        Command::ReceiveGoods(ReceiveGoods {
            lines: lines.collect(),
            to_be_billed: self.dice.below(2) == 0,
            order: Some(order),
            prices_include_tax: false,
            due_at: None,
            number: None,
            supplier: "S1".into(),
            currency: Currency::GBP,
            location: None,
            received_at,
        })
    }

    fn bill(&mut self, receipt: Arc<str>, billed_at: Option<Timestamp>) -> Command {
        let whole = self.dice.below(3) == 0;
        let quantity_micro = *self.dice.of(&[-2, 1, 2, 5, 8]) * PIECE;
        let amount = self.dice.between(0, 9_000) * quantity_micro.signum();
        let goods = BillLineInput {
            receipt: Some(receipt),
            product: (!whole).then(|| self.product()),
            quantity_micro: (!whole).then_some(quantity_micro),
            amount_minor: (!whole && self.dice.below(2) == 0).then_some(amount),
            ..BillLineInput::default()
        };
        let freight = BillLineInput {
            account: Some("bank-charges".into()),
            amount_minor: Some(self.dice.between(-500, 2_000)),
            ..BillLineInput::default()
        };
        let lines = if self.dice.below(4) == 0 {
            vec![goods, freight]
        } else {
            vec![goods]
        };
        Command::PostBill(PostBill {
            reference: None,
            number: None,
            supplier: "S1".into(),
            currency: Currency::GBP,
            billed_at,
            due_at: None,
            prices_include_tax: false,
            memo: String::new(),
            lines,
        })
    }

    fn adjustment(&mut self, moved_at: Option<Timestamp>, location: Option<Arc<str>>) -> Command {
        let quantity_micro = *self.dice.of(&[-3, -1, 2, 5]) * PIECE;
        let valued = quantity_micro > 0 && self.dice.below(2) == 0;
        Command::AdjustStock(AdjustStock {
            memo: String::new(),
            location,
            moved_at,
            lines: vec![AdjustmentLineInput {
                unit: None,
                product: self.product(),
                quantity_micro,
                value_minor: valued.then_some(777),
            }],
        })
    }
}

fn beginnings() -> Vec<Command> {
    let party = |code: &str, kind| {
        Command::CreateParty(CreateParty {
            code: code.into(),
            kind,
            country: "France".into(),
            name_sealed: None,
            created_at: None,
        })
    };
    let mut commands = vec![
        party("C1", PartyKind::Customer),
        party("S1", PartyKind::Supplier),
        Command::DefineLocation(DefineLocation {
            code: "shop".into(),
            name: String::new(),
            negative_stock: NegativeStock::Refuse,
        }),
    ];
    for (code, valuation) in PRODUCTS {
        commands.push(Command::CreateProduct(CreateProduct {
            code: code.into(),
            description: code.to_owned(),
            kind: ProductKind::Goods,
            unit: Unit::each(),
            currency: Currency::GBP,
            list_price_minor: None,
            valuation: Some(valuation),
            standard_cost: (valuation == Method::Standard).then(|| "7.25".parse().unwrap()),
            created_at: Some("2024-01-01".parse().unwrap()),
        }));
    }
    commands
}

async fn all(erp: &Erp, company: &Company, from: usize, commands: &[Command]) -> Vec<Result<Receipt, ErpError>> {
    let submit = |(index, command): (usize, &Command)| {
        let key = key(format!("history-{}", from + index));
        erp.submit(&company.ctx, command.clone(), key, Known::ByClock).unwrap()
    };
    join_all(commands.iter().enumerate().map(submit).map(Pending::answer)).await
}

/// Quantity and value by product and location.
async fn stock(
    records: &dyn Records,
    company: &Company,
    before: Option<Timestamp>,
) -> BTreeMap<(Arc<str>, Arc<str>), (i64, i64)> {
    let stock = records
        .stock_on_hand(&company.ctx, before, &Page::default())
        .await
        .unwrap();
    let row = |row: cortex_erp::StockOnHand| ((row.product_code, row.location), (row.quantity_micro, row.value_minor));
    // A place that everything left, and one where nothing ever was, are the same.
    stock.into_iter().map(row).filter(|(_, held)| *held != (0, 0)).collect()
}

/// Number and state of orders, and of each line what was reserved, moved and billed.
async fn orders(
    records: &dyn Records,
    company: &Company,
    kind: DocumentKind,
) -> Vec<(Arc<str>, OrderState, Vec<(i64, i64, i64)>)> {
    let page = Page::new(None, 500);
    let orders = records.orders(&company.ctx, kind, None, &page).await.unwrap();
    let order = |order: Order| {
        let lines = order.lines.iter();
        let lines = lines.map(|line| (line.reserved_micro, line.moved_micro, line.billed_micro));
        (order.number, order.state, lines.collect())
    };
    orders.into_iter().map(order).collect()
}

async fn alike(company: &Company, memory: &MemoryLedger, today: i64) {
    let findings = company.ledger.verify(&company.ctx).await.unwrap();
    assert!(findings.is_empty(), "{findings:?}");
    // The shop's stock may not go below zero: what is set aside is there.
    let over = "SELECT count(*) FROM (SELECT product_id, sum(reserved_micro) AS reserved FROM order_lines \
                WHERE location = 'shop' AND reserved_micro <> 0 GROUP BY product_id) r \
                LEFT JOIN stock_levels l ON l.product_id = r.product_id AND l.location = 'shop' \
                WHERE r.reserved > coalesce(l.quantity_micro, 0)";
    let over: i64 = sql::query_scalar(over)
        .fetch_one(company.database.readers())
        .await
        .unwrap();
    assert_eq!(over, 0);
    for kind in [DocumentKind::SalesOrder, DocumentKind::PurchaseOrder] {
        let (kept, known) = (
            orders(&company.ledger, company, kind).await,
            orders(memory, company, kind).await,
        );
        assert_eq!(kept, known);
    }
    let start: Timestamp = "2024-01-01".parse().unwrap();
    let month_ago = Timestamp::from_micros(start.micros() + (today - 30) * 86_400_000_000);
    for before in [None, Some(month_ago)] {
        let kept = stock(&company.ledger, company, before).await;
        assert_eq!(kept, stock(memory, company, before).await, "before {before:?}");
        let span = Span { from: None, before };
        let balances = company
            .ledger
            .trial_balance(&company.ctx, span, cortex_erp::Closings::Counted);
        let known = memory.trial_balance(&company.ctx, span, cortex_erp::Closings::Counted);
        assert_eq!(balances.await.unwrap(), known.await.unwrap(), "before {before:?}");
    }
}

async fn history(seed: u64, documents: usize) {
    let company = Company::found().await;
    let memory = MemoryLedger::default();
    let in_memory = Erp::start(Arc::new(memory.clone()), Arc::new(SystemClock), &ErpConfig::default());
    let mut history = History {
        dice: Dice(seed),
        today: 0,
        posted: Vec::new(),
    };
    let mut commands = beginnings();
    let (mut sent, mut posted) = (0, 0);
    while posted < documents {
        let (kept, known) = (
            all(&company.erp, &company, sent, &commands).await,
            all(&in_memory, &company, sent, &commands).await,
        );
        for ((kept, known), command) in kept.iter().zip(&known).zip(&commands) {
            match (kept, known) {
                (Ok(kept), Ok(known)) => {
                    assert_eq!(
                        (&kept.number, kept.amount_minor, &kept.entry),
                        (&known.number, known.amount_minor, &known.entry),
                        "seed {seed}, {command:?}"
                    );
                    posted += 1;
                    history.posted.push((kept.kind, Arc::clone(&kept.number)));
                }
                (Err(kept), Err(known)) => {
                    assert_eq!(kept.code(), known.code(), "seed {seed}, {command:?}: {kept}, {known}")
                }
                _ => panic!("seed {seed}, {command:?}: {kept:?} on the database, {known:?} in memory"),
            }
        }
        sent += commands.len();
        if sent % (AT_ONCE * 20) < AT_ONCE {
            alike(&company, &memory, history.today).await;
        }
        commands = (0..AT_ONCE).map(|_| history.next()).collect();
    }
    alike(&company, &memory, history.today).await;
    company.comes_of_its_commands().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_is_done_and_however_late_the_books_are_sound() {
    for seed in 1..=3 {
        history(seed, 500).await;
    }
}
