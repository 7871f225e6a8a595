//! A trainer's parameters: text in the declaration, numbers in the trainer, and a mistake named with what is allowed.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use std::ops::RangeInclusive;
use std::str::FromStr;

use crate::TrainingError;

/// Reads parameters by name; [`Params::finish`] refuses those that nobody asked for.
#[derive(Debug)]
pub struct Params<'a> {
    trainer: &'a str,
    given: &'a BTreeMap<String, String>,
    known: RefCell<BTreeSet<String>>,
}

impl<'a> Params<'a> {
    #[must_use]
    pub fn new(trainer: &'a str, given: &'a BTreeMap<String, String>) -> Self {
        Self {
            trainer,
            given,
            known: RefCell::default(),
        }
    }

    /// A number within `allowed`, or `default` where it is not given.
    pub fn number<T>(&self, name: &str, default: T, allowed: RangeInclusive<T>) -> Result<T, TrainingError>
    where
        T: FromStr + PartialOrd + Display,
    {
        let Some(text) = self.text(name) else {
            return Ok(default);
        };
        match text.parse::<T>() {
            Ok(value) if allowed.contains(&value) => Ok(value),
            _ => Err(self.refuse(
                name,
                text,
                &format!("a number from {} to {}", allowed.start(), allowed.end()),
            )),
        }
    }

    /// One of `allowed`; the first where it is not given.
    pub fn choice(&self, name: &str, allowed: &[&'static str]) -> Result<&'static str, TrainingError> {
        let Some(text) = self.text(name) else {
            return Ok(allowed.first().copied().unwrap_or_default());
        };
        let chosen = allowed.iter().find(|choice| **choice == text);
        chosen
            .copied()
            .ok_or_else(|| self.refuse(name, text, &format!("one of {}", allowed.join(", "))))
    }

    #[must_use]
    pub fn text(&self, name: &str) -> Option<&'a str> {
        self.known.borrow_mut().insert(name.to_owned());
        self.given.get(name).map(String::as_str)
    }

    /// After all parameters were read: an unknown one is an error that lists the known.
    pub fn finish(self) -> Result<(), TrainingError> {
        let known = self.known.into_inner();
        let Some(unknown) = self.given.keys().find(|name| !known.contains(*name)) else {
            return Ok(());
        };
        let list: Vec<String> = known.into_iter().collect();
        let list = if list.is_empty() {
            "none".to_owned()
        } else {
            list.join(", ")
        };
        let detail = format!("there is no parameter '{unknown}'; it takes {list}");
        Err(TrainingError::Param {
            trainer: self.trainer.to_owned(),
            detail,
        })
    }

    fn refuse(&self, name: &str, text: &str, expected: &str) -> TrainingError {
        let detail = format!("parameter '{name}' is '{text}', which is not {expected}");
        TrainingError::Param {
            trainer: self.trainer.to_owned(),
            detail,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs
            .iter()
            .map(|&(name, value)| (name.to_owned(), value.to_owned()))
            .collect()
    }

    #[test]
    fn a_parameter_that_nobody_knows_is_refused_with_those_that_are_known() {
        let given = given(&[("buget", "1")]);
        let params = Params::new("boosted-trees", &given);
        assert_eq!(params.number("budget", 0.5, 0.1..=2.0).unwrap(), 0.5);
        let error = params.finish().unwrap_err().to_string();
        assert_eq!(
            error,
            "trainer 'boosted-trees': there is no parameter 'buget'; it takes budget"
        );
    }

    #[test]
    fn a_number_out_of_range_says_what_the_range_is() {
        let given = given(&[("budget", "9"), ("mode", "x")]);
        let params = Params::new("t", &given);
        let error = params.number("budget", 0.5, 0.1..=2.0).unwrap_err().to_string();
        assert!(error.contains("'9', which is not a number from 0.1 to 2"), "{error}");
        assert!(
            params
                .choice("mode", &["a", "b"])
                .unwrap_err()
                .to_string()
                .contains("one of a, b")
        );
    }
}
