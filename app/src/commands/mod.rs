//! One file per command.

pub mod audit;
pub mod config;
pub mod demo;
pub mod doctor;
pub mod erp;
mod erp_files;
mod erp_report;
pub mod experience;
pub mod features;
pub mod ingest;
pub mod lake;
pub mod migrate;
pub mod models;
pub mod score;
pub mod token;
pub mod train;
pub mod up;

mod progress;
mod table;
mod values;

use std::io::Write;

use cortex_runtime::config::Origin;
use cortex_runtime::telemetry::init_logs;
use cortex_types::RequestContext;

use crate::cli::{Globals, operator};
use crate::demo::mark;
use crate::failure::Failure;
use crate::platform::Platform;

/// What a command logs where nobody asked for more: its output is its own.
const QUIET: &str = "warn,ort=error,buoyant_kernel=off";

/// Prints to standard output. Whoever closed the pipe has read enough.
pub(crate) fn say(text: impl AsRef<str>) {
    let _closed_pipe = writeln!(std::io::stdout().lock(), "{}", text.as_ref());
}

/// The platform on this machine's data, and on whose behalf the command acts. Holds the data folder: `data-in-use` while
/// 'cortex up' runs on it.
pub(crate) async fn open(globals: &Globals) -> Result<(Platform, RequestContext), Failure> {
    let config = globals.load()?;
    let mut log = config.log.clone();
    if config.origin("log.level") == Origin::Default {
        QUIET.clone_into(&mut log.level);
    }
    init_logs(&log, "cortex", &globals.env).map_err(|problem| config.refuse("log.level", problem))?;
    let clock = mark::clock_of(&config.data_dir);
    let platform = Platform::open(config.into_inner(), clock).await?;
    let ctx = operator(&platform.config);
    Ok((platform, ctx))
}
