//! `GET /erp/v1/events`: what happened, in order, to be followed from any position.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use cortex_erp::{ErpError, Event, PAGE_LIMIT_MAX};
use cortex_runtime::http::{ApiError, Ctx, Json, Query, page_limit};
use cortex_types::RequestContext;
use serde::{Deserialize, Serialize};
use tokio::sync::broadcast::error::RecvError;
use utoipa::{IntoParams, OpenApi, ToSchema};

use crate::ErpApi;
use crate::receipt::ReceiptView;

const LIMIT: u32 = 100;
/// Below the time that a server gives its callers when it stops.
const WAIT_SECONDS_MAX: u64 = 8;

pub(crate) fn routes() -> Router<Arc<ErpApi>> {
    Router::new().route("/erp/v1/events", get(list))
}

#[derive(OpenApi)]
#[openapi(paths(list))]
pub(crate) struct Document;

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct EventsQuery {
    /// Position of the newest event that you know; from the beginning where it is absent.
    #[param(example = "0")]
    after: Option<String>,
    /// 1 to 500; 100 where it is absent.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 500)]
    limit: Option<String>,
    /// Seconds to wait for something to happen where nothing has: 0 (also where it is absent) to 8.
    #[param(value_type = Option<u32>, minimum = 0, maximum = 8)]
    wait: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct BusinessEventView {
    /// Grows with each event; other things may happen between two of them.
    position: u64,
    /// What happened to which kind of document.
    #[schema(example = "sales-invoice.posted")]
    name: String,
    /// Number or code of the document that it happened to.
    #[schema(example = "INV-000042")]
    subject: String,
    /// Who asked for it.
    by: String,
    decided_at: String,
    /// What the command was answered.
    receipt: ReceiptView,
}

impl From<Event> for BusinessEventView {
    fn from(event: Event) -> Self {
        Self {
            position: event.position,
            name: event.name.to_string(),
            subject: event.subject.to_string(),
            by: event.by.to_string(),
            decided_at: event.decided_at.to_string(),
            receipt: event.receipt.into(),
        }
    }
}

#[derive(Serialize, ToSchema)]
pub(crate) struct BusinessEventsView {
    items: Vec<BusinessEventView>,
    /// What to send as `after` for the next page; absent on the last one there is by now.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// What happened, in the order in which it did: one event for each command that was carried out, written in the same transaction
/// as all that the command did. Whoever keeps the position of the newest with what they made of the events misses none and takes none
/// twice.
#[utoipa::path(get, path = "/erp/v1/events", operation_id = "list_events", tag = "erp", params(EventsQuery),
    responses((status = 200, description = "Events, or none where nothing happened for as long as you wait", body = BusinessEventsView)))]
async fn list(
    State(api): State<Arc<ErpApi>>,
    Ctx(ctx): Ctx,
    Query(query): Query<EventsQuery>,
) -> Result<Json<BusinessEventsView>, ApiError> {
    api.may_read(&ctx)?;
    let after = whole("after", query.after.as_deref(), i64::MAX.unsigned_abs())?;
    let limit = page_limit(query.limit.as_deref(), LIMIT, PAGE_LIMIT_MAX)?;
    let wait = Duration::from_secs(whole("wait", query.wait.as_deref(), WAIT_SECONDS_MAX)?);
    let events = api.events(&ctx, after, limit, wait).await?;
    Ok(Json(BusinessEventsView {
        next: events.get(limit as usize - 1).map(|newest| newest.position.to_string()),
        items: events.into_iter().map(BusinessEventView::from).collect(),
    }))
}

fn whole(field: &str, text: Option<&str>, max: u64) -> Result<u64, ErpError> {
    let parsed = text.map_or(Ok(0), str::parse::<u64>);
    let problem = || format!("'{}' is no whole number from 0 to {max}", text.unwrap_or_default());
    parsed
        .ok()
        .filter(|number| *number <= max)
        .ok_or_else(|| ErpError::invalid(field, problem()))
}

impl ErpApi {
    /// The events after a position; where there are none, the first that comes in time.
    async fn events(
        &self,
        ctx: &RequestContext,
        after: u64,
        limit: u32,
        wait: Duration,
    ) -> Result<Vec<Event>, ErpError> {
        let mut coming = self.erp.events();
        let there = self.commands.events(ctx, after, limit).await?;
        if !there.is_empty() || wait.is_zero() {
            return Ok(there);
        }
        let something = async {
            loop {
                match coming.recv().await {
                    Ok(event) if event.tenant != ctx.tenant => {}
                    Ok(_) | Err(RecvError::Lagged(_) | RecvError::Closed) => return,
                }
            }
        };
        // Also when nobody here did anything: another process may have.
        let _ = tokio::time::timeout(wait, something).await;
        self.commands.events(ctx, after, limit).await
    }
}
