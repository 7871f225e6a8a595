//! A small file in the layout of the Online Retail data set, with its kinds of dirt, the same on every run.

use std::fmt::Write;

/// Few enough to come again, many enough that not all of them do.
const CUSTOMERS: usize = 400;
const REGULARS: usize = 40;

const HEADER: &str = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n";

/// `count` files of `invoices` invoices each, one after the other.
#[must_use]
pub fn files(count: usize, invoices: usize) -> Vec<String> {
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
    let file = |file: usize| {
        let mut out = String::from(HEADER);
        (file * invoices..(file + 1) * invoices).for_each(|number| invoice(&mut out, &mut dice, number));
        out
    };
    (0..count).map(file).collect()
}

/// `invoices` invoices of some lines each, beginning on 2011-01-03.
#[must_use]
pub fn file(invoices: usize) -> String {
    let mut out = files(1, invoices).concat();
    out.push_str("not,a,line\n");
    out.push_str("900001,10001,MUG,six,2011-01-03 10:00:00,1.25,12346.0,France\n");
    out
}

fn invoice(out: &mut String, dice: &mut Dice, number: usize) {
    let day = number / 20;
    let date = format!(
        "2011-{:02}-{:02} {:02}:{:02}:00",
        1 + day / 28,
        1 + day % 28,
        8 + number % 10,
        dice.roll(60)
    );
    let customer = if dice.roll(4) == 0 {
        String::new()
    } else {
        format!("{}.0", 12_346 + customer(dice))
    };
    let cancelled = number > 10 && dice.roll(12) == 0;
    let (prefix, sign) = if cancelled { ("C", -1) } else { ("", 1) };
    for _ in 0..=dice.roll(6) {
        let code = 10_001 + dice.roll(40);
        let pieces = sign * i64::try_from(1 + dice.roll(24)).unwrap_or(1);
        let pence = 25 + dice.roll(900);
        // Writing to a string cannot fail.
        let _ = writeln!(
            out,
            "{prefix}{},{code},PRODUCT {code},{pieces},{date},{}.{:02},{customer},United Kingdom",
            536_000 + number,
            pence / 100,
            pence % 100
        );
    }
    if dice.roll(15) == 0 {
        let _ = writeln!(
            out,
            "{},POST,POSTAGE,1,{date},18.0,{customer},United Kingdom",
            700_000 + number
        );
    }
}

/// Some buy all the time, most now and then: what they bought says whether they come again.
fn customer(dice: &mut Dice) -> usize {
    let among = if dice.roll(3) == 0 { CUSTOMERS } else { REGULARS };
    dice.roll(among)
}

/// Small, seeded, and good enough to be dirty with.
struct Dice(u64);

impl Dice {
    /// Uniform in `0..sides`.
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap_or(0) % sides
    }
}
