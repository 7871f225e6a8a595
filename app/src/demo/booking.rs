//! A simulated day, as commands to the ERP: what is received, sold, credited and paid, in the order in which it happened.

use std::collections::BTreeSet;
use std::sync::Arc;

use cortex_erp::import::online_retail::RetailHistory;
use cortex_erp::{
    Command, CreateParty, CreateProduct, CreditLineInput, Erp, IdempotencyKey, InvoiceLineInput, Known, LinePrice,
    PartyKind, PaymentDirection, PostCreditNote, PostInvoice, ProductKind, ReceiptLineInput, ReceiveGoods,
    RecordPayment, Settle,
};
use cortex_types::{Currency, RequestContext, Timestamp, Unit};

use super::business::Traded;
use super::simulator::{
    CashSale, CreditNote, CreditReason, CustomerNo, DayEvents, Direction, DirtyRow, Invoice, Payment, PaymentParty,
    Receipt, SaleLine, Simulator,
};

const POSTAGE: &str = "POST";
const MICROS_PER_PIECE: i64 = 1_000_000;
/// Commands that wait for their commit at one time.
const IN_FLIGHT: usize = 256;
const HEADER: &str = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n";

/// Books days; knows which masters the ERP has already.
pub struct Booking {
    currency: Currency,
    masters: Vec<(String, Command)>,
    customers: BTreeSet<CustomerNo>,
}

impl Booking {
    /// Products and suppliers are created with the first day.
    #[must_use]
    pub fn new(simulator: &Simulator, currency: Currency) -> Self {
        let product = |code: String, description: String, kind, price| {
            let command = CreateProduct {
                code: code.as_str().into(),
                description,
                kind,
                unit: Unit::each(),
                currency,
                list_price_minor: price,
                valuation: None,
                standard_cost: None,
                created_at: None,
            };
            (format!("demo/product/{code}"), Command::CreateProduct(command))
        };
        let goods = simulator.products().iter().map(|item| {
            product(
                item.no.code(),
                item.description.to_string(),
                ProductKind::Goods,
                Some(item.list_price_minor),
            )
        });
        let suppliers = simulator
            .suppliers()
            .iter()
            .map(|supplier| party(&supplier.no.code(), PartyKind::Supplier, "United Kingdom"));
        let postage = product(POSTAGE.to_owned(), "POSTAGE".to_owned(), ProductKind::Service, None);
        Self {
            currency,
            masters: goods
                .chain([postage, party("WALK-IN", PartyKind::WalkIn, "United Kingdom")])
                .chain(suppliers)
                .collect(),
            customers: BTreeSet::new(),
        }
    }

    /// Posts one day; when it returns, all of it is durable.
    pub async fn book(
        &mut self,
        erp: &Erp,
        ctx: &RequestContext,
        simulator: &Simulator,
        events: &DayEvents,
    ) -> anyhow::Result<Traded> {
        let opens = Timestamp::from(events.date.and_time(chrono::NaiveTime::MIN).and_utc());
        let mut commands: Vec<(Timestamp, String, Command)> = self
            .masters
            .drain(..)
            .map(|(key, command)| (opens, key, command))
            .collect();
        for invoice in &events.invoices {
            if self.customers.insert(invoice.customer) {
                let (key, command) = party(&invoice.customer.code(), PartyKind::Customer, invoice.country);
                commands.push((opens, key, command));
            }
        }
        commands.extend(events.receipts.iter().map(|receipt| self.receipt(receipt)));
        commands.extend(events.invoices.iter().map(|invoice| self.invoice(invoice)));
        commands.extend(events.cash_sales.iter().map(|sale| self.cash_sale(sale)));
        commands.extend(events.credit_notes.iter().map(|note| self.credit_note(note)));
        commands.extend(events.payments.iter().map(|payment| self.payment(payment)));
        commands.sort_by_key(|(at, _, _)| *at);
        post(erp, ctx, commands).await?;
        debug_assert_eq!(simulator.day(), events.day + 1);

        let net = |lines: &[SaleLine]| lines.iter().map(SaleLine::net_minor).sum::<i64>();
        let invoiced: i64 = events.invoices.iter().map(Invoice::net_minor).sum();
        let over_the_counter: i64 = events.cash_sales.iter().map(|sale| net(&sale.lines)).sum();
        let credited: i64 = events.credit_notes.iter().map(|note| note.net_minor).sum();
        Ok(Traded {
            invoices: (events.invoices.len() + events.cash_sales.len()) as u64,
            revenue_minor: invoiced + over_the_counter - credited,
            rejected: refuse(erp, ctx, &events.dirty_rows).await?,
        })
    }

    fn receipt(&self, receipt: &Receipt) -> (Timestamp, String, Command) {
        let lines = receipt.lines.iter().map(|line| ReceiptLineInput {
            unit: None,
            tax: None,
            product: line.product.code().into(),
            quantity_micro: line.pieces * MICROS_PER_PIECE,
            value_minor: Some(line.value_minor),
        });
        let command = Command::ReceiveGoods(ReceiveGoods {
            order: None,
            to_be_billed: false,
            prices_include_tax: false,
            due_at: None,
            number: Some(receipt.number.as_str().into()),
            series: None,
            supplier: receipt.supplier.code().into(),
            currency: self.currency,
            location: None,
            received_at: Some(receipt.at),
            lines: lines.collect(),
        });
        (receipt.at, format!("demo/receipt/{}", receipt.number), command)
    }

