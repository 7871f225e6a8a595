//! `cortex ingest`: which databases are read, and how far.

use std::sync::Arc;

use clap::Subcommand;
use cortex_ingest_postgres::{PostgresSource, Selection};
use cortex_ingest_sqlite::{SourceRecord, SqlSources};
use cortex_store::Database;
use cortex_types::{Clock, RequestContext, SystemClock};

use super::table::Table;
use super::{open, say};
use crate::cli::{Globals, operator};
use crate::config::Config;
use crate::failure::{AppError, Failure};
use crate::platform::{SourceCatalog, SourceSettings, check_name};
use crate::providers::{open_database, open_sealer};

#[derive(Debug, Subcommand)]
pub enum IngestCommand {
    /// Read another database from now on: its tables as they are, then every change
    ///
    /// Looks at the database first: it needs PostgreSQL 15 or newer with wal_level = logical, and a role with REPLICATION that
    /// owns the tables (or a publication that their owner made). A server that runs on this data folder begins to read within
    /// seconds; 'cortex ingest run' does it without one. Each table comes to be bronze/NAME__TABLE in the lake.
    #[command(after_help = "\
Examples:
  cortex ingest add postgres://ada:secret@db.example/shop --tables orders,customers
  cortex ingest add postgres://ada:secret@db.example/shop?sslmode=verify-full --name shop_eu --tables 'sales.*'")]
    Add {
        /// postgres://USER:PASSWORD@HOST:PORT/DATABASE; stored sealed
        address: String,
        /// Names the source in the lake [default: the database's name]
        #[arg(long)]
        name: Option<String>,
        /// Which tables: TABLE, SCHEMA.TABLE or SCHEMA.*; may be given more than once [default: all]
        #[arg(long, value_name = "PATTERN", value_delimiter = ',')]
        tables: Vec<String>,
        /// The replication slot to use [default: cortex_NAME, made when it is not there]
        #[arg(long)]
        slot: Option<String>,
        /// The publication to use [default: cortex_NAME, made when it is not there]
        #[arg(long)]
        publication: Option<String>,
    },
    /// Which databases are read, how far, and how far they are ahead
    Status,
    /// Move what there is now into the lake, and end
    ///
    /// It needs the data folder to itself: stop 'cortex up' first.
    Run {
        /// One source alone
        source: Option<String>,
    },
    /// Read the tables of a source anew, and its changes from then on
    ///
    /// For a source whose slot was lost, or whose database is another one by now. What was read before stays in the history.
    Resnapshot { source: String },
    /// Read a database no more, and have it forget how far it was read
    ///
    /// What was read stays in the lake.
    Remove { source: String },
}

impl IngestCommand {
    pub async fn run(self, globals: &Globals) -> Result<(), Failure> {
        if let Self::Run { source } = self {
            return run(globals, source.as_deref()).await;
        }
        let config = globals.load()?.into_inner();
        let (database, catalog) = catalog(&config).await?;
        let ctx = operator(&config);
        let done = match self {
            Self::Add {
                address,
                name,
                tables,
                slot,
                publication,
            } => {
                let settings = SourceSettings {
                    tables: Selection::parse(tables.iter().map(String::as_str))?,
                    slot,
                    publication,
                };
                add(&catalog, &ctx, &address, name, &settings).await
            }
            Self::Status => status(&catalog, &ctx).await,
            Self::Run { .. } => Ok(()),
            Self::Resnapshot { source } => resnapshot(&catalog, &ctx, &source).await,
            Self::Remove { source } => remove(&catalog, &ctx, &source).await,
        };
        database.close().await;
        done
    }
}

/// What is known of the sources, while another process may hold the data folder.
async fn catalog(config: &Config) -> Result<(Database, SourceCatalog), Failure> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let database = open_database(config, clock).await?;
    database.migrate(&[cortex_ingest_sqlite::MIGRATIONS]).await?;
    let catalog = SourceCatalog {
        sources: SqlSources::new(database.clone()),
        sealer: open_sealer(config, &database).await?,
        spool: config.layout().spool(),
    };
    Ok((database, catalog))
}

