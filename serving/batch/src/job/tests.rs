use std::collections::BTreeMap;

use arrow::array::{ArrayRef, AsArray, Float64Array, StringArray};
use arrow::datatypes::Float64Type;
use arrow::record_batch::RecordBatch;
use async_trait::async_trait;
use cortex_features::{Definitions, FeatureRef};
use cortex_lake::{CommitRecord, LakeError, MemoryLake, Snapshot};
use cortex_serving::ServingConfig;
use cortex_serving::memory::{FixedFeatures, MemoryDecisionLog, Shelf, SumRuntime};
use cortex_types::{Coded, ErrorCode, Position, SystemClock, TenantId};
use datafusion::prelude::SessionContext;
use parking_lot::Mutex;

use super::*;

const MODEL: &str = "repurchase-30d";

/// A lake whose next append does its work and then fails, as when the process is killed before it hears of it.
#[derive(Debug, Default)]
struct Faulty {
    lake: MemoryLake,
    fail_before: Mutex<bool>,
    fail_after: Mutex<bool>,
}

impl Faulty {
    fn cut_off() -> LakeError {
        LakeError::Conflict("cut off".to_owned())
    }
}

#[async_trait]
impl Lake for Faulty {
    async fn append(&self, table: &TableRef, rows: Vec<RecordBatch>, commit: &Commit) -> Result<Appended, LakeError> {
        if std::mem::take(&mut *self.fail_before.lock()) {
            return Err(Self::cut_off());
        }
        let appended = self.lake.append(table, rows, commit).await?;
        if std::mem::take(&mut *self.fail_after.lock()) {
            Err(Self::cut_off())
        } else {
            Ok(appended)
        }
    }
    async fn last_batch(&self, table: &TableRef, pipeline: &str) -> Result<Option<u64>, LakeError> {
        self.lake.last_batch(table, pipeline).await
    }
    async fn snapshot(&self, table: &TableRef, at: AsOf) -> Result<Snapshot, LakeError> {
        self.lake.snapshot(table, at).await
    }
    async fn tables(&self, tenant: &TenantId) -> Result<Vec<TableRef>, LakeError> {
        self.lake.tables(tenant).await
    }
    async fn history(&self, table: &TableRef, limit: usize) -> Result<Vec<CommitRecord>, LakeError> {
        self.lake.history(table, limit).await
    }
}

struct Bench {
    ctx: RequestContext,
    lake: Arc<Faulty>,
    batch: BatchScoring,
}

fn source(ctx: &RequestContext) -> TableRef {
    TableRef::new(ctx.tenant.clone(), Layer::Training, "rows").unwrap()
}

impl Bench {
    /// A model that adds spend and orders, and a table of two customers, the second without orders.
    async fn new() -> Self {
        let ctx = RequestContext::system(TenantId::new("acme").unwrap());
        let shelf = Shelf::new(Arc::new(SystemClock)).unwrap();
        let features = ["spend", "orders"].map(|name| FeatureRef::new("customer_sales", name));
        shelf
            .publish(&ctx, MODEL, b"2,0", &features, BTreeMap::new())
            .await
            .unwrap();
        shelf.promote(&ctx, MODEL, 1).await.unwrap();
        let serving = Serving::new(
            shelf.registry.clone(),
            Arc::new(FixedFeatures::default()),
            Arc::new(SumRuntime),
            Arc::new(MemoryDecisionLog::default()),
            Arc::new(SystemClock),
            ServingConfig::default(),
        );
        let lake = Arc::<Faulty>::default();
        let columns: [(&str, ArrayRef); 3] = [
            ("customer_code", Arc::new(StringArray::from(vec!["C1", "C2"]))),
            (
                "customer_sales__orders",
                Arc::new(Float64Array::from(vec![Some(2.0), None])),
            ),
            ("customer_sales:spend", Arc::new(Float64Array::from(vec![0.5, 0.25]))),
        ];
        let rows = RecordBatch::try_from_iter(columns).unwrap();
        let frontier = Frontier::of(Position::new("erp", 1, 7, 9));
        let commit = Commit {
            pipeline: "test".into(),
            batch: 1,
            frontier,
        };
        lake.append(&source(&ctx), vec![rows], &commit).await.unwrap();
        let sets = TrainingSets::new(lake.clone(), Arc::new(Definitions::builtin()));
        let batch = BatchScoring::new(Arc::new(serving), sets, lake.clone(), Arc::new(SystemClock));
        Self { ctx, lake, batch }
    }

