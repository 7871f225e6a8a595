//! The requests that the documents of a file are, beside what is there.

use std::collections::BTreeMap;

use cortex_erp::ErpError;
use cortex_runtime::http::ApiError;
use cortex_types::RequestContext;
use serde_json::Value;

use super::Interchange;
use super::changes::{ChangeView, changes, plain};
use super::shape::{Shape, encoded, path_of};
use super::table::{self, Document as Read};
use crate::batch::RequestBody;

/// A document of the file, beside what is there.
pub(super) struct Planned {
    pub read: Read,
    /// Or why it is not sent at all.
    pub request: Result<RequestBody, ErpError>,
    /// `None` where there is no such document yet.
    pub changes: Option<BTreeMap<String, ChangeView>>,
}

impl Planned {
    fn refused(read: Read, error: ErpError) -> Self {
        Self {
            read,
            request: Err(error),
            changes: None,
        }
    }
}

impl Interchange {
    /// All of a collection of which single ones are not read, by the path that defines each.
    pub(super) async fn listed(
        &self,
        ctx: &RequestContext,
        shape: &Shape,
    ) -> Result<BTreeMap<String, Value>, ApiError> {
        let mut listed = BTreeMap::new();
        let (None, Some(("PUT", template))) = (&shape.one, &shape.taken_by) else {
            return Ok(listed);
        };
        let mut after = None;
        loop {
            let mut page = self.page(ctx, &shape.collection, after.as_deref()).await?;
            after = page["next"].as_str().map(str::to_owned);
            let items = page["items"].as_array_mut().map(std::mem::take).unwrap_or_default();
            listed.extend(items.into_iter().filter_map(|item| {
                let path = path_of(template, item.as_object()?)?;
                Some((path, item))
            }));
            if after.is_none() {
                return Ok(listed);
            }
        }
    }

    /// The request that a document is, and what it would change of what is there.
    pub(super) async fn plan(
        &self,
        ctx: &RequestContext,
        shape: &Shape,
        listed: &BTreeMap<String, Value>,
        read: Read,
    ) -> Result<Planned, ApiError> {
        let (method, template) = shape
            .taken_by
            .as_ref()
            .map_or(("POST", ""), |(method, path)| (*method, path.as_str()));
        let mut body = read.fields.clone();
        let mut path = template.to_owned();
        if let Some((column, problem)) = &read.spoiled {
            let error = table::refused(read.row, column, problem.clone());
            return Ok(Planned::refused(read, error));
        }
        for name in Shape::parameters(template) {
            let Some(value) = read.fields.get(name).and_then(table::scalar) else {
                let problem = if read.fields.contains_key(name) {
                    "must be a text"
                } else {
                    "is missing"
                };
                let error = table::refused(read.row, name, problem.to_owned());
                return Ok(Planned::refused(read, error));
            };
            if !shape.taken.kinds.contains_key(name) {
                body.remove(name);
            }
            path = path.replace(&format!("{{{name}}}"), &encoded(&value));
        }
        let mut named = read.fields.clone();
        if let Some((name, value)) = &read.key {
            named.insert(name.clone(), Value::from(value.as_str()));
        }
        let (status, mut there) = match shape.one.as_deref().and_then(|one| path_of(one, &named)) {
            Some(path) => self.get(ctx, &path).await?,
            None => listed
                .get(&path)
                .map_or((404, Value::Null), |there| (200, there.clone())),
        };
        // Only what the file says is compared.
        if status == 200 && read.fields.keys().any(|field| shape.asks(field)) {
            self.add_asked(ctx, shape, std::slice::from_mut(&mut there)).await?;
        }
        if status == 200 && method == "PUT" {
            // It is when it was, in these books.
            body.remove("created_at");
        }
        let changes = match status {
            // What stands in the path of what is posted is said of it as well.
            200 if method == "POST" => {
                let mut said = body.clone();
                let path = Shape::parameters(template).filter_map(|name| read.fields.get_key_value(name));
                said.extend(path.map(|(name, value)| (name.clone(), value.clone())));
                Some(changes(&shape.taken, &there, &said))
            }
            200 => Some(changes(&shape.taken, &there, &body)),
            // A code that cannot be is refused with the document.
            400 | 404 => None,
            _ => return Err(ErpError::invalid(format!("row {}", read.row), plain(&there["detail"])).into()),
        };
        let is_drawn = read.key.as_ref().is_some_and(|(name, _)| !shape.takes(name));
        let is_otherwise = changes.as_ref().is_some_and(|changes| !changes.is_empty());
        let refused = (is_drawn && method == "POST" && is_otherwise).then(|| {
            let (name, value) = read.key.clone().unwrap_or_default();
            let problem =
                format!("'{value}' is posted already, and otherwise: leave the column out to post another one");
            table::refused(read.row, &name, problem)
        });
        if let (Some(_), "PUT", Value::Object(fields)) = (&changes, method, there) {
            // What the file does not say stays as it is.
            let there = table::taken(shape, Read { fields, ..read.clone() });
            let in_path = |name: &str| Shape::parameters(template).any(|of| of == name);
            for (name, value) in there.fields {
                if shape.takes(&name) && !in_path(&name) && name != "created_at" {
                    body.entry(name).or_insert(value);
                }
            }
            // What was said once, when it was made, is said again only where it is otherwise.
            let said = |name: &str| changes.as_ref().is_some_and(|changes| changes.contains_key(name));
            body.retain(|name, _| !shape.asked.kinds.contains_key(name) || said(name));
        }
        let body =
            serde_json::value::to_raw_value(&body).map_err(|error| ErpError::invalid("file", error.to_string()))?;
        let request = match refused {
            Some(error) => Err(error),
            None => Ok(RequestBody {
                method: Some(method.to_owned()),
                path,
                body: Some(body),
            }),
        };
        Ok(Planned { read, request, changes })
    }
}
