//! Transactions in progress that are too large for the server to keep: they come in pieces, before anybody knows whether
//! they will be committed.

use std::collections::BTreeSet;
use std::io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use tempfile::SpooledTempFile;

use crate::PostgresError;

/// What of a transaction is kept in memory; the rest is in a file without a name.
const IN_MEMORY_BYTES: usize = 4 * 1024 * 1024;

/// The messages of one transaction in progress, in the order they came.
pub(crate) struct Spool {
    folder: PathBuf,
    messages: BufWriter<SpooledTempFile>,
    /// Parts of it that were rolled back.
    aborted: BTreeSet<u32>,
}

impl Spool {
    pub(crate) fn below(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
            messages: BufWriter::new(SpooledTempFile::new_in(IN_MEMORY_BYTES, folder)),
            aborted: BTreeSet::new(),
        }
    }

    pub(crate) fn push(&mut self, message: &[u8]) -> Result<(), PostgresError> {
        let length = u32::try_from(message.len()).unwrap_or(u32::MAX).to_be_bytes();
        let written = self
            .messages
            .write_all(&length)
            .and_then(|()| self.messages.write_all(message));
        written.map_err(|source| self.failed(source))
    }

    /// What this part of the transaction did has not been.
    pub(crate) fn abort(&mut self, subxid: u32) {
        self.aborted.insert(subxid);
    }

    pub(crate) fn is_aborted(&self, xid: u32) -> bool {
        self.aborted.contains(&xid)
    }

    /// From here on its messages are read, from the first.
    pub(crate) fn rewind(&mut self) -> Result<(), PostgresError> {
        let rewound = self
            .messages
            .flush()
            .and_then(|()| self.messages.seek(SeekFrom::Start(0)));
        rewound.map(drop).map_err(|source| self.failed(source))
    }

    /// The next messages, as many as make about `bytes`; none at the end.
    pub(crate) fn read(&mut self, bytes: usize) -> Result<Vec<Bytes>, PostgresError> {
        let read = read(self.messages.get_mut(), bytes);
        read.map_err(|source| self.failed(source))
    }

    fn failed(&self, source: io::Error) -> PostgresError {
        PostgresError::Spool {
            at: self.folder.display().to_string(),
            source,
        }
    }
}

fn read(file: &mut SpooledTempFile, bytes: usize) -> io::Result<Vec<Bytes>> {
    let begin = file.stream_position()?;
    let mut reader = BufReader::with_capacity(bytes.clamp(4_096, 1024 * 1024), &mut *file);
    let (mut messages, mut taken) = (Vec::new(), 0_u64);
    while taken < bytes as u64 {
        let mut length = [0; 4];
        match reader.read_exact(&mut length) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => break,
            read => read?,
        }
        let mut message = vec![0; u32::from_be_bytes(length) as usize];
        reader.read_exact(&mut message)?;
        taken += 4 + message.len() as u64;
        messages.push(message.into());
    }
    // The reader may have read ahead.
    file.seek(SeekFrom::Start(begin + taken))?;
    Ok(messages)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_come_back_in_their_order_however_many_there_are() {
        let folder = tempfile::tempdir().unwrap();
        let mut spool = Spool::below(folder.path());
        let messages: Vec<Vec<u8>> = (0..3_000_u32).map(|number| number.to_be_bytes().repeat(700)).collect();
        for message in &messages {
            spool.push(message).unwrap();
        }
        spool.rewind().unwrap();
        let mut read = Vec::new();
        loop {
            let some = spool.read(100_000).unwrap();
            if some.is_empty() {
                break;
            }
            read.extend(some);
        }
        assert_eq!(read, messages);
    }
}
