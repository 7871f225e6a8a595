//! Group commit: takes whatever waits, loads what it refers to in a few queries, plans it in order, and commits it as
//! one transaction. So numbers are gapless and no lock is held per document.

use std::collections::HashMap;
use std::sync::Arc;

use cortex_types::{Clock, Coded, CommandId, RequestContext, TenantId, Timestamp};
use tokio::sync::{mpsc, oneshot};

use crate::metrics::{COMMANDS_TOTAL, GROUP_COMMANDS};
use crate::postings::{Accepted, Group, Postings};
use crate::{
    Advised, Answered, Books, Command, ErpError, IdempotencyKey, Known, Receipt, References, UnitOfWork, Work, plan,
};

/// A command in the queue, with the one who waits for its answer.
pub(crate) struct Submission {
    pub ctx: RequestContext,
    pub command: Command,
    pub digest: [u8; 32],
    pub key: IdempotencyKey,
    pub known: Known,
    pub advice: Option<Advised>,
    pub answer: oneshot::Sender<Result<Receipt, ErpError>>,
}

pub(crate) enum Message {
    Submit(Box<Submission>),
    /// Takes nothing more in, carries out what waits, then answers.
    Drain(oneshot::Sender<()>),
}

pub(crate) struct Sequencer {
    pub unit_of_work: Arc<dyn UnitOfWork>,
    pub clock: Arc<dyn Clock>,
    pub group_commands_max: usize,
    pub group_lines_max: usize,
}

impl Sequencer {
    pub async fn run(self, mut queue: mpsc::Receiver<Message>) {
        let mut drained = Vec::new();
        while let Some(message) = queue.recv().await {
            let mut waiting = Vec::new();
            let mut lines = 0;
            let mut next = Some(message);
            while let Some(message) = next {
                match message {
                    Message::Submit(submission) => {
                        lines += line_count(&submission.command);
                        waiting.push(*submission);
                    }
                    Message::Drain(done) => {
                        queue.close();
                        drained.push(done);
                    }
                }
                let full = waiting.len() >= self.group_commands_max || lines >= self.group_lines_max;
                next = if full { None } else { queue.try_recv().ok() };
            }
            for group in split(waiting) {
                self.carry_out(group).await;
            }
        }
        for done in drained {
            // Whoever asked for the drain may have stopped waiting.
            let _ = done.send(());
        }
    }

    async fn carry_out(&self, waiting: Vec<Submission>) {
        if waiting.is_empty() {
            return;
        }
        metrics::histogram!(GROUP_COMMANDS).record(waiting.len() as f64);
        let outcome = self.commit(&waiting).await;
        for (index, submission) in waiting.into_iter().enumerate() {
            let answer = match &outcome {
                Ok(answers) => answers[index].clone(),
                Err(error) => Err(error.clone()),
            };
            let result = answer.as_ref().map_or_else(|error| error.code().as_str(), |_| "ok");
            metrics::counter!(COMMANDS_TOTAL, "kind" => submission.command.kind().as_str(), "result" => result)
                .increment(1);
            // A caller who stopped waiting finds the answer under its idempotency key.
            let _ = submission.answer.send(answer);
        }
    }

    /// One answer per submission; or the failure that rolled the whole group back.
    async fn commit(&self, waiting: &[Submission]) -> Result<Vec<Result<Receipt, ErpError>>, ErpError> {
        let mut work = self.unit_of_work.begin().await?;
        let now = self.clock.now();
        let mut books = load(work.as_mut(), waiting, now).await?;
        let mut group = Group::default();
        let mut answers = Vec::with_capacity(waiting.len());
        for submission in waiting {
            let books = books.entry(submission.ctx.tenant.clone()).or_default();
            answers.push(match self.decide(submission, books, now) {
                Ok(Decided::Accepted(accepted)) => {
                    let receipt = accepted.receipt.clone();
                    group.accepted.push(*accepted);
                    Ok(receipt)
                }
                Ok(Decided::Repeated(receipt)) => Ok(receipt),
                Err(error) => Err(error),
            });
        }
        if group.accepted.is_empty() {
            return Ok(answers);
        }
        for (tenant, books) in &mut books {
            let series = books.series.iter().map(|(kind, drawn)| (tenant.clone(), *kind, *drawn));
            group.series.extend(series);
            let stock = books.take_moved();
            group
                .stock
                .extend(stock.map(|(product, timeline)| (tenant.clone(), product, timeline)));
        }
        work.save(&group).await?;
        work.commit().await?;
        Ok(answers)
    }

