//! Which type of the lake a PostgreSQL type becomes.
//!
//! | PostgreSQL | lake |
//! |---|---|
//! | `boolean` | boolean |
//! | `smallint`, `integer`, `bigint`, `oid` | 16, 32, 64 and 64 bits |
//! | `real`, `double precision` | the same, with NaN and the infinities |
//! | `numeric(p, s)` with p ≤ 38 and 0 ≤ s ≤ p | decimal(p, s) |
//! | `date` | date |
//! | `timestamptz`, `timestamp` | microseconds, UTC; a time without a zone is taken for UTC |
//! | `bytea` | binary |
//! | arrays of these and of text | lists |
//! | everything else: text, json, uuid, enums, composites, `numeric` without limits, … | its text |
//!
//! A value that the lake's type has no room for (`infinity` as a date, NaN as a decimal, an array of arrays) is null
//! there, and stands as text in `_raw`.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field};
use cortex_lake::changes::timestamp_type;
use serde::{Deserialize, Serialize};

/// The decimal digits that 128 bits hold.
const PRECISION_MAX: i32 = 38;

#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    Bool,
    Int16,
    Int32,
    Int64,
    Float32,
    Float64,
    Decimal { precision: u8, scale: i8 },
    Date,
    Timestamp,
    Text,
    Binary,
    List(Box<Kind>),
}

/// Type ids that never change; those of a database's own types are looked up.
mod oid {
    pub(super) const BOOL: u32 = 16;
    pub(super) const BYTEA: u32 = 17;
    pub(super) const INT8: u32 = 20;
    pub(super) const INT2: u32 = 21;
    pub(super) const INT4: u32 = 23;
    pub(super) const OID: u32 = 26;
    pub(super) const FLOAT4: u32 = 700;
    pub(super) const FLOAT8: u32 = 701;
    pub(super) const DATE: u32 = 1082;
    pub(super) const TIMESTAMP: u32 = 1114;
    pub(super) const TIMESTAMPTZ: u32 = 1184;
    pub(super) const NUMERIC: u32 = 1700;
    /// Arrays, and what they are of.
    pub(super) const ARRAYS: [(u32, u32); 16] = [
        (1000, BOOL),
        (1001, BYTEA),
        (1005, INT2),
        (1007, INT4),
        (1016, INT8),
        (1028, OID),
        (1021, FLOAT4),
        (1022, FLOAT8),
        (1182, DATE),
        (1115, TIMESTAMP),
        (1185, TIMESTAMPTZ),
        (1231, NUMERIC),
        (1009, TEXT),
        (1015, TEXT),
        (1014, TEXT),
        (2951, TEXT),
    ];
    /// Anything that is written as text.
    pub(super) const TEXT: u32 = 25;
    /// Those whose binary is their text: `text`, `char(n)`, `varchar`, `name`, `json`.
    pub(super) const SENT_AS_TEXT: [u32; 5] = [TEXT, 1042, 1043, 19, 114];
}

/// From here on ids are those of the database's own types.
pub(crate) const FIRST_OWN_OID: u32 = 16_384;

impl Kind {
    pub(crate) fn of(type_oid: u32, modifier: i32) -> Self {
        match type_oid {
            oid::BOOL => Self::Bool,
            oid::INT2 => Self::Int16,
            oid::INT4 => Self::Int32,
            oid::INT8 | oid::OID => Self::Int64,
            oid::FLOAT4 => Self::Float32,
            oid::FLOAT8 => Self::Float64,
            oid::NUMERIC => decimal(modifier),
            oid::DATE => Self::Date,
            oid::TIMESTAMP | oid::TIMESTAMPTZ => Self::Timestamp,
            oid::BYTEA => Self::Binary,
            array => match oid::ARRAYS.iter().find(|(list, _)| *list == array) {
                Some((_, element)) => Self::List(Box::new(Self::of(*element, modifier))),
                None => Self::Text,
            },
        }
    }

    pub(crate) fn data_type(&self) -> DataType {
        match self {
            Self::Bool => DataType::Boolean,
            Self::Int16 => DataType::Int16,
            Self::Int32 => DataType::Int32,
            Self::Int64 => DataType::Int64,
            Self::Float32 => DataType::Float32,
            Self::Float64 => DataType::Float64,
            Self::Decimal { precision, scale } => DataType::Decimal128(*precision, *scale),
            Self::Date => DataType::Date32,
            Self::Timestamp => timestamp_type(),
            Self::Text => DataType::Utf8,
            Self::Binary => DataType::Binary,
            Self::List(element) => DataType::List(Arc::new(Self::element_field(element))),
        }
    }

    /// As Delta names it.
    pub(crate) fn element_field(element: &Self) -> Field {
        Field::new("element", element.data_type(), true)
    }

    /// A word for it, as it may follow a column's name.
    pub(crate) fn word(&self) -> String {
        match self {
            Self::Bool => "bool".to_owned(),
            Self::Int16 => "int16".to_owned(),
            Self::Int32 => "int32".to_owned(),
            Self::Int64 => "int64".to_owned(),
            Self::Float32 => "float32".to_owned(),
            Self::Float64 => "float64".to_owned(),
            Self::Decimal { precision, scale } => format!("decimal_{precision}_{scale}"),
            Self::Date => "date".to_owned(),
            Self::Timestamp => "timestamp".to_owned(),
            Self::Text => "text".to_owned(),
            Self::Binary => "binary".to_owned(),
            Self::List(element) => format!("list_{}", element.word()),
        }
    }

    /// What is selected of a column so that [`push_binary`](super::column::ColumnBuilder::push_binary) reads it.
    pub(crate) fn selected(&self, column: &str, type_oid: u32) -> String {
        match self {
            // An oid has four bytes.
            Self::Int64 => format!("{column}::int8"),
            Self::Text if oid::SENT_AS_TEXT.contains(&type_oid) => column.to_owned(),
            // As changes are written; a cast may be anything. A row of nulls is not null.
            Self::Text | Self::List(_) => format!("CASE num_nonnulls({column}) WHEN 1 THEN format('%s', {column}) END"),
            _ => column.to_owned(),
        }
    }
}

/// The modifier of a `numeric(p, s)` holds both, and is negative where there are no limits.
fn decimal(modifier: i32) -> Kind {
    let packed = modifier - 4;
    let (precision, scale) = ((packed >> 16) & 0xffff, ((packed & 0x7ff) ^ 1024) - 1024);
    if packed < 0 || precision > PRECISION_MAX || scale < 0 || scale > precision {
        return Kind::Text;
    }
    match (u8::try_from(precision), i8::try_from(scale)) {
        (Ok(precision), Ok(scale)) => Kind::Decimal { precision, scale },
        _ => Kind::Text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numeric(precision: i32, scale: i32) -> Kind {
        Kind::of(oid::NUMERIC, ((precision << 16) | (scale & 0x7ff)) + 4)
    }

    #[test]
    fn numbers_with_limits_are_decimals_and_those_without_are_text() {
        assert_eq!(
            numeric(12, 2),
            Kind::Decimal {
                precision: 12,
                scale: 2
            }
        );
        assert_eq!(
            numeric(38, 38),
            Kind::Decimal {
                precision: 38,
                scale: 38
            }
        );
        for kind in [
            numeric(39, 2),
            numeric(5, -2),
            numeric(3, 5),
            Kind::of(oid::NUMERIC, -1),
        ] {
            assert_eq!(kind, Kind::Text);
        }
        assert_eq!(Kind::of(1007, -1), Kind::List(Box::new(Kind::Int32)));
    }
}
