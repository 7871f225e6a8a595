//! A PostgreSQL database as a [`ChangeSource`]: who reads from where, by which connection.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use cortex_ingest::{ChangeSlice, ChangeSource, IngestError, SourceBook};
use cortex_types::{Position, SourceId, TenantId, Timestamp};
use fail::fail_point;
use tokio::sync::{Mutex, OnceCell, watch};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::log;
use crate::opening::{Exported, Opening};
use crate::tables::Tables;
use crate::window::{Taken, Window};
use crate::wire::Connection;
use crate::{Lsn, PostgresConfig, PostgresError};

/// A connection of which nobody took anything for so long is closed: its reader failed, or stands elsewhere by now.
const UNUSED_MAX: Duration = Duration::from_secs(60);

/// Each reader has a connection of its own, from where it stands. The first reads from the slot; one that reads elsewhere
/// at the same time, from a temporary copy of it.
#[derive(Debug)]
pub struct PostgresSource {
    pub(crate) config: PostgresConfig,
    book: Arc<dyn SourceBook>,
    tables: OnceCell<Arc<Tables>>,
    readers: Mutex<Readers>,
    commits: watch::Sender<u64>,
    /// The end of the log, as far as somebody waits for it.
    head_wanted: Arc<AtomicU64>,
    /// Up to here every reader has made everything durable.
    confirmed: Arc<AtomicU64>,
}

#[derive(Debug, Default)]
struct Readers {
    reading: Vec<Reader>,
    /// The session that holds the snapshot open.
    exported: Option<Exported>,
}

impl Readers {
    /// Whoever waits for the changes of one that goes is woken, and opens another.
    fn prune(&mut self) {
        self.reading
            .retain(|reader| reader.window.unused_for() < UNUSED_MAX && !reader.window.is_over());
    }
}

#[derive(Debug)]
struct Reader {
    window: Arc<Window>,
    uses_slot: bool,
    cancel: CancellationToken,
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.cancel.cancel();
    }
}

impl PostgresSource {
    /// Connects when it is first asked for something.
    #[must_use]
    pub fn new(config: PostgresConfig, book: Arc<dyn SourceBook>) -> Self {
        Self {
            config,
            book,
            tables: OnceCell::new(),
            readers: Mutex::default(),
            commits: watch::Sender::new(0),
            head_wanted: Arc::default(),
            confirmed: Arc::default(),
        }
    }

    fn failed(&self, error: PostgresError) -> IngestError {
        error.of(&self.config.source)
    }

    pub(crate) async fn tables(&self) -> Result<&Arc<Tables>, PostgresError> {
        let open = || async {
            let PostgresConfig {
                source,
                address,
                tables,
                ..
            } = self.config.clone();
            let tables = Tables::open(source, address, tables, Arc::clone(&self.book)).await?;
            Ok(Arc::new(tables))
        };
        self.tables.get_or_try_init(open).await
    }

    fn opening<'a>(&'a self, tables: &'a Arc<Tables>) -> Opening<'a> {
        Opening {
            config: &self.config,
            tables,
            commits: &self.commits,
            head_wanted: &self.head_wanted,
            confirmed: &self.confirmed,
        }
    }

    /// Whoever reads on from `after`; a new connection where nobody does.
    async fn reader_at(&self, after: &Position) -> Result<Arc<Window>, PostgresError> {
        let tables = self.tables().await?;
        let mut readers = self.readers.lock().await;
        let there = readers.reading.iter().find(|reader| reader.window.next() == *after);
        if let Some(reader) = there {
            return Ok(Arc::clone(&reader.window));
        }
        readers.prune();
        let (window, cancel, uses_slot) = self.start(tables, &mut readers, after, None).await?;
        let reader = Reader {
            window: Arc::clone(&window),
            uses_slot,
            cancel,
        };
        readers.reading.push(reader);
        Ok(window)
    }

    /// A connection that reads from `after`, and whether it has the slot itself.
    async fn start(
        &self,
        tables: &Arc<Tables>,
        readers: &mut Readers,
        after: &Position,
        until: Option<&Position>,
    ) -> Result<(Arc<Window>, CancellationToken, bool), PostgresError> {
        let opening = self.opening(tables);
        let notes = tables.notes().await;
        if after.epoch > notes.epoch {
            return Err(PostgresError::HistoryLost(format!(
                "a reader stands at {after}, of which nothing was noted: the notes are of an older copy of Cortex's \
                 database; restore database and lake from one backup"
            )));
        }
        if !notes.lacks_snapshot(after) {
            let has_slot = until.is_none() && !readers.reading.iter().any(|reader| reader.uses_slot);
            let (window, cancel) = opening.stream(&notes, after, until, has_slot).await?;
            return Ok((window, cancel, has_slot));
        }
        let exported = self.exported(&opening, readers).await?;
        let (window, cancel) = opening.snapshot(exported, after, until).await?;
        Ok((window, cancel, false))
    }

