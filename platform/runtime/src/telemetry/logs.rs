//! Where log lines go, and in what form.

use std::io::IsTerminal;

use serde::{Deserialize, Serialize};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer};

use super::json::JsonLines;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LogConfig {
    pub format: LogFormat,
    /// A level, or directives such as `info,cortex_ingest=debug`.
    pub level: String,
}

impl Default for LogConfig {
    fn default() -> Self {
        Self {
            format: LogFormat::Auto,
            // ONNX Runtime tells of every device it finds.
            // What libraries say of each scan and commit is for debugging them.
            level: "info,ort=warn,buoyant_kernel=off,deltalake_core=warn".to_owned(),
        }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// Pretty on a terminal, JSON elsewhere.
    #[default]
    Auto,
    Json,
    Pretty,
}

/// Starts logging to standard error. A second call changes nothing. `Err` says what is wrong with the level.
pub fn init_logs(config: &LogConfig, service: &str, environment: &str) -> Result<(), String> {
    let level = config.level.parse::<EnvFilter>();
    let filter = level.map_err(|error| format!("'{}' is no log filter: {error}", config.level))?;
    let json = match config.format {
        LogFormat::Json => true,
        LogFormat::Pretty => false,
        LogFormat::Auto => !std::io::stderr().is_terminal(),
    };
    let layer = if json {
        JsonLines::new(service, environment, std::io::stderr).boxed()
    } else {
        tracing_subscriber::fmt::layer()
            .with_writer(std::io::stderr)
            .with_target(false)
            .compact()
            .boxed()
    };
    let _already_logging = tracing_subscriber::registry().with(filter).with(layer).try_init();
    Ok(())
}
