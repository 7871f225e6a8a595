//! `cortex.experience.v1.ExperienceService`.

use std::sync::Arc;

use cortex_experience::{ExperienceError, Feedback, Outcome, OutcomeSource, Reference, Remembered};
use cortex_proto::experience as pb;
use cortex_proto::experience::experience_service_server::{ExperienceService, ExperienceServiceServer};
use cortex_types::{Coded, DecisionId, Timestamp};
use tonic::{Request, Response, Status};

use crate::ExperienceApi;

/// The gRPC door to the memory.
#[derive(Clone, Debug)]
pub struct ExperienceGrpc {
    api: Arc<ExperienceApi>,
}

pub fn grpc(api: Arc<ExperienceApi>) -> ExperienceServiceServer<ExperienceGrpc> {
    ExperienceServiceServer::new(ExperienceGrpc { api })
}

#[tonic::async_trait]
impl ExperienceService for ExperienceGrpc {
    async fn record_feedback(
        &self,
        request: Request<pb::RecordFeedbackRequest>,
    ) -> Result<Response<pb::Recorded>, Status> {
        let ctx = cortex_proto::context(&request)?;
        self.api.may_write(&ctx).map_err(status)?;
        let message = request.into_inner();
        let given_by = if message.given_by.is_empty() {
            Arc::clone(&ctx.principal.id)
        } else {
            message.given_by.into()
        };
        let feedback = Feedback {
            event_id: message.event_id.into(),
            of: reference(message.of).map_err(status)?,
            action: Some(message.action).filter(|action| !action.is_empty()).map(Into::into),
            rating: message.rating.map(i64::from),
            given_by,
            given_at: message.given_at_micros.map(Timestamp::from_micros),
        };
        let recorded = self.api.memory.feedback(&ctx, feedback).await.map_err(status)?;
        Ok(Response::new(recorded_message(recorded)))
    }

    async fn record_outcome(
        &self,
        request: Request<pb::RecordOutcomeRequest>,
    ) -> Result<Response<pb::Recorded>, Status> {
        let ctx = cortex_proto::context(&request)?;
        self.api.may_write(&ctx).map_err(status)?;
        let message = request.into_inner();
        let outcome = Outcome {
            event_id: message.event_id.into(),
            of: reference(message.of).map_err(status)?,
            kind: message.kind.into(),
            value: message.value,
            observed_at: message.observed_at_micros.map(Timestamp::from_micros),
            source: OutcomeSource::Api,
        };
        let recorded = self.api.memory.outcome(&ctx, outcome).await.map_err(status)?;
        Ok(Response::new(recorded_message(recorded)))
    }

    async fn get_decision(
        &self,
        request: Request<pb::GetDecisionRequest>,
    ) -> Result<Response<pb::RememberedDecision>, Status> {
        let ctx = cortex_proto::context(&request)?;
        self.api.may_read(&ctx).map_err(status)?;
        let id: DecisionId = request.into_inner().decision_id.parse().map_err(status)?;
        let remembered = self.api.memory.decision(&ctx, id).await.map_err(status)?;
        Ok(Response::new(remembered_message(remembered).map_err(status)?))
    }
}

fn status(error: impl Coded) -> Status {
    cortex_proto::status(&error)
}

fn reference(of: Option<pb::DecisionReference>) -> Result<Reference, ExperienceError> {
    use pb::decision_reference::Of;
    match of.and_then(|of| of.of) {
        Some(Of::DecisionId(id)) => id
            .parse()
            .map(Reference::Decision)
            .map_err(|error: cortex_types::ids::InvalidId| ExperienceError::Invalid(error.to_string())),
        Some(Of::Entity(entity)) => Ok(Reference::Entity {
            model: entity.model.into(),
            entity_key: entity.entity_key.into(),
            at: Timestamp::from_micros(entity.at_micros),
        }),
        None => Err(ExperienceError::Invalid(
            "which decision is meant? Give 'of'".to_owned(),
        )),
    }
}

fn recorded_message(recorded: cortex_experience::Recorded) -> pb::Recorded {
    pb::Recorded {
        decision_id: recorded.decision_id.map(|id| id.to_string()).unwrap_or_default(),
        repeated: recorded.repeated,
    }
}

fn remembered_message(remembered: Remembered) -> Result<pb::RememberedDecision, ExperienceError> {
    let Remembered {
        decision,
        feedback,
        outcomes,
    } = remembered;
    let unwritable = |error: serde_json::Error| ExperienceError::Corrupt {
        what: format!("decision {}", decision.id),
        detail: error.to_string(),
    };
    let feedback = feedback.into_iter().map(|entry| pb::Feedback {
        event_id: entry.event_id.to_string(),
        action: entry.action.as_deref().unwrap_or_default().to_owned(),
        rating: entry.rating.and_then(|rating| i32::try_from(rating).ok()),
        given_by: entry.given_by.to_string(),
        given_at_micros: entry.given_at.micros(),
    });
    let outcomes = outcomes.into_iter().map(|entry| pb::Outcome {
        event_id: entry.event_id.to_string(),
        kind: entry.kind.to_string(),
        value: entry.value,
        observed_at_micros: entry.observed_at.micros(),
        source: entry.source.as_str().to_owned(),
    });
    Ok(pb::RememberedDecision {
        decision_id: decision.id.to_string(),
        context_json: decision.context.to_json().map_err(unwritable)?,
        model: decision.model.to_string(),
        version: decision.version,
        arm: decision.arm.to_string(),
        propensity: decision.propensity,
        entity: decision.entity.to_string(),
        entity_key: decision.entity_key.to_string(),
        decided_at_micros: decision.decided_at.micros(),
        score: decision.score,
        action: decision.action.as_deref().unwrap_or_default().to_owned(),
        feature_frontier: decision.frontier.to_string(),
        feedback: feedback.collect(),
        outcomes: outcomes.collect(),
    })
}
