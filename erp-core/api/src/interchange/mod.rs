//! `/erp/v1/exports/{collection}` and `/erp/v1/imports/{collection}`: master data and documents as files.
//!
//! A file is read into the requests that would have been sent by hand, and goes the way of a batch; an export is the
//! pages of the list. So every field, check and permission is that of the API.

mod asked;
mod changes;
pub(crate) mod format;
mod once;
mod pages;
mod plan;
pub(crate) mod shape;
pub(crate) mod table;

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{Request, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use cortex_erp::{Attempt, ErpError, Together};
use cortex_runtime::http::{ApiError, Ctx, Json, Path, Query, Raw};
use cortex_types::{ErrorCode, Problem, RequestContext};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::{RawValue, to_raw_value};
use utoipa::{IntoParams, OpenApi, ToSchema};

use self::changes::ChangeView;
pub(crate) use self::changes::plain;
use self::format::{Content, Format, Writer};
use self::plan::Planned;
use self::shape::Shape;
pub(crate) use self::shape::encoded;
use self::table::Document as Read;
use crate::ErpApi;
use crate::api::not_found;
use crate::batch::{AnswerView, Batches};
use crate::idempotency::Key;

/// Most documents that go in together.
const TOGETHER_MAX: usize = 1000;
/// Most of those that are read first, and said anew with what the file does not say: what somebody else says of them meanwhile is
/// written over.
const DEFINED_MAX: usize = 20;
/// Of a row under a key that it was sent with before.
const SAID_BEFORE: &str = "this row came under this key before, and it said something else or was changed since: send the file under another key \
                           (--key) to say it again";
/// Most documents of a rehearsal: all of them are one transaction, and nobody else writes meanwhile.
const REHEARSED_MAX: usize = 20_000;

#[derive(Clone, Debug)]
struct Interchange {
    api: Arc<ErpApi>,
    batches: Batches,
}

/// What collections look like: it is the same for as long as the process runs.
static OPENAPI: LazyLock<Value> = LazyLock::new(|| serde_json::to_value(crate::openapi()).unwrap_or_default());

pub(crate) fn routes(api: &Arc<ErpApi>, batches: &Batches) -> Router {
    let interchange = Interchange {
        api: Arc::clone(api),
        batches: batches.clone(),
    };
    Router::new()
        .route("/erp/v1/exports/{collection}", get(export))
        .route("/erp/v1/imports/{collection}", post(import))
        .with_state(interchange)
}

#[derive(OpenApi)]
#[openapi(paths(export, import))]
pub(crate) struct Document;

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ExportQuery {
    /// `csv` (also where it is absent), `json` or `parquet`.
    #[param(example = "csv")]
    format: Option<String>,
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ImportQuery {
    /// `csv` (also where it is absent), `json` or `parquet`.
    #[param(example = "csv")]
    format: Option<String>,
    /// `true`: says what would change, and changes nothing.
    #[param(value_type = Option<bool>)]
    dry_run: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct ImportView {
    dry_run: bool,
    created: usize,
    changed: usize,
    /// There already, and as the file says.
    unchanged: usize,
    refused: usize,
    /// One for each document, in the order of the file; those that are unchanged are left out.
    documents: Vec<ImportedView>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct ImportedView {
    /// Its first row, the first of the file being 1.
    row: u64,
    /// `created`, `changed` or `refused`.
    outcome: &'static str,
    /// Its number or code.
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<String>,
    /// What becomes of fields that were otherwise.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    changes: BTreeMap<String, ChangeView>,
    /// Why it is refused, as problem details.
    #[schema(value_type = Option<Object>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<Box<RawValue>>,
}

/// All of a collection as a file. A document with lines is as many rows, whose columns begin with the name of the list, such as
/// `lines.product`; what can be imported again has the same columns.
#[utoipa::path(get, path = "/erp/v1/exports/{collection}", operation_id = "export_collection", tag = "erp",
    params(("collection" = String, Path, example = "products"), ExportQuery),
    responses(
        (status = 200, description = "The file", content((String = "text/csv"), (Vec<Object> = "application/json"), (String = "application/vnd.apache.parquet"))),
        (status = 404, description = "No such collection"),
    ))]
async fn export(
    State(of): State<Interchange>,
    Ctx(ctx): Ctx,
    Path(collection): Path<String>,
    Query(query): Query<ExportQuery>,
) -> Result<Response, ApiError> {
    of.api.may_read(&ctx)?;
    let format = format_of(query.format.as_deref())?;
    let shape = of.shape(&collection)?;
    if shape.shown.kinds.is_empty() {
        return Err(not_found("list to export", collection));
    }
    let columns = table::columns(&shape.shown);
    let mut writer = Writer::new(format, &columns)?;
    let mut after = None;
    loop {
        let mut page = of.page(&ctx, &collection, after.as_deref()).await?;
        let documents = page["items"].as_array_mut().map_or(&mut [][..], Vec::as_mut_slice);
        of.add_asked(&ctx, &shape, documents).await?;
        let documents = &*documents;
        let rows = documents
            .iter()
            .flat_map(|document| table::rows(&shape.shown, &columns, document));
        writer.write(documents, &rows.collect::<Vec<_>>())?;
        after = page["next"].as_str().map(str::to_owned);
        if after.is_none() {
            break;
        }
    }
    Ok(([(header::CONTENT_TYPE, format.media_type())], writer.finish()?).into_response())
}

/// Brings a file in, document by document: what is refused is told, and the others go in. With `dry_run` it says what would change.
/// The same file under the same key changes nothing more.
#[utoipa::path(post, path = "/erp/v1/imports/{collection}", operation_id = "import_collection", tag = "erp",
    request_body(content = String, description = "The file", content_type = "text/csv"),
    params(("collection" = String, Path, example = "products"), ImportQuery,
        ("Idempotency-Key" = String, Header, description = "Chosen per file; the same when it is repeated")),
    responses(
        (status = 200, description = "What became of each document", body = ImportView),
        (status = 400, description = "It is no such file, or has a column that means nothing; nothing was carried out"),
        (status = 404, description = "No such collection"),
    ))]
