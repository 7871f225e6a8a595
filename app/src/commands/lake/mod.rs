//! `cortex lake`: look into the lake.

mod sql;

use clap::Subcommand;
use cortex_lake::state::Cut;
use cortex_lake::{AsOf, LakeError, Layer, TableRef};
use cortex_types::{Frontier, RequestContext, Timestamp};

use super::table::Table;
use super::{open, say};
use crate::cli::Globals;
use crate::failure::{AppError, Failure};
use crate::platform::Platform;

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
    /// Read tables whole and hold them against their history: no commit, row or change is missing or there twice
    Verify {
        /// As LAYER/TABLE [default: all]
        table: Option<String>,
    },
    /// Show how the rows of a source table differ between two times or frontiers: '-' went or was so, '+' came or is so
    #[command(after_help = "\
Example:
  cortex lake diff shop__orders --from 2026-03-01 --to 2026-04-01")]
    Diff {
        /// As in 'cortex lake ls', with or without bronze/
        table: String,
        #[arg(long, value_name = "TIME|FRONTIER", value_parser = cut)]
        from: Cut,
        /// [default: as they are now]
        #[arg(long, value_name = "TIME|FRONTIER", value_parser = cut)]
        to: Option<Cut>,
        #[arg(long, value_enum, default_value_t = sql::Format::Table)]
        format: sql::Format,
    },
    /// Put few large files in the place of many small ones: queries get faster, and nothing else changes
    ///
    /// A running server does so by itself, every so often (lake.compact_every_minutes).
    Compact {
        /// As LAYER/TABLE [default: all]
        table: Option<String>,
    },
    /// Ask a question in SQL; tables are named LAYER.TABLE
    ///
    /// bronze.TABLE has every change of a source table; silver.TABLE has its rows as they are.
    #[command(after_help = "\
Examples:
  cortex lake sql \"SELECT country, sum(net_minor) / 100 AS net FROM silver.sales_invoices GROUP BY 1 ORDER BY 2 DESC\"
  cortex lake sql --as-of 2026-03-31 \"SELECT count(*) FROM silver.shop__orders\"
  cortex lake sql --as-of shop@1.24023096.0 \"SELECT * FROM silver.shop__orders ORDER BY id LIMIT 10\"")]
    Sql {
        query: String,
        /// Bronze and silver as they were: at a time, by when a change was known, or within a frontier, as 'cortex lake history' shows it
        #[arg(long, value_name = "TIME|FRONTIER", value_parser = cut)]
        as_of: Option<Cut>,
        #[arg(long, value_enum, default_value_t = sql::Format::Table)]
        format: sql::Format,
    },
}

impl LakeCommand {
    pub async fn run(self, globals: &Globals) -> Result<(), Failure> {
        let (platform, ctx) = open(globals).await?;
        match self {
            Self::Ls => list(&platform, &ctx).await?,
            Self::History { table, limit } => history(&platform, &ctx, &table, limit).await?,
            Self::Verify { table } => verify(&platform, &ctx, table.as_deref()).await?,
            Self::Compact { table } => compact(&platform, &ctx, table.as_deref()).await?,
            Self::Diff {
                table,
                from,
                to,
                format,
            } => sql::diff(&platform, &ctx, &table, [from, to.unwrap_or_default()], format).await?,
            Self::Sql { query, as_of, format } => {
                sql::run(&platform, &ctx, &query, as_of.unwrap_or_default(), format).await?
            }
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

async fn compact(platform: &Platform, ctx: &RequestContext, only: Option<&str>) -> Result<(), Failure> {
    let lake = &platform.services.lake;
    let mut shown = Table::new(["table", "files before", "files after", "bytes"]);
    for table in meant(platform, ctx, only).await? {
        let done = lake.compact(&table).await?;
        shown.row([
            short(&table),
            done.files_before.to_string(),
            done.files_after.to_string(),
            done.bytes.to_string(),
        ]);
    }
    say(shown.to_string());
    Ok(())
}

async fn meant(platform: &Platform, ctx: &RequestContext, only: Option<&str>) -> Result<Vec<TableRef>, Failure> {
    match only {
        Some(name) => Ok(vec![parse(ctx, name)?]),
        None => Ok(platform.services.lake.tables(&ctx.tenant).await?),
    }
}

async fn verify(platform: &Platform, ctx: &RequestContext, only: Option<&str>) -> Result<(), Failure> {
    let lake = &platform.services.lake;
    let tables = meant(platform, ctx, only).await?;
    let (mut shown, mut wrong) = (Table::new(["table", "commits", "rows", "state"]), 0);
    for table in tables {
        let found = cortex_lake::verify(&**lake, &table).await?;
        wrong += found.problems.len();
        let state = match found.problems.is_empty() {
            true => "ok".to_owned(),
            false => found.problems.join("; "),
        };
        shown.row([short(&table), found.commits.to_string(), found.rows.to_string(), state]);
    }
    say(shown.to_string());
    match wrong {
        0 => Ok(()),
        wrong => Err(LakeError::damaged("the lake", format!("{wrong} problems were found")).into()),
    }
}

/// A time, or a frontier.
fn cut(text: &str) -> Result<Cut, String> {
    if let Ok(time) = text.parse::<Timestamp>() {
        return Ok(Cut::By(time));
    }
    let frontier: Result<Frontier, _> = text.parse();
    frontier.map(Cut::At).map_err(|_| {
        "use a time such as 2026-03-31T12:00:00Z, or a frontier such as shop@1.24023096.0 (SOURCE@EPOCH.COMMIT.SEQ), \
         several with commas in between"
            .to_owned()
    })
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
