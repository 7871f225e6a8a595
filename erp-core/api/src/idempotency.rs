//! The `Idempotency-Key` header, which every command must carry.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue};
use cortex_erp::{Approvals, Attempt, ErpError, IdempotencyKey, Seat};
use cortex_runtime::http::ApiError;

const HEADER: &str = "idempotency-key";

/// With the seat that the request has in a batch, and what was said of its document before.
pub(crate) struct Key(pub Attempt);

impl<S: Sync> FromRequestParts<S> for Key {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, ApiError> {
        let Some(key) = key_of(&parts.headers)? else {
            let problem = "is needed: choose a key per request, and send the same one when you repeat it";
            return Err(ErpError::invalid("Idempotency-Key", problem).into());
        };
        let seat = parts.extensions.remove::<Arc<Seat>>();
        let approvals = parts.extensions.remove::<Arc<Approvals>>();
        Ok(Self(Attempt::seated(key, seat).approved(approvals)))
    }
}

pub(crate) fn key_of(headers: &HeaderMap) -> Result<Option<IdempotencyKey>, ErpError> {
    let text = |value: &HeaderValue| {
        let text = value.to_str();
        text.map(str::to_owned)
            .map_err(|_| ErpError::invalid("Idempotency-Key", "must be visible ASCII"))
    };
    let text = headers.get(HEADER).map(text).transpose()?;
    text.map(IdempotencyKey::new).transpose()
}

/// Of the key of many requests: theirs are made of it.
pub(crate) const SHARED_LENGTH_MAX: usize = 150;

impl Key {
    /// Refused where no keys can be made of it.
    pub fn check_shared(attempt: &Attempt) -> Result<(), ErpError> {
        if attempt.key().as_str().len() <= SHARED_LENGTH_MAX {
            return Ok(());
        }
        let problem = format!("must be at most {SHARED_LENGTH_MAX} characters for many requests at once");
        Err(ErpError::invalid("Idempotency-Key", problem))
    }
}
