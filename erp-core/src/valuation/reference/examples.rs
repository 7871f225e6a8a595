//! Textbook examples, with their arithmetic.

use super::super::{Method, Recorded, Timeline};
use super::cases::{MAIN, SHOP, day, empty, id, moved, noon, product, standard, undo};
use crate::{Cost, ErpError};

const AVERAGE: Method = Method::MovingAverage;
const FIFO: Method = Method::Fifo;

/// A move on a day: its number is its name.
fn post(timeline: &mut Timeline, number: u128, days: i64, quantity: i64, cost: Cost) -> Recorded {
    post_at(timeline, number, days, MAIN, quantity, cost)
}

fn post_at(timeline: &mut Timeline, number: u128, days: i64, location: &str, quantity: i64, cost: Cost) -> Recorded {
    let entry = moved(number, day(days), location, quantity, cost);
    timeline.record(vec![entry], |_| true).unwrap()
}

fn for_minor(minor: i64) -> Cost {
    Cost::Given { minor, of: None }
}

fn back_to_supplier(minor: i64, of: u128) -> Cost {
    Cost::Given {
        minor,
        of: Some(id(of)),
    }
}

fn back_from_customer(of: u128, offset_micro: i64) -> Cost {
    Cost::Of {
        of: id(of),
        offset_micro,
    }
}

fn dearer(of: u128, of_quantity_micro: i64, minor: i64) -> Cost {
    Cost::Added {
        of: id(of),
        of_quantity_micro,
        minor,
    }
}

fn cancel(timeline: &mut Timeline, number: u128, of: u128) -> Recorded {
    let entry = timeline.moves.iter().find(|entry| entry.id == id(of)).unwrap();
    timeline.record(vec![undo(number, entry)], |_| true).unwrap()
}

/// Quantity and value.
fn there(timeline: &Timeline, location: &str) -> (i64, i64) {
    let holding = timeline.holding(location);
    (holding.quantity_micro, holding.value_minor)
}

/// Which moves are worth how much more.
fn changes(recorded: &Recorded) -> Vec<(u128, i64)> {
    let revalued = recorded.revalued.iter();
    revalued.map(|one| (one.id.0.as_u128(), one.change_minor)).collect()
}

#[test]
fn the_average_moves_with_every_receipt() {
    let mut timeline = empty(AVERAGE);
    post(&mut timeline, 1, 0, 10, for_minor(100));
    post(&mut timeline, 2, 1, 20, for_minor(500));
    // (100 + 500) / (10 + 20) = 20 a piece; 15 pieces are 300.
    assert_eq!(post(&mut timeline, 3, 2, -15, Cost::ByMethod).values, [-300]);
    // 15 pieces of 300 and 5 of 200: 500 / 20 = 25 a piece, so that 4 pieces are 100.
    post(&mut timeline, 4, 3, 5, for_minor(200));
    assert_eq!(post(&mut timeline, 5, 4, -4, Cost::ByMethod).values, [-100]);
    assert_eq!(there(&timeline, MAIN), (16, 400));
}

#[test]
fn halves_go_to_the_even_neighbour_and_the_last_piece_takes_the_rest() {
    let mut timeline = empty(AVERAGE);
    post(&mut timeline, 1, 0, 4, for_minor(10));
    // 10 / 4 = 2.5, to 2; then 8 / 3 = 2.67, to 3; then 5 / 2 = 2.5, to 2; and 10 - 2 - 3 - 2 = 3 is left.
    for (number, value) in [(2, -2), (3, -3), (4, -2), (5, -3)] {
        assert_eq!(post(&mut timeline, number, 1, -1, Cost::ByMethod).values, [value]);
    }
    assert_eq!(there(&timeline, MAIN), (0, 0));
}

#[test]
fn what_came_first_leaves_first() {
    let mut timeline = empty(FIFO);
    post(&mut timeline, 1, 0, 10, for_minor(100));
    post(&mut timeline, 2, 1, 20, for_minor(500));
    // All 10 of the first for 100, and 5 of the second: 500 * 5 / 20 = 125.
    assert_eq!(post(&mut timeline, 3, 2, -15, Cost::ByMethod).values, [-225]);
    // 15 pieces for 375 are left of the second: 375 * 2 / 15 = 50.
    assert_eq!(post(&mut timeline, 4, 3, -2, Cost::ByMethod).values, [-50]);
    assert_eq!(there(&timeline, MAIN), (13, 325));
}

