//! Point-in-time training sets: for each row the values that somebody who asked at its time would have got.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use cortex_lake::Lake;
use cortex_types::{Frontier, RequestContext, TenantId, Timestamp};
use rayon::prelude::*;

use super::bronze::{self, Bronze, BronzeBounds};
use super::frame::{EntityRows, FeatureFrame, digest};
use super::labels::LabelSpec;
use crate::FeatureError;
use crate::definition::{Definitions, FeatureService, FeatureView};
use crate::engine::{FactChange, FactExtractor, ViewFacts, ViewPlan};
use crate::port::Coverage;
use crate::value::{EntityKey, FeatureRef};

/// Builds training sets, labels and lists of entities from the bronze tables of the lake.
#[derive(Clone, Debug)]
pub struct TrainingSets {
    lake: Arc<dyn Lake>,
    definitions: Arc<Definitions>,
    coverage: Option<Arc<dyn Coverage>>,
}

/// The facts of some views, and which state of the lake they are.
struct LoadedViews {
    /// By view name.
    facts: BTreeMap<Arc<str>, ViewFacts>,
    frontier: Frontier,
    tables: BTreeMap<String, u64>,
}

impl TrainingSets {
    #[must_use]
    pub fn new(lake: Arc<dyn Lake>, definitions: Arc<Definitions>) -> Self {
        Self {
            lake,
            definitions,
            coverage: None,
        }
    }

    /// Whom to ask up to when the lake is complete. Without it that is as late as the newest change in the table, so
    /// that a table to which nothing happens covers no later time.
    #[must_use]
    pub fn with_coverage(mut self, coverage: Arc<dyn Coverage>) -> Self {
        self.coverage = Some(coverage);
        self
    }

    #[must_use]
    pub fn definitions(&self) -> &Arc<Definitions> {
        &self.definitions
    }

    /// The features of `service` for each of `rows`, as of the row's own time: an event counts if it had happened and
    /// was known by then. Rows come back in the order in which they were given, each one as often as it was given.
    ///
    /// Each bronze table is read once. [`FeatureError::Request`] where a feature of the service is text.
    pub async fn build(
        &self,
        ctx: &RequestContext,
        service: &str,
        rows: &EntityRows,
    ) -> Result<FeatureFrame, FeatureError> {
        rows.check()?;
        let service = Arc::clone(self.definitions.service(service)?);
        let newest = rows.times.iter().copied().max();
        let bounds = BronzeBounds {
            known_by: newest,
            happened_by: newest,
            ..BronzeBounds::default()
        };
        let views = self.views_of(&service)?;
        let loaded = self.load(&ctx.tenant, &views, &bounds).await?;
        let layout = self.layout(&service)?;
        let rows = rows.clone();
        computed("training set", move || {
            let columns = fold_rows(&loaded.facts, &layout, &rows, service.features.len())?;
            Ok(FeatureFrame {
                digest: digest(&service.features, &rows, &columns),
                features: service.features.clone(),
                columns,
                rows: rows.len(),
                frontier: loaded.frontier,
                tables: loaded.tables,
            })
        })
        .await
    }

    /// The keys of `entity` that were active in the `active_within` before `known_by`, by what was known then; sorted.
    pub async fn entities(
        &self,
        ctx: &RequestContext,
        entity: &str,
        known_by: Timestamp,
        active_within: Duration,
    ) -> Result<Vec<EntityKey>, FeatureError> {
        let entity = self.definitions.entity(entity)?;
        let activity = entity.activity.as_ref();
        let of_entity = self.definitions.views().filter(|view| view.entity == entity.name);
        let views: Vec<_> = of_entity
            .filter(|view| activity.is_none_or(|name| *name == view.name))
            .cloned()
            .collect();
        let since = known_by.saturating_sub(active_within);
        let bounds = BronzeBounds {
            known_by: Some(known_by),
            happened_after: Some(since),
            happened_by: Some(known_by),
            upto: None,
        };
        let loaded = self.load(&ctx.tenant, &views, &bounds).await?;
        let mut active: Vec<EntityKey> = Vec::new();
        for facts in loaded.facts.values() {
            let counts = |key: &&EntityKey| facts.newest_event(key, known_by).is_some_and(|event| event > since);
            active.extend(facts.keys().filter(counts).cloned());
        }
        active.sort_unstable();
        active.dedup();
        Ok(active)
    }

    /// The instant up to which everything that was known of `table` is in the lake; `None` where nothing is.
    pub async fn covered_to(&self, ctx: &RequestContext, table: &str) -> Result<Option<Timestamp>, FeatureError> {
        let told = match &self.coverage {
            Some(coverage) => coverage.covered_to(&ctx.tenant, table).await,
            None => None,
        };
        Ok(told.max(bronze::newest_known(&*self.lake, &ctx.tenant, table).await?))
    }

