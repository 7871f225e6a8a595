//! A business that was: the Online Retail file, week by week.

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use cortex_erp::Erp;
use cortex_erp::import::online_retail::{EntryKind, OnlineRetailOptions, RetailHistory, post_entries};
use cortex_serving::Prediction;
use cortex_types::{RequestContext, Timestamp};

use super::business::{Business, Override, Traded};
use super::report::MoneyLine;

/// A file's documents in the order of their time.
#[derive(Debug)]
pub struct FileHistory {
    history: Arc<RetailHistory>,
    options: OnlineRetailOptions,
}

impl FileHistory {
    pub async fn read(file: &Path) -> anyhow::Result<Self> {
        let path = file.to_owned();
        let history = tokio::task::spawn_blocking(move || RetailHistory::read(&path, false)).await??;
        anyhow::ensure!(
            !history.entries().is_empty(),
            "{} holds no document that could be posted",
            file.display()
        );
        Ok(Self {
            history: Arc::new(history),
            options: OnlineRetailOptions::default(),
        })
    }
}

#[async_trait]
impl Business for FileHistory {
    fn source(&self) -> String {
        format!(
            "Imported from {} ({} lines)",
            self.history.file_name(),
            self.history.line_count()
        )
    }

    fn span(&self) -> (Timestamp, Timestamp) {
        let entries = self.history.entries();
        let first = entries.first().map_or(Timestamp::MIN, |entry| entry.at);
        let last = entries.last().map_or(first, |entry| entry.at);
        (first, Timestamp::from_micros(last.micros().saturating_add(1)))
    }

    async fn trade(
        &mut self,
        erp: &Erp,
        ctx: &RequestContext,
        from: Timestamp,
        to: Timestamp,
    ) -> anyhow::Result<Traded> {
        let entries = self.history.entries();
        let begin = entries.partition_point(|entry| entry.at < from);
        let end = entries.partition_point(|entry| entry.at < to);
        let week = &entries[begin..end];
        let posted = post_entries(erp, ctx, &self.history, week, &self.options).await?;
        let value = |kind| {
            week.iter()
                .filter(|entry| entry.kind == kind)
                .map(|entry| entry.value_minor)
                .sum::<i64>()
        };
        Ok(Traded {
            invoices: week.iter().filter(|entry| entry.kind == EntryKind::Invoice).count() as u64,
            revenue_minor: value(EntryKind::Invoice) - value(EntryKind::CreditNote).abs(),
            rejected: posted.rejects.len() as u64,
        })
    }

    fn advised(&mut self, _model: &str, _predictions: &[Prediction]) -> Vec<Override> {
        Vec::new()
    }

    fn money(&self) -> Vec<MoneyLine> {
        Vec::new()
    }

    fn money_weeks(&self) -> Vec<(String, Vec<f64>)> {
        Vec::new()
    }

    fn assumptions(&self) -> Vec<String> {
        vec![
            "The file has no purchases and no costs: stock on hand begins at nothing and may go below it, no cost of \
             goods is posted, and no margin is reported."
                .to_owned(),
            "Documents are taken as known at the time they carry (known-at = event time).".to_owned(),
            "History cannot follow advice: predictions are remembered and judged by what happened anyway.".to_owned(),
            format!(
                "{} lines of the file were refused, each with its reason.",
                self.history.rejects().len()
            ),
        ]
    }
}
