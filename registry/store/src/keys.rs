//! The key that gate reports are signed with: a file that only its owner reads, apart from the database that holds the
//! reports.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

use cortex_registry::{RegistryError, SigningKey};

/// The key in the file `path`, made there on first use. Readable by its owner alone.
///
/// A file that does not hold a key is [`RegistryError::Storage`] and stays as it is: with another key in its place, no
/// report that was signed before would open a gate.
pub fn signing_key(path: &Path) -> Result<SigningKey, RegistryError> {
    let failed =
        |error: io::Error| RegistryError::storage(format!("the gate's key {} ({error})", path.display()), error);
    match read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => create(path).map_err(failed),
        key => key.map_err(failed),
    }
}

fn read(path: &Path) -> io::Result<SigningKey> {
    let text = fs::read_to_string(path)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = fs::metadata(path)?.permissions().mode();
        if mode & 0o077 != 0 {
            let problem = format!("others may read it (mode {:03o}): run 'chmod 600' on it", mode & 0o777);
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, problem));
        }
    }
    parse(&text)
}

fn parse(text: &str) -> io::Result<SigningKey> {
    let mut bytes = [0; 32];
    hex::decode_to_slice(text.trim(), &mut bytes).map_err(|_| {
        io::Error::new(
            io::ErrorKind::InvalidData,
            "it is not 64 hex digits: restore it from a backup",
        )
    })?;
    Ok(SigningKey::from_bytes(bytes))
}

/// Written beside and renamed into place, so that a crash leaves a whole key or none.
fn create(path: &Path) -> io::Result<SigningKey> {
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let key = SigningKey::generate();
    let unfinished = path.with_extension("new");
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&unfinished)?;
    file.write_all(hex::encode(key.expose()).as_bytes())?;
    file.sync_all()?;
    fs::rename(&unfinished, path)?;
    File::open(folder)?.sync_all()?;
    Ok(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_made_once_and_read_ever_after() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys").join("gates.key");
        let signature = signing_key(&path).unwrap().sign(b"passed");
        assert!(signing_key(&path).unwrap().verify(b"passed", &signature));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_key_that_others_may_read_is_refused() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("gates.key");
        signing_key(&path).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        let error = signing_key(&path).unwrap_err().to_string();
        assert!(error.contains("chmod 600"), "{error}");
    }

    #[test]
    fn a_damaged_key_is_an_error_and_not_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("gates.key");
        fs::write(&path, "half").unwrap();
        assert!(matches!(signing_key(&path), Err(RegistryError::Storage { .. })));
        assert_eq!(fs::read_to_string(&path).unwrap(), "half");
    }
}
