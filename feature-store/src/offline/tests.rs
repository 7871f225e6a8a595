//! Training sets over a lake in memory.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use cortex_lake::{Commit, Lake, Layer, MemoryLake, TableRef};
use cortex_types::{Frontier, Position, RequestContext, TenantId, Timestamp};
use proptest::prelude::*;

use super::{EntityRows, LabelAggregate, LabelSpec, TrainingSets};
use crate::engine::sample::{DAY, Version, bronze, day, histories};
use crate::engine::tests::{brute_force, definitions};
use crate::port::Coverage;
use crate::value::EntityKey;

fn tenant() -> RequestContext {
    RequestContext::system(TenantId::new("acme").unwrap())
}

async fn lake_of(versions: &[Version]) -> Arc<MemoryLake> {
    let lake = Arc::new(MemoryLake::default());
    let table = TableRef::new(tenant().tenant, Layer::Bronze, "lines").unwrap();
    // Two commits, so that a version and a frontier are not the first ones.
    let (first, second) = versions.split_at(versions.len() / 2);
    for (batch, offset, part, before) in [(1, 0, first, &[][..]), (2, first.len(), second, first)] {
        let end = (offset + part.len()) as u64;
        let frontier = Frontier::of(Position::new("erp", 1, end, end));
        let commit = Commit {
            pipeline: "bronze".into(),
            batch,
            frontier,
        };
        lake.append(&table, vec![bronze(part, offset, before)], &commit)
            .await
            .unwrap();
    }
    lake
}

async fn sets(versions: &[Version]) -> TrainingSets {
    TrainingSets::new(lake_of(versions).await, definitions())
}

fn history() -> Vec<Version> {
    let first = Version::sale(1, "A", DAY, 100);
    vec![
        first.clone(),
        Version {
            invoice: "I2",
            ..Version::sale(2, "A", 5 * DAY, 50)
        },
        Version::sale(3, "B", 5 * DAY, 10),
        Version {
            known: 9 * DAY,
            ..Version::sale(4, "A", 6 * DAY, 1_000)
        },
        Version {
            holds: false,
            first: false,
            known: 8 * DAY,
            ..first
        },
    ]
}

fn key(code: &str) -> EntityKey {
    EntityKey::single(code)
}

#[tokio::test]
async fn each_row_gets_the_values_of_its_own_time_in_its_own_place() {
    let mut rows = EntityRows::default();
    for (code, at) in [("A", 9), ("A", 5), ("nobody", 5), ("A", 5), ("A", 8)] {
        rows.push(key(code), day(at));
    }
    let frame = sets(&history()).await.build(&tenant(), "sales", &rows).await.unwrap();
    // orders_9d, spend_9d, spend_3d, net_avg_9d, recency
    assert_eq!(frame.row(0), [2.0, 1_050.0, 0.0, 525.0, 3.0]);
    assert_eq!(frame.row(1), [2.0, 150.0, 50.0, 75.0, 0.0]);
    assert_eq!(frame.row(3), frame.row(1));
    assert_eq!(frame.row(4), [1.0, 50.0, 0.0, 50.0, 3.0]);
    assert_eq!(frame.row(2)[..3], [0.0, 0.0, 0.0]);
    assert!(frame.row(2)[3..].iter().all(|value| value.is_nan()));
}

#[tokio::test]
async fn a_frame_says_where_it_was_computed_and_digests_to_the_same_again() {
    let rows = EntityRows::at(vec![key("A"), key("B")], day(9));
    let sets = sets(&history()).await;
    let frame = sets.build(&tenant(), "sales", &rows).await.unwrap();
    assert_eq!(frame.tables, [("lines".to_owned(), 1)].into());
    assert_eq!(frame.frontier, Frontier::of(Position::new("erp", 1, 5, 5)));
    assert_eq!(
        sets.build(&tenant(), "sales", &rows).await.unwrap().digest,
        frame.digest
    );
    let later = sets
        .build(&tenant(), "sales", &EntityRows::at(rows.keys, day(10)))
        .await
        .unwrap();
    assert_ne!(later.digest, frame.digest);
}

#[tokio::test]
async fn without_a_table_nothing_ever_happened() {
    let sets = TrainingSets::new(Arc::new(MemoryLake::default()), definitions());
    let frame = sets
        .build(&tenant(), "sales", &EntityRows::at(vec![key("A")], day(9)))
        .await
        .unwrap();
    assert_eq!(frame.row(0)[..2], [0.0, 0.0]);
    assert!(frame.tables.is_empty() && frame.frontier.is_empty());
    assert!(
        sets.entities(&tenant(), "customer", day(9), Duration::from_secs(1))
            .await
            .unwrap()
            .is_empty()
    );
}

#[tokio::test]
async fn another_tenants_facts_are_not_seen() {
    let sets = sets(&history()).await;
    let other = RequestContext::system(TenantId::new("other").unwrap());
    let frame = sets
        .build(&other, "sales", &EntityRows::at(vec![key("A")], day(9)))
        .await
        .unwrap();
    assert_eq!(frame.row(0)[1], 0.0);
}

