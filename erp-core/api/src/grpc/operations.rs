//! What can be called: each operation of the OpenAPI document is an rpc.

use std::collections::{BTreeMap, BTreeSet};

use axum::http::Method;

use super::document::{Carried, Described, Document, Media, Parameter};
use super::messages::{Field, Kind, Label, Message, Messages, comment};

pub(crate) const JSON: &str = "application/json";
/// What a file, or a document as a whole, stands in.
pub(crate) const FILE: &str = "file";
pub(crate) const BODY: &str = "body";
pub(crate) const MEDIA_TYPE: &str = "media_type";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Path,
    Query,
    Header,
}

/// A field of a request that is no part of the body.
#[derive(Clone, Debug)]
pub(crate) struct Argument {
    pub field: String,
    /// As HTTP has it.
    pub name: String,
    pub place: Place,
    pub needed: bool,
}

#[derive(Clone, Debug)]
pub(crate) enum Carries {
    Nothing,
    /// Fields of the request. Where it is not `needed`, none of them means no body.
    Fields {
        names: BTreeSet<String>,
        needed: bool,
    },
    /// A document as it is, in [`BODY`].
    Whole,
    /// Bytes, in [`FILE`].
    File {
        media_type: String,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answers {
    Document,
    Nothing,
    File,
}

/// One operation of HTTP, and the rpc that is its shadow.
#[derive(Clone, Debug)]
pub(crate) struct Operation {
    pub rpc: String,
    pub method: Method,
    pub path: String,
    #[cfg_attr(not(test), expect(dead_code, reason = "erp.proto is written of it"))]
    pub comment: String,
    pub arguments: Vec<Argument>,
    pub carries: Carries,
    pub answers: Answers,
    pub request: String,
    pub response: String,
}

/// All of it: operations in the order of their paths, and the messages that they take and answer.
#[derive(Debug, Default)]
pub(crate) struct Contract {
    pub operations: Vec<Operation>,
    /// Requests, and answers that are one operation's alone.
    pub own: BTreeMap<String, Message>,
    pub shared: BTreeMap<String, Message>,
    /// Why it is not whole.
    pub problems: Vec<String>,
}

impl Contract {
    pub fn of(document: &Document) -> Self {
        let mut contract = Self::default();
        let mut messages = Messages::new(document);
        for (path, item) in &document.paths.0 {
            for (method, operation) in &item.0 {
                let at = format!("{} {path}", method.to_uppercase());
                let told = serde_json::from_value(operation.clone()).map_err(|error| error.to_string());
                let added = told.and_then(|told| contract.add(&mut messages, method, path, &told));
                if let Err(problem) = added {
                    contract.problems.push(format!("{at}: {problem}"));
                }
            }
        }
        contract.problems.append(&mut messages.problems);
        contract.shared = messages.made;
        let twice = contract.own.keys().find(|name| contract.shared.contains_key(*name));
        contract
            .problems
            .extend(twice.map(|name| format!("{name} is a request or an answer, and a schema as well")));
        contract
    }

    pub fn message(&self, name: &str) -> Option<&Message> {
        self.own.get(name).or_else(|| self.shared.get(name))
    }

    fn add(&mut self, messages: &mut Messages<'_>, method: &str, path: &str, told: &Described) -> Result<(), String> {
        let id = told.operation_id.as_deref().ok_or("it has no operation_id")?;
        let rpc = camel_case(id);
        if let Some(other) = self.operations.iter().find(|other| other.rpc == rpc) {
            let (method, path) = (&other.method, &other.path);
            return Err(format!(
                "{method} {path} is '{id}' as well: give one of them an operation_id of its own"
            ));
        }
        let (arguments, mut fields) = arguments(messages, &told.parameters, id)?;
        let (carries, carried) = carried(messages, told.request_body.as_ref(), id)?;
        fields.extend(carried);
        let names: BTreeSet<&str> = fields.iter().map(|field| field.name.as_str()).collect();
        if names.len() < fields.len() {
            return Err("a parameter and a field of the body have the same name".to_owned());
        }
        let request = format!("{rpc}Request");
        self.own.insert(request.clone(), Message::of(fields));
        let (answers, response) = self.answer(messages, &rpc, told)?;
        self.operations.push(Operation {
            method: method
                .to_uppercase()
                .parse()
                .map_err(|_| "its method is none of HTTP")?,
            path: path.to_owned(),
            comment: [&told.summary, &told.description]
                .into_iter()
                .flatten()
                .cloned()
                .collect::<Vec<_>>()
                .join("\n\n"),
            rpc,
            arguments,
            carries,
            answers,
            request,
            response,
        });
        Ok(())
    }

    fn answer(
        &mut self,
        messages: &mut Messages<'_>,
        rpc: &str,
        told: &Described,
    ) -> Result<(Answers, String), String> {
        let mut good = told.responses.0.iter().filter(|(status, _)| status.starts_with('2'));
        let (_, first) = good.next().ok_or("it answers nothing that is no error")?;
        let own = format!("{rpc}Response");
        let field = |name: &str, kind, about: &str| Field {
            name: name.to_owned(),
            kind,
            label: Label::Needed,
            comment: comment(Some(&about.to_owned()), &[], None),
        };
        let (answers, fields) = match first.content.0.as_slice() {
            [] => (Answers::Nothing, Vec::new()),
            [(media_type, Media { schema })] if media_type == JSON => {
                let name = schema.target().ok_or("what it answers has no schema with a name")?;
                let schema = messages.schema(name).ok_or("what it answers is nowhere described")?;
                return match messages.message(name, schema) {
                    Kind::Message(name) => Ok((Answers::Document, name)),
                    _ => Err("what it answers is no object".to_owned()),
                };
            }
            _ => (
                Answers::File,
                vec![
                    field(FILE, Kind::Bytes, first.description.as_deref().unwrap_or_default()),
                    field(MEDIA_TYPE, Kind::Text, "Such as `text/csv; charset=utf-8`."),
                ],
            ),
        };
        self.own.insert(own.clone(), Message::of(fields));
        Ok((answers, own))
    }
}

fn arguments(
    messages: &mut Messages<'_>,
    parameters: &[Parameter],
    id: &str,
) -> Result<(Vec<Argument>, Vec<Field>), String> {
    let mut found = Vec::new();
    for parameter in parameters {
        let place = match parameter.place.as_str() {
            "header" => Place::Header,
            "path" => Place::Path,
            "query" => Place::Query,
            other => return Err(format!("'{}' stands in a {other}", parameter.name)),
        };
        let name = parameter.name.to_lowercase().replace('-', "_");
        let argument = Argument {
            field: name.clone(),
            name: parameter.name.clone(),
            place,
            needed: parameter.required,
        };
        let mut field = messages.field(&name, &parameter.schema, parameter.required, id);
        field.comment = comment(parameter.description.as_ref(), &[], parameter.example.as_ref());
        found.push((argument, field));
    }
    // What every command has comes first, then what it is about.
    found.sort_by_key(|(argument, _)| match argument.place {
        Place::Header => 0,
        Place::Path => 1,
        Place::Query => 2,
    });
    Ok(found.into_iter().unzip())
}

fn carried(messages: &mut Messages<'_>, body: Option<&Carried>, id: &str) -> Result<(Carries, Vec<Field>), String> {
    let Some(body) = body else {
        return Ok((Carries::Nothing, Vec::new()));
    };
    let [(media_type, Media { schema })] = body.content.0.as_slice() else {
        return Err("its body is one of several things".to_owned());
    };
    let whole = |name: &str, kind| Field {
        name: name.to_owned(),
        kind,
        label: Label::Needed,
        comment: comment(body.description.as_ref(), &[], None),
    };
    if media_type != JSON {
        let media_type = media_type.clone();
        return Ok((Carries::File { media_type }, vec![whole(FILE, Kind::Bytes)]));
    }
    let fields = messages.fields(schema, id);
    if fields.is_empty() {
        return Ok((Carries::Whole, vec![whole(BODY, Kind::Struct)]));
    }
    let names = fields.iter().map(|field| field.name.clone()).collect();
    let needed = schema.or_null().is_none();
    Ok((Carries::Fields { names, needed }, fields))
}

/// `PostInvoice` of `post_invoice`.
fn camel_case(id: &str) -> String {
    let mut name = String::with_capacity(id.len());
    for word in id.split('_') {
        let mut letters = word.chars();
        name.extend(letters.next().map(|letter| letter.to_ascii_uppercase()));
        name.push_str(letters.as_str());
    }
    name
}
