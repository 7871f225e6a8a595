use std::sync::Arc;

use cortex_types::{Clock, Principal, RequestContext, TenantId};
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{broadcast, mpsc, oneshot};

use crate::sequencer::{Given, Message, Sequencer, Submission};
use crate::{Advised, Attempt, Circumstances, Command, ErpError, Event, Journalled, Known, Receipt, UnitOfWork};

/// Events that are held for who listens and is not quick enough.
const EVENTS_KEPT: usize = 1024;

/// Limits of the posting queue.
#[derive(Clone, Debug)]
pub struct ErpConfig {
    /// Most commands that may wait; one more is answered [`ErpError::Overloaded`].
    pub queue_commands_max: usize,
    /// Most commands of one group commit.
    pub group_commands_max: usize,
    /// A group takes no further command once it has this many document lines.
    pub group_lines_max: usize,
}

impl Default for ErpConfig {
    fn default() -> Self {
        Self {
            queue_commands_max: 1024,
            group_commands_max: 256,
            group_lines_max: 8192,
        }
    }
}

/// The one way into the ledger. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Erp {
    queue: mpsc::Sender<Message>,
    commands_max: usize,
    events: broadcast::Sender<Arc<Event>>,
}

/// A command that is in the queue.
#[derive(Debug)]
pub struct Pending(pub(crate) oneshot::Receiver<Result<Receipt, ErpError>>);

impl Pending {
    /// Waits until the command is committed, or refused.
    pub async fn answer(self) -> Result<Receipt, ErpError> {
        self.0.await.unwrap_or(Err(ErpError::Stopped))
    }
}

impl Erp {
    /// Starts the sequencer as a task of the current Tokio runtime. It ends when every clone is gone, or after
    /// [`Erp::drain`].
    #[must_use]
    pub fn start(unit_of_work: Arc<dyn UnitOfWork>, clock: Arc<dyn Clock>, config: &ErpConfig) -> Self {
        let commands_max = config.queue_commands_max.max(1);
        let (queue, waiting) = mpsc::channel(commands_max);
        let (events, _) = broadcast::channel(EVENTS_KEPT);
        let sequencer = Sequencer {
            unit_of_work,
            clock,
            group_commands_max: config.group_commands_max.max(1),
            group_lines_max: config.group_lines_max.max(1),
            events: events.clone(),
        };
        tokio::spawn(sequencer.run(waiting));
        Self {
            queue,
            commands_max,
            events,
        }
    }

    /// Carries a command out. When it returns a receipt, the command is durable.
    ///
    /// The same idempotency key with the same body returns the first receipt again, marked as repeated; with another
    /// body it is [`ErpError::IdempotencyConflict`]. A refused command leaves nothing, not even its key.
    pub async fn execute(
        &self,
        ctx: &RequestContext,
        command: Command,
        attempt: impl Into<Attempt>,
        known: Known,
    ) -> Result<Receipt, ErpError> {
        self.submit(ctx, command, attempt, known)?.answer().await
    }

    /// Puts a command into the queue without waiting for it. Commands are carried out in the order of submission.
    pub fn submit(
        &self,
        ctx: &RequestContext,
        command: Command,
        attempt: impl Into<Attempt>,
        known: Known,
    ) -> Result<Pending, ErpError> {
        self.submit_advised(ctx, command, attempt, known, None)
    }

    /// `advice` is kept with an invoice, but is no part of the body that the idempotency key stands for.
    pub(crate) fn submit_advised(
        &self,
        ctx: &RequestContext,
        command: Command,
        attempt: impl Into<Attempt>,
        known: Known,
        advice: Option<Advised>,
    ) -> Result<Pending, ErpError> {
        let Attempt { key, seat, approvals } = attempt.into();
        let (mut submission, pending) = Submission::new(ctx, command, key, known, advice)?;
        submission.approvals = approvals;
        match seat {
            Some(seat) => seat.take(submission)?,
            None => self
                .enqueue(Message::Submit(Box::new(submission)))
                .map_err(|(error, _)| error)?,
        }
        Ok(pending)
    }

    /// Carries a command out as it was carried out once. On the same books it makes the same rows.
    pub fn replay(&self, tenant: &TenantId, journalled: Journalled) -> Result<Pending, ErpError> {
        let given = Given {
            command: journalled.id(),
            at: journalled.circumstances.decided_at,
        };
        let Circumstances { by, advised, .. } = &journalled.circumstances;
        let ctx = RequestContext::new(tenant.clone(), Principal::new(Arc::clone(by), []));
        let (known, advised) = (journalled.circumstances.known(), *advised);
        let (mut submission, pending) = Submission::new(&ctx, journalled.command, journalled.key, known, advised)?;
        submission.given = Some(given);
        submission.approvals = journalled.circumstances.approvals.map(Arc::new);
        self.enqueue(Message::Submit(Box::new(submission)))
            .map_err(|(error, _)| error)?;
        Ok(pending)
    }

    /// Gives the message back where there is no room.
    pub(crate) fn enqueue(&self, message: Message) -> Result<(), (ErpError, Message)> {
        self.queue.try_send(message).map_err(|refused| match refused {
            TrySendError::Full(message) => {
                let commands_max = self.commands_max;
                (ErpError::Overloaded { commands_max }, message)
            }
            TrySendError::Closed(message) => (ErpError::Stopped, message),
        })
    }

    /// What happens from now on, as soon as it is durable. Who falls behind by more than a thousand events is told so, and
    /// finds them among [`Records::events`](crate::Records::events), as whoever was not there.
    #[must_use]
    pub fn events(&self) -> broadcast::Receiver<Arc<Event>> {
        self.events.subscribe()
    }

