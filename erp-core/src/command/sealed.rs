//! Personal texts within commands.

use serde::{Deserialize, Serialize};

use super::Command;

/// A personal text, sealed already. The body that an idempotency key stands for has its fingerprint alone, because sealing the
/// same text twice gives different ones.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SealedText {
    #[serde(skip)]
    pub sealed: String,
    /// The same for the same text, and made under the keys that it is sealed under: it says nothing once one of them is
    /// destroyed.
    pub fingerprint: String,
}

impl Command {
    /// Its personal texts, in a fixed order.
    pub(crate) fn sealed(&self) -> Vec<&SealedText> {
        match self {
            Self::CreateParty(party) | Self::DefineParty(party) => party.name_sealed.iter().collect(),
            Self::DefineContact(contact) => {
                let texts = [&contact.name_sealed, &contact.email_sealed, &contact.phone_sealed];
                texts.into_iter().flatten().collect()
            }
            _ => Vec::new(),
        }
    }

    /// The same, in the same order.
    pub(crate) fn sealed_mut(&mut self) -> Vec<&mut SealedText> {
        match self {
            Self::CreateParty(party) | Self::DefineParty(party) => party.name_sealed.iter_mut().collect(),
            Self::DefineContact(contact) => {
                let texts = [
                    &mut contact.name_sealed,
                    &mut contact.email_sealed,
                    &mut contact.phone_sealed,
                ];
                texts.into_iter().flatten().collect()
            }
            _ => Vec::new(),
        }
    }
}
