//! What arrives in a raw feed and must not get in.

use chrono::NaiveDate;

use super::draws::{Draws, Purpose, Stream};
use super::events::{DirtyRow, Flaw};

const FLAWS: [Flaw; 5] = [
    Flaw::UnknownProduct,
    Flaw::NegativePrice,
    Flaw::ImpossibleDate,
    Flaw::NoQuantity,
    Flaw::Truncated,
];

pub fn rows(day: u32, date: NaiveDate, per_day: f64, draws: Draws) -> Vec<DirtyRow> {
    let count = draws.of(Purpose::Dirt, 0, day).poisson(per_day);
    (1..=count)
        .map(|no| row(day, date, no, &mut draws.of(Purpose::Dirt, no, day)))
        .collect()
}

fn row(day: u32, date: NaiveDate, no: u32, stream: &mut Stream) -> DirtyRow {
    let flaw = FLAWS[stream.whole(0, 4) as usize];
    let number = format!("X{day:03}{no:02}");
    let product = format!("P{:04}", stream.whole(0, 99));
    let customer = format!("C{:05}", stream.whole(0, 99));
    let good = |product: &str, pieces: &str, at: &str, price: &str| {
        format!("{number},{product},FEED LINE,{pieces},{at},{price},{customer},United Kingdom")
    };
    let at = format!("{date} 11:00:00");
    let raw = match flaw {
        Flaw::UnknownProduct => good("NOSUCH", "4", &at, "2.55"),
        Flaw::NegativePrice => good(&product, "4", &at, "-2.55"),
        Flaw::ImpossibleDate => good(&product, "4", "2024-02-31 11:00:00", "2.55"),
        Flaw::NoQuantity => good(&product, "", &at, "2.55"),
        Flaw::Truncated => format!("{number},{product},FEED LI"),
    };
    DirtyRow { raw, flaw }
}
