//! Inputs for a fuzzer's targets without a fuzzer: seeds, changed a little, the same on every run.

use std::path::Path;

use anyhow::{Context, Result, ensure};

/// No input is longer, since each is tried in a debug build.
const BYTES_MAX: usize = 32 * 1024;
/// Changes of one input.
const CHANGES_MAX: usize = 6;

/// What texts, tables and lengths break on.
const TOKENS: &[&[u8]] = &[
    b"",
    b"\0",
    b"\xff\xff\xff\xff",
    b"\xff\xff\xff\x7f",
    b"\x80",
    b"\xef\xbb\xbf",
    b"-",
    b"0",
    b"-0",
    b"1e9",
    b"1e-400",
    b"9223372036854775807",
    b"-9223372036854775808",
    b"79228162514264337593543950335",
    b"0.0000000000000000000000000001",
    b"\"",
    b"\"\"",
    b",",
    b";",
    b"\n",
    b"\r\n",
    b"{",
    b"}",
    b"[",
    b"]",
    b":",
    b"null",
    b"true",
    b"\\u0000",
    b"\\ud800",
    b"2024-01-05",
    b"9999-12-31",
    b"-262143-01-01",
    b"/../",
    b"%2F",
    "\u{202e}".as_bytes(),
    "\u{feff}".as_bytes(),
];

/// The seeds of a target, and inputs made of them.
#[derive(Debug)]
pub struct Inputs {
    seeds: Vec<Vec<u8>>,
    state: u64,
}

impl Inputs {
    /// Everything in a folder.
    pub fn of(folder: &Path, seed: u64) -> Result<Self> {
        let entries = std::fs::read_dir(folder).with_context(|| folder.display().to_string())?;
        let mut paths = entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
        // Folders have no order of their own.
        paths.sort();
        let seeds = paths.iter().map(|path| Ok(std::fs::read(path)?));
        let seeds: Vec<Vec<u8>> = seeds.collect::<Result<_>>()?;
        ensure!(!seeds.is_empty(), "{} has no seeds", folder.display());
        Ok(Self { seeds, state: seed })
    }

    /// As they are.
    #[must_use]
    pub fn seeds(&self) -> &[Vec<u8>] {
        &self.seeds
    }

    /// Another input.
    pub fn another(&mut self) -> Vec<u8> {
        let mut input = self.seed();
        for _ in 0..=self.roll(CHANGES_MAX) {
            self.change(&mut input);
        }
        input.truncate(BYTES_MAX);
        input
    }

    fn seed(&mut self) -> Vec<u8> {
        let place = self.roll(self.seeds.len());
        self.seeds[place].clone()
    }

    fn change(&mut self, input: &mut Vec<u8>) {
        let at = self.roll(input.len() + 1);
        let until = at + self.roll((input.len() - at).min(64) + 1);
        match self.roll(8) {
            0 if at < input.len() => input[at] ^= 1 << self.roll(8),
            1 if at < input.len() => input[at] = u8::try_from(self.roll(256)).unwrap_or(0),
            2 => drop(input.drain(at..until)),
            3 => {
                let part = input[at..until].to_vec();
                let to = self.roll(input.len() + 1);
                input.splice(to..to, part);
            }
            4 => {
                let other = self.seed();
                let from = self.roll(other.len() + 1);
                input.splice(at..until, other[from..].iter().copied().take(256));
            }
            5 => input.truncate(at.max(input.len() / 2)),
            _ => {
                let token = TOKENS[self.roll(TOKENS.len())];
                let end = if self.roll(2) == 0 { at } else { until };
                input.splice(at..end, token.iter().copied());
            }
        }
    }

    /// Uniform in `0..sides` (SplitMix64).
    fn roll(&mut self, sides: usize) -> usize {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) >> 1).unwrap_or(0) % sides
    }
}
