//! A history on the database and in memory at once, and all that has to be true of it.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;

use cortex_erp::{
    Closings, Command, DocumentKind, DraftAction, Drafts, Erp, ErpConfig, ErpError, Known, MemoryLedger, Order,
    OrderState, Page, Pending, Receipt, Records, Span,
};
use cortex_types::{Coded, ErrorCode, RequestContext, SystemClock, Timestamp};
use futures::future::join_all;

use super::business::{BUSINESSES, day};
use super::dice::Dice;
use super::draws::month;
use super::history::History;
use super::invariants;
use super::kept::Kept;
use crate::company::{Company, key, tenant};

/// One request of a company.
#[derive(Clone)]
struct Sent {
    company: usize,
    name: &'static str,
    key: String,
    command: Command,
}

pub struct Run {
    seed: u64,
    at_once: usize,
    dice: Dice,
    pub(super) books: Company,
    memory: MemoryLedger,
    in_memory: Erp,
    histories: Vec<History>,
    pub(super) contexts: Vec<RequestContext>,
    /// Requests that were carried out, with their answers.
    done: Vec<(Sent, Receipt)>,
    posted: usize,
    sent: usize,
    repeated: usize,
    drafted: usize,
    /// What was posted when somebody looked last.
    kept: Option<Kept>,
}

impl Run {
    pub async fn start(seed: u64, at_once: usize) -> Self {
        let memory = MemoryLedger::default();
        let in_memory = Erp::start(Arc::new(memory.clone()), Arc::new(SystemClock), &ErpConfig::default());
        let history = |(place, business)| History::new(business, seed * 1_000 + place);
        let mut run = Self {
            seed,
            at_once,
            dice: Dice(seed),
            books: Company::found().await,
            memory,
            in_memory,
            histories: (0..).zip(&BUSINESSES).map(history).collect(),
            contexts: BUSINESSES.iter().map(|business| tenant(business.tenant)).collect(),
            done: Vec::new(),
            posted: 0,
            sent: 0,
            repeated: 0,
            drafted: 0,
            kept: None,
        };
        for (company, business) in BUSINESSES.iter().enumerate() {
            for command in business.beginnings() {
                let sent = run.request(company, "beginning", command);
                run.send(vec![sent]).await;
            }
        }
        run.posted = 0;
        run
    }

    /// Goes on until so many documents are posted, and looks at everything each time that so many were.
    pub async fn until(&mut self, documents: usize, look_each: usize) {
        let mut look_at = self.posted + look_each;
        while self.posted < documents {
            let group = self.group().await;
            self.send(group).await;
            if self.at_once == 1 {
                self.hold().await;
            }
            if self.posted >= look_at {
                self.look().await;
                look_at = self.posted + look_each;
            }
        }
        self.look().await;
    }

    fn request(&mut self, company: usize, name: &'static str, command: Command) -> Sent {
        self.sent += 1;
        let key = format!("history-{}", self.sent);
        Sent {
            company,
            name,
            key,
            command,
        }
    }

    /// What is sent at once: new commands mostly, some of them as drafts before; some once more.
    async fn group(&mut self) -> Vec<Sent> {
        let mut group: Vec<Sent> = Vec::new();
        while group.len() < self.at_once {
            if self.dice.once_in(25) && !self.done.is_empty() {
                let (again, _) = self.dice.of(&self.done).clone();
                group.push(again);
                continue;
            }
            let company = usize::try_from(self.dice.below(BUSINESSES.len() as u64)).unwrap();
            let (name, command) = self.histories[company].next();
            let command = match self.dice.once_in(10) {
                true => self.drafted(company, command).await,
                false => command,
            };
            let sent = self.request(company, name, command);
            if self.dice.once_in(40) && self.at_once > 1 {
                // Twice at the same time.
                group.push(sent.clone());
            }
            group.push(sent);
        }
        group
    }

