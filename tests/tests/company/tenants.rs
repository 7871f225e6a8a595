//! No tenant sees or changes anything of another's: every operation there is, with the other's codes, numbers and ids.

mod bodies;
mod knowledge;
mod learning;
mod operations;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context, Result, ensure};
use cortex_tests::binary::{self, Server};
use cortex_tests::client::{Answer, Client, Request};
use reqwest::Method;
use serde_json::{Value, json};

use crate::script;
use knowledge::{Knowledge, codes_in, ids_in};
use operations::Operation;

/// What is not tried, and why. Whatever is not named here is.
const LEFT_OUT: &[(&str, &str)] = &[(
    "GET /metrics",
    "is the whole process's, for who runs it: its labels name tenants and models",
)];

const OWNER: &str = "aster-company";
const STRANGER: &str = "bee";

#[test]
fn a_stranger_sees_and_changes_nothing_whatever_it_sends() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let data = folder.path().join("data");
    learning::configure(folder.path())?;
    let tokens = (token(&data, OWNER)?, token(&data, STRANGER)?);

    let server = Server::start(&data)?;
    let document = serde_json::from_str(&server.get("/openapi.json")?)?;
    let operations = Operation::all(&document)?;
    let stranger = Client::new(STRANGER, &server.http, Some(&tokens.1))?;
    a_small_company(&stranger)?;
    let alone = Knowledge::of(&stranger, &operations)?;
    drop(server);

    learning::train(&data, OWNER)?;
    let server = Server::start(&data)?;
    let owner = Client::new(OWNER, &server.http, Some(&tokens.0))?;
    a_whole_company(&owner)?;
    let before = Knowledge::of(&owner, &operations)?;
    let stranger = Client::new(STRANGER, &server.http, Some(&tokens.1))?;
    let beside = Knowledge::of(&stranger, &operations)?;
    same(&alone.answers, &beside.answers).context("the stranger's own answers, since there is somebody else")?;

    let mut visit = Visit {
        stranger,
        owner: &before,
        own: &beside,
        asked: owner.asked(),
        document: &document,
        sent: String::new(),
        tried: BTreeSet::new(),
        found: Vec::new(),
    };
    visit.read(&operations)?;
    visit.features_of_customers()?;
    visit.change(&operations)?;
    visit.create(&operations)?;
    visit.read(&operations)?;
    visit.left_nothing_out(&operations)?;
    let after = Knowledge::of(&owner, &operations)?;
    let unchanged = same(&before.answers, &after.answers);
    ensure!(
        visit.found.is_empty() && unchanged.is_ok(),
        "{} answers to the stranger, and the owner's afterwards: {unchanged:?}\n{}",
        visit.found.len(),
        visit.found.join("\n")
    );
    nobody_gets_in(&server, &operations, &before, &tokens.1)?;
    drop(server);
    for tenant in [OWNER, STRANGER] {
        let verified = binary::run(&data, &["erp", "verify", "--tenant", tenant])?;
        ensure!(verified.contains("the books hold"), "{tenant}: {verified}");
    }
    Ok(())
}

fn token(data: &Path, tenant: &str) -> Result<String> {
    let arguments = [
        "token", "create", "--name", tenant, "--role", "admin", "--tenant", tenant,
    ];
    Ok(binary::run(data, &arguments)?.trim().to_owned())
}

/// The month, with a draft of everything, and a model.
fn a_whole_company(owner: &Client) -> Result<()> {
    script::month(owner)?;
    script::close_the_month(owner)?;
    learning::use_it(owner)?;
    let mut drafted = BTreeSet::new();
    for request in owner.asked() {
        let Some(body) = request.body.filter(|_| request.method == Method::POST) else {
            continue;
        };
        let path = format!("{}/drafts", request.path);
        if drafted.insert(path.clone()) && owner.ask(&Request::new(Method::GET, path.clone(), None))?.status == 200 {
            owner.post(&path, body)?;
        }
    }
    Ok(())
}