    fn decide(&self, submission: &Submission, books: &mut Books, now: Timestamp) -> Result<Decided, ErpError> {
        let key = submission.key.shared();
        if let Some(answered) = books.answered.get(key) {
            if answered.digest != submission.digest {
                return Err(ErpError::IdempotencyConflict(Arc::clone(key)));
            }
            return Ok(Decided::Repeated(Receipt {
                repeated: true,
                ..answered.receipt.clone()
            }));
        }
        let mut postings = plan::plan(&submission.command, books, now, submission.advice)?;
        // Books from before there were accounts as rows get them with whatever comes first.
        if !postings.entries.is_empty() || books.has_posted() {
            let fresh = books.chart.take_fresh(now);
            postings.accounts.splice(0..0, fresh);
        }
        let receipt = receipt_of(&postings);
        books.apply(&mut postings);
        books.answered.insert(
            Arc::clone(key),
            Answered {
                digest: submission.digest,
                receipt: receipt.clone(),
            },
        );
        Ok(Decided::Accepted(Box::new(Accepted {
            ctx: submission.ctx.clone(),
            known: submission.known.clone(),
            key: submission.key.clone(),
            digest: submission.digest,
            postings,
            receipt,
        })))
    }
}

enum Decided {
    Accepted(Box<Accepted>),
    Repeated(Receipt),
}

/// What a command says of a document must be in the books when it is planned: where it may be about one of the same group,
/// another group begins.
fn split(waiting: Vec<Submission>) -> Vec<Vec<Submission>> {
    let mut groups = Vec::new();
    let mut group: Vec<Submission> = Vec::with_capacity(waiting.len());
    let mut alone = false;
    for submission in waiting {
        let about = submission.command.documents();
        let given = |other: &Submission| {
            let named = match other.command.given_number() {
                Some(number) => about.contains(&number),
                // It draws one, which may be guessed.
                None => about.iter().any(|number| other.command.kind().drew(number)),
            };
            other.ctx.tenant == submission.ctx.tenant && named
        };
        let by_itself = submission.command.is_planned_alone();
        if alone || by_itself || (!about.is_empty() && group.iter().any(given)) {
            groups.push(std::mem::take(&mut group));
        }
        alone = by_itself;
        group.push(submission);
    }
    groups.push(group);
    groups
}

async fn load(
    work: &mut dyn Work,
    waiting: &[Submission],
    now: Timestamp,
) -> Result<HashMap<TenantId, Books>, ErpError> {
    let mut wanted: HashMap<TenantId, References> = HashMap::new();
    for submission in waiting {
        let references = wanted.entry(submission.ctx.tenant.clone()).or_default();
        // An invoice without a time of its own is of the time of its advice.
        let at = submission.advice.map_or(now, |advice| advice.at.min(now));
        references.collect(&submission.command, at);
        references.keys.insert(Arc::clone(submission.key.shared()));
    }
    let mut books = HashMap::with_capacity(wanted.len());
    for (tenant, references) in wanted {
        let loaded = work.load(&tenant, &references).await?;
        books.insert(tenant, loaded);
    }
    Ok(books)
}

fn receipt_of(postings: &Postings) -> Receipt {
    Receipt {
        command: CommandId::new(),
        kind: postings.kind,
        id: postings.id,
        number: Arc::clone(&postings.number),
        entry: postings.entries.first().map(|entry| Arc::clone(entry.number())),
        currency: postings.currency,
        amount_minor: postings.amount_minor,
        at: postings.at,
        repeated: false,
    }
}

fn line_count(command: &Command) -> usize {
    match command {
        Command::PostInvoice(invoice) => invoice.lines.len(),
        Command::PostCreditNote(note) => note.lines.len(),
        Command::PostJournalEntry(entry) => entry.lines.len(),
        Command::AdjustStock(adjustment) => adjustment.lines.len(),
        Command::ReceiveGoods(receipt) => receipt.lines.len(),
        Command::ReturnGoods(goods) => goods.lines.len(),
        Command::CountStock(count) => count.lines.len(),
        Command::TransferStock(transfer) => 2 * transfer.lines.len(),
        Command::AddLandedCost(cost) => cost.receipts.len(),
        Command::PlaceOrder(order) => order.lines.len(),
        Command::DeliverGoods(delivery) => delivery.lines.len(),
        Command::PostBill(bill) => bill.lines.len(),
        Command::CreateParty(_)
        | Command::CreateProduct(_)
        | Command::RecordPayment(_)
        | Command::DefineLocation(_)
        | Command::SetStandardCost(_)
        | Command::Cancel(_)
        | Command::ReverseEntry(_)
        | Command::OpenFiscalYear(_)
        | Command::SetPeriodState(_)
        | Command::CloseFiscalYear(_)
        | Command::DefineCompany(_)
        | Command::DefineAccount(_)
        | Command::DefineCostCentre(_)
        | Command::SetExchangeRate(_)
        | Command::RevalueCurrencies(_)
        | Command::SetPartyTerms(_)
        | Command::SettleItems(_)
        | Command::ChangeOrder(_)
        | Command::SetReorderRule(_)
        | Command::DefineTaxCode(_) => 1,
        Command::OpenBalances(opening) => opening.lines.len() + opening.stock.len(),
    }
}
