//! `cortex.features.v1.FeatureService`.

use std::sync::Arc;

use cortex_features::{EntityKey, FeatureStatus, FeatureValue, OnlineRow};
use cortex_proto::features as pb;
use cortex_proto::features::feature_service_server::FeatureService;
use cortex_proto::{context, status};
use cortex_types::Coded;
use tonic::{Request, Response, Status};

use crate::api::{FeaturesApi, entity_key};

/// The features API over gRPC.
#[derive(Clone, Debug)]
pub struct FeatureGrpc {
    api: Arc<FeaturesApi>,
}

impl FeatureGrpc {
    pub(crate) const fn new(api: Arc<FeaturesApi>) -> Self {
        Self { api }
    }
}

fn refused(error: impl Coded) -> Status {
    status(&error)
}

#[tonic::async_trait]
impl FeatureService for FeatureGrpc {
    async fn get_online_features(
        &self,
        request: Request<pb::GetOnlineFeaturesRequest>,
    ) -> Result<Response<pb::GetOnlineFeaturesResponse>, Status> {
        let ctx = context(&request)?;
        self.api.may_read(&ctx).map_err(refused)?;
        let request = request.into_inner();
        let features = self
            .api
            .asked_for(Some(&request.feature_service), &request.features)
            .map_err(refused)?;
        let entity = self.api.definitions.entity_of(&features).map_err(refused)?;
        let keys = request.entities.iter().map(|key| entity_key(entity, &key.values));
        let keys: Vec<EntityKey> = keys.collect::<Result<_, _>>().map_err(refused)?;
        let vectors = self.api.read(&ctx, &features, &keys).await.map_err(refused)?;
        Ok(Response::new(pb::GetOnlineFeaturesResponse {
            features: features.iter().map(ToString::to_string).collect(),
            rows: vectors.rows.into_iter().map(row).collect(),
            frontier: vectors.frontier.to_string(),
        }))
    }
}

fn row(row: OnlineRow) -> pb::FeatureRow {
    let cells = row.values.into_iter().zip(row.statuses).zip(row.event_times);
    let cell = |((value, status), event_time)| pb::FeatureCell {
        value: wire_value(value),
        status: wire_status(status).into(),
        event_time_micros: Option::map(event_time, cortex_types::Timestamp::micros),
    };
    pb::FeatureRow {
        cells: cells.map(cell).collect(),
    }
}

fn wire_value(value: FeatureValue) -> Option<pb::feature_cell::Value> {
    use pb::feature_cell::Value;
    match value {
        FeatureValue::Null => None,
        FeatureValue::Int(value) => Some(Value::IntValue(value)),
        FeatureValue::Float(value) => Some(Value::FloatValue(value)),
        FeatureValue::Text(value) => Some(Value::TextValue(value.to_string())),
    }
}

const fn wire_status(status: FeatureStatus) -> pb::FeatureStatus {
    match status {
        FeatureStatus::Present => pb::FeatureStatus::Present,
        FeatureStatus::NotFound => pb::FeatureStatus::NotFound,
        FeatureStatus::OutsideMaxAge => pb::FeatureStatus::OutsideMaxAge,
        FeatureStatus::NullValue => pb::FeatureStatus::NullValue,
    }
}
