//! What every implementation of [`ExperienceStore`] must do: one suite, run on each of them through
//! [`experience_store_contract!`](crate::experience_store_contract).

use std::time::Duration;

use cortex_types::{Coded, DecisionId, ErrorCode, Frontier, Position, RequestContext, TenantId, Timestamp};

use crate::{
    ContextValue, Decision, DecisionGroup, DecisionQuery, Event, ExperienceError, ExperienceStore, Feedback,
    JudgedQuery, MaturedQuery, Outcome, OutcomeSource, Recorded, Reference,
};

const HORIZON: Duration = Duration::from_secs(30 * 86_400);
const DAY: Duration = Duration::from_secs(86_400);

mod joins;

pub use joins::*;

/// Declares one test per clause of the contract; `$store` is an async function that makes an empty store, and
/// whatever must live as long as it.
#[macro_export]
macro_rules! experience_store_contract {
    ($store:path) => {
        $crate::experience_store_contract!(@each $store:
            a_decision_reads_back_as_it_was_made
            the_same_decision_again_changes_nothing
            a_group_with_a_conflict_leaves_nothing_while_the_others_go_in
            a_repeated_event_changes_nothing
            another_event_under_a_used_id_conflicts_and_takes_its_whole_batch_with_it
            feedback_and_outcomes_are_numbered_apart
            another_tenant_sees_nothing_and_joins_nothing
            an_event_joins_the_newest_decision_within_the_horizon
            an_early_outcome_waits_for_its_decision
            an_early_event_by_business_key_joins_the_newest_of_the_decisions_that_arrive
            an_early_event_that_is_repeated_while_it_waits_joins_once
            pages_hold_every_decision_once_newest_first
            matured_decisions_are_those_without_an_outcome_of_the_kind
            judging_sees_outcomes_ratings_and_overrides
            a_thousand_events_go_in_at_once
            whoever_decided_is_listed
            the_newest_decision_is_the_one_with_the_largest_id
        );
    };
    (@each $store:path: $($clause:ident)+) => {$(
        #[tokio::test]
        async fn $clause() {
            let (store, _kept) = $store().await;
            $crate::contract::$clause(&store).await;
        }
    )+};
}

/// A tenant's context.
#[must_use]
pub fn tenant(slug: &str) -> RequestContext {
    RequestContext::system(TenantId::new(slug).expect("a valid slug"))
}

/// A decision on `key`, so many days after the epoch.
#[must_use]
pub fn decision(key: &str, day: u32) -> Decision {
    let context = [
        ("customer:spend_30d", ContextValue::Float(0.1 + 0.2)),
        ("customer:orders_30d", ContextValue::Int(3)),
        ("customer:country", ContextValue::Text("United Kingdom".into())),
        ("customer:recency", ContextValue::Null),
    ];
    Decision {
        id: DecisionId::new(),
        model: "repurchase-30d".into(),
        version: 3,
        arm: "champion".into(),
        propensity: 0.9,
        entity: "customer".into(),
        entity_key: key.into(),
        decided_at: on(day),
        score: 0.1 + 0.7,
        action: Some("offer".into()),
        context: context
            .into_iter()
            .map(|(feature, value)| (feature.into(), value))
            .collect(),
        frontier: Frontier::of(Position::new("erp", 1, 7, 9)),
    }
}

fn on(day: u32) -> Timestamp {
    Timestamp::from_micros(0).saturating_add(DAY * day)
}

/// An outcome of yes.
#[must_use]
pub fn outcome(event_id: &str, of: Reference) -> Event {
    Event::Outcome(Outcome {
        event_id: event_id.into(),
        of,
        kind: "bought_again".into(),
        value: 1.0,
        observed_at: Some(on(400)),
        source: OutcomeSource::Api,
    })
}

fn feedback(event_id: &str, of: Reference, action: &str) -> Event {
    Event::Feedback(Feedback {
        event_id: event_id.into(),
        of,
        action: Some(action.into()),
        rating: Some(2),
        given_by: "ann".into(),
        given_at: None,
    })
}

fn of_customer(key: &str, day: u32) -> Reference {
    Reference::Entity {
        model: "repurchase-30d".into(),
        entity_key: key.into(),
        at: on(day),
    }
}

async fn decide(store: &impl ExperienceStore, ctx: &RequestContext, decisions: &[Decision]) {
    let group = DecisionGroup {
        ctx: ctx.clone(),
        decisions: decisions.to_vec(),
    };
    let answers = store
        .record_decisions(&[group], HORIZON)
        .await
        .expect("the group was recorded");
    answers.into_iter().collect::<Result<(), _>>().expect("no conflict");
}

async fn send(store: &impl ExperienceStore, ctx: &RequestContext, event: Event) -> Result<Recorded, ExperienceError> {
    let answers = store.record_events(ctx, &[event], HORIZON).await?;
    assert_eq!(answers.len(), 1);
    Ok(answers[0])
}

