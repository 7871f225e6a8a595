//! Opening and closing of years and periods.

use cortex_types::{JournalEntryId, Timestamp};

use crate::fiscal::closing_drafts;
use crate::limits::check_code;
use crate::postings::{Document, Postings};
use crate::{
    Books, CloseFiscalYear, DocumentKind, DocumentRef, ErpError, FiscalPeriod, FiscalYear, OpenFiscalYear, PeriodState,
    SetPeriodState, ids,
};

/// A new year, which begins where the newest one ends.
pub fn plan_fiscal_year(command: &OpenFiscalYear, books: &Books, now: Timestamp) -> Result<Postings, ErpError> {
    if let Some(code) = &command.code {
        check_code("code", code)?;
    }
    let year = FiscalYear::new(command.code.as_ref(), command.from, command.months)?;
    if books.years.iter().any(|there| there.code == year.code) {
        return Err(ErpError::AlreadyExists {
            kind: "fiscal year",
            number: year.code,
        });
    }
    if let Some(newest) = books.years.last().filter(|newest| newest.before != year.from) {
        let problem = format!("years follow each other: {} ends with {}", newest.code, newest.before);
        return Err(ErpError::invalid("from", problem));
    }
    Ok(of_year(year, now))
}

/// Closes a period, or opens it again.
pub fn plan_period_state(command: &SetPeriodState, books: &Books, now: Timestamp) -> Result<Postings, ErpError> {
    let periods: Vec<&FiscalPeriod> = books.years.iter().flat_map(|year| &year.periods).collect();
    let place = periods.iter().position(|period| period.code == command.period);
    let place = place.ok_or_else(|| ErpError::NotFound {
        kind: "fiscal period",
        number: command.period.to_string(),
    })?;
    let (before, period, after) = (&periods[..place], periods[place], &periods[place + 1..]);
    let refused = |problem: String| Err(ErpError::invalid("period", problem));
    if period.state == PeriodState::HardClosed && command.state != PeriodState::HardClosed {
        return refused(format!("{} is hard-closed, and stays so", period.code));
    }
    if let Some(earlier) = before.iter().find(|earlier| earlier.state < command.state) {
        let problem = format!("{} is {} still: close it first", earlier.code, earlier.state.as_str());
        return refused(problem);
    }
    if let Some(later) = after.iter().find(|later| later.state > command.state) {
        let problem = format!("{} is {}: open it again first", later.code, later.state.as_str());
        return refused(problem);
    }
    if command.state == PeriodState::HardClosed && period.before > now {
        let problem = format!(
            "{} is not over: nothing could be posted any more before {}",
            period.code, period.before
        );
        return refused(problem);
    }
    let period = FiscalPeriod {
        state: command.state,
        ..period.clone()
    };
    let (id, code) = (period.id.0, period.code.clone());
    let document = Document::FiscalPeriod(period);
    Ok(Postings::bare(DocumentKind::FiscalPeriod, id, code, now, document))
}

/// Carries the results of a year to equity, in an entry at its last instant, and closes all its periods for good.
pub fn plan_year_closing(command: &CloseFiscalYear, books: &Books, now: Timestamp) -> Result<Postings, ErpError> {
    let year = books.years.iter().find(|year| year.code == command.year);
    let year = year.ok_or_else(|| ErpError::NotFound {
        kind: "fiscal year",
        number: command.year.to_string(),
    })?;
    if year.closed {
        return Err(ErpError::invalid("year", format!("{} is closed already", year.code)));
    }
    let open = books
        .years
        .iter()
        .find(|earlier| earlier.from < year.from && !earlier.closed);
    if let Some(earlier) = open {
        let problem = format!("{} is open still: close it first", earlier.code);
        return Err(ErpError::invalid("year", problem));
    }
    if year.before > now {
        let problem = format!(
            "{} is not over: nothing could be posted any more before {}",
            year.code, year.before
        );
        return Err(ErpError::invalid("year", problem));
    }
    let mut closed = year.clone();
    closed.closed = true;
    for period in &mut closed.periods {
        period.state = PeriodState::HardClosed;
    }
    let reference = DocumentRef {
        kind: DocumentKind::FiscalYear,
        id: year.id.0,
    };
    // One that the same group opens was not there when the books were loaded.
    let Some((_, balances)) = books.year_balances.get(&year.code) else {
        let problem = format!("{} is being opened at this moment: send the request again", year.code);
        return Err(ErpError::invalid("year", problem));
    };
    let mut postings = of_year(closed, now);
    for draft in closing_drafts(year, balances, &books.chart, books.base())? {
        let (number, drawn) = books.number_after(DocumentKind::JournalEntry, year.end(), &postings.drawn)?;
        let entry = draft.close(JournalEntryId(ids::next()), number, reference, year.end())?;
        if postings.entries.is_empty() {
            postings.currency = entry.currency();
            postings.amount_minor = entry.amount_minor();
        }
        postings.entries.push(entry);
        postings.drawn.push(drawn);
    }
    Ok(postings)
}

fn of_year(year: FiscalYear, now: Timestamp) -> Postings {
    let (id, code) = (year.id.0, year.code.clone());
    Postings::bare(DocumentKind::FiscalYear, id, code, now, Document::FiscalYear(year))
}
