//! What operators ask of a source, and do with it.

use std::collections::BTreeMap;

use cortex_types::Position;

use crate::catalog::{self, CatalogTable};
use crate::opening::drop_slot;
use crate::wire::Connection;
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

    /// Drops the slot: the database keeps its log for it no more. What it published stays, for it may not be ours.
    pub async fn retire(&self) -> Result<(), PostgresError> {
        self.stop_reading().await;
        let mut connection = Connection::open(&self.config.address).await?;
        if catalog::slot(&mut connection, &self.config.slot).await?.is_none() {
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
            let slot = catalog::slot(&mut connection, &self.config.slot).await?;
            let end = catalog::end_of_log(&mut connection).await?;
            Ok::<_, PostgresError>((slot, end))
        };
        let (end_of_log, trouble) = match asked.await {
            Ok((Some(slot), end)) => (Some(end), slot.lost),
            Ok((None, end)) if readers.is_empty() => (Some(end), Some("not read yet".to_owned())),
            Ok((None, end)) => (
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
}
