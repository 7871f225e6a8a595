//! The numbers of documents.

use std::sync::Arc;

use cortex_types::Timestamp;

use super::Books;
use crate::limits::check_code;
use crate::number_series::{DIGITS, number_at, prefix_of};
use crate::{DocumentKind, Drawn, ErpError, NumberSeries};

/// What a caller says of the number of a document: one of its own, or the series that gives one.
#[derive(Clone, Copy, Debug, Default)]
pub struct Numbering<'a> {
    pub number: Option<&'a Arc<str>>,
    pub series: Option<&'a Arc<str>>,
}

impl<'a> Numbering<'a> {
    pub(crate) fn of(number: &'a Option<Arc<str>>, series: &'a Option<Arc<str>>) -> Self {
        Self {
            number: number.as_ref(),
            series: series.as_ref(),
        }
    }
}

impl Books {
    /// The number of a new document: the given one when it is free, the next of the series otherwise. The second part is what was
    /// drawn for it, if it was.
    pub fn number(
        &self,
        kind: DocumentKind,
        asked: Numbering<'_>,
        at: Timestamp,
    ) -> Result<(Arc<str>, Option<Drawn>), ErpError> {
        let Some(given) = asked.number else {
            let (number, drawn) = self.draw(kind, asked.series, at, &[])?;
            return Ok((number, Some(drawn)));
        };
        if asked.series.is_some() {
            let problem = "a document with a number of its own draws none: leave out the series, or the number";
            return Err(ErpError::invalid("series", problem));
        }
        check_code("number", given)?;
        let prefix = prefix_of(given).filter(|prefix| self.is_of_a_series(kind, prefix));
        let drawn = prefix
            .map(|prefix| self.drawn_as(kind, given, prefix, at))
            .transpose()?;
        if self.documents.contains_key(&(kind, Arc::clone(given))) {
            return Err(ErpError::AlreadyExists {
                kind: kind.as_str(),
                number: Arc::clone(given),
            });
        }
        Ok((Arc::clone(given), drawn))
    }

    /// A number of our own series may be given where it is the very next, as in books that documents of other books come into.
    fn drawn_as(&self, kind: DocumentKind, given: &Arc<str>, prefix: &str, at: Timestamp) -> Result<Drawn, ErpError> {
        let open = self
            .number_series
            .values()
            .filter(|series| series.kind == kind && !series.blocked);
        let open = open.filter(|series| series.prefix_at(at, &self.years).is_ok_and(|of| *of == *prefix));
        let own = (kind.prefix() == Some(prefix)).then_some(DIGITS);
        let digits: Vec<u8> = open.map(|series| series.digits).chain(own).collect();
        let key = (kind, Arc::from(prefix));
        let place = self.counters.get(&key).copied().unwrap_or(0) + 1;
        let mut next = digits.iter().map(|digits| number_at(prefix, *digits, place));
        if next.clone().any(|next| next == *given) {
            let (kind, prefix) = key;
            return Ok(Drawn { kind, prefix, place });
        }
        let next = next.next().map_or(String::new(), |next| format!(", which is {next}"));
        let problem =
            format!("'{given}' looks like a number of our own series: leave it out to draw the next one{next}");
        Err(ErpError::invalid("number", problem))
    }

    /// The next number of the default series, of which a document has drawn some already.
    pub fn number_after(
        &self,
        kind: DocumentKind,
        at: Timestamp,
        drawn: &[Drawn],
    ) -> Result<(Arc<str>, Drawn), ErpError> {
        self.draw(kind, None, at, drawn)
    }

    fn draw(
        &self,
        kind: DocumentKind,
        series: Option<&Arc<str>>,
        at: Timestamp,
        before: &[Drawn],
    ) -> Result<(Arc<str>, Drawn), ErpError> {
        let series = match series {
            Some(code) => Some(self.series_named(kind, code)?),
            None => self
                .number_series
                .values()
                .find(|series| series.is_default && series.kind == kind),
        };
        let (prefix, digits) = match series {
            Some(series) => (series.prefix_at(at, &self.years)?, series.digits),
            None => (kind.prefix().unwrap_or_default().into(), DIGITS),
        };
        let of_document = before
            .iter()
            .rev()
            .find(|drawn| drawn.kind == kind && drawn.prefix == prefix);
        let newest = of_document.map(|drawn| drawn.place);
        let key = (kind, prefix);
        let place = newest.or(self.counters.get(&key).copied()).unwrap_or(0) + 1;
        let (kind, prefix) = key;
        Ok((number_at(&prefix, digits, place), Drawn { kind, prefix, place }))
    }

    fn series_named(&self, kind: DocumentKind, code: &Arc<str>) -> Result<&NumberSeries, ErpError> {
        let refused = |problem: String| Err(ErpError::invalid("series", problem));
        match self.number_series.get(code) {
            None => refused(format!("there is no number series '{code}'")),
            Some(series) if series.kind != kind => refused(format!(
                "'{code}' numbers documents of the kind {}, and not {kind}",
                series.kind
            )),
            Some(series) if series.blocked => refused(format!("'{code}' is blocked: nothing more is numbered by it")),
            Some(series) => Ok(series),
        }
    }

    /// Whether numbers of this prefix come from a series, or may some day.
    fn is_of_a_series(&self, kind: DocumentKind, prefix: &str) -> bool {
        let mut series = self.number_series.values().filter(|series| series.kind == kind);
        kind.prefix() == Some(prefix)
            || self.counters.contains_key(&(kind, prefix.into()))
            || series.any(|series| series.may_come_to(prefix))
    }

    /// A prefix that the series may come to, under which callers numbered documents themselves.
    pub(crate) fn prefix_of_callers(&self, series: &NumberSeries) -> Option<&Arc<str>> {
        let of_kind = self.prefixes.iter().filter(|(kind, _)| *kind == series.kind);
        let mut prefixes = of_kind.map(|(_, prefix)| prefix);
        prefixes.find(|prefix| {
            series.may_come_to(prefix) && !self.counters.contains_key(&(series.kind, Arc::clone(prefix)))
        })
    }
}
