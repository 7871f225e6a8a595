//! What can be typed.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use cortex_runtime::config::{Flag, Loaded, Sources};
use cortex_types::{RequestContext, TenantId};

use crate::commands;
use crate::config::Config;
use crate::failure::Failure;

/// Codexion Cortex: an ERP core and an ML platform in one binary.
///
/// What happens in the business becomes features; features train models; models pass gates, serve, and advise the very
/// screens the data came from; what came of it trains the next model.
#[derive(Debug, Parser)]
#[command(name = "cortex", version, max_term_width = 100, after_help = EXAMPLES)]
pub struct Cli {
    #[command(flatten)]
    pub globals: Globals,
    #[command(subcommand)]
    pub command: Command,
}

const EXAMPLES: &str = "\
Examples:
  cortex doctor                      is everything here that is needed?
  cortex up                          all roles in one process, on 127.0.0.1:8000 and :8001
  cortex demo                        a year of business around the whole loop, in minutes
  cortex config show                 every setting, and where it came from

'cortex COMMAND --help' shows more examples.";

/// Flags that every command takes.
#[derive(Clone, Debug, Args)]
pub struct Globals {
    /// Folder that holds everything stored [default: ./cortex-data]
    #[arg(long, global = true, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Configuration file to read in place of config/base.yaml; {env}.yaml and tenants/ are looked for beside it
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Name of the environment: config/{env}.yaml is read after the base
    #[arg(
        long,
        global = true,
        value_name = "NAME",
        env = "CORTEX_ENV",
        default_value = "local"
    )]
    pub env: String,
    /// Tenant to act for [default: tenant.default]
    #[arg(long, global = true, value_name = "SLUG")]
    pub tenant: Option<TenantId>,
    /// Log level, or directives such as info,cortex_ingest=debug
    #[arg(long, global = true, value_name = "LEVEL")]
    pub log: Option<String>,
}

/// One process at a time works on a data folder.
const ALONE: &str = "It needs the data folder to itself: stop 'cortex up' first.";

/// Says so in the long help of a command and of those below it.
fn alone(command: clap::Command) -> clap::Command {
    let about = command.get_long_about().or_else(|| command.get_about());
    let about = about.map(ToString::to_string).unwrap_or_default();
    command.long_about(format!("{about}\n\n{ALONE}")).mut_subcommands(alone)
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run all roles in one process
    Up(commands::up::Up),
    /// Bring the database's schema up to date
    ///
    /// It needs the data folder to itself: stop 'cortex up' first.
    Migrate(commands::migrate::Migrate),
    /// Live through a year of business in minutes, around the whole loop
    Demo(commands::demo::Demo),
    /// Check that everything needed is here, and say what to do where it is not
    Doctor(commands::doctor::Doctor),
    /// See the configuration
    #[command(subcommand)]
    Config(commands::config::ConfigCommand),
    /// Make, list and revoke API tokens
    #[command(subcommand)]
    Token(commands::token::TokenCommand),
    /// Import history, check the books
    ///
    /// It needs the data folder to itself: stop 'cortex up' first.
    #[command(subcommand, mut_subcommands(alone))]
    Erp(commands::erp::ErpCommand),
    /// Look at served features, and hold them against the lake
    ///
    /// It needs the data folder to itself: stop 'cortex up' first.
    #[command(subcommand, mut_subcommands(alone))]
    Features(commands::features::FeaturesCommand),
    /// Run a training pipeline
    ///
    /// Builds a training set as of an instant, trains, checks the ONNX file against the trainer, evaluates on later
    /// time, and registers the version. Promoting it is another step: 'cortex models promote'.
    ///
    /// It needs the data folder to itself: stop 'cortex up' first.
    Train(commands::train::Train),
    /// List, promote and route models
    ///
    /// It needs the data folder to itself: stop 'cortex up' first.
    #[command(subcommand, mut_subcommands(alone))]
    Models(commands::models::ModelsCommand),
    /// Score a whole table into the lake
    ///
    /// Every entity that was active lately, or every row of a lake table, exactly once per job name.
    ///
    /// It needs the data folder to itself: stop 'cortex up' first.
    Score(commands::score::Score),
    /// See what was decided, and what came of it
    ///
    /// It needs the data folder to itself: stop 'cortex up' first.
    #[command(subcommand, mut_subcommands(alone))]
    Experience(commands::experience::ExperienceCommand),
    /// Read other databases: say which, and see how far
    #[command(subcommand)]
    Ingest(commands::ingest::IngestCommand),
    /// Look into the lake
    ///
    /// It needs the data folder to itself: stop 'cortex up' first.
    #[command(subcommand, mut_subcommands(alone))]
    Lake(commands::lake::LakeCommand),
    /// Check the record of changes
    #[command(subcommand)]
    Audit(commands::audit::AuditCommand),
}

