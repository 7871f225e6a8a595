//! The binary under test.

use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use cortex_store::testing::{SERVER, database_on};

/// How a process ends that was aborted.
const SIGABRT: i32 = 6;

/// Where `cargo test --workspace` has put the binary: beside the folder of the test's own executable.
pub fn cortex() -> Result<PathBuf> {
    let own = std::env::current_exe()?;
    let profile = own.ancestors().nth(2).context("the test runs from a target folder")?;
    let binary = profile.join("cortex");
    ensure!(
        binary.exists(),
        "{} is not there: run `cargo build -p cortex` first",
        binary.display()
    );
    Ok(binary)
}

/// A command line of the binary, working in `data`, unaffected by the caller's own configuration.
pub fn command(data: &Path, arguments: &[&str]) -> Result<Command> {
    let mut command = Command::new(cortex()?);
    command
        .args(arguments)
        .arg("--data")
        .arg(data)
        .current_dir(data.parent().context("a folder above the data")?);
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("CORTEX_")) {
        command.env_remove(name);
    }
    command.env("CORTEX__LOG__FORMAT", "json");
    if let Some(url) = database_url(data)? {
        command.env("CORTEX__DATABASE__URL", url);
    }
    Ok(command)
}

/// The database that belongs to `data`, where the tests run on a server: made when it is first asked for, and remembered beside
/// the folder.
pub fn database_url(data: &Path) -> Result<Option<String>> {
    let Ok(server) = std::env::var(SERVER) else {
        return Ok(None);
    };
    let noted = data.with_extension("database-url");
    if let Ok(url) = std::fs::read_to_string(&noted) {
        return Ok(Some(url));
    }
    let url = block_on(async { Ok(database_on(&server).await) })?;
    std::fs::write(&noted, &url)?;
    Ok(Some(url))
}

/// Runs to the end; an exit code other than 0 is an error that shows what was printed.
pub fn run(data: &Path, arguments: &[&str]) -> Result<String> {
    let output = command(data, arguments)?.output()?;
    ensure!(
        output.status.success(),
        "cortex {}: {}",
        arguments.join(" "),
        printed(&output)
    );
    Ok(String::from_utf8(output.stdout)?)
}

/// Runs to the end and is expected to fail; what it printed.
pub fn run_failing(data: &Path, arguments: &[&str]) -> Result<String> {
    let output = command(data, arguments)?.output()?;
    ensure!(!output.status.success(), "cortex {} succeeded", arguments.join(" "));
    Ok(printed(&output))
}

fn printed(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

/// Starts it, lets it run for `life`, and kills it with SIGKILL; whether it was still running by then.
pub fn run_and_kill(data: &Path, arguments: &[&str], life: Duration) -> Result<bool> {
    let mut child = command(data, arguments)?
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    let started = Instant::now();
    while started.elapsed() < life {
        if child.try_wait()?.is_some() {
            return Ok(false);
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    child.kill()?;
    child.wait()?;
    Ok(true)
}

/// Runs it until it dies at a failpoint's `hit`-th hit; whether it did, or ended before.
pub fn run_and_crash(data: &Path, arguments: &[&str], failpoint: &str, hit: u32) -> Result<bool> {
    let output = command(data, arguments)?
        .env("CORTEX_CRASH_AT", format!("{failpoint}={hit}"))
        .output()?;
    let died = output.status.signal() == Some(SIGABRT);
    ensure!(
        died || output.status.success(),
        "with {failpoint}={hit} armed: {}",
        printed(&output)
    );
    Ok(died)
}

/// A running `cortex up`; killed when dropped.
#[derive(Debug)]
pub struct Server {
    child: Child,
    pub http: String,
    pub grpc: String,
}

impl Server {
    /// Starts it on free loopback ports and waits until it is ready.
    pub fn start(data: &Path) -> Result<Self> {
        Self::start_with(data, &[])
    }

    /// One that will die at a failpoint's `hit`-th hit.
    pub fn start_crashing(data: &Path, failpoint: &str, hit: u32) -> Result<Self> {
        Self::start_with(data, &[("CORTEX_CRASH_AT", &format!("{failpoint}={hit}"))])
    }

    /// Starts it with these variables set.
    pub fn start_with(data: &Path, variables: &[(&str, &str)]) -> Result<Self> {
        let (http, grpc) = (free_address()?, free_address()?);
        let child = command(data, &["up", "--http", &http, "--grpc", &grpc])?
            .envs(variables.iter().copied())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        let mut server = Self { child, http, grpc };
        server.wait_until_ready(Duration::from_secs(60))?;
        Ok(server)
    }

    fn wait_until_ready(&mut self, patience: Duration) -> Result<()> {
        let started = Instant::now();
        while started.elapsed() < patience {
            if let Some(status) = self.child.try_wait()? {
                bail!("cortex up ended at once with {status}");
            }
            if std::net::TcpStream::connect(&self.http).is_ok() && self.get("/readyz").is_ok() {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        bail!("cortex up was not ready within {} s", patience.as_secs())
    }

    /// The body of a successful GET.
    pub fn get(&self, path: &str) -> Result<String> {
        let address = format!("http://{}{path}", self.http);
        block_on(async move { Ok(reqwest::get(address).await?.error_for_status()?.text().await?) })
    }

    /// Whether it has ended by itself, or does so within the next moments.
    pub fn has_died(&mut self) -> Result<bool> {
        for _ in 0..40 {
            if self.child.try_wait()?.is_some() {
                return Ok(true);
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(false)
    }

    /// Status and JSON body of a POST.
    pub fn post(&self, path: &str, body: &serde_json::Value) -> Result<(u16, serde_json::Value)> {
        self.post_once(path, body, "")
    }

    /// As [`post`](Self::post), under an idempotency key.
    pub fn post_once(&self, path: &str, body: &serde_json::Value, key: &str) -> Result<(u16, serde_json::Value)> {
        post_once(&self.http, path, body, key)
    }
}

/// Status and JSON body of a POST to whatever serves at `address`.
pub fn post_once(address: &str, path: &str, body: &serde_json::Value, key: &str) -> Result<(u16, serde_json::Value)> {
    block_on(async move {
        let client = reqwest::Client::builder().timeout(Duration::from_secs(60)).build()?;
        let mut request = client.post(format!("http://{address}{path}")).json(body);
        if !key.is_empty() {
            request = request.header("idempotency-key", key);
        }
        let response = request.send().await?;
        let status = response.status().as_u16();
        let text = response.text().await?;
        Ok((
            status,
            serde_json::from_str(&text).unwrap_or(serde_json::Value::String(text)),
        ))
    })
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) fn block_on<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(work)
}

fn free_address() -> Result<String> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.to_string())
}
