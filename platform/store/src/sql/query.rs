//! Statements with their values, and running them.

use std::fmt;
use std::marker::PhantomData;

use futures::stream::{BoxStream, StreamExt, TryStreamExt};
use sqlx::{AssertSqlSafe, Decode, Postgres, SqlSafeStr, SqlStr, Sqlite, Type};

use super::on::On;
use super::row::{FromSqlRow, Row};
use super::value::{self, Bind, Value};

/// Statements are written once for both databases: `$1`, `$2`, … stand for the values, in the order in which they are bound.
#[derive(Debug)]
pub struct Query {
    text: Text,
    values: Vec<Value>,
    /// Whether the statement will come again and is worth keeping prepared.
    persistent: bool,
}

#[derive(Debug)]
enum Text {
    Whole(SqlStr),
    /// Between two pieces stands a value.
    Pieces(Vec<String>),
}

/// How a statement marks the place of a value.
#[derive(Clone, Copy)]
enum Marks {
    /// SQLite looks numbered places up by name, one at a time, which costs more than a short statement.
    Plain,
    Numbered,
}

impl Text {
    fn marked(self, marks: Marks) -> SqlStr {
        let pieces = match self {
            Self::Whole(text) => return text,
            Self::Pieces(pieces) => pieces,
        };
        let mut sql = String::new();
        for (place, piece) in pieces.iter().enumerate() {
            match (place, marks) {
                (0, _) => {}
                (_, Marks::Plain) => sql.push('?'),
                (place, Marks::Numbered) => sql.push_str(&format!("${place}")),
            }
            sql.push_str(piece);
        }
        AssertSqlSafe(sql).into_sql_str()
    }
}

/// A statement; its rows are read column by column.
#[must_use]
pub fn query(sql: impl SqlSafeStr) -> Query {
    Query {
        text: Text::Whole(sql.into_sql_str()),
        values: Vec::new(),
        persistent: true,
    }
}

/// A statement whose rows become `T`s.
#[must_use]
pub fn query_as<T: FromSqlRow>(sql: impl SqlSafeStr) -> QueryAs<T> {
    QueryAs(query(sql), PhantomData)
}

/// A statement with one column.
#[must_use]
pub fn query_scalar<T>(sql: impl SqlSafeStr) -> QueryScalar<T> {
    QueryScalar(query(sql), PhantomData)
}

/// How many rows a statement touched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Executed {
    rows: u64,
}

impl Executed {
    #[must_use]
    pub const fn rows_affected(self) -> u64 {
        self.rows
    }
}

impl Query {
    #[must_use]
    pub fn bind(mut self, value: impl Bind) -> Self {
        self.values.push(value.value());
        self
    }

    /// A statement with a shape of its own each time: keeping it prepared would only push out those that come again.
    #[must_use]
    pub fn once(mut self) -> Self {
        self.persistent = false;
        self
    }

    /// Its rows become `T`s.
    #[must_use]
    pub fn read_as<T: FromSqlRow>(self) -> QueryAs<T> {
        QueryAs(self, PhantomData)
    }

