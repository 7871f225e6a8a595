//! Every operation of the OpenAPI document, and requests that carry it out with what a tenant has.

use anyhow::{Context, Result};
use cortex_tests::client::Request;
use reqwest::Method;
use serde_json::Value;

use super::knowledge::Knowledge;

/// Values of one parameter that are tried.
const VALUES_MAX: usize = 3;
/// What is nobody's own: all of it is tried.
pub const COLLECTION: &str = "collection";
/// Places in a list, which its own answers give.
const PLACES: [&str; 2] = ["after", "cursor"];

pub struct Operation {
    pub method: Method,
    /// With its parameters in braces.
    pub path: String,
    /// Whether a token is needed.
    pub guarded: bool,
    /// Schema of its body, where it takes one.
    pub body: Option<Value>,
    query: Vec<(String, bool)>,
}

impl Operation {
    /// All of them, as the server tells.
    pub fn all(document: &Value) -> Result<Vec<Self>> {
        let mut all = Vec::new();
        for (path, item) in document["paths"].as_object().context("paths")? {
            for (method, operation) in item.as_object().into_iter().flatten() {
                let Ok(method) = method.to_uppercase().parse::<Method>() else {
                    continue;
                };
                if !operation["responses"].is_object() {
                    continue;
                }
                let parameters = operation["parameters"].as_array().into_iter().flatten();
                let query = parameters
                    .filter(|parameter| parameter["in"] == "query")
                    .map(|parameter| {
                        let name = parameter["name"].as_str().unwrap_or_default().to_owned();
                        (name, parameter["required"] == true)
                    });
                let body = &operation["requestBody"];
                all.push(Self {
                    method,
                    path: path.clone(),
                    guarded: operation["security"].is_null(),
                    body: body
                        .is_object()
                        .then(|| body["content"]["application/json"]["schema"].clone()),
                    query: query.collect(),
                });
            }
        }
        Ok(all)
    }

    pub fn name(&self) -> String {
        format!("{} {}", self.method, self.path)
    }

    pub fn reads(&self) -> bool {
        self.method == Method::GET
    }

    /// Whether a path is one of this operation's.
    pub fn is_of(&self, request: &Request) -> bool {
        let (asked, own) = (request.path.split('/'), self.path.split('/'));
        let fits = |(asked, own): (&str, &str)| asked == own || own.starts_with('{');
        self.method == request.method
            && asked.clone().count() == own.clone().count()
            && asked.zip(own).all(fits)
            // A draft is no document whose number is `drafts`.
            && (!request.path.ends_with("/drafts") || self.path.ends_with("/drafts"))
    }

    /// Whether its path names something of the tenant's own.
    pub fn names_something(&self) -> bool {
        let own = |part: &str| part.starts_with('{') && part.trim_matches(['{', '}']) != COLLECTION;
        self.path.split('/').any(own)
    }

    /// Its paths, filled with what `of` knows, and nothing that `not` has as well where there is something else.
    pub fn paths(&self, of: &Knowledge, not: Option<&Knowledge>) -> Vec<String> {
        let mut paths = vec![String::new()];
        let mut parts = self.path.split('/').skip(1).peekable();
        while let Some(part) = parts.next() {
            let behind = parts.peek().copied().unwrap_or_default();
            let Some(parameter) = part.strip_prefix('{').and_then(|part| part.strip_suffix('}')) else {
                paths.iter_mut().for_each(|path| *path = format!("{path}/{part}"));
                continue;
            };
            let filled = paths.iter().flat_map(|path| {
                let mut values = of.values_at(path, parameter, behind);
                if let Some(not) = not {
                    let own: Vec<String> = values.iter().filter(|value| !not.has(value)).cloned().collect();
                    if !own.is_empty() {
                        values = own;
                    }
                }
                if parameter != COLLECTION {
                    values.truncate(VALUES_MAX);
                }
                values.into_iter().map(move |value| format!("{path}/{value}"))
            });
            paths = filled.collect();
        }
        paths
    }

    /// A path with what must be asked, and once more with each thing that may be.
    pub fn queries(&self, path: &str, of: &Knowledge) -> Vec<String> {
        let pair = |(name, _): &(String, bool)| format!("{name}={}", of.value_in(path, name));
        let required: Vec<String> = self.query.iter().filter(|(_, required)| *required).map(pair).collect();
        let mut queries = vec![required.clone()];
        let optional = |(name, required): &&(String, bool)| !required && !PLACES.contains(&name.as_str());
        for optional in self.query.iter().filter(optional) {
            queries.push([required.clone(), vec![pair(optional)]].concat());
        }
        if let Some(cursor) = of.cursor(path) {
            queries.push([required, vec![cursor.to_owned()]].concat());
        }
        let with = |query: Vec<String>| match query.is_empty() {
            true => path.to_owned(),
            false => format!("{path}?{}", query.join("&")),
        };
        queries.into_iter().map(with).collect()
    }

    /// The whole list, where it is one.
    pub fn longest(&self, path: &str, of: &Knowledge) -> String {
        let required = self.query.iter().filter(|(_, required)| *required);
        let limited = self.query.iter().filter(|(name, _)| name == "limit");
        let pairs: Vec<String> = required
            .map(|(name, _)| format!("{name}={}", of.value_of(name)))
            .chain(limited.map(|_| "limit=500".to_owned()))
            .collect();
        match pairs.is_empty() {
            true => path.to_owned(),
            false => format!("{path}?{}", pairs.join("&")),
        }
    }
}
