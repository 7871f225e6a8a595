//! A database to read from, and what was read from it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::Int64Type;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use cortex_ingest::{ChangeSlice, ChangeSource, IngestError, MemorySourceBook};
use cortex_ingest_postgres::{Address, Connection, PostgresConfig, PostgresSource, Selection};
use cortex_lake::changes;
use cortex_types::{Position, TenantId};
use uuid::Uuid;

/// The URL of a server on which databases may be made, with `wal_level = logical`.
const SERVER: &str = "CORTEX_TEST_POSTGRES";

pub struct House {
    pub database: Connection,
    pub address: Address,
    pub name: String,
    pub book: Arc<MemorySourceBook>,
}

/// One change as it was read: its place, what it is, and its values as text by their columns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    pub table: String,
    pub op: String,
    pub place: (i64, i64, i64),
    pub values: BTreeMap<String, String>,
}

impl Change {
    pub fn value(&self, column: &str) -> &str {
        self.values.get(column).map_or("", String::as_str)
    }
}

impl House {
    /// `None` where there is no server.
    pub async fn build(ddl: &str) -> Option<Self> {
        let server = std::env::var(SERVER).ok()?;
        let name = format!("cortex_{}", Uuid::new_v4().simple());
        let mut admin = Connection::open(&Address::parse(&server).unwrap()).await.unwrap();
        admin.query(&format!("CREATE DATABASE {name}")).await.unwrap();
        let (server, _) = server.rsplit_once('/').unwrap();
        let address = Address::parse(&format!("{server}/{name}")).unwrap();
        let mut house = Self {
            database: Connection::open(&address).await.unwrap(),
            address,
            name,
            book: Arc::default(),
        };
        house.run(ddl).await;
        Some(house)
    }

    pub async fn run(&mut self, sql: &str) {
        self.database
            .query(sql)
            .await
            .unwrap_or_else(|error| panic!("{sql}: {error}"));
    }

    /// A source as a process would have it: what it remembers is in the book alone.
    pub fn source(&self) -> PostgresSource {
        self.source_of(Selection::default())
    }

    pub fn source_of(&self, tables: Selection) -> PostgresSource {
        let tenant = TenantId::new("main").unwrap();
        let mut config = PostgresConfig::new("shop", tenant, self.address.clone(), tables, PathBuf::from("/tmp"));
        // Slots are the server's, and there are other tests.
        config.slot.clone_from(&self.name);
        PostgresSource::new(config, Arc::clone(&self.book) as _)
    }

    /// The slot goes with the house, or the server would keep its log for it.
    pub async fn tear_down(mut self, source: PostgresSource) {
        drop(source);
        for _ in 0..100 {
            let drop_slot = format!(
                "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = '{}'",
                self.name
            );
            if self.database.query(&drop_slot).await.is_ok() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("the slot is still in use");
    }
}

/// Whatever hangs would hang for ever.
pub const HANGS_AFTER: Duration = Duration::from_secs(120);

/// Everything from `after` to where the log ends now.
pub async fn read_on(source: &PostgresSource, after: &Position) -> Result<Vec<ChangeSlice>, IngestError> {
    let read = tokio::time::timeout(HANGS_AFTER, read_to_the_end(source, after));
    read.await
        .unwrap_or_else(|_| panic!("what comes after {after} does not come"))
}

async fn read_to_the_end(source: &PostgresSource, after: &Position) -> Result<Vec<ChangeSlice>, IngestError> {
    let head = source.head().await?;
    let (mut at, mut slices) = (after.clone(), Vec::new());
    while at < head {
        let slice = source
            .read(&at, 1)
            .await?
            .unwrap_or_else(|| panic!("nothing between {at} and {head}"));
        assert_eq!(slice.after, at);
        assert!(slice.to > slice.after, "{slice:?}");
        at = slice.to.clone();
        slices.push(slice);
    }
    Ok(slices)
}

pub fn end(slices: &[ChangeSlice]) -> Position {
    slices.last().unwrap().to.clone()
}

/// The changes of all slices, in the order of their places.
pub fn changes(slices: &[ChangeSlice]) -> Vec<Change> {
    let mut all = Vec::new();
    for slice in slices {
        let mut of_slice: Vec<Change> = slice
            .batches
            .iter()
            .flat_map(|batch| of_batch(&batch.table, &batch.rows))
            .collect();
        of_slice.sort_by_key(|change| change.place);
        let places = |position: &Position| {
            [position.epoch, position.commit, position.seq].map(|part| i64::try_from(part).unwrap())
        };
        for change in &of_slice {
            let place = [change.place.0, change.place.1, change.place.2];
            assert!(
                places(&slice.after) < place && place <= places(&slice.to),
                "{change:?} of {slice:?}"
            );
        }
        all.extend(of_slice);
    }
    assert!(
        all.windows(2).all(|pair| pair[0].place < pair[1].place),
        "each once and in order"
    );
    all
}

fn of_batch(table: &str, rows: &RecordBatch) -> Vec<Change> {
    let number = |name: &str| rows.column_by_name(name).unwrap().as_primitive::<Int64Type>().clone();
    let (epochs, commits, seqs) = (number(changes::EPOCH), number(changes::COMMIT), number(changes::SEQ));
    let ops = rows.column_by_name(changes::OP).unwrap().as_string::<i32>().clone();
    let options = FormatOptions::new().with_null("");
    let schema = rows.schema();
    let text = |row: usize| {
        let columns = schema.fields().iter().zip(rows.columns());
        let present = columns.filter(|(_, column)| column.is_valid(row));
        present
            .map(|(field, column)| {
                let text = ArrayFormatter::try_new(column, &options)
                    .unwrap()
                    .value(row)
                    .to_string();
                (field.name().clone(), text)
            })
            .collect()
    };
    (0..rows.num_rows())
        .map(|row| Change {
            table: table.to_owned(),
            op: ops.value(row).to_owned(),
            place: (epochs.value(row), commits.value(row), seqs.value(row)),
            values: text(row),
        })
        .collect()
}
