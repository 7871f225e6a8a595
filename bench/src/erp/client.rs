//! One keep-alive connection that speaks JSON.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context, Result, ensure};
use http::Request;
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1::SendRequest;
use serde_json::Value;

use crate::load::connect;

static KEYS: AtomicU64 = AtomicU64::new(0);

pub struct Client {
    address: SocketAddr,
    connection: SendRequest<Full<Bytes>>,
}

impl Client {
    pub async fn connect(address: SocketAddr) -> Result<Self> {
        let connection = connect(address).await?;
        Ok(Self { address, connection })
    }

    /// Any answer is fine.
    pub async fn send(&mut self, method: &str, path: &str, body: Bytes) -> Result<(u16, Bytes)> {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", self.address.to_string())
            .header("content-type", "application/json");
        if method != "GET" {
            let key = KEYS.fetch_add(1, Ordering::Relaxed);
            request = request.header("idempotency-key", format!("bench-{key:010}"));
        }
        self.connection.ready().await?;
        let response = self.connection.send_request(request.body(Full::new(body))?).await?;
        let status = response.status().as_u16();
        Ok((status, response.into_body().collect().await?.to_bytes()))
    }

    async fn succeed(&mut self, method: &str, path: &str, body: Bytes) -> Result<Value> {
        let (status, answer) = self.send(method, path, body).await?;
        ensure!(
            (200..300).contains(&status),
            "{method} {path}: {status} {}",
            String::from_utf8_lossy(&answer)
        );
        serde_json::from_slice(&answer).with_context(|| format!("{method} {path} does not answer JSON"))
    }

    pub async fn get(&mut self, path: &str) -> Result<Value> {
        self.succeed("GET", path, Bytes::new()).await
    }

    pub async fn post(&mut self, path: &str, body: &Value) -> Result<Value> {
        self.succeed("POST", path, Bytes::from(body.to_string())).await
    }

    pub async fn put(&mut self, path: &str, body: &Value) -> Result<Value> {
        self.succeed("PUT", path, Bytes::from(body.to_string())).await
    }
}
