//! Lines that were refused, and the file they are written to.

use std::fs::{self, File};
use std::io::{ErrorKind, Read};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::documents::RetailHistory;
use crate::ErpError;

/// The first line of a rejects file, by which a later import knows that it may replace it.
const HEADER: [&str; 3] = ["line", "reason", "raw"];

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reject {
    pub(super) record: u32,
    /// Line number in the file, from 1; the header is line 1.
    pub line: u64,
    pub reason: String,
}

/// Refuses a place where something would be lost: the imported file itself, under whatever name it is reached, and any
/// other file that is neither empty nor the rejects of an import before.
pub(super) fn check_place(path: &Path, imported: &Path) -> Result<(), ErpError> {
    let refused = |problem: &str| ErpError::Import {
        file: imported.display().to_string(),
        problem: format!("the rejects cannot be written to {}: {problem}", path.display()),
    };
    let there = match fs::metadata(path) {
        Ok(there) => there,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(refused(&error.to_string())),
    };
    // By identity, so that neither a link nor another spelling of the path hides it.
    let same = |other: fs::Metadata| (there.dev(), there.ino()) == (other.dev(), other.ino());
    if fs::metadata(imported).is_ok_and(same) {
        return Err(refused(
            "that is the file to be imported, which would be lost: name another file",
        ));
    }
    if there.is_dir() {
        return Err(refused("that is a folder: name a file in it"));
    }
    // Terminals, pipes and /dev/null hold nothing that could be lost.
    if !there.is_file() || begins_as_rejects(path).map_err(|error| refused(&error.to_string()))? {
        return Ok(());
    }
    Err(refused(
        "that file is there already and holds something else than rejects: name another file, or remove it first",
    ))
}

/// Whether a file is empty or begins with the header of rejects.
fn begins_as_rejects(path: &Path) -> Result<bool, std::io::Error> {
    let header = HEADER.join(",");
    let mut start = Vec::new();
    // Two more, for the end of the line however it is written.
    let more = header.len() as u64 + 2;
    File::open(path)?.take(more).read_to_end(&mut start)?;
    let line = start.split(|byte| matches!(byte, b'\r' | b'\n')).next();
    Ok(start.is_empty() || line == Some(header.as_bytes()))
}

/// Writes `line,reason,raw` for each reject, replacing what the file held.
pub(super) fn write<'a>(
    path: &Path,
    history: &RetailHistory,
    rejects: impl Iterator<Item = &'a Reject>,
) -> Result<(), ErpError> {
    let failed = |error: csv::Error| ErpError::Import {
        file: path.display().to_string(),
        problem: format!("the rejects cannot be written: {error}"),
    };
    let mut writer = csv::Writer::from_path(path).map_err(failed)?;
    writer.write_record(HEADER).map_err(failed)?;
    for reject in rejects {
        let raw = history.raw(reject);
        writer
            .write_record([&reject.line.to_string(), &reject.reason, &raw])
            .map_err(failed)?;
    }
    writer.flush().map_err(|error| failed(error.into()))
}
