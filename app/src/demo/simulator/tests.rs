//! Whole years, small ones: what must hold whatever is done, and what doing better is worth.

use std::collections::{BTreeMap, BTreeSet};

use super::events::ReceiptLine;
use super::truth::Truth;
use super::*;

fn small(seed: u64) -> SimulatorConfig {
    SimulatorConfig {
        seed,
        customers: 240,
        products: 60,
        ..SimulatorConfig::default()
    }
}

/// Plays a year; the policy decides every Monday.
fn year(
    config: SimulatorConfig,
    mut policy: impl FnMut(&Simulator, &[DayEvents]) -> Actions,
) -> (Books, Vec<DayEvents>) {
    let mut simulator = Simulator::new(config);
    let mut days: Vec<DayEvents> = Vec::new();
    while !simulator.is_over() {
        let actions = if simulator.day().is_multiple_of(7) {
            policy(&simulator, &days)
        } else {
            Actions::default()
        };
        days.push(simulator.step(&actions));
    }
    (*simulator.books(), days)
}

const BUDGET: usize = 8;

fn naive(simulator: &Simulator, _: &[DayEvents]) -> Actions {
    Actions {
        offers: vec![],
        reorders: reorder_min_max(&simulator.stock()),
    }
}

fn open_shops(simulator: &Simulator) -> Vec<CustomerNo> {
    simulator
        .shops()
        .iter()
        .filter(|shop| shop.since_day <= simulator.day())
        .map(|shop| shop.no)
        .collect()
}

/// Knows what the model hides.
fn oracle(simulator: &Simulator, _: &[DayEvents]) -> Actions {
    let truth = Truth(simulator);
    let mut drifting: Vec<CustomerNo> = open_shops(simulator)
        .into_iter()
        .filter(|shop| truth.drifts(*shop))
        .collect();
    drifting.sort_by(|left, right| truth.worth(*right).total_cmp(&truth.worth(*left)));
    drifting.truncate(BUDGET);
    let horizons: BTreeMap<u32, Vec<f64>> = simulator
        .suppliers()
        .iter()
        .map(|supplier| {
            (
                supplier.lead_time_days,
                truth.expected_pieces(supplier.lead_time_days + 7),
            )
        })
        .collect();
    // As the forecast of seven days that leads to the expected demand over lead time and review.
    let forecast = simulator.stock().into_iter().map(|position| {
        let expected = horizons[&position.lead_time_days][position.product.0 as usize];
        (
            position.product,
            7.0 * expected / f64::from(position.lead_time_days + 7),
        )
    });
    let forecast = forecast.collect();
    Actions {
        offers: drifting,
        reorders: reorder_to_forecast(&simulator.stock(), &forecast, 1.5),
    }
}

/// Reads nothing but the invoices: who is overdue by their own rhythm, and worth something.
fn overdue(simulator: &Simulator, days: &[DayEvents], offered: &mut BTreeMap<CustomerNo, u32>) -> Vec<CustomerNo> {
    let today = simulator.day();
    let mut bought: BTreeMap<CustomerNo, (Vec<u32>, i64)> = BTreeMap::new();
    for day in &days[days.len().saturating_sub(180)..] {
        for invoice in &day.invoices {
            let (on, spent) = bought.entry(invoice.customer).or_default();
            on.push(day.day);
            *spent += invoice.net_minor();
        }
    }
    let candidates: Vec<Candidate> = bought
        .into_iter()
        .filter(|(_, (on, _))| on.len() >= 2)
        .map(|(customer, (on, value_minor))| {
            let rhythm = f64::from(on[on.len() - 1] - on[0]) / (on.len() - 1) as f64;
            let late = f64::from(today - on[on.len() - 1]) / rhythm.max(3.0);
            let score = if (1.8..6.0).contains(&late) { 0.1 } else { 0.9 };
            Candidate {
                customer,
                score,
                value_minor,
                last_offer_day: offered.get(&customer).copied(),
            }
        })
        .collect();
    let chosen = offers_to_those_at_risk(&candidates, today, BUDGET);
    chosen.iter().for_each(|customer| {
        offered.insert(*customer, today);
    });
    chosen
}

