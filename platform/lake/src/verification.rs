//! Whether a table is what its history says.

use std::collections::BTreeMap;

use arrow::array::AsArray;
use arrow::datatypes::Int64Type;
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::prelude::{SessionConfig, SessionContext};
use futures::TryStreamExt;

use crate::changes::{COMMIT, EPOCH, SEQ, SOURCE};
use crate::{AsOf, CommitRecord, Lake, LakeError, Layer, TableRef};

/// Beyond that, what is compared goes to temporary files.
const MEMORY_BYTES: usize = 1 << 30;

/// What was looked at, and what is wrong with it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verification {
    pub commits: u64,
    pub rows: u64,
    /// In people's words; none where all is well.
    pub problems: Vec<String>,
}

/// Reads the whole table: every value of every file, and every commit. Commits follow one another without a gap, batches and
/// frontiers only grow, there are as many rows as were committed, and no change is in a change log twice.
///
/// [`LakeError::Damaged`] is among the problems; other errors are errors.
pub async fn verify(lake: &dyn Lake, table: &TableRef) -> Result<Verification, LakeError> {
    let mut found = Verification::default();
    let read = async {
        let history = lake.history(table, usize::MAX).await?;
        found.commits = history.len() as u64;
        check_history(table.layer, &history, &mut found.problems);
        // What is appended meanwhile is not in the history either.
        let newest = history
            .first()
            .map_or(AsOf::Latest, |commit| AsOf::Version(commit.version));
        let snapshot = lake.snapshot(table, newest).await?;
        let failed = |error: datafusion::error::DataFusionError| LakeError::storage(table, error);
        let bounded = RuntimeEnvBuilder::new()
            .with_memory_limit(MEMORY_BYTES, 1.0)
            .build_arc();
        let session = SessionContext::new_with_config_rt(SessionConfig::new(), bounded.map_err(failed)?);
        let whole = session.read_table(snapshot.provider.clone()).map_err(failed)?;
        let batches = whole.execute_stream().await.map_err(failed)?;
        let count = |rows: u64, batch: arrow::array::RecordBatch| async move { Ok(rows + batch.num_rows() as u64) };
        found.rows = batches.try_fold(0, count).await.map_err(failed)?;
        let committed: Option<u64> = history.iter().map(|commit| commit.rows).sum();
        if let Some(committed) = committed
            && committed != found.rows
        {
            let rows = found.rows;
            found
                .problems
                .push(format!("{committed} rows were committed, but {rows} are there"));
        }
        if table.layer == Layer::Bronze && snapshot.schema.field_with_name(SEQ).is_ok() {
            session.register_table("changes", snapshot.provider).map_err(failed)?;
            let twice = format!(
                "SELECT count(*) FROM (SELECT 1 FROM changes GROUP BY {SOURCE}, {EPOCH}, {COMMIT}, {SEQ} HAVING count(*) > 1)"
            );
            let answer = session
                .sql(&twice)
                .await
                .map_err(failed)?
                .collect()
                .await
                .map_err(failed)?;
            let number = answer
                .first()
                .map(|batch| batch.column(0).as_primitive::<Int64Type>().value(0));
            if let Some(number @ 1..) = number {
                found
                    .problems
                    .push(format!("{number} changes are there more than once"));
            }
        }
        Ok(())
    };
    match read.await {
        Err(damaged @ LakeError::Damaged { .. }) => {
            found.problems.push(damaged.to_string());
            Ok(found)
        }
        read => read.map(|()| found),
    }
}

/// Newest first, as the history is.
fn check_history(layer: Layer, history: &[CommitRecord], problems: &mut Vec<String>) {
    let mut next = 0;
    let mut batches: BTreeMap<&str, u64> = BTreeMap::new();
    let mut reached = BTreeMap::new();
    for commit in history.iter().rev() {
        let version = commit.version;
        if version != next {
            problems.push(format!("commits {next} to {} are missing", version - 1));
        }
        next = version + 1;
        if let Some((pipeline, batch)) = &commit.batch
            && let Some(before) = batches.insert(pipeline, *batch)
            && before >= *batch
        {
            problems.push(format!(
                "commit {version}: batch {batch} of {pipeline} came behind {before}"
            ));
        }
        // Elsewhere it says what was read, which may be of any age.
        let grows = commit.frontier.iter().filter(|_| layer == Layer::Bronze);
        for position in grows.flat_map(|frontier| frontier.positions()) {
            if let Some(before) = reached.insert(position.source.clone(), position)
                && before > position
            {
                problems.push(format!(
                    "commit {version}: reaches {position}, though {before} was reached before"
                ));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use cortex_types::{Frontier, Position};

    use super::*;

    #[test]
    fn a_history_with_a_gap_or_one_that_goes_back_is_told() {
        let commit = |version, batch, place| CommitRecord {
            version,
            committed_at: None,
            operation: "WRITE".to_owned(),
            batch: Some(("ingest".to_owned(), batch)),
            frontier: Some(Frontier::of(Position::new("shop", 1, place, 0))),
            rows: Some(1),
        };
        let told = |history: &[CommitRecord]| {
            let mut problems = Vec::new();
            check_history(Layer::Bronze, history, &mut problems);
            problems
        };
        assert!(told(&[commit(1, 3, 20), commit(0, 1, 10)]).is_empty());
        assert_eq!(
            told(&[commit(3, 2, 20), commit(0, 1, 10)]),
            ["commits 1 to 2 are missing"]
        );
        assert_eq!(
            told(&[commit(1, 1, 20), commit(0, 1, 10)]),
            ["commit 1: batch 1 of ingest came behind 1"]
        );
        assert_eq!(
            told(&[commit(1, 2, 5), commit(0, 1, 10)]),
            ["commit 1: reaches shop@1.5.0, though shop@1.10.0 was reached before"]
        );
    }
}
