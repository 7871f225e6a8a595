//! Bodies, queries and path parameters whose rejection is a problem that names the field and where it stands.

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Request, rejection::BytesRejection, rejection::JsonRejection};
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use cortex_types::ErrorCode;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::ApiError;

/// A JSON body, in or out.
///
/// In: `Content-Type` must be `application/json` (or `…+json`). That is not pedantry: a browser can send any other
/// type across origins without asking, and a server on loopback trusts whoever reaches it. A body that does not parse
/// is `invalid-argument`, naming the field's path with line and column; one over the limit is `too-large`.
#[derive(Clone, Copy, Debug)]
pub struct Json<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Json<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        if !is_json(&request) {
            let detail = "the body must be JSON: send 'Content-Type: application/json'";
            return Err(ApiError::new(ErrorCode::InvalidArgument, detail));
        }
        let body = Bytes::from_request(request, state)
            .await
            .map_err(|rejection| body_problem(&rejection))?;
        match axum::Json::<T>::from_bytes(&body) {
            Ok(axum::Json(value)) => Ok(Self(value)),
            Err(rejection) => Err(json_problem(&rejection)),
        }
    }
}

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        axum::Json(self.0).into_response()
    }
}

fn is_json(request: &Request) -> bool {
    let content_type = request
        .headers()
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let essence = content_type
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"))
}

fn body_problem(rejection: &BytesRejection) -> ApiError {
    if rejection.status().as_u16() == 413 {
        ApiError::new(
            ErrorCode::TooLarge,
            "the body is larger than 'http.request_body_bytes_max' allows",
        )
    } else {
        ApiError::new(
            ErrorCode::InvalidArgument,
            format!("the body could not be read: {}", rejection.body_text()),
        )
    }
}

fn json_problem(rejection: &JsonRejection) -> ApiError {
    // The source's text is `path.to.field: what is wrong at line L column C`.
    let reason = std::error::Error::source(rejection).map_or_else(|| rejection.body_text(), ToString::to_string);
    ApiError::new(
        ErrorCode::InvalidArgument,
        format!("the JSON body does not fit: {reason}"),
    )
}

/// The query string.
#[derive(Clone, Copy, Debug)]
pub struct Query<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let query = axum::extract::Query::<T>::from_request_parts(parts, state).await;
        let reason = match query {
            Ok(axum::extract::Query(value)) => return Ok(Self(value)),
            Err(rejection) => rejection.body_text(),
        };
        Err(ApiError::new(
            ErrorCode::InvalidArgument,
            format!("the query does not fit: {reason}"),
        ))
    }
}

/// The parameters in the path.
#[derive(Clone, Copy, Debug)]
pub struct Path<T>(pub T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Path<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let path = axum::extract::Path::<T>::from_request_parts(parts, state).await;
        let reason = match path {
            Ok(axum::extract::Path(value)) => return Ok(Self(value)),
            Err(rejection) => rejection.body_text(),
        };
        Err(ApiError::new(
            ErrorCode::InvalidArgument,
            format!("the path does not fit: {reason}"),
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;
    use serde::Deserialize;

    #[derive(Debug, Deserialize)]
    struct Line {
        #[allow(dead_code)]
        quantity: u32,
    }

    #[derive(Debug, Deserialize)]
    struct Order {
        #[allow(dead_code)]
        lines: Vec<Line>,
    }

    async fn read(content_type: &str, body: &'static str) -> Result<Json<Order>, ApiError> {
        let request = Request::post("/")
            .header(CONTENT_TYPE, content_type)
            .body(Body::from(body))
            .unwrap();
        Json::from_request(request, &()).await
    }

    #[tokio::test]
    async fn a_bad_field_is_named_with_its_path_and_place() {
        let ApiError(problem) = read("application/json", r#"{"lines":[{"quantity":1},{"quantity":"two"}]}"#)
            .await
            .unwrap_err();
        assert_eq!(problem.code, ErrorCode::InvalidArgument);
        assert!(problem.detail.contains("lines[1].quantity"), "{}", problem.detail);
        assert!(problem.detail.contains("line 1 column"), "{}", problem.detail);
    }

    #[tokio::test]
    async fn a_form_a_browser_could_post_from_anywhere_is_not_json() {
        let ApiError(problem) = read("text/plain", r#"{"lines":[]}"#).await.unwrap_err();
        assert_eq!(problem.code, ErrorCode::InvalidArgument);
        assert!(read("application/json; charset=utf-8", r#"{"lines":[]}"#).await.is_ok());
    }
}
