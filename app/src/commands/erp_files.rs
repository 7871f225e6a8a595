//! `cortex erp import file` and `cortex erp export`: the same files as over HTTP, without a server.

use std::path::{Path, PathBuf};

use axum::body::Body;
use axum::extract::DefaultBodyLimit;
use axum::http::Request;
use clap::Args;
use cortex_types::RequestContext;
use http_body_util::BodyExt;
use serde_json::Value;
use sha2::{Digest, Sha256};
use tower::ServiceExt;

use super::say;
use crate::failure::{AppError, Failure};
use crate::platform::Platform;

#[derive(Debug, Args)]
pub struct ImportFile {
    /// Where it belongs, such as products, parties or sales-invoices
    collection: String,
    /// A .csv, .json or .parquet with the fields of the API as columns; those of lines are called lines.product and so on
    file: PathBuf,
    /// Say what would change, and change nothing
    #[arg(long)]
    dry_run: bool,
    /// Stands for this attempt: what came in under it does not come in again. Where it is absent the file stands for itself
    #[arg(long)]
    key: Option<String>,
}

#[derive(Debug, Args)]
pub struct ExportFile {
    /// What to write, such as products, parties or sales-invoices
    collection: String,
    /// Where to: a .csv, .json or .parquet that is not there yet
    file: PathBuf,
}

impl ImportFile {
    pub async fn run(self, platform: &Platform, ctx: &RequestContext) -> Result<(), Failure> {
        let format = format_of(&self.file)?;
        let file = std::fs::read(&self.file).map_err(|source| unusable(&self.file, &source))?;
        let of_file = || format!("file/{}/{}", self.collection, hex::encode(Sha256::digest(&file)));
        let key = self.key.clone().unwrap_or_else(of_file);
        let path = format!(
            "/erp/v1/imports/{}?format={format}&dry_run={}",
            self.collection, self.dry_run
        );
        let request = Request::post(path)
            .header("idempotency-key", key)
            .body(Body::from(file));
        let answer = ask(platform, ctx, request).await?;
        let view: Value = serde_json::from_slice(&answer).map_err(|error| AppError::Unhealthy(error.to_string()))?;
        for document in view["documents"].as_array().into_iter().flatten() {
            say(told(document));
        }
        let counts = ["created", "changed", "unchanged", "refused"].map(|what| format!("{} {what}", view[what]));
        let how = if self.dry_run {
            "nothing was changed; there would be "
        } else {
            ""
        };
        say(format!("{how}{}", counts.join(", ")));
        match view["refused"].as_u64() {
            Some(0) => Ok(()),
            _ => Err(AppError::Invalid("some of the file was refused; see above".to_owned()).into()),
        }
    }
}

impl ExportFile {
    pub async fn run(self, platform: &Platform, ctx: &RequestContext) -> Result<(), Failure> {
        let format = format_of(&self.file)?;
        let request = Request::get(format!("/erp/v1/exports/{}?format={format}", self.collection)).body(Body::empty());
        let file = ask(platform, ctx, request).await?;
        let new = std::fs::File::create_new(&self.file).and_then(|mut to| std::io::Write::write_all(&mut to, &file));
        new.map_err(|source| unusable(&self.file, &source))?;
        say(format!(
            "{} is in {}, {} bytes",
            self.collection,
            self.file.display(),
            file.len()
        ));
        Ok(())
    }
}

/// A line on what becomes of a document.
fn told(document: &Value) -> String {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let changes = document["changes"].as_object().into_iter().flatten();
    let changes =
        changes.map(|(field, change)| format!("{field}: {} → {}", text(&change["from"]), text(&change["to"])));
    let why = match document["problem"]["detail"].as_str() {
        Some(problem) => problem.to_owned(),
        None => changes.collect::<Vec<_>>().join(", "),
    };
    let subject = document["subject"].as_str().unwrap_or_default();
    format!(
        "row {:<6} {:<8} {subject:<16} {why}",
        document["row"],
        text(&document["outcome"])
    )
}

fn format_of(file: &Path) -> Result<&'static str, Failure> {
    let extension = file.extension().map(|extension| extension.to_ascii_lowercase());
    match extension.as_ref().and_then(|extension| extension.to_str()) {
        Some("csv") => Ok("csv"),
        Some("json" | "jsonl" | "ndjson") => Ok("json"),
        Some("parquet") => Ok("parquet"),
        _ => {
            let problem = format!("{} ends with none of .csv, .json, .parquet", file.display());
            Err(AppError::Invalid(problem).into())
        }
    }
}

fn unusable(file: &Path, error: &std::io::Error) -> AppError {
    AppError::Invalid(format!("{}: {error}", file.display()))
}

/// Asks the routes of the server, in this process.
async fn ask(
    platform: &Platform,
    ctx: &RequestContext,
    request: Result<Request<Body>, axum::http::Error>,
) -> Result<Vec<u8>, Failure> {
    let mut request = request.map_err(|error| AppError::Invalid(error.to_string()))?;
    request.extensions_mut().insert(ctx.clone());
    let routes = platform.http_routes().layer(DefaultBodyLimit::disable());
    let response = match routes.oneshot(request).await {
        Ok(response) => response,
        Err(never) => match never {},
    };
    let status = response.status();
    let body = response.into_body().collect().await;
    let body = body.map_err(|error| AppError::Unhealthy(error.to_string()))?.to_bytes();
    if status.is_success() {
        return Ok(body.to_vec());
    }
    let problem: Value = serde_json::from_slice(&body).unwrap_or_default();
    let problem = problem["detail"]
        .as_str()
        .map_or_else(|| status.to_string(), str::to_owned);
    Err(AppError::Invalid(problem).into())
}
