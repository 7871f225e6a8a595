//! A caller of the HTTP API who remembers what it asked.

use std::cell::RefCell;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use reqwest::Method;
use serde_json::Value;
use tokio::runtime::Runtime;

/// One connection pool and one identity.
#[derive(Debug)]
pub struct Client {
    /// What its idempotency keys begin with.
    name: &'static str,
    base: String,
    token: Option<String>,
    http: reqwest::Client,
    runtime: Runtime,
    asked: RefCell<Vec<Request>>,
}

/// A request as it went out.
#[derive(Clone, Debug)]
pub struct Request {
    pub method: Method,
    pub path: String,
    pub body: Option<Value>,
    /// `Idempotency-Key`.
    pub key: String,
    /// `If-Match`.
    pub known: Option<String>,
    /// `X-Cortex-Tenant`.
    pub tenant: Option<&'static str>,
}

/// What came back.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    /// As it was written.
    pub text: String,
    /// The text as JSON, where it is any.
    pub body: Value,
    pub etag: Option<String>,
}

impl Request {
    #[must_use]
    pub fn new(method: Method, path: impl Into<String>, body: Option<Value>) -> Self {
        Self {
            method,
            path: path.into(),
            body,
            key: String::new(),
            known: None,
            tenant: None,
        }
    }

    /// All of it that could come back as an echo.
    #[must_use]
    pub fn text(&self) -> String {
        let body = self.body.as_ref().map(Value::to_string).unwrap_or_default();
        format!("{} {} {} {body}", self.method, self.path, self.key)
    }
}

impl Client {
    /// Without a token where there is none.
    pub fn new(name: &'static str, address: &str, token: Option<&str>) -> Result<Self> {
        Ok(Self {
            name,
            base: format!("http://{address}"),
            token: token.map(str::to_owned),
            http: reqwest::Client::builder().timeout(Duration::from_secs(60)).build()?,
            runtime: tokio::runtime::Builder::new_current_thread().enable_all().build()?,
            asked: RefCell::default(),
        })
    }

    /// Asks, whatever comes back.
    pub fn ask(&self, request: &Request) -> Result<Answer> {
        self.runtime.block_on(async {
            let address = format!("{}{}", self.base, request.path);
            let mut builder = self.http.request(request.method.clone(), address);
            if let Some(token) = &self.token {
                builder = builder.bearer_auth(token);
            }
            if let Some(body) = &request.body {
                builder = builder.json(body);
            }
            if !request.key.is_empty() {
                builder = builder.header("idempotency-key", &request.key);
            }
            if let Some(known) = &request.known {
                builder = builder.header("if-match", known);
            }
            if let Some(tenant) = request.tenant {
                builder = builder.header("x-cortex-tenant", tenant);
            }
            let response = builder.send().await?;
            let etag = response.headers().get("etag").and_then(|tag| tag.to_str().ok());
            let (status, etag) = (response.status().as_u16(), etag.map(str::to_owned));
            let text = response.text().await?;
            Ok(Answer {
                status,
                body: serde_json::from_str(&text).unwrap_or(Value::Null),
                text,
                etag,
            })
        })
    }

    /// The same, under a key of its own, and remembered.
    fn command(&self, method: Method, path: &str, body: Option<Value>, known: Option<String>) -> Result<Answer> {
        let request = Request {
            key: format!("{}-{}", self.name, self.asked.borrow().len()),
            known,
            ..Request::new(method, path, body.filter(|body| !body.is_null()))
        };
        self.asked.borrow_mut().push(request.clone());
        self.ask(&request)
    }

    /// What was asked by commands, in its order.
    #[must_use]
    pub fn asked(&self) -> Vec<Request> {
        self.asked.borrow().clone()
    }

    /// The body of a successful GET.
    pub fn get(&self, path: &str) -> Result<Value> {
        let answer = self.ask(&Request::new(Method::GET, path, None))?;
        ensure!(answer.status == 200, "GET {path}: {} {}", answer.status, answer.text);
        Ok(answer.body)
    }

    /// All items of a list, page by page.
    pub fn list(&self, path: &str) -> Result<Vec<Value>> {
        let (mut items, mut after) = (Vec::new(), String::new());
        loop {
            let sign = if path.contains('?') { '&' } else { '?' };
            let page = self.get(&format!("{path}{sign}limit=500{after}"))?;
            items.extend(page["items"].as_array().into_iter().flatten().cloned());
            match page["next"].as_str() {
                Some(next) => after = format!("&after={next}"),
                None => return Ok(items),
            }
        }
    }

    /// A POST that is carried out.
    pub fn post(&self, path: &str, body: Value) -> Result<Value> {
        self.done(Method::POST, path, Some(body), None)
            .map(|answer| answer.body)
    }

    /// A POST without a body that is carried out.
    pub fn act(&self, path: &str) -> Result<Value> {
        self.done(Method::POST, path, None, None).map(|answer| answer.body)
    }

    /// A PUT that is carried out.
    pub fn put(&self, path: &str, body: Value) -> Result<Value> {
        self.done(Method::PUT, path, Some(body), None).map(|answer| answer.body)
    }

    /// A PUT of something that is known as `known`.
    pub fn replace(&self, path: &str, body: Value, known: &Answer) -> Result<Answer> {
        let tag = known.etag.clone().context("an ETag")?;
        self.done(Method::PUT, path, Some(body), Some(tag))
    }

    /// A command that is carried out, with all that came back.
    pub fn done(&self, method: Method, path: &str, body: Option<Value>, known: Option<String>) -> Result<Answer> {
        let said = body.as_ref().map(Value::to_string).unwrap_or_default();
        let answer = self.command(method.clone(), path, body, known)?;
        ensure!(
            matches!(answer.status, 200 | 201 | 204),
            "{method} {path} {said}: {} {}",
            answer.status,
            answer.text
        );
        Ok(answer)
    }

    /// A POST that is refused with this code; without a body where that is null. What it was told.
    pub fn refused(&self, status: u16, code: &str, path: &str, body: Value) -> Result<String> {
        let said = body.to_string();
        let answer = self.command(Method::POST, path, Some(body), None)?;
        ensure!(
            answer.status == status && answer.body["code"] == code,
            "POST {path} {said}: {status} {code} was expected, not {} {}",
            answer.status,
            answer.text
        );
        Ok(answer.text)
    }
}
