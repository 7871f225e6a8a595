//! Lines of the documents of a page, in one query.

use cortex_store::sql::{Pool, QueryBuilder, Row};
use std::collections::HashMap;

use crate::rows::Columns;

/// The lines whose `parent` column is one of `ids` (a page at most), by parent, each in its order.
pub(super) async fn lines<T>(
    readers: &Pool,
    tenant: &str,
    select: &str,
    parent: &'static str,
    ids: impl Iterator<Item = String>,
    read: impl Fn(&Row) -> Result<T, sqlx::Error>,
) -> Result<HashMap<String, Vec<T>>, sqlx::Error> {
    let mut query: QueryBuilder = QueryBuilder::new(select);
    query
        .push(" WHERE coalesce(tenant_id, '') = ")
        .push_bind(tenant)
        .push(format_args!(" AND {parent} IN "));
    query.push_list(ids);
    query.push(format_args!(" ORDER BY {parent}, line_no"));
    let mut lines: HashMap<String, Vec<T>> = HashMap::new();
    for row in query.build().once().fetch_all(readers).await? {
        lines
            .entry(row.text(parent)?.to_string())
            .or_default()
            .push(read(&row)?);
    }
    Ok(lines)
}
