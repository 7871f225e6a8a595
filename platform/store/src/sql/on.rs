//! Where a statement runs.

use cortex_types::TenantId;
use sqlx::{AssertSqlSafe, PgConnection, Postgres, Sqlite, SqliteConnection, SqlitePool};

use super::readers::Readers;

/// Connections of one kind of database. Cheap to clone.
#[derive(Clone, Debug)]
pub enum Pool {
    Sqlite(SqlitePool),
    Postgres(Readers),
}

/// What is read or written through it is one transaction; dropping it undoes what was written.
#[derive(Debug)]
pub enum Transaction {
    Sqlite(sqlx::Transaction<'static, Sqlite>),
    Postgres(sqlx::Transaction<'static, Postgres>),
}

/// A pool or a transaction, as [`Query`](super::Query) takes it.
#[derive(Debug)]
pub enum On<'c> {
    SqlitePool(SqlitePool),
    Sqlite(&'c mut SqliteConnection),
    PostgresPool(Readers),
    Postgres(&'c mut PgConnection),
}

impl Pool {
    /// The same connections, for reading what is `tenant`'s.
    #[must_use]
    pub fn of(&self, tenant: &TenantId) -> Self {
        match self {
            Self::Sqlite(pool) => Self::Sqlite(pool.clone()),
            Self::Postgres(readers) => Self::Postgres(readers.of(tenant)),
        }
    }

    /// Whatever is read through the transaction is of one moment.
    pub async fn snapshot(&self) -> Result<Transaction, sqlx::Error> {
        Ok(match self {
            Self::Sqlite(pool) => Transaction::Sqlite(pool.begin().await?),
            Self::Postgres(readers) => Transaction::Postgres(readers.snapshot().await?),
        })
    }

    /// Whether the database answers.
    pub async fn ping(&self) -> Result<(), sqlx::Error> {
        match self {
            Self::Sqlite(pool) => pool.acquire().await.map(drop),
            Self::Postgres(_) => super::query("SELECT 1").execute(self).await.map(drop),
        }
    }

    pub(crate) async fn close(&self) {
        match self {
            Self::Sqlite(pool) => pool.close().await,
            Self::Postgres(readers) => readers.close().await,
        }
    }
}

impl Transaction {
    /// Runs statements that take no values and answer no rows, one after another.
    pub(crate) async fn script(&mut self, sql: String) -> Result<(), sqlx::Error> {
        match self {
            Self::Sqlite(transaction) => sqlx::raw_sql(AssertSqlSafe(sql))
                .execute(&mut **transaction)
                .await
                .map(drop),
            Self::Postgres(transaction) => sqlx::raw_sql(AssertSqlSafe(sql))
                .execute(&mut **transaction)
                .await
                .map(drop),
        }
    }

    pub(crate) async fn commit(self) -> Result<(), sqlx::Error> {
        match self {
            Self::Sqlite(transaction) => transaction.commit().await,
            Self::Postgres(transaction) => transaction.commit().await,
        }
    }

    pub async fn rollback(self) -> Result<(), sqlx::Error> {
        match self {
            Self::Sqlite(transaction) => transaction.rollback().await,
            Self::Postgres(transaction) => transaction.rollback().await,
        }
    }
}

impl From<&Pool> for On<'_> {
    fn from(pool: &Pool) -> Self {
        match pool {
            Pool::Sqlite(pool) => Self::SqlitePool(pool.clone()),
            Pool::Postgres(readers) => Self::PostgresPool(readers.clone()),
        }
    }
}

impl<'c> From<&'c mut Transaction> for On<'c> {
    fn from(transaction: &'c mut Transaction) -> Self {
        match transaction {
            Transaction::Sqlite(transaction) => Self::Sqlite(&mut *transaction),
            Transaction::Postgres(transaction) => Self::Postgres(&mut *transaction),
        }
    }
}
