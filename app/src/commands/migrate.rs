//! `cortex migrate`: the schema, and nothing else.

use clap::Args;

use super::say;
use crate::cli::Globals;
use crate::demo::mark;
use crate::failure::Failure;
use crate::providers::Providers;

/// Brings the database's schema up to date. Running it again does nothing.
///
/// 'cortex up' does the same when it starts; this is for doing it ahead of time.
#[derive(Debug, Args)]
pub struct Migrate {}

impl Migrate {
    pub async fn run(self, globals: &Globals) -> Result<(), Failure> {
        let config = globals.load()?;
        let providers = Providers::build(&config, mark::clock_of(&config.data_dir)).await?;
        let applied = providers.migrate().await?;
        for migration in &applied {
            say(format!("{} {:>3} {}", migration.set, migration.version, migration.name));
        }
        say(match applied.len() {
            0 => "the database is up to date; nothing to do".to_owned(),
            count => format!("the database is up to date; {count} migrations applied"),
        });
        providers.database.close().await;
        Ok(())
    }
}
