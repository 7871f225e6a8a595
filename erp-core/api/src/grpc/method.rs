//! One rpc: the message that is asked becomes the very request that the routes take, and their answer a message.

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, HeaderValue, Request, StatusCode, header};
use cortex_erp::ErpError;
use cortex_types::{Coded, ErrorCode, Problem, RequestContext};
use http_body_util::BodyExt;
use prost_reflect::{DescriptorPool, DynamicMessage, MessageDescriptor, Value};
use serde_json::{Map, Value as Json};
use tonic::Status;
use tower::ServiceExt;

use super::SERVICE;
use super::messages::Label;
use super::operations::{Answers, Argument, BODY, Carries, Contract, FILE, JSON, MEDIA_TYPE, Operation, Place};
use super::refusal::refusal;
use super::transcoding::{Unsayable, Written, read, unknown_field};
use crate::interchange::encoded;

/// Headers of an answer that callers go on with; they come as metadata.
const TOLD: [&str; 2] = ["etag", "location"];

#[derive(Debug)]
pub(crate) struct Method {
    operation: Operation,
    pub input: MessageDescriptor,
    pub output: MessageDescriptor,
}

/// What our own answer cannot be read as.
#[derive(Debug, thiserror::Error)]
enum Unreadable {
    #[error("the answer broke off")]
    Broken(#[source] axum::Error),
    #[error("the answer is no JSON")]
    NoJson(#[source] serde_json::Error),
    #[error(transparent)]
    Unsayable(#[from] Unsayable),
}

impl Coded for Unreadable {
    fn code(&self) -> ErrorCode {
        ErrorCode::Internal
    }
}

impl Method {
    /// `None` where the committed description has no such rpc.
    pub fn new(pool: &DescriptorPool, operation: &Operation) -> Option<Self> {
        let service = pool.get_service_by_name(SERVICE)?;
        let method = service.methods().find(|method| method.name() == operation.rpc)?;
        Some(Self {
            operation: operation.clone(),
            input: method.input(),
            output: method.output(),
        })
    }

    pub async fn call(
        &self,
        contract: &Contract,
        routes: Router,
        ctx: RequestContext,
        asked: &DynamicMessage,
    ) -> Result<tonic::Response<DynamicMessage>, Status> {
        let mut request = self
            .request(contract, asked)
            .map_err(|error| cortex_proto::status(&error))?;
        request.extensions_mut().insert(ctx);
        let path = request.uri().path().to_owned();
        let response = match routes.oneshot(request).await {
            Ok(response) => response,
            Err(never) => match never {},
        };
        let (parts, body) = response.into_parts();
        let broken = |error| cortex_proto::status(&Unreadable::Broken(error));
        let body = body.collect().await.map_err(broken)?.to_bytes();
        if !parts.status.is_success() {
            return Err(self.refused(parts.status, &body, &path));
        }
        let answer = self.answer(contract, &parts.headers, &body);
        let answer = answer.map_err(|error| cortex_proto::status(&error))?;
        let mut answer = tonic::Response::new(answer.ok_or_else(|| self.nothing_at(&path))?);
        for name in TOLD {
            let value = parts
                .headers
                .get(name)
                .and_then(|value| value.to_str().ok()?.parse().ok());
            if let Some(value) = value {
                answer.metadata_mut().insert(name, value);
            }
        }
        Ok(answer)
    }

    fn request(&self, contract: &Contract, asked: &DynamicMessage) -> Result<Request<Body>, ErpError> {
        if let Some(unknown) = unknown_field(asked) {
            let problem =
                format!("{unknown} is no field that this server knows: it is older than what you were built for");
            return Err(ErpError::invalid("field", problem));
        }
        let (mut path, mut query) = (self.operation.path.clone(), String::new());
        let mut request = Request::builder().method(self.operation.method.clone());
        for argument in &self.operation.arguments {
            let Some(text) = self.text(asked, argument) else {
                continue;
            };
            match argument.place {
                Place::Path if text.is_empty() => {
                    return Err(ErpError::invalid(argument.field.as_str(), "is missing"));
                }
                Place::Path => path = path.replace(&format!("{{{}}}", argument.name), &encoded(&text)),
                Place::Query => {
                    let sign = if query.is_empty() { '?' } else { '&' };
                    query.push_str(&format!("{sign}{}={}", argument.name, encoded(&text)));
                }
                Place::Header if text.is_empty() => {}
                Place::Header => {
                    let value = HeaderValue::from_str(&text);
                    let refused = |_| ErpError::invalid(argument.field.as_str(), "must be visible ASCII");
                    request = request.header(argument.name.as_str(), value.map_err(refused)?);
                }
            }
        }
        let (body, media_type) = self.body(contract, asked)?;
        if let Some(media_type) = media_type {
            request = request.header(header::CONTENT_TYPE, media_type);
        }
        let request = request.uri(path + &query).body(body);
        request.map_err(|error| ErpError::invalid(self.operation.request.as_str(), error.to_string()))
    }

    /// `None` where it is not said, and need not be.
    fn text(&self, asked: &DynamicMessage, argument: &Argument) -> Option<String> {
        let field = self.input.get_field_by_name(&argument.field)?;
        if !argument.needed && !asked.has_field(&field) {
            return None;
        }
        let text = match asked.get_field(&field).as_ref() {
            Value::String(text) => text.clone(),
            Value::Bool(value) => value.to_string(),
            Value::I32(value) => value.to_string(),
            Value::U32(value) => value.to_string(),
            Value::I64(value) => value.to_string(),
            Value::U64(value) => value.to_string(),
            _ => return None,
        };
        Some(text)
    }

    fn body(&self, contract: &Contract, asked: &DynamicMessage) -> Result<(Body, Option<String>), ErpError> {
        let json = |json: &Json| (Body::from(json.to_string()), Some(JSON.to_owned()));
        let field = |name: &str| self.input.get_field_by_name(name);
        match &self.operation.carries {
            Carries::Nothing => Ok((Body::empty(), None)),
            Carries::File { media_type } => {
                let file = field(FILE).map(|file| asked.get_field(&file).into_owned());
                let bytes = match file {
                    Some(Value::Bytes(bytes)) => bytes,
                    _ => Bytes::new(),
                };
                Ok((Body::from(bytes), Some(media_type.clone())))
            }
            Carries::Whole => {
                let body = field(BODY).map(|body| Written(contract).field(asked, None, &body, ""));
                let body = body.transpose()?.flatten();
                Ok(json(&body.unwrap_or_default()))
            }
            Carries::Fields { names, needed } => {
                let of_body = || self.input.fields().filter(|field| names.contains(field.name()));
                if !needed && of_body().all(|field| !asked.has_field(&field)) {
                    return Ok((Body::empty(), None));
                }
                let known = contract.message(&self.operation.request);
                let mut object = Map::new();
                for field in of_body() {
                    if let Some(value) = Written(contract).field(asked, known, &field, "")? {
                        object.insert(field.name().to_owned(), value);
                    }
                }
                Ok(json(&Json::Object(object)))
            }
        }
    }

    /// `None` where the path leads to something else: a number may be a word that has a meaning there, such as `drafts`.
    fn answer(
        &self,
        contract: &Contract,
        headers: &HeaderMap,
        body: &Bytes,
    ) -> Result<Option<DynamicMessage>, Unreadable> {
        let mut message = DynamicMessage::new(self.output.clone());
        match self.operation.answers {
            Answers::Nothing => {}
            Answers::Document => {
                let json: Json = serde_json::from_slice(body).map_err(Unreadable::NoJson)?;
                let fields = contract
                    .message(&self.operation.response)
                    .into_iter()
                    .flat_map(|of| &of.fields);
                let mut needed =
                    fields.filter(|field| matches!(field.label, Label::Needed | Label::Many { needed: true }));
                if needed.any(|field| json.get(&field.name).is_none()) {
                    return Ok(None);
                }
                message = read(&self.output, &json)?;
            }
            Answers::File => {
                let media_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
                let media_type = Value::String(media_type.unwrap_or_default().to_owned());
                for (name, value) in [(FILE, Value::Bytes(body.clone())), (MEDIA_TYPE, media_type)] {
                    // Both are fields of every answer that is a file: the description is made of the same contract.
                    let _known = message.try_set_field_by_name(name, value);
                }
            }
        }
        Ok(Some(message))
    }

    fn nothing_at(&self, path: &str) -> Status {
        let detail = format!("there is nothing at {path} that {} could answer", self.operation.rpc);
        cortex_proto::refused(&Problem::new(ErrorCode::NotFound, detail))
    }

    fn refused(&self, status: StatusCode, body: &Bytes, path: &str) -> Status {
        match (serde_json::from_slice(body), status) {
            (Ok(problem), _) => refusal(problem, &self.operation.arguments),
            (Err(_), StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED) => self.nothing_at(path),
            (Err(_), _) => {
                tracing::error!(path, status = status.as_u16(), "refused without a problem");
                let detail = "something went wrong on our side; the log has it under this trace id";
                cortex_proto::refused(&Problem::new(ErrorCode::Internal, detail))
            }
        }
    }
}