/// Something of its own, under other names.
fn a_small_company(stranger: &Client) -> Result<()> {
    stranger.put(
        "/erp/v1/company",
        json!({ "name": "Bee", "currency": "EUR", "chart": "skr04" }),
    )?;
    stranger.post("/erp/v1/fiscal-years", json!({ "code": "BEE24", "from": "2024-01-01" }))?;
    stranger.post(
        "/erp/v1/parties",
        json!({ "code": "BEE-1", "kind": "customer", "country": "Italy", "created_at": "2023-01-01T00:00:00Z" }),
    )?;
    stranger.post(
        "/erp/v1/products",
        json!({ "code": "BEE-WORK", "kind": "service", "list_price": "11.00", "created_at": "2023-01-01T00:00:00Z" }),
    )?;
    stranger.post(
        "/erp/v1/sales-invoices",
        json!({
            "number": "BEE-INV-1", "customer": "BEE-1", "invoiced_at": "2024-01-05T10:00:00Z",
            "lines": [{ "product": "BEE-WORK", "quantity": "3" }],
        }),
    )?;
    Ok(())
}

fn same(before: &BTreeMap<String, Value>, after: &BTreeMap<String, Value>) -> Result<()> {
    for (path, was) in before {
        let is = after.get(path);
        ensure!(is == Some(was), "{path} was {was}, and is {is:?}");
    }
    let more: Vec<&String> = after.keys().filter(|path| !before.contains_key(*path)).collect();
    ensure!(more.is_empty(), "{more:?} answer now, and did not before");
    Ok(())
}

struct Visit<'a> {
    stranger: Client,
    owner: &'a Knowledge,
    own: &'a Knowledge,
    /// What the owner sent.
    asked: Vec<Request>,
    document: &'a Value,
    /// All that the stranger said itself in bodies.
    sent: String,
    tried: BTreeSet<String>,
    /// What should not have been.
    found: Vec<String>,
}

