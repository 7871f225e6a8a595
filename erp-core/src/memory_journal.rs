//! [`CommandJournal`] of the ledger in memory.

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use cortex_types::RequestContext;

use crate::postings::{Accepted, Document};
use crate::{
    ApprovalRule, CommandJournal, DocumentKind, ErpError, Event, Journalled, MemoryLedger, NumberSeries, PostedBy,
    Rulebook,
};

impl MemoryLedger {
    /// With their positions.
    async fn accepted_after(&self, ctx: &RequestContext, after: u64, limit: u32) -> Vec<(u64, Accepted)> {
        let accepted = (1..).zip(self.accepted(&ctx.tenant).await);
        let wanted = accepted.filter(|(position, _)| *position > after);
        wanted.take(limit as usize).collect()
    }
}

#[async_trait]
impl Rulebook for MemoryLedger {
    async fn approval_rules(&self, ctx: &RequestContext) -> Result<Vec<ApprovalRule>, ErpError> {
        let rules = self.books(&ctx.tenant).await.approval_rules;
        let mut rules: Vec<ApprovalRule> = rules.into_values().collect();
        rules.sort_by_key(|rule| rule.id);
        Ok(rules)
    }

    async fn number_series(&self, ctx: &RequestContext) -> Result<Vec<NumberSeries>, ErpError> {
        let series = self.books(&ctx.tenant).await.number_series;
        let mut series: Vec<NumberSeries> = series.into_values().collect();
        series.sort_by_key(|series| series.id);
        Ok(series)
    }
}

#[async_trait]
impl CommandJournal for MemoryLedger {
    async fn events(&self, ctx: &RequestContext, after: u64, limit: u32) -> Result<Vec<Event>, ErpError> {
        let accepted = self.accepted_after(ctx, after, limit).await;
        Ok(accepted
            .into_iter()
            .map(|(position, accepted)| accepted.event(position))
            .collect())
    }

    async fn commands(&self, ctx: &RequestContext, after: u64, limit: u32) -> Result<Vec<Journalled>, ErpError> {
        let accepted = self.accepted_after(ctx, after, limit).await;
        let read = |(position, accepted): (u64, Accepted)| {
            Journalled::read(position, accepted.key, &accepted.journalled, accepted.receipt)
        };
        accepted.into_iter().map(read).collect()
    }

    async fn posted_by(
        &self,
        ctx: &RequestContext,
        kind: DocumentKind,
        numbers: &[Arc<str>],
    ) -> Result<Vec<PostedBy>, ErpError> {
        let accepted = self.accepted(&ctx.tenant).await;
        let cancellations = accepted
            .iter()
            .filter_map(|accepted| match &accepted.postings.document {
                Document::Cancellation(of) => Some((of.document.id, Arc::clone(&of.number))),
                _ => None,
            });
        let cancellations: HashMap<_, _> = cancellations.collect();
        let wanted = accepted.into_iter().filter(|accepted| {
            let postings = &accepted.postings;
            let is_costed = kind != DocumentKind::Product || !postings.costs.is_empty();
            postings.kind == kind && is_costed && numbers.contains(&postings.number)
        });
        wanted
            .map(|accepted| {
                Ok(PostedBy {
                    command: Journalled::read_command(&accepted.journalled)?,
                    cancelled_by: cancellations.get(&accepted.postings.id).cloned(),
                    number: accepted.postings.number,
                })
            })
            .collect()
    }
}
