//! Which decision an event belongs to, on a store.

use std::collections::BTreeSet;

use cortex_types::DecisionId;

use super::{HORIZON, decide, decision, feedback, of_customer, on, outcome, outcomes_of, send, tenant};
use crate::{Decision, DecisionQuery, Event, ExperienceStore, JudgedQuery, Recorded, Reference};

pub async fn an_event_joins_the_newest_decision_within_the_horizon(store: &impl ExperienceStore) {
    let ctx = tenant("acme");
    let (early, late, stranger) = (decision("12346", 10), decision("12346", 20), decision("99999", 25));
    let other_model = Decision {
        model: "units-7d".into(),
        ..decision("12346", 26)
    };
    decide(store, &ctx, &[late.clone(), early.clone(), stranger, other_model]).await;
    let expected = [
        (9, None),
        (10, Some(early.id)),
        (19, Some(early.id)),
        (20, Some(late.id)),
        (50, Some(late.id)),
        (51, None),
    ];
    for (day, joined) in expected {
        let answer = send(store, &ctx, outcome(&format!("on-{day}"), of_customer("12346", day)))
            .await
            .unwrap();
        assert_eq!(answer.decision_id, joined, "an event on day {day}");
    }
}

pub async fn an_early_outcome_waits_for_its_decision(store: &impl ExperienceStore) {
    let ctx = tenant("acme");
    let made = decision("12346", 10);
    let early = [
        outcome("by-id", Reference::Decision(made.id)),
        feedback("by-key", of_customer("12346", 12), "call"),
    ];
    let answers = store.record_events(&ctx, &early, HORIZON).await.unwrap();
    assert!(
        answers
            .iter()
            .all(|answer| answer.decision_id.is_none() && !answer.repeated)
    );
    assert_eq!(store.pending(&ctx).await.unwrap(), 2);
    decide(store, &ctx, &[decision("12346", 13)]).await;
    assert_eq!(
        store.pending(&ctx).await.unwrap(),
        2,
        "a decision made after the event is not the one"
    );
    decide(store, &ctx, std::slice::from_ref(&made)).await;
    assert_eq!(store.pending(&ctx).await.unwrap(), 0);
    let remembered = store.decision(&ctx, made.id).await.unwrap().unwrap();
    assert_eq!((remembered.outcomes.len(), remembered.feedback.len()), (1, 1));
    assert_eq!(remembered.outcomes[0].observed_at, on(400));
    let again = send(store, &ctx, early[0].clone()).await.unwrap();
    assert_eq!(
        again,
        Recorded {
            decision_id: Some(made.id),
            repeated: true
        }
    );
}

pub async fn an_early_event_by_business_key_joins_the_newest_of_the_decisions_that_arrive(
    store: &impl ExperienceStore,
) {
    let ctx = tenant("acme");
    send(store, &ctx, outcome("o1", of_customer("12346", 20)))
        .await
        .unwrap();
    let (old, newest, after) = (decision("12346", 5), decision("12346", 18), decision("12346", 21));
    decide(store, &ctx, &[old.clone(), newest.clone(), after.clone()]).await;
    assert_eq!(outcomes_of(store, &ctx, newest.id).await, 1);
    assert_eq!(
        outcomes_of(store, &ctx, old.id).await + outcomes_of(store, &ctx, after.id).await,
        0
    );
}

pub async fn an_early_event_that_is_repeated_while_it_waits_joins_once(store: &impl ExperienceStore) {
    let ctx = tenant("acme");
    let made = decision("12346", 10);
    for repeated in [false, true] {
        let answer = send(store, &ctx, outcome("o1", Reference::Decision(made.id)))
            .await
            .unwrap();
        assert_eq!(
            answer,
            Recorded {
                decision_id: None,
                repeated
            }
        );
    }
    decide(store, &ctx, std::slice::from_ref(&made)).await;
    assert_eq!(outcomes_of(store, &ctx, made.id).await, 1);
}

pub async fn another_tenant_sees_nothing_and_joins_nothing(store: &impl ExperienceStore) {
    let (acme, other) = (tenant("acme"), tenant("other"));
    let made = decision("12346", 10);
    decide(store, &acme, std::slice::from_ref(&made)).await;
    assert!(store.decision(&other, made.id).await.unwrap().is_none());
    assert!(
        store
            .decisions(
                &other,
                &DecisionQuery {
                    limit: 9,
                    ..DecisionQuery::default()
                }
            )
            .await
            .unwrap()
            .decisions
            .is_empty()
    );
    assert!(
        store
            .judged(
                &other,
                &JudgedQuery {
                    limit: 9,
                    ..JudgedQuery::default()
                }
            )
            .await
            .unwrap()
            .is_empty()
    );
    for event in [
        outcome("o1", Reference::Decision(made.id)),
        outcome("o2", of_customer("12346", 10)),
    ] {
        assert_eq!(send(store, &other, event).await.unwrap().decision_id, None);
    }
    assert_eq!(outcomes_of(store, &acme, made.id).await, 0);
    assert_eq!(
        (
            store.pending(&acme).await.unwrap(),
            store.pending(&other).await.unwrap()
        ),
        (0, 2)
    );
    // The same event id is another event in another tenant.
    let answer = send(store, &acme, outcome("o1", of_customer("12346", 11)))
        .await
        .unwrap();
    assert_eq!(
        answer,
        Recorded {
            decision_id: Some(made.id),
            repeated: false
        }
    );
}

pub async fn a_thousand_events_go_in_at_once(store: &impl ExperienceStore) {
    let ctx = tenant("acme");
    let made: Vec<Decision> = (0..1000).map(|i| decision(&format!("c{i}"), 10)).collect();
    decide(store, &ctx, &made).await;
    let reference = |(i, made): (usize, &Decision)| {
        if i % 2 == 0 {
            Reference::Decision(made.id)
        } else {
            of_customer(&made.entity_key, 10)
        }
    };
    let references = made.iter().enumerate().map(reference);
    let events: Vec<Event> = references
        .enumerate()
        .map(|(i, of)| outcome(&format!("o{i}"), of))
        .collect();
    let answers = store.record_events(&ctx, &events, HORIZON).await.unwrap();
    let joined: Vec<Option<DecisionId>> = answers.iter().map(|answer| answer.decision_id).collect();
    assert_eq!(joined, made.iter().map(|made| Some(made.id)).collect::<Vec<_>>());
    assert_eq!(joined.iter().collect::<BTreeSet<_>>().len(), 1000);
}
