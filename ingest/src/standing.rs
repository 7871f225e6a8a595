//! Where each sink stands, as far as this process has seen.

use std::sync::Arc;

use cortex_types::{Coded, ErrorCode, Position, SourceId};
use metrics::Label;
use tokio::sync::watch;

use crate::telemetry::{FAILED, FAILURES_TOTAL};
use crate::{ChangeSink, IngestError};

/// One sink's progress.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SinkStanding {
    pub sink: Arc<str>,
    /// Up to where it is durable.
    pub position: Position,
    /// Why it takes no changes at the moment; it is tried again.
    pub failure: Option<SinkFailure>,
}

/// A failure as people are told of it; its causes are in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SinkFailure {
    pub code: ErrorCode,
    pub detail: String,
}

impl From<&IngestError> for SinkFailure {
    fn from(error: &IngestError) -> Self {
        Self {
            code: error.code(),
            detail: error.to_string(),
        }
    }
}

impl SinkStanding {
    /// The failure as an error, for whoever waits for the sink.
    pub(crate) fn error(&self) -> Option<IngestError> {
        let failure = self.failure.as_ref()?;
        Some(IngestError::Sink {
            sink: self.sink.to_string(),
            code: failure.code,
            detail: failure.detail.clone(),
            source: None,
        })
    }
}

/// The standings of all sinks, by their index. Clones are the same.
#[derive(Clone, Debug)]
pub(crate) struct Standings {
    source: SourceId,
    sinks: watch::Sender<Vec<SinkStanding>>,
}

impl Standings {
    pub(crate) fn new(sinks: &[Arc<dyn ChangeSink>], origin: &Position) -> Self {
        let standing = |sink: &Arc<dyn ChangeSink>| SinkStanding {
            sink: sink.name().into(),
            position: origin.clone(),
            failure: None,
        };
        Self {
            source: Arc::clone(&origin.source),
            sinks: watch::Sender::new(sinks.iter().map(standing).collect()),
        }
    }

    pub(crate) fn all(&self) -> Vec<SinkStanding> {
        self.sinks.borrow().clone()
    }

    pub(crate) fn subscribe(&self) -> watch::Receiver<Vec<SinkStanding>> {
        self.sinks.subscribe()
    }

    /// Whoever waits has to look again.
    pub(crate) fn announce(&self) {
        self.sinks.send_modify(|_| {});
    }

    pub(crate) fn position(&self, index: usize) -> Position {
        self.sinks.borrow()[index].position.clone()
    }

    /// The position that all of these sinks have reached; none where there are no sinks.
    pub(crate) fn slowest(&self, sinks: &[usize]) -> Option<Position> {
        let standings = self.sinks.borrow();
        sinks.iter().map(|index| &standings[*index].position).min().cloned()
    }

    pub(crate) fn has(&self, index: usize, position: &Position) -> bool {
        self.sinks.borrow()[index].position >= *position
    }

    /// What a sink says of itself when it is started; that alone does not end a failure.
    pub(crate) fn stands(&self, index: usize, position: Position) {
        self.sinks.send_modify(|standings| standings[index].position = position);
    }

    /// A sink took changes up to `position`. A slice that it had already may end before where it is.
    pub(crate) fn reached(&self, index: usize, position: &Position) {
        self.sinks.send_modify(|standings| {
            let standing = &mut standings[index];
            standing.failure = None;
            if standing.position < *position {
                standing.position.clone_from(position);
            }
        });
        self.gauge(index, 0.0);
    }

    pub(crate) fn works(&self, index: usize) {
        self.sinks.send_modify(|standings| standings[index].failure = None);
        self.gauge(index, 0.0);
    }

    pub(crate) fn failed(&self, index: usize, error: &IngestError) {
        let failure = SinkFailure::from(error);
        self.sinks
            .send_modify(|standings| standings[index].failure = Some(failure));
        self.gauge(index, 1.0);
        metrics::counter!(FAILURES_TOTAL, self.labels(index)).increment(1);
    }

    fn gauge(&self, index: usize, failed: f64) {
        metrics::gauge!(FAILED, self.labels(index)).set(failed);
    }

    /// Of what is measured of a sink: several sources may have sinks of one name.
    pub(crate) fn labels(&self, index: usize) -> Vec<Label> {
        vec![
            Label::new("source", self.source.to_string()),
            Label::new("sink", self.name(index)),
        ]
    }

    pub(crate) fn name(&self, index: usize) -> String {
        self.sinks.borrow()[index].sink.to_string()
    }
}
