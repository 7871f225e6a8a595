//! The two kinds of keys: one master key, and under it one key per subject.

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use cortex_runtime::Secret;
use cortex_types::TenantId;
use zeroize::Zeroizing;

use crate::SecurityError;
use crate::cipher;

const KEY_BYTES: usize = 32;
/// What the wrapped keys are bound to, so that one can never pass for a sealed field.
const PURPOSE: &str = "subject-key";

/// Wraps the subjects' keys. Whoever has it and the database can read every name; neither alone is enough.
pub struct MasterKey(Zeroizing<[u8; KEY_BYTES]>);

/// Seals the personal fields of one subject. Destroying it erases them wherever they were copied to.
pub struct SubjectKey(Zeroizing<[u8; KEY_BYTES]>);

/// A subject's key as it is stored: sealed under the master key, bound to tenant and subject.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrappedKey(String);

impl WrappedKey {
    /// As it was stored.
    #[must_use]
    pub fn from_stored(text: String) -> Self {
        Self(text)
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl MasterKey {
    /// From configuration: 32 bytes in base64.
    pub fn from_secret(secret: &Secret<String>) -> Result<Self, SecurityError> {
        parse(secret.expose()).map(Self).ok_or(SecurityError::MasterKey {
            at: "security.master_key".to_owned(),
            problem: "it must be 32 bytes in base64, such as 'openssl rand -base64 32' prints".to_owned(),
        })
    }

    /// Reads the key file, or makes it on first use: random, readable by its owner alone, synced before it is used.
    pub fn load_or_create(path: &Path) -> Result<Self, SecurityError> {
        match File::open(path) {
            Ok(file) => Self::read(path, file),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Self::create(path),
            Err(error) => Err(unusable(path, error)),
        }
    }

    /// Reads a key file that has to be there, because keys were wrapped with it: another one in its place would open none
    /// of them.
    pub fn load(path: &Path) -> Result<Self, SecurityError> {
        match File::open(path) {
            Ok(file) => Self::read(path, file),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Err(unusable(
                path,
                "it is missing, and the database holds personal data that only it opens: restore it from a backup",
            )),
            Err(error) => Err(unusable(path, error)),
        }
    }

    fn read(path: &Path, mut file: File) -> Result<Self, SecurityError> {
        let mode = file
            .metadata()
            .map_err(|error| unusable(path, error))?
            .permissions()
            .mode();
        if mode & 0o077 != 0 {
            let problem = format!("others may read it (mode {:03o}): run 'chmod 600' on it", mode & 0o777);
            return Err(unusable(path, problem));
        }
        let mut text = Zeroizing::new(String::new());
        file.read_to_string(&mut text).map_err(|error| unusable(path, error))?;
        parse(&text)
            .map(Self)
            .ok_or_else(|| unusable(path, "it does not hold 32 bytes in base64: restore it from a backup"))
    }

    fn create(path: &Path) -> Result<Self, SecurityError> {
        let key = Zeroizing::new(rand::random::<[u8; KEY_BYTES]>());
        let write = || -> std::io::Result<()> {
            let folder = path.parent().unwrap_or(Path::new("."));
            std::fs::create_dir_all(folder)?;
            let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
            file.write_all(Zeroizing::new(STANDARD.encode(*key) + "\n").as_bytes())?;
            file.sync_all()?;
            File::open(folder)?.sync_all()
        };
        write().map_err(|error| unusable(path, error))?;
        Ok(Self(key))
    }

    pub fn wrap(&self, key: &SubjectKey, tenant: &TenantId, subject: &str) -> Result<WrappedKey, SecurityError> {
        cipher::seal(&self.0, &[PURPOSE, tenant.as_str(), subject], key.0.as_slice()).map(WrappedKey)
    }

    /// [`SecurityError::Unsealable`] where the key was wrapped for another subject, or under another master key.
    pub fn unwrap(&self, wrapped: &WrappedKey, tenant: &TenantId, subject: &str) -> Result<SubjectKey, SecurityError> {
        let bytes = cipher::open(&self.0, &[PURPOSE, tenant.as_str(), subject], &wrapped.0)?;
        let key = <[u8; KEY_BYTES]>::try_from(bytes.as_slice()).map_err(|_| SecurityError::Unsealable)?;
        Ok(SubjectKey(Zeroizing::new(key)))
    }
}

impl SubjectKey {
    #[must_use]
    pub fn generate() -> Self {
        Self(Zeroizing::new(rand::random()))
    }

    /// `v1.` and base64url; another text every time. Bound to tenant, subject and field, so that it cannot be moved.
    pub fn seal(&self, tenant: &TenantId, subject: &str, field: &str, text: &str) -> Result<String, SecurityError> {
        cipher::seal(&self.0, &[tenant.as_str(), subject, field], text.as_bytes())
    }

    /// Hex; the same for the same text in the same place, and nothing that can be made or checked without the key.
    #[must_use]
    pub fn fingerprint(&self, tenant: &TenantId, subject: &str, field: &str, text: &str) -> String {
        cipher::fingerprint(&self.0, &[tenant.as_str(), subject, field, text])
    }

    /// [`SecurityError::Unsealable`] where it is not what was sealed there, down to the last bit.
    pub fn open(&self, tenant: &TenantId, subject: &str, field: &str, sealed: &str) -> Result<String, SecurityError> {
        let bytes = cipher::open(&self.0, &[tenant.as_str(), subject, field], sealed)?;
        String::from_utf8(bytes.to_vec()).map_err(|_| SecurityError::Unsealable)
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MasterKey(…)")
    }
}

impl fmt::Debug for SubjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SubjectKey(…)")
    }
}

