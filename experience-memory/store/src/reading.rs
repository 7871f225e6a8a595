//! Reading decisions and what came of them.

use std::collections::BTreeMap;

use cortex_experience::{
    Decision, DecisionCursor, DecisionPage, DecisionQuery, ExperienceError, FeedbackEntry, Judged, JudgedQuery,
    Matured, MaturedQuery, OutcomeEntry, Remembered,
};
use cortex_store::Database;
use cortex_store::sql::{self, QueryBuilder};
use cortex_types::{DecisionId, RequestContext, TenantId};

use crate::rows::{DECISION_COLUMNS, DecisionRow, FeedbackRow, HeadRow, OutcomeRow, corrupt, parsed};
use crate::store::refused;

const READ: &str = "read decisions";

pub(crate) async fn decision(
    database: &Database,
    ctx: &RequestContext,
    id: DecisionId,
) -> Result<Option<Remembered>, ExperienceError> {
    let mut query = QueryBuilder::new(format!("SELECT {DECISION_COLUMNS} FROM decisions WHERE tenant_id = "));
    query
        .push_bind(ctx.tenant.as_str())
        .push(" AND id = ")
        .push_bind(id.to_string());
    let row: Option<DecisionRow> = query
        .build()
        .read_as()
        .fetch_optional(database.readers())
        .await
        .map_err(refused(READ))?;
    let Some(row) = row else { return Ok(None) };
    let feedback: Vec<FeedbackRow> = sql::query_as(
        "SELECT id, event_id, action, rating, given_at, given_by FROM feedback \
         WHERE tenant_id = $1 AND decision_id = $2 ORDER BY tx_no, id",
    )
    .bind(ctx.tenant.as_str())
    .bind(id.to_string())
    .fetch_all(database.readers())
    .await
    .map_err(refused(READ))?;
    let outcomes: Vec<OutcomeRow> = sql::query_as(
        "SELECT id, event_id, kind, value, observed_at, source FROM outcomes \
         WHERE tenant_id = $1 AND decision_id = $2 ORDER BY tx_no, id",
    )
    .bind(ctx.tenant.as_str())
    .bind(id.to_string())
    .fetch_all(database.readers())
    .await
    .map_err(refused(READ))?;
    Ok(Some(Remembered {
        decision: row.try_into()?,
        feedback: feedback
            .into_iter()
            .map(FeedbackEntry::try_from)
            .collect::<Result<_, _>>()?,
        outcomes: outcomes
            .into_iter()
            .map(OutcomeEntry::try_from)
            .collect::<Result<_, _>>()?,
    }))
}

pub(crate) async fn decisions(
    database: &Database,
    ctx: &RequestContext,
    query: &DecisionQuery,
) -> Result<DecisionPage, ExperienceError> {
    let mut sql = QueryBuilder::new(format!("SELECT {DECISION_COLUMNS} FROM decisions WHERE tenant_id = "));
    sql.push_bind(ctx.tenant.as_str());
    if let Some(model) = &query.model {
        sql.push(" AND model = ").push_bind(&**model);
    }
    if let Some(entity_key) = &query.entity_key {
        sql.push(" AND entity_key = ").push_bind(&**entity_key);
    }
    if let Some(after) = query.after {
        sql.push(" AND (decided_at, id) < (").push_bind(after.decided_at);
        sql.push(", ").push_bind(after.id.to_string()).push(")");
    }
    // One more than asked for tells whether there is a next page.
    sql.push(" ORDER BY decided_at DESC, id DESC LIMIT ")
        .push_bind(limit(query.limit.saturating_add(1)));
    let rows: Vec<DecisionRow> = sql
        .build()
        .read_as()
        .fetch_all(database.readers())
        .await
        .map_err(refused(READ))?;
    let more = rows.len() > query.limit;
    let page = rows.into_iter().take(query.limit).map(Decision::try_from);
    let decisions = page.collect::<Result<Vec<_>, _>>()?;
    let next = decisions.last().filter(|_| more).map(DecisionCursor::from);
    Ok(DecisionPage { decisions, next })
}

pub(crate) async fn matured(
    database: &Database,
    ctx: &RequestContext,
    query: &MaturedQuery,
) -> Result<Vec<Matured>, ExperienceError> {
    let mut sql =
        QueryBuilder::new("SELECT id, model, entity_key, decided_at FROM decisions AS made WHERE tenant_id = ");
    sql.push_bind(ctx.tenant.as_str())
        .push(" AND model = ")
        .push_bind(&*query.model);
    sql.push(" AND decided_at <= ").push_bind(query.decided_by);
    if let Some(after) = query.after {
        sql.push(" AND (decided_at, id) > (").push_bind(after.decided_at);
        sql.push(", ").push_bind(after.id.to_string()).push(")");
    }
    sql.push(
        " AND NOT EXISTS (SELECT 1 FROM outcomes WHERE outcomes.tenant_id = made.tenant_id \
         AND outcomes.decision_id = made.id AND outcomes.kind = ",
    );
    sql.push_bind(&*query.kind)
        .push(") ORDER BY decided_at, id LIMIT ")
        .push_bind(limit(query.limit));
    let rows: Vec<HeadRow> = sql
        .build()
        .read_as()
        .fetch_all(database.readers())
        .await
        .map_err(refused(READ))?;
    rows.into_iter().map(Matured::try_from).collect()
}

