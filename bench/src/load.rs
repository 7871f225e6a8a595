//! An open-loop load over keep-alive HTTP/1.1 connections.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use http::Request;
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::latency::Latencies;

/// One kind of request, with a path and a body per turn.
pub struct Shape {
    pub method: &'static str,
    pub paths: Vec<String>,
    pub bodies: Vec<Bytes>,
}

/// How much of it.
#[derive(Clone, Copy, Debug)]
pub struct Volume {
    pub rate: u32,
    pub seconds: u32,
    pub connections: u32,
}

/// Sends requests when they are due and measures each from the instant at which it was due. A thread per connection,
/// because the timers of an async runtime are no finer than a millisecond, which is what is measured here.
pub async fn run(address: SocketAddr, shape: Arc<Shape>, volume: Volume) -> Result<Latencies> {
    let started = Instant::now() + Duration::from_millis(100);
    let threads: Vec<_> = (0..volume.connections)
        .map(|index| {
            let shape = Arc::clone(&shape);
            tokio::task::spawn_blocking(move || drive(address, &shape, volume, index, started))
        })
        .collect();
    let mut all = Vec::new();
    let mut failures = 0;
    for thread in threads {
        let (latencies, failed) = thread.await??;
        all.extend(latencies);
        failures += failed;
    }
    Ok(Latencies::new(all, failures, volume.rate, started.elapsed()))
}

pub async fn connect(address: SocketAddr) -> Result<SendRequest<Full<Bytes>>> {
    let stream = TcpStream::connect(address)
        .await
        .with_context(|| format!("no server at {address}"))?;
    stream.set_nodelay(true)?;
    let (sender, connection) = handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    Ok(sender)
}

/// Connection `index` sends every `connections`-th request of the common schedule.
fn drive(
    address: SocketAddr,
    shape: &Shape,
    volume: Volume,
    index: u32,
    started: Instant,
) -> Result<(Vec<Duration>, usize)> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut connection = runtime.block_on(connect(address))?;
    let total = volume.rate * volume.seconds;
    let mut latencies = Vec::with_capacity((total / volume.connections) as usize + 1);
    let mut failures = 0;
    for number in (index..total).step_by(volume.connections as usize) {
        let due = started + Duration::from_secs_f64(f64::from(number) / f64::from(volume.rate));
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        match runtime.block_on(send(&mut connection, address, shape, number)) {
            Ok(true) => latencies.push(due.elapsed()),
            Ok(false) | Err(_) => failures += 1,
        }
    }
    Ok((latencies, failures))
}

/// Whether the answer was a success.
async fn send(
    connection: &mut SendRequest<Full<Bytes>>,
    address: SocketAddr,
    shape: &Shape,
    number: u32,
) -> Result<bool> {
    let body = shape
        .bodies
        .get(number as usize % shape.bodies.len().max(1))
        .cloned()
        .unwrap_or_default();
    let path = &shape.paths[number as usize % shape.paths.len()];
    let request = Request::builder()
        .method(shape.method)
        .uri(path)
        .header("host", address.to_string())
        .header("content-type", "application/json")
        .body(Full::new(body))?;
    connection.ready().await?;
    let response = connection.send_request(request).await?;
    let success = response.status().is_success();
    response.into_body().collect().await?;
    Ok(success)
}

/// One request, answered as text: for set-up, not for measuring.
pub async fn fetch(address: SocketAddr, method: &'static str, path: &str, body: Bytes) -> Result<(u16, String)> {
    let mut connection = connect(address).await?;
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("host", address.to_string())
        .header("content-type", "application/json")
        .body(Full::new(body))?;
    let response = connection.send_request(request).await?;
    let status = response.status().as_u16();
    let bytes = response.into_body().collect().await?.to_bytes();
    Ok((status, String::from_utf8_lossy(&bytes).into_owned()))
}