    /// Kept as a draft, changed, read, and thrown away as it is posted: it comes back as it was written.
    async fn drafted(&mut self, company: usize, command: Command) -> Command {
        let (drafts, ctx) = (&self.books.ledger, &self.contexts[company]);
        let body = serde_json::to_string(&command).unwrap();
        let (draft, _) = drafts.create(ctx, "commands", "{}".to_owned(), None).await.unwrap();
        let written = draft.written(body, &ctx.principal);
        let changed = drafts.replace(ctx, &written, draft.version, DraftAction::Change).await;
        let draft = changed.unwrap().unwrap();
        let read = drafts.get(ctx, "commands", draft.id).await.unwrap().unwrap();
        assert!(drafts.discard(ctx, &draft, Some(draft.version)).await.unwrap());
        self.drafted += 1;
        let read: Command = serde_json::from_str(&read.body).unwrap();
        assert_eq!(read, command, "a draft is not what was written");
        read
    }

    /// Sends a group to both, and holds one answer against the other.
    async fn send(&mut self, group: Vec<Sent>) {
        let kept = self.all(&self.books.erp, &group).await;
        let known = self.all(&self.in_memory, &group).await;
        for ((sent, kept), known) in group.into_iter().zip(kept).zip(known) {
            self.compare(sent, kept, known);
        }
    }

    async fn all(&self, erp: &Erp, group: &[Sent]) -> Vec<Result<Receipt, ErpError>> {
        let submit = |sent: &Sent| {
            let ctx = &self.contexts[sent.company];
            let key = key(sent.key.as_str());
            erp.submit(ctx, sent.command.clone(), key, Known::ByClock).unwrap()
        };
        join_all(group.iter().map(submit).map(Pending::answer)).await
    }

    fn compare(&mut self, sent: Sent, kept: Result<Receipt, ErpError>, known: Result<Receipt, ErpError>) {
        let told = format!("seed {}, {}: {:?}", self.seed, sent.key, sent.command);
        match (&kept, &known) {
            (Ok(kept), Ok(known)) => assert_eq!(
                (&kept.number, kept.amount_minor, &kept.entry, kept.repeated),
                (&known.number, known.amount_minor, &known.entry, known.repeated),
                "{told}"
            ),
            (Err(kept), Err(known)) => assert_eq!(kept.code(), known.code(), "{told}: {kept}, {known}"),
            _ => panic!("{told}: {kept:?} on the database, {known:?} in memory"),
        }
        if let Err(error) = &kept {
            assert!(!error.code().is_ours(), "{told}: {error}");
        }
        match &kept {
            Ok(receipt) if receipt.repeated => {
                let first = self
                    .done
                    .iter()
                    .find(|(of, _)| of.key == sent.key && of.company == sent.company);
                let (_, first) = first.unwrap();
                assert_eq!(
                    (receipt.id, &receipt.number, receipt.at),
                    (first.id, &first.number, first.at),
                    "{told}"
                );
                self.repeated += 1;
                return;
            }
            Ok(receipt) => {
                self.posted += 1;
                self.done.push((sent.clone(), receipt.clone()));
            }
            Err(_) => {}
        }
        self.histories[sent.company].learn(sent.name, &sent.command, &kept);
    }

    /// What has to be true after every single command.
    async fn hold(&self) {
        for ctx in &self.contexts {
            invariants::hold(&self.books, ctx).await;
            let findings = self.books.ledger.verify(ctx).await.unwrap();
            assert!(findings.is_empty(), "seed {}, {}: {findings:?}", self.seed, ctx.tenant);
        }
    }

    /// Everything that has to be true.
    async fn look(&mut self) {
        self.hold().await;
        for (history, ctx) in self.histories.iter().zip(&self.contexts) {
            // At the ends of months: what comes late is posted once for each of them.
            let months = (0..).map(month).take_while(|end| *end <= day(history.today));
            for end in months.collect::<Vec<_>>().into_iter().rev().take(4) {
                invariants::hold_as_of(&self.books, ctx, end).await;
            }
            invariants::hold_as_of(&self.books, ctx, day(history.today + 1)).await;
            self.alike(ctx, history.today).await;
        }
        let now = Kept::of(&self.books).await;
        if let Some(before) = &self.kept {
            before.is_still_in(&now);
        }
        self.repeat().await;
        now.is_the_same_as(&Kept::of(&self.books).await);
        self.kept = Some(now);
    }

