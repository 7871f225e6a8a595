//! Group commit: takes whatever waits, loads what it refers to in a few queries, plans it in order, and commits it as
//! one transaction. So numbers are gapless and no lock is held per document.

use std::collections::HashMap;
use std::sync::Arc;

use cortex_types::{Clock, Coded, CommandId, RequestContext, TenantId, Timestamp};
use sha2::{Digest, Sha256};
use tokio::sync::{broadcast, mpsc, oneshot};

use crate::metrics::{COMMANDS_TOTAL, GROUP_COMMANDS};
use crate::number_series::may_draw;
use crate::postings::{Accepted, Group, Postings};
use crate::{
    Advised, Answered, Approvals, Books, Circumstances, Command, ErpError, Event, IdempotencyKey, Known, Pending,
    Receipt, References, Together, UnitOfWork, Work, ids, journalled, plan,
};

/// A command in the queue, with the one who waits for its answer.
pub(crate) struct Submission {
    pub ctx: RequestContext,
    pub command: Command,
    /// The command as JSON.
    pub body: String,
    pub digest: [u8; 32],
    pub key: IdempotencyKey,
    pub known: Known,
    pub advice: Option<Advised>,
    pub given: Option<Given>,
    pub approvals: Option<Arc<Approvals>>,
    pub answer: oneshot::Sender<Result<Receipt, ErpError>>,
}

/// What a command that is carried out again had the first time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Given {
    pub command: CommandId,
    pub at: Timestamp,
}

pub(crate) enum Message {
    Submit(Box<Submission>),
    /// With their places in the batch.
    Together(Together, Vec<(usize, Submission)>),
    /// Takes nothing more in, carries out what waits, then answers.
    Drain(oneshot::Sender<()>),
}

impl Message {
    /// Tells those who wait.
    pub fn refuse(self, error: &ErpError) {
        let submissions = match self {
            Self::Submit(submission) => vec![*submission],
            Self::Together(_, submissions) => submissions.into_iter().map(|(_, submission)| submission).collect(),
            Self::Drain(_) => Vec::new(),
        };
        for submission in submissions {
            submission.answer(Err(error.clone()));
        }
    }
}

impl Submission {
    pub fn new(
        ctx: &RequestContext,
        command: Command,
        key: IdempotencyKey,
        known: Known,
        advice: Option<Advised>,
    ) -> Result<(Self, Pending), ErpError> {
        let body = command.body()?;
        let digest = Sha256::digest(&body).into();
        let (answer, answered) = oneshot::channel();
        let submission = Self {
            ctx: ctx.clone(),
            command,
            body,
            digest,
            key,
            known,
            advice,
            given: None,
            approvals: None,
            answer,
        };
        Ok((submission, Pending(answered)))
    }

    /// When it is decided, `now` or as it was the first time.
    fn decided_at(&self, now: Timestamp) -> Timestamp {
        self.given.map_or(now, |given| given.at)
    }

    /// History that is brought in was approved, or not, where it was made.
    fn needs_approval(&self) -> bool {
        let by_clock = matches!(self.known, Known::ByClock);
        by_clock && !matches!(self.command, Command::ChangeOrder(_) | Command::ReverseEntry(_))
    }

    fn answer(self, answer: Answer) {
        let result = answer.as_ref().map_or_else(|error| error.code().as_str(), |_| "ok");
        metrics::counter!(COMMANDS_TOTAL, "kind" => self.command.kind().as_str(), "result" => result).increment(1);
        // A caller who stopped waiting finds the answer under its idempotency key.
        let _ = self.answer.send(answer);
    }
}

pub(crate) struct Sequencer {
    pub unit_of_work: Arc<dyn UnitOfWork>,
    pub clock: Arc<dyn Clock>,
    pub group_commands_max: usize,
    pub group_lines_max: usize,
    pub events: broadcast::Sender<Arc<Event>>,
}

