//! The OpenAPI document, as far as messages are made of it. Everything keeps the order in which it was written: new fields get
//! their numbers by it.

use std::fmt;

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

#[derive(Debug, Default, Deserialize)]
pub(crate) struct Document {
    pub paths: Ordered<Ordered<Value>>,
    #[serde(default)]
    pub components: Components,
}

#[derive(Debug, Default, Deserialize)]
pub(crate) struct Components {
    #[serde(default)]
    pub schemas: Ordered<Schema>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Described {
    pub operation_id: Option<String>,
    pub summary: Option<String>,
    pub description: Option<String>,
    #[serde(default)]
    pub parameters: Vec<Parameter>,
    pub request_body: Option<Carried>,
    #[serde(default)]
    pub responses: Ordered<Carried>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Parameter {
    pub name: String,
    #[serde(rename = "in")]
    pub place: String,
    #[serde(default)]
    pub required: bool,
    pub description: Option<String>,
    pub example: Option<Value>,
    #[serde(default)]
    pub schema: Schema,
}

/// A body, in or out.
#[derive(Debug, Deserialize)]
pub(crate) struct Carried {
    pub description: Option<String>,
    #[serde(default)]
    pub content: Ordered<Media>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Media {
    #[serde(default)]
    pub schema: Schema,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Schema {
    #[serde(rename = "$ref")]
    pub reference: Option<String>,
    #[serde(rename = "type", default)]
    pub types: Types,
    pub format: Option<String>,
    pub minimum: Option<f64>,
    pub description: Option<String>,
    pub example: Option<Value>,
    #[serde(rename = "enum", default)]
    pub words: Vec<Value>,
    pub properties: Option<Ordered<Schema>>,
    #[serde(default)]
    pub required: Vec<String>,
    pub items: Option<Box<Schema>>,
    #[serde(default)]
    pub one_of: Vec<Schema>,
    #[serde(default)]
    pub all_of: Vec<Schema>,
    pub additional_properties: Option<Additional>,
}

impl Schema {
    /// The name that a reference refers to.
    pub fn target(&self) -> Option<&str> {
        self.reference.as_deref()?.rsplit('/').next()
    }

    /// One thing, or nothing.
    pub fn or_null(&self) -> Option<&Self> {
        match self.one_of.as_slice() {
            [thing, null] | [null, thing] if null.types.is("null") => Some(thing),
            _ => None,
        }
    }

    /// The same but for what is said of it.
    pub fn means(&self, other: &Self) -> bool {
        let said = |schema: &Self| Self {
            description: None,
            ..schema.clone()
        };
        said(self) == said(other)
    }
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(untagged)]
pub(crate) enum Additional {
    Allowed(bool),
    Of(Box<Schema>),
}

/// `"string"` or `["string", "null"]`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(untagged)]
pub(crate) enum Types {
    #[default]
    Any,
    One(String),
    Some(Vec<String>),
}

impl Types {
    pub fn is(&self, name: &str) -> bool {
        self.only() == Some(name)
    }

    /// The one that is not `null`.
    pub fn only(&self) -> Option<&str> {
        match self {
            Self::Any => None,
            Self::One(name) => Some(name),
            Self::Some(names) => names.iter().map(String::as_str).find(|name| *name != "null"),
        }
    }

    pub fn nullable(&self) -> bool {
        matches!(self, Self::Some(names) if names.iter().any(|name| name == "null"))
    }
}

/// An object of JSON, in its order.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Ordered<T>(pub Vec<(String, T)>);

impl<T> Default for Ordered<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> Ordered<T> {
    pub fn get(&self, name: &str) -> Option<&T> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Ordered<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries<T>(std::marker::PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for Entries<T> {
            type Value = Ordered<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Ordered<T>, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Ordered(entries))
            }
        }

        deserializer.deserialize_map(Entries(std::marker::PhantomData))
    }
}
