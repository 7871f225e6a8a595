//! The two ports.

use std::future::Future;
use std::net::SocketAddr;

use axum::Router;
use axum::serve::ListenerExt;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::failure::AppError;

use super::Routers;

/// Bound, and not yet accepting.
#[derive(Debug)]
pub struct Listeners {
    http: TcpListener,
    grpc: TcpListener,
}

impl Listeners {
    pub async fn bind(config: &Config) -> Result<Self, AppError> {
        Ok(Self {
            http: bind(config.http.addr, "http.addr", "--http").await?,
            grpc: bind(config.grpc.addr, "grpc.addr", "--grpc").await?,
        })
    }

    /// Where they really listen, which a port of 0 leaves open. HTTP first.
    pub fn addresses(&self) -> std::io::Result<(SocketAddr, SocketAddr)> {
        Ok((self.http.local_addr()?, self.grpc.local_addr()?))
    }

    /// Accepts until `draining` is cancelled. The future that it gives ends when every connection has ended.
    pub fn serve(self, routers: Routers, draining: &CancellationToken) -> impl Future<Output = ()> + use<> {
        let mut servers = JoinSet::new();
        for (listener, router) in [(self.http, routers.http), (self.grpc, routers.grpc)] {
            servers.spawn(accept(listener, router, draining.clone()));
        }
        async move { while servers.join_next().await.is_some() {} }
    }
}

async fn bind(addr: SocketAddr, key: &'static str, flag: &'static str) -> Result<TcpListener, AppError> {
    TcpListener::bind(addr).await.map_err(|source| AppError::Bind {
        addr,
        key,
        flag,
        source,
    })
}

async fn accept(listener: TcpListener, router: Router, draining: CancellationToken) {
    // Small answers must not wait for the acknowledgement of the packet before.
    let listener = listener.tap_io(|connection| {
        let _slower_without = connection.set_nodelay(true);
    });
    let served = axum::serve(listener, router)
        .with_graceful_shutdown(draining.cancelled_owned())
        .await;
    if let Err(error) = served {
        tracing::error!(%error, "a listener failed");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::routing::get;
    use cortex_runtime::Supervisor;
    use std::sync::Arc;
    use std::time::Duration;
    use tokio::sync::Notify;

    #[tokio::test]
    async fn a_request_in_flight_is_answered_while_the_listeners_close() {
        let (arrived, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let (here, there) = (Arc::clone(&arrived), Arc::clone(&go_on));
        let slow = get(|| async move {
            here.notify_one();
            there.notified().await;
            "answered"
        });
        let mut config = Config::default();
        config.http.addr.set_port(0);
        config.grpc.addr.set_port(0);
        let listeners = Listeners::bind(&config).await.unwrap();
        let (http, _) = listeners.addresses().unwrap();
        let running = Supervisor::default().start().await.unwrap();
        let routers = Routers {
            http: Router::new().route("/slow", slow),
            grpc: Router::new(),
        };
        let in_flight = listeners.serve(routers, &running.draining());

        let request = tokio::spawn(reqwest::get(format!("http://{http}/slow")));
        arrived.notified().await;
        let drain = tokio::spawn(running.drain(in_flight, Duration::from_secs(30)));
        while tokio::net::TcpStream::connect(http).await.is_ok() {
            tokio::task::yield_now().await;
        }
        go_on.notify_one();
        assert_eq!(request.await.unwrap().unwrap().text().await.unwrap(), "answered");
        assert!(drain.await.unwrap().is_clean());
    }
}
