//! Tables as files.

use std::str::FromStr;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, RecordBatch, StringArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Schema};
use cortex_erp::ErpError;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::{ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
use parquet::basic::Compression;
use parquet::file::properties::WriterProperties;
use serde_json::{Map, Value};

use super::once::Once;
use super::pages::rows_at_once;
use super::table::{Document, Row};

/// Most rows of a file: a small one can say that it has a great many.
const ROWS_MAX: usize = 200_000;
/// Most cells with something in them. Each takes many times the room that it has in the file.
const CELLS_MAX: usize = 4_000_000;
/// Most bytes of all cells together, where a file can say one text many times.
const TEXT_BYTES_MAX: usize = 256 << 20;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Format {
    #[default]
    Csv,
    /// An array of documents as the API has them, or one to a line.
    Json,
    Parquet,
}

impl FromStr for Format {
    type Err = ErpError;

    fn from_str(text: &str) -> Result<Self, ErpError> {
        Ok(match text {
            "csv" => Self::Csv,
            "json" => Self::Json,
            "parquet" => Self::Parquet,
            _ => {
                return Err(ErpError::invalid(
                    "format",
                    format!("'{text}' is none of csv, json, parquet"),
                ));
            }
        })
    }
}

impl Format {
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Csv => "text/csv; charset=utf-8",
            Self::Json => "application/json",
            Self::Parquet => "application/vnd.apache.parquet",
        }
    }
}

/// What a file holds: rows of a table, or documents as they are.
#[derive(Clone, Debug)]
pub(crate) enum Content {
    Table {
        columns: Vec<Arc<str>>,
        rows: Vec<(u64, Row)>,
    },
    Documents(Vec<Document>),
}

pub(crate) fn read(format: Format, file: Vec<u8>) -> Result<Content, ErpError> {
    // Spreadsheets and editors begin a text with a mark of its encoding.
    let text = file.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&file);
    match format {
        Format::Csv => csv_rows(text),
        Format::Json => json_documents(text),
        Format::Parquet => parquet_rows(file),
    }
}

fn unreadable(error: impl std::fmt::Display) -> ErpError {
    ErpError::invalid("file", error.to_string())
}

/// The rows of a table, as long as there is room for them.
#[derive(Default)]
struct Rows {
    rows: Vec<(u64, Row)>,
    cells: usize,
    text_bytes: usize,
}

impl Rows {
    fn add(&mut self) -> Result<(), ErpError> {
        check_most("rows", self.rows.len() + 1, ROWS_MAX)?;
        self.rows.push((self.rows.len() as u64 + 1, Row::new()));
        Ok(())
    }

    /// A cell of a row that was added.
    fn set(&mut self, row: usize, column: &Arc<str>, text: &str) -> Result<(), ErpError> {
        self.cells += 1;
        self.text_bytes += text.len();
        check_most("cells", self.cells, CELLS_MAX)?;
        check_most("bytes of text", self.text_bytes, TEXT_BYTES_MAX)?;
        self.rows[row].1.insert(Arc::clone(column), text.to_owned());
        Ok(())
    }
}

fn check_most(what: &str, count: usize, most: usize) -> Result<(), ErpError> {
    if count <= most {
        return Ok(());
    }
    Err(ErpError::invalid(
        "file",
        format!("has more than {most} {what}: split it"),
    ))
}

fn csv_rows(file: &[u8]) -> Result<Content, ErpError> {
    let mut reader = csv::Reader::from_reader(file);
    let header = reader.headers().map_err(unreadable)?;
    let columns: Vec<Arc<str>> = header.iter().map(|name| name.trim().into()).collect();
    let mut rows = Rows::default();
    for record in reader.records() {
        let record = record.map_err(unreadable)?;
        rows.add()?;
        let cells = columns.iter().zip(record.iter()).filter(|(_, cell)| !cell.is_empty());
        let row = rows.rows.len() - 1;
        cells
            .into_iter()
            .try_for_each(|(column, cell)| rows.set(row, column, cell))?;
    }
    Ok(Content::Table {
        columns,
        rows: rows.rows,
    })
}

fn json_documents(file: &[u8]) -> Result<Content, ErpError> {
    let begins = file.iter().find(|byte| !byte.is_ascii_whitespace());
    let objects: Vec<Once> = if begins == Some(&b'[') {
        serde_json::from_slice(file).map_err(unreadable)?
    } else {
        let lines = serde_json::Deserializer::from_slice(file).into_iter();
        lines.collect::<Result<_, _>>().map_err(unreadable)?
    };
    check_most("rows", objects.len(), ROWS_MAX)?;
    let objects = objects.into_iter().map(Once::into_object);
    let objects: Vec<Map<String, Value>> = objects.collect::<Result<_, _>>()?;
    let documents = (1..).zip(objects).map(|(row, fields)| Document::new(row, fields));
    Ok(Content::Documents(documents.collect()))
}

