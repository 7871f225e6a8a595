//! What is known of a tenant from its own answers: numbers, codes and ids, and how to tell that they are its own.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Result, bail};
use cortex_tests::client::{Client, Request};
use reqwest::Method;
use serde_json::Value;

use super::operations::{COLLECTION, Operation};

/// Fields by which things are named in paths, the best first.
const NAMES: [&str; 4] = ["number", "code", "id", "name"];
/// What no answer has under its own name.
const HINTS: &[(&str, &str)] = &[
    ("as_of", "2024-01-31"),
    ("buckets", "10,20"),
    ("day", "2024-01-16"),
    ("from", "2024-01-01"),
    ("in", "original"),
    ("limit", "2"),
    ("key", "roc_auc"),
];

/// Values of one field that are kept, besides those that are plainly the tenant's own.
const VALUES_MAX: usize = 50;

#[derive(Clone, Debug, Default)]
pub struct Knowledge {
    /// By the name of their field.
    values: BTreeMap<String, Vec<String>>,
    /// By the list they stand in, and the name of their field.
    listed: BTreeMap<(String, String), Vec<String>>,
    /// UUIDs, which nobody else has.
    ids: BTreeSet<String>,
    all: BTreeSet<String>,
    /// What was answered, by path and query.
    pub answers: BTreeMap<String, Value>,
    cursors: BTreeMap<String, String>,
    /// Collections that drafts were made in.
    collections: Vec<String>,
}

impl Knowledge {
    /// Reads everything that can be read, until that leads to nothing more.
    pub fn of(client: &Client, operations: &[Operation]) -> Result<Self> {
        let mut known = Self::default();
        for request in client.asked() {
            let collection = request
                .path
                .strip_prefix("/erp/v1/")
                .and_then(|path| path.strip_suffix("/drafts"));
            if let Some(collection) = collection.filter(|of| !known.collections.iter().any(|known| known == of)) {
                known.collections.push(collection.to_owned());
            }
        }
        // A model, its versions, what is told of a version.
        for _ in 0..3 {
            for operation in operations
                .iter()
                .filter(|operation| operation.reads() && operation.guarded)
            {
                for path in operation.paths(&known, None) {
                    known.read(client, operation, &path)?;
                }
            }
        }
        Ok(known)
    }

    /// A list with all its pages.
    fn read(&mut self, client: &Client, operation: &Operation, path: &str) -> Result<()> {
        let first = operation.longest(path, self);
        if self.answers.contains_key(&first) {
            return Ok(());
        }
        let mut next = Some(first.clone());
        while let Some(asked) = next {
            let answer = client.ask(&Request::new(Method::GET, asked.clone(), None))?;
            match answer.status {
                200 => {}
                // Only guessed at; or nothing that this tenant has.
                400 | 404 | 503 => return Ok(()),
                status => bail!("GET {asked}: {status} {}", answer.text),
            }
            self.learn("", &answer.body);
            let after = answer.body["next"].as_str();
            next = after.map(|after| format!("{first}&after={after}"));
            self.answers.insert(asked, answer.body);
        }
        self.second_page(client, operation, path)
    }

    /// Where the second page of a list of one begins.
    fn second_page(&mut self, client: &Client, operation: &Operation, path: &str) -> Result<()> {
        let short = operation.longest(path, self).replace("limit=500", "limit=1");
        if !short.contains("limit=1") {
            return Ok(());
        }
        let page = client.ask(&Request::new(Method::GET, short, None))?.body;
        for (field, parameter) in [("next", "after"), ("next_cursor", "cursor")] {
            let next = match &page[field] {
                Value::String(text) => text.clone(),
                Value::Number(number) => number.to_string(),
                _ => continue,
            };
            self.cursors.insert(path.to_owned(), format!("{parameter}={next}"));
        }
        Ok(())
    }

    fn learn(&mut self, list: &str, value: &Value) {
        match value {
            Value::Object(fields) => {
                for (field, value) in fields {
                    if let Some(text) = scalar(value) {
                        self.note(list, field, text);
                    }
                    self.learn(field, value);
                }
            }
            Value::Array(values) => values.iter().for_each(|value| self.learn(list, value)),
            _ => {}
        }
    }

    fn note(&mut self, list: &str, field: &str, text: String) {
        self.ids.extend(ids_in(&text).map(str::to_owned));
        let keep = |values: &mut Vec<String>| {
            if (values.len() < VALUES_MAX || is_marked(&text)) && !values.contains(&text) {
                // What is plainly the tenant's own comes first.
                let place = if is_marked(&text) { 0 } else { values.len() };
                values.insert(place, text.clone());
            }
        };
        keep(self.values.entry(field.to_owned()).or_default());
        keep(self.listed.entry((list.to_owned(), field.to_owned())).or_default());
        self.all.insert(text);
    }

    pub fn has(&self, value: &str) -> bool {
        self.all.contains(value)
    }

