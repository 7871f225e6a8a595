//! Documents that are written before they are posted: kept, changed by who knows them, nobody else's.

use cortex_erp::{Approval, Approvals, DraftAction, DraftState, Drafts, ErpError, IdempotencyKey, Page};
use cortex_types::{Currency, Money, Principal, Role};

use crate::company::{Company, tenant};

#[tokio::test]
async fn a_draft_is_kept_under_its_version_for_its_tenant_alone() {
    let company = Company::found().await;
    let (drafts, ctx) = (&company.ledger, &company.ctx);
    let (draft, _) = drafts.create(ctx, "payments", "{}".to_owned(), None).await.unwrap();
    let read = drafts.get(ctx, "payments", draft.id).await.unwrap();
    assert_eq!(read.as_ref(), Some(&draft));
    let ann = Principal::new("ann", [Role::Manager]);
    let written = draft.written(r#"{"a":0.10}"#.to_owned(), &ann);
    let said = Approvals {
        given: vec![Approval::of(&ann, draft.created_at)],
        amount: Some(Money::new(12, Currency::GBP)),
    };
    let moved = written.moved(DraftState::Approved, Some("bob".into()), said);
    let changed = drafts
        .replace(ctx, &moved, 1, DraftAction::Approve)
        .await
        .unwrap()
        .unwrap();
    assert_eq!((changed.version, changed.body.as_str()), (2, r#"{"a":0.10}"#));
    let read = drafts.get(ctx, "payments", draft.id).await.unwrap();
    assert_eq!(read.as_ref(), Some(&changed));
    for refused in [
        drafts.replace(ctx, &draft, 1, DraftAction::Change).await.map(|_| ()),
        drafts.discard(ctx, &draft, Some(1)).await.map(|_| ()),
    ] {
        assert!(matches!(refused, Err(ErpError::DraftChanged { now: 2 })), "{refused:?}");
    }
    let other = tenant("other");
    assert_eq!(drafts.get(&other, "payments", draft.id).await.unwrap(), None);
    assert_eq!(drafts.get(ctx, "sales-orders", draft.id).await.unwrap(), None);
    assert!(
        drafts
            .list(&other, "payments", None, &Page::default())
            .await
            .unwrap()
            .is_empty()
    );
    assert_eq!(
        drafts.replace(&other, &draft, 2, DraftAction::Change).await.unwrap(),
        None
    );
    assert!(!drafts.discard(&other, &draft, None).await.unwrap());
    for (state, found) in [
        (None, 1),
        (Some(DraftState::Approved), 1),
        (Some(DraftState::Submitted), 0),
    ] {
        let list = drafts.list(ctx, "payments", state, &Page::default()).await.unwrap();
        assert_eq!(list, vec![changed.clone(); found]);
    }
    assert!(drafts.discard(ctx, &draft, Some(2)).await.unwrap());
    assert!(!drafts.discard(ctx, &draft, Some(2)).await.unwrap());
    assert_eq!(
        (company.count("drafts").await, company.count("audit_log").await),
        (0, 3)
    );
}

#[tokio::test]
async fn a_key_makes_one_draft_of_its_tenant() {
    let company = Company::found().await;
    let (drafts, ctx, other) = (&company.ledger, &company.ctx, tenant("other"));
    for (collection, body, same) in [
        ("payments", "{}", true),
        ("payments", r#"{"a":1}"#, false),
        ("credit-notes", "{}", false),
    ] {
        let key = IdempotencyKey::new("d").unwrap();
        let (made, _) = drafts
            .create(ctx, "payments", "{}".to_owned(), Some(key.clone()))
            .await
            .unwrap();
        let again = drafts.create(ctx, collection, body.to_owned(), Some(key.clone())).await;
        let is_conflict = matches!(&again, Err(ErpError::IdempotencyConflict(_)));
        assert_eq!(
            (again.ok() == Some((made.clone(), true)), is_conflict),
            (same, !same),
            "{collection} {body}"
        );
        // A key is its tenant's alone.
        let theirs = drafts.create(&other, collection, body.to_owned(), Some(key)).await;
        assert_ne!(theirs.ok().map(|(draft, _)| draft.id), Some(made.id));
    }
    let key = IdempotencyKey::new("d").unwrap();
    let (made, _) = drafts
        .create(ctx, "payments", "{}".to_owned(), Some(key.clone()))
        .await
        .unwrap();
    assert!(drafts.discard(ctx, &made, None).await.unwrap());
    let gone = drafts.create(ctx, "payments", "{}".to_owned(), Some(key)).await;
    assert!(matches!(gone, Err(ErpError::NotFound { .. })), "{gone:?}");
}
