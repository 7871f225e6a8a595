//! Many writers want the same goods, the same invoice, the same numbers and the same months, while those months are closed and the
//! server is killed: everything is done once or refused, and the books are sound.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use cortex_tests::binary::{self, Server};
use cortex_tests::client::Client;
use serde_json::{Value, json};

const WRITERS: usize = 8;
const ROUNDS: usize = 12;
const KILLS: usize = 5;
const PIECES: i64 = 60;
/// Of the invoice that everybody pays and takes back.
const BILLED: i64 = 10;
const PATIENCE: Duration = Duration::from_mins(3);

/// A command that some writer wants to see done, under its key.
#[derive(Clone, Debug)]
struct Job {
    what: What,
    path: String,
    body: Value,
    key: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum What {
    Sale,
    Credit,
    Payment,
    Close,
}

impl What {
    /// What a race for it is lost with.
    const fn lost_with(self) -> [&'static str; 2] {
        match self {
            Self::Sale => ["insufficient-stock", "period-closed"],
            Self::Credit | Self::Payment | Self::Close => ["invalid-argument", "period-closed"],
        }
    }
}

impl Job {
    fn new(what: What, path: &str, body: Value, key: String) -> Self {
        let path = format!("/erp/v1/{path}");
        Self { what, path, body, key }
    }
}

/// What the writers share: the server that there is just now, and what came of the jobs.
#[derive(Default)]
struct Race {
    server: RwLock<Option<String>>,
    answered: AtomicUsize,
    /// Somebody gave up: so do the others.
    over: AtomicBool,
    /// The answer to each key, which is the same whoever asks.
    answers: Mutex<BTreeMap<String, (Job, u16, Value)>>,
}

impl Race {
    fn answers(&self) -> MutexGuard<'_, BTreeMap<String, (Job, u16, Value)>> {
        self.answers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn serve(&self, address: Option<&str>) {
        *self.server.write().unwrap_or_else(PoisonError::into_inner) = address.map(str::to_owned);
    }

    /// Does one writer's jobs.
    fn run(&self, jobs: &[Job]) -> Result<()> {
        let ended = jobs.iter().try_for_each(|job| self.ask(job));
        if ended.is_err() {
            self.over.store(true, Ordering::Relaxed);
        }
        ended
    }

    /// Asks until somebody answers.
    fn ask(&self, job: &Job) -> Result<()> {
        let started = Instant::now();
        while started.elapsed() < PATIENCE && !self.over.load(Ordering::Relaxed) {
            let address = self.server.read().unwrap_or_else(PoisonError::into_inner).clone();
            let answer = address.map(|address| binary::post_once(&address, &job.path, &job.body, &job.key));
            let Some(Ok((status, body))) = answer.filter(|answer| matches!(answer, Ok((status, _)) if *status < 500))
            else {
                thread::sleep(Duration::from_millis(50));
                continue;
            };
            self.answered.fetch_add(1, Ordering::Relaxed);
            return self.note(job, status, body);
        }
        anyhow::bail!("nobody answered {job:?}")
    }

    fn note(&self, job: &Job, status: u16, body: Value) -> Result<()> {
        let code = body["code"].as_str().unwrap_or_default();
        ensure!(
            status < 300 || job.what.lost_with().contains(&code),
            "{job:?}: {status} {body}"
        );
        let mut answers = self.answers();
        match answers.get(&job.key) {
            // What one of a pair was refused, the other may have been granted meanwhile.
            Some((_, before, receipt)) if *before < 300 => {
                ensure!(
                    status >= 300 || receipt["number"] == body["number"],
                    "{job:?}: {receipt}, {body}"
                );
            }
            _ => drop(answers.insert(job.key.clone(), (job.clone(), status, body))),
        }
        Ok(())
    }

    fn done(&self, what: What) -> i64 {
        let answers = self.answers();
        let done = answers
            .values()
            .filter(|(job, status, _)| job.what == what && *status < 300);
        i64::try_from(done.count()).unwrap_or(i64::MAX)
    }
}

#[test]
fn racing_writers_and_kills_leave_every_command_done_once_or_not_at_all() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let data = folder.path().join("data");
    let first = Server::start(&data)?;
    prepare(&first.http)?;
    let race = Race::default();
    race.serve(Some(&first.http));
    let writers: Vec<Vec<Job>> = (0..WRITERS).map(jobs).collect();
    let wanted: usize = writers.iter().map(Vec::len).sum();
    let server = thread::scope(|scope| {
        let running: Vec<_> = writers.iter().map(|jobs| scope.spawn(|| race.run(jobs))).collect();
        let server = kill_in_between(&data, first, &race, wanted);
        race.over.fetch_or(server.is_err(), Ordering::Relaxed);
        let ended: Vec<_> = running.into_iter().map(thread::ScopedJoinHandle::join).collect();
        let server = server?;
        for writer in ended {
            writer.map_err(|_| anyhow::anyhow!("a writer panicked"))??;
        }
        Ok::<_, anyhow::Error>(server)
    })?;

    let client = Client::new("auditor", &server.http, None)?;
    came_to(&client, &race)?;
    for (job, status, receipt) in race.answers().values() {
        if *status < 300 {
            let (again, body) = server.post_once(&job.path, &job.body, &job.key)?;
            ensure!(
                again == 200 && body["number"] == receipt["number"],
                "{job:?}: {again} {body}"
            );
        }
    }
    drop(server);
    binary::run(&data, &["erp", "verify"])?;
    Ok(())
}

