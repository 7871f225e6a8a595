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
    shortest: Duration,
    longest: Duration,
    next: Duration,
}

impl Patience {
    pub(crate) fn new(cancel: Option<CancellationToken>, (shortest, longest): (Duration, Duration)) -> Self {
        Self {
            cancel,
            shortest,
            longest,
            next: shortest,
        }
    }

    /// Something succeeded.
    pub(crate) fn restore(&mut self) {
        self.next = self.shortest;
    }

    /// Returns when it is time to try again; gives the error back when waiting cannot help or was cancelled.
    pub(crate) async fn wait(&mut self, who: &str, error: IngestError) -> Result<(), IngestError> {
        let Some(cancel) = self.cancel.as_ref().filter(|_| may_pass(error.code())) else {
            return Err(error);
        };
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
