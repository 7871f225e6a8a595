//! The SQL store and the artifact folder keep the ports' contracts, and what is particular to them.

use std::fs;
use std::sync::Arc;

use cortex_registry::contract::{context, sample_version, start_run};
use cortex_registry::event::{facts, first_broken};
use cortex_registry::{
    ArtifactStore, EventKind, ModelStore, NewEvent, PromotionStore, RegistryError, RegistryStore,
    artifact_store_contract, registry_store_contract,
};
use cortex_registry_store::{FileArtifacts, MIGRATIONS, SqlRegistry};
use cortex_security::AuditLog;
use cortex_store::sql;
use cortex_store::testing::Scratch;
use cortex_store::{Database, SqlAuditLog};
use cortex_types::{Coded, ErrorCode, SystemClock, Timestamp};

async fn database() -> (Database, Scratch) {
    let scratch = Scratch::new().await;
    let database = scratch.open(&[MIGRATIONS], Arc::new(SystemClock)).await;
    (database, scratch)
}

registry_store_contract!(async {
    let (database, folder) = database().await;
    let store: Arc<dyn RegistryStore> = Arc::new(SqlRegistry::new(database));
    (store, folder)
});

artifact_store_contract!(async {
    let folder = tempfile::tempdir().unwrap();
    let store: Arc<dyn ArtifactStore> = Arc::new(FileArtifacts::new(folder.path().join("artifacts")));
    (store, folder)
});

fn registered() -> NewEvent {
    NewEvent {
        kind: EventKind::Registered,
        model: "m".to_owned(),
        version: 0,
        at: Timestamp::from_micros(1),
        detail: facts([("run", Some("first".to_owned()))]),
    }
}

#[tokio::test]
async fn every_change_is_in_the_audit_log_too() {
    let (database, _folder) = database().await;
    let (store, ctx) = (SqlRegistry::new(database.clone()), context("acme"));
    let run = start_run(&store, &ctx).await;
    store
        .create_version(&ctx, sample_version("m", run.id), registered())
        .await
        .unwrap();
    let audit = SqlAuditLog::new(database);
    let actions: Vec<String> = audit
        .recent(&ctx, 10)
        .await
        .unwrap()
        .into_iter()
        .map(|record| record.entry.action)
        .collect();
    assert_eq!(
        actions,
        ["models.registered", "models.create-run", "models.create-experiment"]
    );
    assert_eq!(audit.verify(&ctx).await.unwrap(), None);
}

#[tokio::test]
async fn a_refused_change_leaves_neither_event_nor_audit_entry() {
    let (database, _folder) = database().await;
    let (store, ctx) = (SqlRegistry::new(database.clone()), context("acme"));
    let orphan = sample_version("m", cortex_types::RunId::new());
    assert!(matches!(
        store.create_version(&ctx, orphan, registered()).await,
        Err(RegistryError::NotFound { .. })
    ));
    assert!(store.events(&ctx, 0, 10).await.unwrap().is_empty());
    assert!(SqlAuditLog::new(database).recent(&ctx, 10).await.unwrap().is_empty());
}

#[tokio::test]
async fn an_event_edited_in_the_database_breaks_the_chain() {
    let (database, _folder) = database().await;
    let (store, ctx) = (SqlRegistry::new(database.clone()), context("acme"));
    let run = start_run(&store, &ctx).await;
    for _ in 0..3 {
        store
            .create_version(&ctx, sample_version("m", run.id), registered())
            .await
            .unwrap();
    }
    assert_eq!(first_broken(&store.events(&ctx, 0, 10).await.unwrap()), None);
    let mut write = database.begin().await.unwrap();
    sql::query("UPDATE registry_events SET version = 7 WHERE seq = 2")
        .execute(write.connection())
        .await
        .unwrap();
    write.commit().await.unwrap();
    let chain = store.events(&ctx, 0, 10).await.unwrap();
    assert_eq!(first_broken(&chain).map(|event| event.seq), Some(2));
}

#[tokio::test]
async fn a_damaged_artifact_is_told_and_storing_it_again_heals_it() {
    let folder = tempfile::tempdir().unwrap();
    let (store, ctx) = (FileArtifacts::new(folder.path()), context("acme"));
    let digest = store.put(&ctx, b"model").await.unwrap();
    let place = folder.path().join("acme").join(&digest[..2]).join(&digest);
    assert_eq!(fs::read(&place).unwrap(), b"model");
    fs::write(&place, b"modem").unwrap();
    assert_eq!(store.get(&ctx, &digest).await.unwrap_err().code(), ErrorCode::Corrupt);
    store.put(&ctx, b"model").await.unwrap();
    assert_eq!(store.get(&ctx, &digest).await.unwrap(), b"model");
    let files = fs::read_dir(place.parent().unwrap()).unwrap().count();
    assert_eq!(files, 1, "nothing unfinished is left behind");
}

#[tokio::test]
async fn a_folder_that_cannot_be_written_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let blocked = folder.path().join("artifacts");
    fs::write(&blocked, "a file where the folder should be").unwrap();
    let error = FileArtifacts::new(&blocked)
        .put(&context("acme"), b"model")
        .await
        .unwrap_err();
    assert_eq!(error.code(), ErrorCode::StorageFailed);
    assert!(error.to_string().contains(&blocked.display().to_string()), "{error}");
}
