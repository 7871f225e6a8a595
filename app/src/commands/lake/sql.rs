//! `cortex lake sql`: questions to the lake.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use clap::ValueEnum;
use cortex_lake::changes::RAW;
use cortex_lake::state::{self, Cut};
use cortex_lake::{AsOf, Lake, LakeError, Layer, TableRef, one_paragraph};
use cortex_types::RequestContext;
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::error::ArrowError;
use datafusion::arrow::util::pretty::pretty_format_batches;
use datafusion::arrow::{csv, json};
use datafusion::catalog::{SchemaProvider, TableProvider};
use datafusion::error::DataFusionError;
use datafusion::execution::context::SQLOptions;
use datafusion::prelude::SessionContext;

use crate::commands::say;
use crate::failure::{AppError, Failure};
use crate::platform::Platform;

/// DataFusion's names for the catalog that is there from the start.
const CATALOG: &str = "datafusion";
/// Where the rows are that bronze tells of.
const SILVER: &str = "silver";

pub(super) async fn run(
    platform: &Platform,
    ctx: &RequestContext,
    query: &str,
    cut: Cut,
    format: Format,
) -> Result<(), Failure> {
    let session = session(platform, ctx, &cut).await?;
    let answered = async { session.sql_with_options(query, only_queries()).await?.collect().await };
    let batches = answered.await.map_err(refused)?;
    let text = format.write(&batches).map_err(|error| refused(error.into()))?;
    say(text.trim_end());
    Ok(())
}

/// Rows that are at one of two cuts only, with those that changed as they were and as they are.
pub(super) async fn diff(
    platform: &Platform,
    ctx: &RequestContext,
    table: &str,
    cuts: [Cut; 2],
    format: Format,
) -> Result<(), Failure> {
    let log = platform
        .services
        .lake
        .snapshot(&super::parse(ctx, table)?, AsOf::Latest)
        .await?;
    let session = SessionContext::new();
    for (name, cut) in ["before", "after"].into_iter().zip(&cuts) {
        session
            .register_table(name, state::rows(&log, cut).await?)
            .map_err(refused)?;
    }
    let quoted = |name: &str| format!("\"{}\"", name.replace('"', "\"\""));
    let own = log.schema.fields().iter().map(|field| field.name());
    let own = own.filter(|name| !name.starts_with('_') || *name == RAW);
    let own: Vec<String> = own.map(|name| quoted(name)).collect();
    let key: Vec<String> = log.key.iter().map(|name| quoted(name)).collect();
    let (own, key) = (own.join(", "), key.join(", "));
    let query = format!(
        "SELECT * FROM (SELECT '-' AS _diff, {own} FROM (SELECT {own} FROM before EXCEPT SELECT {own} FROM after) UNION ALL \
         SELECT '+' AS _diff, {own} FROM (SELECT {own} FROM after EXCEPT SELECT {own} FROM before)) ORDER BY {key}, _diff DESC"
    );
    let answered = async { session.sql(&query).await?.collect().await };
    let batches = answered.await.map_err(refused)?;
    let text = format.write(&batches).map_err(|error| refused(error.into()))?;
    say(text.trim_end());
    Ok(())
}

/// The lake has one writer, and it is not whoever asks: what would write a table or a file, or read a file that is not
/// the lake's, is refused before anything of it is done.
fn only_queries() -> SQLOptions {
    SQLOptions::new()
        .with_allow_ddl(false)
        .with_allow_dml(false)
        .with_allow_statements(false)
}

/// What the lake says of its own tables is not the query's fault.
fn refused(error: DataFusionError) -> Failure {
    match error {
        DataFusionError::External(inner) => match inner.downcast::<LakeError>() {
            Ok(error) => Failure::from(*error),
            Err(inner) => unanswered(DataFusionError::External(inner)),
        },
        DataFusionError::Context(_, inner) | DataFusionError::Diagnostic(_, inner) => refused(*inner),
        error => unanswered(error),
    }
}

fn unanswered(error: DataFusionError) -> Failure {
    match LakeError::of_reading("a table that the query reads", error.into()) {
        Ok(error) => error.into(),
        Err(error) => {
            let why = one_paragraph(&error.to_string());
            AppError::Invalid(format!("the query cannot be answered: {why}")).into()
        }
    }
}

/// How an answer is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people
    Table,
    /// With a header line
    Csv,
    /// One JSON object a line
    Json,
}

impl Format {
    fn write(self, batches: &[RecordBatch]) -> Result<String, ArrowError> {
        let mut out = Vec::new();
        match self {
            Self::Table => return Ok(pretty_format_batches(batches)?.to_string()),
            Self::Csv => {
                let mut writer = csv::Writer::new(&mut out);
                batches.iter().try_for_each(|batch| writer.write(batch))?;
            }
            Self::Json => {
                let mut writer = json::LineDelimitedWriter::new(&mut out);
                batches.iter().try_for_each(|batch| writer.write(batch))?;
                writer.finish()?;
            }
        }
        Ok(String::from_utf8_lossy(&out).into_owned())
    }
}

