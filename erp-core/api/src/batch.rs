//! `POST /erp/v1/batch`: many commands in one call.
//!
//! Each is the very request that would carry it out alone, sent to the same routes. The handlers wait for each other at the door
//! of the ERP (see [`Seat`](cortex_erp::Seat)), and go in together.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{Method, Request, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use cortex_erp::{ErpError, Together};
use cortex_runtime::http::{ApiError, Ctx, Json};
use cortex_types::RequestContext;
use futures::future::join_all;
use http_body_util::BodyExt;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tower::ServiceExt;
use utoipa::{OpenApi, ToSchema};

use crate::ErpApi;
use crate::api::not_found;
use crate::idempotency::Key;

/// Most requests of a batch.
const REQUESTS_MAX: usize = 1000;

#[derive(Clone, Debug)]
pub(crate) struct Batches {
    api: Arc<ErpApi>,
    /// Where the requests go.
    commands: Router,
}

pub(crate) fn routes(batches: &Batches) -> Router {
    Router::new()
        .route("/erp/v1/batch", post(run))
        .with_state(batches.clone())
}

#[derive(OpenApi)]
#[openapi(paths(run))]
pub(crate) struct Document;

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct BatchBody {
    /// `each`: every request is carried out or refused by itself. `whole`: all in one transaction, or none where one is refused.
    /// `rehearsal`: as `whole`, and nothing remains of it: the answers are what would have been.
    #[serde(default = "each")]
    #[schema(value_type = String, example = "each")]
    mode: Together,
    /// 1 to 1,000, carried out in their order.
    requests: Vec<RequestBody>,
}

