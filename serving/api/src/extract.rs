//! What comes in under the protocol, refused in the protocol's form where it does not fit.

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::StatusCode;
use axum::http::request::Parts;
use cortex_runtime::http::{self, Ctx};
use cortex_types::{ErrorCode, RequestContext};
use serde::de::DeserializeOwned;

use crate::error::ProtocolError;

/// The context of the call.
#[derive(Debug)]
pub struct Caller(pub RequestContext);

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = ProtocolError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ProtocolError> {
        let Ctx(ctx) = Ctx::from_request_parts(parts, state).await.map_err(ProtocolError)?;
        Ok(Self(ctx))
    }
}

/// The parameters in the path.
#[derive(Debug)]
pub struct Path<T>(pub T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Path<T> {
    type Rejection = ProtocolError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ProtocolError> {
        let http::Path(path) = http::Path::from_request_parts(parts, state)
            .await
            .map_err(ProtocolError)?;
        Ok(Self(path))
    }
}

/// The body as it came, of whatever type: clients of the protocol send JSON, JSON with bytes behind it, or nothing.
#[derive(Debug)]
pub struct Raw(pub Bytes);

impl<S: Send + Sync> FromRequest<S> for Raw {
    type Rejection = ProtocolError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ProtocolError> {
        let rejection = match Bytes::from_request(request, state).await {
            Ok(body) => return Ok(Self(body)),
            Err(rejection) => rejection,
        };
        Err(if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
            ProtocolError::new(
                ErrorCode::TooLarge,
                "the body is larger than 'http.request_body_bytes_max' allows",
            )
        } else {
            let detail = format!("the body could not be read: {}", rejection.body_text());
            ProtocolError::new(ErrorCode::InvalidArgument, detail)
        })
    }
}