/// One schema per layer, with the tenant's tables as they are when they are asked for; and one with the rows that bronze tells of.
async fn session(platform: &Platform, ctx: &RequestContext, cut: &Cut) -> Result<SessionContext, Failure> {
    let lake = &platform.services.lake;
    let mut layers: BTreeMap<&str, BTreeMap<String, TableRef>> = BTreeMap::new();
    for table in lake.tables(&ctx.tenant).await? {
        let tables = layers.entry(table.layer.as_str()).or_default();
        tables.insert(table.name().to_owned(), table);
    }
    let session = SessionContext::new();
    let Some(catalog) = session.catalog(CATALOG) else {
        return Ok(session);
    };
    let register = |name: &str, shows: Shows, tables: BTreeMap<String, TableRef>| {
        let (lake, cut) = (Arc::clone(lake), cut.clone());
        let schema = LayerTables {
            lake,
            cut,
            shows,
            tables,
        };
        catalog.register_schema(name, Arc::new(schema)).map_err(refused)
    };
    let logs = layers.get(Layer::Bronze.as_str()).cloned();
    register(SILVER, Shows::Rows, logs.unwrap_or_default())?;
    for layer in Layer::ALL {
        let shows = match layer {
            Layer::Bronze => Shows::Changes,
            _ => Shows::All,
        };
        register(layer.as_str(), shows, layers.remove(layer.as_str()).unwrap_or_default())?;
    }
    Ok(session)
}

/// What of a table is shown.
#[derive(Clone, Copy, Debug)]
enum Shows {
    All,
    /// Of a change log, those within the cut.
    Changes,
    /// Of a change log, what the rows are at the cut.
    Rows,
}

/// Opens only what a query names, so that a damaged table is in the way of no other.
#[derive(Debug)]
struct LayerTables {
    lake: Arc<dyn Lake>,
    cut: Cut,
    shows: Shows,
    tables: BTreeMap<String, TableRef>,
}

impl LayerTables {
    async fn open(&self, table: &TableRef) -> Result<Arc<dyn TableProvider>, LakeError> {
        let snapshot = self.lake.snapshot(table, AsOf::Latest).await?;
        match self.shows {
            Shows::All => Ok(snapshot.provider),
            Shows::Changes => state::changes(&snapshot, &self.cut).await,
            Shows::Rows => state::rows(&snapshot, &self.cut).await,
        }
    }
}

#[async_trait]
impl SchemaProvider for LayerTables {
    fn table_names(&self) -> Vec<String> {
        self.tables.keys().cloned().collect()
    }

    async fn table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>, DataFusionError> {
        let Some(table) = self.tables.get(name) else {
            return Ok(None);
        };
        match self.open(table).await {
            Ok(provider) => Ok(Some(provider)),
            Err(error) => Err(DataFusionError::External(Box::new(error))),
        }
    }

    fn table_exist(&self, name: &str) -> bool {
        self.tables.contains_key(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cortex_types::ErrorCode;
    use datafusion::arrow::array::{ArrayRef, Int64Array};
    use datafusion::datasource::MemTable;

    async fn asked(query: &str) -> Result<usize, Failure> {
        let session = SessionContext::new();
        let rows = RecordBatch::try_from_iter([("n", Arc::new(Int64Array::from(vec![1, 2])) as ArrayRef)]).unwrap();
        let table = MemTable::try_new(rows.schema(), vec![vec![rows]]).unwrap();
        session.register_table("t", Arc::new(table)).unwrap();
        let answered = async { session.sql_with_options(query, only_queries()).await?.collect().await };
        let batches = answered.await.map_err(refused)?;
        Ok(batches.iter().map(RecordBatch::num_rows).sum())
    }

    #[tokio::test]
    async fn queries_are_answered_and_nothing_else_is_done() {
        assert_eq!(asked("SELECT n FROM t").await.unwrap(), 2);
        assert_eq!(
            asked("WITH a AS (SELECT n FROM t) SELECT count(*) FROM a")
                .await
                .unwrap(),
            1
        );
        assert!(asked("EXPLAIN SELECT n FROM t").await.is_ok());
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("out.csv");
        let (file, copy) = (file.display(), format!("COPY (SELECT 1) TO '{}'", file.display()));
        for query in [
            copy.clone(),
            format!("EXPLAIN ANALYZE {copy}"),
            "INSERT INTO t SELECT * FROM t".to_owned(),
            "EXPLAIN ANALYZE INSERT INTO t SELECT * FROM t".to_owned(),
            "DELETE FROM t".to_owned(),
            "UPDATE t SET n = 3".to_owned(),
            "CREATE TABLE u AS SELECT 1".to_owned(),
            "CREATE VIEW v AS SELECT 1".to_owned(),
            "CREATE EXTERNAL TABLE u STORED AS CSV LOCATION '/etc/passwd'".to_owned(),
            "DROP TABLE t".to_owned(),
            "SET datafusion.execution.batch_size = 1".to_owned(),
            "SELECT * FROM '/etc/passwd'".to_owned(),
            format!("SELECT * FROM '{file}'"),
            "SELECT * FROM read_csv('/etc/passwd')".to_owned(),
            "SELECT 1; DROP TABLE t".to_owned(),
        ] {
            let failure = asked(&query).await.expect_err(&query);
            assert_eq!(failure.code(), ErrorCode::InvalidArgument, "{query}: {failure}");
        }
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
