//! Lists are objects, so that they can grow further fields.

use cortex_runtime::http::{ApiError, page_limit};
use serde::Serialize;
use utoipa::ToSchema;

/// How many of a list are answered where the caller does not say.
const LIMIT_DEFAULT: u32 = 100;
const LIMIT_MAX: u32 = 1_000;

/// A `limit`, as the query has it.
pub(crate) fn limit(given: Option<&str>) -> Result<usize, ApiError> {
    Ok(page_limit(given, LIMIT_DEFAULT, LIMIT_MAX)? as usize)
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct List<T> {
    pub items: Vec<T>,
}

impl<T> List<T> {
    pub fn of<R>(rows: Vec<R>, view: impl FnMut(R) -> T) -> Self {
        Self {
            items: rows.into_iter().map(view).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_out_of_range_is_refused_and_none_is_a_page() {
        assert_eq!((limit(None).unwrap(), limit(Some("1000")).unwrap()), (100, 1_000));
        for bad in ["0", "1001", "-1", "all"] {
            let ApiError(problem) = limit(Some(bad)).unwrap_err();
            assert!(problem.status == 400 && problem.detail.contains("1 to 1000"), "{bad}");
        }
    }
}