    fn job(&self, name: &str) -> ScoreJob {
        ScoreJob {
            job: name.to_owned(),
            model: MODEL.to_owned(),
            version: None,
            as_of: Some(Timestamp::from_micros(1)),
            rows: JobRows::Table {
                table: source(&self.ctx),
                at: AsOf::Latest,
                key: "customer_code".to_owned(),
            },
        }
    }

    async fn scores(&self) -> Vec<(String, f64)> {
        let table = TableRef::new(self.ctx.tenant.clone(), Layer::Scores, MODEL).unwrap();
        let snapshot = self.lake.snapshot(&table, AsOf::Latest).await.unwrap();
        let rows = SessionContext::new()
            .read_table(snapshot.provider)
            .unwrap()
            .collect()
            .await
            .unwrap();
        let mut scores = Vec::new();
        for batch in rows {
            let keys = batch
                .column_by_name("entity_key")
                .unwrap()
                .as_string::<i32>()
                .iter()
                .flatten();
            let values = batch
                .column_by_name("score")
                .unwrap()
                .as_primitive::<Float64Type>()
                .values();
            scores.extend(keys.map(str::to_owned).zip(values.iter().copied()));
        }
        scores
    }
}

fn once() -> Vec<(String, f64)> {
    vec![("C1".to_owned(), 2.5), ("C2".to_owned(), 0.25)]
}

#[tokio::test]
async fn a_table_is_scored_by_the_names_of_its_columns_and_keeps_its_frontier() {
    let bench = Bench::new().await;
    let report = bench.batch.run(&bench.ctx, &bench.job("week-1")).await.unwrap();
    assert_eq!((report.version, report.rows, report.already_there), (Some(1), 2, false));
    assert_eq!(report.frontier, Frontier::of(Position::new("erp", 1, 7, 9)));
    assert_eq!(bench.scores().await, once());
}

#[tokio::test]
async fn a_job_that_runs_again_writes_nothing_and_another_job_writes_its_own() {
    let bench = Bench::new().await;
    bench.batch.run(&bench.ctx, &bench.job("week-2")).await.unwrap();
    let again = bench.batch.run(&bench.ctx, &bench.job("week-2")).await.unwrap();
    assert!(again.already_there && again.rows == 0);
    assert_eq!(bench.scores().await, once());
    assert!(
        !bench
            .batch
            .run(&bench.ctx, &bench.job("week-1"))
            .await
            .unwrap()
            .already_there
    );
    assert_eq!(bench.scores().await.len(), 4);
}

#[tokio::test]
async fn another_job_under_a_name_that_was_used_is_refused_and_writes_nothing() {
    let bench = Bench::new().await;
    let first = bench.job("week-1");
    bench.batch.run(&bench.ctx, &first).await.unwrap();
    let JobRows::Table { table, key, .. } = first.rows.clone() else {
        panic!("the bench scores a table")
    };
    let earlier = JobRows::Table {
        table,
        at: AsOf::Version(0),
        key,
    };
    for other in [
        ScoreJob {
            as_of: Some(Timestamp::from_micros(2)),
            ..first.clone()
        },
        ScoreJob {
            version: Some(1),
            ..first.clone()
        },
        ScoreJob {
            rows: earlier,
            ..first.clone()
        },
    ] {
        let error = bench.batch.run(&bench.ctx, &other).await.unwrap_err();
        assert_eq!(error.code(), ErrorCode::IdempotencyConflict, "{other:?}");
    }
    assert!(bench.batch.run(&bench.ctx, &first).await.unwrap().already_there);
    assert_eq!(bench.scores().await, once());
}

#[tokio::test]
async fn a_job_that_leaves_the_time_open_is_the_same_job_later() {
    let bench = Bench::new().await;
    let open = ScoreJob {
        as_of: None,
        ..bench.job("lately")
    };
    bench.batch.run(&bench.ctx, &open).await.unwrap();
    assert!(bench.batch.run(&bench.ctx, &open).await.unwrap().already_there);
}

