//! What is the same for everybody: currencies (ISO 4217), countries (ISO 3166-1), and units of measure (UN/ECE
//! Recommendations 20 and 21) with what each is in others. Tables that nobody changes; the books hold none of it.

mod countries;
mod currencies;
mod ratio;
mod units;

pub use countries::{Country, countries, country, country_named};
pub use currencies::{ReferenceCurrency, currencies, currency};
pub use ratio::Ratio;
pub use units::{Dimension, StandardUnit, UnitError, convert, ratio_between, standard_unit, standard_units};