async fn import(
    State(of): State<Interchange>,
    Ctx(ctx): Ctx,
    Path(collection): Path<String>,
    Query(query): Query<ImportQuery>,
    Key(attempt): Key,
    Raw(file): Raw,
) -> Result<Json<ImportView>, ApiError> {
    of.api.may_post(&ctx)?;
    Key::check_shared(&attempt)?;
    let format = format_of(query.format.as_deref())?;
    let dry_run = match query.dry_run.as_deref() {
        None | Some("false") => false,
        Some("true") => true,
        Some(other) => return Err(ErpError::invalid("dry_run", format!("'{other}' is neither true nor false")).into()),
    };
    let shape = of.shape(&collection)?;
    if shape.taken_by.is_none() {
        return Err(not_found("collection to import into", collection));
    }
    let documents = match format::read(format, file.to_vec())? {
        Content::Table { columns, .. } if columns.iter().all(|column| column.is_empty()) => {
            let problem = "holds no document: a row of column names comes first, then the rows";
            return Err(ErpError::invalid("file", problem).into());
        }
        Content::Table { columns, rows } => {
            table::check_columns(&shape, columns.iter().map(AsRef::as_ref))?;
            table::documents(&shape, rows)?
        }
        Content::Documents(documents) => documents
            .into_iter()
            .map(|document| table::taken(&shape, document))
            .collect(),
    };
    table::check_keys(&shape, &documents)?;
    Ok(Json(of.import(&ctx, &shape, &attempt, dry_run, documents).await?))
}

fn format_of(text: Option<&str>) -> Result<Format, ErpError> {
    text.map_or(Ok(Format::default()), str::parse)
}

impl Interchange {
    fn shape(&self, collection: &str) -> Result<Shape, ApiError> {
        Shape::of(&OPENAPI, collection).ok_or_else(|| not_found("collection", collection.to_owned()))
    }

    async fn page(&self, ctx: &RequestContext, collection: &str, after: Option<&str>) -> Result<Value, ApiError> {
        let after = after
            .map(|after| format!("&after={}", encoded(after)))
            .unwrap_or_default();
        let path = format!("/erp/v1/{collection}?limit=500{after}");
        match self.get(ctx, &path).await? {
            (200, page) => Ok(page),
            // A list that does not come in pages.
            (400, _) if after.is_empty() => Ok(self.get(ctx, &format!("/erp/v1/{collection}")).await?.1),
            (_, problem) => Err(ErpError::invalid("collection", problem["detail"].to_string()).into()),
        }
    }

    async fn get(&self, ctx: &RequestContext, path: &str) -> Result<(u16, Value), ApiError> {
        let request = Request::get(path).body(Body::empty());
        let mut request = request.map_err(|error| ErpError::invalid("path", error.to_string()))?;
        request.extensions_mut().insert(ctx.clone());
        let answer = self.batches.ask(request).await?;
        let body = answer.body.as_ref().map(|body| serde_json::from_str(body.get()));
        Ok((answer.status, body.and_then(Result::ok).unwrap_or_default()))
    }

