//! One replication connection: reads the log, decodes it, and keeps what was decoded until it is taken.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::{Buf, Bytes};
use metrics::Counter;
use tokio_util::sync::CancellationToken;

use crate::PostgresError;
use crate::decoder::Decoder;
use crate::pgoutput::{Message, POSTGRES_EPOCH_MICROS};
use crate::rows::Transaction;
use crate::spool::Spool;
use crate::tables::Tables;
use crate::telemetry::{BYTES_TOTAL, LAG_BYTES};
use crate::window::Window;
use crate::wire::{Connection, standby_status};

/// Changes of a slice, where there are as many; or KiB, where they are large.
pub(crate) const SLICE_CHANGES: usize = 20_000;
/// How often the server is told how far we are; it gives up on whoever is silent for a minute.
const STATUS_EVERY: Duration = Duration::from_secs(5);
/// A server that says nothing for so long, though it was asked, is not there any more.
const SILENCE_MAX: Duration = Duration::from_secs(60);
/// How often readers are told that the log went on without anything for them.
const PROGRESS_EVERY: Duration = Duration::from_secs(10);
/// How soon the server is asked again how far it is, where somebody waits for it to come further.
const ASK_AGAIN_AFTER: Duration = Duration::from_millis(5);
/// What of a spooled transaction is read at once.
const SPOOL_READ_BYTES: usize = 1024 * 1024;
/// Kinds of what the walsender sends, and what stands before the message itself: three numbers of eight bytes.
const LOG_DATA: u8 = b'w';
const KEEPALIVE: u8 = b'k';
const LOG_DATA_HEADER: usize = 24;

pub(crate) struct Stream {
    pub connection: Connection,
    pub decoder: Decoder,
    pub tables: Arc<Tables>,
    pub window: Arc<Window>,
    /// Up to here everything is durable; the server may forget it.
    pub confirmed: Arc<AtomicU64>,
    pub spool_folder: PathBuf,
    pub cancel: CancellationToken,
    pub in_progress: InProgress,
    pub progress_due: Instant,
    pub heard_at: Instant,
    pub bytes_read: Counter,
}

/// Counts what is read of a source.
pub(crate) fn bytes_read(source: &str) -> Counter {
    metrics::counter!(BYTES_TOTAL, "source" => source.to_owned())
}

/// Transactions whose end is not known.
#[derive(Default)]
pub(crate) struct InProgress {
    spools: HashMap<u32, Spool>,
    /// The one whose block is being read.
    current: Option<u32>,
}

impl Stream {
    /// Reads until it is told to stop, or everything was read that is to be.
    pub(crate) async fn run(mut self) {
        let (window, cancel) = (Arc::clone(&self.window), self.cancel.clone());
        window.fill(&cancel, self.read()).await;
    }

    async fn read(&mut self) -> Result<(), PostgresError> {
        let (mut status_due, mut ask_at) = (Instant::now(), None);
        loop {
            let mut heard_of_head = false;
            while let Some(sent) = self.connection.received()? {
                heard_of_head |= self.hear(sent).await?;
                if self.decoder.weight() >= SLICE_CHANGES {
                    self.publish()?;
                }
                self.wait_for_room(&mut status_due).await?;
                self.heard_at = Instant::now();
                if self.decoder.is_done() {
                    return self.publish();
                }
            }
            if self.decoder.rows() > 0 && self.window.is_empty() {
                // What gathers meanwhile comes together.
                self.publish()?;
                self.progress_due = Instant::now() + PROGRESS_EVERY;
            }
            if self.window.is_wanted() {
                if self.decoder.rows() == 0 && heard_of_head && self.owes_progress() {
                    self.publish()?;
                    self.progress_due = Instant::now() + PROGRESS_EVERY;
                } else if heard_of_head && self.decoder.at().commit < self.window.head_wanted() {
                    // It said so before it came there.
                    ask_at = Some(Instant::now() + ASK_AGAIN_AFTER);
                } else if heard_of_head && self.decoder.is_between_transactions() {
                    self.window.nothing();
                }
            }
            let ask = self.window.asks_for_head() || ask_at.is_some_and(|at| at <= Instant::now());
            if ask || status_due <= Instant::now() {
                ask_at = None;
                if self.heard_at.elapsed() > SILENCE_MAX {
                    return Err(self.connection.is_silent());
                }
                // Whatever happens there, it answers this; else it is gone, and nobody said so.
                self.tell(true).await?;
                status_due = Instant::now() + STATUS_EVERY;
                if self.owes_progress() {
                    self.window.wake();
                }
            }
            tokio::select! {
                received = self.connection.wait() => received?,
                () = self.window.asked() => {}
                () = tokio::time::sleep_until(ask_at.unwrap_or(status_due).into()) => {}
            }
        }
    }

    /// Whether readers should know that there was nothing for them: the server keeps its log until they say so. Each time
    /// costs them a note, and where the server keeps those notes too, its log grows by it.
    fn owes_progress(&self) -> bool {
        let (reached, begins) = (self.decoder.at().commit, self.decoder.begins().commit);
        reached > begins && (begins < self.window.head_wanted() || self.progress_due <= Instant::now())
    }

