//! Reading facts out of a bronze table.

use std::collections::BTreeSet;

use arrow::array::AsArray;
use arrow::compute::cast;
use arrow::datatypes::TimestampMicrosecondType;
use cortex_lake::{AsOf, Lake, LakeError, Layer, Snapshot, TableRef, changes};
use cortex_types::{Frontier, Position, TenantId, Timestamp};
use datafusion::common::ScalarValue;
use datafusion::dataframe::DataFrame;
use datafusion::error::DataFusionError;
use datafusion::functions_aggregate::expr_fn::max;
use datafusion::logical_expr::Expr;
use datafusion::prelude::{SessionContext, ident, lit};
use futures::TryStreamExt;

use crate::FeatureError;
use crate::engine::{FactChange, FactExtractor, ID, sql_state};

/// Newest commits to look through for the one that a snapshot was taken at.
const COMMITS_SEARCHED_MAX: usize = 32;

/// Which part of a table is wanted. Nothing is left out that could correct a wanted fact.
#[derive(Clone, Copy, Debug, Default)]
pub struct BronzeBounds<'a> {
    /// Only what was known by then.
    pub known_by: Option<Timestamp>,
    /// Only facts that happened after.
    pub happened_after: Option<Timestamp>,
    /// Only facts that had happened by then.
    pub happened_by: Option<Timestamp>,
    /// Only changes that it covers.
    pub upto: Option<&'a Frontier>,
}

/// What some views see of one bronze table, at one version of it.
#[derive(Debug)]
pub struct Bronze {
    pub version: u64,
    /// Up to where the table's source had been read at that version.
    pub frontier: Frontier,
    /// One list per extractor, in the order of positions.
    pub changes: Vec<Vec<FactChange>>,
}

