//! Who is calling? Bearer tokens: 32 random bytes that the caller keeps and we only know the hash of.

use std::fmt;

use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use cortex_types::{Principal, TenantId, Timestamp};
use sha2::{Digest, Sha256};

use crate::SecurityError;

const PREFIX: &str = "cortex_";

/// A token in clear: shown once, when it is made.
pub struct BearerToken(String);

impl BearerToken {
    #[must_use]
    pub fn generate() -> Self {
        let secret: [u8; 32] = rand::random();
        Self(format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(secret)))
    }

    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    #[must_use]
    pub fn digest(&self) -> TokenDigest {
        TokenDigest::of(&self.0)
    }
}

impl fmt::Debug for BearerToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BearerToken(…)")
    }
}

/// What is stored of a token. A plain SHA-256 is enough, because a token has 256 bits of entropy and is no password.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TokenDigest(String);

impl TokenDigest {
    #[must_use]
    pub fn of(token: &str) -> Self {
        Self(hex::encode(Sha256::digest(token.as_bytes())))
    }

    #[must_use]
    pub fn as_hex(&self) -> &str {
        &self.0
    }
}

/// A known caller, and the one tenant it calls for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    pub tenant: TenantId,
    pub principal: Principal,
    pub expires_at: Option<Timestamp>,
}

/// Turns a bearer token into an identity.
#[async_trait]
pub trait Authenticator: Send + Sync + fmt::Debug {
    /// [`SecurityError::UnknownToken`] or [`SecurityError::TokenExpired`] where it is refused.
    async fn authenticate(&self, token: &str) -> Result<Identity, SecurityError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_not_in_its_debug_output_nor_in_its_digest() {
        let token = BearerToken::generate();
        assert!(!format!("{token:?}").contains(&token.expose()[PREFIX.len()..]));
        assert_eq!(token.digest(), TokenDigest::of(token.expose()));
        assert_ne!(token.digest().as_hex(), token.expose());
    }
}
