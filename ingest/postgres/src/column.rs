//! Values on their way into Arrow.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryBuilder, BooleanBuilder, Date32Builder, Decimal128Builder, Float32Builder, Float64Builder,
    Int16Builder, Int32Builder, Int64Builder, ListArray, NullBufferBuilder, StringBuilder, TimestampMicrosecondBuilder,
};
use arrow::buffer::OffsetBuffer;
use arrow::error::ArrowError;
use cortex_lake::changes::timestamp_type;

use crate::kind::Kind;
use crate::pgoutput::POSTGRES_EPOCH_MICROS;
use crate::text;

/// Days from 1970 to 2000.
const POSTGRES_EPOCH_DAYS: i32 = 10_957;

pub(crate) enum ColumnBuilder {
    Bool(BooleanBuilder),
    Int16(Int16Builder),
    Int32(Int32Builder),
    Int64(Int64Builder),
    Float32(Float32Builder),
    Float64(Float64Builder),
    Decimal(Decimal128Builder, i8),
    Date(Date32Builder),
    Timestamp(TimestampMicrosecondBuilder),
    Text(StringBuilder),
    Binary(BinaryBuilder),
    List(Box<ListBuilder>),
}

pub(crate) struct ListBuilder {
    kind: Kind,
    elements: ColumnBuilder,
    count: i32,
    ends: Vec<i32>,
    present: NullBufferBuilder,
}

/// The lake's type has no room for a value; a null stands in its place.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Misfit;

/// Appends what was read, or a null in its place.
macro_rules! append {
    ($builder:expr, $value:expr) => {{
        let value = $value;
        $builder.append_option(value);
        value.map(drop).ok_or(Misfit)
    }};
}

impl ColumnBuilder {
    pub(crate) fn new(kind: &Kind) -> Self {
        match kind {
            Kind::Bool => Self::Bool(BooleanBuilder::new()),
            Kind::Int16 => Self::Int16(Int16Builder::new()),
            Kind::Int32 => Self::Int32(Int32Builder::new()),
            Kind::Int64 => Self::Int64(Int64Builder::new()),
            Kind::Float32 => Self::Float32(Float32Builder::new()),
            Kind::Float64 => Self::Float64(Float64Builder::new()),
            Kind::Decimal { scale, .. } => {
                Self::Decimal(Decimal128Builder::new().with_data_type(kind.data_type()), *scale)
            }
            Kind::Date => Self::Date(Date32Builder::new()),
            Kind::Timestamp => Self::Timestamp(TimestampMicrosecondBuilder::new().with_data_type(timestamp_type())),
            Kind::Text => Self::Text(StringBuilder::new()),
            Kind::Binary => Self::Binary(BinaryBuilder::new()),
            Kind::List(element) => Self::List(Box::new(ListBuilder {
                kind: (**element).clone(),
                elements: Self::new(element),
                count: 0,
                ends: vec![0],
                present: NullBufferBuilder::new(0),
            })),
        }
    }

    pub(crate) fn push_null(&mut self) {
        match self {
            Self::Bool(builder) => builder.append_null(),
            Self::Int16(builder) => builder.append_null(),
            Self::Int32(builder) => builder.append_null(),
            Self::Int64(builder) => builder.append_null(),
            Self::Float32(builder) => builder.append_null(),
            Self::Float64(builder) => builder.append_null(),
            Self::Decimal(builder, _) => builder.append_null(),
            Self::Date(builder) => builder.append_null(),
            Self::Timestamp(builder) => builder.append_null(),
            Self::Text(builder) => builder.append_null(),
            Self::Binary(builder) => builder.append_null(),
            Self::List(list) => list.end(false),
        }
    }

    /// A value in PostgreSQL's text. Always appends.
    pub(crate) fn push_text(&mut self, value: &[u8]) -> Result<(), Misfit> {
        if let Self::Binary(builder) = self {
            let bytes = text::bytes(value);
            builder.append_option(bytes.as_deref());
            return bytes.map(drop).ok_or(Misfit);
        }
        let Ok(value) = std::str::from_utf8(value) else {
            self.push_null();
            return Err(Misfit);
        };
        match self {
            Self::Bool(builder) => append!(
                builder,
                match value {
                    "t" | "true" => Some(true),
                    "f" | "false" => Some(false),
                    _ => None,
                }
            ),
            Self::Int16(builder) => append!(builder, value.parse().ok()),
            Self::Int32(builder) => append!(builder, value.parse().ok()),
            Self::Int64(builder) => append!(builder, value.parse().ok()),
            Self::Float32(builder) => append!(builder, value.parse().ok()),
            Self::Float64(builder) => append!(builder, value.parse().ok()),
            Self::Decimal(builder, scale) => append!(builder, text::decimal(value, *scale)),
            Self::Date(builder) => append!(builder, text::date(value)),
            Self::Timestamp(builder) => append!(builder, text::timestamp(value)),
            Self::Text(builder) => append!(builder, Some(value)),
            Self::Binary(_) => Ok(()),
            Self::List(list) => list.push(value),
        }
    }