    async fn import(
        &self,
        ctx: &RequestContext,
        shape: &Shape,
        attempt: &Attempt,
        dry_run: bool,
        documents: Vec<Read>,
    ) -> Result<ImportView, ApiError> {
        if dry_run && documents.len() > REHEARSED_MAX {
            let problem = format!("has {} documents: try up to {REHEARSED_MAX} at a time", documents.len());
            return Err(ErpError::invalid("file", problem).into());
        }
        let mut view = ImportView {
            dry_run,
            created: 0,
            changed: 0,
            unchanged: 0,
            refused: 0,
            documents: Vec::new(),
        };
        let together = if dry_run { Together::Rehearsal } else { Together::Each };
        let is_defined = matches!(shape.taken_by, Some(("PUT", _)));
        let together_max = if is_defined { DEFINED_MAX } else { TOGETHER_MAX };
        let listed = self.listed(ctx, shape).await?;
        let mut documents = documents.into_iter().peekable();
        let mut part = 0;
        while documents.peek().is_some() {
            let size = if dry_run { REHEARSED_MAX } else { together_max };
            let mut planned = Vec::new();
            for document in documents.by_ref().take(size) {
                planned.push(self.plan(ctx, shape, &listed, document).await?);
            }
            let is_same = |planned: &Planned| planned.changes.as_ref().is_some_and(BTreeMap::is_empty);
            let (same, other): (Vec<_>, Vec<_>) = planned.into_iter().partition(is_same);
            view.unchanged += same.len();
            let mut requests = Vec::with_capacity(other.len());
            let mut told = Vec::with_capacity(other.len());
            for planned in other {
                match planned.request {
                    Err(error) => view.refuse(&planned.read, &error),
                    Ok(request) => {
                        requests.push(request);
                        told.push((planned.read, planned.changes));
                    }
                }
            }
            // The same documents have the same keys when the file comes again, whatever is the same by then.
            let key = |read: &Read| format!("{}/{}/{}", attempt.key(), shape.collection, read.row);
            let keys = told.iter().map(|(read, _)| key(read)).collect();
            let answers = self.batches.carry_out(ctx, keys, together, requests).await?;
            for ((read, changes), answer) in told.into_iter().zip(answers) {
                view.tell(&read, changes, answer, is_defined);
            }
            view.documents.sort_by_key(|document| document.row);
            part += 1;
            tracing::debug!(part, collection = shape.collection, "a part of a file is imported");
        }
        Ok(view)
    }
}

/// A problem as it goes out.
fn told(problem: &Problem) -> Option<Box<RawValue>> {
    let mut value = serde_json::to_value(problem).ok()?;
    if let Some(field) = problem.field() {
        value["field"] = field.into();
    }
    to_raw_value(&value).ok()
}

impl ImportView {
    fn refuse(&mut self, read: &Read, error: &ErpError) {
        self.refuse_told(read, told(&Problem::of(error)));
    }

    fn refuse_told(&mut self, read: &Read, problem: Option<Box<RawValue>>) {
        self.refused += 1;
        self.documents.push(ImportedView {
            row: read.row,
            outcome: "refused",
            subject: read.key.as_ref().map(|(_, value)| value.clone()),
            changes: BTreeMap::new(),
            problem,
        });
    }

    fn tell(
        &mut self,
        read: &Read,
        changes: Option<BTreeMap<String, ChangeView>>,
        answer: AnswerView,
        is_defined: bool,
    ) {
        // Sent again, under a key that was answered before.
        let is_otherwise = changes.as_ref().is_some_and(|changes| !changes.is_empty());
        if answer.status == 200 && is_defined && is_otherwise {
            return self.refuse_told(read, told(&Problem::new(ErrorCode::IdempotencyConflict, SAID_BEFORE)));
        }
        if answer.status == 200 {
            self.unchanged += 1;
            return;
        }
        let (outcome, count) = match (answer.is_success(), &changes) {
            (false, _) => ("refused", &mut self.refused),
            (true, None) => ("created", &mut self.created),
            (true, Some(_)) => ("changed", &mut self.changed),
        };
        *count += 1;
        let receipt: Value = answer
            .body
            .as_ref()
            .and_then(|body| serde_json::from_str(body.get()).ok())
            .unwrap_or_default();
        let given = ["number", "code"]
            .iter()
            .find_map(|key| read.fields.get(*key))
            .map(plain);
        self.documents.push(ImportedView {
            row: read.row,
            outcome,
            subject: receipt["number"].as_str().map(str::to_owned).or(given),
            changes: changes.unwrap_or_default(),
            problem: match receipt["code"].as_str() {
                Some(code) if code == ErrorCode::IdempotencyConflict.as_str() => {
                    told(&Problem::new(ErrorCode::IdempotencyConflict, SAID_BEFORE))
                }
                _ => answer.body.filter(|_| outcome == "refused"),
            },
        });
    }
}
