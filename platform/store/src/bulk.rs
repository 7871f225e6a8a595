//! Many rows to a statement: a statement costs more than a row, so bulk imports insert in blocks.

use sqlx::postgres::PgArguments;
use sqlx::sqlite::SqliteArguments;
use sqlx::{Arguments as _, AssertSqlSafe, PgConnection};

use crate::ColumnKind;
use crate::sql::{self, Bind, Instant, Transaction, Value};

/// SQLite takes at most 32,766 bind variables: 128 rows of up to 255 columns.
const SQLITE_ROWS: usize = 128;
/// PostgreSQL takes each column as one array, so that the statement is the same for any number of rows.
const POSTGRES_ROWS: usize = 4_096;

/// Takes the values of one row, in the order of its columns.
#[derive(Debug)]
pub struct RowValues<'a>(Taken<'a>);

#[derive(Debug)]
enum Taken<'a> {
    /// Straight into the statement, with the first value that it refused.
    Statement(&'a mut SqliteArguments, &'a mut Option<sqlx::Error>),
    /// To be sorted into columns.
    Values(&'a mut Vec<Value>),
}

impl RowValues<'_> {
    pub fn bind(&mut self, value: impl Bind) -> &mut Self {
        match &mut self.0 {
            Taken::Statement(arguments, refused) => {
                if let Err(error) = sql::add(&mut **arguments, value.value()) {
                    refused.get_or_insert(error);
                }
            }
            Taken::Values(values) => values.push(value.value()),
        }
        self
    }
}

/// Where rows go.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Target<'a> {
    pub table: &'static str,
    pub columns: &'a [&'static str],
    pub same: Same,
}

/// What becomes of a row whose first columns, as many as said, are those of one that is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Same {
    Refused,
    /// It takes the other's place.
    Replaces(usize),
    /// Its other columns are added to the other's.
    Adds(usize),
}

impl Target<'_> {
    fn into(self) -> String {
        format!("INSERT INTO {} ({})", self.table, self.columns.join(", "))
    }

    fn on_conflict(self) -> String {
        let (Same::Replaces(keys) | Same::Adds(keys)) = self.same else {
            return String::new();
        };
        let (keys, others) = self.columns.split_at(keys);
        let set = others.iter().map(|column| match self.same {
            Same::Adds(_) => format!("{column} = {}.{column} + excluded.{column}", self.table),
            Same::Replaces(_) | Same::Refused => format!("{column} = excluded.{column}"),
        });
        let set: Vec<String> = set.collect();
        format!(" ON CONFLICT ({}) DO UPDATE SET {}", keys.join(", "), set.join(", "))
    }
}

