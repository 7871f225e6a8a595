//! One group of commands into the tables: bulk inserts, table by table, parents before children.

mod bills;
mod company;
mod contacts;
mod fiscal;
mod journal;
mod ledger_state;
mod master_data;
mod open_items;
mod orders;
mod purchasing;
mod sales;
mod stock;
mod taxes;

use cortex_erp::PeriodState;
use cortex_erp::postings::{Accepted, Document, Group, Postings};
use cortex_security::AuditEntry;
use cortex_store::{Known, StoreError, WriteTransaction};
use cortex_types::RequestContext;
use uuid::Uuid;

use crate::{chain, days};

/// A command with the number of its transaction.
pub(crate) struct Numbered<'a> {
    pub tx_no: i64,
    pub tenant: &'a str,
    pub accepted: &'a Accepted,
}

/// Answers the number of each command's transaction.
pub(crate) async fn save(transaction: &mut WriteTransaction, group: &Group) -> Result<Vec<u64>, StoreError> {
    let metas: Vec<(RequestContext, Known)> = group
        .accepted
        .iter()
        .map(|accepted| (accepted.ctx.clone(), known(&accepted.known)))
        .collect();
    let numbers = transaction.transactions(&metas).await?;
    let numbered: Vec<Numbered<'_>> = numbers
        .iter()
        .zip(&group.accepted)
        .map(|(tx_no, accepted)| Numbered {
            tx_no: tx_no.cast_signed(),
            tenant: accepted.ctx.tenant.as_str(),
            accepted,
        })
        .collect();
    company::save(transaction, &numbered).await?;
    master_data::save(transaction, &numbered).await?;
    contacts::save(transaction, &numbered).await?;
    sales::save(transaction, &numbered).await?;
    purchasing::save(transaction, &numbered).await?;
    bills::save(transaction, &numbered).await?;
    orders::save(transaction, &numbered).await?;
    stock::save(transaction, &numbered).await?;
    journal::save(transaction, &numbered).await?;
    open_items::save(transaction, &numbered).await?;
    taxes::save(transaction, &numbered).await?;
    days::add(transaction, &numbered).await?;
    fiscal::save(transaction, &numbered).await?;
    chain::seal(transaction, &numbered).await?;
    ledger_state::save(transaction, group, &numbered).await?;
    audit(transaction, &group.accepted).await?;
    Ok(numbers)
}

fn known(known: &cortex_erp::Known) -> Known {
    match known {
        cortex_erp::Known::ByClock => Known::ByClock,
        cortex_erp::Known::Declared { at, by } => Known::Declared {
            at: *at,
            by: by.clone(),
        },
    }
}

/// One audit entry per command.
async fn audit(transaction: &mut WriteTransaction, accepted: &[Accepted]) -> Result<(), StoreError> {
    let entries = accepted.iter().map(
        |Accepted {
             ctx, receipt, postings, ..
         }| {
            let entry = AuditEntry {
                action: action(postings),
                resource: format!("{}/{}", receipt.kind, receipt.number),
                detail: serde_json::json!({
                    "command": receipt.command,
                    "amount_minor": receipt.amount_minor,
                    "currency": receipt.currency,
                }),
            };
            (ctx, entry)
        },
    );
    transaction.audit_each(entries.collect()).await
}

fn action(postings: &Postings) -> String {
    let what = match &postings.document {
        Document::FiscalYear(year) if year.closed => "close-fiscal-year",
        Document::FiscalYear(_) => "open-fiscal-year",
        Document::FiscalPeriod(period) => match period.state {
            PeriodState::Open => "reopen-fiscal-period",
            PeriodState::SoftClosed => "soft-close-fiscal-period",
            PeriodState::HardClosed => "hard-close-fiscal-period",
        },
        _ => return format!("erp.post-{}", postings.kind),
    };
    format!("erp.{what}")
}

pub(crate) fn id(uuid: Uuid) -> String {
    uuid.hyphenated().to_string()
}