    async fn wait_for_room(&mut self, status_due: &mut Instant) -> Result<(), PostgresError> {
        while self.window.is_full() {
            tokio::select! {
                () = self.window.asked() => {}
                () = tokio::time::sleep_until((*status_due).into()) => {
                    self.tell(false).await?;
                    *status_due = Instant::now() + STATUS_EVERY;
                }
            }
        }
        Ok(())
    }

    /// Whether the server said how far it is.
    async fn hear(&mut self, mut sent: Bytes) -> Result<bool, PostgresError> {
        self.bytes_read.increment(sent.len() as u64);
        let cut_off = |_| PostgresError::protocol("a piece of the log that ends too early");
        match sent.try_get_u8().map_err(cut_off)? {
            LOG_DATA if sent.len() > LOG_DATA_HEADER => {
                sent.advance(LOG_DATA_HEADER);
                self.message(sent).await?;
                Ok(false)
            }
            KEEPALIVE => {
                let end = sent.try_get_u64().map_err(cut_off)?;
                let _sent_at = sent.try_get_u64().map_err(cut_off)?;
                let wants_answer = sent.try_get_u8().map_err(cut_off)? == 1;
                self.decoder.reached(end);
                let lag = end.saturating_sub(self.confirmed.load(Ordering::Acquire));
                metrics::gauge!(LAG_BYTES, "source" => self.tables.source().to_string()).set(lag as f64);
                if wants_answer {
                    self.tell(false).await?;
                }
                Ok(true)
            }
            other => Err(PostgresError::protocol(format!("a piece of the log of kind {other}"))),
        }
    }

    async fn message(&mut self, message: Bytes) -> Result<(), PostgresError> {
        let Some(current) = self.in_progress.current else {
            return self.settled(message).await;
        };
        match Message::read(message.clone(), true)? {
            Message::StreamStop => self.in_progress.current = None,
            _ => {
                let folder = &self.spool_folder;
                let spool = self
                    .in_progress
                    .spools
                    .entry(current)
                    .or_insert_with(|| Spool::below(folder));
                spool.push(&message)?;
            }
        }
        Ok(())
    }

    /// A message outside of any transaction in progress.
    async fn settled(&mut self, message: Bytes) -> Result<(), PostgresError> {
        match Message::read(message, false)? {
            Message::Begin {
                commit_lsn,
                committed_at,
                xid,
            } => self.decoder.begin(Transaction {
                commit: commit_lsn,
                xid,
                committed_at,
            }),
            Message::Commit { end_lsn } => self.decoder.commit(end_lsn),
            Message::Relation { relation } => {
                let (oid, shape) = (relation.oid, self.tables.shape(&relation).await?);
                self.decoder.define(oid, shape);
            }
            Message::Change { change, .. } => self.decoder.change(&change)?,
            Message::StreamStart { xid } => self.in_progress.current = Some(xid),
            Message::StreamAbort { xid, subxid } if xid == subxid => {
                self.in_progress.spools.remove(&xid);
            }
            Message::StreamAbort { xid, subxid } => {
                if let Some(spool) = self.in_progress.spools.get_mut(&xid) {
                    spool.abort(subxid);
                }
            }
            Message::StreamCommit {
                xid,
                commit_lsn,
                end_lsn,
                committed_at,
            } => {
                self.decoder.begin(Transaction {
                    commit: commit_lsn,
                    xid,
                    committed_at,
                });
                if let Some(spool) = self.in_progress.spools.remove(&xid) {
                    self.replay(spool).await?;
                }
                self.decoder.commit(end_lsn);
            }
            Message::StreamStop => return Err(PostgresError::protocol("the end of a block that was not begun")),
            Message::Other => {}
        }
        Ok(())
    }

    /// What a large transaction did, now that it is committed. What a rolled-back part of it said of tables is heard all the same:
    /// the server does not say it again.
    async fn replay(&mut self, mut spool: Spool) -> Result<(), PostgresError> {
        spool.rewind()?;
        let mut status_due = Instant::now() + STATUS_EVERY;
        loop {
            let messages = spool.read(SPOOL_READ_BYTES)?;
            if messages.is_empty() {
                return Ok(());
            }
            for message in messages {
                match Message::read(message, true)? {
                    Message::Relation { relation } => {
                        let (oid, shape) = (relation.oid, self.tables.shape(&relation).await?);
                        self.decoder.define(oid, shape);
                    }
                    Message::Change { xid, change } if !spool.is_aborted(xid) => self.decoder.change(&change)?,
                    _ => {}
                }
                if self.decoder.weight() >= SLICE_CHANGES {
                    self.publish()?;
                    self.wait_for_room(&mut status_due).await?;
                }
            }
            if status_due <= Instant::now() {
                self.tell(false).await?;
                status_due = Instant::now() + STATUS_EVERY;
            }
        }
    }

    /// Hands out what was decoded, if it may end here.
    fn publish(&mut self) -> Result<(), PostgresError> {
        if self.decoder.may_be_handed_out()
            && let Some(slice) = self.decoder.seal()?
        {
            self.window.push(slice);
        }
        Ok(())
    }

    async fn tell(&mut self, ask: bool) -> Result<(), PostgresError> {
        let status = standby_status(self.confirmed.load(Ordering::Acquire), postgres_now(), ask);
        self.connection.reply(&status).await
    }
}

fn postgres_now() -> i64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let micros = now.map_or(0, |since| i64::try_from(since.as_micros()).unwrap_or(i64::MAX));
    micros - POSTGRES_EPOCH_MICROS
}
