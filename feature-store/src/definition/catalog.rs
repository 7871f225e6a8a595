//! Every definition, by name.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::{Entity, FeatureService, FeatureView};
use crate::FeatureError;
use crate::value::FeatureRef;

/// All entities, views and services, checked against each other: a name that one of them mentions exists.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Definitions {
    pub(super) entities: BTreeMap<Arc<str>, Arc<Entity>>,
    pub(super) views: BTreeMap<Arc<str>, Arc<FeatureView>>,
    pub(super) services: BTreeMap<Arc<str>, Arc<FeatureService>>,
}

impl Definitions {
    pub fn entities(&self) -> impl Iterator<Item = &Arc<Entity>> {
        self.entities.values()
    }

    /// In order of their names.
    pub fn views(&self) -> impl Iterator<Item = &Arc<FeatureView>> {
        self.views.values()
    }

    pub fn services(&self) -> impl Iterator<Item = &Arc<FeatureService>> {
        self.services.values()
    }

    pub fn entity(&self, name: &str) -> Result<&Arc<Entity>, FeatureError> {
        let unknown = || FeatureError::UnknownEntity {
            name: name.to_owned(),
            known: names(self.entities.keys()),
        };
        self.entities.get(name).ok_or_else(unknown)
    }

    pub fn view(&self, name: &str) -> Result<&Arc<FeatureView>, FeatureError> {
        let unknown = || FeatureError::UnknownFeature {
            name: name.to_owned(),
            known: names(self.views.keys()),
        };
        self.views.get(name).ok_or_else(unknown)
    }

    pub fn service(&self, name: &str) -> Result<&Arc<FeatureService>, FeatureError> {
        let unknown = || FeatureError::UnknownService {
            name: name.to_owned(),
            known: names(self.services.keys()),
        };
        self.services.get(name).ok_or_else(unknown)
    }

    /// The one entity that all of `features` describe.
    ///
    /// [`FeatureError::UnknownFeature`] where one of them does not exist, [`FeatureError::Request`] where they are
    /// none, or of several entities.
    pub fn entity_of(&self, features: &[FeatureRef]) -> Result<&Arc<Entity>, FeatureError> {
        let mut entity: Option<&Arc<str>> = None;
        for reference in features {
            let view = self.view(&reference.view)?;
            self.position(view, &reference.feature)?;
            match entity {
                Some(known) if *known != view.entity => {
                    let detail = format!(
                        "its features describe both {known} and {}: ask for one at a time",
                        view.entity
                    );
                    return Err(FeatureError::Request(detail));
                }
                _ => entity = Some(&view.entity),
            }
        }
        self.entity(entity.ok_or_else(|| FeatureError::Request("it names no feature".to_owned()))?)
    }

    /// Where in its view a feature stands.
    pub fn position(&self, view: &FeatureView, feature: &str) -> Result<usize, FeatureError> {
        let found = view.features.iter().position(|known| *known.name == *feature);
        found.ok_or_else(|| FeatureError::UnknownFeature {
            name: format!("{}:{feature}", view.name),
            known: names(view.features.iter().map(|known| &known.name)),
        })
    }

    /// SHA-256 over what decides a view's facts: source, key and value columns. Facts that were extracted under another
    /// fingerprint are not the view's facts; aggregates and windows may change without a trace here, because the same
    /// facts fold to the new values.
    pub fn fingerprint(&self, view: &FeatureView) -> Result<String, FeatureError> {
        let entity = self.entity(&view.entity)?;
        let mut hash = Sha256::new();
        let source = &view.source;
        let parts = [
            &*view.name,
            &*source.table,
            &*source.event_time,
            source.filter.as_deref().unwrap_or(""),
        ];
        let values = view.value_columns();
        for part in parts
            .into_iter()
            .chain(entity.join_keys.iter().map(AsRef::as_ref))
            .chain(values)
        {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part.as_bytes());
        }
        Ok(hex::encode(hash.finalize()))
    }
}

impl FeatureView {
    /// The distinct value expressions of the view, in the order in which its features mention them.
    #[must_use]
    pub fn value_columns(&self) -> Vec<&str> {
        let mut columns: Vec<&str> = Vec::new();
        for value in self.features.iter().filter_map(|feature| feature.value.as_deref()) {
            if !columns.contains(&value) {
                columns.push(value);
            }
        }
        columns
    }
}

/// Names for an error message: what would have been allowed.
pub(super) fn names(known: impl Iterator<Item = impl Display>) -> String {
    let known: Vec<String> = known.map(|name| name.to_string()).collect();
    if known.is_empty() {
        "none".to_owned()
    } else {
        known.join(", ")
    }
}
