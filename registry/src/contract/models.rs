//! What a store promises of versions, and of tenants.

use super::promotions::alias;
use super::*;

pub async fn versions_are_numbered_without_gaps_however_many_register_at_once(store: Store) {
    let ctx = context("acme");
    let run = start_run(&*store, &ctx).await;
    let tasks: Vec<_> = (0..12)
        .map(|_| {
            let (store, ctx, run) = (Arc::clone(&store), ctx.clone(), run.clone());
            tokio::spawn(async move { register(&*store, &ctx, "repurchase-30d", &run).await.version })
        })
        .collect();
    let mut numbers = Vec::new();
    for task in tasks {
        numbers.push(task.await.unwrap());
    }
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=12).collect::<Vec<u32>>());
    assert_eq!(
        register(&*store, &ctx, "units-7d", &run).await.version,
        1,
        "numbers belong to the name"
    );
    assert_eq!(store.model_names(&ctx).await.unwrap(), ["repurchase-30d", "units-7d"]);
}

pub async fn a_version_reads_back_as_it_was_stored(store: Store) {
    let ctx = context("acme");
    let run = start_run(&*store, &ctx).await;
    let first = register(&*store, &ctx, "repurchase-30d", &run).await;
    let second = register(&*store, &ctx, "repurchase-30d", &run).await;
    assert_eq!(store.version(&ctx, "repurchase-30d", 1).await.unwrap(), first);
    assert_eq!(store.versions(&ctx, "repurchase-30d").await.unwrap(), [second, first]);
    assert_eq!(store.versions(&ctx, "unheard-of").await.unwrap(), []);
    let missing = store.version(&ctx, "repurchase-30d", 3).await;
    assert!(matches!(
        missing,
        Err(RegistryError::NotFound {
            kind: "model version",
            ..
        })
    ));
}

pub async fn another_tenant_sees_nothing(store: Store) {
    let (ours, theirs) = (context("acme"), context("rival"));
    let run = start_run(&*store, &ours).await;
    register(&*store, &ours, "m", &run).await;
    store
        .move_alias(&ours, alias(CHAMPION, 1), None, event(EventKind::AliasMoved, "m", 1))
        .await
        .unwrap();
    assert_eq!(store.experiments(&theirs).await.unwrap(), []);
    assert_eq!(store.runs(&theirs, run.experiment, 10).await.unwrap(), []);
    assert!(store.run(&theirs, run.id).await.is_err());
    assert!(store.set_tags(&theirs, run.id, &pairs(&[("a", "b")])).await.is_err());
    assert!(store.log_metrics(&theirs, run.id, &[]).await.is_err());
    assert!(store.end_run(&theirs, run.id, RunStatus::Failed, at(5)).await.is_err());
    assert!(
        store
            .create_run(
                &theirs,
                Run {
                    id: RunId::new(),
                    ..run.clone()
                }
            )
            .await
            .is_err(),
        "not in our experiment"
    );
    assert!(store.model_names(&theirs).await.unwrap().is_empty());
    assert!(store.version(&theirs, "m", 1).await.is_err());
    assert_eq!(store.alias(&theirs, "m", CHAMPION).await.unwrap(), None);
    assert_eq!(store.events(&theirs, 0, 10).await.unwrap(), []);
    let their_run = start_run(&*store, &theirs).await;
    assert_eq!(
        register(&*store, &theirs, "m", &their_run).await.version,
        1,
        "numbers belong to the tenant"
    );
}
