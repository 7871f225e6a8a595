//! From the JSON of the change log to bronze rows.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Builder, RecordBatch, StringBuilder, TimestampMicrosecondBuilder};
use arrow::datatypes::{DataType, Field, Fields, Schema, SchemaRef};
use arrow::error::ArrowError;
use arrow::json::ReaderBuilder;
use cortex_ingest::IngestError;
use cortex_lake::ChangeBatch;
use cortex_lake::changes::{bronze_schema, timestamp_type};
use cortex_store::{ColumnKind, TableColumn};
use cortex_types::{ErrorCode, TenantId};

use crate::change_log::EPOCH;

/// Every captured table has one.
const ID: &str = "id";

/// One row of the change log.
#[derive(Debug, sqlx::FromRow)]
pub(crate) struct LoggedChange {
    pub(crate) seq: i64,
    pub(crate) commit_no: i64,
    pub(crate) tx_no: i64,
    pub(crate) tenant_id: String,
    pub(crate) table_name: String,
    pub(crate) op: String,
    pub(crate) row_after: Option<String>,
    pub(crate) row_before: Option<String>,
}

/// What a transaction says of itself.
#[derive(Debug, sqlx::FromRow)]
pub(crate) struct TransactionRow {
    pub(crate) tx_no: i64,
    pub(crate) known_at: i64,
    pub(crate) known_by: String,
    pub(crate) principal: String,
    pub(crate) trace_id: String,
}

/// The schema of a table's rows, by the declared types of its columns.
pub(crate) fn row_schema(columns: &[TableColumn]) -> SchemaRef {
    let fields = columns.iter().map(|column| {
        let data_type = match column.kind {
            ColumnKind::Text => DataType::Utf8,
            ColumnKind::Integer => DataType::Int64,
            ColumnKind::Double => DataType::Float64,
            ColumnKind::Boolean => DataType::Boolean,
            ColumnKind::Timestamp => timestamp_type(),
        };
        Field::new(&column.name, data_type, true)
    });
    Arc::new(Schema::new(fields.collect::<Fields>()))
}

/// One batch per tenant and table, its rows in the order of the log.
pub(crate) fn batches(
    source: &str,
    changes: &[LoggedChange],
    transactions: &HashMap<i64, TransactionRow>,
    schemas: &BTreeMap<String, SchemaRef>,
) -> Result<Vec<ChangeBatch>, IngestError> {
    let mut tables: BTreeMap<(&str, &str), Vec<&LoggedChange>> = BTreeMap::new();
    for change in changes {
        tables
            .entry((&change.tenant_id, &change.table_name))
            .or_default()
            .push(change);
    }
    let failed = |table: &str, error: ArrowError| IngestError::Source {
        source_id: source.to_owned(),
        code: ErrorCode::StorageFailed,
        detail: format!("changes of table '{table}' do not fit its columns: {error}"),
        source: Some(Box::new(error)),
    };
    let mut batches = Vec::with_capacity(tables.len());
    for ((tenant, table), changes) in tables {
        let schema = &schemas[table];
        let rows = rows(schema, &changes).map_err(|error| failed(table, error))?;
        let metadata = metadata(source, &changes, transactions)?;
        let columns = rows.columns().iter().cloned().chain(metadata).collect();
        let rows = RecordBatch::try_new(bronze_schema(schema.fields(), &[ID]), columns)
            .map_err(|error| failed(table, error))?;
        let tenant = TenantId::new(tenant).map_err(|error| IngestError::source(source, error))?;
        batches.push(ChangeBatch {
            tenant,
            table: table.into(),
            rows,
        });
    }
    Ok(batches)
}

/// The rows themselves: after the change, or before it for a delete.
fn rows(schema: &SchemaRef, changes: &[&LoggedChange]) -> Result<RecordBatch, ArrowError> {
    let mut decoder = ReaderBuilder::new(Arc::clone(schema))
        .with_batch_size(changes.len())
        .build_decoder()?;
    for change in changes {
        let row = change.row_after.as_ref().or(change.row_before.as_ref());
        decoder.decode(row.map_or(&b"{}"[..], String::as_bytes))?;
    }
    let rows = decoder
        .flush()?
        .unwrap_or_else(|| RecordBatch::new_empty(Arc::clone(schema)));
    if rows.num_rows() == changes.len() {
        Ok(rows)
    } else {
        Err(ArrowError::JsonError(format!(
            "{} changes hold {} rows",
            changes.len(),
            rows.num_rows()
        )))
    }
}

/// The columns that bronze adds, in the order of `cortex_lake::changes::metadata_fields`.
fn metadata(
    source: &str,
    changes: &[&LoggedChange],
    transactions: &HashMap<i64, TransactionRow>,
) -> Result<[ArrayRef; 11], IngestError> {
    let mut text: [StringBuilder; 6] = std::array::from_fn(|_| StringBuilder::new());
    let mut number: [Int64Builder; 4] = std::array::from_fn(|_| Int64Builder::with_capacity(changes.len()));
    let mut known_at = TimestampMicrosecondBuilder::with_capacity(changes.len()).with_data_type(timestamp_type());
    for change in changes {
        let Some(transaction) = transactions.get(&change.tx_no) else {
            return Err(IngestError::source(
                source,
                format!("transaction {} is not in tx_meta", change.tx_no),
            ));
        };
        known_at.append_value(transaction.known_at().micros());
        let values = [EPOCH.cast_signed(), change.commit_no, change.seq, change.tx_no];
        for (builder, value) in number.iter_mut().zip(values) {
            builder.append_value(value);
        }
        let values = [
            &change.op,
            source,
            &transaction.known_by,
            &transaction.principal,
            &transaction.trace_id,
        ]
        .map(Some);
        // A delete's row is the row before it already.
        let before = change.row_before.as_deref().filter(|_| change.row_after.is_some());
        for (builder, value) in text.iter_mut().zip(values.into_iter().chain([before])) {
            builder.append_option(value);
        }
    }
    let [op, source, known_by, principal, trace_id, before] = text.map(|mut builder| Arc::new(builder.finish()) as _);
    let [epoch, commit, seq, tx] = number.map(|mut builder| Arc::new(builder.finish()) as _);
    Ok([
        op,
        source,
        epoch,
        commit,
        seq,
        tx,
        Arc::new(known_at.finish()),
        known_by,
        principal,
        trace_id,
        before,
    ])
}
