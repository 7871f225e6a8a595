//! Frames on disk: appended durably, read back after whatever happened, dropped once they are not needed.
//!
//! A frame is its payload's length and CRC-32, both little-endian, and the payload. Frames stand in numbered files; a
//! full file is followed by the next, and deleted when everything in it was forgotten. What a crash left unfinished
//! stands at the end of the newest file and fails its checksum: nobody was told that it is durable.

use std::collections::VecDeque;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use fail::fail_point;

/// Bytes after which the next file is begun.
const FILE_BYTES: u64 = 4 << 20;
const HEADER_BYTES: usize = 8;
const PREFIX: &str = "decisions-";
const DAMAGED: &str = "damaged";
/// One call's decisions to a line, as JSON.
const REFUSED_FILE: &str = "refused.jsonl";

/// The number of a frame: 1, 2, 3, … since the journal was opened.
pub(crate) type FrameNo = u64;

#[derive(Debug)]
pub(crate) struct Journal {
    folder: PathBuf,
    file_bytes: u64,
    /// Those of before, and those that take no more.
    full: VecDeque<Full>,
    current: Option<Current>,
    next_file: u64,
    newest: FrameNo,
}

#[derive(Debug)]
struct Full {
    path: PathBuf,
    newest: FrameNo,
    /// False where it does not end with a frame.
    whole: bool,
}

#[derive(Debug)]
struct Current {
    path: PathBuf,
    file: File,
    /// Up to here the file is whole.
    bytes: u64,
}

impl Journal {
    /// Opens the folder, which need not exist yet, and reads the frames that were not forgotten, in order.
    pub(crate) fn open(folder: &Path) -> io::Result<(Self, Vec<Vec<u8>>)> {
        Self::open_with(folder, FILE_BYTES)
    }

    pub(crate) fn open_with(folder: &Path, file_bytes: u64) -> io::Result<(Self, Vec<Vec<u8>>)> {
        let mut journal = Self {
            folder: folder.to_owned(),
            file_bytes,
            full: VecDeque::new(),
            current: None,
            next_file: 1,
            newest: 0,
        };
        let mut payloads = Vec::new();
        for (number, path) in numbered(folder)? {
            journal.next_file = number + 1;
            if path.extension().is_some_and(|extension| extension == DAMAGED) {
                continue;
            }
            let content = fs::read(&path)?;
            let mut rest = &content[..];
            while let Some((payload, after)) = first_frame(rest) {
                payloads.push(payload.to_owned());
                rest = after;
            }
            if !rest.is_empty() {
                tracing::warn!(
                    file = %path.display(),
                    bytes = rest.len(),
                    "the end of a decision journal is not whole: what was being written when the process died, or else \
                     damage; the file is kept aside as '.damaged'"
                );
            }
            journal.newest = payloads.len() as FrameNo;
            journal.close(path, rest.is_empty());
        }
        Ok((journal, payloads))
    }

    /// Appends the payloads and answers the number of the last one. They are durable then; on an error none of them is
    /// to be relied on.
    pub(crate) fn append(&mut self, payloads: &[Vec<u8>]) -> io::Result<FrameNo> {
        let mut frames = Vec::with_capacity(payloads.iter().map(|payload| payload.len() + HEADER_BYTES).sum());
        for payload in payloads {
            let len =
                u32::try_from(payload.len()).map_err(|error| io::Error::new(io::ErrorKind::FileTooLarge, error))?;
            frames.extend(len.to_le_bytes());
            frames.extend(crc32fast::hash(payload).to_le_bytes());
            frames.extend(payload);
        }
        let mut current = self.current()?;
        let written = current.write(&frames);
        match written {
            Ok(()) => self.newest += payloads.len() as FrameNo,
            // Nothing may follow what is not whole: the next frame goes to a file of its own where it cannot be cut off.
            Err(error) => {
                let cut_off = current
                    .file
                    .set_len(current.bytes)
                    .and_then(|()| current.file.sync_all());
                match cut_off {
                    Ok(()) => self.current = Some(current),
                    Err(_) => self.close(current.path, true),
                }
                return Err(error);
            }
        }
        if current.bytes < self.file_bytes {
            self.current = Some(current);
        } else {
            self.close(current.path, true);
        }
        Ok(self.newest)
    }

    /// Deletes the files that hold only frames up to `upto`; one that is not whole is set aside.
    pub(crate) fn forget(&mut self, upto: FrameNo) -> io::Result<()> {
        while let Some(file) = self.full.front().filter(|file| file.newest <= upto) {
            let gone = match file.whole {
                true => fs::remove_file(&file.path),
                false => fs::rename(&file.path, file.path.with_extension(DAMAGED)),
            };
            match gone {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => self.full.pop_front(),
            };
        }
        Ok(())
    }

    /// [`forget`](Self::forget), and the file that is being written with the others: whoever drains appends nothing more.
    pub(crate) fn clear(&mut self, upto: FrameNo) -> io::Result<()> {
        if upto >= self.newest
            && let Some(current) = self.current.take()
        {
            self.close(current.path, true);
        }
        self.forget(upto)
    }

    /// Keeps, apart from the frames, what can never be filed.
    pub(crate) fn set_aside(&self, payload: &[u8]) -> io::Result<PathBuf> {
        let path = self.folder.join(REFUSED_FILE);
        fs::create_dir_all(&self.folder)?;
        let mut file = OpenOptions::new().append(true).create(true).open(&path)?;
        file.write_all(&[payload, b"\n"].concat())?;
        file.sync_all()?;
        Ok(path)
    }

