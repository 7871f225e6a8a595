//! What a store promises of aliases, traffic, reports and events.

use super::*;

pub(super) fn alias(name: &str, version: u32) -> Alias {
    Alias {
        model: "m".into(),
        alias: name.into(),
        version,
        moved_at: at(8),
        moved_by: "ada".into(),
    }
}

async fn two_versions(store: &dyn RegistryStore, ctx: &RequestContext) {
    let run = start_run(store, ctx).await;
    register(store, ctx, "m", &run).await;
    register(store, ctx, "m", &run).await;
}

pub async fn an_alias_moves_only_from_where_it_is_expected(store: Store) {
    let ctx = context("acme");
    two_versions(&*store, &ctx).await;
    let moved = |version| event(EventKind::AliasMoved, "m", version);
    assert_eq!(store.alias(&ctx, "m", CHAMPION).await.unwrap(), None);
    store
        .move_alias(&ctx, alias(CHAMPION, 1), None, moved(1))
        .await
        .unwrap();
    for stale in [None, Some(2)] {
        let refused = store.move_alias(&ctx, alias(CHAMPION, 2), stale, moved(2)).await;
        assert!(matches!(refused, Err(RegistryError::Moved { .. })), "{refused:?}");
    }
    assert_eq!(
        store.alias(&ctx, "m", CHAMPION).await.unwrap(),
        Some(alias(CHAMPION, 1))
    );
    store
        .move_alias(&ctx, alias(CHAMPION, 2), Some(1), moved(2))
        .await
        .unwrap();
    store
        .move_alias(&ctx, alias("candidate", 1), None, moved(1))
        .await
        .unwrap();
    assert_eq!(
        store.aliases(&ctx, "m").await.unwrap(),
        [alias("candidate", 1), alias(CHAMPION, 2)]
    );
    let moves = store.events(&ctx, 0, 100).await.unwrap();
    assert_eq!(
        moves.iter().filter(|event| event.kind == EventKind::AliasMoved).count(),
        3,
        "refusals are no events"
    );
}

pub async fn promoting_the_canary_ends_it(store: Store) {
    let ctx = context("acme");
    two_versions(&*store, &ctx).await;
    store
        .move_alias(&ctx, alias(CHAMPION, 1), None, event(EventKind::AliasMoved, "m", 1))
        .await
        .unwrap();
    assert_eq!(store.traffic(&ctx, "m").await.unwrap(), None);
    let split = Traffic {
        model: "m".into(),
        champion: Some(1),
        canary: Some(Canary {
            version: 2,
            weight: 0.25,
        }),
        changed_at: at(9),
        changed_by: "ada".into(),
    };
    store
        .set_traffic(&ctx, split.clone(), event(EventKind::TrafficChanged, "m", 2))
        .await
        .unwrap();
    let stored = store.traffic(&ctx, "m").await.unwrap();
    assert_eq!(
        stored,
        Some(Traffic {
            champion: None,
            ..split
        })
    );
    store
        .move_alias(&ctx, alias("candidate", 2), None, event(EventKind::AliasMoved, "m", 2))
        .await
        .unwrap();
    assert!(
        store.traffic(&ctx, "m").await.unwrap().unwrap().canary.is_some(),
        "another alias changes nothing"
    );
    store
        .move_alias(&ctx, alias(CHAMPION, 2), Some(1), event(EventKind::AliasMoved, "m", 2))
        .await
        .unwrap();
    assert_eq!(store.traffic(&ctx, "m").await.unwrap().unwrap().canary, None);
}

pub async fn reports_come_newest_first_and_byte_for_byte(store: Store) {
    let ctx = context("acme");
    two_versions(&*store, &ctx).await;
    let report = |version: u32, payload: &str| SignedReport {
        id: ReportId(Uuid::now_v7()),
        model: "m".to_owned(),
        version,
        alias: CHAMPION.to_owned(),
        computed_at: at(8),
        payload: payload.to_owned(),
        signature: "ab".repeat(32),
    };
    let all = [
        report(1, r#"{"psi":0.30000000000000004}"#),
        report(2, "{ }"),
        report(1, "{\"naïve\":1e-7}"),
    ];
    for report in &all {
        let evaluated = event(EventKind::GateEvaluated, "m", report.version);
        store.add_report(&ctx, report.clone(), evaluated).await.unwrap();
    }
    let [first, second, third] = all;
    assert_eq!(
        store.reports(&ctx, "m", None).await.unwrap(),
        [third.clone(), second, first.clone()]
    );
    assert_eq!(store.reports(&ctx, "m", Some(1)).await.unwrap(), [third, first]);
    assert_eq!(store.reports(&ctx, "other", None).await.unwrap(), []);
}

pub async fn every_change_of_a_model_is_in_a_chain_that_holds(store: Store) {
    let ctx = context("acme");
    two_versions(&*store, &ctx).await;
    store
        .move_alias(&ctx, alias(CHAMPION, 2), None, event(EventKind::AliasMoved, "m", 2))
        .await
        .unwrap();
    let chain = store.events(&ctx, 0, 100).await.unwrap();
    let told: Vec<(u64, EventKind, u32)> = chain
        .iter()
        .map(|event| (event.seq, event.kind, event.version))
        .collect();
    let expected = [
        (1, EventKind::Registered, 1),
        (2, EventKind::Registered, 2),
        (3, EventKind::AliasMoved, 2),
    ];
    assert_eq!(told, expected);
    assert_eq!(first_broken(&chain), None);
    assert!(
        chain
            .iter()
            .all(|event| event.principal == "ada" && event.trace_id == ctx.trace_id)
    );
    assert_eq!(store.events(&ctx, 1, 1).await.unwrap(), chain[1..2]);
}
