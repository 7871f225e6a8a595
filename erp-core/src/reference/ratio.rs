//! How many of one thing another is, exactly: an inch is 254/10000 of a metre, and a survey foot 1200/3937.

use std::fmt;

use rust_decimal::Decimal;

/// A fraction above zero, in lowest terms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ratio {
    numerator: i128,
    denominator: i128,
}

const fn common_divisor(one: i128, other: i128) -> i128 {
    let (mut one, mut other) = (one, other);
    while other != 0 {
        (one, other) = (other, one % other);
    }
    if one < 0 { -one } else { one }
}

impl Ratio {
    pub const ONE: Self = Self::whole(1);

    #[must_use]
    pub(super) const fn new(numerator: i64, denominator: i64) -> Self {
        Self::reduced(numerator as i128, denominator as i128)
    }

    #[must_use]
    pub(super) const fn whole(count: i64) -> Self {
        Self::new(count, 1)
    }

    /// `digits` with the point before the last `decimals` of them.
    #[must_use]
    pub(super) const fn decimal(digits: i64, decimals: u32) -> Self {
        Self::reduced(digits as i128, 10_i128.pow(decimals))
    }

    const fn reduced(numerator: i128, denominator: i128) -> Self {
        let divisor = common_divisor(numerator, denominator);
        Self {
            numerator: numerator / divisor,
            denominator: denominator / divisor,
        }
    }

    /// `None` for what is not above zero.
    #[must_use]
    pub fn from_decimal(decimal: Decimal) -> Option<Self> {
        let denominator = 10_i128.checked_pow(decimal.scale())?;
        (decimal.mantissa() > 0).then(|| Self::reduced(decimal.mantissa(), denominator))
    }

    /// `None` where the numbers become too long to be exact.
    #[must_use]
    pub fn per(self, other: Self) -> Option<Self> {
        let above = common_divisor(self.numerator, other.numerator);
        let below = common_divisor(self.denominator, other.denominator);
        Some(Self {
            numerator: (self.numerator / above).checked_mul(other.denominator / below)?,
            denominator: (self.denominator / below).checked_mul(other.numerator / above)?,
        })
    }

    /// So many times `count`: the whole part, and whether that is all of it. `None` where it is too large for 64 bits.
    #[must_use]
    pub fn times(self, count: i64) -> Option<(i64, bool)> {
        let count = i128::from(count);
        let divisor = common_divisor(count, self.denominator).max(1);
        let (count, denominator) = (count / divisor, self.denominator / divisor);
        let product = count.checked_mul(self.numerator)?;
        let whole = i64::try_from(product / denominator).ok()?;
        Some((whole, product % denominator == 0))
    }

    /// As a decimal, where that is exact.
    #[must_use]
    pub fn to_decimal(self) -> Option<Decimal> {
        let scale = (0..=Decimal::MAX_SCALE).find(|scale| 10_i128.pow(*scale) % self.denominator == 0)?;
        let digits = self.numerator.checked_mul(10_i128.pow(scale) / self.denominator)?;
        let decimal = Decimal::try_from_i128_with_scale(digits, scale).ok()?;
        Some(decimal.normalize())
    }
}

impl fmt::Display for Ratio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.to_decimal() {
            Some(decimal) => write!(f, "{decimal}"),
            None => write!(f, "{}/{}", self.numerator, self.denominator),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_fraction_without_an_end_is_written_as_one() {
        assert_eq!(Ratio::new(254, 10_000).to_string(), "0.0254");
        assert_eq!(Ratio::new(1200, 3937).to_string(), "1200/3937");
        assert_eq!(Ratio::whole(1000).to_string(), "1000");
        assert_eq!(Ratio::from_decimal(Decimal::ZERO), None);
        assert_eq!(Ratio::from_decimal("-1".parse().unwrap()), None);
    }

    #[test]
    fn what_is_too_large_is_none_and_not_wrong() {
        assert_eq!(Ratio::whole(3).times(i64::MAX), None);
        assert_eq!(Ratio::whole(1).times(i64::MIN), Some((i64::MIN, true)));
        assert_eq!(Ratio::new(1, 3).times(-7), Some((-2, false)));
    }

    proptest! {
        #[test]
        fn a_decimal_comes_back_as_it_was(digits in 1..i64::MAX, scale in 0_u32..=18) {
            let decimal = Decimal::new(digits, scale);
            prop_assert_eq!(Ratio::from_decimal(decimal).unwrap().to_decimal(), Some(decimal.normalize()));
        }

        #[test]
        fn times_is_the_division_that_people_do_by_hand(
            count in -1_000_000_000_000_i64..1_000_000_000_000, above in 1..1_000_000_i64, below in 1..1_000_000_i64,
        ) {
            let product = i128::from(count) * i128::from(above);
            let (whole, exact) = Ratio::new(above, below).times(count).unwrap();
            prop_assert_eq!(i128::from(whole), product / i128::from(below));
            prop_assert_eq!(exact, product % i128::from(below) == 0);
        }
    }
}
