//! The chain of posted entries: each is sealed together with all before it, so none can be changed, taken out or slipped in
//! unseen.

use std::fmt;
use std::str::FromStr;

use sha2::{Digest, Sha256};

use crate::{ErpError, JournalEntryRecord, JournalLine};

/// Say what is hashed, and how; another encoding gets other names.
const CHAIN: &str = "cortex journal chain 1";
const ENTRY: &str = "cortex journal entry 1";
const MORE: &str = "cortex journal lines 1";

/// The hash of an entry and of the link before it: SHA-256 over their fields, texts with their length before them, numbers
/// as eight bytes, little-endian.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link([u8; 32]);

impl Link {
    /// Before the first entry of a tenant's chain.
    #[must_use]
    pub fn start(tenant: &str) -> Self {
        let mut hash = Hash(Sha256::new());
        hash.text(CHAIN);
        hash.text(tenant);
        Self(hash.0.finalize().into())
    }

    /// The link of `entry` behind this one.
    #[must_use]
    pub fn next(self, entry: &JournalEntryRecord) -> Self {
        let mut hash = Hash(Sha256::new());
        hash.text(ENTRY);
        hash.0.update(self.0);
        hash.0.update(entry.id.0.as_bytes());
        hash.text(&entry.number);
        hash.text(entry.document.kind.as_str());
        hash.0.update(entry.document.id.as_bytes());
        hash.text(&entry.memo);
        hash.text(entry.currency.as_str());
        hash.number(entry.posted_at.micros());
        hash.number(entry.lines.len() as i64);
        for line in &entry.lines {
            hash.text(&line.account);
            hash.number(line.debit_minor);
            hash.number(line.credit_minor);
        }
        // What only some entries have, so that those without it hash as they did before there was any.
        let plain = |line: &JournalLine| {
            line.currency == entry.currency && line.base_minor.is_none() && line.cost_centre.is_none()
        };
        if !entry.lines.iter().all(plain) {
            hash.text(MORE);
            for line in &entry.lines {
                hash.text(line.currency.as_str());
                hash.number(i64::from(line.base_minor.is_some()));
                hash.number(line.base_minor.unwrap_or_default());
                hash.text(line.cost_centre.as_deref().unwrap_or_default());
            }
        }
        Self(hash.0.finalize().into())
    }
}

struct Hash(Sha256);

impl Hash {
    fn text(&mut self, text: &str) {
        self.number(text.len() as i64);
        self.0.update(text);
    }

    fn number(&mut self, number: i64) {
        self.0.update(number.to_le_bytes());
    }
}

impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl FromStr for Link {
    type Err = ErpError;
    fn from_str(text: &str) -> Result<Self, ErpError> {
        let mut link = [0; 32];
        hex::decode_to_slice(text, &mut link)
            .map_err(|_| ErpError::invalid("seal", format!("'{text}' is no seal: give the 64 hex digits of one")))?;
        Ok(Self(link))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Chart, DocumentKind, DocumentRef, JournalDraft, Role};
    use cortex_types::{Currency, JournalEntryId, Timestamp};
    use uuid::Uuid;

    fn entry() -> JournalEntryRecord {
        let mut draft = JournalDraft::new(Currency::GBP, "capital");
        draft
            .debit(Chart::default().of(Role::Bank), 10)
            .unwrap()
            .credit(Chart::default().of(Role::Equity), 10)
            .unwrap();
        let document = DocumentRef {
            kind: DocumentKind::JournalEntry,
            id: Uuid::nil(),
        };
        let id = JournalEntryId(Uuid::from_u128(7));
        let posted = draft.post(id, "J-000001".into(), document, Timestamp::from_micros(5));
        (&posted.unwrap()).into()
    }

    #[test]
    fn a_seal_reads_back_from_its_text_and_stays_what_it_is() {
        let link = Link::start("acme").next(&entry());
        assert_eq!(link.to_string().parse::<Link>().unwrap(), link);
        assert!("3fa9".parse::<Link>().is_err());
        // Computed apart from this program: whoever audits the books can do the same.
        let expected = "e7e22f694bc32f3c8b992facc22a3463ae2ec19822cf8ed1b2ac1ee8759228b2";
        assert_eq!(link.to_string(), expected);
    }

    #[test]
    fn whatever_is_changed_changes_the_link() {
        let sealed = entry();
        let link = Link::start("acme").next(&sealed);
        assert_ne!(link.next(&sealed), link, "its place counts");
        assert_ne!(Link::start("globex").next(&sealed), link, "whose it is counts");
        let changes: [fn(&mut JournalEntryRecord); 7] = [
            |entry| entry.memo = "capita".to_owned(),
            |entry| entry.number = "J-000002".into(),
            |entry| entry.posted_at = Timestamp::from_micros(6),
            |entry| entry.currency = Currency::EUR,
            |entry| entry.lines[0].debit_minor = 11,
            |entry| entry.lines.swap(0, 1),
            |entry| entry.document.id = Uuid::from_u128(1),
        ];
        for change in changes {
            let mut changed = sealed.clone();
            change(&mut changed);
            assert_ne!(Link::start("acme").next(&changed), link, "{changed:?}");
        }
    }
}
