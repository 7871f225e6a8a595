//! The online store may be deleted, and a feature that cannot be computed stops nothing but features.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use cortex_erp::{Command, IdempotencyKey, Known};
use cortex_features::{EntityKey, OnlineVectors};
use cortex_runtime::Health;
use cortex_types::{Frontier, ManualClock, Timestamp};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::Platform;
use crate::config::Config;

const TODAY: &str = "2011-06-01";

fn config(data: &Path) -> Config {
    Config {
        data_dir: data.to_owned(),
        ..Config::default()
    }
}

async fn open(config: Config) -> Platform {
    let clock = ManualClock::at(TODAY.parse().unwrap());
    Platform::open(config, Arc::new(clock)).await.unwrap()
}

async fn execute(platform: &Platform, kind: &str, body: Value) {
    let key = IdempotencyKey::new(format!("{kind} {}{}", body["code"], body["number"])).unwrap();
    let command: Command = serde_json::from_value(json!({ kind: body })).unwrap();
    let erp = &platform.services.erp;
    erp.execute(&platform.system(), command, key, Known::ByClock)
        .await
        .unwrap();
}

async fn prepare(platform: &Platform) {
    let party = json!({ "code": "C1", "kind": "customer", "country": "DE" });
    execute(platform, "create-party", party).await;
    let product = json!({
        "code": "P1", "description": "A mug", "kind": "goods", "unit": "piece", "currency": "GBP",
        "list_price_minor": 250,
    });
    execute(platform, "create-product", product).await;
}

async fn sell(platform: &Platform, number: &str, pieces: i64) {
    let invoice = json!({
        "number": number, "customer": "C1", "currency": "GBP", "invoiced_at": "2011-05-20T10:00:00Z",
        "lines": [{ "product": "P1", "quantity_micro": pieces * 1_000_000, "price": { "net": pieces * 250 } }],
    });
    execute(platform, "post-invoice", invoice).await;
}

async fn served(platform: &Platform) -> OnlineVectors {
    let service = platform.services.definitions.service("customer_repurchase").unwrap();
    let (keys, now) = ([EntityKey::single("C1")], TODAY.parse::<Timestamp>().unwrap());
    let online = &platform.services.online;
    online
        .read(platform.tenant(), &service.features, &keys, now)
        .await
        .unwrap()
}

#[tokio::test]
async fn an_online_store_that_was_deleted_is_rebuilt_and_the_stream_goes_on_behind_it() {
    let folder = tempfile::tempdir().unwrap();
    let platform = open(config(folder.path())).await;
    prepare(&platform).await;
    sell(&platform, "I1", 3).await;
    platform.services.catch_up().await.unwrap();
    let kept_after = platform.services.changes.kept_after().await.unwrap();
    assert!(kept_after.seq > 0, "the log holds all: the test would show nothing");
    let before = served(&platform).await;
    assert!(platform.rebuilt.is_none());
    platform.close().await;
    drop(platform);

    std::fs::remove_dir_all(folder.path().join("online")).unwrap();
    let platform = open(config(folder.path())).await;
    assert!(platform.rebuilt.as_ref().is_some_and(|rebuilt| rebuilt.changes > 0));
    assert_eq!(served(&platform).await, before);

    sell(&platform, "I2", 4).await;
    platform.services.catch_up().await.unwrap();
    let after = served(&platform).await;
    assert_ne!(after.rows, before.rows);
    let (lake, upto) = (
        &*platform.providers.lake,
        platform.services.lake_frontier().await.unwrap(),
    );
    let now = TODAY.parse().unwrap();
    let report = platform
        .providers
        .online
        .verify(&platform.system(), lake, &upto, 100, now)
        .await
        .unwrap();
    assert_eq!((report.mismatches, report.frontier), (vec![], upto));

    // By hand, over a store that lacks nothing: the same again.
    platform.services.online_rebuild.now("it was asked for").await.unwrap();
    assert_eq!(served(&platform).await, after);
    platform.close().await;
}

/// Builtin definitions, and one that cannot be computed for a single piece.
fn with_a_broken_feature(folder: &Path) -> Config {
    let features = folder.join("features");
    std::fs::create_dir_all(&features).unwrap();
    for entry in std::fs::read_dir("../definitions/features").unwrap() {
        let path = entry.unwrap().path();
        std::fs::copy(&path, features.join(path.file_name().unwrap())).unwrap();
    }
    let broken = "
views:
  - name: broken
    entity: customer
    source: { table: sales_invoice_lines, event_time: invoiced_at }
    features:
      - { name: price_30d, aggregate: sum, value: net_minor / (quantity_micro - 1000000), window: 30d }
";
    std::fs::write(features.join("broken.yaml"), broken).unwrap();
    let mut config = config(&folder.join("data"));
    config.definitions.features = Some(features);
    config
}

#[tokio::test]
async fn a_feature_that_cannot_be_computed_stops_neither_the_lake_nor_the_next_start() {
    let folder = tempfile::tempdir().unwrap();
    let platform = open(with_a_broken_feature(folder.path())).await;
    prepare(&platform).await;
    let (ingest, finish) = (Arc::clone(&platform.services.ingest), CancellationToken::new());
    let running = tokio::spawn({
        let finish = finish.clone();
        async move { ingest.run(finish).await }
    });
    sell(&platform, "I1", 3).await;
    sell(&platform, "I2", 1).await;
    sell(&platform, "I3", 2).await;
    let head = Frontier::of(platform.services.changes.head().await.unwrap());
    let reached = async {
        while platform.services.lake_frontier().await.unwrap() != head {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        while !degraded(&platform).await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), reached).await.unwrap();
    finish.cancel();
    running.await.unwrap().unwrap();
    platform.close().await;
    drop(platform);

    // Repaired: what the online store lacked was kept for it.
    let platform = open(config(&folder.path().join("data"))).await;
    platform.services.catch_up().await.unwrap();
    assert_eq!(platform.services.online.frontier().await.unwrap(), head);
    platform.close().await;
}

/// Whether health names the feature that cannot be computed.
async fn degraded(platform: &Platform) -> bool {
    for check in platform.checks() {
        if check.name() == "ingest-sinks" {
            return matches!(check.check().await, Health::Degraded(why) if why.contains("broken"));
        }
    }
    false
}