    pub fn has_id(&self, id: &str) -> bool {
        self.ids.contains(id)
    }

    /// What can stand for a parameter behind a path: of what the path lists, or of what has that name elsewhere.
    pub fn values_at(&self, path: &str, parameter: &str, behind: &str) -> Vec<String> {
        if parameter == COLLECTION {
            return self.collections.clone();
        }
        // What is posted is a draft.
        let drafts = format!("{path}/drafts");
        let path = if behind == "post" { &drafts } else { path };
        let of_list = self
            .answers
            .iter()
            .filter(|(asked, _)| asked.split('?').next() == Some(path));
        let rows = of_list.flat_map(|(_, answer)| rows(answer));
        let mut found: Vec<String> = rows.filter_map(|row| name_of(row, parameter)).collect();
        found.sort_by_key(|value| !is_marked(value));
        found.dedup();
        if !found.is_empty() {
            return found;
        }
        let last = path.rsplit('/').next().unwrap_or_default();
        let listed = |name: &&str| {
            let mut of = self.listed.iter().filter(|((_, field), _)| field == name);
            of.find(|((list, _), _)| !list.is_empty() && last.ends_with(list.as_str()))
        };
        let names = std::iter::once(parameter).chain(NAMES);
        if let Some((_, values)) = names.clone().find_map(|name| listed(&name)) {
            return values.clone();
        }
        let with_id = format!("{parameter}_id");
        let named = [parameter, &with_id].into_iter().find_map(|name| self.values.get(name));
        match named {
            Some(values) => values.clone(),
            None => hint(parameter).map_or_else(|| self.marked(), |hint| vec![hint.to_owned()]),
        }
    }

    /// Something for a parameter of a query: what the path's own answer has under that name, or others have.
    pub fn value_in(&self, path: &str, parameter: &str) -> String {
        let of_list = self
            .answers
            .iter()
            .filter(|(asked, _)| asked.split('?').next() == Some(path));
        let mut rows = of_list.flat_map(|(_, answer)| rows(answer));
        let found = hint(parameter).map(str::to_owned);
        let found = found.or_else(|| rows.find_map(|row| row.get(parameter).and_then(scalar)));
        found.unwrap_or_else(|| self.value_of(parameter))
    }

    /// Something for a parameter that has no place.
    pub fn value_of(&self, parameter: &str) -> String {
        let known = || self.values.get(parameter).and_then(|values| values.first()).cloned();
        let found = hint(parameter).map(str::to_owned).or_else(known);
        found
            .or_else(|| self.marked().first().cloned())
            .unwrap_or_else(|| "1".to_owned())
    }

    pub fn cursor(&self, path: &str) -> Option<&str> {
        self.cursors.get(path).map(String::as_str)
    }

    fn marked(&self) -> Vec<String> {
        self.all
            .iter()
            .filter(|value| value.starts_with("AST-"))
            .cloned()
            .collect()
    }
}

fn hint(parameter: &str) -> Option<&'static str> {
    HINTS
        .iter()
        .find(|(name, _)| *name == parameter)
        .map(|(_, value)| *value)
}

fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

fn rows(answer: &Value) -> impl Iterator<Item = &Value> {
    let lists = answer.as_object().into_iter().flat_map(|fields| fields.values());
    lists
        .filter_map(Value::as_array)
        .flatten()
        .filter(|row| row.is_object())
}

fn name_of(row: &Value, parameter: &str) -> Option<String> {
    let mut names = std::iter::once(parameter).chain(NAMES);
    names.find_map(|name| row.get(name).and_then(scalar))
}

/// All codes within a text that the script may have given.
pub fn codes_in(text: &str) -> impl Iterator<Item = &str> {
    let marks = ["AST-", "aster-"].into_iter();
    marks.flat_map(|mark| text.match_indices(mark)).filter_map(|(from, _)| {
        let part_of_code = |c: char| c.is_ascii_alphanumeric() || c == '-';
        let begins = !text[..from].ends_with(part_of_code);
        let length = text[from..].find(|c| !part_of_code(c)).unwrap_or(text.len() - from);
        begins.then_some(&text[from..from + length])
    })
}

/// Whether a text is plainly of the company that the script makes.
fn is_marked(text: &str) -> bool {
    ["AST-", "Aster", "aster-"].iter().any(|mark| text.contains(mark))
}

/// All UUIDs within a text.
pub fn ids_in(text: &str) -> impl Iterator<Item = &str> {
    const LENGTH: usize = 36;
    const DASHES: [usize; 4] = [8, 13, 18, 23];
    text.match_indices('-').filter_map(|(dash, _)| {
        let from = dash.checked_sub(DASHES[0])?;
        let found = text.get(from..from + LENGTH)?;
        let fits = |(place, byte): (usize, u8)| match DASHES.contains(&place) {
            true => byte == b'-',
            false => byte.is_ascii_hexdigit(),
        };
        found.bytes().enumerate().all(fits).then_some(found)
    })
}
