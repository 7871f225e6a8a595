//! Documents as rows of a table, and back. A document with lines is as many rows; what is of the whole document stands
//! on the first of them, or on each.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use cortex_erp::ErpError;
use serde_json::{Map, Value};

use super::shape::{Fields, Kind, Shape};

/// Fields that tell documents of a collection apart.
const KEYS: [&str; 2] = ["number", "code"];

/// Cells by the names of their columns; a cell without text is absent.
pub(crate) type Row = BTreeMap<Arc<str>, String>;

/// A document with the number of its first row, the first row of a file being 1.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Document {
    pub row: u64,
    /// Its number or code, also where that is only shown.
    pub key: Option<(String, String)>,
    pub fields: Map<String, Value>,
    /// A column that cannot be what it says, and why.
    pub spoiled: Option<(String, String)>,
}

impl Document {
    pub fn new(row: u64, fields: Map<String, Value>) -> Self {
        let key = KEYS
            .iter()
            .find_map(|key| Some(((*key).to_owned(), scalar(fields.get(*key)?)?)));
        Self {
            row,
            key,
            fields,
            spoiled: None,
        }
    }
}

/// What may stand in a path.
pub(crate) fn scalar(value: &Value) -> Option<String> {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => return None,
    };
    Some(text).filter(|text| !text.is_empty())
}

/// The fields of a document that it can be made with; those that are only shown, and empty ones, are left out.
pub(crate) fn taken(shape: &Shape, document: Document) -> Document {
    let is_taken = |field: &str| {
        shape.taken.kinds.contains_key(field) || shape.taken.lists.contains(field) || in_path(shape, field)
    };
    let is_shown = |field: &str| shape.shown.kinds.contains_key(field) || shape.shown.lists.contains(field);
    let kept = |field: &str, value: &Value| !value.is_null() && (is_taken(field) || !is_shown(field));
    let mut fields = document.fields;
    fields.retain(|field, value| kept(field, value));
    for (list, lines) in &mut fields {
        for line in lines
            .as_array_mut()
            .into_iter()
            .flatten()
            .filter_map(Value::as_object_mut)
        {
            line.retain(|name, value| kept(&format!("{list}.{name}"), value));
        }
    }
    Document { fields, ..document }
}

/// Whether it stands in the path of the request.
fn in_path(shape: &Shape, field: &str) -> bool {
    let path = shape.taken_by.as_ref().map_or("", |(_, path)| path);
    Shape::parameters(path).any(|name| name == field)
}

/// What columns mean. What a collection shows and does not take is passed over; what it does neither is refused.
pub(crate) fn check_columns<'a>(shape: &Shape, columns: impl IntoIterator<Item = &'a str>) -> Result<(), ErpError> {
    let mut before = BTreeSet::new();
    for column in columns {
        if !before.insert(column) {
            let problem = "is there twice: leave out one of them";
            return Err(ErpError::invalid(format!("column '{column}'"), problem));
        }
        let of_either = [&shape.taken, &shape.shown];
        if of_either.iter().any(|of| of.lists.contains(column)) {
            let problem = "is a list: give a column to each of its fields, and a row to each of its lines";
            return Err(ErpError::invalid(format!("column '{column}'"), problem));
        }
        let known = of_either.iter().any(|of| of.kinds.contains_key(column));
        if !known && !in_path(shape, column) {
            let path = shape.taken_by.as_ref().map_or("", |(_, path)| path);
            let of_path = Shape::parameters(path).filter(|name| !shape.taken.kinds.contains_key(*name));
            let taken: Vec<&str> = of_path.chain(shape.taken.kinds.keys().map(String::as_str)).collect();
            let problem = format!("is no field of {}: they are {}", shape.collection, taken.join(", "));
            return Err(ErpError::invalid(format!("column '{column}'"), problem));
        }
    }
    Ok(())
}

/// Rows with lines of the same number or code are one document, and so is a row with lines alone and the one before it.
pub(crate) fn documents(shape: &Shape, rows: impl IntoIterator<Item = (u64, Row)>) -> Result<Vec<Document>, ErpError> {
    let mut documents: Vec<Document> = Vec::new();
    for (at, row) in rows {
        let (mut fields, mut lines) = (Map::new(), BTreeMap::<String, Map<String, Value>>::new());
        let key = KEYS
            .iter()
            .find_map(|key| Some(((*key).to_owned(), row.get(*key)?.clone())));
        let is_of_list = row.keys().any(|column| shape.shown.place(column).0.is_some());
        let mut spoiled = None;
        for (column, text) in row {
            let (list, name) = shape.taken.place(&column);
            let value = match value(shape, &column, &text) {
                Ok(Some(value)) => value,
                Ok(None) => continue,
                Err(problem) => {
                    spoiled = Some((column.to_string(), problem));
                    Value::from(text)
                }
            };
            match list {
                Some(list) => lines.entry(list.to_owned()).or_default().insert(name.to_owned(), value),
                None => fields.insert(column.to_string(), value),
            };
        }
        if fields.is_empty() && lines.is_empty() {
            continue;
        }
        let goes_on = |before: &Document| match &key {
            Some(_) => before.key == key,
            None => fields.is_empty(),
        };
        match documents
            .last_mut()
            .filter(|before| (is_of_list || !lines.is_empty()) && goes_on(before))
        {
            Some(before) => {
                if let Some((column, _)) = fields
                    .iter()
                    .find(|(name, value)| before.fields.get(*name) != Some(value))
                {
                    let problem = format!("is otherwise than on row {}, where the document begins", before.row);
                    return Err(refused(at, column, problem));
                }
                add_lines(&mut before.fields, lines);
                before.spoiled = before.spoiled.take().or(spoiled);
            }
            None => {
                add_lines(&mut fields, lines);
                documents.push(Document {
                    row: at,
                    key,
                    fields,
                    spoiled,
                });
            }
        }
    }
    Ok(documents)
}