pub(crate) async fn newest_decision(database: &Database) -> Result<Option<DecisionId>, ExperienceError> {
    let newest: Option<String> = sql::query_scalar("SELECT max(id) FROM decisions")
        .fetch_one(database.readers())
        .await
        .map_err(refused(READ))?;
    newest.map(|id| parsed(&id, || format!("decision {id}"))).transpose()
}

/// From one tenant to the next along the index: a DISTINCT would read all of it.
pub(crate) async fn tenants(database: &Database) -> Result<Vec<TenantId>, ExperienceError> {
    let found: Vec<String> = sql::query_scalar(
        "WITH RECURSIVE found (tenant) AS (SELECT min(tenant_id) FROM decisions UNION ALL \
         SELECT (SELECT min(tenant_id) FROM decisions WHERE tenant_id > found.tenant) FROM found \
         WHERE found.tenant IS NOT NULL) SELECT tenant FROM found WHERE tenant IS NOT NULL",
    )
    .fetch_all(database.readers())
    .await
    .map_err(refused(READ))?;
    found
        .into_iter()
        .map(|tenant| TenantId::new(&*tenant).map_err(|error| corrupt("a tenant".to_owned(), error.to_string())))
        .collect()
}

type JudgedRow = (String, String, i64, String, f64, f64, Option<String>);

pub(crate) async fn judged(
    database: &Database,
    ctx: &RequestContext,
    query: &JudgedQuery,
) -> Result<Vec<Judged>, ExperienceError> {
    let mut sql = QueryBuilder::new(
        "SELECT id, model, version, arm, propensity, score, action FROM decisions WHERE tenant_id = ",
    );
    sql.push_bind(ctx.tenant.as_str());
    if let Some(model) = &query.model {
        sql.push(" AND model = ").push_bind(&**model);
    }
    if let Some(after) = query.after {
        sql.push(" AND id > ").push_bind(after.to_string());
    }
    sql.push(" ORDER BY id LIMIT ").push_bind(limit(query.limit));
    let rows: Vec<JudgedRow> = sql
        .build()
        .read_as()
        .fetch_all(database.readers())
        .await
        .map_err(refused(READ))?;
    let (Some(first), Some(last)) = (rows.first(), rows.last()) else {
        return Ok(Vec::new());
    };
    let span = (first.0.clone(), last.0.clone());
    let mut aftermath = aftermath(database, ctx, &span).await?;
    rows.into_iter().map(|row| one_judged(row, &mut aftermath)).collect()
}

/// What came of the decisions with ids in a closed span, by id.
#[derive(Default)]
struct Aftermath {
    outcomes: BTreeMap<String, Vec<(String, f64)>>,
    feedback: BTreeMap<String, Vec<(Option<String>, Option<i64>)>>,
}

async fn aftermath(
    database: &Database,
    ctx: &RequestContext,
    (first, last): &(String, String),
) -> Result<Aftermath, ExperienceError> {
    let mut aftermath = Aftermath::default();
    let outcomes: Vec<(String, String, f64)> = sql::query_as(
        "SELECT decision_id, kind, value FROM outcomes \
         WHERE tenant_id = $1 AND decision_id BETWEEN $2 AND $3 ORDER BY tx_no, id",
    )
    .bind(ctx.tenant.as_str())
    .bind(first)
    .bind(last)
    .fetch_all(database.readers())
    .await
    .map_err(refused(READ))?;
    for (id, kind, value) in outcomes {
        aftermath.outcomes.entry(id).or_default().push((kind, value));
    }
    let feedback: Vec<(String, Option<String>, Option<i64>)> = sql::query_as(
        "SELECT decision_id, action, rating FROM feedback \
         WHERE tenant_id = $1 AND decision_id BETWEEN $2 AND $3 ORDER BY tx_no, id",
    )
    .bind(ctx.tenant.as_str())
    .bind(first)
    .bind(last)
    .fetch_all(database.readers())
    .await
    .map_err(refused(READ))?;
    for (id, action, rating) in feedback {
        aftermath.feedback.entry(id).or_default().push((action, rating));
    }
    Ok(aftermath)
}

fn one_judged(row: JudgedRow, aftermath: &mut Aftermath) -> Result<Judged, ExperienceError> {
    let (id, model, version, arm, propensity, score, action) = row;
    let outcomes = aftermath.outcomes.remove(&id).unwrap_or_default();
    let feedback = aftermath.feedback.remove(&id).unwrap_or_default();
    let what = || format!("decision {id}");
    Ok(Judged {
        id: parsed(&id, what)?,
        model: model.into(),
        version: u32::try_from(version).map_err(|error| corrupt(what(), error))?,
        arm: arm.into(),
        propensity,
        score,
        outcomes: outcomes.into_iter().map(|(kind, value)| (kind.into(), value)).collect(),
        ratings: feedback.iter().filter_map(|(_, rating)| *rating).collect(),
        overridden: feedback.iter().any(|(taken, _)| taken.is_some() && *taken != action),
        action: action.map(Into::into),
    })
}

fn limit(rows: usize) -> i64 {
    i64::try_from(rows).unwrap_or(i64::MAX)
}
