//! What was refused is in the audit log too: who asked for what, and why it was not done.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::Method;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use cortex_erp::Seat;
use cortex_security::{AuditEntry, AuditLog};
use cortex_types::RequestContext;
use http_body_util::BodyExt;
use serde::Deserialize;
use tokio::sync::{mpsc, oneshot};

/// What waits to be written; who comes then waits with it.
const WAITING_MAX: usize = 1_024;
/// Most records of one transaction.
const TOGETHER_MAX: usize = 256;

/// The way of refused commands into the audit log. Those that come at once are written together.
#[derive(Clone, Debug)]
pub(crate) struct Refusals(mpsc::Sender<Refused>);

struct Refused {
    ctx: RequestContext,
    entry: AuditEntry,
    written: oneshot::Sender<()>,
}

/// Told once, however many routes an answer goes through.
#[derive(Clone, Copy, Debug)]
struct Told;

#[derive(Deserialize)]
struct Problem {
    code: String,
    /// What is told behind it may be somebody's.
    field: Option<String>,
}

impl Refusals {
    /// Within a Tokio runtime. It ends with the last of the routes that have it.
    pub fn into(audit: Arc<dyn AuditLog>) -> Self {
        let (sender, mut waiting) = mpsc::channel::<Refused>(WAITING_MAX);
        tokio::spawn(async move {
            let mut refused = Vec::with_capacity(TOGETHER_MAX);
            while waiting.recv_many(&mut refused, TOGETHER_MAX).await > 0 {
                write(audit.as_ref(), &mut refused).await;
            }
        });
        Self(sender)
    }

    /// Routes whose refusals are told.
    pub fn of(&self, routes: Router) -> Router {
        routes.route_layer(from_fn_with_state(self.clone(), tell))
    }
}

async fn write(audit: &dyn AuditLog, refused: &mut Vec<Refused>) {
    let entries = refused.iter().map(|one| (one.ctx.clone(), one.entry.clone()));
    if let Err(error) = audit.record_each(entries.collect()).await {
        tracing::error!(%error, refused = refused.len(), "refused commands are not in the audit log");
    }
    for one in refused.drain(..) {
        // Whoever asked may be gone.
        let _ = one.written.send(());
    }
}

async fn tell(State(refusals): State<Refusals>, request: Request, next: Next) -> Response {
    let reads = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    let rehearses = request
        .extensions()
        .get::<Arc<Seat>>()
        .is_some_and(|seat| seat.is_rehearsed());
    let ctx = request.extensions().get::<RequestContext>().cloned();
    let asked = format!("{} {}", request.method(), request.uri().path());
    let response = next.run(request).await;
    let is_new = response.status().is_client_error() && response.extensions().get::<Told>().is_none();
    match ctx.filter(|_| is_new && !reads && !rehearses) {
        Some(ctx) => told(&refusals, ctx, asked, response).await,
        None => response,
    }
}

async fn told(refusals: &Refusals, ctx: RequestContext, asked: String, response: Response) -> Response {
    let (mut parts, body) = response.into_parts();
    let body = body
        .collect()
        .await
        .map_or_else(|_| Bytes::new(), |body| body.to_bytes());
    let problem: Option<Problem> = serde_json::from_slice(&body).ok();
    let entry = AuditEntry {
        action: "erp.refuse".to_owned(),
        resource: asked,
        detail: serde_json::json!({
            "status": parts.status.as_u16(),
            "code": problem.as_ref().map(|problem| problem.code.as_str()),
            "field": problem.as_ref().and_then(|problem| problem.field.as_deref()),
        }),
    };
    let (written, is_written) = oneshot::channel();
    let refused = Refused { ctx, entry, written };
    if refusals.0.send(refused).await.is_ok() {
        // It is not told where the writer ended with the process.
        let _ = is_written.await;
    }
    parts.extensions.insert(Told);
    Response::from_parts(parts, Body::from(body))
}
