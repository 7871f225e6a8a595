use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use cortex_erp::{Advice, AdviceRequest, Advisor, AdvisorError};
use cortex_proto::serving::PredictEntityRequest;
use cortex_proto::serving::prediction_service_client::PredictionServiceClient;
use cortex_types::{ErrorCode, RequestContext, Timestamp};
use tonic::metadata::{Ascii, MetadataValue};
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Status};

/// Metadata key under which a server says which of our codes a status is.
const ERROR_CODE_KEY: &str = "cortex-error-code";
/// W3C trace context, so that both sides log one trace.
const TRACE_PARENT_KEY: &str = "traceparent";

/// Where predictions are asked for.
#[derive(Clone)]
pub struct AdvisorConfig {
    /// Such as `http://127.0.0.1:8001`.
    pub endpoint: String,
    /// Bearer token of the ERP's own service account; absent where the server asks for none.
    pub token: Option<String>,
    /// How long the server may take; the ERP's own deadline may be shorter.
    pub timeout: Duration,
}

impl fmt::Debug for AdvisorConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            endpoint,
            token,
            timeout,
        } = self;
        let token = token.as_ref().map(|_| "…");
        f.debug_struct("AdvisorConfig")
            .field("endpoint", endpoint)
            .field("token", &token)
            .field("timeout", timeout)
            .finish()
    }
}

/// Asks the serving API for a prediction about one entity.
#[derive(Clone, Debug)]
pub struct ServingAdvisor {
    client: PredictionServiceClient<Channel>,
    authorization: Option<MetadataValue<Ascii>>,
}

impl ServingAdvisor {
    /// Connects on first use, so the server need not be up yet. [`ErrorCode::InvalidConfiguration`] where endpoint or
    /// token are malformed. Needs a Tokio runtime.
    pub fn new(config: &AdvisorConfig) -> Result<Self, AdvisorError> {
        let malformed = |what: &str| AdvisorError {
            code: ErrorCode::InvalidConfiguration,
            reason: format!("the advisor's {what} is malformed"),
        };
        let endpoint = Endpoint::from_shared(config.endpoint.clone()).map_err(|_| malformed("endpoint"))?;
        let channel = endpoint
            .timeout(config.timeout)
            .connect_timeout(config.timeout)
            .tcp_nodelay(true)
            .connect_lazy();
        let authorization = match &config.token {
            Some(token) => {
                let mut value: MetadataValue<Ascii> =
                    format!("Bearer {token}").parse().map_err(|_| malformed("token"))?;
                value.set_sensitive(true);
                Some(value)
            }
            None => None,
        };
        Ok(Self {
            client: PredictionServiceClient::new(channel),
            authorization,
        })
    }
}

#[async_trait]
impl Advisor for ServingAdvisor {
    async fn advise(&self, ctx: &RequestContext, request: AdviceRequest) -> Result<Advice, AdvisorError> {
        let mut call = Request::new(PredictEntityRequest {
            model: request.model.to_string(),
            entity_key: request.entity_key.to_string(),
            ..PredictEntityRequest::default()
        });
        if let Some(authorization) = &self.authorization {
            call.metadata_mut().insert("authorization", authorization.clone());
        }
        // The span id is not kept here; the trace id is what joins the two logs.
        let trace = format!("00-{}-{:016x}-01", ctx.trace_id, 1);
        if let Ok(trace) = trace.parse() {
            call.metadata_mut().insert(TRACE_PARENT_KEY, trace);
        }
        let answer = self
            .client
            .clone()
            .predict_entity(call)
            .await
            .map_err(|status| refused(&status))?
            .into_inner();
        let decision_id = answer.decision_id.parse().map_err(|_| AdvisorError {
            code: ErrorCode::Internal,
            reason: format!("the server answered with no decision id but '{}'", answer.decision_id),
        })?;
        Ok(Advice {
            decision_id,
            decided_at: Timestamp::from_micros(answer.decided_at_micros),
            score: answer.score,
            action: Some(answer.action).filter(|action| !action.is_empty()).map(Arc::from),
            model_version: answer.model_version,
        })
    }
}

