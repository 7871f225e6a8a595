//! The ERP core: ledger, inventory, sales, purchasing, parties.
//!
//! [`Erp`] is the one way in: it takes a [`Command`] with an [`IdempotencyKey`] and answers with a [`Receipt`] once
//! the command is durable. Commands wait in a bounded queue for a sequencer that plans them in order — plain functions
//! from a command and the [`Books`] to the rows it comes to ([`plan`]) — and commits whatever waits as one transaction of the
//! [`UnitOfWork`] port. [`Records`] is the reading side. [`InvoiceEntry`] asks the [`Advisor`] port for advice while an
//! invoice is entered; [`import`] brings history in through the same door. [`reference`] is what is the same for everybody.
//!
//! Nothing posted is ever edited: corrections are credit notes and reversing entries. A posted journal entry that does
//! not balance cannot be made. This crate names no database driver and no web framework.

mod account;
mod advisor;
mod approval;
mod batch;
mod books;
mod chain;
mod command;
mod company;
mod contact;
mod document;
mod draft;
mod erp;
mod error;
mod event;
mod fiscal;
mod ids;
pub mod import;
mod invoice_entry;
mod journal;
mod journalled;
mod limits;
mod memory;
mod memory_drafts;
mod memory_journal;
mod memory_orders;
mod memory_pages;
mod memory_posted;
mod memory_records;
mod memory_reports;
mod memory_stock;
pub mod metrics;
mod number_series;
mod open_item;
mod order;
mod party;
pub mod plan;
pub mod postings;
mod product;
mod purchasing;
mod records;
pub mod reference;
mod references;
mod sales;
mod sequencer;
mod statements;
mod stock;
mod submission;
mod tax;
mod unit_of_work;
pub mod valuation;
mod words;

pub use account::{Account, AccountKind, Chart, ChartTemplate, Role};
pub use advisor::{Advice, AdviceRequest, Advised, Advisor, AdvisorError};
pub use approval::{
    APPROVED_KINDS, APPROVING_ROLES, Approval, ApprovalRule, Approvals, DRAFT_TRANSITIONS, DraftAction, DraftActor,
    DraftState, DraftTransition, Rulebook,
};
pub use batch::{Attempt, Seat, Together};
pub use books::{
    Books, CreditedInvoice, Delivered, Numbering, Orders, PostedDocument, PostedLine, Reversible, StoodUntil, day_of,
};
pub use chain::Link;
pub use command::{
    AddLandedCost, AdjustStock, AdjustmentLineInput, Allocation, BillLineInput, Cancel, ChangeOrder, CloseFiscalYear,
    Command, CountStock, CreateParty, CreateProduct, CreditLineInput, DefineAccount, DefineApprovalRule, DefineCompany,
    DefineContact, DefineCostCentre, DefineLocation, DefineNumberSeries, DefineProductUnit, DefineTaxCode,
    DeliverGoods, InvoiceLineInput, JournalLineInput, LinePrice, OpenBalances, OpenFiscalYear, OpeningStockInput,
    OrderChange, OrderSide, PlaceOrder, PostBill, PostCreditNote, PostInvoice, PostJournalEntry, QuantityInput,
    ReceiptLineInput, ReceiveGoods, RecordPayment, ReturnGoods, RevalueCurrencies, Reversal, ReversalMethod,
    ReverseEntry, SealedText, SetExchangeRate, SetPartyTerms, SetPeriodState, SetReorderRule, SetStandardCost, Settle,
    SettleInput, SettleItems, TransferStock,
};
pub use company::{Base, Company, Conversion, CostCentre, ExchangeRate};
pub use contact::Contact;
pub use document::DocumentKind;
pub use draft::{DRAFT_BYTES_MAX, Draft, DraftKey, Drafts};
pub use erp::{Erp, ErpConfig, Pending};
pub use error::ErpError;
pub use event::{Event, EventName, What};
pub use fiscal::{FiscalPeriod, FiscalYear, Locks, PeriodState, YEAR_MONTHS_MAX, closing_span};
pub use invoice_entry::{Entered, InvoiceEntry, InvoiceEntryConfig};
pub use journal::{DocumentRef, JournalDraft, JournalLine, PostedEntry};
pub use journalled::{Circumstances, CommandJournal, Journalled, PostedBy};
pub use limits::{AMOUNT_MINOR_MAX, DESCRIPTION_LENGTH_MAX, MEMO_LENGTH_MAX, NAME_LENGTH_MAX, QUANTITY_MICRO_MAX};
pub use memory::MemoryLedger;
pub use memory_drafts::MemoryDrafts;
pub use number_series::{DIGITS, Drawn, NumberSeries};
pub use open_item::{Ageing, Carried, ItemAllocation, ItemSide, OpenItem, open_base};
pub use order::{Expected, Order, OrderLine, OrderProgress, OrderState, OrderStep, ReorderRule, billed_moves};
pub use party::{Party, PartyKind, PartyTerms};
pub use product::{Product, ProductKind, ProductUnit};
pub use purchasing::{
    Payment, PaymentDirection, PurchaseBill, PurchaseBillLine, PurchaseReceipt, PurchaseReceiptLine, UnbilledGoods,
};
pub use records::{
    AccountBalance, Closings, Finding, GeneralLedger, JournalEntryRecord, LedgerLine, PAGE_LIMIT_MAX, Page, Records,
    StockOnHand,
};
pub use references::References;
pub use sales::{CreditNote, CreditNoteLine, CreditReason, Invoice, SalesLine};
pub use statements::{BalanceSheet, ProfitAndLoss, Section, Span, StatementLine};
pub use stock::{
    Cancellation, Cost, Location, MAIN_LOCATION, MoveReason, NegativeStock, ProductCost, StockDocument, StockMove,
    StockRevaluation,
};
pub use submission::{Answered, IdempotencyKey, Known, Receipt};
pub use tax::{DocumentTax, TaxCode, TaxComponent, TaxDirection, TaxRounding, TaxTotal};
pub use unit_of_work::{UnitOfWork, Work};
