//! Bronze: changes of a source table as Arrow rows.
//!
//! A bronze row is the source row after the change (before it, for a delete) followed by the columns named here. Rows
//! stand in the order of their positions.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Fields, Schema, SchemaRef, TimeUnit};
use arrow::record_batch::RecordBatch;
use cortex_types::TenantId;

/// `insert`, `update` or `delete`; of a database that is read from outside also `snapshot`, a row as it was found there,
/// and `truncate`, after which none of the earlier rows is left.
pub const OP: &str = "_op";
pub const SOURCE: &str = "_source";
pub const EPOCH: &str = "_epoch";
pub const COMMIT: &str = "_commit";
pub const SEQ: &str = "_seq";
/// Number of the source's transaction.
pub const TX: &str = "_tx";
/// When the system could know of the change.
pub const KNOWN_AT: &str = "_known_at";
/// How that is known: `clock`, or the declaration under which history was imported.
pub const KNOWN_BY: &str = "_known_by";
pub const PRINCIPAL: &str = "_principal";
pub const TRACE_ID: &str = "_trace_id";
/// The whole row before an update, as JSON; null otherwise.
pub const BEFORE: &str = "_before";
/// Of a database that is read from outside: values that their column has no room for, as JSON of column and text.
pub const RAW: &str = "_raw";
/// Of a database that is read from outside: columns that an update left alone and did not repeat, as a JSON array. They are
/// null in the row, and have the value that the row had before.
pub const UNCHANGED: &str = "_unchanged";

/// The property of a schema, and of a Delta table, that names the columns of its key as a JSON array.
pub const KEY: &str = "cortex.key";

/// Instants are microseconds, UTC.
#[must_use]
pub fn timestamp_type() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some(Arc::from("UTC")))
}

/// The columns that bronze adds to those of the source table.
#[must_use]
pub fn metadata_fields() -> Vec<Field> {
    vec![
        Field::new(OP, DataType::Utf8, false),
        Field::new(SOURCE, DataType::Utf8, false),
        Field::new(EPOCH, DataType::Int64, false),
        Field::new(COMMIT, DataType::Int64, false),
        Field::new(SEQ, DataType::Int64, false),
        Field::new(TX, DataType::Int64, false),
        Field::new(KNOWN_AT, timestamp_type(), false),
        Field::new(KNOWN_BY, DataType::Utf8, false),
        Field::new(PRINCIPAL, DataType::Utf8, false),
        Field::new(TRACE_ID, DataType::Utf8, false),
        Field::new(BEFORE, DataType::Utf8, true),
    ]
}

/// The bronze schema of a source table: its columns, all nullable (a later schema may drop one), then the metadata. `key` names
/// the columns that say which row is meant; none where nothing does.
#[must_use]
pub fn bronze_schema(source_columns: &Fields, key: &[&str]) -> SchemaRef {
    let columns = source_columns
        .iter()
        .map(|field| field.as_ref().clone().with_nullable(true));
    let key = serde_json::Value::from(key.to_vec()).to_string();
    let schema = Schema::new(columns.chain(metadata_fields()).collect::<Vec<_>>());
    Arc::new(schema.with_metadata(HashMap::from([(KEY.to_owned(), key)])))
}

/// What [`bronze_schema`] was told of the key; none where nothing is said of it.
#[must_use]
pub fn key_of<S: std::hash::BuildHasher>(metadata: &HashMap<String, String, S>) -> Vec<String> {
    let key = metadata.get(KEY).map(String::as_str);
    key.and_then(|json| serde_json::from_str(json).ok()).unwrap_or_default()
}

/// Changes of one table of one tenant, in the bronze schema, in the order of their positions.
#[derive(Clone, Debug)]
pub struct ChangeBatch {
    pub tenant: TenantId,
    pub table: Arc<str>,
    pub rows: RecordBatch,
}
