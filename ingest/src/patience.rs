//! What a failure means for whoever moves changes: wait and try again, or end.

use std::time::Duration;

use cortex_types::{Coded, ErrorCode};
use tokio_util::sync::CancellationToken;

use crate::IngestError;
use crate::telemetry::RETRIES_TOTAL;

/// Waits longer after each failure in a row; without a token, not at all.
#[derive(Debug)]
pub(crate) struct Patience {
    cancel: Option<CancellationToken>,
    /// How many failures in a row are waited for; none where it is any number.
    tries_max: Option<u32>,
    tries: u32,
    shortest: Duration,
    longest: Duration,
    next: Duration,
}

impl Patience {
    pub(crate) fn new(cancel: Option<CancellationToken>, (shortest, longest): (Duration, Duration)) -> Self {
        Self {
            cancel,
            tries_max: None,
            tries: 0,
            shortest,
            longest,
            next: shortest,
        }
    }

    /// Gives up after so many failures in a row.
    pub(crate) fn at_most(mut self, tries: u32) -> Self {
        self.tries_max = Some(tries);
        self
    }

    /// Something succeeded.
    pub(crate) fn restore(&mut self) {
        self.tries = 0;
        self.next = self.shortest;
    }

    /// Returns when it is time to try again; gives the error back when waiting cannot help, did not, or was cancelled.
    pub(crate) async fn wait(&mut self, who: &str, error: IngestError) -> Result<(), IngestError> {
        let exhausted = self.tries_max.is_some_and(|most| self.tries >= most);
        let Some(cancel) = self.cancel.as_ref().filter(|_| may_pass(error.code()) && !exhausted) else {
            return Err(error);
        };
        self.tries += 1;
        metrics::counter!(RETRIES_TOTAL, "sink" => who.to_owned()).increment(1);
        tracing::warn!(
            module = "ingest",
            at = who,
            code = error.code().as_str(),
            retry_in_ms = self.next.as_millis() as u64,
            error = &error as &dyn std::error::Error,
            "changes could not be moved; trying again"
        );
        tokio::select! {
            () = tokio::time::sleep(self.next) => {}
            () = cancel.cancelled() => return Err(error),
        }
        self.next = (self.next * 2).min(self.longest);
        Ok(())
    }
}

/// Whether waiting can help. A full disk is emptied and a lake comes back; lost history or a bad schema stays.
fn may_pass(code: ErrorCode) -> bool {
    matches!(
        code,
        ErrorCode::StorageFailed | ErrorCode::Unavailable | ErrorCode::Overloaded | ErrorCode::DeadlineExceeded
    )
}
