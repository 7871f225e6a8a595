//! Bodies, queries and path parameters whose rejection is a problem that names the field and where it stands.

use std::fmt;
use std::marker::PhantomData;

use axum::body::Bytes;
use axum::extract::{
    FromRequest, FromRequestParts, OptionalFromRequest, Request, rejection::BytesRejection, rejection::JsonRejection,
};
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use cortex_types::ErrorCode;
use serde::de::value::MapAccessDeserializer;
use serde::de::{DeserializeOwned, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use super::ApiError;

/// A JSON body, in or out.
///
/// In: `Content-Type` must be `application/json` (or `…+json`). That is not pedantry: a browser can send any other
/// type across origins without asking, and a server on loopback trusts whoever reaches it. A body that does not parse
/// is `invalid-argument`, naming the field's path with line and column, and so is one that is no [`Object`]; one over the
/// limit is `too-large`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Json<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Json<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        if !is_json(&request) {
            return Err(not_json());
        }
        let body = Bytes::from_request(request, state)
            .await
            .map_err(|rejection| body_problem(&rejection))?;
        Self::read(&body)
    }
}

/// `None` where nothing was sent: for a request that says all it has to say by its path.
impl<T: DeserializeOwned, S: Send + Sync> OptionalFromRequest<S> for Json<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Option<Self>, ApiError> {
        let is_json = is_json(&request);
        let body = <Bytes as FromRequest<S>>::from_request(request, state)
            .await
            .map_err(|rejection| body_problem(&rejection))?;
        match body.trim_ascii() {
            b"" => Ok(None),
            _ if !is_json => Err(not_json()),
            b"null" => Ok(None),
            _ => Self::read(&body).map(Some),
        }
    }
}

impl<T: DeserializeOwned> Json<T> {
    fn read(body: &Bytes) -> Result<Self, ApiError> {
        match axum::Json::<Object<T>>::from_bytes(body) {
            Ok(axum::Json(Object(value))) => Ok(Self(value)),
            Err(rejection) => Err(json_problem(&rejection)),
        }
    }
}

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        axum::Json(self.0).into_response()
    }
}

/// A JSON object, and nothing else. What serde derives for a struct takes an array of its fields as well, in an order
/// that is no part of any promise, and calls the struct by its Rust name when it is given anything else.
#[derive(Clone, Copy, Debug)]
pub struct Object<T>(pub T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ObjectVisitor(PhantomData)).map(Self)
    }
}

struct ObjectVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for ObjectVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map))
    }
}

/// A list of [`Object`]s, for `#[serde(deserialize_with = "…")]` on the lines of a document.
pub fn objects<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Vec<T>, D::Error> {
    let objects = Vec::<Object<T>>::deserialize(deserializer)?;
    Ok(objects.into_iter().map(|Object(value)| value).collect())
}

fn not_json() -> ApiError {
    let detail = "the body must be JSON: send 'Content-Type: application/json'";
    ApiError::new(ErrorCode::InvalidArgument, detail)
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

/// A body as it was sent; one over the limit is `too-large`.
#[derive(Clone, Debug)]
pub struct Raw(pub Bytes);

impl<S: Send + Sync> FromRequest<S> for Raw {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let body = Bytes::from_request(request, state).await;
        body.map(Self).map_err(|rejection| body_problem(&rejection))
    }
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

/// How many rows a page may have, as the query has it; `default` where it has nothing. What is out of range is refused
/// rather than cut: a caller that asked for more would take the page for the whole list.
pub fn page_limit(given: Option<&str>, default: u32, max: u32) -> Result<u32, ApiError> {
    let Some(text) = given else { return Ok(default) };
    let limit = text.parse().ok().filter(|limit| (1..=max).contains(limit));
    limit.ok_or_else(|| {
        let detail = format!("limit: '{text}' does not fit: give a whole number from 1 to {max}");
        ApiError::new(ErrorCode::InvalidArgument, detail)
    })
}

/// The parameters in the path.
#[derive(Clone, Copy, Debug)]
pub struct Path<T>(pub T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Path<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let path = axum::extract::Path::<T>::from_request_parts(parts, state).await;
        let reason = match path {
            // No database keeps it in a text.
            Ok(_) if parts.uri.path().contains("%00") => "it holds a NUL: leave that out".to_owned(),
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

    #[derive(Debug, Deserialize)]
    struct Line {
        #[allow(dead_code)]
        quantity: u32,
    }

    #[derive(Debug, Deserialize)]
    struct Order {
        #[allow(dead_code)]
        #[serde(deserialize_with = "objects")]
        lines: Vec<Line>,
    }

    async fn read(content_type: &str, body: &'static str) -> Result<Json<Order>, ApiError> {
        let request = Request::post("/")
            .header(CONTENT_TYPE, content_type)
            .body(Body::from(body))
            .unwrap();
        <Json<Order> as FromRequest<()>>::from_request(request, &()).await
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
    async fn only_an_object_is_taken_for_one_and_no_struct_is_named() {
        for (body, place) in [
            ("[[]]", "line 1"),
            ("7", "line 1"),
            (r#"{"lines":[[2]]}"#, "lines[0]"),
            (r#"{"lines":["mug"]}"#, "lines[0]"),
        ] {
            let ApiError(problem) = read("application/json", body).await.unwrap_err();
            let detail = problem.detail;
            assert!(
                detail.contains("a JSON object") && detail.contains(place) && !detail.contains("struct"),
                "{body}: {detail}"
            );
        }
        assert!(read("application/json", r#"{"lines":[{"quantity":2}]}"#).await.is_ok());
    }

    #[test]
    fn a_limit_out_of_range_is_refused_with_the_range() {
        assert_eq!(page_limit(None, 100, 500).unwrap(), 100);
        assert_eq!(page_limit(Some("500"), 100, 500).unwrap(), 500);
        for text in ["0", "501", "-1", "many", "", "4294967297"] {
            let ApiError(problem) = page_limit(Some(text), 100, 500).unwrap_err();
            assert_eq!(problem.code, ErrorCode::InvalidArgument);
            assert!(problem.detail.contains("from 1 to 500"), "{}", problem.detail);
        }
    }

    #[tokio::test]
    async fn a_form_a_browser_could_post_from_anywhere_is_not_json() {
        let ApiError(problem) = read("text/plain", r#"{"lines":[]}"#).await.unwrap_err();
        assert_eq!(problem.code, ErrorCode::InvalidArgument);
        assert!(read("application/json; charset=utf-8", r#"{"lines":[]}"#).await.is_ok());
    }
}