/// Our own code where the server sent one; what the gRPC status says otherwise.
fn refused(status: &Status) -> AdvisorError {
    let sent = status
        .metadata()
        .get(ERROR_CODE_KEY)
        .and_then(|value| value.to_str().ok());
    let code = ErrorCode::ALL.iter().copied().find(|code| Some(code.as_str()) == sent);
    let code = code.unwrap_or(match status.code() {
        Code::DeadlineExceeded | Code::Cancelled => ErrorCode::DeadlineExceeded,
        Code::NotFound => ErrorCode::UnknownModel,
        Code::Unauthenticated => ErrorCode::Unauthenticated,
        Code::PermissionDenied => ErrorCode::PermissionDenied,
        Code::ResourceExhausted => ErrorCode::Overloaded,
        Code::InvalidArgument => ErrorCode::InvalidArgument,
        _ => ErrorCode::Unavailable,
    });
    AdvisorError {
        code,
        reason: status.message().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cortex_proto::serving::PredictEntityResponse;
    use cortex_proto::serving::prediction_service_server::{PredictionService, PredictionServiceServer};
    use cortex_types::{DecisionId, TenantId};
    use tokio_stream::wrappers::TcpListenerStream;
    use tonic::Response;

    #[derive(Debug)]
    struct Server(DecisionId);

    #[tonic::async_trait]
    impl PredictionService for Server {
        async fn predict_entity(
            &self,
            request: Request<PredictEntityRequest>,
        ) -> Result<Response<PredictEntityResponse>, Status> {
            let token = request
                .metadata()
                .get("authorization")
                .and_then(|value| value.to_str().ok());
            if token != Some("Bearer secret") {
                return Err(Status::unauthenticated("no"));
            }
            let body = request.into_inner();
            if body.model != "repurchase-30d" {
                let error = AdvisorError {
                    code: ErrorCode::ModelNotReady,
                    reason: "no champion yet".to_owned(),
                };
                return Err(cortex_proto::status(&error));
            }
            Ok(Response::new(PredictEntityResponse {
                decision_id: self.0.to_string(),
                score: 0.25,
                decided_at_micros: 42,
                model_version: 3,
                action: "offer".to_owned(),
                ..PredictEntityResponse::default()
            }))
        }
    }

    async fn advisor(token: &str, decision: DecisionId) -> ServingAdvisor {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let server = tonic::transport::Server::builder().add_service(PredictionServiceServer::new(Server(decision)));
        tokio::spawn(server.serve_with_incoming(TcpListenerStream::new(listener)));
        let timeout = Duration::from_secs(10);
        ServingAdvisor::new(&AdvisorConfig {
            endpoint,
            token: Some(token.to_owned()),
            timeout,
        })
        .unwrap()
    }

    async fn ask(advisor: &ServingAdvisor, model: &str) -> Result<Advice, AdvisorError> {
        let ctx = RequestContext::system(TenantId::new("acme").unwrap());
        advisor
            .advise(
                &ctx,
                AdviceRequest {
                    model: model.into(),
                    entity_key: "C1".into(),
                },
            )
            .await
    }

    #[tokio::test]
    async fn advice_comes_back_with_its_decision() {
        let decision = DecisionId::new();
        let advisor = advisor("secret", decision).await;
        let advice = ask(&advisor, "repurchase-30d").await.unwrap();
        let expected = Advice {
            decision_id: decision,
            decided_at: Timestamp::from_micros(42),
            score: 0.25,
            action: Some("offer".into()),
            model_version: 3,
        };
        assert_eq!(advice, expected);
    }

    #[tokio::test]
    async fn a_refusal_keeps_its_stable_code() {
        let good = advisor("secret", DecisionId::new()).await;
        assert_eq!(ask(&good, "units-7d").await.unwrap_err().code, ErrorCode::ModelNotReady);
        let bad = advisor("guess", DecisionId::new()).await;
        assert_eq!(
            ask(&bad, "repurchase-30d").await.unwrap_err().code,
            ErrorCode::Unauthenticated
        );
    }

    #[tokio::test]
    async fn a_server_that_is_not_there_is_unavailable() {
        let (endpoint, timeout) = ("http://127.0.0.1:9".to_owned(), Duration::from_secs(10));
        let advisor = ServingAdvisor::new(&AdvisorConfig {
            endpoint,
            token: None,
            timeout,
        })
        .unwrap();
        assert_eq!(
            ask(&advisor, "repurchase-30d").await.unwrap_err().code,
            ErrorCode::Unavailable
        );
    }

    #[test]
    fn a_token_never_shows_in_debug_output() {
        let config = AdvisorConfig {
            endpoint: "http://127.0.0.1:1".to_owned(),
            token: Some("hunter2".to_owned()),
            timeout: Duration::from_secs(1),
        };
        assert!(!format!("{config:?}").contains("hunter2"));
    }
}
