//! `cortex.serving.v1.PredictionService`.

use std::sync::Arc;

use cortex_proto::serving as pb;
use cortex_proto::serving::prediction_service_server::PredictionService as Service;
use cortex_serving::EntityRequest;
use tonic::{Request, Response, Status};

use crate::ServingApi;
use crate::api;

/// Predictions for entities over gRPC.
#[derive(Debug)]
pub struct PredictionService {
    api: Arc<ServingApi>,
}

impl PredictionService {
    pub(crate) fn new(api: Arc<ServingApi>) -> Self {
        Self { api }
    }
}

#[tonic::async_trait]
impl Service for PredictionService {
    async fn predict_entity(
        &self,
        request: Request<pb::PredictEntityRequest>,
    ) -> Result<Response<pb::PredictEntityResponse>, Status> {
        let ctx = cortex_proto::context(&request)?;
        self.api.may_infer(&ctx).map_err(|error| cortex_proto::status(&error))?;
        let body = request.into_inner();
        let request = EntityRequest {
            model: body.model,
            entity_key: body.entity_key,
            route_key: Some(body.route_key).filter(|key| !key.is_empty()),
            arm: api::arm(&body.arm).map_err(|error| cortex_proto::status(&error))?,
        };
        let prediction = self.api.serving.predict_entity(&ctx, request).await;
        let prediction = prediction.map_err(|error| cortex_proto::status(&error))?;
        Ok(Response::new(pb::PredictEntityResponse {
            decision_id: prediction.decision_id.to_string(),
            score: prediction.score,
            model: prediction.model.to_string(),
            model_version: prediction.version,
            arm: prediction.arm.as_str().to_owned(),
            propensity: prediction.propensity,
            action: prediction.action.map(|action| action.to_string()).unwrap_or_default(),
            feature_frontier: prediction.frontier.to_string(),
            features_found: prediction.features_found,
            decided_at_micros: prediction.decided_at.micros(),
        }))
    }
}
