//! Files that others wrote.

use std::collections::BTreeSet;
use std::sync::{Arc, LazyLock};

use cortex_erp::import::online_retail::{OnlineRetailOptions, RetailHistory, post_entries};
use cortex_erp::{Erp, ErpConfig, MemoryLedger, Records};
use cortex_types::{RequestContext, SystemClock, TenantId};
use serde_json::Value;

use crate::interchange::format::{Content, Format, Writer, read};
use crate::interchange::shape::{Shape, path_of};
use crate::interchange::table::{Row, check_columns, check_keys, documents, taken};

/// Entries of a history that are posted: what a longer one comes to, a shorter one does as well.
const POSTED_MAX: usize = 40;
/// Rows of a file that are written and read again.
const WRITTEN_MAX: usize = 200;

/// Everything that can be imported or exported.
static SHAPES: LazyLock<Vec<Shape>> = LazyLock::new(|| {
    let document = serde_json::to_value(crate::openapi()).expect("JSON");
    let paths = document["paths"].as_object().expect("paths");
    let collections = paths
        .keys()
        .filter_map(|path| path.strip_prefix("/erp/v1/")?.split('/').next());
    let collections: BTreeSet<&str> = collections.collect();
    collections
        .iter()
        .filter_map(|collection| Shape::of(&document, collection))
        .collect()
});

/// Every line is taken or refused, and what was taken leaves sound books.
pub(super) fn online_retail(bytes: &[u8]) {
    let Ok(history) = RetailHistory::of_bytes("fuzzed.csv", bytes.to_vec(), false) else {
        return;
    };
    let taken: u64 = history.lines().values().sum();
    assert_eq!(taken + history.rejects().len() as u64, history.line_count() as u64);
    let entries = &history.entries()[..history.entries().len().min(POSTED_MAX)];
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
    let findings = runtime.expect("a runtime").block_on(async {
        let ledger = MemoryLedger::default();
        let erp = Erp::start(Arc::new(ledger.clone()), Arc::new(SystemClock), &ErpConfig::default());
        let ctx = RequestContext::system(TenantId::new("gifts").expect("a tenant"));
        let options = OnlineRetailOptions::default();
        let posted = post_entries(&erp, &ctx, &history, entries, &options).await;
        posted.expect("what is refused is told line by line");
        ledger.verify(&ctx).await.expect("a check")
    });
    assert!(findings.is_empty(), "{findings:?}");
}

pub(super) fn csv(bytes: &[u8]) {
    file(Format::Csv, bytes);
}

pub(super) fn json(bytes: &[u8]) {
    file(Format::Json, bytes);
}

pub(super) fn parquet(bytes: &[u8]) {
    file(Format::Parquet, bytes);
}

/// What can be read is the same when it is written and read again, and is refused or understood by every collection.
fn file(format: Format, bytes: &[u8]) {
    let Ok(content) = read(format, bytes.to_vec()) else {
        return;
    };
    for shape in SHAPES.iter() {
        let understood = match content.clone() {
            Content::Documents(documents) => Ok(documents.into_iter().map(|document| taken(shape, document)).collect()),
            Content::Table { columns, rows } => {
                check_columns(shape, columns.iter().map(AsRef::as_ref)).and_then(|()| documents(shape, rows))
            }
        };
        let Ok(understood): Result<Vec<_>, _> = understood else {
            continue;
        };
        if check_keys(shape, &understood).is_ok() {
            for (document, template) in understood.iter().zip(shape.one.iter().cycle()) {
                path_of(template, &document.fields);
            }
        }
    }
    written_again(content);
}

fn written_again(content: Content) {
    match content {
        Content::Documents(documents) => {
            let fields = documents.into_iter().take(WRITTEN_MAX);
            let fields: Vec<Value> = fields.map(|document| Value::Object(document.fields)).collect();
            let again = write_and_read(Format::Json, &[], &fields, &[]);
            let Content::Documents(again) = again else {
                panic!("documents were written, and a table is read");
            };
            let again = again.into_iter().map(|document| Value::Object(document.fields));
            assert_eq!(again.collect::<Vec<_>>(), fields);
        }
        Content::Table { columns, rows } => {
            let columns: Vec<String> = columns.iter().map(ToString::to_string).collect();
            let names: BTreeSet<&String> = columns.iter().collect();
            // The first is taken for a mark of the encoding where it is the first of the file.
            let is_written = |name: &String| !name.is_empty() && !name.starts_with('\u{feff}');
            if columns.is_empty() || names.len() < columns.len() || !columns.iter().all(is_written) {
                return;
            }
            let cells = |(_, row): &(u64, Row)| {
                let cell = |column: &String| row.get(column.as_str()).cloned().unwrap_or_default();
                columns.iter().map(cell).collect::<Vec<String>>()
            };
            let rows: Vec<Vec<String>> = rows.iter().take(WRITTEN_MAX).map(cells).collect();
            for format in [Format::Csv, Format::Parquet] {
                let Content::Table {
                    columns: named,
                    rows: again,
                } = write_and_read(format, &columns, &[], &rows)
                else {
                    panic!("a table was written, and documents are read");
                };
                assert!(named.iter().map(AsRef::as_ref).eq(columns.iter().map(String::as_str)));
                let again: Vec<Vec<String>> = again.iter().map(cells).collect();
                assert_eq!(again, rows, "{format:?}");
            }
        }
    }
}

fn write_and_read(format: Format, columns: &[String], documents: &[Value], rows: &[Vec<String>]) -> Content {
    let mut writer = Writer::new(format, columns).expect("a file to write");
    writer.write(documents, rows).expect("rows that are written");
    let file = writer.finish().expect("a whole file");
    read(format, file).expect("a file that we wrote")
}
