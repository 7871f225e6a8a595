//! What guards the data: tokens, the audit chain, subject keys.

use std::time::Duration;

use cortex_security::{AuditEntry, AuditLog, Authenticator, SecurityError, StoredKey, SubjectKeys, WrappedKey};
use cortex_store::sql;
use cortex_store::testing::drop_triggers;
use cortex_store::{NewToken, SqlAuditLog, SqlAuthenticator, SqlSubjectKeys, StoreError};
use cortex_types::{Principal, RequestContext, Role, TenantId};

use crate::{Store, acme, store};

#[tokio::test]
async fn a_token_opens_until_it_expires_or_is_revoked() {
    let store = store().await;
    let tokens = SqlAuthenticator::new(store.database.clone());
    let expires_at = store.database.clock().now().saturating_add(Duration::from_secs(60));
    let principal = Principal::new("ada", [Role::DataScientist]);
    let new = NewToken {
        principal: principal.clone(),
        expires_at: Some(expires_at),
    };
    let (token, record) = tokens.create_token(&acme(), new).await.unwrap();
    let identity = tokens.authenticate(token.expose()).await.unwrap();
    assert_eq!((identity.tenant, identity.principal), (acme().tenant, principal));

    store.clock.advance_to(expires_at);
    assert!(matches!(
        tokens.authenticate(token.expose()).await,
        Err(SecurityError::TokenExpired(_))
    ));
    assert!(matches!(
        tokens.authenticate("cortex_guess").await,
        Err(SecurityError::UnknownToken)
    ));

    let other = RequestContext::system(TenantId::new("rival").unwrap());
    assert!(matches!(
        tokens.revoke_token(&other, &record.id).await,
        Err(StoreError::NotFound { .. })
    ));
    tokens.revoke_token(&acme(), &record.id).await.unwrap();
    assert!(matches!(
        tokens.authenticate(token.expose()).await,
        Err(SecurityError::UnknownToken)
    ));
    assert!(tokens.list_tokens(&acme()).await.unwrap()[0].revoked_at.is_some());
    assert!(tokens.list_tokens(&other).await.unwrap().is_empty());

    store.database.close().await;
    assert!(!files_hold(&store, token.expose()), "the token itself was stored");
}

#[tokio::test]
async fn an_altered_audit_record_is_found() {
    let store = store().await;
    let log = SqlAuditLog::new(store.database.clone());
    for number in 1..=3 {
        let detail = serde_json::json!({ "amount": 0.1 * f64::from(number), "b": 1, "a": 2 });
        let entry = AuditEntry {
            action: "erp.post-invoice".to_owned(),
            resource: format!("invoice/{number}"),
            detail,
        };
        log.record(&acme(), entry).await.unwrap();
    }
    assert_eq!(log.verify(&acme()).await.unwrap(), None);
    assert_eq!(log.recent(&acme(), 2).await.unwrap()[0].entry.resource, "invoice/3");

    let alter = "UPDATE audit_log SET detail = '{}' WHERE seq = 2";
    let mut write = store.database.begin().await.unwrap();
    assert!(sql::query(alter).execute(write.connection()).await.is_err());
    drop(write);
    let mut write = store.database.begin().await.unwrap();
    drop_triggers(&mut write).await;
    sql::query(alter).execute(write.connection()).await.unwrap();
    write.commit().await.unwrap();
    assert_eq!(log.verify(&acme()).await.unwrap().map(|broken| broken.seq), Some(2));
}

#[tokio::test]
async fn a_destroyed_subject_key_is_nowhere_in_the_files() {
    let store = store().await;
    let keys = SqlSubjectKeys::new(store.database.clone());
    let wrapped = WrappedKey::from_stored("v1.the-wrapped-key-of-customer-17850".to_owned());
    let stored = keys.insert(&acme(), "17850", wrapped.clone()).await.unwrap();
    assert_eq!(stored, StoredKey::Wrapped(wrapped.clone()));
    let second = WrappedKey::from_stored("v1.another".to_owned());
    assert_eq!(keys.insert(&acme(), "17850", second).await.unwrap(), stored);
    assert!(keys.destroy(&acme(), "17850").await.unwrap());
    assert!(!keys.destroy(&acme(), "17850").await.unwrap());
    assert_eq!(keys.find(&acme(), "17850").await.unwrap(), Some(StoredKey::Destroyed));
    assert!(!files_hold(&store, wrapped.as_str()), "the key is still on disk");
}

/// Whether the text is in one of the database's files. A server keeps its own where we cannot look.
fn files_hold(store: &Store, text: &str) -> bool {
    let secret = text.as_bytes();
    let files = std::fs::read_dir(store.scratch.folder.path()).unwrap();
    files
        .map(|file| std::fs::read(file.unwrap().path()).unwrap())
        .any(|bytes| bytes.windows(secret.len()).any(|window| window == secret))
}