#[tokio::test]
async fn an_entity_is_active_by_what_was_known_then() {
    let sets = sets(&history()).await;
    let days = |days: u64| Duration::from_secs(days * 86_400);
    let ctx = tenant();
    let active = |known_by, within| sets.entities(&ctx, "customer", known_by, within);
    let (tenant_a, both) = (vec![key("A")], vec![key("A"), key("B")]);
    assert_eq!(active(day(4), days(4)).await.unwrap(), tenant_a);
    assert_eq!(active(day(7), days(3)).await.unwrap(), both);
    // The sale of day 6 is known on day 9 only; what is older has left the two days.
    assert!(active(day(8), days(2)).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_label_looks_ahead_and_is_missing_until_its_horizon_is_over() {
    let label = LabelSpec {
        table: "lines".into(),
        keys: vec!["customer_code".into()],
        event_time: "at".into(),
        filter: Some("kind = 'goods'".into()),
        aggregate: LabelAggregate::Sum("net".into()),
        horizon: Duration::from_secs(4 * 86_400),
    };
    let mut rows = EntityRows::default();
    for (code, at) in [("A", 1), ("A", 4), ("B", 4), ("C", 4), ("A", 7)] {
        rows.push(key(code), day(at));
    }
    let sets = sets(&history()).await;
    let labels = sets.ahead(&tenant(), &label, &rows, day(10)).await.unwrap();
    assert_eq!(labels[..4], [50.0, 1_050.0, 10.0, 0.0]);
    assert!(labels[4].is_nan());
    let earlier = sets.ahead(&tenant(), &label, &rows, day(8)).await.unwrap();
    assert_eq!(earlier[1], 50.0, "the sale of day 6 was not known on day 8");
    let count = LabelSpec {
        aggregate: LabelAggregate::Count,
        ..label
    };
    assert_eq!(
        sets.ahead(&tenant(), &count, &rows, day(10)).await.unwrap()[..4],
        [1.0, 2.0, 1.0, 0.0]
    );
}

fn spend_ahead(days: u64) -> LabelSpec {
    LabelSpec {
        table: "lines".into(),
        keys: vec!["customer_code".into()],
        event_time: "at".into(),
        filter: Some("kind = 'goods'".into()),
        aggregate: LabelAggregate::Sum("net".into()),
        horizon: Duration::from_secs(days * 86_400),
    }
}

/// Knows that the lake has everything of `lines` up to a day.
#[derive(Debug)]
struct CoveredTo(i64);

#[async_trait]
impl Coverage for CoveredTo {
    async fn covered_to(&self, _: &TenantId, table: &str) -> Option<Timestamp> {
        (table == "lines").then(|| day(self.0))
    }
}

#[tokio::test]
async fn a_label_beyond_what_the_lake_covers_is_missing_not_nothing() {
    let mut rows = EntityRows::default();
    for (code, at) in [("C", 5), ("C", 6), ("A", 4), ("A", 6)] {
        rows.push(key(code), day(at));
    }
    // The newest change is known on day 9, and training is as of day 30.
    let (sets, label) = (sets(&history()).await, spend_ahead(4));
    let labels = sets.ahead(&tenant(), &label, &rows, day(30)).await.unwrap();
    assert_eq!((labels[0], labels[2]), (0.0, 1_050.0));
    assert!(labels[1].is_nan() && labels[3].is_nan(), "{labels:?}");

    // Who knows that nothing is on its way knows that nothing happened.
    for (covered_to, known) in [(10, true), (9, false), (3, false)] {
        let sets = sets.clone().with_coverage(Arc::new(CoveredTo(covered_to)));
        let labels = sets.ahead(&tenant(), &label, &rows, day(30)).await.unwrap();
        assert_eq!(labels[0], 0.0);
        assert_eq!(!labels[1].is_nan(), known, "covered to day {covered_to}");
    }
}

#[tokio::test]
async fn without_a_table_no_label_is_known_unless_somebody_knows_that_nothing_happened() {
    let sets = TrainingSets::new(Arc::new(MemoryLake::default()), definitions());
    let rows = EntityRows::at(vec![key("A")], day(1));
    let label = spend_ahead(4);
    assert!(sets.ahead(&tenant(), &label, &rows, day(30)).await.unwrap()[0].is_nan());
    let sets = sets.with_coverage(Arc::new(CoveredTo(30)));
    assert_eq!(sets.ahead(&tenant(), &label, &rows, day(30)).await.unwrap(), [0.0]);
}

/// Where the service's features stand in the sample view.
const SERVED: [usize; 5] = [7, 1, 0, 4, 9];

async fn rows_equal_brute_force(versions: Vec<Version>, asked: Vec<(usize, i64)>) -> Result<(), TestCaseError> {
    let customers = ["A", "B", "C"];
    let mut rows = EntityRows::default();
    for (customer, at) in &asked {
        rows.push(key(customers[*customer]), day(*at));
    }
    let frame = sets(&versions).await.build(&tenant(), "sales", &rows).await.unwrap();
    for (row, (customer, at)) in asked.iter().enumerate() {
        let wanted = brute_force(&versions, customers[*customer], at * DAY);
        let wanted: Vec<u64> = SERVED
            .iter()
            .map(|position| wanted[*position].as_f64().unwrap().to_bits())
            .collect();
        let found: Vec<u64> = frame.row(row).iter().map(|value| value.to_bits()).collect();
        prop_assert_eq!(found, wanted, "of {} on day {}", customers[*customer], at);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    /// Rows of many times in one set, so that what the later ones may know lies beside the earlier ones.
    #[test]
    fn every_row_of_a_training_set_is_what_was_known_at_its_own_time(
        versions in histories(),
        asked in proptest::collection::vec((0_usize..3, 0_i64..40), 1..24),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(rows_equal_brute_force(versions, asked))?;
    }
}

#[tokio::test]
async fn a_column_that_the_table_lacks_is_named() {
    let label = LabelSpec {
        table: "lines".into(),
        keys: vec!["customer_code".into()],
        event_time: "at".into(),
        filter: Some("colour = 'red'".into()),
        aggregate: LabelAggregate::Count,
        horizon: Duration::from_secs(1),
    };
    let rows = EntityRows::at(vec![key("A")], day(1));
    let error = sets(&history())
        .await
        .ahead(&tenant(), &label, &rows, day(9))
        .await
        .unwrap_err();
    assert!(error.to_string().contains("colour"), "{error}");
}
