//! Context in, errors out.

use cortex_types::{Coded, ErrorCode, Problem, RequestContext};
use tonic::{Code, Request, Status};

/// Metadata key that carries the stable error code beside the gRPC status.
const ERROR_CODE_KEY: &str = "cortex-error-code";

/// The context that the server's authentication layer put on the call.
pub fn context<T>(request: &Request<T>) -> Result<RequestContext, Status> {
    request
        .extensions()
        .get::<RequestContext>()
        .cloned()
        .ok_or_else(|| with_code(ErrorCode::Unauthenticated, "the call carries no identity"))
}

/// The gRPC status of an error: code, the caller's part of the message, and the stable code as metadata.
pub fn status(error: &dyn Coded) -> Status {
    let code = error.code();
    if code.is_ours() {
        // With its sources: the caller is told nothing of them.
        let causes = std::iter::successors(error.source(), |cause| cause.source());
        let text = causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"));
        tracing::error!(code = code.as_str(), error = text, "request failed");
    }
    with_code(code, &Problem::of(error).detail)
}

fn with_code(code: ErrorCode, message: &str) -> Status {
    let mut status = Status::new(Code::from_i32(code.grpc_status()), message);
    status.metadata_mut().insert(
        ERROR_CODE_KEY,
        tonic::metadata::MetadataValue::from_static(code.as_str()),
    );
    status
}