#[test]
fn standard_cost_values_all_alike_and_a_new_one_revalues_what_is_there() {
    let mut timeline = empty(Method::Standard);
    // 12 a piece, and 15 from the noon of the third day on.
    timeline.set_standard(standard(day(0), 120, 10));
    // 10 * 12, whatever was paid.
    assert_eq!(post(&mut timeline, 1, 0, 10, for_minor(100)).values, [120]);
    assert_eq!(post(&mut timeline, 2, 1, -4, Cost::ByMethod).values, [-48]);
    timeline.set_standard(standard(noon(2), 15, 1));
    // 6 pieces are left: 6 * (15 - 12) = 18.
    let change = moved(3, noon(2), MAIN, 0, Cost::ByMethod);
    assert_eq!(timeline.record(vec![change], |_| true).unwrap().values, [18]);
    // 8 are sold and 6 are there: below zero it is the standard cost too. 8 * 15 = 120.
    assert_eq!(post(&mut timeline, 4, 3, -8, Cost::ByMethod).values, [-120]);
    assert_eq!(there(&timeline, MAIN), (-2, -30));
    // What comes late leaves at the cost of its day, 2 * 12, and 2 fewer are revalued: 2 * 3 = 6.
    let late = post(&mut timeline, 5, 1, -2, Cost::ByMethod);
    assert_eq!((late.values.clone(), changes(&late)), (vec![-24], vec![(3, -6)]));
    assert_eq!(there(&timeline, MAIN), (-4, -60));
    // Of two from the same time the one that was said last: 6 a piece for the one that is found, and -3 * 6 for all that
    // are short then, which were -60: -18 + 60 = 42.
    timeline.set_standard(standard(day(9), 5, 1));
    timeline.set_standard(standard(day(9), 6, 1));
    assert_eq!(post(&mut timeline, 7, 9, 1, Cost::Known).values, [42]);
    // Before the first standard cost there is none but that.
    assert_eq!(post(&mut timeline, 6, -1, 1, for_minor(99)).values, [12]);
}

#[test]
fn a_standard_cost_is_that_of_all_that_moves_at_its_very_time() {
    let mut timeline = empty(Method::Standard);
    timeline.set_standard(standard(day(0), 12, 1));
    post(&mut timeline, 1, 0, 10, for_minor(100));
    assert_eq!(post(&mut timeline, 2, 2, -4, Cost::ByMethod).values, [-48]);
    timeline.set_standard(standard(day(2), 15, 1));
    // All 10 are 3 dearer before 4 of them leave, at 15 a piece.
    let change = post(&mut timeline, 3, 2, 0, Cost::ByMethod);
    assert_eq!((change.values.clone(), changes(&change)), (vec![30], vec![(2, -12)]));
    assert_eq!(there(&timeline, MAIN), (6, 90));
    // Another one from the same time takes its place: 5 more for each of the ten, and the four.
    timeline.set_standard(standard(day(2), 20, 1));
    let change = post(&mut timeline, 4, 2, 0, Cost::ByMethod);
    assert_eq!(
        (change.values.clone(), changes(&change)),
        (vec![0], vec![(3, 50), (2, -20)])
    );
    assert_eq!(there(&timeline, MAIN), (6, 120));
}

#[test]
fn what_comes_back_from_a_customer_comes_at_what_it_left_for() {
    for method in [AVERAGE, FIFO] {
        let mut timeline = empty(method);
        post(&mut timeline, 1, 0, 3, for_minor(100));
        post(&mut timeline, 2, 1, -3, Cost::ByMethod);
        post(&mut timeline, 3, 2, 10, for_minor(1000));
        // 100 / 3 = 33.33, to 33; then 200 / 3 - 33 = 66.67 - 33, to 67 - 33 = 34; then 100 - 67 = 33.
        for (offset, value) in [(0, 33), (1, 34), (2, 33)] {
            let cost = back_from_customer(2, offset);
            let number = 4 + u128::try_from(offset).unwrap();
            assert_eq!(post(&mut timeline, number, 3, 1, cost).values, [value]);
        }
        assert_eq!(there(&timeline, MAIN), (13, 1100));
    }
}

