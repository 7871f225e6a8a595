//! What the timeline says after every document is what the reference says.

use std::collections::BTreeMap;
use std::sync::Arc;

use cortex_types::Timestamp;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::TestCaseResult;

use super::super::{Entry, Holding, Holdings, Method, Recorded, Timeline};
use super::cases::{day, empty, product};
use super::histories::{Document, Draw, History, any_draw};
use super::{Outcome, Shelves};
use crate::{Cost, ErpError, MoveReason};

/// The days on which the months begin that histories reach.
const MONTHS: [i64; 13] = [0, 31, 60, 91, 121, 152, 182, 213, 244, 274, 305, 335, 366];

fn record(timeline: &mut Timeline, document: &Document, draw: &Draw) -> Result<Recorded, ErpError> {
    if let Some(standard) = &document.standard {
        timeline.set_standard(*standard);
    }
    timeline.record(document.moves.clone(), |location| draw.allows(location))
}

fn begin(history: &History) -> Timeline {
    let mut timeline = empty(history.model.method);
    timeline.standards.clone_from(&history.model.standards);
    timeline
}

fn check(history: &History, draws: &[Draw]) -> TestCaseResult {
    let (mut history, mut timeline) = (history.clone(), begin(history));
    let (mut before, mut total) = (Outcome::default(), 0);
    for draw in draws {
        let Some(document) = history.document(draw) else {
            continue;
        };
        let mut next = history.clone();
        next.post(&document);
        let (after, mut trial) = (next.model.outcome(), timeline.clone());
        let forbidden = after.forbidden(&before, |location| draw.allows(location));
        match (record(&mut trial, &document, draw), forbidden) {
            (Ok(recorded), None) => {
                total += i128::from(recorded.values.iter().sum::<i64>());
                total += i128::from(recorded.revalued.iter().map(|one| one.change_minor).sum::<i64>());
                check_recorded(&next, &document, &recorded, &before, &after)?;
                check_timeline(&next, &trial, &after, total)?;
                check_checkpoints(&next, &trial, &after)?;
                (history, timeline, before) = (next, trial, after);
            }
            (
                Err(ErpError::InsufficientStock {
                    location,
                    at,
                    short_micro,
                    ..
                }),
                Some(departure),
            ) => {
                let expected = (&departure.location, departure.at, -departure.left);
                prop_assert_eq!((&location, at, i128::from(short_micro)), expected, "{}", next.told());
            }
            (recorded, forbidden) => {
                let told = next.told();
                prop_assert!(
                    false,
                    "{:?}, but the reference forbids {:?}:\n{}",
                    recorded,
                    forbidden,
                    told
                );
            }
        }
    }
    Ok(())
}

fn check_recorded(
    history: &History,
    document: &Document,
    recorded: &Recorded,
    before: &Outcome,
    after: &Outcome,
) -> TestCaseResult {
    let values: Vec<i128> = recorded.values.iter().map(|value| (*value).into()).collect();
    let expected: Vec<i128> = document.moves.iter().map(|entry| after.values[&entry.id]).collect();
    prop_assert_eq!(values, expected, "values of the new moves:\n{}", history.told());
    let revalued: Vec<_> = recorded
        .revalued
        .iter()
        .map(|one| {
            (
                one.id,
                one.at,
                &one.location,
                one.reason,
                one.value_minor.into(),
                one.change_minor.into(),
            )
        })
        .collect();
    let ordered = history.model.in_order();
    let posted = ordered.iter().filter(|entry| before.values.contains_key(&entry.id));
    let changes = posted.map(|entry| {
        let (value, was) = (after.values[&entry.id], before.values[&entry.id]);
        (entry.id, entry.at, &entry.location, entry.reason, value, value - was)
    });
    let expected: Vec<(_, _, _, _, i128, i128)> = changes.filter(|change| change.5 != 0).collect();
    prop_assert_eq!(revalued, expected, "revalued moves:\n{}", history.told());
    Ok(())
}

fn check_timeline(history: &History, timeline: &Timeline, after: &Outcome, total: i128) -> TestCaseResult {
    let there: Vec<_> = timeline
        .moves
        .iter()
        .map(|entry| (entry.id, entry.value_minor.into()))
        .collect();
    let ordered = history.model.in_order();
    let expected: Vec<(_, i128)> = ordered
        .iter()
        .map(|entry| (entry.id, after.values[&entry.id]))
        .collect();
    prop_assert_eq!(there, expected, "values of all moves:\n{}", history.told());
    check_holdings(history, &timeline.now, &after.shelves)?;
    let all: i128 = timeline
        .now
        .values()
        .map(|holding| i128::from(holding.value_minor))
        .sum();
    prop_assert_eq!(
        total,
        all,
        "what was recorded against what is there:\n{}",
        history.told()
    );
    Ok(())
}

