//! From credentials to the context of a call.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, HOST, ORIGIN};
use axum::http::{HeaderMap, HeaderValue, Method};
use axum::middleware::Next;
use axum::response::Response;
use cortex_security::{Authenticator, SecurityError};
use cortex_types::{Principal, RequestContext, Role, TenantId, TraceId};
use tracing::Span;

use super::Edge;
use super::refusal::Protocol;
use crate::failure::{AppError, Failure};

/// Names the tenant a call is meant for; it must be the token's.
const TENANT_HEADER: &str = "x-cortex-tenant";
/// Fetch Metadata: how the page that sends a request relates to us.
const SEC_FETCH_SITE: &str = "sec-fetch-site";
/// Who calls where there is no authentication.
const LOCAL_PRINCIPAL: &str = "local";

/// Who may call.
#[derive(Clone, Debug)]
pub enum Callers {
    Tokens(Arc<dyn Authenticator>),
    /// Anybody on this machine, as admin of the tenant. Never bound to anything but loopback.
    Local(TenantId),
}

/// Puts the context on the request, or refuses it.
pub(super) async fn identify(State(edge): State<Arc<Edge>>, mut request: Request, next: Next) -> Response {
    let protocol = Protocol::of(&request);
    let trace_id = request.extensions().get::<TraceId>().copied().unwrap_or_default();
    let host = host_of(&request);
    if let Err(refused) = edge.callers.refuse_foreign_page(&request) {
        return protocol.refuse(&refused);
    }
    match edge.callers.context(request.headers(), host.as_deref(), trace_id).await {
        Ok(ctx) => {
            Span::current()
                .record("tenant", ctx.tenant.as_str())
                .record("user_id", &*ctx.principal.id);
            request.extensions_mut().insert(ctx);
            next.run(request).await
        }
        Err(refused) => protocol.refuse(refused.error()),
    }
}

impl Callers {
    /// Whether the request carries what would let it in; for what is shown to callers only, and does not act for them.
    pub(crate) async fn knows(&self, headers: &HeaderMap) -> Result<(), Failure> {
        match self {
            Self::Tokens(authenticator) => {
                let token = bearer(headers).ok_or(SecurityError::NoToken)?;
                authenticator.authenticate(token).await?;
                Ok(())
            }
            Self::Local(_) => Ok(()),
        }
    }

    /// Where nobody needs a token, a page from elsewhere could have the browser post a form here. Browsers say so in
    /// `Origin` or `Sec-Fetch-Site` of whatever is not a plain read; programs send neither.
    fn refuse_foreign_page(&self, request: &Request) -> Result<(), AppError> {
        let reads = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
        if reads || matches!(self, Self::Tokens(_)) {
            return Ok(());
        }
        let text = |value: &HeaderValue| value.to_str().unwrap_or_default().to_owned();
        let origin = request.headers().get(ORIGIN).map(text);
        let site = request.headers().get(SEC_FETCH_SITE).map(text);
        if site.is_some_and(|site| site.eq_ignore_ascii_case("cross-site")) {
            return Err(AppError::ForeignPage(
                origin.unwrap_or_else(|| "another site".to_owned()),
            ));
        }
        match origin.filter(|origin| !is_loopback_origin(origin)) {
            Some(foreign) => Err(AppError::ForeignPage(foreign)),
            None => Ok(()),
        }
    }

    async fn context(
        &self,
        headers: &HeaderMap,
        host: Option<&str>,
        trace_id: TraceId,
    ) -> Result<RequestContext, Failure> {
        let asked = headers
            .get(TENANT_HEADER)
            .map(|value| value.to_str().unwrap_or_default());
        match self {
            Self::Tokens(authenticator) => {
                let token = bearer(headers).ok_or(SecurityError::NoToken)?;
                let identity = authenticator.authenticate(token).await?;
                if let Some(call) = asked
                    .map(TenantId::new)
                    .transpose()?
                    .filter(|call| *call != identity.tenant)
                {
                    return Err(SecurityError::WrongTenant {
                        token: identity.tenant,
                        call,
                    }
                    .into());
                }
                Ok(RequestContext {
                    tenant: identity.tenant,
                    principal: Arc::new(identity.principal),
                    trace_id,
                })
            }
            Self::Local(tenant) => {
                // A page from elsewhere can point its own name at 127.0.0.1 and have the browser call us.
                if let Some(foreign) = host.filter(|host| !is_loopback_name(host)) {
                    return Err(AppError::ForeignHost(foreign.to_owned()).into());
                }
                if let Some(asked) = asked.filter(|asked| *asked != tenant.as_str()) {
                    return Err(AppError::TenantNotServed {
                        allowed: tenant.clone(),
                        asked: asked.to_owned(),
                    }
                    .into());
                }
                let principal = Arc::new(Principal::new(LOCAL_PRINCIPAL, [Role::Admin]));
                Ok(RequestContext {
                    tenant: tenant.clone(),
                    principal,
                    trace_id,
                })
            }
        }
    }
}

/// The token of `Authorization: Bearer …` (RFC 6750; the scheme's case does not matter).
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// The host that the caller thinks it is talking to, without the port: `Host` in HTTP/1.1, `:authority` in HTTP/2.
fn host_of(request: &Request) -> Option<String> {
    let authority = match request.uri().authority() {
        Some(authority) => authority.as_str().to_owned(),
        None => request.headers().get(HOST)?.to_str().ok()?.to_owned(),
    };
    let authority = authority.parse::<axum::http::uri::Authority>().ok()?;
    Some(authority.host().to_owned())
}

/// `null`, which pages without an origin send, is none.
fn is_loopback_origin(origin: &str) -> bool {
    let uri = origin.parse::<axum::http::Uri>().ok();
    uri.as_ref().and_then(|uri| uri.host()).is_some_and(is_loopback_name) && origin.contains("://")
}

fn is_loopback_name(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || host.ends_with(".localhost") || bare.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}
