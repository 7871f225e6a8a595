//! Commands as they were carried out, so that they can be carried out again.

use std::sync::Arc;

use async_trait::async_trait;
use cortex_types::{CommandId, RequestContext, Timestamp};
use serde::{Deserialize, Deserializer, Serialize};

use crate::sequencer::Submission;
use crate::{Advised, Approvals, Command, DocumentKind, ErpError, Event, IdempotencyKey, Known, Receipt};

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

/// What posted a document.
#[derive(Clone, Debug, PartialEq)]
pub struct PostedBy {
    pub number: Arc<str>,
    pub command: Command,
    /// Number of what cancelled it since.
    pub cancelled_by: Option<Arc<str>>,
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
    /// Personal texts in their order, which the command itself has only fingerprints of. They can be read as long as their keys
    /// are there.
    #[serde(skip_serializing_if = "Vec::is_empty", default, deserialize_with = "one_or_more")]
    pub sealed: Vec<String>,
}

/// A text that stands alone was the only one: as long as names of parties were all that is sealed, they were kept so.
fn one_or_more<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Texts {
        One(String),
        More(Vec<String>),
    }
    Ok(match Texts::deserialize(from)? {
        Texts::One(text) => vec![text],
        Texts::More(texts) => texts,
    })
}

impl Circumstances {
    pub(crate) fn of(submission: &Submission, decided_at: Timestamp) -> Self {
        let declared = match &submission.known {
            Known::ByClock => None,
            Known::Declared { at, by } => Some((*at, Arc::clone(by))),
        };
        let sealed = submission.command.sealed().into_iter();
        Self {
            decided_at,
            by: Arc::clone(&submission.ctx.principal.id),
            declared,
            advised: submission.advice,
            approvals: submission.approvals.as_deref().cloned(),
            sealed: sealed.map(|text| text.sealed.clone()).collect(),
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

    /// What posted documents, by their numbers, and products by their codes. What came before there was a journal is not among them, nor
    /// is what later commands write over, as they do with orders.
    async fn posted_by(
        &self,
        ctx: &RequestContext,
        kind: DocumentKind,
        numbers: &[Arc<str>],
    ) -> Result<Vec<PostedBy>, ErpError>;
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
    /// The command alone, from what was kept. Its personal texts stay sealed away.
    pub fn read_command(kept: &str) -> Result<Command, ErpError> {
        let kept: Kept = serde_json::from_str(kept).map_err(|error| unreadable(&error))?;
        Ok(kept.command)
    }

    /// From what was kept.
    pub fn read(position: u64, key: IdempotencyKey, kept: &str, receipt: Receipt) -> Result<Self, ErpError> {
        let kept: Kept = serde_json::from_str(kept).map_err(|error| unreadable(&error))?;
        let Kept {
            circumstances,
            mut command,
        } = kept;
        for (text, sealed) in command.sealed_mut().into_iter().zip(&circumstances.sealed) {
            text.sealed.clone_from(sealed);
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

#[cfg(test)]
mod tests {
    use cortex_types::Currency;

    use super::*;
    use crate::{DocumentKind, SealedText};

    #[test]
    fn a_name_that_was_kept_alone_is_read_as_one_of_more() {
        let circumstances = r#""decided_at":"2024-01-01T00:00:00Z","by":"ann""#;
        let fingerprint = r#"{"fingerprint":"f"}"#;
        let party = format!(
            r#"{{"create-party":{{"code":"C1","kind":"customer","country":"France","name_sealed":{fingerprint}}}}}"#
        );
        let contact = format!(
            r#"{{"define-contact":{{"party":"C1","contact":"ann","email_sealed":{fingerprint},"phone_sealed":{fingerprint},"is_primary":false,"blocked":false}}}}"#
        );
        for (sealed, command, expected) in [
            (r#""v1.a""#, &party, vec!["v1.a"]),
            (r#"["v1.a"]"#, &party, vec!["v1.a"]),
            (r#"["v1.b","v1.c"]"#, &contact, vec!["v1.b", "v1.c"]),
        ] {
            let kept = format!(r#"{{"circumstances":{{{circumstances},"sealed":{sealed}}},"command":{command}}}"#);
            let receipt = Receipt {
                command: CommandId::new(),
                kind: DocumentKind::Party,
                id: uuid::Uuid::nil(),
                number: "C1".into(),
                entry: None,
                currency: Currency::GBP,
                amount_minor: 0,
                at: Timestamp::MIN,
                repeated: false,
            };
            let read = Journalled::read(1, IdempotencyKey::new("k").unwrap(), &kept, receipt).unwrap();
            let texts = read.command.sealed();
            let texts: Vec<&str> = texts.iter().map(|SealedText { sealed, .. }| sealed.as_str()).collect();
            assert_eq!(texts, expected);
        }
    }
}
