//! Commands as they were carried out, so that they can be carried out again.

use std::sync::Arc;

use async_trait::async_trait;
use cortex_types::{CommandId, RequestContext, Timestamp};
use serde::{Deserialize, Serialize};

use crate::sequencer::Submission;
use crate::{Advised, Approvals, Command, CreateParty, ErpError, Event, IdempotencyKey, Known, Receipt};

/// A command with all that its outcome hung on, besides the books: carried out again on the same books it makes the
/// same rows, byte for byte.
#[derive(Clone, Debug, PartialEq)]
pub struct Journalled {
    /// Grows with each command.
    pub position: u64,
    pub key: IdempotencyKey,
    pub circumstances: Circumstances,
    pub command: Command,
    /// What it was answered; its rows have their ids from the id of the command.
    pub receipt: Receipt,
}

/// What a command's outcome hung on, besides the books and itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Circumstances {
    pub decided_at: Timestamp,
    /// Who gave it.
    pub by: Arc<str>,
    /// When its facts could be known and who says so, where that is not the clock.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub declared: Option<(Timestamp, Arc<str>)>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub advised: Option<Advised>,
    /// Who said yes to it before.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub approvals: Option<Approvals>,
    /// A party's name, which the command itself has only a fingerprint of. It can be read as long as the party's key is there.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub sealed: Option<String>,
}

impl Circumstances {
    pub(crate) fn of(submission: &Submission, decided_at: Timestamp) -> Self {
        let declared = match &submission.known {
            Known::ByClock => None,
            Known::Declared { at, by } => Some((*at, Arc::clone(by))),
        };
        let sealed = match &submission.command {
            Command::CreateParty(CreateParty { name_sealed, .. }) => name_sealed.as_ref(),
            _ => None,
        };
        Self {
            decided_at,
            by: Arc::clone(&submission.ctx.principal.id),
            declared,
            advised: submission.advice,
            approvals: submission.approvals.as_deref().cloned(),
            sealed: sealed.map(|name| name.sealed.clone()),
        }
    }

    pub(crate) fn known(&self) -> Known {
        match &self.declared {
            None => Known::ByClock,
            Some((at, by)) => Known::Declared {
                at: *at,
                by: Arc::clone(by),
            },
        }
    }
}

/// Commands in the order in which they were carried out, and what happened by them.
#[async_trait]
pub trait CommandJournal: Send + Sync + std::fmt::Debug {
    /// What happened after a position, `limit` events at most. What came before there was a journal is not among them.
    async fn events(&self, ctx: &RequestContext, after: u64, limit: u32) -> Result<Vec<Event>, ErpError>;

    /// Commands after a position, `limit` of them at most.
    async fn commands(&self, ctx: &RequestContext, after: u64, limit: u32) -> Result<Vec<Journalled>, ErpError>;
}

/// As a command is kept, in JSON.
#[derive(Serialize, Deserialize)]
struct Kept {
    circumstances: Circumstances,
    command: Command,
}

/// The command, whose JSON is at hand, as it is kept.
pub(crate) fn kept(circumstances: &Circumstances, command: &str) -> Result<String, ErpError> {
    let circumstances = serde_json::to_string(circumstances).map_err(|error| unreadable(&error))?;
    Ok(format!("{{\"circumstances\":{circumstances},\"command\":{command}}}"))
}

impl Journalled {
    /// From what was kept.
    pub fn read(position: u64, key: IdempotencyKey, kept: &str, receipt: Receipt) -> Result<Self, ErpError> {
        let kept: Kept = serde_json::from_str(kept).map_err(|error| unreadable(&error))?;
        let Kept {
            circumstances,
            mut command,
        } = kept;
        if let (Command::CreateParty(party), Some(sealed)) = (&mut command, &circumstances.sealed)
            && let Some(name) = &mut party.name_sealed
        {
            name.sealed.clone_from(sealed);
        }
        Ok(Self {
            position,
            key,
            circumstances,
            command,
            receipt,
        })
    }

    pub(crate) const fn id(&self) -> CommandId {
        self.receipt.command
    }
}

fn unreadable(error: &serde_json::Error) -> ErpError {
    ErpError::invalid("command", error.to_string())
}
