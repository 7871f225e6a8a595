//! How a command fails: for a person, with the stable code.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

use cortex_erp::ErpError;
use cortex_experience::ExperienceError;
use cortex_features::FeatureError;
use cortex_ingest::IngestError;
use cortex_lake::LakeError;
use cortex_registry::RegistryError;
use cortex_runtime::config::Origin;
use cortex_serving::ServingError;
use cortex_store::StoreError;
use cortex_training::TrainingError;
use cortex_types::{Coded, ErrorCode, TenantId, Timestamp};

/// What the binary itself refuses.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    #[error(
        "{key} is {addr} ({origin}), which others can reach, but there is no authentication: set \
         'security.authentication: tokens' (CORTEX__SECURITY__AUTHENTICATION=tokens) and make a token with 'cortex \
         token create', or bind 127.0.0.1"
    )]
    InsecureBind {
        addr: SocketAddr,
        key: &'static str,
        origin: Origin,
    },
    #[error(
        "cannot listen on {addr} ({key}): {source}; if another program has the port, choose another one with {flag}"
    )]
    Bind {
        addr: SocketAddr,
        key: &'static str,
        flag: &'static str,
        source: std::io::Error,
    },
    #[error("there is no authentication here, so only the tenant '{allowed}' is served, not '{asked}'")]
    TenantNotServed { allowed: TenantId, asked: String },
    #[error(
        "the request is addressed to '{0}', but this server has no authentication and answers only to loopback names: \
         call it as localhost, or configure authentication"
    )]
    ForeignHost(String),
    #[error(
        "this server has no authentication, so it takes no changes from a page of '{0}': call it from a program on this \
         machine, or configure authentication"
    )]
    ForeignPage(String),
    #[error("{0} requests are being worked on ('http.requests_in_flight_max'): try again in a moment")]
    Overloaded(usize),
    #[error("{path} cannot be called with {method}: '/openapi.json' lists what it takes")]
    NoMethod { method: String, path: String },
    #[error("the request was not answered within {0} ms ('http.timeout_ms')")]
    Timeout(u64),
    #[error("there is nothing at {0}: '/openapi.json' lists what there is")]
    NoRoute(String),
    #[error("there is no gRPC service for {0} here: gRPC reflection (grpc.reflection.v1) lists what there is")]
    NoService(String),
    #[error("{what} ({}) {problem}", path.display())]
    File {
        what: &'static str,
        path: PathBuf,
        problem: String,
    },
    #[error("{0}")]
    Invalid(String),
    #[error("there is a source '{0}' already: choose another name with --name, or 'cortex ingest remove' it first")]
    SourceExists(String),
    #[error("there is no source '{0}': 'cortex ingest status' lists them")]
    NoSource(String),
    #[error("the audit chain is broken at record {seq} of {at}: it, or one before it, was altered or removed")]
    AuditBroken { seq: u64, at: Timestamp },
    #[error("{0} things in the books should not be; see above")]
    BooksBroken(usize),
    #[error("{0} served values are not what the lake says; see above. The online store can be deleted: it is rebuilt")]
    FeaturesDiffer(usize),
    #[error("version {version} of '{model}' may not have the alias '{alias}': {failed} did not pass; see above")]
    GateShut {
        model: String,
        version: u32,
        alias: String,
        failed: String,
    },
    #[error("a handler panicked: {0}")]
    Panicked(String),
    #[error("{0}")]
    Unhealthy(String),
    #[error("the demo stopped: {0:#}")]
    Demo(anyhow::Error),
}