/// One document of each number or code; of what is defined, one of each path.
pub(crate) fn check_keys(shape: &Shape, documents: &[Document]) -> Result<(), ErpError> {
    let names: Vec<&str> = match &shape.taken_by {
        Some(("PUT", path)) => Shape::parameters(path).collect(),
        _ => Vec::new(),
    };
    let mut first = BTreeMap::new();
    for document in documents {
        let parts = names.iter().map(|name| scalar(document.fields.get(*name)?));
        let of_path = parts.collect::<Option<Vec<_>>>().filter(|parts| !parts.is_empty());
        let key = match of_path {
            Some(parts) => Some((names.join(", "), parts.join("/"))),
            None => document.key.clone(),
        };
        let Some(key) = key else { continue };
        let problem = |row: u64| format!("'{}' is on row {row} already", key.1);
        if let Some(problem) = first.get(&key).copied().map(problem) {
            return Err(refused(document.row, &key.0, problem));
        }
        first.insert(key, document.row);
    }
    Ok(())
}

pub(crate) fn refused(row: u64, column: &str, problem: String) -> ErpError {
    ErpError::invalid(format!("row {row}, column '{column}'"), problem)
}

fn add_lines(fields: &mut Map<String, Value>, lines: BTreeMap<String, Map<String, Value>>) {
    for (list, line) in lines {
        let there = fields.entry(list).or_insert_with(|| Value::Array(Vec::new()));
        if let Value::Array(there) = there {
            there.push(Value::Object(line));
        }
    }
}

/// `None` for what is only shown.
fn value(shape: &Shape, column: &str, text: &str) -> Result<Option<Value>, String> {
    let kind = match shape.taken.kinds.get(column) {
        Some(kind) => *kind,
        None if in_path(shape, column) => Kind::Text,
        None => return Ok(None),
    };
    Ok(Some(match kind {
        Kind::Text | Kind::Decimal | Kind::Time => Value::from(text),
        Kind::Boolean => match text.to_ascii_lowercase().as_str() {
            "true" | "1" | "yes" => Value::from(true),
            "false" | "0" | "no" => Value::from(false),
            _ => return Err(format!("'{text}' is neither true nor false")),
        },
        Kind::Integer => Value::from(
            text.parse::<i64>()
                .map_err(|_| format!("'{text}' is no whole number"))?,
        ),
        Kind::Texts => text.split(';').map(|part| Value::from(part.trim())).collect(),
        Kind::Any if text.starts_with(['[', '{']) => serde_json::from_str(text).map_err(|error| error.to_string())?,
        Kind::Any => Value::from(text),
    }))
}

/// The columns of a table of what a collection shows: first what tells documents apart, last what is of their lines.
pub(crate) fn columns(shown: &Fields) -> Vec<String> {
    let mut columns: Vec<String> = shown.kinds.keys().cloned().collect();
    columns.sort_by_key(|column| {
        let key = KEYS.iter().position(|key| key == column).unwrap_or(KEYS.len());
        (shown.place(column).0.is_some(), key)
    });
    columns
}

/// The rows of one document, cells in the order of `columns`.
pub(crate) fn rows(shown: &Fields, columns: &[String], document: &Value) -> Vec<Vec<String>> {
    let lines_of = |list: &str| document[list].as_array().map_or(&[][..], Vec::as_slice);
    let height = shown.lists.iter().map(|list| lines_of(list).len()).max();
    (0..height.unwrap_or(1).max(1))
        .map(|row| {
            let cell = |column: &String| match shown.place(column) {
                (Some(list), name) => lines_of(list).get(row).map(|line| text(&line[name])),
                (None, name) => Some(text(&document[name])),
            };
            columns.iter().map(|column| cell(column).unwrap_or_default()).collect()
        })
        .collect()
}

fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(parts) if parts.iter().all(Value::is_string) => {
            parts.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(";")
        }
        other => other.to_string(),
    }
}