    pub async fn fetch_all<'c>(self, on: impl Into<On<'c>>) -> Result<Vec<Row>, sqlx::Error> {
        self.fetch(on).try_collect().await
    }

    /// What `read` makes of each row. A row is dropped as soon as it is read: rows are several times as large as what they
    /// hold.
    async fn each<'c, T>(
        self,
        on: impl Into<On<'c>>,
        read: impl Fn(&Row) -> Result<T, sqlx::Error>,
    ) -> Result<Vec<T>, sqlx::Error> {
        let mut rows = self.fetch(on);
        let mut read_rows = Vec::new();
        while let Some(row) = rows.try_next().await? {
            read_rows.push(read(&row)?);
        }
        Ok(read_rows)
    }

    pub async fn fetch_optional<'c>(self, on: impl Into<On<'c>>) -> Result<Option<Row>, sqlx::Error> {
        Ok(match on.into() {
            On::SqlitePool(pool) => self.sqlite()?.fetch_optional(&pool).await?.map(Row::Sqlite),
            On::Sqlite(connection) => self.sqlite()?.fetch_optional(connection).await?.map(Row::Sqlite),
            On::PostgresPool(readers) => {
                let query = self.postgres()?;
                let mut connection = readers.acquire().await?;
                query.fetch_optional(&mut *connection).await?.map(Row::Postgres)
            }
            On::Postgres(connection) => self.postgres()?.fetch_optional(connection).await?.map(Row::Postgres),
        })
    }

    pub async fn fetch_one<'c>(self, on: impl Into<On<'c>>) -> Result<Row, sqlx::Error> {
        self.fetch_optional(on).await?.ok_or(sqlx::Error::RowNotFound)
    }

    pub async fn execute<'c>(self, on: impl Into<On<'c>>) -> Result<Executed, sqlx::Error> {
        let rows = match on.into() {
            On::SqlitePool(pool) => self.sqlite()?.execute(&pool).await?.rows_affected(),
            On::Sqlite(connection) => self.sqlite()?.execute(connection).await?.rows_affected(),
            On::PostgresPool(readers) => {
                let query = self.postgres()?;
                let mut connection = readers.acquire().await?;
                query.execute(&mut *connection).await?.rows_affected()
            }
            On::Postgres(connection) => self.postgres()?.execute(connection).await?.rows_affected(),
        };
        Ok(Executed { rows })
    }

    /// Rows as they come.
    pub fn fetch<'c>(self, on: impl Into<On<'c>>) -> BoxStream<'c, Result<Row, sqlx::Error>> {
        let on = on.into();
        let refused = |error| futures::stream::once(std::future::ready(Err(error))).boxed();
        match on {
            On::SqlitePool(pool) => match self.sqlite() {
                Ok(query) => query.fetch(&pool).map_ok(Row::Sqlite).boxed(),
                Err(error) => refused(error),
            },
            On::Sqlite(connection) => match self.sqlite() {
                Ok(query) => query.fetch(connection).map_ok(Row::Sqlite).boxed(),
                Err(error) => refused(error),
            },
            On::PostgresPool(readers) => match self.postgres() {
                Ok(query) => async_stream::try_stream! {
                    let mut connection = readers.acquire().await?;
                    let mut rows = query.fetch(&mut *connection);
                    while let Some(row) = rows.try_next().await? {
                        yield Row::Postgres(row);
                    }
                }
                .boxed(),
                Err(error) => refused(error),
            },
            On::Postgres(connection) => match self.postgres() {
                Ok(query) => query.fetch(connection).map_ok(Row::Postgres).boxed(),
                Err(error) => refused(error),
            },
        }
    }

    fn sqlite(self) -> Result<sqlx::query::Query<'static, Sqlite, sqlx::sqlite::SqliteArguments>, sqlx::Error> {
        let arguments = value::sqlite(self.values)?;
        Ok(sqlx::query_with(self.text.marked(Marks::Plain), arguments).persistent(self.persistent))
    }

    fn postgres(self) -> Result<sqlx::query::Query<'static, Postgres, sqlx::postgres::PgArguments>, sqlx::Error> {
        let arguments = value::postgres(self.values)?;
        Ok(sqlx::query_with(self.text.marked(Marks::Numbered), arguments).persistent(self.persistent))
    }
}

/// See [`query_as`].
#[derive(Debug)]
pub struct QueryAs<T>(Query, PhantomData<fn() -> T>);

impl<T: FromSqlRow> QueryAs<T> {
    #[must_use]
    pub fn bind(self, value: impl Bind) -> Self {
        Self(self.0.bind(value), PhantomData)
    }

