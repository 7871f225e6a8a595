//! A small business in a lake in memory, and a registry.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow::datatypes::{Field, Schema};
use cortex_features::{Definitions, TrainingSets};
use cortex_lake::{Commit, Lake, Layer, MemoryLake, TableRef, changes};
use cortex_registry::memory::{MemoryArtifacts, MemoryRegistry};
use cortex_registry::{GatePolicies, Registry};
use cortex_training::{PipelineDefinitions, PipelineSetup, Pipelines, StageCache, Trainer, Trainers, TrainingError};
use cortex_types::{DecisionId, Frontier, ManualClock, Position, RequestContext, TenantId, Timestamp};

use crate::toy::{Toy, ToyScorer};

const FEATURES: &str = "
entities: [{ name: customer, join_keys: [customer_code] }]
views:
  - name: sales
    entity: customer
    source: { table: lines, event_time: invoiced_at }
    features:
      - { name: orders_30d, aggregate: count, window: 30d }
      - { name: spend_30d, aggregate: sum, value: net_minor, window: 30d }
  - name: returns
    entity: customer
    source: { table: returns, event_time: credited_at }
    features: [{ name: returned_30d, aggregate: avg, value: net_minor, window: 30d }]
services:
  - { name: repurchase, entity: customer, features: ['sales:orders_30d', 'sales:spend_30d', 'returns:returned_30d'] }
";

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

pub fn day(number: i64) -> Timestamp {
    Timestamp::from_micros(at("2024-01-01").micros() + number * 86_400_000_000)
}

/// Bronze rows: the table's own columns, then the metadata. Everything is known when it happens.
async fn append(lake: &MemoryLake, ctx: &RequestContext, table: &str, known: &[Timestamp], own: Vec<(&str, ArrayRef)>) {
    let count = known.len();
    let ids: Vec<String> = (0..count).map(|row| format!("{table}-{row}")).collect();
    let same = |text: &str| Arc::new(StringArray::from(vec![text; count])) as ArrayRef;
    let number = |value: i64| Arc::new(Int64Array::from(vec![value; count])) as ArrayRef;
    let mut columns: Vec<(&str, ArrayRef)> = own;
    if !columns.iter().any(|(name, _)| *name == "id") {
        columns.push(("id", Arc::new(StringArray::from(ids))));
    }
    columns.extend([
        (changes::OP, same("insert")),
        (changes::SOURCE, same("erp")),
        (changes::EPOCH, number(1)),
        (changes::COMMIT, number(1)),
        (
            changes::SEQ,
            Arc::new(Int64Array::from_iter_values(0..count as i64)) as ArrayRef,
        ),
        (changes::TX, number(1)),
        (changes::KNOWN_AT, times(known)),
        (changes::KNOWN_BY, same("clock")),
        (changes::PRINCIPAL, same("system")),
        (changes::TRACE_ID, same("0")),
        (changes::BEFORE, Arc::new(StringArray::from(vec![None::<&str>; count]))),
    ]);
    let fields: Vec<Field> = columns
        .iter()
        .map(|(name, values)| Field::new(*name, values.data_type().clone(), true))
        .collect();
    let rows = RecordBatch::try_new(
        Arc::new(Schema::new(fields)),
        columns.into_iter().map(|(_, values)| values).collect(),
    );
    let table = TableRef::new(ctx.tenant.clone(), Layer::Bronze, table).unwrap();
    let frontier = Frontier::of(Position::new("erp", 1, 1, count as u64));
    lake.append(
        &table,
        vec![rows.unwrap()],
        &Commit {
            pipeline: "test".into(),
            batch: 1,
            frontier,
        },
    )
    .await
    .unwrap();
}

fn times(times: &[Timestamp]) -> ArrayRef {
    Arc::new(TimestampMicrosecondArray::from_iter_values(times.iter().map(|time| time.micros())).with_timezone("UTC"))
}

fn text(values: impl IntoIterator<Item = String>) -> ArrayRef {
    Arc::new(StringArray::from_iter_values(values))
}