    fn close(&mut self, path: PathBuf, whole: bool) {
        let newest = self.newest;
        self.full.push_back(Full { path, newest, whole });
    }

    fn current(&mut self) -> io::Result<Current> {
        if let Some(current) = self.current.take() {
            return Ok(current);
        }
        fs::create_dir_all(&self.folder)?;
        let path = self.folder.join(format!("{PREFIX}{:012}.log", self.next_file));
        let file = OpenOptions::new().append(true).create_new(true).open(&path)?;
        self.next_file += 1;
        // The file's name has to survive as well as its content, and the folder's too, which may be new.
        let parent = self.folder.parent().filter(|parent| !parent.as_os_str().is_empty());
        for folder in parent.into_iter().chain([&*self.folder]) {
            File::open(folder)?.sync_all()?;
        }
        Ok(Current { path, file, bytes: 0 })
    }
}

impl Current {
    fn write(&mut self, frames: &[u8]) -> io::Result<()> {
        self.file.write_all(frames)?;
        fail_point!("journal::before-flush", |_| Err(io::Error::other(
            "failpoint journal::before-flush"
        )));
        self.file.sync_data()?;
        fail_point!("journal::after-flush");
        self.bytes += frames.len() as u64;
        Ok(())
    }
}

/// The first frame's payload, and what follows it; `None` where there is none that is whole.
fn first_frame(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (len, rest) = bytes.split_first_chunk::<4>()?;
    let (crc, rest) = rest.split_first_chunk::<4>()?;
    let (payload, after) = rest.split_at_checked(u32::from_le_bytes(*len) as usize)?;
    // An empty payload is nobody's: zeros, which a file system may leave behind, would be full of them.
    (!payload.is_empty() && crc32fast::hash(payload) == u32::from_le_bytes(*crc)).then_some((payload, after))
}

/// The journal's files in the order of their numbers, those set aside among them.
fn numbered(folder: &Path) -> io::Result<Vec<(u64, PathBuf)>> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut files = Vec::new();
    for entry in entries {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let number = name.strip_prefix(PREFIX).and_then(|name| name.split_once('.'));
        if let Some((Ok(number), "log" | DAMAGED)) = number.map(|(number, extension)| (number.parse(), extension)) {
            files.push((number, path));
        }
    }
    files.sort_unstable();
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn payloads(count: u8) -> Vec<Vec<u8>> {
        (1..=count)
            .map(|number| vec![number; usize::from(number) * 3])
            .collect()
    }

    fn reopened(folder: &Path) -> Vec<Vec<u8>> {
        Journal::open(folder).unwrap().1
    }

    #[test]
    fn what_was_appended_is_read_back_in_order_until_it_is_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        let (mut journal, before) = Journal::open_with(folder.path(), 40).unwrap();
        assert!(before.is_empty());
        for payload in payloads(9) {
            journal.append(&[payload]).unwrap();
        }
        assert_eq!(reopened(folder.path()), payloads(9));
        journal.forget(4).unwrap();
        let left = reopened(folder.path());
        assert!(
            payloads(9).ends_with(&left) && left.len() >= 5 && left.len() < 9,
            "{left:?}"
        );
        journal.clear(9).unwrap();
        assert!(numbered(folder.path()).unwrap().is_empty());
        assert_eq!(journal.append(&payloads(2)).unwrap(), 11);
        assert_eq!(reopened(folder.path()), payloads(2));
    }

    proptest! {
        #[test]
        fn a_damaged_end_costs_only_the_frames_that_it_touches(cut in 0_usize..200, flip in any::<Option<u8>>()) {
            let folder = tempfile::tempdir().unwrap();
            Journal::open(folder.path()).unwrap().0.append(&payloads(9)).unwrap();
            let (_, path) = numbered(folder.path()).unwrap().remove(0);
            let mut content = fs::read(&path).unwrap();
            let cut = cut.min(content.len());
            if let Some(byte) = flip && cut < content.len() {
                content[cut] ^= byte | 1;
            } else {
                content.truncate(cut);
            }
            fs::write(&path, &content).unwrap();
            let whole = payloads(9).iter().scan(0, |end, payload| {
                *end += payload.len() + HEADER_BYTES;
                Some(*end)
            }).filter(|end| *end <= cut).count();
            let read = reopened(folder.path());
            prop_assert_eq!(&read[..], &payloads(9)[..whole]);
            let mut journal = Journal::open(folder.path()).unwrap().0;
            journal.clear(whole as FrameNo).unwrap();
            let left = numbered(folder.path()).unwrap();
            prop_assert!(left.iter().all(|(_, path)| path.extension().unwrap() == DAMAGED), "{:?}", left);
            journal.append(&payloads(1)).unwrap();
            prop_assert_eq!(reopened(folder.path()), payloads(1));
        }

        #[test]
        fn rubbish_is_no_frame(rubbish in proptest::collection::vec(any::<u8>(), 0..64)) {
            let mut rest = &rubbish[..];
            while let Some((payload, after)) = first_frame(rest) {
                prop_assert!(!payload.is_empty());
                rest = after;
            }
        }
    }
}
