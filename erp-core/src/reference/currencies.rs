//! ISO 4217: the currencies that documents may be in.

use std::sync::LazyLock;

use cortex_types::Currency;

/// A currency, as ISO 4217 has it. How many decimals it has, [`Currency::exponent`] says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReferenceCurrency {
    pub currency: Currency,
    pub numeric: u16,
    pub name: String,
}

/// Numeric codes have three digits.
const NUMERIC_MAX: u16 = 999;

/// Withdrawn since 2020, and in the table of nobody any more; its number went to `XCG`. History may still be posted in it.
const WITHDRAWN: [(&str, u16, &str); 1] = [("ANG", 532, "Netherlands Antillean guilder")];

static CURRENCIES: LazyLock<Vec<ReferenceCurrency>> = LazyLock::new(|| {
    let listed = (1..=NUMERIC_MAX).filter_map(|numeric| {
        let known = iso_currency::Currency::from_numeric(numeric)?;
        reference(known.code(), numeric, known.name())
    });
    let withdrawn = WITHDRAWN
        .iter()
        .filter_map(|(code, numeric, name)| reference(code, *numeric, name));
    let mut all: Vec<_> = listed.chain(withdrawn).collect();
    all.sort_by_key(|of| of.currency);
    all
});

/// `None` for metals, units of account and the codes for testing: no document is in them.
fn reference(code: &str, numeric: u16, name: &str) -> Option<ReferenceCurrency> {
    let currency: Currency = code.parse().ok()?;
    currency.is_iso_4217().then(|| ReferenceCurrency {
        currency,
        numeric,
        name: name.to_owned(),
    })
}

/// All that documents may be in, by code.
#[must_use]
pub fn currencies() -> &'static [ReferenceCurrency] {
    &CURRENCIES
}

/// The one with this code, such as `GBP`.
#[must_use]
pub fn currency(code: &str) -> Option<&'static ReferenceCurrency> {
    let all = currencies();
    let place = all.binary_search_by(|of| of.currency.as_str().cmp(code)).ok()?;
    all.get(place)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn every_code() -> impl Iterator<Item = Currency> {
        let letters = || b'A'..=b'Z';
        letters()
            .flat_map(move |one| letters().flat_map(move |two| letters().map(move |three| [one, two, three])))
            .map(|code| std::str::from_utf8(&code).unwrap().parse().unwrap())
    }

    #[test]
    fn what_documents_may_be_in_is_here_and_nothing_else() {
        for code in every_code() {
            assert_eq!(currency(code.as_str()).is_some(), code.is_iso_4217(), "{code}");
        }
        let codes: BTreeSet<_> = currencies().iter().map(|of| of.currency).collect();
        assert_eq!(codes.len(), currencies().len(), "a code stands twice");
    }

    #[test]
    fn decimals_are_those_that_money_is_kept_with() {
        for of in currencies() {
            let listed = iso_currency::Currency::from_code(of.currency.as_str()).map(|known| known.exponent());
            match listed {
                Some(decimals) => assert_eq!(decimals.map(u32::from), Some(of.currency.exponent()), "{}", of.currency),
                None => assert!(WITHDRAWN.iter().any(|(code, ..)| *code == of.currency.as_str())),
            }
        }
    }

    #[test]
    fn codes_numbers_and_names_are_those_of_the_standard() {
        for (code, numeric, name) in [
            ("GBP", 826, "Pound sterling"),
            ("JPY", 392, "Japanese yen"),
            ("ALL", 8, "Albanian lek"),
            ("XCG", 532, "Caribean guilder"),
            ("ANG", 532, "Netherlands Antillean guilder"),
        ] {
            let of = currency(code).unwrap();
            assert_eq!((of.numeric, of.name.as_str()), (numeric, name));
        }
        for none in ["XAU", "XXX", "ZZZ", "gbp", "GB", ""] {
            assert_eq!(currency(none), None, "{none}");
        }
    }
}
