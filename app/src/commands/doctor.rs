//! `cortex doctor`: is everything here that is needed, and if not, what is to be done?

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::sync::Arc;

use clap::Args;
use cortex_runtime::config::Loaded;
use cortex_store::{Place, SqlSubjectKeys};
use cortex_types::SystemClock;

use super::say;
use crate::cli::Globals;
use crate::config::Config;
use crate::failure::{AppError, Failure};
use crate::model_runtime::Models;
use crate::providers::{known_master_key, open_database};

/// Below this the doctor warns: a year of a small business with its lake takes about as much.
const FREE_BYTES_MIN: u64 = 2 << 30;

/// Checks configuration, data folder, database, keys, disk space, ports and ONNX Runtime, and says what to do about each.
///
/// Exits with 1 where something would keep 'cortex up' from working.
#[derive(Debug, Args)]
pub struct Doctor {}

/// What a check found.
enum Finding {
    Good(String),
    /// Part of the platform works without it.
    Limited(String),
    Bad(String),
}

impl Doctor {
    pub async fn run(self, globals: &Globals) -> Result<(), Failure> {
        let config = globals.load();
        let mut findings = vec![("configuration", configuration(&config))];
        if let Ok(config) = &config {
            findings.extend([
                ("data folder", data_folder(&config.data_dir)),
                ("database", database(config).await),
                ("master key", master_key(config).await),
                ("disk space", disk_space(&config.data_dir)),
                ("HTTP port", port(config.http.addr, "--http")),
                ("gRPC port", port(config.grpc.addr, "--grpc")),
                ("ONNX Runtime", onnx_runtime(config)),
            ]);
        }
        for (subject, finding) in &findings {
            let (mark, text) = match finding {
                Finding::Good(text) => ("ok  ", text),
                Finding::Limited(text) => ("warn", text),
                Finding::Bad(text) => ("FAIL", text),
            };
            say(format!("{mark}  {subject:<14} {text}"));
        }
        match findings
            .iter()
            .filter(|(_, finding)| matches!(finding, Finding::Bad(_)))
            .count()
        {
            0 => Ok(()),
            count => Err(AppError::Unhealthy(format!("{count} of {} checks failed; see above", findings.len())).into()),
        }
    }
}

fn configuration(config: &Result<Loaded<Config>, Failure>) -> Finding {
    match config {
        Ok(config) => Finding::Good(format!(
            "valid; {} settings ('cortex config show')",
            config.settings().len()
        )),
        Err(failure) => Finding::Bad(failure.error().to_string()),
    }
}

/// Tries it: permissions do not tell of a full or read-only disk.
fn data_folder(folder: &Path) -> Finding {
    let probe = || -> std::io::Result<()> {
        if folder.exists() && !folder.is_dir() {
            return Err(std::io::ErrorKind::NotADirectory.into());
        }
        let existing = folder
            .ancestors()
            .find(|folder| folder.is_dir())
            .unwrap_or(Path::new("."));
        tempfile::Builder::new()
            .prefix(".cortex-doctor-")
            .tempfile_in(existing)
            .map(|_| ())
    };
    match probe() {
        Ok(()) if folder.is_dir() => Finding::Good(format!("{} is writable", folder.display())),
        Ok(()) => Finding::Good(format!("{} can be made", folder.display())),
        Err(error) => Finding::Bad(format!(
            "{} cannot be written ({error}): name another with --data",
            folder.display()
        )),
    }
}

/// Reads all of it: a damaged page is found here, and not by whoever needs it first.
async fn database(config: &Config) -> Finding {
    if let Place::File(path) = config.database_place()
        && !path.exists()
    {
        return Finding::Good(format!("will be made at {} on first use", path.display()));
    }
    let mut at = String::new();
    let found = match open_database(config, Arc::new(SystemClock)).await {
        Ok(database) => {
            database.at().clone_into(&mut at);
            let found = database.quick_check().await;
            database.close().await;
            found.map_err(Failure::from)
        }
        Err(failure) => Err(failure),
    };
    match found {
        Ok(damage) if damage.is_empty() => Finding::Good(format!("{at} is sound")),
        Ok(damage) => Finding::Bad(format!(
            "{at} is damaged ({}): restore it from a backup",
            damage.join("; ")
        )),
        Err(failure) => Finding::Bad(failure.error().to_string()),
    }
}

/// Tries it on what the database has sealed: a key that is lost shows here, and not when somebody asks for a name.
async fn master_key(config: &Config) -> Finding {
    let path = config.layout().master_key();
    let known = async {
        let on_server = config.database.url.is_some();
        if !on_server && !config.layout().database().exists() && config.security.master_key.is_none() && !path.exists()
        {
            return Ok(None);
        }
        let database = open_database(config, Arc::new(SystemClock)).await?;
        let known = known_master_key(config, &SqlSubjectKeys::new(database.clone())).await;
        database.close().await;
        known
    };
    match known.await {
        Ok(None) => Finding::Good(format!("will be made at {} on first use", path.display())),
        Ok(Some(_)) if config.security.master_key.is_some() => Finding::Good("from the configuration".to_owned()),
        Ok(Some(_)) => Finding::Good(path.display().to_string()),
        Err(failure) => Finding::Bad(failure.error().to_string()),
    }
}

fn disk_space(folder: &Path) -> Finding {
    let existing = folder
        .ancestors()
        .find(|folder| folder.is_dir())
        .unwrap_or(Path::new("."));
    match rustix::fs::statvfs(existing) {
        Err(error) => Finding::Limited(format!("cannot be read: {error}")),
        Ok(disk) => {
            let free = disk.f_bavail.saturating_mul(disk.f_frsize);
            let text = format!("{:.1} GiB free", free as f64 / f64::from(1 << 30));
            if free < FREE_BYTES_MIN {
                Finding::Limited(format!("{text}; the lake needs room: 2 GiB are a start"))
            } else {
                Finding::Good(text)
            }
        }
    }
}

fn port(addr: SocketAddr, flag: &str) -> Finding {
    match TcpListener::bind(addr) {
        Ok(_) => Finding::Good(format!("{addr} is free")),
        Err(error) => Finding::Bad(format!(
            "{addr} cannot be bound ({error}): is 'cortex up' running already? Otherwise choose another with {flag}"
        )),
    }
}

/// Models cannot be scored without it; everything else works.
fn onnx_runtime(config: &Config) -> Finding {
    match Models::load(&config.serving) {
        Models::Onnx(runtime) => Finding::Good(format!("{} at {}", runtime.version(), runtime.library().display())),
        Models::Missing(why) => Finding::Limited(why.to_string()),
    }
}
