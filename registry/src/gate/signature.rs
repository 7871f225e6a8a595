//! HMAC-SHA256 (RFC 2104) over what a gate found, so that a report can only come from this server.

use std::fmt;

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

const BLOCK_BYTES: usize = 64;

/// The server's secret. It lives in the data folder, never in the database that holds the reports.
#[derive(Clone)]
pub struct SigningKey([u8; 32]);

impl SigningKey {
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// A key that nobody else has, from the operating system's randomness.
    #[must_use]
    pub fn generate() -> Self {
        Self(rand::random())
    }

    #[must_use]
    pub const fn expose(&self) -> &[u8; 32] {
        &self.0
    }

    /// Lower-case hex.
    #[must_use]
    pub fn sign(&self, message: &[u8]) -> String {
        hex::encode(hmac_sha256(&self.0, message))
    }

    /// Takes the same time wherever the signatures differ.
    #[must_use]
    pub fn verify(&self, message: &[u8], signature: &str) -> bool {
        hex::decode(signature).is_ok_and(|given| hmac_sha256(&self.0, message).as_slice().ct_eq(&given).into())
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey(…)")
    }
}

fn hmac_sha256(key: &[u8; 32], message: &[u8]) -> [u8; 32] {
    let padded = |pad: u8| -> [u8; BLOCK_BYTES] { std::array::from_fn(|at| key.get(at).copied().unwrap_or(0) ^ pad) };
    let inner = Sha256::new()
        .chain_update(padded(0x36))
        .chain_update(message)
        .finalize();
    Sha256::new()
        .chain_update(padded(0x5c))
        .chain_update(inner)
        .finalize()
        .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 4231, test cases 1 and 2; HMAC pads a short key with zeros, so it may be written at full length.
    #[test]
    fn signatures_agree_with_rfc_4231() {
        let key = |bytes: &[u8]| SigningKey(std::array::from_fn(|at| bytes.get(at).copied().unwrap_or(0)));
        assert_eq!(
            key(&[0x0b; 20]).sign(b"Hi There"),
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"
        );
        assert_eq!(
            key(b"Jefe").sign(b"what do ya want for nothing?"),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
    }

    #[test]
    fn another_key_another_message_or_half_a_signature_is_refused() {
        let key = SigningKey::generate();
        let signature = key.sign(b"passed");
        assert!(key.verify(b"passed", &signature));
        assert!(!key.verify(b"failed", &signature) && !key.verify(b"passed", &signature[..32]));
        assert!(!SigningKey::generate().verify(b"passed", &signature) && !key.verify(b"passed", "not hex"));
        assert!(!format!("{key:?}").contains(&hex::encode(key.expose())));
    }
}