#[test]
fn what_goes_back_to_a_supplier_leaves_at_what_the_supplier_gives_for_it() {
    let mut average = empty(AVERAGE);
    post(&mut average, 1, 0, 10, for_minor(100));
    post(&mut average, 2, 1, 10, for_minor(300));
    assert_eq!(post(&mut average, 3, 2, -5, back_to_supplier(150, 2)).values, [-150]);
    // 15 pieces for 250 are left. Nobody gets more than there is: 300 would be, 250 is.
    assert_eq!(post(&mut average, 4, 3, -10, back_to_supplier(300, 1)).values, [-250]);
    assert_eq!(there(&average, MAIN), (5, 0));

    let mut fifo = empty(FIFO);
    post(&mut fifo, 1, 0, 10, for_minor(100));
    post(&mut fifo, 2, 1, 10, for_minor(300));
    // Its own pieces at their cost, 300 * 4 / 10 = 120, whatever is given for them.
    assert_eq!(post(&mut fifo, 3, 2, -4, back_to_supplier(150, 2)).values, [-120]);
    // The other 6 of its own for 180, and 2 of the oldest: 100 * 2 / 10 = 20.
    assert_eq!(post(&mut fifo, 4, 3, -8, back_to_supplier(0, 2)).values, [-200]);
    assert_eq!(there(&fifo, MAIN), (8, 80));
}

#[test]
fn what_goes_back_takes_its_freight_with_it() {
    for method in [AVERAGE, FIFO] {
        let mut timeline = empty(method);
        post(&mut timeline, 1, 0, 10, for_minor(100));
        post(&mut timeline, 2, 1, 10, for_minor(100));
        post(&mut timeline, 3, 2, 0, dearer(1, 10, 20));
        // 5 of the first 10, which cost 120 with their freight, and one of the others, which bears none.
        assert_eq!(post(&mut timeline, 4, 3, -5, back_to_supplier(50, 1)).values, [-60]);
        assert_eq!(post(&mut timeline, 5, 3, -1, back_to_supplier(10, 2)).values, [-10]);
        // What is added to the first ones later is for the return too, as long as it stands before that.
        let late = post(&mut timeline, 6, 2, 0, dearer(1, 10, 10));
        assert_eq!((late.values.clone(), changes(&late)), (vec![10], vec![(4, -5)]));
        let cancelled = cancel(&mut timeline, 7, 6);
        assert_eq!(
            (cancelled.values.clone(), changes(&cancelled)),
            (vec![-10], vec![(4, 5)])
        );
        assert_eq!(there(&timeline, MAIN), (14, 150));
    }
}

#[test]
fn a_receipt_fills_what_was_short_and_expenses_what_that_cost() {
    for method in [AVERAGE, FIFO] {
        let mut timeline = empty(method);
        post(&mut timeline, 1, 0, 10, for_minor(100));
        // 10 for 100, and 5 beyond them at the last known 10 a piece.
        assert_eq!(post(&mut timeline, 2, 1, -15, Cost::ByMethod).values, [-150]);
        assert_eq!(there(&timeline, MAIN), (-5, -50));
        // 2 of the 5 are filled: -50 * 2 / 5 = -20 is replaced, and all of the 30 is expensed.
        assert_eq!(post(&mut timeline, 3, 2, 2, for_minor(30)).values, [20]);
        assert_eq!(there(&timeline, MAIN), (-3, -30));
        // The other 3: -30 is replaced. Of 120 for 8 pieces 120 * 3 / 8 = 45 is expensed, 5 pieces for 75 are stock.
        assert_eq!(post(&mut timeline, 4, 3, 8, for_minor(120)).values, [105]);
        assert_eq!(there(&timeline, MAIN), (5, 75));
        assert_eq!(post(&mut timeline, 5, 4, -1, Cost::ByMethod).values, [-15]);
    }
}

#[test]
fn what_never_had_a_cost_leaves_for_nothing_and_what_is_found_comes_at_the_known_cost() {
    for method in [AVERAGE, FIFO] {
        let mut timeline = empty(method);
        assert_eq!(post(&mut timeline, 1, 0, -2, Cost::ByMethod).values, [0]);
        assert_eq!(post(&mut timeline, 2, 1, 3, Cost::Known).values, [0]);
        // One is there for nothing, and 4 come for 60.
        post(&mut timeline, 3, 2, 4, for_minor(60));
        // The average is 60 / 5 = 12, so that 2 are 24; the newest cost is 60 / 4 = 15, so that 2 are 30.
        let known = if method == FIFO { 30 } else { 24 };
        assert_eq!(post(&mut timeline, 4, 3, 2, Cost::Known).values, [known]);
    }
}