    /// The label of each of `rows`: what happened in `(t, t + horizon]`, by what was known at `as_of`. NaN where the
    /// horizon was not over by then, or reaches beyond what the [lake covers](Self::covered_to): what may still be on
    /// its way is missing, not nothing. Looks ahead, and so is for labels alone.
    pub async fn ahead(
        &self,
        ctx: &RequestContext,
        label: &LabelSpec,
        rows: &EntityRows,
        as_of: Timestamp,
    ) -> Result<Vec<f64>, FeatureError> {
        rows.check()?;
        let extractor = label.extractor();
        let bounds = BronzeBounds {
            known_by: Some(as_of),
            happened_by: Some(as_of),
            ..BronzeBounds::default()
        };
        // Asked before the table is read, so that it covers no less than this.
        let Some(covered_to) = self.covered_to(ctx, &label.table).await? else {
            return Ok(vec![f64::NAN; rows.len()]);
        };
        let bronze = Bronze::read(&*self.lake, &ctx.tenant, &label.table, &[&extractor], &bounds).await?;
        let changes = bronze.and_then(|mut bronze| bronze.changes.pop()).unwrap_or_default();
        let (rows, horizon) = (rows.clone(), label.horizon);
        computed("label", move || {
            let facts = facts_of(extractor.view(), &changes);
            let label_of = |(key, time): (&EntityKey, &Timestamp)| {
                let end = time.saturating_add(horizon);
                if end > as_of.min(covered_to) {
                    return f64::NAN;
                }
                let folded = facts.values_known_by(key, end, as_of);
                folded
                    .and_then(|view| view.values.first().and_then(|value| value.as_f64()))
                    .unwrap_or(f64::NAN)
            };
            Ok(rows.keys.par_iter().zip(&rows.times).map(label_of).collect())
        })
        .await
    }

    fn views_of(&self, service: &FeatureService) -> Result<Vec<Arc<FeatureView>>, FeatureError> {
        let mut views: Vec<Arc<FeatureView>> = Vec::new();
        for feature in &service.features {
            if !views.iter().any(|known| known.name == feature.view) {
                views.push(Arc::clone(self.definitions.view(&feature.view)?));
            }
        }
        Ok(views)
    }

    /// For each view, which of its features stand where in a row.
    fn layout(&self, service: &FeatureService) -> Result<Vec<ViewColumns>, FeatureError> {
        let mut layout: Vec<ViewColumns> = Vec::new();
        for (column, feature) in service.features.iter().enumerate() {
            let position = self
                .definitions
                .position(self.definitions.view(&feature.view)?, &feature.feature)?;
            let place = (position, column, feature.clone());
            match layout.iter_mut().find(|columns| columns.view == feature.view) {
                Some(columns) => columns.places.push(place),
                None => layout.push(ViewColumns {
                    view: Arc::clone(&feature.view),
                    places: vec![place],
                }),
            }
        }
        Ok(layout)
    }

    async fn load(
        &self,
        tenant: &TenantId,
        views: &[Arc<FeatureView>],
        bounds: &BronzeBounds<'_>,
    ) -> Result<LoadedViews, FeatureError> {
        let mut by_table: BTreeMap<&str, Vec<FactExtractor>> = BTreeMap::new();
        for view in views {
            let extractor = FactExtractor::new(view, self.definitions.entity(&view.entity)?);
            by_table.entry(&view.source.table).or_default().push(extractor);
        }
        let mut loaded = LoadedViews {
            facts: BTreeMap::new(),
            frontier: Frontier::default(),
            tables: BTreeMap::new(),
        };
        for (table, extractors) in by_table {
            let extractors: Vec<&FactExtractor> = extractors.iter().collect();
            let bronze = Bronze::read(&*self.lake, tenant, table, &extractors, bounds).await?;
            let mut changes = Vec::new();
            if let Some(bronze) = bronze {
                loaded.tables.insert(table.to_owned(), bronze.version);
                loaded.frontier = loaded.frontier.join(&bronze.frontier);
                changes = bronze.changes;
            }
            changes.resize(extractors.len(), Vec::new());
            for (extractor, changes) in extractors.iter().zip(&changes) {
                loaded
                    .facts
                    .insert(Arc::clone(&extractor.view().name), facts_of(extractor.view(), changes));
            }
        }
        Ok(loaded)
    }
}

/// Positions in the view, columns of a row, and names, of the features of one view.
struct ViewColumns {
    view: Arc<str>,
    places: Vec<(usize, usize, FeatureRef)>,
}

fn facts_of(view: &Arc<FeatureView>, changes: &[FactChange]) -> ViewFacts {
    let mut facts = ViewFacts::new(Arc::new(ViewPlan::new(view)));
    for change in changes {
        // Nothing is compacted here, so no change asks for what was.
        let _ = facts.apply(change);
    }
    facts
}

fn fold_rows(
    facts: &BTreeMap<Arc<str>, ViewFacts>,
    layout: &[ViewColumns],
    rows: &EntityRows,
    width: usize,
) -> Result<Vec<f64>, FeatureError> {
    let mut columns = vec![f64::NAN; rows.len() * width];
    let cells = columns
        .par_chunks_exact_mut(width.max(1))
        .zip(rows.keys.par_iter().zip(&rows.times));
    cells.try_for_each(|(row, (key, time))| {
        for ViewColumns { view, places } in layout {
            let Some(folded) = facts.get(view).and_then(|facts| facts.values(key, *time)) else {
                continue;
            };
            for (position, column, name) in places {
                let value = folded.values.get(*position).and_then(|value| value.as_f64());
                row[*column] = value.ok_or_else(|| {
                    FeatureError::Request(format!(
                        "{name} is text, and a training set holds numbers: leave it out"
                    ))
                })?;
            }
        }
        Ok::<(), FeatureError>(())
    })?;
    Ok(columns)
}

/// Runs what takes a while away from the threads that answer requests.
async fn computed<T: Send + 'static>(
    what: &str,
    work: impl FnOnce() -> Result<T, FeatureError> + Send + 'static,
) -> Result<T, FeatureError> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| FeatureError::Compute {
            view: what.to_owned(),
            detail: format!("the computation stopped: {error}"),
        })?
}
