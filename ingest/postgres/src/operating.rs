//! What operators ask of a source, and do with it.

use std::collections::BTreeMap;

use cortex_types::Position;

use crate::catalog::{self, CatalogTable};
use crate::log;
use crate::opening::drop_slot;
use crate::publication;
use crate::wire::{Connection, literal};
use crate::{Lsn, PostgresError, PostgresSource};

/// How far a source was read.
#[derive(Clone, Debug)]
pub struct Standing {
    /// Up to where each reader is durable.
    pub readers: BTreeMap<String, Position>,
    pub end_of_log: Option<Lsn>,
    /// Why it may not be read any further.
    pub trouble: Option<String>,
}

impl PostgresSource {
    /// The tables that would be read, in the database's words; or why they cannot be.
    pub async fn look(&self) -> Result<Vec<String>, PostgresError> {
        let mut connection = Connection::open(&self.config.address).await?;
        catalog::check_server(&mut connection).await?;
        let tables = catalog::tables(&mut connection, &self.config.tables).await?;
        Ok(tables.iter().map(CatalogTable::ident).collect())
    }

    /// Has the tables read anew, from a slot that is made anew.
    pub async fn renew(&self) -> Result<(), PostgresError> {
        self.tables().await?.note(|notes| notes.renew = true).await.map(drop)
    }

    /// What a superuser is to run where [`retire`](Self::retire) could not.
    #[must_use]
    pub fn retiring_sql(&self) -> String {
        format!("SELECT pg_drop_replication_slot({})", literal(&self.config.slot))
    }

    /// Drops the slot: the database keeps its log for it no more. What it published stays, for it may not be ours. A source that is
    /// added again under the name begins anew.
    pub async fn retire(&self) -> Result<(), PostgresError> {
        self.stop_reading().await;
        self.renew().await?;
        let mut connection = Connection::open(&self.config.address).await?;
        if log::slot(&mut connection, &self.config.slot).await?.is_none() {
            return Ok(());
        }
        // A server that reads it lets go of it when it sees that the source was removed.
        drop_slot(&mut connection, &self.config.slot).await
    }

    /// How far it was read, and how far the database is. What keeps it from being asked is part of the answer.
    pub async fn standing(&self) -> Result<Standing, PostgresError> {
        let readers = self.standing_readers().await?;
        let asked = async {
            let mut connection = Connection::open(&self.config.address).await?;
            let slot = log::slot(&mut connection, &self.config.slot).await?;
            let end = log::end_of_log(&mut connection).await?;
            let tables = catalog::tables(&mut connection, &self.config.tables).await;
            let unread = match tables {
                Ok(tables) => publication::unpublished(&mut connection, &self.config.publication, &tables).await?,
                Err(PostgresError::NotReady(why)) => vec![why],
                Err(error) => return Err(error),
            };
            Ok::<_, PostgresError>((slot, end, unread))
        };
        let (end_of_log, trouble) = match asked.await {
            Ok((Some(slot), end, unread)) => {
                let notes = self.tables().await?.notes().await;
                let reading = "the tables are being read: the lake has only some of their rows yet".to_owned();
                let reading = (!notes.has_whole_snapshot()).then_some(reading);
                let trouble = slot.lost.or(reading).or_else(|| self.not_read(&unread));
                let lacking = || notes.lacking().map(|what| self.again(what));
                (Some(end), trouble.or_else(lacking))
            }
            Ok((None, end, _)) if readers.is_empty() => (Some(end), Some("not read yet".to_owned())),
            Ok((None, end, _)) => (
                Some(end),
                Some(format!("the replication slot {} is gone", self.config.slot)),
            ),
            Err(error) => (None, Some(error.to_string())),
        };
        Ok(Standing {
            readers,
            end_of_log,
            trouble,
        })
    }

    /// A table that was made after the publication, or made again, is not in it.
    fn not_read(&self, tables: &[String]) -> Option<String> {
        (!tables.is_empty()).then(|| self.again(format!("not read: {}", tables.join(", "))))
    }

    fn again(&self, what: String) -> String {
        let source = &self.config.source;
        format!("{what}; to read all tables anew: cortex ingest resnapshot {source}")
    }
}
