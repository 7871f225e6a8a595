//! As of when there are rows.

use std::time::Duration;

use chrono::{Datelike, Days, NaiveTime};
use cortex_types::Timestamp;

use crate::declaration::RowRule;

const DAY_SECONDS: u64 = 86_400;

/// The instants of `rule` for a training as of `as_of`, oldest first: midnights (UTC), of the declared weekday where
/// there is one, `every` apart, each with its whole `horizon` before `as_of` and none older than `history`.
#[must_use]
pub fn instants(rule: &RowRule, horizon: Duration, as_of: Timestamp) -> Vec<Timestamp> {
    let oldest = as_of.saturating_sub(rule.history.duration());
    let newest_possible = as_of.saturating_sub(horizon);
    let mut day = newest_possible.to_datetime().date_naive();
    if let Some(weekday) = rule.on {
        day = day.week(weekday).first_day();
    }
    let every = Days::new((rule.every.duration().as_secs() / DAY_SECONDS).max(1));
    let mut found = Vec::new();
    loop {
        let instant: Timestamp = day.and_time(NaiveTime::MIN).and_utc().into();
        if instant < oldest {
            break;
        }
        if instant <= newest_possible {
            found.push(instant);
        }
        match day.checked_sub_days(every) {
            // Before the year of the first timestamp there is nothing to find.
            Some(earlier) if earlier.year() > 0 => day = earlier,
            _ => break,
        }
    }
    found.reverse();
    found
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rule(on: Option<chrono::Weekday>) -> RowRule {
        let days = |text: &str| text.parse().unwrap();
        RowRule {
            every: days("7d"),
            on,
            history: days("60d"),
            active_within: days("30d"),
            max: 1_000,
        }
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn rows_fall_on_mondays_whose_horizon_is_over() {
        let month = Duration::from_secs(30 * DAY_SECONDS);
        let found = instants(&rule(Some(chrono::Weekday::Mon)), month, at("2011-06-01T09:30:00Z"));
        // 2011-05-02 plus 30 days is 2011-06-01T00:00; the oldest possible is 2011-04-02T09:30.
        let expected = ["2011-04-04", "2011-04-11", "2011-04-18", "2011-04-25", "2011-05-02"];
        assert_eq!(found, expected.map(at));
    }

    proptest! {
        #[test]
        fn no_instant_looks_past_the_training_or_behind_its_history(
            micros in 1_000_000_000_000_000_i64..1_700_000_000_000_000,
            days in 1_u64..60,
            weekday in proptest::option::of(0_u8..7),
        ) {
            let (as_of, horizon) = (Timestamp::from_micros(micros), Duration::from_secs(days * DAY_SECONDS));
            let rule = rule(weekday.and_then(|day| chrono::Weekday::try_from(day).ok()));
            let found = instants(&rule, horizon, as_of);
            for pair in found.windows(2) {
                prop_assert_eq!(pair[1].since(pair[0]), Duration::from_secs(7 * DAY_SECONDS));
            }
            for instant in found {
                prop_assert!(instant.saturating_add(horizon) <= as_of);
                prop_assert!(instant >= as_of.saturating_sub(rule.history.duration()));
                if let Some(weekday) = rule.on {
                    prop_assert_eq!(instant.to_datetime().weekday(), weekday);
                }
            }
        }
    }
}