#[test]
fn a_receipt_that_comes_late_gives_what_stands_behind_it_its_right_value() {
    let mut average = empty(AVERAGE);
    post(&mut average, 1, 0, 10, for_minor(100));
    post(&mut average, 2, 10, -5, Cost::ByMethod);
    // 10 for 100 and 10 for 300 are 20 a piece: the 5 sold are 100, not 50.
    let late = post(&mut average, 3, 5, 10, for_minor(300));
    assert_eq!((late.values.clone(), changes(&late)), (vec![300], vec![(2, -50)]));
    assert_eq!(there(&average, MAIN), (15, 300));

    let mut fifo = empty(FIFO);
    post(&mut fifo, 1, 5, 10, for_minor(300));
    post(&mut fifo, 2, 10, -12, Cost::ByMethod);
    assert_eq!(there(&fifo, MAIN), (-2, -60));
    // Now 10 leave for 100 and 2 for 300 * 2 / 10 = 60: 160 instead of the 360 that were 300 and 2 at 30.
    let late = post(&mut fifo, 3, 0, 10, for_minor(100));
    assert_eq!((late.values.clone(), changes(&late)), (vec![100], vec![(2, 200)]));
    assert_eq!(there(&fifo, MAIN), (8, 240));
}

#[test]
fn what_comes_late_changes_a_transfer_and_a_return_at_the_other_location() {
    let mut timeline = empty(AVERAGE);
    post(&mut timeline, 1, 0, 10, for_minor(100));
    let out = moved(2, day(2), MAIN, -4, Cost::ByMethod);
    let into = moved(3, day(2), SHOP, 4, back_from_customer(2, 0));
    assert_eq!(timeline.record(vec![out, into], |_| true).unwrap().values, [-40, 40]);
    assert_eq!(post_at(&mut timeline, 4, 3, SHOP, -2, Cost::ByMethod).values, [-20]);
    assert_eq!(post(&mut timeline, 5, 4, 1, back_from_customer(4, 0)).values, [10]);
    // 20 pieces for 400: 20 a piece. 4 are 80 out and in, 2 are 40 sold, 1 is 20 back.
    let late = post(&mut timeline, 6, 1, 10, for_minor(300));
    assert_eq!(changes(&late), [(2, -40), (3, 40), (4, -20), (5, 10)]);
    assert_eq!((there(&timeline, MAIN), there(&timeline, SHOP)), ((17, 340), (2, 40)));
}

#[test]
fn what_is_cancelled_has_never_been() {
    let mut timeline = empty(AVERAGE);
    post(&mut timeline, 1, 0, 10, for_minor(100));
    post(&mut timeline, 2, 1, 10, for_minor(300));
    assert_eq!(post(&mut timeline, 3, 2, -5, Cost::ByMethod).values, [-100]);
    // Without the second receipt a piece is 10 again: the 5 sold are 50.
    let cancelled = cancel(&mut timeline, 4, 2);
    assert_eq!(
        (cancelled.values.clone(), changes(&cancelled)),
        (vec![-300], vec![(3, 50)])
    );
    assert_eq!(there(&timeline, MAIN), (5, 50));
    // What was cancelled stays what it was when something comes late: 10 for 100 and 10 for 500 are 30 a piece.
    let late = post(&mut timeline, 5, 0, 10, for_minor(500));
    assert_eq!(changes(&late), [(3, -100)]);
    assert_eq!(timeline.original(id(2)).unwrap().value_minor, 300);
    assert_eq!(there(&timeline, MAIN), (15, 450));
}

#[test]
fn what_cost_more_makes_dearer_what_was_sold_since() {
    for method in [AVERAGE, FIFO] {
        let mut timeline = empty(method);
        post(&mut timeline, 1, 0, 10, for_minor(100));
        post(&mut timeline, 2, 1, -4, Cost::ByMethod);
        // At the time of the receipt all 10 are there: 160 for 10, so that the 4 sold are 64, not 40.
        let bill = post(&mut timeline, 3, 0, 0, dearer(1, 10, 60));
        assert_eq!((bill.values.clone(), changes(&bill)), (vec![60], vec![(2, -24)]));
        assert_eq!(there(&timeline, MAIN), (6, 96));
        // Later only 6 of the 10 are: 50 * 6 / 10 = 30 of it is stock.
        assert_eq!(post(&mut timeline, 4, 2, 0, dearer(1, 10, 50)).values, [30]);
        // A rebate is never more than there is: -400 * 6 / 10 = -240, and 126 is.
        assert_eq!(post(&mut timeline, 5, 3, 0, dearer(1, 10, -400)).values, [-126]);
        assert_eq!(there(&timeline, MAIN), (6, 0));
    }
}

