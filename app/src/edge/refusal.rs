//! Saying no in the caller's protocol.

use axum::extract::Request;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use cortex_runtime::http::ApiError;
use cortex_serving_api::ProtocolError;
use cortex_types::Coded;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Protocol {
    /// Problem details.
    Http,
    /// `{"error": "…"}`, as clients of the Open Inference Protocol read it.
    Inference,
    /// A status in trailers, with HTTP status 200.
    Grpc,
}

impl Protocol {
    pub(super) fn of(request: &Request) -> Self {
        let content_type = request.headers().get(CONTENT_TYPE).map(|value| value.as_bytes());
        if content_type.is_some_and(|value| value.starts_with(b"application/grpc")) {
            Self::Grpc
        } else if speaks_inference(request.uri().path()) {
            Self::Inference
        } else {
            Self::Http
        }
    }

    pub(super) fn refuse(self, error: &dyn Coded) -> Response {
        match self {
            Self::Http => ApiError::of(error).into_response(),
            Self::Inference => ProtocolError::of(error).into_response(),
            Self::Grpc => cortex_proto::status(error).into_http(),
        }
    }
}

/// The protocol has `/v2` to itself, but for `/v2/cortex`, which is ours and answers problem details.
fn speaks_inference(path: &str) -> bool {
    let below = |prefix: &str| {
        path.strip_prefix(prefix)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    below("/v2") && !below("/v2/cortex")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::AppError;
    use axum::body::Body;
    use cortex_security::SecurityError;

    async fn refused(path: &str, error: &dyn Coded) -> (u16, axum::http::HeaderMap, serde_json::Value) {
        let request = Request::post(path).body(Body::empty()).unwrap();
        let (parts, body) = Protocol::of(&request).refuse(error).into_parts();
        let body = axum::body::to_bytes(body, 1 << 16).await.unwrap();
        (
            parts.status.as_u16(),
            parts.headers,
            serde_json::from_slice(&body).unwrap(),
        )
    }

    #[tokio::test]
    async fn clients_of_the_inference_protocol_are_refused_in_its_form_with_the_stable_code_beside() {
        let nowhere = AppError::NoRoute("/v2/nowhere".to_owned());
        let errors: [(&dyn Coded, u16, &str); 4] = [
            (&SecurityError::NoToken, 401, "unauthenticated"),
            (&nowhere, 404, "not-found"),
            (&AppError::Timeout(20), 504, "deadline-exceeded"),
            (&AppError::Panicked("boom".to_owned()), 500, "internal"),
        ];
        for (error, status, code) in errors {
            for path in ["/v2", "/v2/", "/v2/models/m/infer"] {
                let (answered, headers, body) = refused(path, error).await;
                assert_eq!(answered, status, "{path}: {body}");
                assert!(
                    body["error"].as_str().is_some_and(|message| !message.is_empty()),
                    "{body}"
                );
                assert_eq!(headers["cortex-error-code"], code, "{path}");
                assert_eq!(headers["content-type"], "application/json", "{path}");
                assert_eq!(headers.contains_key("www-authenticate"), status == 401, "{path}");
            }
        }
    }

    #[tokio::test]
    async fn what_is_ours_under_the_protocols_path_and_what_only_looks_like_it_is_told_as_a_problem() {
        for path in ["/v2/cortex/models/m/predict-entity", "/v2x", "/erp/v2/models"] {
            let (_, headers, body) = refused(path, &SecurityError::NoToken).await;
            assert_eq!(headers["content-type"], "application/problem+json", "{path}");
            assert_eq!(body["code"], "unauthenticated", "{path}");
        }
    }
}
