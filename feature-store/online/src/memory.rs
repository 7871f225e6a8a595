//! The facts of all tenants, in memory, at one frontier.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use cortex_features::engine::{FactChange, Uncompact, ViewFacts, ViewPlan};
use cortex_types::{Frontier, TenantId, Timestamp};

use crate::codec::Group;

/// Reads that lie this far behind the newest change are still answered: a request may carry its time for a while.
const READ_SLACK: Duration = Duration::from_secs(86_400);
/// Compacting more often than this gains little and costs a pass over all entities.
const COMPACTION_STEP: Duration = Duration::from_secs(86_400);

#[derive(Debug, Default)]
pub(crate) struct Memory {
    pub frontier: Frontier,
    tenants: HashMap<TenantId, BTreeMap<Arc<str>, ViewFacts>>,
}

/// An entity whose history has to be built again from the journal.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Stale {
    pub tenant: TenantId,
    pub view: Arc<str>,
    pub key: Uncompact,
}

impl Memory {
    pub(crate) fn at(frontier: Frontier) -> Self {
        Self {
            frontier,
            tenants: HashMap::new(),
        }
    }

    pub(crate) fn view(&self, tenant: &TenantId, view: &str) -> Option<&ViewFacts> {
        self.tenants.get(tenant).and_then(|views| views.get(view))
    }

    pub(crate) fn tenants(&self) -> impl Iterator<Item = (&TenantId, &BTreeMap<Arc<str>, ViewFacts>)> {
        self.tenants.iter()
    }

    /// Takes in a group; one of a view that is no longer defined is passed over.
    pub(crate) fn apply(&mut self, group: &Group, plans: &BTreeMap<Arc<str>, Arc<ViewPlan>>) -> Vec<Stale> {
        let Some(plan) = plans.get(&group.view) else {
            return Vec::new();
        };
        let views = self.tenants.entry(group.tenant.clone()).or_default();
        let facts = views
            .entry(Arc::clone(&group.view))
            .or_insert_with(|| ViewFacts::new(Arc::clone(plan)));
        let mut stale = Vec::new();
        for change in &group.changes {
            let uncompacted = facts.apply(change).into_iter();
            stale.extend(uncompacted.map(|key| Stale {
                tenant: group.tenant.clone(),
                view: Arc::clone(&group.view),
                key,
            }));
        }
        stale
    }

    /// Builds the histories of `stale` again from all changes of their views.
    pub(crate) fn restore(&mut self, stale: &[Stale], changes: &[Group]) {
        for Stale {
            tenant,
            view,
            key: Uncompact(key),
        } in stale
        {
            let Some(facts) = self.tenants.get_mut(tenant).and_then(|views| views.get_mut(view)) else {
                continue;
            };
            facts.forget(key);
            let of_view = changes
                .iter()
                .filter(|group| group.tenant == *tenant && group.view == *view);
            let of_view = of_view.flat_map(|group| &group.changes);
            of_view.for_each(|change: &FactChange| facts.reapply(key, change));
            facts.recompact(key);
        }
    }

    /// Folds what no window reaches any more, where enough has gathered.
    pub(crate) fn compact(&mut self) {
        for facts in self.tenants.values_mut().flat_map(BTreeMap::values_mut) {
            let now = facts.newest_known().saturating_sub(READ_SLACK);
            if now > Timestamp::MIN && now >= facts.answers_from().saturating_add(COMPACTION_STEP) {
                facts.compact(now);
            }
        }
    }
}
