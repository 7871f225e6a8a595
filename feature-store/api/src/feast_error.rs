//! Errors in Feast's form: a JSON string that itself contains `{"module", "class", "message"}`.
//!
//! Feast's client raises the class that is named, so it has to be one of `feast.errors` that takes one message. The form
//! has no place for the stable code, which stands in the header `cortex-error-code`.

use axum::Json;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use cortex_features::FeatureError;
use cortex_runtime::http::ApiError;
use cortex_security::SecurityError;
use cortex_types::Problem;
use serde_json::json;

const MODULE: &str = "feast.errors";
const ERROR_CODE: &str = "cortex-error-code";

pub(crate) struct FeastError {
    class: &'static str,
    problem: Problem,
}

impl From<FeatureError> for FeastError {
    fn from(error: FeatureError) -> Self {
        let class = match &error {
            FeatureError::UnknownFeature { .. } => "FeatureViewNotFoundException",
            FeatureError::UnknownService { .. } => "FeatureServiceNotFoundException",
            FeatureError::UnknownEntity { .. } => "EntityNotFoundException",
            _ => "FeastError",
        };
        Self {
            class,
            problem: ApiError::of(&error).0,
        }
    }
}

impl From<SecurityError> for FeastError {
    fn from(error: SecurityError) -> Self {
        Self {
            class: "FeastPermissionError",
            problem: ApiError::of(&error).0,
        }
    }
}

impl IntoResponse for FeastError {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let detail = json!({ "module": MODULE, "class": self.class, "message": self.problem.detail });
        let mut response = (status, Json(detail.to_string())).into_response();
        let code = HeaderValue::from_static(self.problem.code.as_str());
        response.headers_mut().insert(ERROR_CODE, code);
        // The access log reads the stable code from here.
        response.extensions_mut().insert(self.problem.code);
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stable_code_is_in_a_header() {
        let unknown = FeatureError::UnknownService {
            name: "nope".to_owned(),
            known: String::new(),
        };
        for (error, code) in [
            (FeastError::from(unknown), "unknown-feature"),
            (
                FeastError::from(FeatureError::Request("no".to_owned())),
                "invalid-argument",
            ),
            (FeastError::from(SecurityError::NoToken), "unauthenticated"),
        ] {
            assert_eq!(error.into_response().headers()[ERROR_CODE], code);
        }
    }
}