impl Bronze {
    /// Reads the newest version of `table` once for all of `extractors`; filter and projection go down into the scan.
    /// `None` where the lake has no such table, that is, nothing ever happened in it.
    pub async fn read(
        lake: &dyn Lake,
        tenant: &TenantId,
        table: &str,
        extractors: &[&FactExtractor],
        bounds: &BronzeBounds<'_>,
    ) -> Result<Option<Self>, FeatureError> {
        let table = TableRef::new(tenant.clone(), Layer::Bronze, table)?;
        let snapshot = match lake.snapshot(&table, AsOf::Latest).await {
            Ok(snapshot) => snapshot,
            Err(LakeError::NoTable(_)) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let commits = lake.history(&table, COMMITS_SEARCHED_MAX).await?;
        let commit = commits.into_iter().find(|commit| commit.version == snapshot.version);
        let frontier = commit.and_then(|commit| commit.frontier).unwrap_or_default();
        let changes = scan(&snapshot, extractors, bounds).await?;
        Ok(Some(Self {
            version: snapshot.version,
            frontier,
            changes,
        }))
    }
}

/// The known-at of the newest change in a bronze table: nothing that was known earlier is still on its way. `None`
/// where nothing of the table has reached the lake.
pub(super) async fn newest_known(
    lake: &dyn Lake,
    tenant: &TenantId,
    table: &str,
) -> Result<Option<Timestamp>, FeatureError> {
    let table = TableRef::new(tenant.clone(), Layer::Bronze, table)?;
    let snapshot = match lake.snapshot(&table, AsOf::Latest).await {
        Ok(snapshot) => snapshot,
        Err(LakeError::NoTable(_)) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let newest = async {
        let rows = SessionContext::new_with_state(sql_state()).read_table(snapshot.provider)?;
        let newest = max(ident(changes::KNOWN_AT)).alias("newest");
        let batches = rows.aggregate(vec![], vec![newest])?.collect().await?;
        let mut newest = None;
        for batch in batches.iter().filter(|batch| batch.num_rows() > 0) {
            let column = cast(batch.column(0), &changes::timestamp_type())?;
            newest = newest.max(
                column
                    .as_primitive::<TimestampMicrosecondType>()
                    .iter()
                    .next()
                    .flatten(),
            );
        }
        Ok::<_, DataFusionError>(newest)
    };
    let newest = newest
        .await
        .map_err(|error| FeatureError::Lake(LakeError::storage(&table, error)))?;
    Ok(newest.map(Timestamp::from_micros))
}

async fn scan(
    snapshot: &Snapshot,
    extractors: &[&FactExtractor],
    bounds: &BronzeBounds<'_>,
) -> Result<Vec<Vec<FactChange>>, FeatureError> {
    let context = SessionContext::new_with_state(sql_state());
    let storage = |error: DataFusionError| FeatureError::Lake(LakeError::storage(&snapshot.table, error));
    let rows = context.read_table(snapshot.provider.clone()).map_err(storage)?;
    let wanted = wanted_rows(&rows, extractors, bounds)?;
    let columns = wanted_columns(&rows, extractors)?;
    let rows = rows
        .filter(wanted)
        .and_then(|rows| rows.select(columns.into_iter().map(ident)))
        .map_err(storage)?;
    let mut stream = rows.execute_stream().await.map_err(storage)?;
    let mut changes: Vec<Vec<FactChange>> = vec![Vec::new(); extractors.len()];
    while let Some(batch) = stream.try_next().await.map_err(storage)? {
        for (extractor, found) in extractors.iter().zip(&mut changes) {
            found.extend(extractor.extract(&batch)?);
        }
    }
    for found in &mut changes {
        // A scan may hand files out in any order; within a source, positions order the changes of a row.
        found.sort_by_key(|change| change.position);
    }
    Ok(changes)
}

fn wanted_rows(
    rows: &DataFrame,
    extractors: &[&FactExtractor],
    bounds: &BronzeBounds<'_>,
) -> Result<Expr, FeatureError> {
    // Updates and deletes are wanted whatever they say and whenever they were known: they say where a row stood before.
    let mut wanted = ident(changes::OP).not_eq(lit("insert"));
    for extractor in extractors {
        let event_time = ident(&*extractor.view().source.event_time);
        let mut of_view = event_time.clone().is_not_null();
        for key in &extractor.entity().join_keys {
            of_view = of_view.and(ident(&**key).is_not_null());
        }
        if let Some(filter) = &extractor.view().source.filter {
            of_view = of_view.and(parse(rows, extractor, filter)?);
        }
        if let Some(after) = bounds.happened_after {
            of_view = of_view.and(event_time.clone().gt(instant(after)));
        }
        if let Some(by) = bounds.happened_by {
            of_view = of_view.and(event_time.lt_eq(instant(by)));
        }
        if let Some(by) = bounds.known_by {
            of_view = of_view.and(ident(changes::KNOWN_AT).lt_eq(instant(by)));
        }
        wanted = wanted.or(of_view);
    }
    if let Some(frontier) = bounds.upto {
        let covered = frontier.positions().map(covered_by).reduce(Expr::or);
        wanted = wanted.and(covered.unwrap_or_else(|| lit(false)));
    }
    Ok(wanted)
}

/// Whether a row's position is at or before `position`.
fn covered_by(position: &Position) -> Expr {
    let number = |value: u64| lit(value.cast_signed());
    let (epoch, commit, seq) = (ident(changes::EPOCH), ident(changes::COMMIT), ident(changes::SEQ));
    let in_commit = commit
        .clone()
        .eq(number(position.commit))
        .and(seq.lt_eq(number(position.seq)));
    let in_epoch = commit.lt(number(position.commit)).or(in_commit);
    let in_source = epoch
        .clone()
        .lt(number(position.epoch))
        .or(epoch.eq(number(position.epoch)).and(in_epoch));
    ident(changes::SOURCE).eq(lit(&*position.source)).and(in_source)
}

fn wanted_columns(rows: &DataFrame, extractors: &[&FactExtractor]) -> Result<BTreeSet<String>, FeatureError> {
    let metadata = [
        ID,
        changes::OP,
        changes::SOURCE,
        changes::EPOCH,
        changes::COMMIT,
        changes::SEQ,
        changes::KNOWN_AT,
        changes::BEFORE,
    ];
    let mut columns: BTreeSet<String> = metadata.into_iter().map(str::to_owned).collect();
    for extractor in extractors {
        let view = extractor.view();
        columns.insert(view.source.event_time.to_string());
        columns.extend(extractor.entity().join_keys.iter().map(|key| key.to_string()));
        for sql in view.value_columns().into_iter().chain(view.source.filter.as_deref()) {
            let expression = parse(rows, extractor, sql)?;
            columns.extend(expression.column_refs().into_iter().map(|column| column.name.clone()));
        }
    }
    Ok(columns)
}

fn parse(rows: &DataFrame, extractor: &FactExtractor, sql: &str) -> Result<Expr, FeatureError> {
    rows.parse_sql_expr(sql)
        .map_err(|error| extractor.refuse(format!("'{sql}': {}", error.strip_backtrace())))
}

fn instant(at: Timestamp) -> Expr {
    Expr::Literal(
        ScalarValue::TimestampMicrosecond(Some(at.micros()), Some("UTC".into())),
        None,
    )
}
