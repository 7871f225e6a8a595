//! PostgreSQL's readers: each sees the rows of one tenant, or of none.

use std::future::Future;

use cortex_types::TenantId;
use sqlx::pool::PoolConnection;
use sqlx::{AssertSqlSafe, PgPool, Postgres, Transaction};

use crate::apart::{SAY_FOR_SESSION, SETTING};

/// Connections that see one tenant's rows of the tables in which tenants are held apart, and everything in the others.
/// Every statement and every snapshot says anew for whom it is, so that what a connection did before does not matter.
#[derive(Clone, Debug)]
pub struct Readers {
    pool: PgPool,
    tenant: Option<TenantId>,
}

impl Readers {
    pub(crate) const fn of_nobody(pool: PgPool) -> Self {
        Self { pool, tenant: None }
    }

    pub(super) fn of(&self, tenant: &TenantId) -> Self {
        Self {
            pool: self.pool.clone(),
            tenant: Some(tenant.clone()),
        }
    }

    fn tenant(&self) -> &str {
        self.tenant.as_ref().map_or("", TenantId::as_str)
    }

    pub(super) async fn acquire(&self) -> Result<PoolConnection<Postgres>, sqlx::Error> {
        self.on_one_that_lives(|| async {
            let mut connection = self.pool.acquire().await?;
            sqlx::query(SAY_FOR_SESSION)
                .bind(self.tenant())
                .execute(&mut *connection)
                .await?;
            Ok(connection)
        })
        .await
    }

    pub(super) async fn snapshot(&self) -> Result<Transaction<'static, Postgres>, sqlx::Error> {
        // A tenant's name has no quotes.
        let begin = format!(
            "BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY; SET LOCAL {SETTING} = '{}'",
            self.tenant()
        );
        self.on_one_that_lives(|| self.pool.begin_with(AssertSqlSafe(begin.clone())))
            .await
    }

    /// The server closes connections as it likes. The pool does not ask before it hands one out: the first thing said on it tells.
    async fn on_one_that_lives<T, F>(&self, attempt: impl Fn() -> F) -> Result<T, sqlx::Error>
    where
        F: Future<Output = Result<T, sqlx::Error>>,
    {
        for _ in 0..self.pool.options().get_max_connections() {
            match attempt().await {
                Err(error) if is_gone(&error) => {}
                done => return done,
            }
        }
        attempt().await
    }

    pub(super) async fn close(&self) {
        self.pool.close().await;
    }
}

/// Whether the connection was lost, by itself or by the server's word (class 57P).
fn is_gone(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_) => true,
        error => error
            .as_database_error()
            .and_then(sqlx::error::DatabaseError::code)
            .is_some_and(|code| code.starts_with("57P")),
    }
}
