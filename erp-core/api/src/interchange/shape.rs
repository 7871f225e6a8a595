//! What a collection takes and what it shows, read from its OpenAPI document: so a table has the fields of the API, and
//! nothing is said twice.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::asked;
use super::changes::plain;
use crate::schemas;

/// What a cell holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Text,
    /// As a text.
    Decimal,
    /// As a text.
    Time,
    Boolean,
    Integer,
    /// Texts with `;` between them.
    Texts,
    /// One thing or another, as the API says; JSON where it begins like that.
    Any,
}

/// Fields by their names; those of a list within have the list's name before theirs, such as `lines.product`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fields {
    pub kinds: BTreeMap<String, Kind>,
    /// Lists of objects, such as `lines`.
    pub lists: BTreeSet<String>,
}

#[derive(Clone, Debug)]
pub(crate) struct Shape {
    pub collection: String,
    /// `POST` or `PUT`, and where to, with the names of what has to be put into the path.
    pub taken_by: Option<(&'static str, String)>,
    pub taken: Fields,
    /// Where one of them is read.
    pub one: Option<String>,
    /// With what comes from the journal of commands.
    pub shown: Fields,
    /// What of that comes from there.
    pub asked: Fields,
}

impl Shape {
    /// `None` where there is no such collection, or it can neither be written nor listed.
    pub fn of(openapi: &Value, collection: &str) -> Option<Self> {
        let list = format!("/erp/v1/{collection}");
        let operations = openapi["paths"].as_object()?;
        let directly = operations.keys().find(|path| path_of_one(path, &list));
        // Of what belongs to something else all are listed together as well.
        let within = || {
            let listed = operations.get(&list)?;
            let mut found = operations.keys().filter(|path| path_of_one_within(path, collection));
            found.next().filter(|_| listed["get"].is_object())
        };
        let one = directly.or_else(within).cloned();
        let body = |operation: &Value| Some(operation["requestBody"]["content"]["application/json"]["schema"].clone());
        let operation =
            |path: &str, method: &str| operations.get(path).map(|of| &of[method]).filter(|of| of.is_object());
        // What makes something answers so; a batch makes nothing of its own.
        let makes = |of: &&Value| of["responses"]["201"].is_object();
        // What says anew what is there goes before what only makes it.
        let put = one.iter().map(|one| ("PUT", one, "put"));
        let is_listed = operation(&list, "get").is_some();
        let within = operations
            .keys()
            .filter(|path| is_listed && posts_within(path, collection));
        let post = std::iter::once(&list).chain(within);
        let ways = put.chain(post.map(|path| ("POST", path, "post")));
        let mut ways = ways.filter_map(|(method, path, name)| {
            let body = body(operation(path, name).filter(makes)?)?;
            Some(((method, path.clone()), body))
        });
        let (taken_by, taken) = ways.next().unzip();
        let page = operation(&list, "get").map(|get| &get["responses"]["200"]["content"]["application/json"]["schema"]);
        let shown =
            page.map(|page| resolved(openapi, &resolved(openapi, page)["properties"]["items"])["items"].clone());
        if taken_by.is_none() && shown.is_none() {
            return None;
        }
        let fields = |schema: Option<Value>| schema.map(|schema| Fields::of(openapi, &schema)).unwrap_or_default();
        let (taken, mut shown) = (fields(taken), fields(shown));
        let asked = asked::fields(collection, &taken, &shown);
        shown.kinds.extend(asked.kinds.clone());
        shown.lists.extend(asked.lists.clone());
        Some(Self {
            collection: collection.to_owned(),
            taken,
            taken_by,
            one: one.filter(|one| operation(one, "get").is_some()),
            shown,
            asked,
        })
    }

    /// Whether a document is made with this field.
    pub fn takes(&self, field: &str) -> bool {
        self.taken.kinds.contains_key(field) || self.taken.lists.contains(field)
    }

    /// Whether it comes from the journal of commands.
    pub fn asks(&self, field: &str) -> bool {
        self.asked.kinds.contains_key(field) || self.asked.lists.contains(field) || self.taken.lists.contains(field)
    }

