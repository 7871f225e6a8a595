//! Carrying the journal of commands out again on empty books, to show that the books are what the commands come to.

use cortex_erp::{CommandJournal, Erp, ErpError, Journalled, PAGE_LIMIT_MAX};
use cortex_types::RequestContext;

use crate::SqlLedger;
use crate::contents::tables;

/// Books that were made anew, held against those that there are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replayed {
    pub commands: u64,
    /// Every table, in a fixed order.
    pub tables: Vec<ReplayedTable>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplayedTable {
    pub table: &'static str,
    pub rows: u64,
    /// Of what it holds, whatever the order and whichever the database.
    pub digest: String,
    /// A few rows that only one of the two has; none where both hold the same.
    pub differences: Vec<String>,
}

impl Replayed {
    /// Whether the books are what their commands come to, byte for byte.
    #[must_use]
    pub fn is_same(&self) -> bool {
        self.tables.iter().all(|table| table.differences.is_empty())
    }
}

impl SqlLedger {
    /// Carries every command of a tenant out again, in its order, on `empty` books behind `erp`, and compares what the tables
    /// hold. `done` is told how many commands were carried out so far, and how many there are.
    ///
    /// A command that is answered otherwise than it was is an error which names its position; so are commands from before
    /// there was a journal.
    pub async fn replay(
        &self,
        ctx: &RequestContext,
        empty: &Self,
        erp: &Erp,
        done: &(dyn Fn(u64, u64) + Sync),
    ) -> Result<Replayed, ErpError> {
        let all = self.commands_journalled(ctx).await?;
        let (mut commands, mut after) = (0, 0);
        loop {
            let page = self.commands(ctx, after, PAGE_LIMIT_MAX).await?;
            let Some(newest) = page.last() else { break };
            after = newest.position;
            commands += page.len() as u64;
            carry_out(ctx, erp, page).await?;
            done(commands, all);
        }
        let mut compared = Vec::new();
        for table in tables() {
            compared.push(self.compare(ctx, table, empty).await?);
        }
        Ok(Replayed {
            commands,
            tables: compared,
        })
    }

    async fn compare(
        &self,
        ctx: &RequestContext,
        table: &'static str,
        other: &Self,
    ) -> Result<ReplayedTable, ErpError> {
        let (ours, theirs) = (self.content(ctx, table).await?, other.content(ctx, table).await?);
        let mut differences = Vec::new();
        if ours != theirs {
            let there = self.rows_beyond(ctx, table, other).await?;
            let anew = other.rows_beyond(ctx, table, self).await?;
            differences.extend(there.into_iter().map(|row| format!("only in the books: {row}")));
            differences.extend(anew.into_iter().map(|row| format!("only made anew: {row}")));
        }
        Ok(ReplayedTable {
            table,
            rows: ours.rows,
            digest: ours.digest(),
            differences,
        })
    }
}

/// All that wait for each other go into the queue at once.
async fn carry_out(ctx: &RequestContext, erp: &Erp, commands: Vec<Journalled>) -> Result<(), ErpError> {
    let mut pending = Vec::with_capacity(commands.len());
    for journalled in commands {
        let (position, receipt) = (journalled.position, journalled.receipt.clone());
        pending.push((position, receipt, erp.replay(&ctx.tenant, journalled)?));
    }
    for (position, receipt, pending) in pending {
        let answer = pending.answer().await;
        if answer.as_ref().ok() != Some(&receipt) {
            let answer = answer.map_or_else(|error| error.to_string(), |again| format!("{again:?}"));
            let problem = format!("the command at position {position} was answered {receipt:?}, and now: {answer}");
            return Err(ErpError::invalid("command", problem));
        }
    }
    Ok(())
}
