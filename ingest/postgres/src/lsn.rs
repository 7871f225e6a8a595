use std::fmt;

use crate::PostgresError;

/// A place in the write-ahead log, in bytes from its beginning.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Lsn(pub u64);

impl Lsn {
    /// As PostgreSQL writes it: `16/B374D848`.
    pub fn parse(text: &str) -> Result<Self, PostgresError> {
        let halves = text.split_once('/');
        let half = |text: &str| u32::from_str_radix(text, 16).ok().map(u64::from);
        let lsn = halves.and_then(|(high, low)| Some(Self((half(high)? << 32) | half(low)?)));
        lsn.ok_or_else(|| PostgresError::protocol(format!("'{text}' is no place in the log")))
    }
}

impl fmt::Display for Lsn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:X}/{:X}", self.0 >> 32, self.0 & 0xffff_ffff)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_reads_as_it_is_written() {
        let lsn = Lsn::parse("16/B374D848").unwrap();
        assert_eq!((lsn.0, lsn.to_string().as_str()), (0x16_b374_d848, "16/B374D848"));
        assert!(Lsn::parse("16").is_err() && Lsn::parse("x/1").is_err());
    }
}
