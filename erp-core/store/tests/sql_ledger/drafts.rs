//! Documents that are written before they are posted: kept, changed by who knows them, nobody else's.

use cortex_erp::{Drafts, ErpError, Page};

use crate::company::{Company, tenant};

#[tokio::test]
async fn a_draft_is_kept_under_its_version_for_its_tenant_alone() {
    let company = Company::found().await;
    let (drafts, ctx) = (&company.ledger, &company.ctx);
    let draft = drafts.create(ctx, "payments", "{}".to_owned()).await.unwrap();
    let read = drafts.get(ctx, "payments", draft.id).await.unwrap();
    assert_eq!(read.as_ref(), Some(&draft));
    let changed = drafts
        .replace(ctx, &draft, 1, r#"{"a":0.10}"#.to_owned())
        .await
        .unwrap()
        .unwrap();
    assert_eq!((changed.version, changed.body.as_str()), (2, r#"{"a":0.10}"#));
    for refused in [
        drafts.replace(ctx, &draft, 1, "{}".to_owned()).await.map(|_| ()),
        drafts.discard(ctx, &draft, Some(1)).await.map(|_| ()),
    ] {
        assert!(matches!(refused, Err(ErpError::DraftChanged { now: 2 })), "{refused:?}");
    }
    let other = tenant("other");
    assert_eq!(drafts.get(&other, "payments", draft.id).await.unwrap(), None);
    assert_eq!(drafts.get(ctx, "sales-orders", draft.id).await.unwrap(), None);
    assert!(
        drafts
            .list(&other, "payments", &Page::default())
            .await
            .unwrap()
            .is_empty()
    );
    assert_eq!(drafts.replace(&other, &draft, 2, "{}".to_owned()).await.unwrap(), None);
    assert!(!drafts.discard(&other, &draft, None).await.unwrap());
    assert_eq!(drafts.list(ctx, "payments", &Page::default()).await.unwrap(), [changed]);
    assert!(drafts.discard(ctx, &draft, Some(2)).await.unwrap());
    assert!(!drafts.discard(ctx, &draft, Some(2)).await.unwrap());
    assert_eq!(
        (company.count("drafts").await, company.count("audit_log").await),
        (0, 3)
    );
}
