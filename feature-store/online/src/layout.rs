//! Which features of which views stand where in the rows of one read.

use cortex_features::engine::ViewPlan;
use cortex_features::{EntityKey, FeatureError, FeatureRef, FeatureStatus, FeatureValue, OnlineRow};
use cortex_types::{TenantId, Timestamp};

use crate::memory::Memory;
use crate::store::Shared;

/// Values in one answer: what one read may cost everybody else.
pub(crate) const VALUES_MAX: usize = 100_000;

/// [`FeatureError::TooLarge`] where the answer would hold more than [`VALUES_MAX`] values.
pub(crate) fn check_size(features: &[FeatureRef], keys: &[EntityKey]) -> Result<(), FeatureError> {
    if features.len().saturating_mul(keys.len()) <= VALUES_MAX {
        return Ok(());
    }
    Err(FeatureError::TooLarge(format!(
        "it asks for {} features of {} entities, and {VALUES_MAX} values are the most at a time: ask in several reads",
        features.len(),
        keys.len()
    )))
}

/// The views of a read, each with its places in the row: a view is folded once, however much of it is asked for.
pub(crate) struct Layout<'a> {
    width: usize,
    views: Vec<ViewPlaces<'a>>,
}

struct ViewPlaces<'a> {
    plan: &'a ViewPlan,
    /// (position in the view, place in the row)
    places: Vec<(usize, usize)>,
}

impl<'a> Layout<'a> {
    pub(crate) fn new(shared: &'a Shared, features: &[FeatureRef]) -> Result<Self, FeatureError> {
        shared.definitions.entity_of(features)?;
        let mut views: Vec<ViewPlaces<'a>> = Vec::new();
        for (place, feature) in features.iter().enumerate() {
            let plan = shared.plans.get(&feature.view);
            let plan = plan.ok_or_else(|| FeatureError::UnknownFeature {
                name: feature.to_string(),
                known: String::new(),
            })?;
            let position = shared.definitions.position(plan.view(), &feature.feature)?;
            match views.iter_mut().find(|known| known.plan.view().name == feature.view) {
                Some(known) => known.places.push((position, place)),
                None => views.push(ViewPlaces {
                    plan,
                    places: vec![(position, place)],
                }),
            }
        }
        Ok(Self {
            width: features.len(),
            views,
        })
    }

    pub(crate) fn row(
        &self,
        memory: &Memory,
        tenant: &TenantId,
        key: &EntityKey,
        at: Timestamp,
    ) -> Result<OnlineRow, FeatureError> {
        let mut row = OnlineRow {
            values: vec![FeatureValue::Null; self.width],
            statuses: vec![FeatureStatus::NotFound; self.width],
            event_times: vec![None; self.width],
        };
        for ViewPlaces { plan, places } in &self.views {
            let name = &plan.view().name;
            let folded = match memory.view(tenant, name) {
                None => plan.nothing(),
                Some(facts) => facts.values(key, at).ok_or_else(|| {
                    FeatureError::Request(format!(
                        "{name} is kept online from {} on: for an earlier instant build a training set",
                        facts.answers_from()
                    ))
                })?,
            };
            for (position, place) in places {
                row.statuses[*place] = folded.status(*position);
                row.event_times[*place] = folded.newest;
                // A feature that is asked for twice stands in two places.
                if let Some(value) = folded.values.get(*position) {
                    row.values[*place] = value.clone();
                }
            }
        }
        Ok(row)
    }
}
