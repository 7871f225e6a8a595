//! What a Parquet file would come to, before anything of it is unpacked: a page says how long it is unpacked, and room for that is
//! made before its bytes are looked at.

use std::collections::BTreeMap;

use cortex_erp::ErpError;
use parquet::basic::Compression;
use parquet::file::metadata::{ColumnChunkMetaData, ParquetMetaData};

/// Most bytes of all pages together.
const UNPACKED_BYTES_MAX: u64 = 256 << 20;
/// Most bytes of the values that are read at once: each of them may be as long as the longest page, since a page of a few bytes can
/// say one value many times.
const BATCH_BYTES_MAX: u64 = 64 << 20;
const BATCH_ROWS_MAX: u64 = 1024;
/// Structures within structures; the format has three.
const DEPTH_MAX: u8 = 8;

fn refused(problem: impl Into<String>) -> ErpError {
    ErpError::invalid("file", problem)
}

/// How many rows to read at once; refused where the file holds too much, or what cannot be measured.
pub(super) fn rows_at_once(file: &[u8], metadata: &ParquetMetaData) -> Result<usize, ErpError> {
    let schema = metadata.file_metadata().schema_descr();
    if let Some(nested) = schema
        .root_schema()
        .get_fields()
        .iter()
        .find(|field| !field.is_primitive())
    {
        let problem = format!(
            "holds values within values: write them as columns, such as {}.product",
            nested.name()
        );
        return Err(ErpError::invalid(format!("column '{}'", nested.name()), problem));
    }
    let (mut unpacked, mut longest) = (0_u64, 1);
    for column in metadata.row_groups().iter().flat_map(|group| group.columns()) {
        if !is_bounded(column.compression()) {
            let problem = format!(
                "is packed as {}, which does not say how long it is: use SNAPPY, ZSTD or LZ4_RAW",
                column.compression()
            );
            return Err(refused(problem));
        }
        let mut rest = chunk(file, column).ok_or_else(|| refused("has a column that lies outside of it"))?;
        while !rest.is_empty() {
            let page = page(&mut rest).ok_or_else(|| refused("has a page that cannot be read"))?;
            unpacked += page;
            longest = longest.max(page);
            if unpacked > UNPACKED_BYTES_MAX {
                let problem = format!("is more than {UNPACKED_BYTES_MAX} bytes once unpacked: split it");
                return Err(refused(problem));
            }
        }
    }
    let rows = (BATCH_BYTES_MAX / longest).clamp(1, BATCH_ROWS_MAX);
    Ok(usize::try_from(rows).unwrap_or(1))
}

/// Whether it unpacks to what its page says, and to no more.
const fn is_bounded(compression: Compression) -> bool {
    matches!(
        compression,
        Compression::UNCOMPRESSED | Compression::SNAPPY | Compression::ZSTD(_) | Compression::LZ4_RAW
    )
}

/// The bytes of a column.
fn chunk<'a>(file: &'a [u8], column: &ColumnChunkMetaData) -> Option<&'a [u8]> {
    let first = column
        .dictionary_page_offset()
        .unwrap_or_else(|| column.data_page_offset());
    let from = usize::try_from(first).ok()?;
    let length = usize::try_from(column.compressed_size()).ok()?;
    file.get(from..from.checked_add(length)?)
}

/// Kinds of Thrift's compact protocol.
const BOOLEAN: u8 = 2;
const I32: u8 = 5;
const I64: u8 = 6;
const BINARY: u8 = 8;
const STRUCT: u8 = 12;

/// A field, and what is within it. The reader takes these for what they should be, whatever they say that they are: what says
/// otherwise is refused, or it would be measured by other bytes than are read.
struct Field(i64, u8, &'static [Field]);

/// https://github.com/apache/parquet-format/blob/master/src/main/thrift/parquet.thrift
const PAGE_HEADER: &[Field] = &[
    Field(1, I32, &[]),
    Field(UNPACKED, I32, &[]),
    Field(PACKED, I32, &[]),
    Field(4, I32, &[]),
    Field(
        5,
        STRUCT,
        &[
            Field(1, I32, &[]),
            Field(2, I32, &[]),
            Field(3, I32, &[]),
            Field(4, I32, &[]),
            Field(5, STRUCT, STATISTICS),
        ],
    ),
    Field(6, STRUCT, &[]),
    Field(
        7,
        STRUCT,
        &[Field(1, I32, &[]), Field(2, I32, &[]), Field(3, BOOLEAN, &[])],
    ),
    Field(
        8,
        STRUCT,
        &[
            Field(1, I32, &[]),
            Field(2, I32, &[]),
            Field(3, I32, &[]),
            Field(4, I32, &[]),
            Field(5, I32, &[]),
            Field(6, I32, &[]),
            Field(7, BOOLEAN, &[]),
            Field(8, STRUCT, STATISTICS),
        ],
    ),
];
const UNPACKED: i64 = 2;
const PACKED: i64 = 3;
const STATISTICS: &[Field] = &[
    Field(1, BINARY, &[]),
    Field(2, BINARY, &[]),
    Field(3, I64, &[]),
    Field(4, I64, &[]),
    Field(5, BINARY, &[]),
    Field(6, BINARY, &[]),
    Field(7, BOOLEAN, &[]),
    Field(8, BOOLEAN, &[]),
];

/// Goes on behind a page, and says how long it is unpacked.
fn page(rest: &mut &[u8]) -> Option<u64> {
    let mut header = Thrift(rest);
    let mut lengths = BTreeMap::new();
    header.structure(PAGE_HEADER, &mut lengths)?;
    let packed = usize::try_from(*lengths.get(&PACKED)?).ok()?;
    *rest = header.0.get(packed..)?;
    u64::try_from(*lengths.get(&UNPACKED)?).ok()
}

/// https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md
struct Thrift<'a>(&'a [u8]);

