//! The binary under test, as a child process on free loopback ports.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use hyper::body::Bytes;

use crate::load::fetch;

const READY_WITHIN: Duration = Duration::from_secs(60);

/// A running `cortex up`; killed when dropped.
pub struct Server {
    child: Child,
    pub http: SocketAddr,
}

impl Server {
    pub async fn start(cortex: &Path, data: &Path) -> Result<Self> {
        Self::start_on(cortex, data, None).await
    }

    /// On a PostgreSQL database, where its URL is given.
    pub async fn start_on(cortex: &Path, data: &Path, database_url: Option<&str>) -> Result<Self> {
        let http = free_address()?;
        let grpc = free_address()?;
        let mut command = Command::new(cortex);
        if let Some(url) = database_url {
            command.env("CORTEX__DATABASE__URL", url);
        }
        let child = command
            .args(["up", "--data"])
            .arg(data)
            .args(["--http", &http.to_string(), "--grpc", &grpc.to_string()])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .with_context(|| format!("{} does not start", cortex.display()))?;
        let server = Self { child, http };
        server.wait_until_ready().await?;
        Ok(server)
    }

    async fn wait_until_ready(&self) -> Result<()> {
        let started = Instant::now();
        while started.elapsed() < READY_WITHIN {
            if matches!(fetch(self.http, "GET", "/readyz", Bytes::new()).await, Ok((200, _))) {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        bail!("cortex up was not ready within {} s", READY_WITHIN.as_secs())
    }

    /// Highest resident memory so far, in bytes.
    #[must_use]
    pub fn memory_bytes_peak(&self) -> u64 {
        memory_bytes_peak(self.child.id())
    }

    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Highest resident memory of a process so far, in bytes; 0 once it has ended.
#[must_use]
pub fn memory_bytes_peak(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let kib = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    kib.and_then(|rest| rest.trim().trim_end_matches(" kB").parse::<u64>().ok())
        .map_or(0, |kib| kib * 1024)
}

pub fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?)
}