#[tokio::test]
async fn a_job_that_was_cut_off_before_or_after_its_commit_leaves_its_rows_once() {
    for after in [false, true] {
        let bench = Bench::new().await;
        *if after {
            &bench.lake.fail_after
        } else {
            &bench.lake.fail_before
        }
        .lock() = true;
        assert!(bench.batch.run(&bench.ctx, &bench.job("week-1")).await.is_err());
        bench.batch.run(&bench.ctx, &bench.job("week-1")).await.unwrap();
        assert_eq!(bench.scores().await, once(), "cut off after the commit: {after}");
    }
}

#[tokio::test]
async fn a_model_whose_features_the_service_does_not_have_is_refused() {
    let bench = Bench::new().await;
    let rows = JobRows::Entities {
        active_within: Duration::from_secs(86_400),
    };
    let job = ScoreJob {
        rows,
        ..bench.job("lost")
    };
    let error = bench.batch.run(&bench.ctx, &job).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::InvalidArgument);
    assert!(error.to_string().contains("customer_sales:spend"), "{error}");
}

#[tokio::test]
async fn a_table_without_a_feature_or_of_another_tenant_is_refused() {
    let bench = Bench::new().await;
    let stranger = TableRef::new(TenantId::new("other").unwrap(), Layer::Training, "rows").unwrap();
    for (table, key) in [(source(&bench.ctx), "code"), (stranger, "customer_code")] {
        let rows = JobRows::Table {
            table,
            at: AsOf::Latest,
            key: key.to_owned(),
        };
        let error = bench
            .batch
            .run(&bench.ctx, &ScoreJob { rows, ..bench.job("x") })
            .await
            .unwrap_err();
        assert_eq!(error.code(), ErrorCode::InvalidArgument);
    }
}

#[tokio::test]
async fn a_name_that_is_none_is_refused_before_anything_is_looked_at() {
    let bench = Bench::new().await;
    for name in ["", "../../x", "a b", ".hidden", "a/b", "x\n", &"x".repeat(129)] {
        let error = bench.batch.run(&bench.ctx, &bench.job(name)).await.unwrap_err();
        assert_eq!(error.code(), ErrorCode::InvalidArgument, "{name:?}");
        assert!(error.to_string().contains("is no name for a job"), "{error}");
    }
    assert!(bench.batch.run(&bench.ctx, &bench.job("2011-09-01")).await.is_ok());
}

#[tokio::test]
async fn a_job_that_found_nothing_holds_its_name_and_may_find_something_later() {
    let bench = Bench::new().await;
    let full = bench.lake.snapshot(&source(&bench.ctx), AsOf::Latest).await.unwrap();
    let table = TableRef::new(bench.ctx.tenant.clone(), Layer::Training, "later").unwrap();
    let append = async |batch, rows| {
        let commit = Commit {
            pipeline: "test".into(),
            batch,
            frontier: Frontier::default(),
        };
        bench.lake.append(&table, vec![rows], &commit).await.unwrap();
    };
    append(1, RecordBatch::new_empty(Arc::clone(&full.schema))).await;
    let job = ScoreJob {
        rows: JobRows::Table {
            table: table.clone(),
            at: AsOf::Latest,
            key: "customer_code".to_owned(),
        },
        ..bench.job("week-1")
    };
    let other = ScoreJob {
        as_of: Some(Timestamp::from_micros(2)),
        ..job.clone()
    };
    let run = async |job: &ScoreJob| bench.batch.run(&bench.ctx, job).await;
    for _ in 0..2 {
        let report = run(&job).await.unwrap();
        assert_eq!((report.version, report.rows, report.already_there), (Some(1), 0, false));
        assert_eq!(run(&other).await.unwrap_err().code(), ErrorCode::IdempotencyConflict);
    }
    assert!(bench.scores().await.is_empty());

    let rows = SessionContext::new().read_table(full.provider).unwrap();
    append(2, rows.collect().await.unwrap().remove(0)).await;
    assert_eq!(run(&job).await.unwrap().rows, 2);
    assert!(run(&job).await.unwrap().already_there);
    assert_eq!(run(&other).await.unwrap_err().code(), ErrorCode::IdempotencyConflict);
    assert_eq!(bench.scores().await, once());
}
