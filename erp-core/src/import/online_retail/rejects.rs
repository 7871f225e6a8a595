//! Lines that were refused, and the file they are written to.

use std::path::Path;

use super::documents::RetailHistory;
use crate::ErpError;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reject {
    pub(super) record: u32,
    /// Line number in the file, from 1; the header is line 1.
    pub line: u64,
    pub reason: String,
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
    writer.write_record(["line", "reason", "raw"]).map_err(failed)?;
    for reject in rejects {
        let raw = history.raw(reject);
        writer
            .write_record([&reject.line.to_string(), &reject.reason, &raw])
            .map_err(failed)?;
    }
    writer.flush().map_err(|error| failed(error.into()))
}
