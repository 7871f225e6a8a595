//! Messages as JSON, and JSON as messages.
//!
//! A field has the same name in both. What is absent in a message is absent in JSON, but for what JSON always says; `null` is
//! absent in a message.

use cortex_erp::ErpError;
use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, MapKey, MessageDescriptor, ReflectMessage, Value};
use serde_json::{Map, Number, Value as Json};

use super::messages::{ITEMS, Label, Message, TEXT};
use super::operations::Contract;

const STRUCT: &str = "google.protobuf.Struct";
const LIST: &str = "google.protobuf.ListValue";
const ANYTHING: &str = "google.protobuf.Value";

/// Beyond it not every whole number is a double.
const WHOLE_MAX: f64 = 9_007_199_254_740_992.0;

/// Writes messages as JSON.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Written<'c>(pub &'c Contract);

impl Written<'_> {
    /// The message as the object, text or list that it is. `at` is what it is called in what is refused.
    pub fn message(self, message: &DynamicMessage, at: &str) -> Result<Json, ErpError> {
        let descriptor = message.descriptor();
        match descriptor.full_name() {
            STRUCT | LIST | ANYTHING => return self.free(message, at),
            _ => {}
        }
        let known = self.0.message(descriptor.name());
        if known.is_some_and(|known| known.either) {
            return self.either(message, &descriptor, at);
        }
        let mut object = Map::new();
        for field in descriptor.fields() {
            if let Some(value) = self.field(message, known, &field, at)? {
                object.insert(field.name().to_owned(), value);
            }
        }
        Ok(Json::Object(object))
    }

    /// `None` where it is absent.
    pub fn field(
        self,
        message: &DynamicMessage,
        known: Option<&Message>,
        field: &FieldDescriptor,
        within: &str,
    ) -> Result<Option<Json>, ErpError> {
        let said = || {
            let fields = known.into_iter().flat_map(|known| &known.fields);
            let label = fields
                .filter(|known| known.name == field.name())
                .map(|known| known.label)
                .next();
            matches!(label, Some(Label::Needed | Label::Many { needed: true }))
        };
        // A message that is absent stays so: there is nothing that it could be.
        let is_absent = !message.has_field(field);
        if is_absent && (matches!(field.kind(), Kind::Message(_)) && !field.is_list() || !said()) {
            return Ok(None);
        }
        let at = match within {
            "" => field.name().to_owned(),
            within => format!("{within}.{}", field.name()),
        };
        self.value(&message.get_field(field), &at).map(Some)
    }

    fn either(self, message: &DynamicMessage, of: &MessageDescriptor, at: &str) -> Result<Json, ErpError> {
        let there = |name: &str| of.get_field_by_name(name).filter(|field| message.has_field(field));
        match (there(TEXT), there(ITEMS)) {
            (Some(_), Some(_)) => Err(ErpError::invalid(
                at,
                format!("has '{TEXT}' and '{ITEMS}': say one of them"),
            )),
            (Some(field), None) | (None, Some(field)) => self.value(&message.get_field(&field), at),
            (None, None) => Ok(Json::Array(Vec::new())),
        }
    }

    fn value(self, value: &Value, at: &str) -> Result<Json, ErpError> {
        Ok(match value {
            Value::Bool(value) => Json::Bool(*value),
            Value::I32(value) | Value::EnumNumber(value) => Json::from(*value),
            Value::I64(value) => Json::from(*value),
            Value::U32(value) => Json::from(*value),
            Value::U64(value) => Json::from(*value),
            Value::F32(value) => number(f64::from(*value), at)?,
            Value::F64(value) => number(*value, at)?,
            Value::String(text) => Json::from(text.as_str()),
            // Files are no part of JSON; their operations have them as they are.
            Value::Bytes(_) => Json::Null,
            Value::Message(message) => self.message(message, at)?,
            Value::List(values) => {
                let items = values.iter().enumerate();
                let items = items.map(|(index, value)| self.value(value, &format!("{at}[{index}]")));
                Json::Array(items.collect::<Result<_, _>>()?)
            }
            Value::Map(values) => {
                let entry = |(key, value): (&MapKey, &Value)| {
                    let key = key.as_str().unwrap_or_default().to_owned();
                    let value = self.value(value, &format!("{at}.{key}"))?;
                    Ok((key, value))
                };
                Json::Object(values.iter().map(entry).collect::<Result<_, ErpError>>()?)
            }
        })
    }

    /// What has no fields of ours: the one thing that is there, `null` where there is none.
    fn free(self, message: &DynamicMessage, at: &str) -> Result<Json, ErpError> {
        let empty = match message.descriptor().full_name() {
            STRUCT => Json::Object(Map::new()),
            LIST => Json::Array(Vec::new()),
            _ => Json::Null,
        };
        match message.fields().next() {
            Some((field, _)) if field.name() == "null_value" => Ok(Json::Null),
            Some((_, value)) => self.value(value, at),
            None => Ok(empty),
        }
    }
}

