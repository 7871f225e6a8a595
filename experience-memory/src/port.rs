//! Where experience is kept.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use cortex_types::{DecisionId, FeedbackId, OutcomeId, RequestContext, TenantId, Timestamp};
use serde::Serialize;

use crate::{Decision, Event, ExperienceError, OutcomeSource, Recorded};

/// Most events of one tenant that may wait for a decision; one more is [`ExperienceError::Overloaded`].
pub const PENDING_MAX: usize = 100_000;

/// The decisions of one call; they are recorded together or not at all.
#[derive(Clone, Debug)]
pub struct DecisionGroup {
    pub ctx: RequestContext,
    pub decisions: Vec<Decision>,
}

#[async_trait]
pub trait ExperienceStore: Send + Sync + fmt::Debug {
    /// Records all groups as one durable commit and lets the events that waited for these decisions join.
    ///
    /// Answers one result per group, in order: a group that repeats a decision id with other content is refused
    /// ([`ExperienceError::DecisionConflict`]) and leaves nothing, while the others go in. The same decision again
    /// changes nothing. The outer error means that none of the groups is there.
    async fn record_decisions(
        &self,
        groups: &[DecisionGroup],
        horizon: Duration,
    ) -> Result<Vec<Result<(), ExperienceError>>, ExperienceError>;

    /// The largest id of a decision here, whosever it is.
    async fn newest_decision(&self) -> Result<Option<DecisionId>, ExperienceError>;

    /// Records events as one durable commit, all or none. Their event ids are distinct within their kind.
    ///
    /// Each joins its decision as [`newest_accepted`](crate::newest_accepted) says, or waits for it. One that is there
    /// already, joined or waiting, changes nothing and is answered as `repeated`; with other content it is
    /// [`ExperienceError::EventConflict`].
    async fn record_events(
        &self,
        ctx: &RequestContext,
        events: &[Event],
        horizon: Duration,
    ) -> Result<Vec<Recorded>, ExperienceError>;

    /// The decision with its feedback and outcomes, each in the order of recording; `None` in another tenant too.
    async fn decision(&self, ctx: &RequestContext, id: DecisionId) -> Result<Option<Remembered>, ExperienceError>;

    /// Newest first.
    async fn decisions(&self, ctx: &RequestContext, query: &DecisionQuery) -> Result<DecisionPage, ExperienceError>;

    /// Decisions of the model that have no outcome of the kind yet, oldest first.
    async fn matured(&self, ctx: &RequestContext, query: &MaturedQuery) -> Result<Vec<Matured>, ExperienceError>;

    /// Decisions with what came of them, in the order of their ids.
    async fn judged(&self, ctx: &RequestContext, query: &JudgedQuery) -> Result<Vec<Judged>, ExperienceError>;

    /// How many events of the tenant wait for their decision.
    async fn pending(&self, ctx: &RequestContext) -> Result<u64, ExperienceError>;

    /// Who has decisions here, in order.
    async fn tenants(&self) -> Result<Vec<TenantId>, ExperienceError>;
}

/// Feedback as it was recorded.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FeedbackEntry {
    pub id: FeedbackId,
    pub event_id: Arc<str>,
    pub action: Option<Arc<str>>,
    pub rating: Option<i64>,
    pub given_at: Timestamp,
    pub given_by: Arc<str>,
}

/// An outcome as it was recorded.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct OutcomeEntry {
    pub id: OutcomeId,
    pub event_id: Arc<str>,
    pub kind: Arc<str>,
    pub value: f64,
    pub observed_at: Timestamp,
    pub source: OutcomeSource,
}

/// A decision and all that is known of it since.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Remembered {
    pub decision: Decision,
    pub feedback: Vec<FeedbackEntry>,
    pub outcomes: Vec<OutcomeEntry>,
}

/// Which decisions to list; an absent field does not restrict.
#[derive(Clone, Debug, Default)]
pub struct DecisionQuery {
    pub model: Option<Arc<str>>,
    pub entity_key: Option<Arc<str>>,
    /// Only what stands behind this place of the listing.
    pub after: Option<DecisionCursor>,
    pub limit: usize,
}

#[derive(Clone, Debug, PartialEq)]
pub struct DecisionPage {
    pub decisions: Vec<Decision>,
    /// Where the next page begins; `None` on the last.
    pub next: Option<DecisionCursor>,
}

/// A place in the listing of decisions, newest first. Written `micros.uuid`; callers pass it back unread.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DecisionCursor {
    pub decided_at: Timestamp,
    pub id: DecisionId,
}

impl From<&Decision> for DecisionCursor {
    fn from(decision: &Decision) -> Self {
        Self {
            decided_at: decision.decided_at,
            id: decision.id,
        }
    }
}

impl fmt::Display for DecisionCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.decided_at.micros(), self.id)
    }
}

impl FromStr for DecisionCursor {
    type Err = ExperienceError;
    fn from_str(text: &str) -> Result<Self, ExperienceError> {
        let parsed = text
            .split_once('.')
            .and_then(|(micros, id)| Some((micros.parse().ok()?, id.parse().ok()?)));
        let (micros, id) = parsed.ok_or_else(|| ExperienceError::Cursor(text.to_owned()))?;
        Ok(Self {
            decided_at: Timestamp::from_micros(micros),
            id,
        })
    }
}

#[derive(Clone, Debug)]
pub struct MaturedQuery {
    pub model: Arc<str>,
    /// The kind of outcome that they lack.
    pub kind: Arc<str>,
    /// Made at or before this.
    pub decided_by: Timestamp,
    pub after: Option<DecisionCursor>,
    pub limit: usize,
}

/// A decision whose outcome can be known by now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Matured {
    pub id: DecisionId,
    pub entity_key: Arc<str>,
    pub decided_at: Timestamp,
}

#[derive(Clone, Debug, Default)]
pub struct JudgedQuery {
    pub model: Option<Arc<str>>,
    pub after: Option<DecisionId>,
    pub limit: usize,
}

/// As much of a decision and its aftermath as judging needs.
#[derive(Clone, Debug, PartialEq)]
pub struct Judged {
    pub id: DecisionId,
    pub model: Arc<str>,
    pub version: u32,
    pub arm: Arc<str>,
    pub propensity: f64,
    pub score: f64,
    pub action: Option<Arc<str>>,
    /// Kind and value, in the order of recording.
    pub outcomes: Vec<(Arc<str>, f64)>,
    /// Ratings of people, in the order of recording.
    pub ratings: Vec<i64>,
    /// Somebody did something else than what was advised.
    pub overridden: bool,
}
