//! The port to the ledger's store: one transaction per group of commands.

use async_trait::async_trait;
use cortex_types::TenantId;

use crate::postings::Group;
use crate::{Books, ErpError, References};

/// Opens transactions on the ledger.
#[async_trait]
pub trait UnitOfWork: Send + Sync + std::fmt::Debug {
    /// Waits for the ledger's writer. From here until the work is committed or dropped nobody else writes, so that what
    /// [`Work::load`] returns stays true.
    async fn begin(&self) -> Result<Box<dyn Work>, ErpError>;
}

/// One transaction. Dropped without [`Work::commit`], it leaves nothing.
#[async_trait]
pub trait Work: Send {
    /// What the ledger of `tenant` knows of what is wanted; what it does not know is absent. No other tenant's rows.
    async fn load(&mut self, tenant: &TenantId, wanted: &References) -> Result<Books, ErpError>;

    /// Writes the rows, the idempotency answers, the levels, the series and one audit entry per command. Each command
    /// becomes one transaction of the change log, in order; answers their positions.
    async fn save(&mut self, group: &Group) -> Result<Vec<u64>, ErpError>;

    /// Durable when it returns.
    async fn commit(self: Box<Self>) -> Result<(), ErpError>;
}