    /// Whether commands are carried out: not after [`Erp::drain`], and not after the sequencer panicked.
    #[must_use]
    pub fn is_running(&self) -> bool {
        !self.queue.is_closed()
    }

    /// Takes no more commands, and returns when all that waited are answered.
    pub async fn drain(&self) {
        let (done, drained) = oneshot::channel();
        if self.queue.send(Message::Drain(done)).await.is_ok() {
            // An error means that the sequencer is gone, which is what was asked for.
            let _ = drained.await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{CreateParty, DocumentKind, IdempotencyKey, MemoryLedger, PartyKind, PaymentDirection, RecordPayment};
    use cortex_types::{Currency, SystemClock, TenantId};
    use futures::future::join_all;

    fn ctx(tenant: &str) -> RequestContext {
        RequestContext::system(TenantId::new(tenant).unwrap())
    }

    fn key(text: &str) -> IdempotencyKey {
        IdempotencyKey::new(text).unwrap()
    }

    fn customer(code: &str) -> Command {
        let (kind, country) = (PartyKind::Customer, "France".into());
        Command::CreateParty(CreateParty {
            code: code.into(),
            kind,
            country,
            name_sealed: None,
            terms: None,
            created_at: None,
        })
    }

    fn payment(party: &str, amount_minor: i64) -> Command {
        Command::RecordPayment(RecordPayment {
            settles: None,
            number: None,
            series: None,
            party: party.into(),
            direction: PaymentDirection::In,
            amount_minor,
            currency: Currency::GBP,
            paid_at: None,
        })
    }

    fn start(ledger: &MemoryLedger, config: &ErpConfig) -> Erp {
        Erp::start(Arc::new(ledger.clone()), Arc::new(SystemClock), config)
    }

    #[tokio::test]
    async fn a_repeated_request_gets_the_first_answer_and_another_body_is_refused() {
        let (ledger, ctx) = (MemoryLedger::default(), ctx("a"));
        let erp = start(&ledger, &ErpConfig::default());
        let execute = |command, text| erp.execute(&ctx, command, key(text), Known::ByClock);
        execute(customer("C1"), "k0").await.unwrap();
        let first = execute(payment("C1", 100), "k1").await.unwrap();
        let again = execute(payment("C1", 100), "k1").await.unwrap();
        assert!(again.repeated);
        assert_eq!(
            Receipt {
                repeated: false,
                ..again
            },
            first
        );
        let other = execute(payment("C1", 101), "k1").await;
        assert!(matches!(other, Err(ErpError::IdempotencyConflict(_))));
        assert_eq!(ledger.count(&ctx.tenant, DocumentKind::Payment).await, 1);
    }

    #[tokio::test]
    async fn a_refused_command_fails_alone_and_leaves_no_gap_in_the_numbers() {
        let (ledger, ctx) = (MemoryLedger::default(), ctx("a"));
        let erp = start(&ledger, &ErpConfig::default());
        // All submitted before the sequencer runs, so they share one group.
        let mut pending = vec![erp.submit(&ctx, customer("C1"), key("c"), Known::ByClock).unwrap()];
        for (index, party) in ["C1", "C9", "C1", "C9", "C1"].into_iter().enumerate() {
            let command = payment(party, 100);
            pending.push(
                erp.submit(&ctx, command, key(&format!("p{index}")), Known::ByClock)
                    .unwrap(),
            );
        }
        let answers = join_all(pending.into_iter().map(Pending::answer)).await;
        let numbers: Vec<String> = answers
            .iter()
            .skip(1)
            .flatten()
            .map(|receipt| receipt.number.to_string())
            .collect();
        assert_eq!(numbers, ["PAY-000001", "PAY-000002", "PAY-000003"]);
        assert_eq!(answers.iter().filter(|answer| answer.is_err()).count(), 2);
    }

    #[tokio::test]
    async fn a_full_queue_says_so_and_drops_nothing() {
        let (ledger, ctx) = (MemoryLedger::default(), ctx("a"));
        let erp = start(
            &ledger,
            &ErpConfig {
                queue_commands_max: 2,
                ..ErpConfig::default()
            },
        );
        let submit = |text: &str| erp.submit(&ctx, customer(text), key(text), Known::ByClock);
        let taken = [submit("a").unwrap(), submit("b").unwrap()];
        assert!(matches!(submit("c"), Err(ErpError::Overloaded { commands_max: 2 })));
        for pending in taken {
            pending.answer().await.unwrap();
        }
        submit("c").unwrap().answer().await.unwrap();
    }

    #[tokio::test]
    async fn a_party_of_one_tenant_is_unknown_to_another() {
        let ledger = MemoryLedger::default();
        let erp = start(&ledger, &ErpConfig::default());
        erp.execute(&ctx("a"), customer("C1"), key("k"), Known::ByClock)
            .await
            .unwrap();
        let other = erp.execute(&ctx("b"), payment("C1", 1), key("k"), Known::ByClock).await;
        assert!(matches!(other, Err(ErpError::UnknownParty(_))));
    }

    #[tokio::test]
    async fn draining_answers_what_waits_and_takes_nothing_more() {
        let (ledger, ctx) = (MemoryLedger::default(), ctx("a"));
        let erp = start(&ledger, &ErpConfig::default());
        let waiting = erp.submit(&ctx, customer("C1"), key("k"), Known::ByClock).unwrap();
        erp.drain().await;
        assert!(waiting.answer().await.is_ok());
        let late = erp.submit(&ctx, customer("C2"), key("l"), Known::ByClock);
        assert!(matches!(late, Err(ErpError::Stopped)));
    }
}