impl Sequencer {
    pub async fn run(self, mut queue: mpsc::Receiver<Message>) {
        let mut drained = Vec::new();
        while let Some(message) = queue.recv().await {
            let mut waiting = Vec::new();
            let mut unit = None;
            let mut lines = 0;
            let mut next = Some(message);
            while let Some(message) = next {
                let already = waiting.len();
                match message {
                    Message::Submit(submission) => waiting.push(*submission),
                    Message::Together(Together::Each, submissions) => {
                        waiting.extend(submissions.into_iter().map(|(_, submission)| submission));
                    }
                    Message::Together(together, submissions) => unit = Some((together, submissions)),
                    Message::Drain(done) => {
                        queue.close();
                        drained.push(done);
                    }
                }
                let came = waiting.iter().skip(already);
                lines += came.map(|submission| submission.command.line_count()).sum::<usize>();
                let full = waiting.len() >= self.group_commands_max || lines >= self.group_lines_max;
                next = if full || unit.is_some() {
                    None
                } else {
                    queue.try_recv().ok()
                };
            }
            for group in split(waiting) {
                self.carry_out(group).await;
            }
            if let Some((together, submissions)) = unit {
                self.carry_out_as_one(together, submissions).await;
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
        match self.commit(&waiting).await {
            Ok(answers) => {
                for (submission, answer) in waiting.into_iter().zip(answers) {
                    submission.answer(answer);
                }
            }
            Err(error) => {
                for submission in waiting {
                    submission.answer(Err(error.clone()));
                }
            }
        }
    }

    /// One answer per submission; or the failure that rolled the whole group back.
    async fn commit(&self, waiting: &[Submission]) -> Result<Vec<Answer>, ErpError> {
        let mut work = self.unit_of_work.begin().await?;
        let (answers, events) = self.plan_and_save(work.as_mut(), waiting, self.clock.now()).await?;
        if !events.is_empty() {
            work.commit().await?;
            self.tell(events);
        }
        Ok(answers)
    }

    /// A batch in one transaction, group by group.
    async fn carry_out_as_one(&self, together: Together, batch: Vec<(usize, Submission)>) {
        let (places, submissions): (Vec<usize>, Vec<Submission>) = batch.into_iter().unzip();
        metrics::histogram!(GROUP_COMMANDS).record(submissions.len() as f64);
        let groups = split(submissions);
        let answers = match self.commit_as_one(together, &groups).await {
            Ok(answers) => answers,
            Err(error) => vec![Err(error); places.len()],
        };
        let refused = answers.iter().zip(&places).find_map(|(answer, place)| {
            let error = answer.as_ref().err()?;
            Some(ErpError::BatchRefused {
                index: *place,
                code: error.code(),
                reason: error.to_string(),
            })
        });
        for (submission, answer) in groups.into_iter().flatten().zip(answers) {
            submission.answer(match (&refused, together) {
                (Some(refused), Together::Whole) => answer.and(Err(refused.clone())),
                _ => answer,
            });
        }
    }

    async fn commit_as_one(&self, together: Together, groups: &[Vec<Submission>]) -> Result<Vec<Answer>, ErpError> {
        let now = self.clock.now();
        let mut work = self.unit_of_work.begin().await?;
        let (mut answers, mut events) = (Vec::new(), Vec::new());
        for group in groups {
            let (of_group, happened) = self.plan_and_save(work.as_mut(), group, now).await?;
            answers.extend(of_group);
            events.extend(happened);
        }
        if together == Together::Whole && answers.iter().all(Answer::is_ok) {
            work.commit().await?;
            self.tell(events);
        }
        Ok(answers)
    }

    fn tell(&self, events: Vec<Event>) {
        for event in events {
            // An error means that nobody listens.
            let _ = self.events.send(Arc::new(event));
        }
    }

    /// With what happens when it is committed.
    async fn plan_and_save(
        &self,
        work: &mut dyn Work,
        waiting: &[Submission],
        now: Timestamp,
    ) -> Result<(Vec<Answer>, Vec<Event>), ErpError> {
        let mut books = load(work, waiting, now).await?;
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
            return Ok((answers, Vec::new()));
        }
        for (tenant, books) in &mut books {
            let stock = books.take_moved();
            group
                .stock
                .extend(stock.map(|(product, timeline)| (tenant.clone(), product, timeline)));
        }
        let positions = work.save(&group).await?;
        let events = positions.into_iter().zip(group.accepted);
        Ok((
            answers,
            events.map(|(position, accepted)| accepted.event(position)).collect(),
        ))
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
        let now = submission.decided_at(now);
        let command = submission.given.map_or_else(CommandId::new, |given| given.command);
        let mut postings = ids::of_command(command, || {
            books.chart.name_fresh();
            let mut postings = plan::plan(&submission.command, books, now, submission.advice)?;
            if submission.needs_approval() {
                books.check_approved(&postings, submission.approvals.as_deref())?;
            }
            // Books from before there were accounts as rows get them with whatever comes first.
            if !postings.entries.is_empty() || books.has_posted() {
                let fresh = books.chart.take_fresh(now);
                postings.accounts.splice(0..0, fresh);
            }
            Ok::<_, ErpError>(postings)
        })?;
        let circumstances = Circumstances::of(submission, now);
        let journalled = journalled::kept(&circumstances, &submission.body)?;
        let (event, subject) = submission.command.event();
        books.apply(&mut postings);
        let receipt = receipt_of(command, &postings, books);
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
            decided_at: now,
            event,
            subject: Arc::clone(subject.unwrap_or(&receipt.number)),
            journalled,
            postings,
            receipt,
        })))
    }
}

type Answer = Result<Receipt, ErpError>;

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
                None => about.iter().any(|number| may_draw(other.command.kind(), number)),
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
        let now = submission.decided_at(now);
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

fn receipt_of(command: CommandId, postings: &Postings, books: &Books) -> Receipt {
    // What has no money of its own says its nothing in the company's.
    let is_bare = postings.kind.prefix().is_none() && postings.amount_minor == 0 && postings.entries.is_empty();
    let base = books.base().filter(|_| is_bare);
    Receipt {
        command,
        kind: postings.kind,
        id: postings.id,
        number: Arc::clone(&postings.number),
        entry: postings.entries.first().map(|entry| Arc::clone(entry.number())),
        currency: base.unwrap_or(postings.currency),
        amount_minor: postings.amount_minor,
        at: postings.at,
        repeated: false,
    }
}