fn parquet_rows(file: Vec<u8>) -> Result<Content, ErpError> {
    let file = bytes::Bytes::from(file);
    // Parquet's own schema says all that texts are made of. The one that writers of Arrow hide in the metadata is read by code that
    // panics where it is spoiled.
    let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
    let reader = ParquetRecordBatchReaderBuilder::try_new_with_options(file.clone(), options).map_err(unreadable)?;
    let fields = reader.schema().fields().iter();
    let columns: Vec<Arc<str>> = fields.map(|field| field.name().as_str().into()).collect();
    let at_once = rows_at_once(&file, reader.metadata())?;
    let mut rows = Rows::default();
    for batch in reader.with_batch_size(at_once).build().map_err(unreadable)? {
        let batch = batch.map_err(unreadable)?;
        let first = rows.rows.len();
        (0..batch.num_rows()).try_for_each(|_| rows.add())?;
        for (name, column) in columns.iter().zip(batch.columns()) {
            let column = cast(column, &DataType::Utf8)
                .map_err(|error| ErpError::invalid(format!("column '{name}'"), error.to_string()))?;
            let texts = column.as_any().downcast_ref::<StringArray>().into_iter().flatten();
            for (row, text) in (first..).zip(texts) {
                if let Some(text) = text.filter(|text| !text.is_empty()) {
                    rows.set(row, name, text)?;
                }
            }
        }
    }
    Ok(Content::Table {
        columns,
        rows: rows.rows,
    })
}

/// Writes a file page by page.
pub(crate) enum Writer {
    Csv(Box<csv::Writer<Vec<u8>>>),
    Json { out: Vec<u8>, documents: u64 },
    Parquet(Box<ArrowWriter<Vec<u8>>>, Arc<Schema>),
}

impl Writer {
    pub fn new(format: Format, columns: &[String]) -> Result<Self, ErpError> {
        Ok(match format {
            Format::Csv => {
                let mut writer = csv::Writer::from_writer(Vec::new());
                writer.write_record(columns).map_err(unreadable)?;
                Self::Csv(Box::new(writer))
            }
            Format::Json => Self::Json {
                out: vec![b'['],
                documents: 0,
            },
            Format::Parquet => {
                let fields = columns.iter().map(|column| Field::new(column, DataType::Utf8, true));
                let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
                let properties = WriterProperties::builder().set_compression(Compression::SNAPPY).build();
                let writer = ArrowWriter::try_new(Vec::new(), Arc::clone(&schema), Some(properties));
                Self::Parquet(Box::new(writer.map_err(unreadable)?), schema)
            }
        })
    }

    /// `rows` are those of all `documents`.
    pub fn write(&mut self, documents: &[Value], rows: &[Vec<String>]) -> Result<(), ErpError> {
        match self {
            Self::Csv(writer) => {
                for row in rows {
                    writer.write_record(row).map_err(unreadable)?;
                }
            }
            Self::Json {
                out,
                documents: written,
            } => {
                for document in documents {
                    out.extend_from_slice(if *written == 0 { b"\n" } else { b",\n" });
                    serde_json::to_writer(&mut *out, document).map_err(unreadable)?;
                    *written += 1;
                }
            }
            Self::Parquet(writer, schema) => {
                let column = |index: usize| {
                    let cells = rows
                        .iter()
                        .map(|row| Some(row[index].as_str()).filter(|cell| !cell.is_empty()));
                    Arc::new(cells.collect::<StringArray>()) as ArrayRef
                };
                let columns = (0..schema.fields().len()).map(column).collect();
                let batch = RecordBatch::try_new(Arc::clone(schema), columns).map_err(unreadable)?;
                writer.write(&batch).map_err(unreadable)?;
            }
        }
        Ok(())
    }

    pub fn finish(self) -> Result<Vec<u8>, ErpError> {
        match self {
            Self::Csv(writer) => writer.into_inner().map_err(unreadable),
            Self::Json { mut out, .. } => {
                out.extend_from_slice(b"\n]\n");
                Ok(out)
            }
            Self::Parquet(writer, _) => writer.into_inner().map_err(unreadable),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_room_for_so_many_cells_and_so_much_text_and_no_more() {
        let column: Arc<str> = "code".into();
        for (cells, text_bytes) in [(CELLS_MAX - 1, 0), (0, TEXT_BYTES_MAX - 3)] {
            let mut rows = Rows {
                rows: Vec::new(),
                cells,
                text_bytes,
            };
            rows.add().unwrap();
            rows.set(0, &column, "MUG").unwrap();
            let refused = rows.set(0, &column, "MUG").unwrap_err().to_string();
            assert!(refused.contains("split it"), "{refused}");
        }
    }
}