fn check_holdings(history: &History, holdings: &Holdings, shelves: &Shelves) -> TestCaseResult {
    for location in holdings.keys().chain(shelves.keys()) {
        let holding: Holding = holdings.get(location).cloned().unwrap_or_default();
        let shelf = shelves.get(location).cloned().unwrap_or_default();
        prop_assert!(
            shelf.is_like(&holding),
            "{} has {:?}, not {:?}:\n{}",
            location,
            holding,
            shelf,
            history.told()
        );
    }
    Ok(())
}

fn check_checkpoints(history: &History, timeline: &Timeline, after: &Outcome) -> TestCaseResult {
    for pair in MONTHS.windows(2) {
        let (begin, end) = (day(pair[0]), day(pair[1]));
        let posted = &history.model.posted;
        let is_begun = posted.iter().any(|entry| entry.at < begin);
        let is_needed = is_begun && posted.iter().any(|entry| (begin..end).contains(&entry.at));
        let checkpoint = timeline.checkpoints.get(&begin);
        prop_assert!(
            checkpoint.is_some() || !is_needed,
            "no checkpoint at {}:\n{}",
            begin,
            history.told()
        );
        if let Some(checkpoint) = checkpoint {
            check_holdings(history, checkpoint, after.shelves_at(begin))?;
        }
    }
    let is_month = |at: &Timestamp| MONTHS.iter().any(|month| day(*month) == *at);
    prop_assert!(timeline.checkpoints.keys().all(is_month));
    Ok(())
}

/// The same, with no move at hand.
fn at_its_end(full: &Timeline) -> Timeline {
    let mut timeline = Timeline::at_its_end(&product(full.method), full.now.clone(), full.newest_at);
    timeline.standards.clone_from(&full.standards);
    timeline
}

/// Whether it stands behind all of its time that was posted before.
fn is_plain(entry: &Entry) -> bool {
    !matches!(entry.cost, Cost::Added { .. } | Cost::Undone { .. }) && entry.reason != MoveReason::StandardCost
}

/// What `moves` refer to and the timeline does not have, as `full` has it.
fn remember(timeline: &mut Timeline, moves: &[Entry], full: &Timeline) {
    for of in moves.iter().filter_map(|entry| entry.cost.refers_to()) {
        let is_there = timeline.moves.iter().any(|entry| entry.id == of);
        if let Some(original) = full.original(of).filter(|_| !is_there) {
            timeline.originals.insert(of, original);
        }
        let undone = |id| full.moves.iter().any(|entry| entry.cost.undoes() == Some(id));
        for adding in full.moves.iter().filter(|entry| !undone(entry.id)) {
            if let Some((_, cost)) = adding.added().filter(|(to, _)| *to == of) {
                timeline.originals.add_cost(of, adding.id, cost);
            }
        }
    }
}

/// A timeline from `month` on, of the same history as `full`.
fn window(history: &History, first: &History, full: &Timeline, month: Timestamp) -> Timeline {
    let mut early = begin(first);
    for document in &history.documents {
        let moves = document.moves.iter().filter(|entry| entry.at < month);
        if let Some(standard) = &document.standard {
            early.set_standard(*standard);
        }
        early.record(moves.cloned().collect(), |_| true).unwrap();
    }
    let mut window = at_its_end(full);
    let posted = history.model.posted.iter().filter(|entry| entry.at >= month);
    let moves = posted.map(|entry| Entry {
        value_minor: full.original(entry.id).unwrap().value_minor,
        ..entry.clone()
    });
    let moves: Vec<Entry> = moves.collect();
    window.with_history(month, early.now, moves.clone());
    remember(&mut window, &moves, full);
    window
}

