//! The binary under test, and PostgreSQL's own programs beside it.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use sqlx::PgConnection;

use crate::postgres::Postgres;
use crate::server::memory_bytes_peak;

/// How long a program ran, and the most memory that it had.
#[derive(Clone, Copy, Debug)]
pub struct Ran {
    pub took: Duration,
    pub memory_bytes: u64,
}

impl Ran {
    pub fn per_second(&self, count: u64) -> f64 {
        count as f64 / self.took.as_secs_f64()
    }
}

/// A Cortex on a data folder of its own.
pub struct Product<'a> {
    pub cortex: &'a Path,
    pub data: &'a Path,
}

impl Product<'_> {
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(self.cortex);
        command
            .args(arguments)
            .arg("--data")
            .arg(self.data)
            .stdin(Stdio::null());
        command
    }

    /// Has it read a database from now on.
    pub fn add(&self, url: &str, name: &str, tables: &str) -> Result<()> {
        self.answer(&["ingest", "add", url, "--name", name, "--tables", tables])
            .map(drop)
    }

    /// Moves what there is, and ends.
    pub fn ingest(&self) -> Result<Ran> {
        timed(self.command(&["ingest", "run"]))
    }

    /// The one number that a query of the lake answers.
    pub fn number(&self, sql: &str) -> Result<i64> {
        let answer = self.answer(&["lake", "sql", sql, "--format", "csv"])?;
        let number = answer.lines().nth(1).context("a number")?;
        number.trim().parse().with_context(|| format!("'{number}' of {sql}"))
    }

    fn answer(&self, arguments: &[&str]) -> Result<String> {
        let output = self.command(arguments).output()?;
        ensure!(
            output.status.success(),
            "cortex {arguments:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        Ok(String::from_utf8(output.stdout)?)
    }
}

/// Runs a program to its end; what it writes is thrown away.
pub fn timed(mut command: Command) -> Result<Ran> {
    let started = Instant::now();
    let errors = tempfile::NamedTempFile::new()?;
    let mut child = command.stdout(Stdio::null()).stderr(errors.reopen()?).spawn()?;
    let mut memory_bytes = 0;
    loop {
        memory_bytes = memory_bytes.max(memory_bytes_peak(child.id()));
        if let Some(status) = child.try_wait()? {
            let took = started.elapsed();
            if !status.success() {
                bail!("{command:?}: {}", std::fs::read_to_string(errors.path())?);
            }
            return Ok(Ran { took, memory_bytes });
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// One of PostgreSQL's programs on one of its databases.
pub fn program(postgres: &Postgres, name: &str, arguments: &[&str]) -> Result<Command> {
    let mut command = postgres
        .client(name)
        .with_context(|| format!("{name} is not on this machine"))?;
    command.args(arguments);
    Ok(command)
}

/// A database with pgbench's tables.
pub async fn own_tables(postgres: &Postgres, database: &str, scale: u32) -> Result<PgConnection> {
    postgres.create(database, None).await?;
    let scale = scale.to_string();
    timed(program(postgres, "pgbench", &["-i", "-q", "-s", &scale, database])?)?;
    let mut connection = postgres.connect(database).await?;
    // Cortex's role makes the publication, so the tables are its own; and the history has no key.
    sqlx::raw_sql(
        "ALTER TABLE pgbench_history REPLICA IDENTITY FULL; ALTER TABLE pgbench_history OWNER TO cortex; \
         ALTER TABLE pgbench_accounts OWNER TO cortex; ALTER TABLE pgbench_branches OWNER TO cortex; \
         ALTER TABLE pgbench_tellers OWNER TO cortex",
    )
    .execute(&mut connection)
    .await?;
    Ok(connection)
}
