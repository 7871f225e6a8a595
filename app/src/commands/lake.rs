//! `cortex lake`: look into the lake.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use clap::{Subcommand, ValueEnum};
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

use super::table::Table;
use super::{open, say};
use crate::cli::Globals;
use crate::failure::{AppError, Failure};
use crate::platform::Platform;

/// DataFusion's names for the catalog that is there from the start.
const CATALOG: &str = "datafusion";

#[derive(Debug, Subcommand)]
pub enum LakeCommand {
    /// List the tenant's tables with their newest version
    Ls,
    /// Show a table's newest commits, newest first
    History {
        /// As LAYER/TABLE, such as bronze/sales_invoices
        table: String,
        #[arg(long, default_value_t = 20)]
        limit: usize,
    },
    /// Ask a question in SQL; tables are named LAYER.TABLE
    #[command(after_help = "\
Example:
  cortex lake sql \"SELECT country, sum(net_minor) / 100 AS net FROM bronze.sales_invoices GROUP BY 1 ORDER BY 2 DESC\"")]
    Sql {
        query: String,
        #[arg(long, value_enum, default_value_t = Format::Table)]
        format: Format,
    },
}

impl LakeCommand {
    pub async fn run(self, globals: &Globals) -> Result<(), Failure> {
        let (platform, ctx) = open(globals).await?;
        match self {
            Self::Ls => list(&platform, &ctx).await?,
            Self::History { table, limit } => history(&platform, &ctx, &table, limit).await?,
            Self::Sql { query, format } => sql(&platform, &ctx, &query, format).await?,
        }
        platform.close().await;
        Ok(())
    }
}

async fn list(platform: &Platform, ctx: &RequestContext) -> Result<(), Failure> {
    let lake = &platform.services.lake;
    let mut table = Table::new(["table", "version", "columns", "frontier"]);
    for name in lake.tables(&ctx.tenant).await? {
        let snapshot = match lake.snapshot(&name, AsOf::Latest).await {
            Ok(snapshot) => snapshot,
            Err(damaged @ LakeError::Damaged { .. }) => {
                tracing::warn!(table = %name, "{damaged}");
                table.row([short(&name), "damaged".to_owned(), "–".to_owned(), "–".to_owned()]);
                continue;
            }
            Err(error) => return Err(error.into()),
        };
        let newest = lake.history(&name, 1).await?.pop();
        let frontier = newest
            .and_then(|commit| commit.frontier)
            .map_or("–".to_owned(), |frontier| frontier.to_string());
        let columns = snapshot.schema.fields().len();
        table.row([
            short(&name),
            snapshot.version.to_string(),
            columns.to_string(),
            frontier,
        ]);
    }
    say(table.to_string());
    Ok(())
}

async fn history(platform: &Platform, ctx: &RequestContext, name: &str, limit: usize) -> Result<(), Failure> {
    let name = parse(ctx, name)?;
    let mut table = Table::new(["version", "committed", "operation", "rows", "frontier"]);
    for commit in platform.services.lake.history(&name, limit).await? {
        let text = |value: Option<String>| value.unwrap_or_else(|| "–".to_owned());
        table.row([
            commit.version.to_string(),
            text(commit.committed_at.map(|at| at.to_string())),
            commit.operation,
            text(commit.rows.map(|rows| rows.to_string())),
            text(commit.frontier.map(|frontier| frontier.to_string())),
        ]);
    }
    say(table.to_string());
    Ok(())
}

async fn sql(platform: &Platform, ctx: &RequestContext, query: &str, format: Format) -> Result<(), Failure> {
    let session = session(platform, ctx).await?;
    let answered = async { session.sql_with_options(query, only_queries()).await?.collect().await };
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

/// One schema per layer, with the tenant's tables as they are when they are asked for.
async fn session(platform: &Platform, ctx: &RequestContext) -> Result<SessionContext, Failure> {
    let lake = &platform.services.lake;
    let mut layers: BTreeMap<&str, BTreeMap<String, TableRef>> = BTreeMap::new();
    for table in lake.tables(&ctx.tenant).await? {
        let tables = layers.entry(table.layer.as_str()).or_default();
        tables.insert(table.name().to_owned(), table);
    }
    let session = SessionContext::new();
    for layer in Layer::ALL {
        let schema = LayerTables {
            lake: Arc::clone(lake),
            tables: layers.remove(layer.as_str()).unwrap_or_default(),
        };
        if let Some(catalog) = session.catalog(CATALOG) {
            catalog
                .register_schema(layer.as_str(), Arc::new(schema))
                .map_err(refused)?;
        }
    }
    Ok(session)
}

/// Opens only what a query names, so that a damaged table is in the way of no other.
#[derive(Debug)]
struct LayerTables {
    lake: Arc<dyn Lake>,
    tables: BTreeMap<String, TableRef>,
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
        match self.lake.snapshot(table, AsOf::Latest).await {
            Ok(snapshot) => Ok(Some(snapshot.provider)),
            Err(error) => Err(DataFusionError::External(Box::new(error))),
        }
    }

    fn table_exist(&self, name: &str) -> bool {
        self.tables.contains_key(name)
    }
}

/// Without the tenant, which is the command's.
fn short(table: &TableRef) -> String {
    format!("{}/{}", table.layer.as_str(), table.name())
}

pub(super) fn parse(ctx: &RequestContext, text: &str) -> Result<TableRef, Failure> {
    let (layer, name) = text.split_once(['/', '.']).unwrap_or(("bronze", text));
    let layer = Layer::ALL.into_iter().find(|known| known.as_str() == layer);
    let layer =
        layer.ok_or_else(|| AppError::Invalid(format!("'{text}' names no table: 'cortex lake ls' lists them")))?;
    Ok(TableRef::new(ctx.tenant.clone(), layer, name)?)
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
