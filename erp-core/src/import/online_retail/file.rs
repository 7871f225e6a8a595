//! The file in memory, record by record, with the raw text of each for the rejects.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use csv::{ByteRecord, ReaderBuilder};
use flate2::read::MultiGzDecoder;

use crate::ErpError;

/// Largest file once unpacked. Lines of one invoice may stand anywhere, so all of it is read before anything is posted.
const BYTES_MAX: u64 = 1 << 30;

const COLUMNS: [&str; 8] = [
    "InvoiceNo",
    "StockCode",
    "Description",
    "Quantity",
    "InvoiceDate",
    "UnitPrice",
    "CustomerID",
    "Country",
];

/// Where a record stands.
#[derive(Clone, Copy, Debug)]
struct Place {
    line: u64,
    start: usize,
}

#[derive(Debug)]
pub(super) struct RetailFile {
    pub name: String,
    bytes: Vec<u8>,
    /// Place in a record of each of [`COLUMNS`].
    columns: [usize; 8],
    fields: usize,
    places: Vec<Place>,
}

impl RetailFile {
    pub fn open(path: &Path) -> Result<Self, ErpError> {
        let name = path.display().to_string();
        let failed = |problem: String| ErpError::Import {
            file: name.clone(),
            problem,
        };
        let file = File::open(path).map_err(|error| failed(format!("it cannot be opened: {error}")))?;
        let gzipped = path
            .extension()
            .is_some_and(|extension| extension.eq_ignore_ascii_case("gz"));
        let reader: Box<dyn Read> = if gzipped {
            Box::new(MultiGzDecoder::new(file))
        } else {
            Box::new(file)
        };
        let mut bytes = Vec::new();
        reader
            .take(BYTES_MAX + 1)
            .read_to_end(&mut bytes)
            .map_err(|error| failed(format!("it cannot be read: {error}")))?;
        if bytes.len() as u64 > BYTES_MAX {
            return Err(failed(format!(
                "it is larger than {BYTES_MAX} bytes once unpacked: split it"
            )));
        }
        Self::from_bytes(name, bytes)
    }

    pub fn from_bytes(name: String, mut bytes: Vec<u8>) -> Result<Self, ErpError> {
        // Spreadsheets begin a file with a mark of its encoding.
        if bytes.starts_with(b"\xEF\xBB\xBF") {
            bytes.drain(..3);
        }
        let mut header = ByteRecord::new();
        let mut reader = ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .from_reader(bytes.as_slice());
        let read = reader.read_byte_record(&mut header);
        read.map_err(|error| ErpError::Import {
            file: name.clone(),
            problem: error.to_string(),
        })?;
        let mut columns = [0; 8];
        for (column, place) in COLUMNS.iter().zip(&mut columns) {
            let wanted = |field: &[u8]| field.trim_ascii().eq_ignore_ascii_case(column.as_bytes());
            *place = header.iter().position(wanted).ok_or_else(|| ErpError::Import {
                file: name.clone(),
                problem: format!(
                    "its first line has no column '{column}' (it needs {})",
                    COLUMNS.join(", ")
                ),
            })?;
        }
        Ok(Self {
            name,
            columns,
            fields: header.len(),
            places: Vec::new(),
            bytes,
        })
    }

    /// Calls `each` with the place of every record after the header and its eight fields in the order of the columns;
    /// `None` where the record has another number of fields.
    pub fn for_each(
        &mut self,
        mut each: impl FnMut(u32, u64, Option<[&[u8]; 8]>) -> Result<(), ErpError>,
    ) -> Result<(), ErpError> {
        let mut reader = ReaderBuilder::new()
            .has_headers(true)
            .flexible(true)
            .from_reader(self.bytes.as_slice());
        let mut record = ByteRecord::new();
        loop {
            let more = reader.read_byte_record(&mut record);
            let more = more.map_err(|error| ErpError::Import {
                file: self.name.clone(),
                problem: error.to_string(),
            })?;
            let Some(position) = record.position().filter(|_| more) else {
                return Ok(());
            };
            let index = u32::try_from(self.places.len()).map_err(|_| ErpError::Import {
                file: self.name.clone(),
                problem: "it has more lines than can be counted".to_owned(),
            })?;
            let start = usize::try_from(position.byte()).unwrap_or(usize::MAX);
            self.places.push(Place {
                line: position.line(),
                start,
            });
            let fields = (record.len() == self.fields).then(|| self.columns.map(|column| &record[column]));
            each(index, position.line(), fields)?;
        }
    }

    pub fn records(&self) -> usize {
        self.places.len()
    }

    /// Number of the first line of a record, from 1; the header is line 1.
    pub fn line(&self, record: u32) -> u64 {
        self.places.get(record as usize).map_or(0, |place| place.line)
    }

    /// A record as it stands in the file.
    pub fn raw(&self, record: u32) -> String {
        let index = record as usize;
        let Some(place) = self.places.get(index) else {
            return String::new();
        };
        let end = self.places.get(index + 1).map_or(self.bytes.len(), |next| next.start);
        let raw = self.bytes.get(place.start..end).unwrap_or_default();
        String::from_utf8_lossy(raw).trim_end_matches(['\r', '\n']).to_owned()
    }
}
