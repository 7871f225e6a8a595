//! `cortex lake`: look into the lake.

use std::sync::Arc;

use clap::{Subcommand, ValueEnum};
use cortex_lake::{AsOf, Layer, TableRef};
use cortex_types::RequestContext;
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::error::ArrowError;
use datafusion::arrow::util::pretty::pretty_format_batches;
use datafusion::arrow::{csv, json};
use datafusion::catalog::{MemorySchemaProvider, SchemaProvider};
use datafusion::error::DataFusionError;
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
        let snapshot = lake.snapshot(&name, AsOf::Latest).await?;
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
    let refused = |error: DataFusionError| AppError::Invalid(format!("the query cannot be answered: {error}"));
    let session = session(platform, ctx).await?;
    let batches = session
        .sql(query)
        .await
        .map_err(refused)?
        .collect()
        .await
        .map_err(refused)?;
    let text = format.write(&batches).map_err(|error| refused(error.into()))?;
    say(text.trim_end());
    Ok(())
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

/// One schema per layer, with the tenant's tables as they are now.
async fn session(platform: &Platform, ctx: &RequestContext) -> Result<SessionContext, Failure> {
    let unusable = |error: DataFusionError| AppError::Invalid(error.to_string());
    let session = SessionContext::new();
    for layer in Layer::ALL {
        let schema = Arc::new(MemorySchemaProvider::new());
        for table in platform
            .services
            .lake
            .tables(&ctx.tenant)
            .await?
            .into_iter()
            .filter(|table| table.layer == layer)
        {
            let snapshot = platform.services.lake.snapshot(&table, AsOf::Latest).await?;
            schema
                .register_table(table.name().to_owned(), snapshot.provider)
                .map_err(unusable)?;
        }
        if let Some(catalog) = session.catalog(CATALOG) {
            catalog.register_schema(layer.as_str(), schema).map_err(unusable)?;
        }
    }
    Ok(session)
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
