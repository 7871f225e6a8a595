//! How documents are numbered.

use std::sync::Arc;

use cortex_types::{NumberSeriesId, Timestamp};

use crate::limits::check_code;
use crate::number_series::check_prefix;
use crate::postings::{Document, Postings};
use crate::{Books, DefineNumberSeries, DocumentKind, ErpError, NumberSeries, ids};

/// How documents are numbered from now on. A prefix under which callers chose numbers themselves is refused: the series would come to
/// one of them some day.
pub fn plan_number_series(command: &DefineNumberSeries, books: &Books, now: Timestamp) -> Result<Postings, ErpError> {
    check_code("code", &command.code)?;
    if command.kind.prefix().is_none() {
        let kinds: Vec<&str> = DocumentKind::numbered().iter().map(|kind| kind.as_str()).collect();
        let problem = format!("'{}' is none of {}", command.kind, kinds.join(", "));
        return Err(ErpError::invalid("kind", problem));
    }
    check_prefix(&command.prefix, command.digits)?;
    if command.is_default && command.blocked {
        let problem = "a blocked series numbers nothing, and so cannot be the default";
        return Err(ErpError::invalid("default", problem));
    }
    let there = books.number_series.get(&command.code);
    let series = NumberSeries {
        id: there.map_or_else(|| NumberSeriesId(ids::next()), |there| there.id),
        code: Arc::clone(&command.code),
        kind: command.kind,
        prefix: Arc::clone(&command.prefix),
        digits: command.digits,
        is_default: command.is_default,
        blocked: command.blocked,
        created_at: there.map_or(now, |there| there.created_at),
    };
    if let Some(prefix) = books.prefix_of_callers(&series) {
        let problem =
            format!("there are documents whose callers numbered them '{prefix}…' themselves: choose another prefix");
        return Err(ErpError::invalid("prefix", problem));
    }
    let of_kind = |other: &&NumberSeries| other.is_default && other.kind == series.kind && other.code != series.code;
    let before = books.number_series.values().find(of_kind).filter(|_| series.is_default);
    let before = before.map(|before| NumberSeries {
        is_default: false,
        ..before.clone()
    });
    let (id, code) = (series.id.0, Arc::clone(&series.code));
    let document = Document::NumberSeries(std::iter::once(series).chain(before).collect());
    Ok(Postings::bare(DocumentKind::NumberSeries, id, code, now, document))
}
