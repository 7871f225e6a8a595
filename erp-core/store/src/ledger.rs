use async_trait::async_trait;
use cortex_erp::postings::Group;
use cortex_erp::{Books, ErpError, References, UnitOfWork, Work};
use cortex_store::sql::Pool;
use cortex_store::{Database, StoreError, WriteTransaction};
use cortex_types::{Coded, RequestContext, TenantId};

use crate::{read, write};

/// The ledger in a [`Database`] that was migrated with [`MIGRATIONS`](crate::MIGRATIONS). Cheap to clone.
#[derive(Clone, Debug)]
pub struct SqlLedger {
    database: Database,
}

impl SqlLedger {
    #[must_use]
    pub fn new(database: Database) -> Self {
        Self { database }
    }

    pub(crate) fn database(&self) -> &Database {
        &self.database
    }

    pub(crate) fn readers_of(&self, ctx: &RequestContext) -> Pool {
        self.database.readers_of(&ctx.tenant)
    }
}

#[async_trait]
impl UnitOfWork for SqlLedger {
    async fn begin(&self) -> Result<Box<dyn Work>, ErpError> {
        let transaction = self.database.begin().await.map_err(failed("begin a transaction"))?;
        Ok(Box::new(SqlWork {
            database: self.database.clone(),
            transaction,
        }))
    }
}

struct SqlWork {
    database: Database,
    transaction: WriteTransaction,
}

#[async_trait]
impl Work for SqlWork {
    async fn load(&mut self, tenant: &TenantId, wanted: &References) -> Result<Books, ErpError> {
        self.transaction
            .work_for([tenant])
            .await
            .map_err(failed("load the books"))?;
        read::books(self.transaction.connection(), tenant.as_str(), wanted)
            .await
            .map_err(|error| failed("load the books")(self.database.failed(error)))
    }

    async fn save(&mut self, group: &Group) -> Result<Vec<u64>, ErpError> {
        write::save(&mut self.transaction, group)
            .await
            .map_err(failed("save the documents"))
    }

    async fn commit(self: Box<Self>) -> Result<(), ErpError> {
        self.transaction.commit().await.map(|_| ()).map_err(failed("commit"))
    }
}

pub(crate) fn failed(what: &'static str) -> impl Fn(StoreError) -> ErpError {
    move |error| ErpError::storage(what, error.code(), error)
}
