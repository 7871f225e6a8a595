//! Many rows to a statement: a statement costs more than a row, so bulk imports insert in blocks.

use sqlx::sqlite::SqliteArguments;
use sqlx::{Arguments, AssertSqlSafe, Encode, Sqlite, SqliteConnection, Type};

/// SQLite takes at most 32,766 bind variables: 128 rows of up to 255 columns.
const ROWS_PER_STATEMENT: usize = 128;

/// Takes the values of one row, in the order of its columns.
#[derive(Debug)]
pub struct RowValues<'a> {
    arguments: &'a mut SqliteArguments,
    refused: &'a mut Option<sqlx::Error>,
}

impl RowValues<'_> {
    pub fn bind<'q, V: Encode<'q, Sqlite> + Type<Sqlite>>(&mut self, value: V) -> &mut Self {
        if let Err(error) = self.arguments.add(value) {
            self.refused.get_or_insert(sqlx::Error::Encode(error));
        }
        self
    }
}

/// Blocks are powers of two, so that a table has eight statements and all of them stay prepared.
pub(crate) async fn insert_rows<T>(
    connection: &mut SqliteConnection,
    table: &'static str,
    columns: &[&'static str],
    rows: &[T],
    mut bind: impl FnMut(&mut RowValues<'_>, &T),
) -> Result<(), sqlx::Error> {
    let mut rest = rows;
    let mut prepared = (0, String::new());
    while !rest.is_empty() {
        let (block, after) = rest.split_at(block_len(rest.len()));
        rest = after;
        if prepared.0 != block.len() {
            prepared = (block.len(), statement(table, columns, block.len()));
        }
        let mut arguments = SqliteArguments::default();
        arguments.reserve(block.len() * columns.len(), 0);
        let mut refused = None;
        for row in block {
            bind(
                &mut RowValues {
                    arguments: &mut arguments,
                    refused: &mut refused,
                },
                row,
            );
        }
        if let Some(error) = refused {
            return Err(error);
        }
        sqlx::query_with(AssertSqlSafe(prepared.1.clone()), arguments)
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}

fn block_len(rows: usize) -> usize {
    let largest = rows.min(ROWS_PER_STATEMENT);
    1 << largest.ilog2()
}

/// Plain `?` placeholders: sqlx looks numbered ones up by name, one at a time, which costs more than the insert.
fn statement(table: &str, columns: &[&str], rows: usize) -> String {
    let row = format!("({})", vec!["?"; columns.len()].join(", "));
    format!(
        "INSERT INTO {table} ({}) VALUES {}",
        columns.join(", "),
        vec![row; rows].join(", ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_is_the_largest_power_of_two_that_fits() {
        let blocks = |mut rows: usize| {
            let mut blocks = Vec::new();
            while rows > 0 {
                blocks.push(block_len(rows));
                rows -= block_len(rows);
            }
            blocks
        };
        assert_eq!(blocks(300), [128, 128, 32, 8, 4]);
        assert_eq!(
            statement("t", &["a", "b"], 2),
            "INSERT INTO t (a, b) VALUES (?, ?), (?, ?)"
        );
    }
}