/// Whole numbers are written as such: a count of `3.0` is none to who reads it.
fn number(value: f64, at: &str) -> Result<Json, ErpError> {
    #[expect(clippy::cast_possible_truncation, reason = "it is whole, and small enough")]
    let number = match value.fract() == 0.0 && value.abs() <= WHOLE_MAX {
        true => Some(Number::from(value as i64)),
        false => Number::from_f64(value),
    };
    let refused = || ErpError::invalid(at, format!("is {value}, which is no number of JSON"));
    number.map(Json::Number).ok_or_else(refused)
}

/// Where a field is that this server does not know: what a newer caller means by it would be left undone.
pub(crate) fn unknown_field(message: &DynamicMessage) -> Option<String> {
    if let Some(field) = message.unknown_fields().next() {
        return Some(format!("number {} of {}", field.number(), message.descriptor().name()));
    }
    message.fields().find_map(|(_, value)| unknown_within(value))
}

fn unknown_within(value: &Value) -> Option<String> {
    match value {
        Value::Message(message) => unknown_field(message),
        Value::List(values) => values.iter().find_map(unknown_within),
        Value::Map(values) => values.values().find_map(unknown_within),
        _ => None,
    }
}

/// What cannot be said in the message: it would be a mistake of ours.
#[derive(Debug, thiserror::Error)]
#[error("{at} of {message} cannot be {value}")]
pub(crate) struct Unsayable {
    message: String,
    at: String,
    /// What it is, and not what it says: that may be somebody's name.
    value: &'static str,
}

/// JSON as the message. What the message has no field for is left out.
pub(crate) fn read(descriptor: &MessageDescriptor, json: &Json) -> Result<DynamicMessage, Unsayable> {
    let mut message = DynamicMessage::new(descriptor.clone());
    let unsayable = |at: &str, value: &Json| Unsayable {
        message: descriptor.name().to_owned(),
        at: at.to_owned(),
        value: kind_of(value),
    };
    let mut set = |name: &str, value: &Json| -> Result<(), Unsayable> {
        let Some(field) = descriptor.get_field_by_name(name).filter(|_| !value.is_null()) else {
            return Ok(());
        };
        let read = field_value(&field, value)?.ok_or_else(|| unsayable(name, value))?;
        message.try_set_field(&field, read).map_err(|_| unsayable(name, value))
    };
    match (descriptor.full_name(), json) {
        (STRUCT, Json::Object(_)) => set("fields", json)?,
        (LIST, Json::Array(_)) => set("values", json)?,
        (ANYTHING, Json::Null) => {
            if let Some(null) = descriptor.get_field_by_name("null_value") {
                message.set_field(&null, Value::EnumNumber(0));
            }
        }
        (ANYTHING, Json::Bool(_)) => set("bool_value", json)?,
        (ANYTHING, Json::Number(_)) => set("number_value", json)?,
        (ANYTHING, Json::String(_)) => set("string_value", json)?,
        (ANYTHING, Json::Array(_)) => set("list_value", json)?,
        (ANYTHING, Json::Object(_)) => set("struct_value", json)?,
        (_, Json::Object(fields)) => {
            for (name, value) in fields {
                set(name, value)?;
            }
        }
        (_, Json::String(_)) => set(TEXT, json)?,
        (_, Json::Array(_)) => set(ITEMS, json)?,
        _ => return Err(unsayable("it", json)),
    }
    Ok(message)
}

const fn kind_of(json: &Json) -> &'static str {
    match json {
        Json::Null => "null",
        Json::Bool(_) => "a boolean",
        Json::Number(_) => "a number",
        Json::String(_) => "a text",
        Json::Array(_) => "a list",
        Json::Object(_) => "an object",
    }
}

/// `None` where it is of another type.
fn field_value(field: &FieldDescriptor, json: &Json) -> Result<Option<Value>, Unsayable> {
    let kind = field.kind();
    Ok(match (json, &kind) {
        (Json::Array(items), _) if field.is_list() => {
            let items: Option<Vec<Value>> = items.iter().map(|item| value(&kind, item)).collect::<Result<_, _>>()?;
            items.map(Value::List)
        }
        (Json::Object(entries), Kind::Message(entry)) if field.is_map() => {
            let of = entry.map_entry_value_field().kind();
            let read =
                |(key, item): (&String, &Json)| Ok(value(&of, item)?.map(|item| (MapKey::String(key.clone()), item)));
            let entries: Option<_> = entries.iter().map(read).collect::<Result<_, _>>()?;
            entries.map(Value::Map)
        }
        _ if field.is_list() || field.is_map() => None,
        _ => value(&kind, json)?,
    })
}

fn value(kind: &Kind, json: &Json) -> Result<Option<Value>, Unsayable> {
    Ok(match kind {
        Kind::String => json.as_str().map(|text| Value::String(text.to_owned())),
        Kind::Bool => json.as_bool().map(Value::Bool),
        Kind::Double => json.as_f64().map(Value::F64),
        Kind::Int32 => json.as_i64().and_then(|number| number.try_into().ok()).map(Value::I32),
        Kind::Uint32 => json.as_u64().and_then(|number| number.try_into().ok()).map(Value::U32),
        Kind::Int64 => json.as_i64().map(Value::I64),
        Kind::Uint64 => json.as_u64().map(Value::U64),
        Kind::Message(descriptor) => Some(Value::Message(read(descriptor, json)?)),
        _ => None,
    })
}