impl Thrift<'_> {
    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    fn pass(&mut self, bytes: u64) -> Option<()> {
        self.0 = self.0.get(usize::try_from(bytes).ok()?..)?;
        Some(())
    }

    fn varint(&mut self) -> Option<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }

    /// The sign is the lowest bit.
    fn integer(&mut self) -> Option<i64> {
        let value = self.varint()?;
        Some((value >> 1).cast_signed() ^ -(value & 1).cast_signed())
    }

    /// What the next field is of, whose number follows from the one before; `None` at the end of the structure.
    fn field(&mut self, id: &mut i64) -> Option<Option<u8>> {
        let byte = self.byte()?;
        if byte == 0 {
            return Some(None);
        }
        *id = match byte >> 4 {
            0 => self.integer()?,
            delta => *id + i64::from(delta),
        };
        i16::try_from(*id).ok()?;
        Some(Some(byte & 0x0f))
    }

    /// Of a known layout; its integers go to `integers`, by their fields.
    fn structure(&mut self, layout: &[Field], integers: &mut BTreeMap<i64, i64>) -> Option<()> {
        let mut id = 0;
        while let Some(kind) = self.field(&mut id)? {
            match layout.iter().find(|field| field.0 == id) {
                None => self.skip(kind, 0)?,
                Some(Field(_, BOOLEAN, _)) if matches!(kind, 1 | 2) => {}
                Some(Field(_, known, _)) if *known != kind => return None,
                Some(Field(_, I32, _)) => {
                    integers.insert(id, self.integer()?);
                }
                Some(Field(_, STRUCT, within)) => self.structure(within, &mut BTreeMap::new())?,
                Some(_) => self.skip(kind, 0)?,
            }
        }
        Some(())
    }

    fn skip(&mut self, kind: u8, depth: u8) -> Option<()> {
        if depth > DEPTH_MAX {
            return None;
        }
        match kind {
            // A boolean is its kind.
            1 | 2 => Some(()),
            3 => self.pass(1),
            4..=6 => self.varint().map(|_| ()),
            7 => self.pass(8),
            8 => {
                let length = self.varint()?;
                self.pass(length)
            }
            9 | 10 => {
                let byte = self.byte()?;
                let count = match byte >> 4 {
                    15 => self.varint()?,
                    count => u64::from(count),
                };
                (0..count).try_for_each(|_| self.element(byte & 0x0f, depth))
            }
            11 => {
                let count = self.varint()?;
                let kinds = if count == 0 { 0 } else { self.byte()? };
                (0..count).try_for_each(|_| {
                    self.element(kinds >> 4, depth)?;
                    self.element(kinds & 0x0f, depth)
                })
            }
            12 => {
                let mut id = 0;
                while let Some(kind) = self.field(&mut id)? {
                    self.skip(kind, depth + 1)?;
                }
                Some(())
            }
            _ => None,
        }
    }

    /// Of a list or a map, where a boolean is a byte.
    fn element(&mut self, kind: u8, depth: u8) -> Option<()> {
        match kind {
            1 | 2 => self.pass(1),
            other => self.skip(other, depth + 1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of a data page: its type, how long it is unpacked, that it has no bytes here, and a header of its own.
    fn header(unpacked: &[u8]) -> Vec<u8> {
        let within = [0x2c, 0x15, 0x02, 0x15, 0x00, 0x15, 0x06, 0x15, 0x06, 0x00];
        [&[0x15, 0x00, 0x15], unpacked, &[0x15, 0x00], &within, &[0x00]].concat()
    }

    #[test]
    fn a_page_says_how_long_it_is_unpacked() {
        let file = [header(&[0xc8, 0x01]), header(&[0xfe, 0xff, 0xff, 0xff, 0x0f])].concat();
        let mut rest = file.as_slice();
        assert_eq!(page(&mut rest), Some(100));
        assert_eq!(page(&mut rest), Some(i32::MAX.cast_unsigned().into()));
        assert!(rest.is_empty());
    }

    #[test]
    fn what_is_measured_otherwise_than_it_is_read_is_refused() {
        let whole = header(&[0xc8, 0x01]);
        for end in 0..whole.len() {
            assert_eq!(page(&mut &whole[..end]), None);
        }
        // A length that says it is a byte; one below zero; a page that goes beyond the file.
        let (mut other, mut beyond) = (whole.clone(), whole);
        other[2] = 0x13;
        beyond[6] = 0x02;
        for bytes in [other, header(&[0x01]), beyond] {
            assert_eq!(page(&mut bytes.as_slice()), None, "{bytes:?}");
        }
    }
}