impl Visit<'_> {
    /// Sends it, and looks for the owner in what comes back.
    fn send(&mut self, operation: &Operation, request: &Request) -> Result<Answer> {
        let answer = self.stranger.ask(request)?;
        self.tried.insert(operation.name());
        if let Some(body) = &request.body {
            self.sent.push_str(&body.to_string());
        }
        let said = |text: &str| {
            [&self.sent, &request.path, &request.key]
                .iter()
                .any(|of| of.contains(text))
        };
        let problem = match answer.status {
            401 | 403 => Some("was refused at the door".to_owned()),
            500 => Some("fails".to_owned()),
            _ if answer.text.contains("Aster") => Some("tells the owner's words".to_owned()),
            _ => {
                let code = codes_in(&answer.text).find(|code| !said(code));
                let name = code.or_else(|| ids_in(&answer.text).find(|id| self.owner.has_id(id) && !said(id)));
                name.map(|name| format!("tells the owner's {name}"))
            }
        };
        if let Some(problem) = problem {
            self.note(request, &answer, &problem);
        }
        Ok(answer)
    }

    fn note(&mut self, request: &Request, answer: &Answer, problem: &str) {
        let found = format!("{} {problem}: {} {}", request.text(), answer.status, answer.text);
        self.found.push(found);
    }

    /// Everything that can be read, with the owner's names and places.
    fn read(&mut self, operations: &[Operation]) -> Result<()> {
        for operation in self.walked(operations).filter(|operation| operation.reads()) {
            for path in operation.paths(self.owner, Some(self.own)) {
                for path in operation.queries(&path, self.owner) {
                    self.send(operation, &Request::new(Method::GET, path, None))?;
                }
            }
        }
        Ok(())
    }

    /// Everything that changes what its path names: the stranger has nothing of these names.
    fn change(&mut self, operations: &[Operation]) -> Result<()> {
        let changes = |operation: &&Operation| !operation.reads() && operation.names_something();
        for operation in self.walked(operations).filter(changes) {
            let bodies = bodies::bodies(operation, &self.asked, self.owner, self.document);
            for (place, path) in operation.paths(self.owner, Some(self.own)).into_iter().enumerate() {
                for (body, key) in &bodies {
                    let request = Request {
                        key: if place == 0 {
                            key.clone()
                        } else {
                            format!("{key} {place}")
                        },
                        known: Some("\"1\"".to_owned()),
                        ..Request::new(operation.method.clone(), path.clone(), body.clone())
                    };
                    let answer = self.send(operation, &request)?;
                    if answer.status < 400 && operation.method != Method::PUT {
                        self.note(&request, &answer, "was done for a stranger");
                    }
                }
            }
        }
        Ok(())
    }

    /// Everything that makes something, as the owner made it, under the owner's keys.
    fn create(&mut self, operations: &[Operation]) -> Result<()> {
        let creates = |operation: &&Operation| !operation.reads() && !operation.names_something();
        for operation in self.walked(operations).filter(creates) {
            let bodies = bodies::bodies(operation, &self.asked, self.owner, self.document);
            for path in operation.paths(self.owner, Some(self.own)) {
                for (body, key) in &bodies {
                    let request = Request {
                        key: key.clone(),
                        ..Request::new(operation.method.clone(), path.clone(), body.clone())
                    };
                    let answer = self.send(operation, &request)?;
                    if answer.body["repeated"] == true {
                        self.note(&request, &answer, "was answered as the owner's");
                    }
                }
            }
        }
        Ok(())
    }

    /// Of the owner's customers the stranger's features say what they say of nobody.
    fn features_of_customers(&self) -> Result<()> {
        let asked = |customers: &[&str]| json!({ "service": "customer_repurchase", "keys": customers });
        let of = |customers: &[&str]| -> Result<Value> {
            let mut answer = self.stranger.post("/features/v1/online", asked(customers))?;
            for row in answer["rows"].as_array_mut().into_iter().flatten() {
                row["key"] = Value::Null;
            }
            Ok(answer)
        };
        let (known, nobody) = (of(&learning::CUSTOMERS)?, of(&["n1", "n2", "n3", "n4"])?);
        ensure!(known["rows"] == nobody["rows"], "{known} is not {nobody}");
        Ok(())
    }

    fn walked<'o>(&self, operations: &'o [Operation]) -> impl Iterator<Item = &'o Operation> + use<'o> {
        let out = |operation: &&Operation| LEFT_OUT.iter().all(|(name, _)| *name != operation.name());
        operations.iter().filter(out)
    }

    fn left_nothing_out(&self, operations: &[Operation]) -> Result<()> {
        for operation in operations {
            let out = LEFT_OUT.iter().any(|(name, _)| *name == operation.name());
            ensure!(
                out || self.tried.contains(&operation.name()),
                "{} was not tried: let the script use it, or say in LEFT_OUT why it cannot be",
                operation.name()
            );
        }
        for (name, _) in LEFT_OUT {
            ensure!(
                operations.iter().any(|operation| operation.name() == *name),
                "there is no {name} to leave out"
            );
        }
        Ok(())
    }
}

/// Without a token, with one that nobody made, and with the stranger's for the owner's tenant.
fn nobody_gets_in(server: &Server, operations: &[Operation], known: &Knowledge, stranger: &str) -> Result<()> {
    let nobody = Client::new("nobody", &server.http, None)?;
    let forger = Client::new("forger", &server.http, Some("cortex_0123456789abcdef0123456789abcdef"))?;
    let stranger = Client::new(STRANGER, &server.http, Some(stranger))?;
    for operation in operations.iter().filter(|operation| operation.guarded) {
        let path = operation.paths(known, None).into_iter().next();
        let path = path.with_context(|| operation.name())?;
        let request = Request::new(
            operation.method.clone(),
            path,
            operation.body.as_ref().map(|_| json!({})),
        );
        let posing = Request {
            tenant: Some(OWNER),
            ..request.clone()
        };
        for (client, request, status) in [
            (&nobody, &request, 401),
            (&forger, &request, 401),
            (&stranger, &posing, 403),
        ] {
            let answer = client.ask(request)?;
            ensure!(
                answer.status == status,
                "{}: {} {}",
                request.text(),
                answer.status,
                answer.text
            );
        }
    }
    Ok(())
}