    /// A value as `COPY … (FORMAT binary)` sends what [`Kind::selected`] selects. Always appends; where it does not fit,
    /// answers its text.
    pub(crate) fn push_binary(&mut self, value: &[u8]) -> Result<(), String> {
        let whole = |misfit: Misfit| {
            let Misfit = misfit;
            String::from_utf8_lossy(value).into_owned()
        };
        let unreadable = |_| "unreadable".to_owned();
        match self {
            Self::Bool(builder) => append!(builder, value.first().map(|byte| *byte != 0)).map_err(unreadable),
            Self::Int16(builder) => append!(builder, value.try_into().ok().map(i16::from_be_bytes)).map_err(unreadable),
            Self::Int32(builder) => append!(builder, value.try_into().ok().map(i32::from_be_bytes)).map_err(unreadable),
            Self::Int64(builder) => append!(builder, value.try_into().ok().map(i64::from_be_bytes)).map_err(unreadable),
            Self::Float32(builder) => {
                append!(builder, value.try_into().ok().map(f32::from_be_bytes)).map_err(unreadable)
            }
            Self::Float64(builder) => {
                append!(builder, value.try_into().ok().map(f64::from_be_bytes)).map_err(unreadable)
            }
            Self::Decimal(builder, scale) => {
                append!(builder, numeric(value, *scale)).map_err(|_| numeric_text(value).to_owned())
            }
            Self::Date(builder) => {
                let days = value.try_into().ok().map(i32::from_be_bytes);
                let finite = days.filter(|days| !matches!(*days, i32::MIN | i32::MAX));
                append!(builder, finite.and_then(|days| days.checked_add(POSTGRES_EPOCH_DAYS)))
                    .map_err(|_| infinity(days.is_some_and(|days| days < 0)))
            }
            Self::Timestamp(builder) => {
                let micros = value.try_into().ok().map(i64::from_be_bytes);
                let finite = micros.filter(|micros| !matches!(*micros, i64::MIN | i64::MAX));
                append!(
                    builder,
                    finite.and_then(|micros| micros.checked_add(POSTGRES_EPOCH_MICROS))
                )
                .map_err(|_| match (finite, micros) {
                    (Some(micros), _) => text::written_timestamp(micros),
                    (None, micros) => infinity(micros.is_some_and(|micros| micros < 0)),
                })
            }
            Self::Binary(builder) => {
                builder.append_value(value);
                Ok(())
            }
            Self::Text(_) | Self::List(_) => self.push_text(value).map_err(whole),
        }
    }

    pub(crate) fn finish(&mut self) -> Result<ArrayRef, ArrowError> {
        Ok(match self {
            Self::Bool(builder) => Arc::new(builder.finish()),
            Self::Int16(builder) => Arc::new(builder.finish()),
            Self::Int32(builder) => Arc::new(builder.finish()),
            Self::Int64(builder) => Arc::new(builder.finish()),
            Self::Float32(builder) => Arc::new(builder.finish()),
            Self::Float64(builder) => Arc::new(builder.finish()),
            Self::Decimal(builder, _) => Arc::new(builder.finish()),
            Self::Date(builder) => Arc::new(builder.finish()),
            Self::Timestamp(builder) => Arc::new(builder.finish()),
            Self::Text(builder) => Arc::new(builder.finish()),
            Self::Binary(builder) => Arc::new(builder.finish()),
            Self::List(list) => list.finish()?,
        })
    }
}

impl ListBuilder {
    fn push(&mut self, value: &str) -> Result<(), Misfit> {
        let Some(elements) = text::array(value) else {
            self.end(false);
            return Err(Misfit);
        };
        let mut fits = true;
        for element in elements {
            match element {
                Some(element) => fits &= self.elements.push_text(element.as_bytes()).is_ok(),
                None => self.elements.push_null(),
            }
            self.count += 1;
        }
        // Elements of a list that is null are passed over.
        self.end(fits);
        if fits { Ok(()) } else { Err(Misfit) }
    }

    fn end(&mut self, present: bool) {
        self.ends.push(self.count);
        self.present.append(present);
    }

    fn finish(&mut self) -> Result<ArrayRef, ArrowError> {
        let offsets = OffsetBuffer::new(std::mem::replace(&mut self.ends, vec![0]).into());
        self.count = 0;
        let field = Arc::new(Kind::element_field(&self.kind));
        let list = ListArray::try_new(field, offsets, self.elements.finish()?, self.present.finish())?;
        Ok(Arc::new(list))
    }
}

fn infinity(negative: bool) -> String {
    if negative { "-infinity" } else { "infinity" }.to_owned()
}

const NUMERIC_NEGATIVE: u16 = 0x4000;
const NUMERIC_INFINITY: u16 = 0xd000;
const NUMERIC_NEGATIVE_INFINITY: u16 = 0xf000;

/// A `numeric` in binary: how many digits to base 10,000, the weight of the first, the sign, digits to be shown, the digits.
fn numeric(value: &[u8], scale: i8) -> Option<i128> {
    let (words, _) = value.as_chunks::<2>();
    let word = |index: usize| words.get(index).map(|word| u16::from_be_bytes(*word));
    let (count, weight, sign) = (word(0)?, word(1)?.cast_signed(), word(2)?);
    if sign & 0x8000 != 0 {
        return None;
    }
    let mut result: i128 = 0;
    for place in 0..usize::from(count) {
        let digit = i128::from(word(4 + place)?);
        // Of the digit's last decimal place, in units of the result.
        let exponent = 4 * (i32::from(weight) - i32::try_from(place).ok()?) + i32::from(scale);
        let part = match u32::try_from(exponent) {
            Ok(exponent) => digit.checked_mul(10_i128.checked_pow(exponent)?)?,
            Err(_) => digit / 10_i128.checked_pow(exponent.unsigned_abs())?,
        };
        result = result.checked_add(part)?;
    }
    Some(if sign == NUMERIC_NEGATIVE { -result } else { result })
}

fn numeric_text(value: &[u8]) -> &'static str {
    match value
        .get(4..6)
        .and_then(|sign| sign.try_into().ok())
        .map(u16::from_be_bytes)
    {
        Some(NUMERIC_INFINITY) => "Infinity",
        Some(NUMERIC_NEGATIVE_INFINITY) => "-Infinity",
        _ => "NaN",
    }
}