    /// The snapshot that is to be read, from a new slot where there is none. A slot that is made anew ends all that was read from the
    /// one before.
    async fn exported<'r>(
        &self,
        opening: &Opening<'_>,
        readers: &'r mut Readers,
    ) -> Result<&'r Exported, PostgresError> {
        let epoch = opening.tables.notes().await;
        let is_current = |exported: &Exported| exported.epoch() == epoch.epoch && !epoch.renew;
        if !readers.exported.as_ref().is_some_and(is_current) {
            readers.exported = None;
            readers.reading.clear();
            readers.exported = Some(opening.export().await?);
        }
        readers
            .exported
            .as_ref()
            .ok_or_else(|| PostgresError::protocol("no snapshot"))
    }

    /// Lets go of the slot.
    pub(crate) async fn stop_reading(&self) {
        self.readers.lock().await.reading.clear();
    }

    /// Forgets a connection that is over.
    async fn forget(&self, window: &Arc<Window>) {
        let mut readers = self.readers.lock().await;
        readers.reading.retain(|reader| !Arc::ptr_eq(&reader.window, window));
    }

    /// A connection that reads from `after` on, up to `to` at most. [`IngestError::Superseded`] where that was of a snapshot that
    /// is gone: another one is another.
    async fn range_from(&self, after: &Position, to: &Position) -> Result<(Arc<Window>, DropGuard), IngestError> {
        let tables = self.tables().await.map_err(|error| self.failed(error))?;
        let notes = tables.notes().await;
        let mut readers = self.readers.lock().await;
        let is_kept = |exported: &Exported| exported.epoch() == notes.epoch;
        let lacks = notes.lacks_snapshot(after) && !readers.exported.as_ref().is_some_and(is_kept);
        if lacks || to.epoch < notes.epoch {
            return Err(IngestError::Superseded {
                source_id: self.config.source.to_string(),
                after: after.to_string(),
                to: to.to_string(),
            });
        }
        let started = self.start(tables, &mut readers, after, Some(to)).await;
        let (window, cancel, _) = started.map_err(|error| self.failed(error))?;
        let branched = tables.notes().await.branched;
        if after.commit < branched && branched < to.commit {
            // It may have been planned before the failover, of a history that went another way.
            let PostgresConfig { source, address, .. } = &self.config;
            return Err(self.failed(PostgresError::HistoryLost(format!(
                "{address} went on from another history at {}, in the middle of what was being written: some of it may never have \
                 happened there; to read the tables anew: cortex ingest resnapshot {source}",
                Lsn(branched)
            ))));
        }
        Ok((window, cancel.drop_guard()))
    }

    pub(crate) async fn standing_readers(&self) -> Result<BTreeMap<String, Position>, PostgresError> {
        let readers = self.book.readers(&self.config.source).await;
        readers.map_err(PostgresError::Book)
    }

    async fn end_of_log(&self) -> Result<Position, PostgresError> {
        let tables = self.tables().await?;
        let standing = self.standing_readers().await?;
        let notes = tables.notes().await;
        if !notes.has_whole_snapshot() || standing.values().any(|reader| notes.lacks_snapshot(reader)) {
            // Whoever reads will need it, and its end is where the newest epoch is.
            let mut readers = self.readers.lock().await;
            self.exported(&self.opening(tables), &mut readers).await?;
        }
        let notes = tables.notes().await;
        let mut connection = Connection::open(&self.config.address).await?;
        let mut end = log::end_of_records(&mut connection).await?;
        if end.0 <= notes.consistent {
            // Behind the snapshot, whether or not anything happens.
            end = log::mark(&mut connection).await?;
        }
        self.head_wanted.fetch_max(end.0, Ordering::AcqRel);
        Ok(Position::new(Arc::clone(&self.config.source), notes.epoch, end.0, 0))
    }

    /// What the database never wrote does not come, however long it is waited for.
    async fn check_reaches(&self, to: &Position) -> Result<(), PostgresError> {
        let end = log::end_of_log(&mut Connection::open(&self.config.address).await?).await?;
        if end.0 >= to.commit {
            return Ok(());
        }
        let PostgresConfig { source, address, .. } = &self.config;
        Err(PostgresError::HistoryLost(format!(
            "the log of {address} ends at {end}, but it was read up to {to}: the database is an older copy of itself; to read \
             the tables anew: cortex ingest resnapshot {source}"
        )))
    }

    async fn confirm(&self) -> Result<(), PostgresError> {
        let readers = self.standing_readers().await?;
        let notes = self.tables().await?.notes().await;
        let Some(slowest) = readers.values().min() else {
            return Ok(());
        };
        if !notes.lacks_snapshot(slowest) && slowest.epoch == notes.epoch {
            let before = self.confirmed.fetch_max(slowest.commit, Ordering::AcqRel);
            let mut readers = self.readers.lock().await;
            // Nobody needs it any more, and the server keeps dead rows for it.
            readers.exported = None;
            readers.prune();
            if before < slowest.commit && !readers.reading.iter().any(|reader| reader.uses_slot) {
                // No walsender hears of it.
                let mut connection = Connection::open(&self.config.address).await?;
                log::advance_slot(&mut connection, &self.config.slot, Lsn(slowest.commit)).await?;
            }
        }
        Ok(())
    }
}