    /// Sends some of all that was done once more, and something else under a key that was used.
    async fn repeat(&mut self) {
        let some: Vec<(Sent, Receipt)> = (0..20).map(|_| self.dice.of(&self.done).clone()).collect();
        let group: Vec<Sent> = some.iter().map(|(sent, _)| sent.clone()).collect();
        for (answer, (sent, first)) in self.all(&self.books.erp, &group).await.into_iter().zip(&some) {
            let again = answer.unwrap();
            assert!(
                again.repeated && again.id == first.id,
                "seed {}, {}",
                self.seed,
                sent.key
            );
        }
        for pair in some.windows(2).filter(|pair| pair[0].0.command != pair[1].0.command) {
            let mut other = pair[0].0.clone();
            other.command.clone_from(&pair[1].0.command);
            let refused = self.all(&self.books.erp, &[other]).await.remove(0);
            assert_eq!(refused.unwrap_err().code(), ErrorCode::IdempotencyConflict);
        }
    }

    /// The books on the database and those in memory say the same.
    async fn alike(&self, ctx: &RequestContext, today: i64) {
        let (kept, known) = (&self.books.ledger, &self.memory);
        for kind in [DocumentKind::SalesOrder, DocumentKind::PurchaseOrder] {
            assert_eq!(orders(kept, ctx, kind).await, orders(known, ctx, kind).await);
        }
        for before in [None, Some(day((today - 30).max(0)))] {
            assert_eq!(
                stock(kept, ctx, before).await,
                stock(known, ctx, before).await,
                "before {before:?}"
            );
            let span = Span { from: None, before };
            let balances = kept.trial_balance(ctx, span, Closings::Counted).await.unwrap();
            let others = known.trial_balance(ctx, span, Closings::Counted).await.unwrap();
            assert_eq!(balances, others, "before {before:?}");
        }
        let page = Page::new(None, 500);
        let items = async |records: &dyn Records| {
            let items = records.open_items(ctx, None, None, &page).await.unwrap();
            let items = items
                .into_iter()
                .map(|item| (item.number, item.party, item.open_minor, item.due_at));
            items.collect::<Vec<_>>()
        };
        assert_eq!(items(kept).await, items(known).await);
        assert_eq!(
            kept.tax_totals(ctx, Span::default()).await.unwrap(),
            known.tax_totals(ctx, Span::default()).await.unwrap()
        );
    }

    /// Every company's commands carried out again make the same books; what was drawn, and what became of it.
    pub async fn end(self) -> String {
        for ctx in &self.contexts {
            self.books.comes_of_commands_of(ctx).await;
        }
        let mut drawn: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
        for (name, (done, refused)) in self.histories.iter().flat_map(|history| &history.drawn) {
            let counts = drawn.entry(name).or_default();
            *counts = (counts.0 + done, counts.1 + refused);
        }
        let rows = self.kept.map_or(0, |kept| kept.rows());
        let mut told = format!(
            "{} documents of {} requests, {} repeated, {} from drafts, {rows} rows\n",
            self.posted, self.sent, self.repeated, self.drafted
        );
        for (name, (done, refused)) in drawn {
            writeln!(told, "{done:>6} {refused:>6} refused  {name}").unwrap();
        }
        told
    }
}

/// Quantity and value by product and location.
async fn stock(
    records: &dyn Records,
    ctx: &RequestContext,
    before: Option<Timestamp>,
) -> BTreeMap<(Arc<str>, Arc<str>), (i64, i64)> {
    let stock = records.stock_on_hand(ctx, before, &Page::default()).await.unwrap();
    let row = |row: cortex_erp::StockOnHand| ((row.product_code, row.location), (row.quantity_micro, row.value_minor));
    // A place that everything left, and one where nothing ever was, are the same.
    stock.into_iter().map(row).filter(|(_, held)| *held != (0, 0)).collect()
}

/// Number and state of orders, and of each line what was reserved, moved and billed.
async fn orders(
    records: &dyn Records,
    ctx: &RequestContext,
    kind: DocumentKind,
) -> Vec<(Arc<str>, OrderState, Vec<(i64, i64, i64)>)> {
    let page = Page::new(None, 500);
    let orders = records.orders(ctx, kind, None, &page).await.unwrap();
    let order = |order: Order| {
        let lines = order.lines.iter();
        let lines = lines.map(|line| (line.reserved_micro, line.moved_micro, line.billed_micro));
        (order.number, order.state, lines.collect())
    };
    orders.into_iter().map(order).collect()
}
