//! Where the cost of a move comes from, as columns.

use cortex_erp::Cost;
use cortex_store::sql::Row;
use cortex_types::StockMoveId;

use crate::rows::{Columns, unreadable};

pub(crate) struct CostColumns {
    pub word: &'static str,
    pub given_minor: Option<i64>,
    pub of: Option<StockMoveId>,
    /// How much came back before, or came in with `of`.
    pub of_quantity_micro: Option<i64>,
}

pub(crate) const fn columns(cost: Cost) -> CostColumns {
    let (word, given_minor, of, of_quantity_micro) = match cost {
        Cost::ByMethod => ("by_method", None, None, None),
        Cost::Known => ("known", None, None, None),
        Cost::Given { minor, of } => ("given", Some(minor), of, None),
        Cost::Of { of, offset_micro } => ("of", None, Some(of), Some(offset_micro)),
        Cost::Added {
            of,
            of_quantity_micro,
            minor,
        } => ("added", Some(minor), Some(of), Some(of_quantity_micro)),
        Cost::Undone { of } => ("undone", None, Some(of), None),
    };
    CostColumns {
        word,
        given_minor,
        of,
        of_quantity_micro,
    }
}

pub(crate) fn cost(row: &Row) -> Result<Cost, sqlx::Error> {
    let word: &str = row.try_get("cost")?;
    let minor = || row.integer("given_minor");
    let of = || row.parsed("of_move");
    let quantity = || row.integer("of_quantity_micro");
    Ok(match word {
        "by_method" => Cost::ByMethod,
        "known" => Cost::Known,
        "given" => Cost::Given {
            minor: minor()?,
            of: row.optional_parsed("of_move")?,
        },
        "of" => Cost::Of {
            of: of()?,
            offset_micro: quantity()?,
        },
        "added" => Cost::Added {
            of: of()?,
            of_quantity_micro: quantity()?,
            minor: minor()?,
        },
        "undone" => Cost::Undone { of: of()? },
        other => return Err(unreadable("cost", other)),
    })
}
