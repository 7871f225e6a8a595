//! People at the parties.

use std::sync::Arc;

use cortex_types::{ContactId, PartyId, Timestamp};
use serde::{Deserialize, Serialize};

/// Whom to ask for at a customer or supplier. Personal fields are sealed twice, under the party's key and under the contact's
/// own: destroying either of the two erases them everywhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contact {
    pub id: ContactId,
    pub party_id: PartyId,
    pub party_code: Arc<str>,
    /// One of its party's.
    pub code: Arc<str>,
    /// What it is there for, such as `accounts payable`.
    pub role: String,
    pub name_sealed: Option<String>,
    pub email_sealed: Option<String>,
    pub phone_sealed: Option<String>,
    /// Whether it is asked first; one of a party is.
    pub is_primary: bool,
    pub blocked: bool,
    pub created_at: Timestamp,
}

impl Contact {
    /// Under which subject's key its personal fields are sealed, besides the party's. Codes may have slashes: the length of the
    /// first says where the second begins.
    #[must_use]
    pub fn subject(party: &str, contact: &str) -> String {
        format!("contact/{}/{party}/{contact}", party.len())
    }

    /// What receipts and events call it.
    #[must_use]
    pub fn number(party: &str, contact: &str) -> Arc<str> {
        format!("{party}/{contact}").into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_contacts_share_a_subject_wherever_their_codes_have_slashes() {
        assert_ne!(Contact::subject("A/B", "C"), Contact::subject("A", "B/C"));
    }
}