#[test]
fn the_same_seed_and_actions_give_the_same_year() {
    let (books, days) = year(small(7), naive);
    let (books_again, days_again) = year(small(7), naive);
    assert_eq!((books, &days), (books_again, &days_again));
    assert_ne!(days[10], year(SimulatorConfig { days: 11, ..small(8) }, naive).1[10]);
}

#[test]
fn actions_move_nothing_but_what_follows_from_them() {
    let days = 60;
    let config = SimulatorConfig { days, ..small(7) };
    let (_, alone) = year(config.clone(), naive);
    let favoured = CustomerNo(3);
    let (_, offered) = year(config, |simulator, days| Actions {
        offers: vec![favoured],
        ..naive(simulator, days)
    });
    // What others want, and when: delivered or not. Only what is on the shelf may differ.
    let wanted_by_others = |days: &[DayEvents]| -> BTreeSet<(u32, CustomerNo, ProductNo)> {
        let delivered = days.iter().flat_map(|day| {
            let lines = day
                .invoices
                .iter()
                .flat_map(|invoice| invoice.lines.iter().map(|line| (invoice.customer, line)));
            lines.map(|(customer, line)| (day.day, customer, line.product))
        });
        let missing = days.iter().flat_map(|day| {
            day.lost_sales
                .iter()
                .filter_map(|lost| Some((day.day, lost.customer?, lost.product)))
        });
        delivered.chain(missing).filter(|wanted| wanted.1 != favoured).collect()
    };
    assert_eq!(wanted_by_others(&alone), wanted_by_others(&offered));
    let dirty = |days: &[DayEvents]| days.iter().flat_map(|day| day.dirty_rows.clone()).collect::<Vec<_>>();
    assert_eq!(dirty(&alone), dirty(&offered));
}

#[test]
fn nothing_is_sold_that_is_not_there_and_money_adds_up() {
    let (books, days) = year(small(7), naive);
    let mut on_hand: BTreeMap<ProductNo, i64> = BTreeMap::new();
    let (mut revenue, mut lost) = (0, 0);
    for day in &days {
        let receipts = day.receipts.iter().flat_map(|receipt| &receipt.lines);
        receipts.for_each(|line| *on_hand.entry(line.product).or_default() += line.pieces);
        let sold = day.invoices.iter().flat_map(|invoice| &invoice.lines);
        for line in sold.chain(day.cash_sales.iter().flat_map(|sale| &sale.lines)) {
            let left = on_hand.entry(line.product).or_default();
            *left -= line.pieces;
            revenue += line.net_minor();
            assert!(
                *left >= 0 && line.pieces > 0,
                "day {}: {} of {:?}",
                day.day,
                left,
                line.product
            );
        }
        for note in &day.credit_notes {
            revenue -= note.net_minor;
            if note.reason == CreditReason::Return {
                *on_hand.entry(note.product).or_default() += note.pieces;
            }
        }
        lost += day.lost_sales.iter().map(|lost| lost.revenue_minor).sum::<i64>();
    }
    assert_eq!((books.revenue_minor, books.lost_revenue_minor), (revenue, lost));
}