impl Globals {
    /// Where configuration is read from, with the flags of one command on top.
    #[must_use]
    pub fn sources(&self, flags: Vec<Flag>) -> Sources {
        let folder = self.config.as_ref().and_then(|file| file.parent()).map(PathBuf::from);
        let own = [
            self.data
                .as_ref()
                .map(|dir| ("--data", "data_dir", dir.display().to_string())),
            self.tenant
                .as_ref()
                .map(|tenant| ("--tenant", "tenant.default", tenant.to_string())),
            self.log.as_ref().map(|level| ("--log", "log.level", level.clone())),
        ];
        let own = own
            .into_iter()
            .flatten()
            .map(|(name, key, value)| Flag { name, key, value });
        Sources {
            folder: folder.unwrap_or_else(|| PathBuf::from("config")),
            base_file: self.config.clone(),
            dot_env: PathBuf::from(".env"),
            environment: self.env.clone(),
            // A variable that is not UTF-8 is none of ours.
            variables: std::env::vars_os()
                .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
                .collect(),
            flags: own.chain(flags).collect(),
        }
    }

    /// The configuration with no flags but these.
    pub fn load(&self) -> Result<Loaded<Config>, Failure> {
        Config::load(&self.sources(Vec::new()), None)
    }
}

/// On whose behalf a command on this machine acts: whoever may read the data folder is its admin.
#[must_use]
pub fn operator(config: &Config) -> RequestContext {
    let user = std::env::var("USER")
        .ok()
        .filter(|user| !user.is_empty())
        .unwrap_or_else(|| "operator".to_owned());
    let principal = cortex_types::Principal::new(format!("cli:{user}"), [cortex_types::Role::Admin]);
    RequestContext::new(config.tenant().clone(), principal)
}

impl Command {
    pub async fn run(self, globals: &Globals) -> Result<(), Failure> {
        match self {
            Self::Up(up) => up.run(globals).await,
            Self::Migrate(migrate) => migrate.run(globals).await,
            Self::Demo(demo) => demo.run(globals).await,
            Self::Doctor(doctor) => doctor.run(globals).await,
            Self::Config(command) => command.run(globals),
            Self::Token(command) => command.run(globals).await,
            Self::Erp(command) => command.run(globals).await,
            Self::Features(command) => command.run(globals).await,
            Self::Train(train) => train.run(globals).await,
            Self::Models(command) => command.run(globals).await,
            Self::Score(score) => score.run(globals).await,
            Self::Experience(command) => command.run(globals).await,
            Self::Ingest(command) => command.run(globals).await,
            Self::Lake(command) => command.run(globals).await,
            Self::Audit(command) => command.run(globals).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    /// Every command by its whole name, with its help.
    fn helps(command: &clap::Command, name: &str, found: &mut Vec<(String, String)>) {
        for below in command.get_subcommands() {
            let (name, help) = (format!("{name} {}", below.get_name()), below.clone().render_long_help());
            let help: Vec<String> = help.to_string().split_whitespace().map(str::to_owned).collect();
            helps(below, &name, found);
            found.push((name, help.join(" ")));
        }
    }

    #[test]
    fn what_cannot_run_beside_the_server_says_so_in_its_help() {
        let mut found = Vec::new();
        helps(&Cli::command(), "cortex", &mut found);
        let beside = ["up", "demo", "doctor", "config", "token", "audit", "ingest"];
        assert!(found.iter().any(|(name, _)| name == "cortex erp import online-retail"));
        for (name, help) in found {
            let first = name.split(' ').nth(1).unwrap();
            let alone = !beside.contains(&first) || name == "cortex ingest run";
            assert_eq!(help.contains(ALONE), alone, "{name}: {help}");
        }
    }
}
