//! Invoices into the books over HTTP: one to a call, and many.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use hyper::body::Bytes;
use serde_json::{Value, json};

use super::client::Client;
use super::company;
use crate::cpu;
use crate::latency::Latencies;
use crate::server::Server;

/// Clients that post one document to a call.
pub const CLIENTS: u32 = 16;
/// Documents of one call to `/erp/v1/batch`.
pub const BATCH: u64 = 500;
/// Clients that post many: what waits must fit `erp.queue_commands_max`.
pub const BATCH_CLIENTS: u32 = 2;
const INVOICES: &str = "/erp/v1/sales-invoices";

/// What was posted, how soon, and who worked for it.
pub struct Posted {
    pub documents: u64,
    pub wall: Duration,
    pub calls: Latencies,
    pub cortex_cpu: f64,
    pub postgres_cpu: f64,
    pub own_cpu: f64,
}

impl Posted {
    pub fn per_second(&self) -> f64 {
        self.documents as f64 / self.wall.as_secs_f64()
    }

    /// Milliseconds of processor time that a document took.
    pub fn cpu_text(&self) -> String {
        let each = |seconds: f64| seconds * 1e3 / self.documents as f64;
        format!(
            "processor time a document: cortex {:.2} ms, PostgreSQL {:.2} ms, this bench {:.2} ms",
            each(self.cortex_cpu),
            each(self.postgres_cpu),
            each(self.own_cpu)
        )
    }
}

/// One document to a call, each client sending its next when it has the answer.
pub async fn singles(server: &Server, postgres: u32, documents: std::ops::Range<u64>) -> Result<Posted> {
    let calls = documents.clone().map(|number| Call {
        path: INVOICES,
        body: Bytes::from(company::invoice(number).to_string()),
        documents: 1,
    });
    measure(server, postgres, CLIENTS, calls.collect()).await
}

/// [`BATCH`] documents to a call; `None` where the binary does not know such calls.
pub async fn batches(server: &Server, postgres: u32, documents: std::ops::Range<u64>) -> Result<Option<Posted>> {
    let empty = Bytes::from_static(br#"{"mode":"each","requests":[]}"#);
    let (status, _) = Client::connect(server.http)
        .await?
        .send("POST", "/erp/v1/batch", empty)
        .await?;
    if matches!(status, 404 | 405) {
        return Ok(None);
    }
    let numbers: Vec<u64> = documents.collect();
    let calls = numbers.chunks(BATCH as usize).map(|numbers| {
        let request = |number: &u64| json!({ "method": "POST", "path": INVOICES, "body": company::invoice(*number) });
        let requests: Vec<Value> = numbers.iter().map(request).collect();
        Call {
            path: "/erp/v1/batch",
            body: Bytes::from(json!({ "mode": "each", "requests": requests }).to_string()),
            documents: numbers.len() as u64,
        }
    });
    measure(server, postgres, BATCH_CLIENTS, calls.collect())
        .await
        .map(Some)
}

struct Call {
    path: &'static str,
    body: Bytes,
    documents: u64,
}

async fn measure(server: &Server, postgres: u32, clients: u32, calls: Vec<Call>) -> Result<Posted> {
    let (calls, next) = (Arc::new(calls), Arc::new(AtomicU64::new(0)));
    let cpu = || {
        (
            cpu::of_process(server.pid()),
            cpu::of_family(postgres),
            cpu::of_process(std::process::id()),
        )
    };
    let (before, started) = (cpu(), Instant::now());
    let running: Vec<_> = (0..clients)
        .map(|_| tokio::spawn(post(server.http, Arc::clone(&calls), Arc::clone(&next))))
        .collect();
    let mut latencies = Vec::with_capacity(calls.len());
    for client in running {
        latencies.extend(client.await??);
    }
    let (wall, after) = (started.elapsed(), cpu());
    Ok(Posted {
        documents: calls.iter().map(|call| call.documents).sum(),
        wall,
        calls: Latencies::new(latencies, 0, 0, wall),
        cortex_cpu: after.0 - before.0,
        postgres_cpu: after.1 - before.1,
        own_cpu: after.2 - before.2,
    })
}

/// Whatever is refused ends the bench: half the work in the same time would look like speed.
async fn post(address: SocketAddr, calls: Arc<Vec<Call>>, next: Arc<AtomicU64>) -> Result<Vec<Duration>> {
    let mut client = Client::connect(address).await?;
    let mut latencies = Vec::new();
    while let Some(call) = calls.get(next.fetch_add(1, Ordering::Relaxed) as usize) {
        let asked = Instant::now();
        let (status, answer) = client.send("POST", call.path, call.body.clone()).await?;
        latencies.push(asked.elapsed());
        let done = match call.path {
            INVOICES => status == 201,
            _ => status == 200 && serde_json::from_slice::<Value>(&answer)?["accepted"] == call.documents,
        };
        let said = String::from_utf8_lossy(&answer[..answer.len().min(1_000)]);
        ensure!(done, "POST {}: {status} {said}", call.path);
    }
    Ok(latencies)
}
