//! AES-256-GCM with a random 96-bit nonce, as text: `v1.` and the base64url of nonce, ciphertext and tag.
//!
//! Random nonces are safe for 2³² messages under one key (NIST SP 800-38D, 8.3); a subject has a handful of fields.

use aes_gcm::aead::{Aead, KeyInit, Payload};
use aes_gcm::{Aes256Gcm, Key, Nonce};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::SecurityError;

const VERSION: &str = "v1.";
const NONCE_BYTES: usize = 12;

/// Seals `text` so that it opens only under the same key and the same `bound` parts.
pub(crate) fn seal(key: &[u8; 32], bound: &[&str], text: &[u8]) -> Result<String, SecurityError> {
    let nonce: [u8; NONCE_BYTES] = rand::random();
    let aad = additional_data(bound);
    let cipher = Aes256Gcm::new(Key::<Aes256Gcm>::from_slice(key));
    let sealed = cipher.encrypt(Nonce::from_slice(&nonce), Payload { msg: text, aad: &aad });
    let sealed = sealed.map_err(|_| SecurityError::Oversized)?;
    Ok(format!(
        "{VERSION}{}",
        URL_SAFE_NO_PAD.encode([nonce.as_slice(), &sealed].concat())
    ))
}

pub(crate) fn open(key: &[u8; 32], bound: &[&str], sealed: &str) -> Result<Zeroizing<Vec<u8>>, SecurityError> {
    let text = sealed.strip_prefix(VERSION).ok_or(SecurityError::Unsealable)?;
    let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| SecurityError::Unsealable)?;
    let (nonce, sealed) = bytes.split_at_checked(NONCE_BYTES).ok_or(SecurityError::Unsealable)?;
    let aad = additional_data(bound);
    let cipher = Aes256Gcm::new(Key::<Aes256Gcm>::from_slice(key));
    let opened = cipher.decrypt(Nonce::from_slice(nonce), Payload { msg: sealed, aad: &aad });
    opened.map(Zeroizing::new).map_err(|_| SecurityError::Unsealable)
}

/// HMAC-SHA256 (RFC 2104) of the parts, in hex. The key is shorter than a block and padded with zeros.
pub(crate) fn fingerprint(key: &[u8; 32], parts: &[&str]) -> String {
    const BLOCK_BYTES: usize = 64;
    let padded = |pad: u8| -> [u8; BLOCK_BYTES] { std::array::from_fn(|at| key.get(at).copied().unwrap_or(0) ^ pad) };
    let inner = Sha256::new()
        .chain_update(padded(0x36))
        .chain_update(additional_data(parts))
        .finalize();
    let outer = Sha256::new().chain_update(padded(0x5c)).chain_update(inner).finalize();
    hex::encode(outer)
}

/// Each part with its length before it, so that no two lists of parts give the same bytes.
fn additional_data(bound: &[&str]) -> Vec<u8> {
    bound
        .iter()
        .flat_map(|part| (part.len() as u64).to_be_bytes().into_iter().chain(part.bytes()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn what_was_sealed_opens_again_and_never_as_something_else(
            key in any::<[u8; 32]>(), parts in prop::array::uniform3(".{0,8}"), text in ".{0,64}",
        ) {
            let bound: Vec<&str> = parts.iter().map(String::as_str).collect();
            let sealed = seal(&key, &bound, text.as_bytes()).unwrap();
            let opened = open(&key, &bound, &sealed).unwrap();
            prop_assert_eq!(opened.as_slice(), text.as_bytes());
            let joined = parts.concat();
            prop_assert!(open(&key, &[&joined], &sealed).is_err());
        }

        #[test]
        fn one_changed_bit_anywhere_fails(
            text in ".{0,64}", at in any::<prop::sample::Index>(), bit in 0_u8..8,
        ) {
            let sealed = seal(&[1; 32], &["t"], text.as_bytes()).unwrap();
            let mut bytes = URL_SAFE_NO_PAD.decode(&sealed[VERSION.len()..]).unwrap();
            let at = at.index(bytes.len());
            bytes[at] ^= 1 << bit;
            let tampered = format!("{VERSION}{}", URL_SAFE_NO_PAD.encode(&bytes));
            prop_assert!(open(&[1; 32], &["t"], &tampered).is_err());
        }
    }

    #[test]
    fn another_version_is_not_guessed_at() {
        let sealed = seal(&[1; 32], &[], b"Ada").unwrap();
        assert!(open(&[1; 32], &[], &sealed.replace("v1.", "v2.")).is_err());
        assert!(open(&[1; 32], &[], "v1.").is_err());
    }
}