#[async_trait]
impl ChangeSource for PostgresSource {
    fn id(&self) -> SourceId {
        Arc::clone(&self.config.source)
    }

    async fn read(&self, after: &Position, _changes_min: usize) -> Result<Option<ChangeSlice>, IngestError> {
        loop {
            let window = self.reader_at(after).await.map_err(|error| self.failed(error))?;
            match window.take(after).await {
                Taken::Slice(slice) => return Ok(Some(slice)),
                Taken::Nothing => return Ok(None),
                Taken::Elsewhere => {}
                Taken::Over(why) => {
                    self.forget(&window).await;
                    if let Some(why) = why {
                        return Err(self.failed(why));
                    }
                }
            }
        }
    }

    async fn read_range(&self, after: &Position, to: &Position) -> Result<ChangeSlice, IngestError> {
        let (mut at, mut slices) = (after.clone(), Vec::new());
        // A range may begin in a snapshot and end behind it.
        while at < *to {
            let (begin, (window, _stop)) = (at.clone(), self.range_from(&at, to).await?);
            loop {
                match window.take(&at).await {
                    Taken::Slice(slice) => {
                        at = slice.to.clone();
                        slices.push(slice);
                    }
                    Taken::Nothing => self.check_reaches(to).await.map_err(|error| self.failed(error))?,
                    Taken::Over(None) | Taken::Elsewhere => break,
                    Taken::Over(Some(error)) => return Err(self.failed(error)),
                }
            }
            if at == begin {
                break;
            }
        }
        let joined = ChangeSlice::join(slices)?.filter(|joined| joined.to == *to);
        joined.ok_or_else(|| {
            self.failed(PostgresError::protocol(format!(
                "no changes end at {to}, but they did before"
            )))
        })
    }

    fn commits(&self) -> watch::Receiver<u64> {
        self.commits.subscribe()
    }

    async fn head(&self) -> Result<Position, IngestError> {
        self.end_of_log().await.map_err(|error| self.failed(error))
    }

    /// The origin: what the slot does not keep any more is in the next snapshot.
    async fn kept_after(&self) -> Result<Position, IngestError> {
        Ok(Position::origin(self.id()))
    }

    /// Of what was read and not taken.
    async fn pending_since(
        &self,
        after: &Position,
        tenant: &TenantId,
        table: &str,
    ) -> Result<Option<Timestamp>, IngestError> {
        if *tenant != self.config.tenant {
            return Ok(None);
        }
        let readers = self.readers.lock().await;
        let waiting = readers
            .reading
            .iter()
            .filter_map(|reader| reader.window.pending_since(after, table));
        Ok(waiting.min())
    }

    async fn acknowledge(&self, reader: &str, upto: &Position) -> Result<(), IngestError> {
        // Whoever does not know where a reader stands says that it has nothing. What it has acknowledged it has.
        let stands = self.book.readers(&self.config.source).await?.remove(reader);
        if stands.is_some_and(|stands| stands > *upto) {
            return Ok(());
        }
        self.book.acknowledge(&self.config.source, reader, upto).await?;
        fail_point!("replication::before-confirm", |_| Err(
            self.failed(PostgresError::failpoint())
        ));
        self.confirm().await.map_err(|error| self.failed(error))
    }
}
