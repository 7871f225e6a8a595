//! Connections that read: from the slot, from a copy of it, and from a snapshot.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant};

use cortex_types::Position;
use fail::fail_point;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::catalog::{self, CatalogTable};
use crate::decoder::Decoder;
use crate::error::sqlstate;
use crate::log;
use crate::notes::Notes;
use crate::publication;
use crate::rows::{Origin, Transaction};
use crate::snapshot::SnapshotReader;
use crate::stream::{Stream, bytes_read};
use crate::tables::Tables;
use crate::window::Window;
use crate::wire::{Connection, ident, literal};
use crate::{Lsn, PostgresConfig, PostgresError};

const PLUGIN: &str = "pgoutput";
const SLOT_WAIT: Duration = Duration::from_secs(10);
/// How the time of a change is known: its transaction's commit, or that of the snapshot.
const KNOWN_BY: &str = "commit";

/// A session that does nothing but keep a snapshot open.
#[derive(Debug)]
pub(crate) struct Exported {
    _walsender: Connection,
    name: String,
    notes: Notes,
    tables: Vec<CatalogTable>,
}

impl Exported {
    pub(crate) fn epoch(&self) -> u64 {
        self.notes.epoch
    }
}

/// What every connection of a source needs.
pub(crate) struct Opening<'a> {
    pub config: &'a PostgresConfig,
    pub tables: &'a Arc<Tables>,
    pub commits: &'a watch::Sender<u64>,
    pub head_wanted: &'a Arc<AtomicU64>,
    pub confirmed: &'a Arc<AtomicU64>,
}

/// Whether to try again, after a moment, because another connection has the slot: that of a process that just died, say.
async fn waits_for_slot<T>(tried: &Result<T, PostgresError>, since: Instant) -> bool {
    let in_use = matches!(tried, Err(refused) if refused.is(sqlstate::OBJECT_IN_USE));
    let waits = in_use && since.elapsed() < SLOT_WAIT;
    if waits {
        tokio::time::sleep(SLOT_WAIT / 100).await;
    }
    waits
}

/// Drops the slot once nobody reads from it.
pub(crate) async fn drop_slot(connection: &mut Connection, slot: &str) -> Result<(), PostgresError> {
    let since = Instant::now();
    loop {
        let dropped = log::drop_slot(connection, slot).await;
        if !waits_for_slot(&dropped, since).await {
            return dropped;
        }
    }
}

