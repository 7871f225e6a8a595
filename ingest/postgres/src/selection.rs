//! Which tables are read.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::PostgresError;

/// Patterns such as `public.orders`, `sales.*` or `*`; a name without a schema is one in `public`. None is all tables.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Selection(Vec<Pattern>);

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
struct Pattern {
    schema: String,
    table: String,
}

const ANY: &str = "*";
const PUBLIC: &str = "public";

impl Selection {
    /// [`PostgresError::NotReady`] where a pattern is none.
    pub fn parse<'a>(patterns: impl IntoIterator<Item = &'a str>) -> Result<Self, PostgresError> {
        let patterns = patterns.into_iter().map(|text| Pattern::parse(text.trim()));
        let patterns: Result<_, String> = patterns.collect();
        patterns.map(Self).map_err(PostgresError::NotReady)
    }

    #[must_use]
    pub fn takes(&self, schema: &str, table: &str) -> bool {
        let fits = |pattern: &str, name: &str| pattern == ANY || pattern == name;
        let mut patterns = self.0.iter();
        self.0.is_empty() || patterns.any(|pattern| fits(&pattern.schema, schema) && fits(&pattern.table, table))
    }

    /// Tables that are named as such, and so have to be there.
    pub(crate) fn named(&self) -> impl Iterator<Item = (&str, &str)> {
        let exact = self
            .0
            .iter()
            .filter(|pattern| pattern.schema != ANY && pattern.table != ANY);
        exact.map(|pattern| (&*pattern.schema, &*pattern.table))
    }
}

impl Pattern {
    fn parse(text: &str) -> Result<Self, String> {
        let mut parts: Vec<String> = vec![String::new()];
        let mut quoted = false;
        for c in text.chars() {
            match c {
                '"' => quoted = !quoted,
                '.' if !quoted => parts.push(String::new()),
                c => {
                    if let Some(part) = parts.last_mut() {
                        part.push(c);
                    }
                }
            }
        }
        let whole = !quoted && parts.iter().all(|part| !part.is_empty());
        match (whole, &mut parts[..]) {
            (true, [all]) if all == ANY => Ok(Self::of(ANY, ANY)),
            (true, [table]) => Ok(Self::of(PUBLIC, table)),
            (true, [schema, table]) => Ok(Self::of(schema, table)),
            _ => Err(format!(
                "'{text}' names no table: use SCHEMA.TABLE, SCHEMA.* or *, with \"…\" around a name that has a dot in it"
            )),
        }
    }

    fn of(schema: &str, table: &str) -> Self {
        Self {
            schema: schema.to_owned(),
            table: table.to_owned(),
        }
    }
}

impl TryFrom<String> for Pattern {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        Self::parse(&text)
    }
}

impl From<Pattern> for String {
    fn from(pattern: Pattern) -> Self {
        pattern.to_string()
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let quoted = |name: &str| match name.contains('.') {
            true => format!("\"{name}\""),
            false => name.to_owned(),
        };
        write!(f, "{}.{}", quoted(&self.schema), quoted(&self.table))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_take_the_tables_that_they_name() {
        let selection = Selection::parse(["orders", "sales.*", "\"a.b\".c"]).unwrap();
        assert!(selection.takes("public", "orders") && selection.takes("sales", "x") && selection.takes("a.b", "c"));
        assert!(!selection.takes("public", "other") && !selection.takes("a", "b"));
        assert!(Selection::default().takes("any", "thing") && Selection::parse(["*"]).unwrap().takes("any", "thing"));
        assert_eq!(
            selection.named().collect::<Vec<_>>(),
            [("public", "orders"), ("a.b", "c")]
        );
        let stored = serde_json::to_string(&selection).unwrap();
        assert_eq!(serde_json::from_str::<Selection>(&stored).unwrap(), selection);
        for wrong in ["", "a.", "a.b.c", "\"a"] {
            assert!(Selection::parse([wrong]).is_err(), "{wrong}");
        }
    }
}
