//! What is bound to a statement, and how either database takes it.

use std::sync::Arc;

use cortex_types::Timestamp;
use sqlx::encode::IsNull;
use sqlx::error::BoxDynError;
use sqlx::postgres::types::Oid;
use sqlx::postgres::{PgArgumentBuffer, PgArguments, PgHasArrayType, PgTypeInfo, PgValueRef};
use sqlx::sqlite::{SqliteArguments, SqliteArgumentsBuffer, SqliteTypeInfo, SqliteValueRef};
use sqlx::{Arguments, Database, Decode, Encode, Postgres, Sqlite, Type};

use crate::ColumnKind;

/// A value on its way into a statement; an absent one still says what it would have been.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Null(ColumnKind),
    Text(String),
    Integer(i64),
    Double(f64),
    Boolean(bool),
    Time(Timestamp),
}

impl Value {
    pub(crate) const fn kind(&self) -> ColumnKind {
        match self {
            Self::Null(kind) => *kind,
            Self::Text(_) => ColumnKind::Text,
            Self::Integer(_) => ColumnKind::Integer,
            Self::Double(_) => ColumnKind::Double,
            Self::Boolean(_) => ColumnKind::Boolean,
            Self::Time(_) => ColumnKind::Timestamp,
        }
    }
}

/// What can be bound: texts, integers, doubles, booleans, times, and each of them absent.
pub trait Bind {
    const KIND: ColumnKind;
    fn value(self) -> Value;
}

impl<T: Bind> Bind for Option<T> {
    const KIND: ColumnKind = T::KIND;
    fn value(self) -> Value {
        self.map_or(Value::Null(T::KIND), Bind::value)
    }
}

macro_rules! bind {
    ($($type:ty => $kind:ident, |$value:ident| $bound:expr;)+) => {
        $(impl Bind for $type {
            const KIND: ColumnKind = ColumnKind::$kind;
            fn value(self) -> Value {
                let $value = self;
                $bound
            }
        })+
    };
}

bind! {
    &str => Text, |text| Value::Text(text.to_owned());
    String => Text, |text| Value::Text(text);
    &String => Text, |text| Value::Text(text.clone());
    &Arc<str> => Text, |text| Value::Text(text.as_ref().to_owned());
    i64 => Integer, |number| Value::Integer(number);
    i32 => Integer, |number| Value::Integer(number.into());
    u32 => Integer, |number| Value::Integer(number.into());
    f64 => Double, |number| Value::Double(number);
    bool => Boolean, |truth| Value::Boolean(truth);
    Timestamp => Timestamp, |time| Value::Time(time);
}

/// A [`Timestamp`] in a `TIMESTAMP` column: microseconds since the Unix epoch as an integer in SQLite, `timestamptz` in
/// PostgreSQL, where the ends of time are the infinities.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Instant(pub Timestamp);

/// PostgreSQL counts from 2000-01-01; https://www.postgresql.org/docs/current/datatype-datetime.html.
const POSTGRES_EPOCH_MICROS: i64 = 946_684_800_000_000;
/// From `pg_type.dat`.
const TIMESTAMPTZ: PgTypeInfo = PgTypeInfo::with_oid(Oid(1184));
const TIMESTAMPTZ_ARRAY: PgTypeInfo = PgTypeInfo::with_oid(Oid(1185));

impl Type<Sqlite> for Instant {
    fn type_info() -> SqliteTypeInfo {
        <i64 as Type<Sqlite>>::type_info()
    }

    /// The column is declared as TIMESTAMP and holds integers.
    fn compatible(_: &SqliteTypeInfo) -> bool {
        true
    }
}

impl Encode<'_, Sqlite> for Instant {
    fn encode_by_ref(&self, buffer: &mut SqliteArgumentsBuffer) -> Result<IsNull, BoxDynError> {
        <i64 as Encode<'_, Sqlite>>::encode(self.0.micros(), buffer)
    }
}