/// What is posted `later` comes to the same with all the history at hand, and with only that from the beginning of a month on;
/// or, without a month, with only what stands at the end.
fn check_window(first: &History, draws: &[Draw], month: Option<i64>, later: &[Draw]) -> TestCaseResult {
    let (mut history, mut full) = (first.clone(), begin(first));
    for draw in draws {
        let Some(document) = history.document(draw) else {
            continue;
        };
        history.post(&document);
        let everywhere = Draw {
            may_go_below_zero: [true; 2],
            ..draw.clone()
        };
        record(&mut full, &document, &everywhere).unwrap();
    }
    let end = full.newest_at.unwrap_or(Timestamp::MIN);
    let from = month.map_or(end, day);
    let mut window = match month {
        Some(_) => window(&history, first, &full, from),
        None => at_its_end(&full),
    };
    if let Some(checkpoint) = full.checkpoints.get(&from).filter(|_| month.is_some()) {
        prop_assert_eq!(filled(checkpoint), filled(&window.before), "{}", history.told());
    }
    for draw in later {
        let Some(document) = history.document(draw) else {
            continue;
        };
        // A store that loads the end alone does so only for what stands behind it.
        let is_within = |entry: &Entry| entry.at > from || (entry.at == from && (month.is_some() || is_plain(entry)));
        if !document.moves.iter().all(is_within) {
            continue;
        }
        full.checkpoints.clear();
        window.checkpoints.clear();
        remember(&mut window, &document.moves, &full);
        let (mut with_all, mut with_window) = (full.clone(), window.clone());
        let expected = record(&mut with_all, &document, draw);
        let recorded = record(&mut with_window, &document, draw);
        prop_assert_eq!(format!("{recorded:?}"), format!("{expected:?}"), "{}", history.told());
        if expected.is_err() {
            continue;
        }
        history.post(&document);
        (full, window) = (with_all, with_window);
        prop_assert_eq!(filled(&window.now), filled(&full.now), "{}", history.told());
        // What the window began with it does not tell again; and where that is nothing, only the whole history knows of moves
        // before, and that a month began behind them.
        let first_at = document.moves.iter().map(|entry| entry.at).min();
        let has_before = !window.before.is_empty();
        let begun = |timeline: &Timeline| -> BTreeMap<Timestamp, Holdings> {
            let checkpoints = timeline.checkpoints.iter();
            let kept = checkpoints.filter(|(at, _)| Some(**at) > first_at || (has_before && **at > from));
            kept.map(|(at, holdings)| (*at, filled(holdings))).collect()
        };
        prop_assert_eq!(begun(&window), begun(&full), "{}", history.told());
        let same_moves = &full.moves[full.moves.len() - window.moves.len()..];
        prop_assert_eq!(&window.moves[..], same_moves, "{}", history.told());
    }
    Ok(())
}

/// A place that nothing is left of, and one where nothing ever was, are the same.
fn filled(holdings: &Holdings) -> Holdings {
    let held = holdings.iter().filter(|(_, holding)| **holding != Holding::default());
    held.map(|(location, holding)| (Arc::clone(location), holding.clone()))
        .collect()
}

fn any_history(method: Method) -> impl Strategy<Value = History> {
    (0_i64..=1000, 1_i64..=10).prop_map(move |standard| History::new(method, standard))
}

fn any_method() -> impl Strategy<Value = Method> {
    prop_oneof![Just(Method::MovingAverage), Just(Method::Fifo), Just(Method::Standard)]
}

proptest! {
    #[test]
    fn moving_average_is_what_the_reference_says(
        history in any_history(Method::MovingAverage),
        draws in vec(any_draw(Just(true)), 1..=60),
    ) {
        check(&history, &draws)?;
    }

    #[test]
    fn first_in_first_out_is_what_the_reference_says(
        history in any_history(Method::Fifo),
        draws in vec(any_draw(Just(true)), 1..=60),
    ) {
        check(&history, &draws)?;
    }

    #[test]
    fn standard_cost_is_what_the_reference_says(
        history in any_history(Method::Standard),
        draws in vec(any_draw(Just(true)), 1..=60),
    ) {
        check(&history, &draws)?;
    }

    #[test]
    fn stock_that_may_never_go_below_zero_never_does(
        history in any_method().prop_flat_map(any_history),
        draws in vec(any_draw(Just(false)), 1..=60),
    ) {
        check(&history, &draws)?;
    }

    #[test]
    fn stock_that_is_short_already_is_not_refused_again(
        history in any_method().prop_flat_map(any_history),
        draws in vec(any_draw(any::<bool>()), 1..=60),
    ) {
        check(&history, &draws)?;
    }

    #[test]
    fn the_moves_from_a_month_on_are_enough(
        history in any_method().prop_flat_map(any_history),
        draws in vec(any_draw(Just(true)), 1..=60),
        month in 0_usize..5,
        later in vec(any_draw(prop_oneof![3 => Just(true), 1 => Just(false)]), 1..=10),
    ) {
        check_window(&history, &draws, Some(MONTHS[month]), &later)?;
    }

    #[test]
    fn what_stands_at_the_end_is_enough_for_what_comes_behind_it(
        history in any_method().prop_flat_map(any_history),
        draws in vec(any_draw(Just(true)), 1..=40),
        later in vec(any_draw(prop_oneof![3 => Just(true), 1 => Just(false)]), 1..=30),
    ) {
        check_window(&history, &draws, None, &later)?;
    }
}
