//! The edge over the ledger in memory.

use std::sync::Arc;

use cortex_erp::{Erp, ErpConfig, InvoiceEntry, InvoiceEntryConfig, MemoryDrafts, MemoryLedger};
use cortex_security::{MasterKey, MemoryAudit, MemorySubjectKeys, RoleAuthorizer, Sealer};
use cortex_types::{Currency, SystemClock};

use crate::{ErpApi, SettledCurrencies};

/// Within a Tokio runtime.
pub(crate) fn api(ledger: &MemoryLedger) -> Arc<ErpApi> {
    let erp = Erp::start(Arc::new(ledger.clone()), Arc::new(SystemClock), &ErpConfig::default());
    let commands = Arc::new(ledger.clone());
    let records = Arc::new(ledger.clone());
    let secret = cortex_runtime::Secret::new("BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc".to_owned() + "=");
    let master = MasterKey::from_secret(&secret).expect("32 bytes");
    Arc::new(ErpApi {
        entry: InvoiceEntry::new(
            erp.clone(),
            Arc::clone(&records) as _,
            None,
            InvoiceEntryConfig::default(),
        ),
        erp,
        records,
        drafts: Arc::new(MemoryDrafts::default()),
        rulebook: Arc::clone(&commands) as _,
        commands,
        authorizer: Arc::new(RoleAuthorizer),
        audit: Arc::<MemoryAudit>::default(),
        clock: Arc::new(SystemClock),
        sealer: Sealer::new(Arc::new(master), Arc::new(MemorySubjectKeys::default())),
        currency: Currency::GBP,
        settled: SettledCurrencies::default(),
    })
}