impl Opening<'_> {
    fn origin(&self, notes: &Notes) -> Origin {
        Origin {
            source: Arc::clone(&self.config.source),
            epoch: notes.epoch,
            known_by: KNOWN_BY,
            principal: format!("source:{}", self.config.source),
        }
    }

    fn window(&self, after: &Position) -> Arc<Window> {
        let (commits, head_wanted) = (self.commits.clone(), Arc::clone(self.head_wanted));
        Arc::new(Window::new(after.clone(), commits, head_wanted))
    }

    /// Makes the slot anew, in an epoch of its own, and keeps the snapshot of just then.
    pub(crate) async fn export(&self) -> Result<Exported, PostgresError> {
        let PostgresConfig {
            address,
            slot,
            publication,
            ..
        } = self.config;
        let mut connection = Connection::open(address).await?;
        catalog::check_server(&mut connection).await?;
        let tables = catalog::tables(&mut connection, self.tables.selection()).await?;
        publication::publish(&mut connection, publication, &tables).await?;
        let known = self.tables.notes().await;
        if let Some(old) = log::slot(&mut connection, slot).await? {
            if known.epoch == 0 {
                return Err(PostgresError::NotReady(format!(
                    "there is a replication slot {slot} already, and it is not known whose it is: name another one with \
                     --slot, or drop it, SELECT pg_drop_replication_slot({})",
                    literal(slot)
                )));
            }
            if old.plugin != PLUGIN || old.database != address.database {
                return Err(PostgresError::NotReady(format!(
                    "the replication slot {slot} is somebody else's: it belongs to {} in the database {}; name another one \
                     with --slot",
                    old.plugin, old.database
                )));
            }
            drop_slot(&mut connection, slot).await?;
        }
        let mut walsender = Connection::open_for_replication(address).await?;
        catalog::allow_long_transactions(&mut walsender).await?;
        let (system, timeline) = log::identify(&mut walsender).await?;
        if known.epoch > 0 && system != known.system && !known.renew {
            return Err(self.another_cluster());
        }
        // Whoever stands in an earlier epoch needs the snapshot from here on, also where the next step fails.
        let begun = |notes: &mut Notes| {
            notes.epoch += 1;
            (notes.system, notes.timeline) = (system, timeline);
            (notes.consistent, notes.snapshot_rows, notes.renew) = (u64::MAX, None, false);
        };
        self.tables.note(begun).await?;
        fail_point!("replication::before-slot", |_| Err(PostgresError::failpoint()));
        let (consistent, name) = log::create_slot(&mut walsender, slot).await?;
        fail_point!("replication::after-slot", |_| Err(PostgresError::failpoint()));
        let at = log::now(&mut connection).await?;
        let notes = self
            .tables
            .note(|notes| (notes.consistent, notes.snapshot_at) = (consistent.0, at));
        Ok(Exported {
            notes: notes.await?,
            _walsender: walsender,
            name,
            tables,
        })
    }

    /// Reads the snapshot from `after` on.
    pub(crate) async fn snapshot(
        &self,
        exported: &Exported,
        after: &Position,
        until: Option<&Position>,
    ) -> Result<(Arc<Window>, CancellationToken), PostgresError> {
        let connection = Connection::open(&self.config.address).await?;
        let (window, cancel, notes) = (self.window(after), CancellationToken::new(), &exported.notes);
        let reader = SnapshotReader {
            connection,
            snapshot: exported.name.clone(),
            tables: Arc::clone(self.tables),
            to_read: exported.tables.clone(),
            origin: self.origin(notes),
            tenant: self.config.tenant.clone(),
            transaction: Transaction {
                commit: notes.consistent.saturating_sub(1),
                xid: 0,
                committed_at: notes.snapshot_at,
            },
            after: after.clone(),
            until: until.cloned(),
            renews: notes.epoch > 1,
            window: Arc::clone(&window),
            cancel: cancel.clone(),
        };
        tokio::spawn(reader.run());
        Ok((window, cancel))
    }

    /// Reads changes from `after` on: from the slot itself, or from a copy of it that lasts as long as the connection.
    pub(crate) async fn stream(
        &self,
        notes: &Notes,
        after: &Position,
        until: Option<&Position>,
        has_slot: bool,
    ) -> Result<(Arc<Window>, CancellationToken), PostgresError> {
        let PostgresConfig {
            address,
            slot,
            publication,
            spool_folder,
            ..
        } = self.config;
        let mut walsender = Connection::open_for_replication(address).await?;
        self.check_history(&mut walsender, notes, after).await?;
        self.tell_what_is_not_read(&mut walsender).await?;
        let slot = match has_slot {
            true => slot.clone(),
            false => {
                let copy = format!("{slot}_{:x}", Uuid::new_v4().as_fields().0);
                let (from, to) = (literal(slot), literal(&copy));
                walsender
                    .query(&format!("SELECT pg_copy_logical_replication_slot({from}, {to}, true)"))
                    .await?;
                copy
            }
        };
        let start = format!(
            "START_REPLICATION SLOT {} LOGICAL {} (proto_version '2', streaming 'on', publication_names {})",
            ident(&slot),
            Lsn(after.commit),
            literal(&ident(publication)),
        );
        let since = Instant::now();
        loop {
            let started = walsender.start_replication(&start).await;
            if !waits_for_slot(&started, since).await {
                break started?;
            }
        }

        let (window, cancel) = (self.window(after), CancellationToken::new());
        let decoder = Decoder::new(
            self.origin(notes),
            self.config.tenant.clone(),
            after.clone(),
            until.cloned(),
        );
        let stream = Stream {
            connection: walsender,
            decoder,
            tables: Arc::clone(self.tables),
            window: Arc::clone(&window),
            confirmed: Arc::clone(self.confirmed),
            spool_folder: spool_folder.clone(),
            cancel: cancel.clone(),
            in_progress: Default::default(),
            progress_due: Instant::now(),
            heard_at: Instant::now(),
            bytes_read: bytes_read(&self.config.source),
        };
        tokio::spawn(stream.run());
        Ok((window, cancel))
    }

    async fn tell_what_is_not_read(&self, connection: &mut Connection) -> Result<(), PostgresError> {
        let source = &*self.config.source;
        match catalog::tables(connection, self.tables.selection()).await {
            Ok(tables) => {
                let unread = publication::unpublished(connection, &self.config.publication, &tables).await?;
                if !unread.is_empty() {
                    tracing::warn!(
                        module = "ingest",
                        source,
                        tables = unread.join(", "),
                        "tables are not read until 'cortex ingest resnapshot'"
                    );
                }
                Ok(())
            }
            Err(PostgresError::NotReady(why)) => {
                tracing::warn!(
                    module = "ingest",
                    source,
                    why,
                    "the next snapshot of a source would be refused"
                );
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    fn another_cluster(&self) -> PostgresError {
        let PostgresConfig { source, address, .. } = self.config;
        PostgresError::HistoryLost(format!(
            "{address} is another database cluster than the one that was read until now; to read the tables anew: cortex \
             ingest resnapshot {source}"
        ))
    }

    /// Whether the server still has what comes after `after`, and it is what came after it.
    async fn check_history(
        &self,
        walsender: &mut Connection,
        notes: &Notes,
        after: &Position,
    ) -> Result<(), PostgresError> {
        let PostgresConfig {
            source, slot, address, ..
        } = self.config;
        let again = format!("to read the tables anew: cortex ingest resnapshot {source}");
        let lost = |why: String| Err(PostgresError::HistoryLost(format!("{why}; {again}")));
        let (system, timeline) = log::identify(walsender).await?;
        if system != notes.system {
            return Err(self.another_cluster());
        }
        if timeline != notes.timeline {
            let branched = log::branched_at(walsender, timeline, notes.timeline).await?;
            let Some(branched) = branched.filter(|at| at.0 >= after.commit) else {
                let at = branched.map_or("an unknown place".to_owned(), |at| at.to_string());
                return lost(format!(
                    "{address} went on from another history (timeline {timeline} instead of {}): what was read after {at} \
                     never happened there",
                    notes.timeline
                ));
            };
            self.tables
                .note(|notes| (notes.timeline, notes.branched) = (timeline, branched.0))
                .await?;
        }
        let Some(found) = log::slot(walsender, slot).await? else {
            return lost(format!(
                "the replication slot {slot} is gone from {address}, and with it the changes that were not read yet"
            ));
        };
        let end = log::end_of_log(walsender).await?;
        if end.0 < after.commit {
            return lost(format!(
                "the log of {address} ends at {end}, but it was read up to {}: the database is an older copy of itself",
                Lsn(after.commit)
            ));
        }
        if let Some(why) = found.lost {
            return lost(format!("the replication slot {slot} is of no use any more: {why}"));
        }
        if found.confirmed.0 > after.commit {
            return lost(format!(
                "somebody else read the replication slot {slot} up to {}, but here it was read up to {}",
                found.confirmed,
                Lsn(after.commit)
            ));
        }
        Ok(())
    }
}
