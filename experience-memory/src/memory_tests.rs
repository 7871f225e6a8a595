//! What the door lets through, and what not.

use super::*;
use crate::InMemoryExperienceStore;
use crate::contract::{decision, tenant};
use cortex_lake::MemoryLake;
use cortex_types::{Coded, ErrorCode, ManualClock};

fn memory() -> Memory {
    let clock = Arc::new(ManualClock::at(Timestamp::from_micros(0)));
    let store = Arc::new(InMemoryExperienceStore::new(clock.clone()));
    let rules = Arc::new(OutcomeRules::builtin().unwrap());
    Memory::new(store, Arc::new(MemoryLake::default()), clock, rules)
}

#[tokio::test]
async fn what_documents_tell_is_not_taken_from_a_caller() {
    let (memory, ctx, made) = (memory(), tenant("acme"), decision("ann", 10));
    memory.decided(&ctx, vec![made.clone()]).await.unwrap();
    let told = Outcome {
        kind: "bought_again".into(),
        ..outcome("a", made.id, 1.0)
    };
    let error = memory.outcome(&ctx, told).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::InvalidArgument);
}

fn outcome(event_id: &str, of: DecisionId, value: f64) -> Outcome {
    Outcome {
        event_id: event_id.into(),
        of: Reference::Decision(of),
        kind: "margin".into(),
        value,
        observed_at: None,
        source: OutcomeSource::Api,
    }
}

#[tokio::test]
async fn an_event_that_stands_twice_in_a_batch_counts_once() {
    let (memory, ctx, made) = (memory(), tenant("acme"), decision("ann", 10));
    memory.decided(&ctx, vec![made.clone()]).await.unwrap();
    let twice = vec![
        outcome("a", made.id, 1.0),
        outcome("b", made.id, 2.0),
        outcome("a", made.id, 1.0),
    ];
    let answers = memory.outcomes(&ctx, twice).await.unwrap();
    assert_eq!(
        answers.iter().map(|answer| answer.repeated).collect::<Vec<_>>(),
        [false, false, true]
    );
    assert_eq!(memory.decision(&ctx, made.id).await.unwrap().outcomes.len(), 2);
}

#[tokio::test]
async fn two_events_under_one_id_in_a_batch_are_refused() {
    let (memory, ctx, id) = (memory(), tenant("acme"), DecisionId::new());
    let error = memory
        .outcomes(&ctx, vec![outcome("a", id, 1.0), outcome("a", id, 2.0)])
        .await
        .unwrap_err();
    assert_eq!(error.code(), ErrorCode::IdempotencyConflict);
}

#[tokio::test]
async fn a_batch_beyond_the_limit_is_refused_whole() {
    let (memory, ctx) = (memory(), tenant("acme"));
    let many = (0..=BATCH_MAX)
        .map(|i| outcome(&i.to_string(), DecisionId::new(), 1.0))
        .collect();
    assert_eq!(
        memory.outcomes(&ctx, many).await.unwrap_err().code(),
        ErrorCode::TooLarge
    );
}

#[tokio::test]
async fn a_decision_that_cannot_be_judged_is_refused_and_its_neighbours_are_kept() {
    let (memory, ctx) = (memory(), tenant("acme"));
    let certain = Decision {
        propensity: 0.0,
        ..decision("ann", 10)
    };
    let sound = decision("ben", 10);
    let groups = [vec![certain], vec![sound.clone()]].map(|decisions| DecisionGroup {
        ctx: ctx.clone(),
        decisions,
    });
    let answers = memory.decided_together(groups.to_vec()).await.unwrap();
    assert!(matches!(&answers[0], Err(error) if error.code() == ErrorCode::InvalidArgument));
    assert!(answers[1].is_ok() && memory.decision(&ctx, sound.id).await.is_ok());
}