/// 40 customers over 180 days: those with an even number buy every 9 days, the others every 50.
async fn sales(lake: &MemoryLake, ctx: &RequestContext) {
    let bought: Vec<(i64, Timestamp)> = (0..180)
        .flat_map(|today| (0..40).map(move |customer| (customer, today)))
        .filter(|(customer, today)| (today + customer) % if customer % 2 == 0 { 9 } else { 50 } == 0)
        .map(|(customer, today)| (customer, day(today)))
        .collect();
    let known: Vec<Timestamp> = bought.iter().map(|(_, time)| *time).collect();
    let own = vec![
        (
            "customer_code",
            text(bought.iter().map(|(customer, _)| format!("C{customer}"))),
        ),
        (
            "net_minor",
            Arc::new(Int64Array::from_iter_values(
                bought.iter().map(|(customer, _)| 100 + customer),
            )) as ArrayRef,
        ),
        ("invoiced_at", times(&known)),
    ];
    append(lake, ctx, "lines", &known, own).await;
    let own = vec![
        ("code", text((0..40).map(|customer| format!("C{customer}")))),
        (
            "country",
            text((0..40).map(|customer| {
                if customer < 30 {
                    "DE".to_owned()
                } else {
                    "UK".to_owned()
                }
            })),
        ),
    ];
    append(lake, ctx, "parties", &[day(0); 40], own).await;
}

/// Decisions on day 60 at noon for C0..C9: with outcome, except for C9; C8's context knows nothing of returns; C7's arm
/// hardly ever answered; C6's outcome came late.
pub async fn decisions(lake: &MemoryLake, ctx: &RequestContext, decided_at: Timestamp) {
    let ids: Vec<String> = (0..10).map(|_| DecisionId::new().to_string()).collect();
    let context = |customer: i64| match customer {
        8 => r#"{"sales:orders_30d":1,"sales:spend_30d":100}"#.to_owned(),
        _ => r#"{"sales:orders_30d":1,"sales:spend_30d":100.5,"returns:returned_30d":null}"#.to_owned(),
    };
    let propensities = (0..10).map(|customer| if customer == 7 { 0.01 } else { 0.9 });
    let own = vec![
        ("id", text(ids.clone())),
        ("model", text((0..10).map(|_| "again-14d".to_owned()))),
        ("entity", text((0..10).map(|_| "customer".to_owned()))),
        ("entity_key", text((0..10).map(|customer| format!("C{customer}")))),
        ("decided_at", times(&[decided_at; 10])),
        (
            "propensity",
            Arc::new(Float64Array::from_iter_values(propensities)) as ArrayRef,
        ),
        ("context", text((0..10).map(context))),
    ];
    append(lake, ctx, "decisions", &[decided_at; 10], own).await;
    let known: Vec<Timestamp> = (0..9)
        .map(|customer| if customer == 6 { day(400) } else { day(80) })
        .collect();
    let own = vec![
        ("decision_id", text(ids[..9].to_vec())),
        ("kind", text((0..9).map(|_| "bought".to_owned()))),
        ("source", text((0..9).map(|_| "erp".to_owned()))),
        ("value", Arc::new(Float64Array::from(vec![1.0; 9])) as ArrayRef),
    ];
    append(lake, ctx, "outcomes", &known, own).await;
}

pub struct House {
    pub ctx: RequestContext,
    pub lake: Arc<MemoryLake>,
    pub registry: Arc<Registry>,
    pub trained: Arc<AtomicUsize>,
    cache: tempfile::TempDir,
}

impl House {
    pub async fn new() -> Self {
        let ctx = RequestContext::system(TenantId::new("acme").unwrap());
        let lake = Arc::new(MemoryLake::default());
        sales(&lake, &ctx).await;
        let clock = Arc::new(ManualClock::at(day(180)));
        let (store, artifacts) = (
            Arc::new(MemoryRegistry::default()),
            Arc::new(MemoryArtifacts::default()),
        );
        let gates = GatePolicies::builtin().unwrap();
        let registry = Arc::new(Registry::new(store, artifacts, Arc::new(ToyScorer), gates, clock));
        Self {
            ctx,
            lake,
            registry,
            trained: Arc::default(),
            cache: tempfile::tempdir().unwrap(),
        }
    }

    pub fn pipelines(&self, yaml: &str, lie: f64) -> Result<Pipelines, TrainingError> {
        let definitions = Arc::new(Definitions::parse([("features.yaml", FEATURES)])?);
        let toy = |name| {
            Arc::new(Toy {
                name,
                trained: Arc::clone(&self.trained),
                lie,
            }) as Arc<dyn Trainer>
        };
        Pipelines::new(PipelineSetup {
            definitions: PipelineDefinitions::parse([("again.yaml", yaml)])?,
            trainers: Trainers::of([toy("constant"), toy("one-feature")]),
            lake: self.lake.clone(),
            features: TrainingSets::new(self.lake.clone(), definitions),
            registry: Arc::clone(&self.registry),
            scorer: Arc::new(ToyScorer),
            cache: StageCache::in_folder(self.cache.path()),
            code_version: "test".to_owned(),
        })
    }
}