    pub async fn fetch_all<'c>(self, on: impl Into<On<'c>>) -> Result<Vec<T>, sqlx::Error> {
        self.0.each(on, Row::decoded).await
    }

    pub async fn fetch_optional<'c>(self, on: impl Into<On<'c>>) -> Result<Option<T>, sqlx::Error> {
        self.0.fetch_optional(on).await?.as_ref().map(Row::decoded).transpose()
    }

    pub async fn fetch_one<'c>(self, on: impl Into<On<'c>>) -> Result<T, sqlx::Error> {
        self.0.fetch_one(on).await?.decoded()
    }
}

/// See [`query_scalar`].
#[derive(Debug)]
pub struct QueryScalar<T>(Query, PhantomData<fn() -> T>);

impl<T> QueryScalar<T>
where
    T: for<'r> Decode<'r, Sqlite> + Type<Sqlite> + for<'r> Decode<'r, Postgres> + Type<Postgres> + Send + Unpin,
{
    #[must_use]
    pub fn bind(self, value: impl Bind) -> Self {
        Self(self.0.bind(value), PhantomData)
    }

    pub async fn fetch_all<'c>(self, on: impl Into<On<'c>>) -> Result<Vec<T>, sqlx::Error> {
        self.0.each(on, first).await
    }

    pub async fn fetch_optional<'c>(self, on: impl Into<On<'c>>) -> Result<Option<T>, sqlx::Error> {
        self.0.fetch_optional(on).await?.as_ref().map(first).transpose()
    }

    pub async fn fetch_one<'c>(self, on: impl Into<On<'c>>) -> Result<T, sqlx::Error> {
        first(&self.0.fetch_one(on).await?)
    }
}

fn first<T>(row: &Row) -> Result<T, sqlx::Error>
where
    T: for<'r> Decode<'r, Sqlite> + Type<Sqlite> + for<'r> Decode<'r, Postgres> + Type<Postgres> + Send + Unpin,
{
    row.decoded::<(T,)>().map(|(value,)| value)
}

/// A statement that is put together: texts of the program's own, with values between them.
#[derive(Debug)]
pub struct QueryBuilder {
    pieces: Vec<String>,
    values: Vec<Value>,
}

impl QueryBuilder {
    #[must_use]
    pub fn new(sql: impl Into<String>) -> Self {
        Self {
            pieces: vec![sql.into()],
            values: Vec::new(),
        }
    }

    /// Appends text, which must never come from a caller.
    pub fn push(&mut self, sql: impl fmt::Display) -> &mut Self {
        if let Some(last) = self.pieces.last_mut() {
            last.push_str(&sql.to_string());
        }
        self
    }

    pub fn push_bind(&mut self, value: impl Bind) -> &mut Self {
        self.values.push(value.value());
        self.pieces.push(String::new());
        self
    }

    /// Appends a list in parentheses, for `IN`. Of an empty list nothing is a member.
    pub fn push_list<V: Bind>(&mut self, values: impl IntoIterator<Item = V>) -> &mut Self {
        let mut separator = "(";
        for value in values {
            self.push(separator).push_bind(value);
            separator = ", ";
        }
        match separator {
            "(" => self.push("(NULL)"),
            _ => self.push(")"),
        }
    }

    #[must_use]
    pub fn build(self) -> Query {
        Query {
            text: Text::Pieces(self.pieces),
            values: self.values,
            persistent: true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_built_statement_marks_its_values_as_its_database_does() {
        let built = || {
            let mut sql = QueryBuilder::new("SELECT a FROM t WHERE tenant_id = ");
            sql.push_bind("acme").push(" AND b IN ").push_list([1_i64, 2]);
            sql.push(" AND c IN ").push_list(Vec::<i64>::new());
            sql.build()
        };
        assert_eq!(
            built().text.marked(Marks::Plain).as_str(),
            "SELECT a FROM t WHERE tenant_id = ? AND b IN (?, ?) AND c IN (NULL)"
        );
        assert_eq!(
            built().text.marked(Marks::Numbered).as_str(),
            "SELECT a FROM t WHERE tenant_id = $1 AND b IN ($2, $3) AND c IN (NULL)"
        );
    }
}
