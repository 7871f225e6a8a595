//! `cortex demo`: the whole loop, on a simulated year or on a file.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use cortex_runtime::telemetry::init_logs;
use cortex_store::DataFolder;
use cortex_types::{Clock, SystemClock};

use super::{progress, say};
use crate::cli::Globals;
use crate::config::Config;
use crate::demo::{Business, FileHistory, SimulatedYear, SimulatorConfig, TimeLapse, clock_at, mark};
use crate::failure::{AppError, Failure};
use crate::platform::Platform;
use crate::providers::open_database;

const FOLDER: &str = "demo-data";

/// A time-lapse of a business around the whole loop: invoices, changes in Delta, features, models trained every month,
/// gated, tried as canaries, promoted, asked every week, and what came of it.
///
/// Without a file it simulates a year that answers to what the models advise, and shows in money what that was worth.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  cortex demo
  cortex demo --seed 11 --report year.html
  cortex demo --input online_retail.csv.gz

Afterwards 'cortex up --data demo-data' serves what it built.")]
pub struct Demo {
    /// A file in the layout of the Online Retail data set (.csv or .csv.gz) to live through, in place of a simulated year
    #[arg(long, value_name = "FILE")]
    input: Option<PathBuf>,
    /// Another seed is another year
    #[arg(long, default_value_t = 7, conflicts_with = "input")]
    seed: u64,
    /// Days of the simulated year
    #[arg(long, default_value_t = 365, value_parser = clap::value_parser!(u32).range(7..=3650), conflicts_with = "input")]
    days: u32,
    /// Where the report is written
    #[arg(long, value_name = "FILE", default_value = "report.html")]
    report: PathBuf,
}

impl Demo {
    pub async fn run(self, globals: &Globals) -> Result<(), Failure> {
        let folder = globals.data.clone().unwrap_or_else(|| PathBuf::from(FOLDER));
        refuse_foreign(&folder)?;
        let globals = Globals {
            data: Some(folder.clone()),
            ..globals.clone()
        };
        let config = globals.load()?;
        let mut log = config.log.clone();
        "warn,ort=error".clone_into(&mut log.level);
        init_logs(&log, "cortex", &globals.env).map_err(|problem| config.refuse("log.level", problem))?;

        let mut business: Box<dyn Business> = match &self.input {
            Some(file) => {
                let reading = progress::spinner(format!("reading {}", file.display()));
                let history = FileHistory::read(file).await.map_err(AppError::Demo)?;
                reading.finish_and_clear();
                Box::new(history)
            }
            None => Box::new(SimulatedYear::new(SimulatorConfig {
                seed: self.seed,
                days: self.days,
                ..SimulatorConfig::default()
            })),
        };
        refuse_used_database(&config).await?;
        // Not before the file is read: a name that was mistyped must not cost the demo of before.
        make_anew(&folder)?;
        let clock = clock_at(business.span().0);
        let platform = Platform::open(config.into_inner(), Arc::clone(&clock) as Arc<dyn Clock>).await?;
        let ended = business.span().1;
        let report = TimeLapse::new(&platform, &clock)
            .run("Cortex: a business around the whole loop", business.as_mut())
            .await
            .map_err(AppError::Demo)?;
        platform.close().await;
        mark::finish(&folder, clock.now().max(ended)).map_err(|error| unmakable(&folder, &error))?;
        std::fs::write(&self.report, report.html().map_err(AppError::Demo)?).map_err(|error| AppError::File {
            what: "the demo's report",
            path: self.report.clone(),
            problem: format!("cannot be written ({error}): name another file with --report"),
        })?;
        say(report.table());
        say(format!("  report:  {}", self.report.display()));
        say(format!("  serve:   cortex up --data {}", folder.display()));
        Ok(())
    }
}

fn holds_something(folder: &Path) -> bool {
    std::fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some())
}

fn refuse_foreign(folder: &Path) -> Result<(), Failure> {
    if holds_something(folder) && !mark::is_made_by_demo(folder) {
        let problem = format!(
            "{} holds something that no demo made: name another folder with --data",
            folder.display()
        );
        return Err(AppError::Invalid(problem).into());
    }
    Ok(())
}

/// A demo would write its business between that of the company whose database this is.
async fn refuse_used_database(config: &Config) -> Result<(), Failure> {
    if config.database.url.is_none() {
        return Ok(());
    }
    let database = open_database(config, Arc::new(SystemClock)).await?;
    let (at, is_used) = (database.at().to_owned(), *database.commits().borrow() > 0);
    database.close().await;
    match is_used {
        false => Ok(()),
        true => Err(AppError::Invalid(format!(
            "{at} holds a business: name an empty database with database.url, or leave that out"
        ))
        .into()),
    }
}

/// Empties the folder where an earlier demo made it; refuses any other that holds something, and one that is in use.
fn make_anew(folder: &Path) -> Result<(), Failure> {
    let failed = |error: std::io::Error| unmakable(folder, &error);
    refuse_foreign(folder)?;
    if holds_something(folder) {
        // Whoever serves from it would go on writing into files that are gone.
        let _nobody_else = DataFolder::lock(folder)?;
        std::fs::remove_dir_all(folder).map_err(failed)?;
    }
    std::fs::create_dir_all(folder).map_err(failed)?;
    mark::begin(folder).map_err(failed)?;
    Ok(())
}

fn unmakable(folder: &Path, error: &std::io::Error) -> Failure {
    AppError::File {
        what: "the demo's folder",
        path: folder.to_owned(),
        problem: format!("cannot be made ({error}): name another with --data"),
    }
    .into()
}