    fn invoice(&self, invoice: &Invoice) -> (Timestamp, String, Command) {
        let mut lines: Vec<InvoiceLineInput> = invoice.lines.iter().map(sale_line).collect();
        if invoice.postage_minor > 0 {
            lines.push(line(POSTAGE.into(), 1, invoice.postage_minor));
        }
        let customer = Some(invoice.customer.code().into());
        self.sale(&invoice.number, invoice.at, customer, lines)
    }

    fn cash_sale(&self, sale: &CashSale) -> (Timestamp, String, Command) {
        self.sale(&sale.number, sale.at, None, sale.lines.iter().map(sale_line).collect())
    }

    fn sale(
        &self,
        number: &str,
        at: Timestamp,
        customer: Option<Arc<str>>,
        lines: Vec<InvoiceLineInput>,
    ) -> (Timestamp, String, Command) {
        let command = Command::PostInvoice(PostInvoice {
            order: None,
            prices_include_tax: false,
            due_at: None,
            number: Some(number.into()),
            series: None,
            customer,
            country: None,
            currency: self.currency,
            location: None,
            invoiced_at: Some(at),
            decision_id: None,
            lines,
        });
        (at, format!("demo/invoice/{number}"), command)
    }

    fn credit_note(&self, note: &CreditNote) -> (Timestamp, String, Command) {
        let reason = match note.reason {
            CreditReason::Return => cortex_erp::CreditReason::Return,
            CreditReason::Discount => cortex_erp::CreditReason::Discount,
        };
        let command = Command::PostCreditNote(PostCreditNote {
            prices_include_tax: false,
            number: Some(note.number.as_str().into()),
            series: None,
            customer: Some(note.customer.code().into()),
            country: None,
            currency: self.currency,
            location: None,
            invoice: Some(note.invoice.as_str().into()),
            credited_at: Some(note.at),
            lines: vec![CreditLineInput {
                line: line(note.product.code().into(), note.pieces, note.net_minor),
                reason,
            }],
        });
        (note.at, format!("demo/credit-note/{}", note.number), command)
    }

    fn payment(&self, payment: &Payment) -> (Timestamp, String, Command) {
        let command = Command::RecordPayment(RecordPayment {
            settles: Some(Settle::Oldest),
            number: Some(payment.number.as_str().into()),
            series: None,
            party: match payment.party {
                PaymentParty::Customer(customer) => customer.code().into(),
                PaymentParty::Supplier(supplier) => supplier.code().into(),
            },
            direction: match payment.direction {
                Direction::In => PaymentDirection::In,
                Direction::Out => PaymentDirection::Out,
            },
            amount_minor: payment.amount_minor,
            currency: self.currency,
            paid_at: Some(payment.at),
        });
        (payment.at, format!("demo/payment/{}", payment.number), command)
    }
}

fn party(code: &str, kind: PartyKind, country: &str) -> (String, Command) {
    let command = CreateParty {
        code: code.into(),
        kind,
        country: country.into(),
        name_sealed: None,
        terms: None,
        created_at: None,
    };
    (format!("demo/party/{code}"), Command::CreateParty(command))
}

fn sale_line(sale: &SaleLine) -> InvoiceLineInput {
    line(sale.product.code().into(), sale.pieces, sale.net_minor())
}

fn line(product: Arc<str>, pieces: i64, net_minor: i64) -> InvoiceLineInput {
    InvoiceLineInput {
        tax: None,
        product,
        quantity_micro: pieces * MICROS_PER_PIECE,
        unit: None,
        price: LinePrice::Net(net_minor),
    }
}

async fn post(erp: &Erp, ctx: &RequestContext, commands: Vec<(Timestamp, String, Command)>) -> anyhow::Result<()> {
    let mut commands = commands.into_iter().peekable();
    while commands.peek().is_some() {
        let mut pending = Vec::with_capacity(IN_FLIGHT);
        for (at, key, command) in commands.by_ref().take(IN_FLIGHT) {
            let known = Known::Declared {
                at,
                by: "event-time+0s".into(),
            };
            pending.push(erp.submit(ctx, command, IdempotencyKey::new(key)?, known)?);
        }
        for answer in pending {
            answer.answer().await?;
        }
    }
    Ok(())
}

/// Sends the malformed lines of the day's raw feed the way they came: the reader or the ERP refuses each; how many.
async fn refuse(erp: &Erp, ctx: &RequestContext, rows: &[DirtyRow]) -> anyhow::Result<u64> {
    if rows.is_empty() {
        return Ok(0);
    }
    let feed = tempfile::NamedTempFile::with_suffix(".csv")?;
    let lines: Vec<&str> = rows.iter().map(|row| row.raw.as_str()).collect();
    std::fs::write(feed.path(), format!("{HEADER}{}\n", lines.join("\n")))?;
    let history = RetailHistory::read(feed.path(), false)?;
    let mut refused = history.rejects().len() as u64;
    for entry in history.entries() {
        let key = IdempotencyKey::new(format!("demo/feed/{}", entry.key))?;
        match erp.execute(ctx, entry.command.clone(), key, Known::ByClock).await {
            Ok(receipt) => tracing::warn!(number = %receipt.number, "a line of the raw feed was meant to be refused"),
            Err(_) => refused += 1,
        }
    }
    Ok(refused)
}
