//! `cortex audit`: is the record of changes whole?

use std::sync::Arc;

use clap::Subcommand;
use cortex_security::AuditLog;
use cortex_store::SqlAuditLog;
use cortex_types::SystemClock;

use super::say;
use crate::cli::{Globals, operator};
use crate::failure::{AppError, Failure};
use crate::providers::open_database;

#[derive(Debug, Subcommand)]
pub enum AuditCommand {
    /// Check the hash chain of the tenant's audit records, from the first on
    Verify,
    /// Print the newest records, newest first
    Show {
        #[arg(long, default_value_t = 20)]
        limit: usize,
    },
}

impl AuditCommand {
    pub async fn run(self, globals: &Globals) -> Result<(), Failure> {
        let config = globals.load()?;
        let database = open_database(&config, Arc::new(SystemClock)).await?;
        database.migrate(&[]).await?;
        let audit = SqlAuditLog::new(database);
        let ctx = operator(&config);
        match self {
            Self::Verify => match audit.verify(&ctx).await? {
                None => say("the audit chain holds"),
                Some(record) => {
                    return Err(AppError::AuditBroken {
                        seq: record.seq,
                        at: record.at,
                    }
                    .into());
                }
            },
            Self::Show { limit } => {
                for record in audit.recent(&ctx, limit).await? {
                    let (entry, who) = (&record.entry, &record.principal);
                    say(format!(
                        "{:>6} {}  {:<16} {:<28} {}  {}",
                        record.seq, record.at, who, entry.action, entry.resource, entry.detail
                    ));
                }
            }
        }
        Ok(())
    }
}
