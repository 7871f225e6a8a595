//! Going back to a version that had the alias before.

use super::*;
use crate::EventKind;

impl Bench {
    /// Versions 1 and 2, each promoted in its turn; version 3 that never was.
    async fn with_history(policy: &str) -> Self {
        let bench = bench_with(policy);
        for version in 1..=3 {
            bench.register("column 0").await;
            if version < 3 {
                assert!(bench.propose(version).await.passed());
                bench.promote(version).await.unwrap();
            }
        }
        bench
    }

    async fn back(&self, version: u32) -> Result<(), RegistryError> {
        self.registry
            .roll_back(&self.ctx, "m", CHAMPION, version)
            .await
            .map(drop)
    }

    async fn champion(&self) -> u32 {
        self.registry.resolve(&self.ctx, "m", CHAMPION).await.unwrap().version
    }
}

#[tokio::test]
async fn a_champion_of_before_comes_back_on_its_report_of_then_and_the_history_tells() {
    let bench = Bench::with_history(POLICY).await;
    assert!(refusal(bench.promote(1).await).contains("propose it again"));
    bench.back(1).await.unwrap();
    assert_eq!(bench.champion().await, 1);
    let events = bench.registry.events(&bench.ctx, 0, 100).await.unwrap();
    let promoted = events.iter().find(|event| event.kind == EventKind::AliasMoved).unwrap();
    let back = events.last().unwrap();
    assert_eq!((back.kind, back.version), (EventKind::AliasRolledBack, 1));
    assert_eq!(back.detail["from"], "2");
    assert_eq!(back.detail["report"], promoted.detail["report"]);
    assert_eq!(
        bench.store.audit(&bench.ctx).last().unwrap().action,
        "models.alias-rolled-back"
    );
    bench.back(2).await.unwrap();
    bench.back(1).await.unwrap();
    assert_eq!(bench.champion().await, 1);
}

#[tokio::test]
async fn a_version_that_never_had_the_alias_does_not_come_in_by_the_back_door() {
    let bench = Bench::with_history(POLICY).await;
    assert!(refusal(bench.back(3).await).contains("never had it"));
    bench.registry.propose(&bench.ctx, "m", 3, CHAMPION).await.unwrap();
    assert!(
        refusal(bench.back(3).await).contains("never had it"),
        "passing is not having been promoted"
    );
    bench
        .registry
        .move_alias(&bench.ctx, "m", "candidate", 3)
        .await
        .unwrap();
    assert!(
        refusal(bench.back(3).await).contains("never had it"),
        "it had another alias"
    );
    assert_eq!(bench.champion().await, 2);
}

#[tokio::test]
async fn a_report_that_was_tampered_with_opens_no_way_back() {
    let bench = Bench::with_history(POLICY).await;
    bench
        .store
        .tamper_with_reports(&bench.ctx, |text| text.replace("\"rows\":200", "\"rows\":201"));
    assert!(refusal(bench.back(1).await).contains("without a passing report"));
}

#[tokio::test]
async fn a_version_whose_file_is_damaged_does_not_come_back() {
    let bench = Bench::with_history(POLICY).await;
    let first = bench.registry.version(&bench.ctx, "m", 1).await.unwrap();
    bench.artifacts.corrupt(&bench.ctx, &first.onnx_digest, b"column 1");
    assert_eq!(bench.back(1).await.unwrap_err().code(), ErrorCode::Corrupt);
    assert_eq!(bench.champion().await, 2);
}

#[tokio::test]
async fn an_alias_that_nothing_protects_goes_back_to_what_it_named() {
    let bench = Bench::with_history(POLICY).await;
    for version in [3, 1] {
        bench
            .registry
            .move_alias(&bench.ctx, "m", "draft", version)
            .await
            .unwrap();
    }
    bench.registry.roll_back(&bench.ctx, "m", "draft", 3).await.unwrap();
    let refused = bench.registry.roll_back(&bench.ctx, "m", "draft", 2).await;
    refusal(refused.map(drop));
}
