//! The messages that schemas become.
//!
//! A field is named as in JSON. Texts, decimals, times and words are texts; what may be absent is `optional`. What is an object
//! of no known fields is a `Struct`.

use std::collections::BTreeMap;

use super::document::{Additional, Document, Ordered, Schema};

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Text,
    Boolean,
    Double,
    Int32,
    Uint32,
    Int64,
    Uint64,
    Bytes,
    /// Any object of JSON.
    Struct,
    /// Anything of JSON.
    Value,
    Message(String),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Label {
    /// Always said.
    Needed,
    /// Absent is another thing than empty.
    Optional,
    /// `needed` where JSON says it even when there is none.
    Many { needed: bool },
    /// By text.
    Map,
}

#[derive(Clone, Debug)]
pub(crate) struct Field {
    pub name: String,
    #[cfg_attr(not(test), expect(dead_code, reason = "erp.proto is written of it"))]
    pub kind: Kind,
    pub label: Label,
    pub comment: String,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Message {
    #[cfg_attr(not(test), expect(dead_code, reason = "erp.proto is written of it"))]
    pub comment: String,
    pub fields: Vec<Field>,
    /// In JSON it is a text or a list, and no object: see [`TEXT`] and [`ITEMS`].
    pub either: bool,
}

/// Fields of a message that is either.
pub(crate) const TEXT: &str = "text";
pub(crate) const ITEMS: &str = "items";

impl Message {
    /// One that says nothing of itself.
    pub fn of(fields: Vec<Field>) -> Self {
        Self {
            fields,
            ..Self::default()
        }
    }
}

/// The messages that are reached, and what could not be made one.
#[derive(Debug)]
pub(crate) struct Messages<'d> {
    document: &'d Document,
    pub made: BTreeMap<String, Message>,
    /// The schema that each is made of.
    sources: BTreeMap<String, String>,
    pub problems: Vec<String>,
}

/// `Receipt` of `ReceiptView`, `PartyList` of `List_PartyView`, `LineInput` of `LineBody`.
fn message_name(schema: &str) -> String {
    if let Some(listed) = schema.strip_prefix("List_") {
        return format!("{}List", message_name(listed));
    }
    match (schema.strip_suffix("View"), schema.strip_suffix("Body")) {
        (Some(name), _) => name.to_owned(),
        (_, Some(name)) => format!("{name}Input"),
        _ => schema.to_owned(),
    }
}

impl<'d> Messages<'d> {
    pub fn new(document: &'d Document) -> Self {
        Self {
            document,
            made: BTreeMap::new(),
            sources: BTreeMap::new(),
            problems: Vec::new(),
        }
    }

