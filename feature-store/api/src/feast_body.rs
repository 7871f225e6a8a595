//! The body of a Feast request as bytes; one that cannot be read is refused in Feast's form.

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{FromRequest, Request};
use axum::http::StatusCode;
use cortex_features::FeatureError;

use crate::feast_error::FeastError;

/// The bytes are parsed by the handler, because what it parses borrows from them.
pub(crate) struct FeastBody(pub(crate) Bytes);

impl<S: Send + Sync> FromRequest<S> for FeastBody {
    type Rejection = FeastError;

    async fn from_request(request: Request, state: &S) -> Result<Self, FeastError> {
        match Bytes::from_request(request, state).await {
            Ok(bytes) => Ok(Self(bytes)),
            Err(rejection) => Err(refused(&rejection).into()),
        }
    }
}

fn refused(rejection: &BytesRejection) -> FeatureError {
    if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
        return FeatureError::TooLarge("its body is larger than 'http.request_body_bytes_max' allows".to_owned());
    }
    FeatureError::Request(format!("its body could not be read: {}", rejection.body_text()))
}