    /// Names that stand in braces in a path.
    pub fn parameters(path: &str) -> impl Iterator<Item = &str> {
        path.split('/')
            .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
    }
}

/// `/erp/v1/locations/{code}`, and also `/erp/v1/exchange-rates/{currency}/{day}`.
fn path_of_one(path: &str, list: &str) -> bool {
    let rest = path.strip_prefix(list).and_then(|rest| rest.strip_prefix('/'));
    rest.is_some_and(|rest| rest.split('/').all(|part| part.starts_with('{')))
}

/// `/erp/v1/parties/{party}/contacts/{contact}`, and also `/erp/v1/products/{product}/units/{unit}` of `product-units`.
fn path_of_one_within(path: &str, collection: &str) -> bool {
    let own = path.rsplit_once('/').filter(|(_, name)| name.starts_with('{'));
    own.is_some_and(|(rest, _)| posts_within(rest, collection))
}

/// `/erp/v1/products/{product}/standard-costs`.
fn posts_within(path: &str, collection: &str) -> bool {
    let mut parts = path.rsplit('/');
    let (Some(name), Some(owner)) = (parts.next(), parts.next().and_then(|owner| owner.strip_prefix('{'))) else {
        return false;
    };
    let Some(owner) = owner.strip_suffix('}') else {
        return false;
    };
    name == collection || collection.strip_prefix(owner).and_then(|rest| rest.strip_prefix('-')) == Some(name)
}

/// What a reference refers to; what is there where something may be absent.
fn resolved<'a>(openapi: &'a Value, schema: &'a Value) -> &'a Value {
    if let Some(reference) = schema["$ref"].as_str() {
        let name = reference.rsplit('/').next().unwrap_or_default();
        return resolved(openapi, &openapi["components"]["schemas"][name]);
    }
    let choices = schema["oneOf"].as_array().or_else(|| schema["anyOf"].as_array());
    let mut there = choices.into_iter().flatten().filter(|choice| choice["type"] != "null");
    match (there.next(), there.next()) {
        (Some(only), None) => resolved(openapi, only),
        _ => schema,
    }
}

/// The one type, which may be absent as well.
fn kind_of(schema: &Value) -> Option<&str> {
    match &schema["type"] {
        Value::String(name) => Some(name),
        Value::Array(names) => names.iter().filter_map(Value::as_str).find(|name| *name != "null"),
        _ => None,
    }
}

impl Fields {
    fn of(openapi: &Value, schema: &Value) -> Self {
        let mut fields = Self::default();
        fields.add(openapi, schema, "");
        fields
    }

    fn add(&mut self, openapi: &Value, schema: &Value, within: &str) {
        let schema = resolved(openapi, schema);
        for (name, property) in schema["properties"].as_object().into_iter().flatten() {
            let (name, property) = (format!("{within}{name}"), resolved(openapi, property));
            let items = resolved(openapi, &property["items"]);
            let kind = match kind_of(property) {
                Some("array") if items["properties"].is_object() && within.is_empty() => {
                    self.add(openapi, items, &format!("{name}."));
                    self.lists.insert(name);
                    continue;
                }
                Some("array") if kind_of(items) == Some("string") => Kind::Texts,
                Some("boolean") => Kind::Boolean,
                Some("integer") => Kind::Integer,
                Some("string") => match property["pattern"].as_str() {
                    Some(schemas::DECIMAL) => Kind::Decimal,
                    Some(schemas::TIME) => Kind::Time,
                    _ => Kind::Text,
                },
                _ => Kind::Any,
            };
            self.kinds.insert(name, kind);
        }
    }

    /// The list that a field is of, with its name within.
    pub fn place<'a>(&self, field: &'a str) -> (Option<&'a str>, &'a str) {
        match field.split_once('.') {
            Some((list, name)) if self.lists.contains(list) => (Some(list), name),
            _ => (None, field),
        }
    }
}

/// The path with all its names filled in; `None` where the document lacks one.
pub(crate) fn path_of(template: &str, fields: &Map<String, Value>) -> Option<String> {
    Shape::parameters(template).try_fold(template.to_owned(), |path, name| {
        let value = fields.get(name).map(plain)?;
        Some(path.replace(&format!("{{{name}}}"), &encoded(&value)))
    })
}

/// For a path or a query.
pub(crate) fn encoded(text: &str) -> String {
    let keeps = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let encode = |byte| {
        if keeps(byte) {
            char::from(byte).to_string()
        } else {
            format!("%{byte:02X}")
        }
    };
    text.bytes().map(encode).collect()
}
