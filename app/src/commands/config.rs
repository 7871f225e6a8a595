//! `cortex config`: what is configured, and why.

use clap::{Subcommand, ValueEnum};
use cortex_runtime::config::Setting;

use super::say;
use crate::cli::Globals;
use crate::failure::{AppError, Failure};

#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Print every setting, its value, and where the value came from; secrets are masked
    ///
    /// Layers, from weakest to strongest: built-in defaults, .env, config/base.yaml, config/{env}.yaml,
    /// config/tenants/{tenant}.yaml, variables (CORTEX__SECTION__KEY), flags.
    #[command(after_help = "\
Examples:
  cortex config show
  cortex config show --env production --format json
  CORTEX__HTTP__TIMEOUT_MS=5000 cortex config show")]
    Show {
        #[arg(long, value_enum, default_value_t = Format::Text)]
        format: Format,
    },
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Format {
    Text,
    Json,
}

impl ConfigCommand {
    pub fn run(self, globals: &Globals) -> Result<(), Failure> {
        let Self::Show { format } = self;
        let settings = globals.load()?.settings();
        match format {
            Format::Text => say(table(&settings)),
            Format::Json => {
                let text = serde_json::to_string_pretty(&settings);
                say(text.map_err(|error| AppError::Invalid(error.to_string()))?);
            }
        }
        Ok(())
    }
}

fn table(settings: &[Setting]) -> String {
    let rows: Vec<(&str, String, String)> = settings
        .iter()
        .map(|setting| (setting.key.as_str(), value_of(setting), setting.origin.to_string()))
        .collect();
    let key_width = rows.iter().map(|(key, ..)| key.len()).max().unwrap_or(0);
    let value_width = rows
        .iter()
        .map(|(_, value, _)| value.chars().count())
        .max()
        .unwrap_or(0);
    let lines = rows
        .iter()
        .map(|(key, value, origin)| format!("{key:<key_width$}  {value:<value_width$}  {origin}"));
    lines.collect::<Vec<_>>().join("\n")
}

fn value_of(setting: &Setting) -> String {
    match &setting.value {
        serde_json::Value::Null => "(not set)".to_owned(),
        serde_json::Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