async fn add(
    catalog: &SourceCatalog,
    ctx: &RequestContext,
    address: &str,
    name: Option<String>,
    settings: &SourceSettings,
) -> Result<(), Failure> {
    let name = match name {
        Some(name) => name,
        None => cortex_ingest_postgres::Address::parse(address)?.database,
    };
    check_name(&name)?;
    let config = catalog.config(&name, &ctx.tenant, address, settings)?;
    let tables = PostgresSource::new(config, Arc::new(catalog.sources.clone()))
        .look()
        .await?;
    catalog.add(ctx, &name, address, settings, SystemClock.now()).await?;
    say(format!("{name} is read from now on: {} tables", tables.len()));
    for table in tables {
        say(format!("  {table}"));
    }
    Ok(())
}

async fn status(catalog: &SourceCatalog, ctx: &RequestContext) -> Result<(), Failure> {
    let mut table = Table::new(["source", "reader", "durable up to", "behind (bytes)", "state"]);
    for record in catalog.of(&ctx.tenant).await? {
        for row in standing(catalog, &record).await? {
            table.row(row);
        }
    }
    say(table.to_string());
    Ok(())
}

/// One row per reader; one without, where there is none yet.
async fn standing(catalog: &SourceCatalog, record: &SourceRecord) -> Result<Vec<[String; 5]>, Failure> {
    let standing = catalog.open(record).await?.standing().await?;
    let of_server = catalog.sources.trouble(&record.source).await?;
    let state = match standing.trouble.or(of_server) {
        _ if record.renew => "is to be read anew".to_owned(),
        Some(trouble) => trouble,
        None => "ok".to_owned(),
    };
    let none = || "–".to_owned();
    let mut rows: Vec<[String; 5]> = Vec::new();
    for (reader, position) in standing.readers {
        let behind = standing
            .end_of_log
            .map(|end| end.0.saturating_sub(position.commit).to_string());
        let behind = behind.unwrap_or_else(none);
        rows.push([
            record.source.clone(),
            reader,
            position.to_string(),
            behind,
            state.clone(),
        ]);
    }
    if rows.is_empty() {
        rows.push([record.source.clone(), none(), none(), none(), state]);
    }
    Ok(rows)
}

async fn run(globals: &Globals, only: Option<&str>) -> Result<(), Failure> {
    let (platform, ctx) = open(globals).await?;
    let sources = &platform.services.sources;
    let records = match only {
        Some(name) => vec![sources.catalog.one(&ctx.tenant, name).await?],
        None => sources.catalog.of(&ctx.tenant).await?,
    };
    if records.is_empty() {
        return Err(AppError::Invalid("there is no source: 'cortex ingest add' adds one".to_owned()).into());
    }
    let mut failed = None;
    for record in records {
        match sources.catch_up(&record).await {
            Ok(frontier) => say(format!("{}: in the lake up to {frontier}", record.source)),
            // The others are not to wait for it.
            Err(failure) => {
                if let Some(earlier) = failed.replace(failure) {
                    eprintln!("{earlier}");
                }
            }
        }
    }
    platform.close().await;
    failed.map_or(Ok(()), Err)
}

async fn resnapshot(catalog: &SourceCatalog, ctx: &RequestContext, name: &str) -> Result<(), Failure> {
    catalog.one(&ctx.tenant, name).await?;
    catalog.sources.set_renew(name, true).await?;
    say(format!(
        "{name}: its tables are read anew, by 'cortex up' within seconds or by 'cortex ingest run'"
    ));
    Ok(())
}

async fn remove(catalog: &SourceCatalog, ctx: &RequestContext, name: &str) -> Result<(), Failure> {
    let record = catalog.one(&ctx.tenant, name).await?;
    let source = catalog.open(&record).await?;
    catalog.sources.remove(name).await?;
    // A server that reads it lets go of the slot when it sees that the source is gone.
    match source.retire().await {
        Ok(()) => say(format!("{name} is read no more; what was read stays in the lake")),
        Err(error) => {
            say(format!(
                "{name} is read no more, but its database still keeps its log for it, until somebody runs there: {}; {error}",
                source.retiring_sql()
            ));
        }
    }
    Ok(())
}
