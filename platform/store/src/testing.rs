//! Databases to try things on: a SQLite file each, or, where `CORTEX_TEST_POSTGRES` names a server, a database each on that.

use std::sync::Arc;

use cortex_types::Clock;
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use tempfile::TempDir;
use uuid::Uuid;

use crate::sql::{self, Transaction};
use crate::{Database, DatabaseConfig, MigrationSet, Place, WriteTransaction};

/// The URL of a server on which databases may be made; they are left there.
pub const SERVER: &str = "CORTEX_TEST_POSTGRES";

/// Where an empty database is. The file goes with the value; a database on a server stays until that is thrown away.
#[derive(Debug)]
pub struct Scratch {
    pub folder: TempDir,
    pub config: DatabaseConfig,
}

impl Scratch {
    /// # Panics
    /// Where it cannot be made.
    pub async fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let place = match std::env::var(SERVER) {
            Ok(server) => Place::Server(database_on(&server).await),
            Err(_) => Place::File(folder.path().join("cortex.db")),
        };
        let config = DatabaseConfig::of(place);
        Self { folder, config }
    }

    /// Whether it is a file, for what is true of files alone.
    #[must_use]
    pub fn is_file(&self) -> bool {
        matches!(self.config.place, Place::File(_))
    }

    /// # Panics
    /// Where it cannot be opened or migrated.
    pub async fn open(&self, sets: &[MigrationSet], clock: Arc<dyn Clock>) -> Database {
        let database = Database::open(&self.config, clock).await.expect("a database");
        database.migrate(sets).await.expect("its tables");
        database
    }
}

/// The URL of a new, empty database.
///
/// # Panics
/// Where the server does not let us make one.
pub async fn database_on(server: &str) -> String {
    let name = format!("cortex_{}", Uuid::now_v7().simple());
    let mut connection = PgConnection::connect(server).await.expect("the test server");
    sqlx::query(AssertSqlSafe(format!("CREATE DATABASE {name}")))
        .execute(&mut connection)
        .await
        .expect("a database on the test server");
    let (base, _) = server.rsplit_once('/').expect("a URL that ends in a database");
    format!("{base}/{name}")
}

/// What somebody does who holds the database and wants to change what is posted. Changes are not captured any more either.
///
/// # Panics
/// Where the database refuses.
pub async fn drop_triggers(write: &mut WriteTransaction) {
    let triggers = match write.connection() {
        Transaction::Sqlite(_) => "SELECT 'DROP TRIGGER ' || name FROM sqlite_master WHERE type = 'trigger'",
        Transaction::Postgres(_) => {
            "SELECT 'DROP TRIGGER ' || tgname || ' ON ' || tgrelid::regclass FROM pg_trigger WHERE NOT tgisinternal"
        }
    };
    let drops: Vec<String> = sql::query_scalar(triggers)
        .fetch_all(write.connection())
        .await
        .expect("the triggers");
    for drop in drops {
        sql::query(AssertSqlSafe(drop))
            .execute(write.connection())
            .await
            .expect("a dropped trigger");
    }
}