async fn outcomes_of(store: &impl ExperienceStore, ctx: &RequestContext, id: DecisionId) -> usize {
    store
        .decision(ctx, id)
        .await
        .expect("readable")
        .expect("there")
        .outcomes
        .len()
}

pub async fn a_decision_reads_back_as_it_was_made(store: &impl ExperienceStore) {
    let ctx = tenant("acme");
    let mut scored = decision("12346", 10);
    scored.action = None;
    decide(store, &ctx, &[decision("12347", 10), scored.clone()]).await;
    let remembered = store.decision(&ctx, scored.id).await.unwrap().unwrap();
    assert_eq!(remembered.decision, scored);
    assert!(remembered.feedback.is_empty() && remembered.outcomes.is_empty());
}

pub async fn the_same_decision_again_changes_nothing(store: &impl ExperienceStore) {
    let ctx = tenant("acme");
    let made = decision("12346", 10);
    decide(store, &ctx, &[made.clone(), made.clone()]).await;
    decide(store, &ctx, std::slice::from_ref(&made)).await;
    let page = store
        .decisions(
            &ctx,
            &DecisionQuery {
                limit: 10,
                ..DecisionQuery::default()
            },
        )
        .await
        .unwrap();
    assert_eq!(page.decisions, [made]);
}

pub async fn a_group_with_a_conflict_leaves_nothing_while_the_others_go_in(store: &impl ExperienceStore) {
    let ctx = tenant("acme");
    let made = decision("12346", 10);
    decide(store, &ctx, std::slice::from_ref(&made)).await;
    let (bystander, neighbour) = (decision("12347", 10), decision("12348", 10));
    let altered = Decision {
        score: 0.123,
        ..made.clone()
    };
    let groups = [vec![bystander.clone(), altered], vec![neighbour.clone()]];
    let groups = groups.map(|decisions| DecisionGroup {
        ctx: ctx.clone(),
        decisions,
    });
    let answers = store.record_decisions(&groups, HORIZON).await.unwrap();
    assert!(matches!(&answers[0], Err(error) if error.code() == ErrorCode::IdempotencyConflict));
    assert!(answers[1].is_ok());
    assert_eq!(store.decision(&ctx, made.id).await.unwrap().unwrap().decision, made);
    assert!(store.decision(&ctx, bystander.id).await.unwrap().is_none());
    assert!(store.decision(&ctx, neighbour.id).await.unwrap().is_some());
}

pub async fn a_repeated_event_changes_nothing(store: &impl ExperienceStore) {
    let ctx = tenant("acme");
    let made = decision("12346", 10);
    decide(store, &ctx, std::slice::from_ref(&made)).await;
    for event in [
        outcome("o1", Reference::Decision(made.id)),
        outcome("o2", of_customer("12346", 12)),
        feedback("f1", Reference::Decision(made.id), "call"),
    ] {
        let first = send(store, &ctx, event.clone()).await.unwrap();
        assert_eq!(
            first,
            Recorded {
                decision_id: Some(made.id),
                repeated: false
            }
        );
        let before = store.decision(&ctx, made.id).await.unwrap();
        let again = send(store, &ctx, event).await.unwrap();
        assert_eq!(
            again,
            Recorded {
                decision_id: Some(made.id),
                repeated: true
            }
        );
        assert_eq!(store.decision(&ctx, made.id).await.unwrap(), before);
    }
}

pub async fn another_event_under_a_used_id_conflicts_and_takes_its_whole_batch_with_it(store: &impl ExperienceStore) {
    let ctx = tenant("acme");
    let made = decision("12346", 10);
    decide(store, &ctx, std::slice::from_ref(&made)).await;
    let used = [
        outcome("o1", Reference::Decision(made.id)),
        outcome("o2", of_customer("nobody", 10)),
    ];
    store.record_events(&ctx, &used, HORIZON).await.unwrap();
    for event_id in ["o1", "o2"] {
        let batch = [
            outcome("new", Reference::Decision(made.id)),
            outcome(event_id, of_customer("12346", 11)),
        ];
        let error = store.record_events(&ctx, &batch, HORIZON).await.unwrap_err();
        assert_eq!(error.code(), ErrorCode::IdempotencyConflict);
        assert!(error.to_string().contains(event_id), "{error}");
    }
    assert_eq!(outcomes_of(store, &ctx, made.id).await, 1);
    assert_eq!(store.pending(&ctx).await.unwrap(), 1);
}

pub async fn feedback_and_outcomes_are_numbered_apart(store: &impl ExperienceStore) {
    let ctx = tenant("acme");
    let made = decision("12346", 10);
    decide(store, &ctx, std::slice::from_ref(&made)).await;
    send(store, &ctx, outcome("e1", Reference::Decision(made.id)))
        .await
        .unwrap();
    let answer = send(store, &ctx, feedback("e1", Reference::Decision(made.id), "call"))
        .await
        .unwrap();
    assert!(!answer.repeated);
}