const fn each() -> Together {
    Together::Each
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RequestBody {
    /// `POST` (also where it is absent) or `PUT`.
    #[schema(example = "POST")]
    pub method: Option<String>,
    /// Of a command of the ERP; drafts and batches are none.
    #[schema(example = "/erp/v1/sales-invoices")]
    pub path: String,
    /// As it would be sent alone.
    #[schema(value_type = Option<Object>)]
    pub body: Option<Box<RawValue>>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct BatchView {
    /// Whether anything remains: not of a rehearsal, and not of a whole of which a part was refused.
    pub carried_out: bool,
    /// Answers without an error.
    pub accepted: usize,
    pub refused: usize,
    /// One for each request, in their order.
    pub answers: Vec<AnswerView>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct AnswerView {
    /// The HTTP status it would have had alone.
    #[schema(example = 201)]
    pub status: u16,
    /// A receipt, or problem details.
    #[schema(value_type = Object)]
    pub body: Option<Box<RawValue>>,
}

impl AnswerView {
    pub const fn is_success(&self) -> bool {
        self.status < 300
    }
}

/// Carries many commands out in one call, in their order. Each has a key of its own, made of the batch's: so a batch that is sent
/// again changes nothing more.
#[utoipa::path(post, path = "/erp/v1/batch", operation_id = "run_batch", tag = "erp", request_body = BatchBody,
    params(("Idempotency-Key" = String, Header, description = "Chosen per batch; the same when it is repeated")),
    responses(
        (status = 200, description = "What became of each request", body = BatchView),
        (status = 400, description = "It is no batch; nothing was carried out"),
    ))]
async fn run(
    State(batches): State<Batches>,
    Ctx(ctx): Ctx,
    Key(attempt): Key,
    Json(batch): Json<BatchBody>,
) -> Result<Json<BatchView>, ApiError> {
    batches.api.may_post(&ctx)?;
    Key::check_shared(&attempt)?;
    if !(1..=REQUESTS_MAX).contains(&batch.requests.len()) {
        let problem = format!("must be 1 to {REQUESTS_MAX}, not {}", batch.requests.len());
        return Err(ErpError::invalid("requests", problem).into());
    }
    let keys = (0..batch.requests.len()).map(|index| format!("{}/{index}", attempt.key()));
    let answers = batches
        .carry_out(&ctx, keys.collect(), batch.mode, batch.requests)
        .await?;
    Ok(Json(BatchView::new(batch.mode, answers)))
}

impl BatchView {
    fn new(mode: Together, answers: Vec<AnswerView>) -> Self {
        let accepted = answers.iter().filter(|answer| answer.is_success()).count();
        let refused = answers.len() - accepted;
        let carried_out = match mode {
            Together::Each => accepted > 0,
            Together::Whole => refused == 0,
            Together::Rehearsal => false,
        };
        Self {
            carried_out,
            accepted,
            refused,
            answers,
        }
    }
}

impl Batches {
    /// `commands` are the routes that carry the requests out.
    pub fn new(api: &Arc<ErpApi>, commands: &Router) -> Self {
        Self {
            api: Arc::clone(api),
            commands: commands.clone(),
        }
    }

    /// Each request under its key.
    pub async fn carry_out(
        &self,
        ctx: &RequestContext,
        keys: Vec<String>,
        together: Together,
        requests: Vec<RequestBody>,
    ) -> Result<Vec<AnswerView>, ApiError> {
        let asked = requests.into_iter().zip(keys).enumerate();
        let asked: Vec<Request<Body>> = asked
            .map(|(index, (request, key))| request.asked(index, ctx, &key))
            .collect::<Result<_, _>>()?;
        let seats = self.api.erp.batch(together, asked.len());
        let answers = asked.into_iter().zip(seats).map(|(mut request, seat)| {
            request.extensions_mut().insert(seat);
            self.ask(request)
        });
        join_all(answers).await.into_iter().collect()
    }

    /// Asks the routes of commands.
    pub async fn ask(&self, request: Request<Body>) -> Result<AnswerView, ApiError> {
        let path = request.uri().path().to_owned();
        let response = match self.commands.clone().oneshot(request).await {
            Ok(response) => response,
            Err(never) => match never {},
        };
        match (response.status(), response.headers().contains_key(header::CONTENT_TYPE)) {
            // The routes say nothing of what they do not know; drafts, files and batches are none of them.
            (StatusCode::NOT_FOUND, false) => AnswerView::read(not_found("command", path).into_response()).await,
            (StatusCode::METHOD_NOT_ALLOWED, false) => {
                let problem = format!("'{path}' takes no such method: POST makes something, PUT defines it");
                AnswerView::read(ApiError::from(ErpError::invalid("method", problem)).into_response()).await
            }
            _ => AnswerView::read(response).await,
        }
    }
}

impl AnswerView {
    async fn read(response: Response) -> Result<Self, ApiError> {
        let status = response.status().as_u16();
        let unread = |error: axum::Error| ErpError::invalid("requests", error.to_string());
        let body = response.into_body().collect().await.map_err(unread)?.to_bytes();
        Ok(Self {
            status,
            body: serde_json::from_slice(&body).ok(),
        })
    }
}

impl RequestBody {
    /// As it would be asked alone.
    fn asked(self, index: usize, ctx: &RequestContext, key: &str) -> Result<Request<Body>, ErpError> {
        let refused = |field: &str, problem: String| ErpError::invalid(format!("requests[{index}].{field}"), problem);
        let method = match self.method.as_deref() {
            None | Some("POST") => Method::POST,
            Some("PUT") => Method::PUT,
            Some(other) => return Err(refused("method", format!("'{other}' is neither POST nor PUT"))),
        };
        if !self.path.starts_with("/erp/v1/") {
            let problem = format!("'{}' is no path of the ERP: they begin with /erp/v1/", self.path);
            return Err(refused("path", problem));
        }
        let body = self.body.map(|raw| Box::<str>::from(raw).into_string());
        let mut request = Request::builder()
            .method(method)
            .uri(self.path)
            .header("idempotency-key", key)
            .header(header::CONTENT_TYPE, "application/json")
            .body(body.map_or_else(Body::empty, Body::from))
            .map_err(|error| refused("path", error.to_string()))?;
        request.extensions_mut().insert(ctx.clone());
        Ok(request)
    }
}
