use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use cortex_erp::postings::Group;
use cortex_erp::{Books, ErpError, References, UnitOfWork, Work};
use cortex_store::sql::Pool;
use cortex_store::{Database, StoreError, WriteTransaction};
use cortex_types::{Coded, RequestContext, TenantId};

use crate::read::Settings;
use crate::{read, write};

/// Companies whose settings are kept.
const COMPANIES_KEPT: usize = 256;

/// The ledger in a [`Database`] that was migrated with [`MIGRATIONS`](crate::MIGRATIONS). Cheap to clone.
#[derive(Clone, Debug)]
pub struct SqlLedger {
    database: Database,
    kept: Arc<Mutex<Kept>>,
}

/// The settings of companies as a commit of this ledger left them. Commits are numbered in their order: where another came
/// behind it, by whomever, they are read again.
#[derive(Debug, Default)]
struct Kept {
    commit_no: u64,
    of: HashMap<TenantId, Arc<Settings>>,
}

impl SqlLedger {
    #[must_use]
    pub fn new(database: Database) -> Self {
        Self {
            database,
            kept: Arc::default(),
        }
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
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let is_next = kept.commit_no + 1 == transaction.commit_no();
        let known = if is_next { kept.of.clone() } else { HashMap::new() };
        drop(kept);
        Ok(Box::new(SqlWork {
            ledger: self.clone(),
            transaction,
            known,
        }))
    }
}

struct SqlWork {
    ledger: SqlLedger,
    transaction: WriteTransaction,
    /// Settings as they are in this transaction.
    known: HashMap<TenantId, Arc<Settings>>,
}

impl SqlWork {
    async fn settings(&mut self, tenant: &TenantId) -> Result<Arc<Settings>, sqlx::Error> {
        if let Some(known) = self.known.get(tenant) {
            return Ok(Arc::clone(known));
        }
        let settings = Settings::read(self.transaction.connection(), tenant.as_str()).await?;
        let settings = Arc::new(settings);
        if self.known.len() >= COMPANIES_KEPT {
            self.known.clear();
        }
        self.known.insert(tenant.clone(), Arc::clone(&settings));
        Ok(settings)
    }
}

#[async_trait]
impl Work for SqlWork {
    async fn load(&mut self, tenant: &TenantId, wanted: &References) -> Result<Books, ErpError> {
        self.transaction
            .work_for([tenant])
            .await
            .map_err(failed("load the books"))?;
        let database = self.ledger.database.clone();
        let unread = |error| failed("load the books")(database.failed(error));
        let settings = self.settings(tenant).await.map_err(&unread)?;
        read::books(self.transaction.connection(), tenant.as_str(), wanted, &settings)
            .await
            .map_err(&unread)
    }

    async fn save(&mut self, group: &Group) -> Result<Vec<u64>, ErpError> {
        for accepted in &group.accepted {
            if Settings::are_changed_by(&accepted.postings) {
                self.known.remove(&accepted.ctx.tenant);
            }
        }
        write::save(&mut self.transaction, group)
            .await
            .map_err(failed("save the documents"))
    }

    async fn commit(self: Box<Self>) -> Result<(), ErpError> {
        let Self {
            ledger,
            transaction,
            known: of,
        } = *self;
        let commit_no = transaction.commit().await.map_err(failed("commit"))?;
        *ledger.kept.lock().unwrap_or_else(PoisonError::into_inner) = Kept { commit_no, of };
        Ok(())
    }
}

pub(crate) fn failed(what: &'static str) -> impl Fn(StoreError) -> ErpError {
    move |error| ErpError::storage(what, error.code(), error)
}