fn parse(text: &str) -> Option<Zeroizing<[u8; KEY_BYTES]>> {
    let text = text.trim();
    let bytes = STANDARD
        .decode(text)
        .or_else(|_| URL_SAFE_NO_PAD.decode(text))
        .ok()
        .map(Zeroizing::new)?;
    <[u8; KEY_BYTES]>::try_from(bytes.as_slice()).ok().map(Zeroizing::new)
}

fn unusable(path: &Path, problem: impl fmt::Display) -> SecurityError {
    SecurityError::MasterKey {
        at: path.display().to_string(),
        problem: problem.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_file_is_made_once_for_its_owner_alone_and_read_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys/master.key");
        let tenant = TenantId::new("main").unwrap();
        let first = MasterKey::load_or_create(&path).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let wrapped = first.wrap(&SubjectKey::generate(), &tenant, "c-1").unwrap();
        let again = MasterKey::load_or_create(&path).unwrap();
        assert!(again.unwrap(&wrapped, &tenant, "c-1").is_ok());
        assert!(again.unwrap(&wrapped, &tenant, "c-2").is_err());
    }

    #[test]
    fn a_key_file_that_has_to_be_there_is_not_made_anew() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("master.key");
        let error = MasterKey::load(&path).unwrap_err().to_string();
        assert!(error.contains("master.key") && error.contains("missing"), "{error}");
        assert!(!path.exists());
        MasterKey::load_or_create(&path).unwrap();
        assert!(MasterKey::load(&path).is_ok());
    }

    #[test]
    fn a_key_file_that_others_may_read_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("master.key");
        MasterKey::load_or_create(&path).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        let error = MasterKey::load_or_create(&path).unwrap_err().to_string();
        assert!(error.contains("chmod 600"), "{error}");
    }

    #[test]
    fn a_configured_key_must_be_32_bytes() {
        assert!(MasterKey::from_secret(&Secret::new(STANDARD.encode([7; 32]))).is_ok());
        assert!(MasterKey::from_secret(&Secret::new("correct horse battery staple".to_owned())).is_err());
    }
}