impl Coded for AppError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::InsecureBind { .. } => ErrorCode::InsecureBind,
            Self::Bind { .. } | Self::Unhealthy(_) => ErrorCode::Unavailable,
            Self::TenantNotServed { .. } => ErrorCode::WrongTenant,
            Self::ForeignHost(_) | Self::ForeignPage(_) => ErrorCode::PermissionDenied,
            Self::Overloaded(_) => ErrorCode::Overloaded,
            Self::NoMethod { .. } => ErrorCode::MethodNotAllowed,
            Self::Demo(error) => code_within(error),
            Self::Timeout(_) => ErrorCode::DeadlineExceeded,
            Self::NoRoute(_) | Self::NoSource(_) => ErrorCode::NotFound,
            Self::SourceExists(_) => ErrorCode::AlreadyExists,
            Self::NoService(_) => ErrorCode::Unimplemented,
            Self::File { .. } => ErrorCode::StorageFailed,
            Self::Invalid(_) => ErrorCode::InvalidArgument,
            Self::AuditBroken { .. } | Self::BooksBroken(_) | Self::FeaturesDiffer(_) => ErrorCode::Corrupt,
            Self::GateShut { .. } => ErrorCode::GateFailed,
            Self::Panicked(_) => ErrorCode::Internal,
        }
    }
}

/// The code of the outermost of an error's causes that has one; a demo goes through every stage, and any may stop it.
fn code_within(error: &anyhow::Error) -> ErrorCode {
    fn coded<E: Coded + 'static>(cause: &(dyn std::error::Error + 'static)) -> Option<ErrorCode> {
        cause.downcast_ref::<E>().map(Coded::code)
    }
    let known = [
        coded::<AppError>,
        coded::<ErpError>,
        coded::<IngestError>,
        coded::<LakeError>,
        coded::<FeatureError>,
        coded::<TrainingError>,
        coded::<RegistryError>,
        coded::<ServingError>,
        coded::<ExperienceError>,
        coded::<StoreError>,
    ];
    error
        .chain()
        .find_map(|cause| known.iter().find_map(|code| code(cause)))
        .unwrap_or(ErrorCode::Internal)
}

/// Any coded error on its way to the person who typed the command. Boxed, so that a `Result` of it stays small.
pub struct Failure(Box<dyn Coded + Send + Sync>);

impl Failure {
    #[must_use]
    pub fn error(&self) -> &dyn Coded {
        &*self.0
    }

    #[must_use]
    pub fn code(&self) -> ErrorCode {
        self.0.code()
    }
}

impl<E: Coded + Send + Sync + 'static> From<E> for Failure {
    fn from(error: E) -> Self {
        Self(Box::new(error))
    }
}

/// What went wrong and what to do, then what caused it, unless the message said so already.
impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut said = self.0.to_string();
        write!(f, "error[{}]: {said}", self.code())?;
        let mut source = self.0.source();
        while let Some(cause) = source {
            let text = cause.to_string();
            if !said.contains(&text) {
                write!(f, "\n  because: {text}")?;
                said = text;
            }
            source = cause.source();
        }
        Ok(())
    }
}

impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_demo_that_stopped_has_the_code_of_what_stopped_it() {
        let import = ErpError::Import {
            file: "/nope".to_owned(),
            problem: "it cannot be opened".to_owned(),
        };
        let code = |error: anyhow::Error| AppError::Demo(error).code();
        assert_eq!(code(import.clone().into()), ErrorCode::InvalidArgument);
        assert_eq!(
            code(anyhow::Error::from(import).context("week 3")),
            ErrorCode::InvalidArgument
        );
        assert_eq!(code(anyhow::anyhow!("out of luck")), ErrorCode::Internal);
    }

    #[test]
    fn a_failure_reads_as_code_message_and_causes_without_repeating_itself() {
        let source = std::io::Error::other("address in use");
        let addr = "127.0.0.1:1".parse().unwrap();
        let failure = Failure::from(AppError::Bind {
            addr,
            key: "http.addr",
            flag: "--http",
            source,
        });
        let text = failure.to_string();
        assert!(
            text.starts_with("error[unavailable]: cannot listen on 127.0.0.1:1 (http.addr)"),
            "{text}"
        );
        assert_eq!(text.matches("address in use").count(), 1);
    }
}