    pub fn schema(&self, name: &str) -> Option<&'d Schema> {
        self.document.components.schemas.get(name)
    }

    /// The fields of an object, wherever they are said.
    pub fn fields(&mut self, schema: &Schema, within: &str) -> Vec<Field> {
        if let Some(target) = schema.target() {
            return match self.schema(target) {
                Some(found) => self.fields(found, target),
                None => Vec::new(),
            };
        }
        if let Some(thing) = schema.or_null() {
            return self.fields(thing, within);
        }
        let mut fields: Vec<Field> = schema
            .all_of
            .iter()
            .flat_map(|part| self.fields(part, within))
            .collect();
        for (name, property) in schema.properties.iter().flat_map(|properties| &properties.0) {
            let needed = schema.required.contains(name);
            fields.push(self.field(name, property, needed, within));
        }
        fields
    }

    pub fn field(&mut self, name: &str, schema: &Schema, needed: bool, within: &str) -> Field {
        let null = schema.types.nullable() || schema.or_null().is_some();
        let schema = schema.or_null().unwrap_or(schema);
        let comment = comment_of(self.resolved(schema), schema);
        let (kind, label) = match self.resolved(schema) {
            Schema { items: Some(items), .. } => (
                self.kind(items, within),
                Label::Many {
                    needed: needed && !null,
                },
            ),
            Schema {
                additional_properties: Some(Additional::Of(of)),
                ..
            } => (self.kind(of, within), Label::Map),
            _ if needed && !null => (self.kind(schema, within), Label::Needed),
            _ => (self.kind(schema, within), Label::Optional),
        };
        Field {
            name: name.to_owned(),
            kind,
            label,
            comment,
        }
    }

    /// What a reference refers to, unless that is a message.
    fn resolved<'s>(&self, schema: &'s Schema) -> &'s Schema
    where
        'd: 's,
    {
        let target = schema.target().and_then(|name| self.schema(name));
        target.filter(|schema| is_plain(schema)).unwrap_or(schema)
    }

    fn kind(&mut self, schema: &Schema, within: &str) -> Kind {
        if let Some(target) = schema.target() {
            return match self.schema(target) {
                Some(found) if is_plain(found) => self.kind(found, target),
                Some(found) => self.message(target, found),
                None => self.unknown(schema, within),
            };
        }
        if let Some(thing) = schema.or_null() {
            return self.kind(thing, within);
        }
        let signed = schema.minimum.is_none_or(|minimum| minimum < 0.0);
        match (schema.types.only(), schema.format.as_deref()) {
            (Some("string"), _) => Kind::Text,
            (Some("boolean"), _) => Kind::Boolean,
            (Some("number"), _) => Kind::Double,
            (Some("integer"), Some("int32")) if signed => Kind::Int32,
            (Some("integer"), Some("int32")) => Kind::Uint32,
            (Some("integer"), _) if signed => Kind::Int64,
            (Some("integer"), _) => Kind::Uint64,
            (Some("object"), _) if schema.properties.is_some() => self.inlined(schema, within),
            (Some("object"), _) => Kind::Struct,
            (None, _) if schema.one_of.is_empty() && schema.all_of.is_empty() => Kind::Value,
            _ => self.unknown(schema, within),
        }
    }

    fn unknown(&mut self, schema: &Schema, within: &str) -> Kind {
        let problem = format!("{within} has a schema that no message can be made of: {schema:?}");
        self.problems.push(problem);
        Kind::Value
    }

    /// An object that is written out where it stands, as the rows of a list are.
    fn inlined(&mut self, schema: &Schema, within: &str) -> Kind {
        let schemas: &'d Ordered<Schema> = &self.document.components.schemas;
        if let Some((name, same)) = schemas.0.iter().find(|(_, known)| known.means(schema)) {
            return self.message(name, same);
        }
        match within.strip_prefix("List_") {
            Some(listed) => self.message(listed, schema),
            None => self.unknown(schema, within),
        }
    }

    /// The message that the named schema is.
    pub fn message(&mut self, schema_name: &str, schema: &Schema) -> Kind {
        let name = message_name(schema_name);
        let source = self
            .sources
            .entry(name.clone())
            .or_insert_with(|| schema_name.to_owned());
        if source != schema_name {
            let problem = format!("{source} and {schema_name} would both be the message {name}: rename one of them");
            self.problems.push(problem);
        }
        if !self.made.contains_key(&name) {
            // Before its fields: they may be of its own kind.
            self.made.insert(name.clone(), Message::default());
            let message = match schema.one_of.as_slice() {
                [] => Message {
                    comment: schema.description.clone().unwrap_or_default(),
                    fields: self.fields(schema, schema_name),
                    either: false,
                },
                choices => self.either(schema, choices, schema_name),
            };
            self.made.insert(name.clone(), message);
        }
        Kind::Message(name)
    }

    /// A text or a list; there is nothing else that is one thing or another.
    fn either(&mut self, schema: &Schema, choices: &[Schema], within: &str) -> Message {
        let text = choices.iter().find(|choice| choice.types.is("string"));
        let list = choices.iter().find(|choice| choice.items.is_some());
        let (Some(text), Some(list), 2) = (text, list, choices.len()) else {
            self.unknown(schema, within);
            return Message::default();
        };
        Message {
            comment: schema.description.clone().unwrap_or_default(),
            fields: vec![
                self.field(TEXT, text, false, within),
                self.field(ITEMS, list, true, within),
            ],
            either: true,
        }
    }
}

/// Words, texts and lists: no message of its own.
fn is_plain(schema: &Schema) -> bool {
    schema.properties.is_none() && schema.one_of.is_empty() && schema.all_of.is_empty()
}

/// What a schema says of itself, with its words and an example.
fn comment_of(said: &Schema, at: &Schema) -> String {
    let about = at.description.as_ref().or(said.description.as_ref());
    comment(about, said.words.as_slice(), at.example.as_ref())
}

pub(crate) fn comment(
    about: Option<&String>,
    words: &[serde_json::Value],
    example: Option<&serde_json::Value>,
) -> String {
    let plain = |value: &serde_json::Value| format!("`{}`", crate::interchange::plain(value));
    let mut parts: Vec<String> = about.into_iter().map(|text| text.trim().to_owned()).collect();
    if !words.is_empty() {
        let words: Vec<String> = words.iter().map(plain).collect();
        parts.push(format!("One of {}.", words.join(", ")));
    }
    let is_said = |example: &String| about.is_some_and(|about| about.contains(example));
    if let Some(example) = example.map(plain).filter(|example| !is_said(example)) {
        parts.push(format!("Such as {example}."));
    }
    let ended = |part: String| match part.ends_with(['.', ':', '!', '?']) {
        true => part,
        false => format!("{part}."),
    };
    parts.into_iter().map(ended).collect::<Vec<_>>().join(" ")
}