#[test]
fn what_is_added_stands_behind_its_own_receipt_even_where_another_move_is_between() {
    let mut timeline = empty(AVERAGE);
    post(&mut timeline, 1, 0, 10, for_minor(100));
    post(&mut timeline, 2, 0, -10, Cost::ByMethod);
    // Nothing is there at the end of the day, but all 10 were when they came: the sale has cost 160.
    let bill = post(&mut timeline, 3, 0, 0, dearer(1, 10, 60));
    assert_eq!((bill.values.clone(), changes(&bill)), (vec![60], vec![(2, -60)]));
    let order: Vec<u128> = timeline.moves.iter().map(|entry| entry.id.0.as_u128()).collect();
    assert_eq!(order, [1, 3, 2]);
}

#[test]
fn what_would_be_short_is_refused_by_what_was_not_short_before() {
    let refused = |timeline: &mut Timeline, entry| match timeline.record(vec![entry], |_| false) {
        Err(ErpError::InsufficientStock { at, short_micro, .. }) => Some((at, short_micro)),
        _ => None,
    };
    let mut timeline = empty(AVERAGE);
    post(&mut timeline, 1, 0, 10, for_minor(100));
    post(&mut timeline, 2, 5, -8, Cost::ByMethod);
    // 10 - 3 - 8 = -1 on the fifth day.
    let late = moved(3, day(3), MAIN, -3, Cost::ByMethod);
    assert_eq!(refused(&mut timeline.clone(), late), Some((day(5), 1)));
    // Without the receipt nothing is there for the sale, on another day or on the same.
    let receipt = timeline.moves[0].clone();
    assert_eq!(refused(&mut timeline.clone(), undo(3, &receipt)), Some((day(5), 8)));
    let mut same_day = empty(AVERAGE);
    post(&mut same_day, 1, 0, 10, for_minor(100));
    post(&mut same_day, 2, 0, -8, Cost::ByMethod);
    assert_eq!(refused(&mut same_day, undo(3, &receipt)), Some((day(0), 8)));
    // What is short already is not the fault of what comes: -8 is -5 now.
    let mut short = empty(AVERAGE);
    post(&mut short, 1, 5, -8, Cost::ByMethod);
    assert_eq!(refused(&mut short, moved(2, day(0), MAIN, 3, for_minor(30))), None);
    assert_eq!(there(&short, MAIN), (-5, -50));
}

#[test]
fn months_begin_with_what_there_was_and_the_moves_from_then_on_are_enough() {
    let mut full = empty(AVERAGE);
    post(&mut full, 1, 10, 10, for_minor(100));
    // The second month begins with day 31, the third with day 60.
    post(&mut full, 2, 31, -5, Cost::ByMethod);
    post(&mut full, 3, 70, -1, Cost::ByMethod);
    let at = |timeline: &Timeline, days| timeline.checkpoints[&day(days)][MAIN].value_minor;
    assert_eq!((at(&full, 31), at(&full, 60)), (100, 50));
    let mut window = Timeline::at_its_end(&product(AVERAGE), full.now.clone(), full.newest_at);
    window.with_history(day(31), full.checkpoints[&day(31)].clone(), full.moves[1..].to_vec());
    // 5 for 50 and 5 for 150 are 20 a piece: the last one sold is 20, not 10.
    let late = moved(4, day(40), MAIN, 5, for_minor(150));
    let expected = full.record(vec![late.clone()], |_| true).unwrap();
    assert_eq!(
        (changes(&expected), at(&full, 31), at(&full, 60)),
        (vec![(3, -10)], 100, 200)
    );
    assert_eq!(window.record(vec![late], |_| true).unwrap(), expected);
    assert_eq!((&window.now, at(&window, 60)), (&full.now, 200));
    // Nothing is at hand from before the window.
    let early = moved(5, day(20), MAIN, 1, for_minor(10));
    assert!(matches!(
        window.record(vec![early], |_| true),
        Err(ErpError::HistoryMissing { .. })
    ));
}