#[test]
fn goods_arrive_after_their_lead_time_and_not_without_an_order() {
    let (mut ordered, mut lead) = (
        BTreeMap::<ProductNo, Vec<u32>>::new(),
        BTreeMap::<ProductNo, u32>::new(),
    );
    let (_, days) = year(small(7), |simulator, days| {
        let actions = naive(simulator, days);
        lead.extend(
            simulator
                .stock()
                .iter()
                .map(|position| (position.product, position.lead_time_days)),
        );
        let reordered = actions.reorders.keys();
        reordered.for_each(|product| ordered.entry(*product).or_default().push(simulator.day()));
        actions
    });
    let launched: BTreeMap<ProductNo, u32> = Simulator::new(small(7))
        .products()
        .iter()
        .map(|product| (product.no, product.launched_on))
        .collect();
    let (mut on_time, mut late) = (0, 0);
    for receipt in days.iter().flat_map(|day| &day.receipts) {
        let repeat = |line: &&ReceiptLine| launched[&line.product] != receipt.day;
        for line in receipt.lines.iter().filter(repeat) {
            let quoted = receipt
                .day
                .checked_sub(lead[&line.product])
                .expect("earlier than any order allows");
            let delays = ordered[&line.product].iter().filter_map(|on| quoted.checked_sub(*on));
            match delays.min().expect("nobody ordered it") {
                0 => on_time += 1,
                1..=6 => late += 1,
                days => panic!("{line:?} came {days} days late"),
            }
        }
    }
    assert!(late > 0 && on_time > 2 * late, "{on_time} on time, {late} late");
}

#[test]
fn a_year_has_everything_that_a_year_has() {
    let (books, days) = year(small(7), naive);
    let count = |of: fn(&DayEvents) -> usize| days.iter().map(of).sum::<usize>();
    assert!(count(|day| day.credit_notes.len()) > 50);
    assert!(count(|day| day.cash_sales.len()) > 500);
    assert!(count(|day| day.dirty_rows.len()) > 300);
    assert!(count(|day| day.lost_sales.len()) > 100);
    let late = days
        .iter()
        .flat_map(|day| &day.payments)
        .filter(|payment| payment.days_late > 30)
        .count();
    assert!(late > 20, "{late} late payments");
    assert!((0.7..0.99).contains(&books.fill_rate()), "{}", books.fill_rate());
    let gross = (books.revenue_minor - books.cogs_minor) as f64 / books.revenue_minor as f64;
    assert!((0.35..0.55).contains(&gross), "a gross margin of {gross}");
}

#[test]
fn knowing_demand_and_who_drifts_beats_the_usual_way_on_every_seed() {
    for seed in [7, 8, 9] {
        let ((usual, _), (best, _)) = (year(small(seed), naive), year(small(seed), oracle));
        assert!(best.fill_rate() > usual.fill_rate());
        assert!(
            best.margin_minor() > usual.margin_minor() * 103 / 100,
            "{usual:?}\n{best:?}"
        );
    }
}

/// So much stock that nobody's order depends on anybody else's.
fn plenty(simulator: &Simulator) -> BTreeMap<ProductNo, i64> {
    let stock = simulator.stock();
    let forecast = stock
        .iter()
        .map(|position| (position.product, 40.0 + position.sold_28_days as f64))
        .collect();
    reorder_to_forecast(&stock, &forecast, SAFETY)
}

#[test]
fn offers_to_shops_that_are_overdue_earn_more_than_offers_by_lot() {
    let margin = |seed, offers: &mut dyn FnMut(&Simulator, &[DayEvents]) -> Vec<CustomerNo>| {
        // Stock costs nothing here: it is offers that are weighed.
        let config = SimulatorConfig {
            holding_rate: 0.0,
            ..small(seed)
        };
        let (books, _) = year(config, |simulator, days| Actions {
            offers: offers(simulator, days),
            reorders: plenty(simulator),
        });
        books.margin_minor()
    };
    let (mut without, mut by_lot, mut by_sight) = (0, 0, 0);
    for seed in 7..12 {
        without += margin(seed, &mut |_, _| Vec::new());
        by_lot += margin(seed, &mut |simulator, _| {
            offers_at_random(seed, simulator.day(), &open_shops(simulator), BUDGET)
        });
        let mut offered = BTreeMap::new();
        by_sight += margin(seed, &mut |simulator, days| overdue(simulator, days, &mut offered));
    }
    assert!(
        by_sight > by_lot && by_lot > without,
        "without {without}, by lot {by_lot}, by sight {by_sight}"
    );
}
