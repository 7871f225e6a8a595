//! Throwing the store away and making it again from the lake.

use std::collections::BTreeMap;
use std::sync::Arc;

use cortex_features::engine::FactExtractor;
use cortex_features::{Bronze, BronzeBounds, FeatureError};
use cortex_lake::Lake;
use cortex_types::{Frontier, TenantId};

use crate::codec::Group;
use crate::store::{EmbeddedOnlineStore, Shared};

/// Changes in one block of a rebuilt journal.
const BLOCK_CHANGES_MAX: usize = 50_000;

/// What a rebuild put in the place of what was there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rebuilt {
    pub tenants: usize,
    /// Changes of all views together.
    pub changes: usize,
    /// Where the store stands now.
    pub frontier: Frontier,
}

impl EmbeddedOnlineStore {
    /// Folds the lake's bronze tables of `tenants` from the first change on and puts the result in the place of what the
    /// store holds. Afterwards the store's frontier is `upto`, which may be earlier than it was.
    ///
    /// `upto` is where the lake is known to be complete: the frontier of the sink that writes bronze. What the lake
    /// holds beyond it is left to come through the change stream. Folding waits while this runs; a failure leaves the
    /// store as it was.
    pub async fn rebuild(
        &self,
        lake: &dyn Lake,
        tenants: &[TenantId],
        upto: &Frontier,
    ) -> Result<Rebuilt, FeatureError> {
        let writing = Arc::clone(&self.shared.writer).lock_owned().await;
        let mut groups = Vec::new();
        for tenant in tenants {
            groups.extend(read_groups(&self.shared, lake, tenant, upto).await?);
        }
        let rebuilt = Rebuilt {
            tenants: tenants.len(),
            changes: groups.iter().map(|group| group.changes.len()).sum(),
            frontier: upto.clone(),
        };
        let (shared, upto) = (Arc::clone(&self.shared), upto.clone());
        let replaced = tokio::task::spawn_blocking(move || {
            // Held to the end, also when nobody waits for it any more.
            let _writing = writing;
            shared.journal.replace(&blocks(groups), &upto, &shared.fingerprints)?;
            shared.load()?;
            shared.rebuilt();
            Ok(())
        });
        let replaced: Result<(), FeatureError> = replaced.await.map_err(|error| FeatureError::Storage {
            what: "rebuild".to_owned(),
            source: error.into(),
        })?;
        replaced.map(|()| rebuilt)
    }
}

/// Every change up to `upto`, one group per view.
pub(crate) async fn read_groups(
    shared: &Shared,
    lake: &dyn Lake,
    tenant: &TenantId,
    upto: &Frontier,
) -> Result<Vec<Group>, FeatureError> {
    let mut by_table: BTreeMap<&str, Vec<FactExtractor>> = BTreeMap::new();
    for view in shared.definitions.views() {
        let extractor = FactExtractor::new(view, shared.definitions.entity(&view.entity)?);
        by_table.entry(&view.source.table).or_default().push(extractor);
    }
    let bounds = BronzeBounds {
        upto: Some(upto),
        ..BronzeBounds::default()
    };
    let mut groups = Vec::new();
    for (table, extractors) in by_table {
        let extractors: Vec<&FactExtractor> = extractors.iter().collect();
        let Some(bronze) = Bronze::read(lake, tenant, table, &extractors, &bounds).await? else {
            continue;
        };
        for (extractor, changes) in extractors.iter().zip(bronze.changes) {
            groups.push(Group {
                tenant: tenant.clone(),
                view: extractor.view().name.clone(),
                changes,
            });
        }
    }
    Ok(groups)
}

fn blocks(groups: Vec<Group>) -> Vec<Vec<Group>> {
    let mut blocks = Vec::new();
    for Group { tenant, view, changes } in groups {
        for changes in changes.chunks(BLOCK_CHANGES_MAX) {
            blocks.push(vec![Group {
                tenant: tenant.clone(),
                view: view.clone(),
                changes: changes.to_vec(),
            }]);
        }
    }
    blocks
}
