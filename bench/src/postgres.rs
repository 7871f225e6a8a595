//! A PostgreSQL server of its own: Debian's package as it comes, flushing what it commits, gone when the bench ends.

use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use tempfile::TempDir;

use crate::server::free_address;

pub const MISSING: &str = "PostgreSQL is not installed: as root, apt-get install postgresql";

/// Debian's package puts the server's programs here, which is not on the PATH.
const DEBIAN: &str = "/usr/lib/postgresql";
/// Measures, and loads what is measured.
const SUPERUSER: &str = "postgres";
/// Cortex's role, an ordinary one that owns its databases: policies bind it.
const USER: &str = "cortex";

/// A running server; stopped and thrown away when dropped.
pub struct Postgres {
    folder: TempDir,
    programs: PathBuf,
    port: u16,
    password: String,
    pid: u32,
}

impl Postgres {
    /// `None` where PostgreSQL is not installed.
    pub async fn start(settings: &[&str]) -> Result<Option<Self>> {
        let Some(programs) = programs() else {
            return Ok(None);
        };
        let folder = tempfile::tempdir()?;
        // The server runs as another user where we are root.
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o711))?;
        let port = free_address()?.port();
        let mut server = Self {
            folder,
            programs,
            port,
            password: password()?,
            pid: 0,
        };
        server.initialise()?;
        server.launch(settings)?;
        server.admit().await?;
        Ok(Some(server))
    }

    async fn admit(&self) -> Result<()> {
        let mut connection = self.connect("postgres").await?;
        let role = format!("CREATE ROLE {USER} LOGIN REPLICATION PASSWORD '{}'", self.password);
        sqlx::raw_sql(AssertSqlSafe(role)).execute(&mut connection).await?;
        connection.close().await?;
        Ok(())
    }

    fn home(&self) -> PathBuf {
        self.folder.path().join("server")
    }

    fn data(&self) -> PathBuf {
        self.home().join("data")
    }

    fn initialise(&self) -> Result<()> {
        let home = self.home();
        std::fs::create_dir(&home)?;
        let file = home.join("password");
        std::fs::write(&file, &self.password)?;
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600))?;
        if is_root()? {
            let owner = Command::new("chown").arg("-R").arg("postgres").arg(&home).status()?;
            ensure!(owner.success(), "the user 'postgres' cannot own {}", home.display());
        }
        let mut command = self.command("initdb")?;
        command.arg("--pgdata").arg(self.data());
        command.args(["--username", SUPERUSER, "--auth", "scram-sha-256", "--encoding", "UTF8"]);
        command.args(["--locale", "C.UTF-8", "--pwfile"]).arg(&file);
        let done = command.output()?;
        ensure!(
            done.status.success(),
            "initdb: {}",
            String::from_utf8_lossy(&done.stderr)
        );
        Ok(())
    }

    fn launch(&mut self, settings: &[&str]) -> Result<()> {
        let mut options = format!(
            "-p {} -c listen_addresses=127.0.0.1 -c unix_socket_directories={}",
            self.port,
            self.home().display()
        );
        for setting in settings {
            options.push_str(&format!(" -c {setting}"));
        }
        let log = self.home().join("log");
        let mut command = self.command("pg_ctl")?;
        command.arg("--pgdata").arg(self.data()).arg("--log").arg(&log);
        command.args(["--wait", "--silent", "--options", &options, "start"]);
        let status = command.stdout(Stdio::null()).stderr(Stdio::null()).status()?;
        ensure!(
            status.success(),
            "PostgreSQL did not start: {}",
            std::fs::read_to_string(&log).unwrap_or_default()
        );
        let file = std::fs::read_to_string(self.data().join("postmaster.pid"))?;
        self.pid = file.lines().next().context("a process id")?.trim().parse()?;
        Ok(())
    }

    /// One of the server's programs, as the user that it may run as.
    fn command(&self, program: &str) -> Result<Command> {
        let program = self.programs.join(program);
        let mut command = match is_root()? {
            true => {
                let mut command = Command::new("setpriv");
                command.args(["--reuid", "postgres", "--regid", "postgres", "--init-groups"]);
                command.arg(program);
                command
            }
            false => Command::new(program),
        };
        command.current_dir(self.home()).stdin(Stdio::null());
        Ok(command)
    }

    /// For Cortex.
    pub fn url(&self, database: &str) -> String {
        self.url_of(USER, database)
    }

    fn url_of(&self, role: &str, database: &str) -> String {
        format!("postgres://{role}:{}@127.0.0.1:{}/{database}", self.password, self.port)
    }

    /// Sees everything.
    pub async fn connect(&self, database: &str) -> Result<PgConnection> {
        PgConnection::connect(&self.url_of(SUPERUSER, database))
            .await
            .with_context(|| format!("no connection to the database '{database}'"))
    }

    /// Makes a database; of another one where that is named, with everything in it.
    pub async fn create(&self, database: &str, like: Option<&str>) -> Result<()> {
        let mut connection = self.connect("postgres").await?;
        let template = like.map_or_else(String::new, |like| format!(" TEMPLATE {like}"));
        sqlx::raw_sql(AssertSqlSafe(format!(
            "CREATE DATABASE {database} OWNER {USER}{template}"
        )))
        .execute(&mut connection)
        .await?;
        connection.close().await?;
        Ok(())
    }

    /// A program of the package, for the client's side; `None` where it is not there.
    pub fn client(&self, program: &str) -> Option<Command> {
        let path = self.programs.join(program);
        path.exists().then(|| {
            let mut command = Command::new(path);
            command.env("PGPASSWORD", &self.password).stdin(Stdio::null());
            command.args(["-h", "127.0.0.1", "-U", SUPERUSER, "-p", &self.port.to_string()]);
            command
        })
    }

    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// On the disk that the server writes to.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        if let Ok(mut command) = self.command("pg_ctl") {
            command.arg("--pgdata").arg(self.data());
            let _ = command.args(["--mode", "immediate", "--silent", "stop"]).status();
        }
    }
}

/// Where the newest server's programs are.
fn programs() -> Option<PathBuf> {
    let versions = std::fs::read_dir(DEBIAN).into_iter().flatten().flatten();
    let mut found: Vec<(u32, PathBuf)> = versions
        .filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path().join("bin"))))
        .collect();
    found.sort();
    let on_path = std::env::var_os("PATH");
    let on_path = on_path.iter().flat_map(std::env::split_paths);
    let newest_first = found.into_iter().rev().map(|(_, folder)| folder);
    newest_first
        .chain(on_path)
        .find(|folder| folder.join("initdb").exists() && folder.join("pg_ctl").exists())
}

fn is_root() -> Result<bool> {
    use std::os::unix::fs::MetadataExt;
    Ok(std::fs::metadata("/proc/self")?.uid() == 0)
}

fn password() -> Result<String> {
    let mut bytes = [0; 16];
    std::fs::File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}
