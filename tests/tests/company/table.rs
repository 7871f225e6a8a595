//! Answers as aligned text, for people to read and for goldens to hold.

use std::fmt::Write;

use serde_json::Value;

/// A column: the field of a row, and whether it is a number.
pub struct Column {
    field: &'static str,
    number: bool,
}

pub const fn text(field: &'static str) -> Column {
    Column { field, number: false }
}

pub const fn number(field: &'static str) -> Column {
    Column { field, number: true }
}

/// Rows under a head, each column as wide as its widest cell.
pub fn table(columns: &[Column], rows: &[Value]) -> String {
    let head = columns.iter().map(|column| column.field.to_owned()).collect();
    let cells = |row: &Value| columns.iter().map(|column| cell(&row[column.field])).collect();
    let lines: Vec<Vec<String>> = std::iter::once(head).chain(rows.iter().map(cells)).collect();
    let width = |place: usize| lines.iter().map(|line| line[place].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns.len()).map(width).collect();
    let mut out = String::new();
    for line in &lines {
        let mut shown = String::new();
        for ((cell, column), width) in line.iter().zip(columns).zip(&widths) {
            // Writing to a string cannot fail.
            let _ = match column.number {
                true => write!(shown, "{cell:>width$}  "),
                false => write!(shown, "{cell:<width$}  "),
            };
        }
        out.push_str(shown.trim_end());
        out.push('\n');
    }
    out
}

/// Of a time, the day.
fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) if is_time(text) => text[..10].to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(values) => values.iter().map(cell).collect::<Vec<_>>().join(" | "),
        other => other.to_string(),
    }
}

fn is_time(text: &str) -> bool {
    text.len() >= 20 && text.as_bytes()[4] == b'-' && text.as_bytes()[10] == b'T' && text.ends_with('Z')
}
