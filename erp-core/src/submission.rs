//! What comes with a command, and what comes back.

use std::fmt;
use std::sync::Arc;

use cortex_types::{CommandId, Currency, Timestamp};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{DocumentKind, ErpError};

const KEY_LENGTH_MAX: usize = 200;

/// Chosen by the caller for one request: the same key with the same body returns the first answer, with another body it
/// is refused. 1 to 200 visible ASCII characters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IdempotencyKey(Arc<str>);

impl IdempotencyKey {
    pub fn new(key: impl Into<Arc<str>>) -> Result<Self, ErpError> {
        let key = key.into();
        let visible = key.bytes().all(|b| (0x20..0x7f).contains(&b));
        if (1..=KEY_LENGTH_MAX).contains(&key.len()) && visible {
            Ok(Self(key))
        } else {
            let problem = format!("must be 1 to {KEY_LENGTH_MAX} visible ASCII characters");
            Err(ErpError::invalid("Idempotency-Key", problem))
        }
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub(crate) fn shared(&self) -> &Arc<str> {
        &self.0
    }
}

impl fmt::Display for IdempotencyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// How it is known when the system could know of a command's facts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Known {
    /// When the transaction is recorded, by the clock.
    ByClock,
    /// As the one who brings history in declares it, such as `event-time+0s`.
    Declared { at: Timestamp, by: Arc<str> },
}

/// The answer to a command that was carried out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    pub command: CommandId,
    pub kind: DocumentKind,
    pub id: Uuid,
    /// Number of the document, or code of the party or product.
    pub number: Arc<str>,
    /// Number of the journal entry, where one was posted.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub entry: Option<Arc<str>>,
    pub currency: Currency,
    /// The document's amount: net of an invoice or credit note, value of a receipt, sum of an entry's debits.
    pub amount_minor: i64,
    /// When it was true.
    pub at: Timestamp,
    /// Whether this is the first answer once more, to a repeated request.
    #[serde(skip)]
    pub repeated: bool,
}

/// An answer that was given before, and the digest of the body it was given to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answered {
    pub digest: [u8; 32],
    pub receipt: Receipt,
}
