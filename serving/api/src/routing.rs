//! What a call's headers say of routing; gRPC metadata are headers too.

use axum::http::HeaderMap;
use cortex_serving::{Arm, InferRequest, ServingError};

use crate::api;

/// Said beside the request. It comes before what the request's own parameters say.
#[derive(Clone, Debug)]
pub struct Routing {
    route_key: Option<String>,
    arm: Option<Arm>,
}

impl Routing {
    pub fn of(headers: &HeaderMap) -> Result<Self, ServingError> {
        Ok(Self {
            route_key: text(headers, api::ROUTE_KEY)?.map(str::to_owned),
            arm: api::arm(text(headers, api::ARM)?.unwrap_or_default())?,
        })
    }

    pub fn over(self, request: InferRequest) -> InferRequest {
        InferRequest {
            route_key: self.route_key.or(request.route_key),
            arm: self.arm.or(request.arm),
            ..request
        }
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Result<Option<&'a str>, ServingError> {
    let unreadable = |_| ServingError::Invalid(format!("the header {name} is not text"));
    headers
        .get(name)
        .map(|value| value.to_str().map_err(unreadable))
        .transpose()
}