/// Kills the server whenever another part of the work is done, and starts it again.
fn kill_in_between(data: &Path, mut server: Server, race: &Race, wanted: usize) -> Result<Server> {
    for kill in 1..=KILLS {
        let until = wanted * kill / (KILLS + 1);
        while race.answered.load(Ordering::Relaxed) < until && !race.over.load(Ordering::Relaxed) {
            thread::sleep(Duration::from_millis(1));
        }
        drop(server);
        race.serve(None);
        server = Server::start(data)?;
        race.serve(Some(&server.http));
    }
    Ok(server)
}

fn prepare(address: &str) -> Result<()> {
    let owner = Client::new("owner", address, None)?;
    owner.post("/erp/v1/fiscal-years", json!({ "from": "2011-01-01", "months": 12 }))?;
    owner.put(
        "/erp/v1/locations/main",
        json!({ "name": "Here", "negative_stock": "refuse" }),
    )?;
    owner.post(
        "/erp/v1/parties",
        json!({ "code": "C", "name": "A customer", "kind": "customer", "country": "DE" }),
    )?;
    owner.post(
        "/erp/v1/parties",
        json!({ "code": "S", "name": "A supplier", "kind": "supplier", "country": "DE" }),
    )?;
    owner.post(
        "/erp/v1/products",
        json!({ "code": "P", "kind": "goods", "list_price": "10.00", "valuation": "fifo" }),
    )?;
    let lines = json!([{ "product": "P", "quantity": PIECES.to_string(), "value": "240.00" }]);
    owner.post(
        "/erp/v1/purchase-receipts",
        json!({ "supplier": "S", "received_at": "2011-01-01", "lines": lines }),
    )?;
    let lines = json!([{ "product": "P", "quantity": BILLED.to_string() }]);
    let invoice = json!({ "number": "RACE", "customer": "C", "invoiced_at": "2011-01-02", "lines": lines });
    owner.post("/erp/v1/sales-invoices", invoice)?;
    Ok(())
}

/// What one of the writers does, in its order. Every second command is another writer's as well, under the same key.
fn jobs(writer: usize) -> Vec<Job> {
    let of_pair = writer / 2;
    let mut jobs = Vec::new();
    for round in 0..ROUNDS {
        let key = |what: &str| match round % 2 {
            0 => format!("{what}-{writer}-{round}"),
            _ => format!("{what}-pair-{of_pair}-{round}"),
        };
        let day = format!("2011-{:02}-15", round % 6 + 1);
        let lines = json!([{ "product": "P", "quantity": "1" }]);
        let sale = json!({ "customer": "C", "invoiced_at": day, "lines": lines });
        jobs.push(Job::new(What::Sale, "sales-invoices", sale, key("sale")));
        let lines = json!([{ "product": "P", "quantity": "1", "reason": "return" }]);
        let credit = json!({ "customer": "C", "invoice": "RACE", "credited_at": day, "lines": lines });
        jobs.push(Job::new(What::Credit, "credit-notes", credit, key("credit")));
        let settles = json!([{ "kind": "sales-invoice", "number": "RACE", "amount": "9.00" }]);
        let payment = json!({ "party": "C", "direction": "in", "amount": "9.00", "paid_at": day, "settles": settles });
        jobs.push(Job::new(What::Payment, "payments", payment, key("payment")));
        if round >= ROUNDS / 2 {
            // Everybody closes the next month: those who come too late close what is closed.
            let month = round - ROUNDS / 2 + 1;
            let path = format!("fiscal-periods/FY2011-{month:02}/close");
            let state = json!({ "level": "hard" });
            jobs.push(Job::new(What::Close, &path, state, format!("close-{writer}-{round}")));
        }
    }
    jobs
}

/// The books say what was answered.
fn came_to(client: &Client, race: &Race) -> Result<()> {
    let (sales, credits, payments) = (race.done(What::Sale), race.done(What::Credit), race.done(What::Payment));
    let counted = |path: &str| -> Result<i64> { Ok(i64::try_from(client.list(path)?.len())?) };
    ensure!(
        counted("/erp/v1/sales-invoices")? == sales + 1,
        "{sales} sales were answered"
    );
    ensure!(
        counted("/erp/v1/credit-notes")? == credits,
        "{credits} credit notes were answered"
    );
    ensure!(
        counted("/erp/v1/payments")? == payments,
        "{payments} payments were answered"
    );
    ensure!(
        sales > 0 && credits > 0 && payments > 0 && credits <= BILLED,
        "{sales} sales, {credits} credit notes, {payments} payments"
    );
    let left = PIECES - BILLED - sales + credits;
    let stock = client.list("/erp/v1/reports/stock-on-hand")?;
    let on_hand: f64 = stock
        .first()
        .and_then(|row| row["quantity"].as_str())
        .unwrap_or("0")
        .parse()?;
    ensure!(
        left >= 0 && (on_hand - left as f64).abs() < 1e-9,
        "{on_hand} there, {left} left"
    );
    // Everything costs 10.00. The invoice is not paid twice, whoever pays; what is credited beyond that is the customer's.
    ensure!(
        payments * 9 <= BILLED * 10,
        "{payments} payments of 9 for {}",
        BILLED * 10
    );
    let open = client.list("/erp/v1/open-items")?;
    let open: f64 = open
        .iter()
        .filter(|item| item["side"] == "receivable")
        .map(|item| item["open"].as_str().unwrap_or_default().parse::<f64>())
        .sum::<std::result::Result<f64, _>>()?;
    let owed = (sales + BILLED - credits) * 10 - payments * 9;
    ensure!((open - owed as f64).abs() < 1e-6, "{open} is open, not {owed}");
    // Months that were closed hold what was posted before.
    let years = client.list("/erp/v1/fiscal-years")?;
    let periods = years
        .first()
        .and_then(|year| year["periods"].as_array())
        .context("a year with periods")?;
    let closed = periods.iter().filter(|period| period["state"] == "hard-closed").count();
    ensure!(closed == ROUNDS / 2, "{closed} months are closed");
    Ok(())
}