pub(crate) async fn insert_rows<T>(
    transaction: &mut Transaction,
    target: Target<'_>,
    rows: &[T],
    mut bind: impl FnMut(&mut RowValues<'_>, &T),
) -> Result<(), sqlx::Error> {
    match transaction {
        Transaction::Sqlite(connection) => {
            let mut rest = rows;
            while !rest.is_empty() {
                let (block, after) = rest.split_at(block_len(rest.len()));
                rest = after;
                let mut arguments = SqliteArguments::default();
                arguments.reserve(block.len() * target.columns.len(), 0);
                let mut refused = None;
                for row in block {
                    bind(&mut RowValues(Taken::Statement(&mut arguments, &mut refused)), row);
                }
                if let Some(error) = refused {
                    return Err(error);
                }
                sqlx::query_with(AssertSqlSafe(statement(target, block.len())), arguments)
                    .execute(&mut **connection)
                    .await?;
            }
        }
        Transaction::Postgres(connection) => {
            for block in rows.chunks(POSTGRES_ROWS) {
                let mut values = Vec::with_capacity(block.len() * target.columns.len());
                for row in block {
                    bind(&mut RowValues(Taken::Values(&mut values)), row);
                }
                insert_columns(connection, target, values).await?;
            }
        }
    }
    Ok(())
}

/// Blocks are powers of two, so that a table has eight statements and all of them stay prepared.
fn block_len(rows: usize) -> usize {
    let largest = rows.min(SQLITE_ROWS);
    1 << largest.ilog2()
}

/// Plain `?` placeholders: sqlx looks numbered ones up by name, one at a time, which costs more than the insert.
fn statement(target: Target<'_>, rows: usize) -> String {
    let row = format!("({})", vec!["?"; target.columns.len()].join(", "));
    let rows = vec![row; rows].join(", ");
    format!("{} VALUES {rows}{}", target.into(), target.on_conflict())
}

async fn insert_columns(
    connection: &mut PgConnection,
    target: Target<'_>,
    values: Vec<Value>,
) -> Result<(), sqlx::Error> {
    let columns = target.columns;
    let mut arrays: Vec<Array> = values.iter().take(columns.len()).map(Array::of).collect();
    for (place, value) in values.into_iter().enumerate() {
        if let Some(array) = arrays.get_mut(place % columns.len()) {
            array.push(value)?;
        }
    }
    let mut arguments = PgArguments::default();
    let mut places = Vec::with_capacity(columns.len());
    for (place, array) in arrays.into_iter().enumerate() {
        places.push(format!("unnest(${})", place + 1));
        array.add_to(&mut arguments).map_err(sqlx::Error::Encode)?;
    }
    // Side by side, a row at a time: FROM unnest(…) would first write them all down, to a file where they are many.
    let statement = format!("{} SELECT {}{}", target.into(), places.join(", "), target.on_conflict());
    sqlx::query_with(AssertSqlSafe(statement), arguments)
        .execute(connection)
        .await
        .map(drop)
}

/// The values of one column.
enum Array {
    Text(Vec<Option<String>>),
    Integer(Vec<Option<i64>>),
    Double(Vec<Option<f64>>),
    Boolean(Vec<Option<bool>>),
    Time(Vec<Option<Instant>>),
}

impl Array {
    fn of(first: &Value) -> Self {
        match first.kind() {
            ColumnKind::Text => Self::Text(Vec::new()),
            ColumnKind::Integer => Self::Integer(Vec::new()),
            ColumnKind::Double => Self::Double(Vec::new()),
            ColumnKind::Boolean => Self::Boolean(Vec::new()),
            ColumnKind::Timestamp => Self::Time(Vec::new()),
        }
    }

    fn push(&mut self, value: Value) -> Result<(), sqlx::Error> {
        match (self, value) {
            (Self::Text(array), Value::Text(text)) => array.push(Some(sql::storable(text)?)),
            (Self::Integer(array), Value::Integer(number)) => array.push(Some(number)),
            (Self::Double(array), Value::Double(number)) => array.push(Some(number)),
            (Self::Boolean(array), Value::Boolean(truth)) => array.push(Some(truth)),
            (Self::Time(array), Value::Time(time)) => array.push(Some(Instant(time))),
            (Self::Text(array), Value::Null(_)) => array.push(None),
            (Self::Integer(array), Value::Null(_)) => array.push(None),
            (Self::Double(array), Value::Null(_)) => array.push(None),
            (Self::Boolean(array), Value::Null(_)) => array.push(None),
            (Self::Time(array), Value::Null(_)) => array.push(None),
            (_, value) => {
                let kind = value.kind();
                return Err(sqlx::Error::Encode(
                    format!("{kind:?} in a column of another kind").into(),
                ));
            }
        }
        Ok(())
    }

    fn add_to(self, arguments: &mut PgArguments) -> Result<(), sqlx::error::BoxDynError> {
        match self {
            Self::Text(array) => arguments.add(array),
            Self::Integer(array) => arguments.add(array),
            Self::Double(array) => arguments.add(array),
            Self::Boolean(array) => arguments.add(array),
            Self::Time(array) => arguments.add(array),
        }
    }
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
        let target = Target {
            table: "t",
            columns: &["a", "b"],
            same: Same::Refused,
        };
        assert_eq!(statement(target, 2), "INSERT INTO t (a, b) VALUES (?, ?), (?, ?)");
        assert_eq!(
            statement(
                Target {
                    same: Same::Replaces(1),
                    ..target
                },
                1
            ),
            "INSERT INTO t (a, b) VALUES (?, ?) ON CONFLICT (a) DO UPDATE SET b = excluded.b"
        );
    }
}