pub async fn pages_hold_every_decision_once_newest_first(store: &impl ExperienceStore) {
    let ctx = tenant("acme");
    // Five decisions share an instant: only their ids tell the pages apart.
    let made: Vec<Decision> = (0..12)
        .map(|i| decision(if i % 2 == 0 { "even" } else { "odd" }, 10 + i / 5))
        .collect();
    decide(store, &ctx, &made).await;
    let mut query = DecisionQuery {
        limit: 5,
        ..DecisionQuery::default()
    };
    let mut seen = Vec::new();
    loop {
        let page = store.decisions(&ctx, &query).await.unwrap();
        seen.extend(page.decisions);
        let Some(next) = page.next else { break };
        query.after = Some(next.to_string().parse().unwrap());
    }
    assert!(
        seen.windows(2)
            .all(|pair| (pair[0].decided_at, pair[0].id) > (pair[1].decided_at, pair[1].id))
    );
    assert_eq!(seen.len(), made.len());
    let odd = DecisionQuery {
        model: Some("repurchase-30d".into()),
        entity_key: Some("odd".into()),
        after: None,
        limit: 6,
    };
    let page = store.decisions(&ctx, &odd).await.unwrap();
    assert_eq!((page.decisions.len(), page.next), (6, None));
}

pub async fn matured_decisions_are_those_without_an_outcome_of_the_kind(store: &impl ExperienceStore) {
    let ctx = tenant("acme");
    let made: Vec<Decision> = (0..4).map(|i| decision(&format!("c{i}"), 10 + i)).collect();
    decide(store, &ctx, &made).await;
    send(store, &ctx, outcome("o1", Reference::Decision(made[1].id)))
        .await
        .unwrap();
    let kind = |kind: &str| MaturedQuery {
        model: "repurchase-30d".into(),
        kind: kind.into(),
        decided_by: on(12),
        after: None,
        limit: 10,
    };
    let found = async |query: &MaturedQuery| -> Vec<DecisionId> {
        store
            .matured(&ctx, query)
            .await
            .unwrap()
            .iter()
            .map(|matured| matured.id)
            .collect()
    };
    assert_eq!(found(&kind("bought_again")).await, [made[0].id, made[2].id]);
    assert_eq!(found(&kind("margin")).await, [made[0].id, made[1].id, made[2].id]);
    let after = Some(crate::DecisionCursor::from(&made[0]));
    assert_eq!(
        found(&MaturedQuery {
            after,
            limit: 1,
            ..kind("margin")
        })
        .await,
        [made[1].id]
    );
}

pub async fn judging_sees_outcomes_ratings_and_overrides(store: &impl ExperienceStore) {
    let ctx = tenant("acme");
    let made: Vec<Decision> = (0..3).map(|i| decision(&format!("c{i}"), 10)).collect();
    decide(store, &ctx, &made).await;
    let events = [
        outcome("o0", Reference::Decision(made[0].id)),
        feedback("f0", Reference::Decision(made[0].id), "offer"),
        feedback("f1", Reference::Decision(made[1].id), "nothing"),
    ];
    store.record_events(&ctx, &events, HORIZON).await.unwrap();
    let mut query = JudgedQuery {
        model: Some("repurchase-30d".into()),
        after: None,
        limit: 2,
    };
    let mut judged = store.judged(&ctx, &query).await.unwrap();
    query.after = judged.last().map(|last| last.id);
    judged.extend(store.judged(&ctx, &query).await.unwrap());
    let seen: Vec<(usize, usize, bool)> = judged
        .iter()
        .map(|one| (one.outcomes.len(), one.ratings.len(), one.overridden))
        .collect();
    assert_eq!(seen, [(1, 1, false), (0, 1, true), (0, 0, false)]);
    assert_eq!((judged[0].propensity, judged[0].score), (0.9, 0.1 + 0.7));
}

pub async fn whoever_decided_is_listed(store: &impl ExperienceStore) {
    assert_eq!(store.tenants().await.unwrap(), []);
    for (slug, key) in [("globex", "ann"), ("acme", "ben"), ("globex", "cid")] {
        let group = DecisionGroup {
            ctx: tenant(slug),
            decisions: vec![decision(key, 10)],
        };
        store.record_decisions(&[group], HORIZON).await.unwrap();
    }
    let tenants = store.tenants().await.unwrap();
    assert_eq!(
        tenants.iter().map(TenantId::as_str).collect::<Vec<_>>(),
        ["acme", "globex"]
    );
}

pub async fn the_newest_decision_is_the_one_with_the_largest_id(store: &impl ExperienceStore) {
    assert_eq!(store.newest_decision().await.unwrap(), None);
    let made = [decision("ann", 12), decision("ben", 11), decision("cid", 10)];
    let newest = made.iter().map(|decision| decision.id).max();
    for (slug, decision) in ["acme", "globex", "acme"].into_iter().zip(made) {
        let group = DecisionGroup {
            ctx: tenant(slug),
            decisions: vec![decision],
        };
        store.record_decisions(&[group], HORIZON).await.unwrap();
    }
    assert_eq!(store.newest_decision().await.unwrap(), newest);
}
