//! Context in, errors out.

use cortex_types::{Coded, ErrorCode, Problem, RequestContext};
use tonic::codegen::http;
use tonic::{Code, Request, Status};

/// Metadata key that carries the stable error code beside the gRPC status.
const ERROR_CODE_KEY: &str = "cortex-error-code";
/// A status travels in headers, which clients hold to 8 KiB or so: one that quotes a whole document never arrives.
const MESSAGE_CHARS_MAX: usize = 1_000;

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

/// What was refused over HTTP, and logged there where it is our own fault.
#[must_use]
pub fn refused(problem: &Problem) -> Status {
    with_code(problem.code, &problem.detail)
}

/// An answer of the gRPC stack itself, in our words: it knows no stable codes, and calls internal what the caller sent
/// wrong. What a handler answered passes as it is.
#[must_use]
pub fn with_stable_code<B>(mut response: http::Response<B>) -> http::Response<B> {
    let headers = response.headers();
    if headers.contains_key(ERROR_CODE_KEY) {
        return response;
    }
    // Only where nothing but a status is answered does it stand in the headers.
    let Some(code) = headers.get(Status::GRPC_STATUS) else {
        return response;
    };
    let code = Code::from_bytes(code.as_bytes());
    let message = response.extensions().get::<Status>().map(Status::message);
    if let Some(status) = told(code, message.unwrap_or_default()) {
        // What does not fit into a header is left as the stack said it.
        let _unsaid = status.add_header(response.headers_mut());
    }
    response
}

/// The same for what comes out of a stream of requests.
#[must_use]
pub fn transport_status(status: Status) -> Status {
    if status.metadata().contains_key(ERROR_CODE_KEY) {
        return status;
    }
    told(status.code(), status.message()).unwrap_or(status)
}

fn told(code: Code, message: &str) -> Option<Status> {
    match code {
        Code::Internal => Some(with_code(
            ErrorCode::InvalidArgument,
            &format!("the message cannot be read: {message}"),
        )),
        Code::OutOfRange | Code::ResourceExhausted => Some(with_code(
            ErrorCode::TooLarge,
            &format!("the message is larger than 'http.request_body_bytes_max' allows: {message}"),
        )),
        Code::Unimplemented if message.is_empty() => Some(with_code(
            ErrorCode::Unimplemented,
            "this service has no such method: gRPC reflection (grpc.reflection.v1) lists what it has",
        )),
        Code::Unimplemented => Some(with_code(ErrorCode::Unimplemented, message)),
        _ => None,
    }
}

fn with_code(code: ErrorCode, message: &str) -> Status {
    let message = match message.char_indices().nth(MESSAGE_CHARS_MAX) {
        Some((end, _)) => format!("{}…", message.get(..end).unwrap_or_default()),
        None => message.to_owned(),
    };
    let mut status = Status::new(Code::from_i32(code.grpc_status()), message);
    status.metadata_mut().insert(
        ERROR_CODE_KEY,
        tonic::metadata::MetadataValue::from_static(code.as_str()),
    );
    status
}

#[cfg(test)]
mod tests {
    use super::*;

    use cortex_types::ids::InvalidId;

    fn invalid(text: String) -> Status {
        status(&InvalidId {
            kind: "id",
            text,
            expected: "seven digits",
        })
    }

    fn code_of(status: &Status) -> &str {
        status.metadata().get(ERROR_CODE_KEY).unwrap().to_str().unwrap()
    }

    fn answered(status: Status) -> Status {
        let response = with_stable_code(status.into_http::<()>());
        Status::from_header_map(response.headers()).unwrap()
    }

    #[test]
    fn what_the_stack_refuses_has_a_stable_code_and_is_the_callers_mistake() {
        for (status, code, stable) in [
            (
                Status::internal("failed to decode"),
                Code::InvalidArgument,
                "invalid-argument",
            ),
            (
                Status::out_of_range("found 5 bytes"),
                Code::InvalidArgument,
                "too-large",
            ),
            (Status::unimplemented(""), Code::Unimplemented, "unimplemented"),
            (
                Status::unimplemented("compressed with `x`"),
                Code::Unimplemented,
                "unimplemented",
            ),
        ] {
            let text = status.message().to_owned();
            for told in [transport_status(status.clone()), answered(status)] {
                assert_eq!((told.code(), code_of(&told)), (code, stable));
                assert!(!told.message().is_empty() && told.message().contains(&text), "{told}");
            }
        }
    }

    #[test]
    fn what_a_handler_refuses_passes_as_it_is() {
        let ours = with_code(ErrorCode::Internal, "something went wrong on our side");
        let told = answered(ours);
        assert_eq!((told.code(), code_of(&told)), (Code::Internal, "internal"));
        let fine = with_stable_code(http::Response::new(()));
        assert!(fine.headers().is_empty());
    }

    #[test]
    fn a_message_that_quotes_a_whole_document_is_cut_to_what_headers_hold() {
        let long = invalid("é".repeat(100_000));
        assert_eq!(long.message().chars().count(), MESSAGE_CHARS_MAX + 1);
        let short = invalid("short".to_owned());
        assert_eq!(short.message(), "'short' is not a valid id: seven digits");
    }
}