impl<'r> Decode<'r, Sqlite> for Instant {
    fn decode(value: SqliteValueRef<'r>) -> Result<Self, BoxDynError> {
        Ok(Self(Timestamp::from_micros(<i64 as Decode<'r, Sqlite>>::decode(
            value,
        )?)))
    }
}

impl Type<Postgres> for Instant {
    fn type_info() -> PgTypeInfo {
        TIMESTAMPTZ
    }
}

impl PgHasArrayType for Instant {
    fn array_type_info() -> PgTypeInfo {
        TIMESTAMPTZ_ARRAY
    }
}

impl Encode<'_, Postgres> for Instant {
    fn encode_by_ref(&self, buffer: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        let since_2000 = match self.0.micros() {
            i64::MAX => i64::MAX,
            micros => micros.saturating_sub(POSTGRES_EPOCH_MICROS),
        };
        <i64 as Encode<'_, Postgres>>::encode(since_2000, buffer)
    }
}

impl<'r> Decode<'r, Postgres> for Instant {
    fn decode(value: PgValueRef<'r>) -> Result<Self, BoxDynError> {
        let micros = match <i64 as Decode<'r, Postgres>>::decode(value)? {
            i64::MIN => i64::MIN,
            since_2000 => since_2000.saturating_add(POSTGRES_EPOCH_MICROS),
        };
        Ok(Self(Timestamp::from_micros(micros)))
    }
}

pub(crate) fn sqlite(values: Vec<Value>) -> Result<SqliteArguments, sqlx::Error> {
    arguments::<Sqlite, SqliteArguments>(values)
}

pub(crate) fn postgres(values: Vec<Value>) -> Result<PgArguments, sqlx::Error> {
    arguments::<Postgres, PgArguments>(values)
}

/// PostgreSQL has no texts with a NUL in them, so neither have we.
pub(crate) fn storable(text: String) -> Result<String, sqlx::Error> {
    match text.contains('\0') {
        false => Ok(text),
        true => Err(sqlx::Error::Encode("a text holds a NUL character".into())),
    }
}

fn arguments<DB, A>(values: Vec<Value>) -> Result<A, sqlx::Error>
where
    DB: Storing,
    A: Arguments<Database = DB> + Default,
{
    let mut arguments = A::default();
    arguments.reserve(values.len(), 0);
    for value in values {
        add(&mut arguments, value)?;
    }
    Ok(arguments)
}

/// A database that takes every kind of value.
pub(crate) trait Storing: Database {
    fn add(arguments: &mut impl Arguments<Database = Self>, value: Value) -> Result<(), sqlx::Error>;
}

macro_rules! storing {
    ($($database:ty),+) => {
        $(impl Storing for $database {
            fn add(arguments: &mut impl Arguments<Database = Self>, value: Value) -> Result<(), sqlx::Error> {
                let added = match value {
                    Value::Null(ColumnKind::Text) => arguments.add(None::<String>),
                    Value::Null(ColumnKind::Integer) => arguments.add(None::<i64>),
                    Value::Null(ColumnKind::Double) => arguments.add(None::<f64>),
                    Value::Null(ColumnKind::Boolean) => arguments.add(None::<bool>),
                    Value::Null(ColumnKind::Timestamp) => arguments.add(None::<Instant>),
                    Value::Text(text) => arguments.add(storable(text)?),
                    Value::Integer(number) => arguments.add(number),
                    Value::Double(number) => arguments.add(number),
                    Value::Boolean(truth) => arguments.add(truth),
                    Value::Time(time) => arguments.add(Instant(time)),
                };
                added.map_err(sqlx::Error::Encode)
            }
        })+
    };
}

storing!(Sqlite, Postgres);

pub(crate) fn add<DB: Storing>(arguments: &mut impl Arguments<Database = DB>, value: Value) -> Result<(), sqlx::Error> {
    DB::add(arguments, value)
}
