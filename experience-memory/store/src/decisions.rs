//! Recording decisions: the waiting groups of many calls as one commit.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use cortex_experience::{Decision, DecisionGroup, ExperienceError, plan_groups};
use cortex_store::sql::QueryBuilder;
use cortex_store::{Database, Known, WriteTransaction};
use cortex_types::{DecisionId, TenantId};
use fail::fail_point;

use crate::pending::{self, Arrival};
use crate::rows::{DECISION_COLUMNS, DecisionRow, corrupt, parsed};
use crate::store::{IDS_PER_STATEMENT, failed, refused};

const COLUMNS: [&str; 14] = [
    "id",
    "tenant_id",
    "model",
    "version",
    "arm",
    "propensity",
    "entity",
    "entity_key",
    "decided_at",
    "score",
    "action",
    "context",
    "frontier",
    "tx_no",
];
const RECORD: &str = "record decisions";

/// A decision in the words of its row.
struct NewRow<'a> {
    decision: &'a Decision,
    tenant: &'a TenantId,
    context: String,
    frontier: String,
    tx_no: i64,
}

pub(crate) async fn record(
    database: &Database,
    groups: &[DecisionGroup],
    horizon: Duration,
) -> Result<Vec<Result<(), ExperienceError>>, ExperienceError> {
    let mut write = database.begin().await.map_err(failed(RECORD))?;
    let existing = existing(&mut write, groups).await?;
    let plan = plan_groups(groups, &existing);
    if plan.new.is_empty() {
        write.roll_back().await.map_err(failed(RECORD))?;
        return Ok(plan.answers);
    }
    let rows = numbered(&mut write, groups, &plan.new).await?;
    insert(&mut write, &rows).await?;
    fail_point!("experience::decisions-inserted");
    let arrivals = rows.iter().map(|row| Arrival {
        tenant: row.tenant,
        head: row.decision.into(),
        tx_no: row.tx_no,
    });
    pending::join_arrivals(database, &mut write, arrivals.collect(), horizon).await?;
    write.commit().await.map_err(failed(RECORD))?;
    Ok(plan.answers)
}

/// Those of the groups' decisions that are there already, whosever they are.
async fn existing(
    write: &mut WriteTransaction,
    groups: &[DecisionGroup],
) -> Result<BTreeMap<DecisionId, (TenantId, Decision)>, ExperienceError> {
    let ids: BTreeSet<DecisionId> = groups
        .iter()
        .flat_map(|group| &group.decisions)
        .map(|made| made.id)
        .collect();
    let ids: Vec<DecisionId> = ids.into_iter().collect();
    let mut existing = BTreeMap::new();
    for chunk in ids.chunks(IDS_PER_STATEMENT) {
        let mut query = QueryBuilder::new(format!("SELECT {DECISION_COLUMNS} FROM decisions WHERE id IN "));
        query.push_list(chunk.iter().map(|id| id.to_string()));
        let rows: Vec<DecisionRow> = query
            .build()
            .read_as()
            .fetch_all(write.connection())
            .await
            .map_err(refused(RECORD))?;
        for row in rows {
            let tenant = parsed(&row.tenant_id, || format!("decision {}", row.id))?;
            let decision = Decision::try_from(row)?;
            existing.insert(decision.id, (tenant, decision));
        }
    }
    Ok(existing)
}

/// Each group with anything new is one logical transaction.
async fn numbered<'a>(
    write: &mut WriteTransaction,
    groups: &'a [DecisionGroup],
    new: &[(usize, &'a Decision)],
) -> Result<Vec<NewRow<'a>>, ExperienceError> {
    let places: BTreeSet<usize> = new.iter().map(|(place, _)| *place).collect();
    let active: Vec<(usize, &DecisionGroup)> = places
        .into_iter()
        .filter_map(|place| Some((place, groups.get(place)?)))
        .collect();
    let metas: Vec<_> = active
        .iter()
        .map(|(_, group)| (group.ctx.clone(), Known::ByClock))
        .collect();
    let numbers = write.transactions(&metas).await.map_err(failed(RECORD))?;
    let of_place: BTreeMap<usize, (&TenantId, u64)> = active
        .iter()
        .zip(numbers)
        .map(|((place, group), number)| (*place, (&group.ctx.tenant, number)))
        .collect();
    let rows = new.iter().filter_map(|(place, decision)| {
        let (tenant, number) = of_place.get(place)?;
        Some(new_row(decision, tenant, *number))
    });
    rows.collect()
}

fn new_row<'a>(decision: &'a Decision, tenant: &'a TenantId, tx_no: u64) -> Result<NewRow<'a>, ExperienceError> {
    let unwritable = |error: serde_json::Error| corrupt(format!("decision {}", decision.id), error);
    Ok(NewRow {
        decision,
        tenant,
        context: decision.context.to_json().map_err(unwritable)?,
        frontier: serde_json::to_string(&decision.frontier).map_err(unwritable)?,
        tx_no: tx_no.cast_signed(),
    })
}

async fn insert(write: &mut WriteTransaction, rows: &[NewRow<'_>]) -> Result<(), ExperienceError> {
    let inserted = write.insert_rows("decisions", &COLUMNS, rows, |row, new| {
        let decision = new.decision;
        row.bind(decision.id.to_string()).bind(new.tenant.to_string());
        row.bind(decision.model.to_string()).bind(i64::from(decision.version));
        row.bind(decision.arm.to_string()).bind(decision.propensity);
        row.bind(decision.entity.to_string())
            .bind(decision.entity_key.to_string());
        row.bind(decision.decided_at).bind(decision.score);
        row.bind(decision.action.as_deref().map(str::to_owned));
        row.bind(new.context.clone()).bind(new.frontier.clone()).bind(new.tx_no);
    });
    inserted.await.map_err(failed(RECORD))
}
