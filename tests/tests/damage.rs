//! What somebody deletes, replaces or breaks in the data folder is noticed and named: never begun anew, never passed over.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Result, bail, ensure};
use cortex_tests::binary::{self, Server};
use cortex_tests::retail;
use serde_json::json;
use tempfile::TempDir;

const INVOICES: usize = 60;
/// How long a command may take to refuse.
const PATIENCE_TENTHS: u32 = 600;

/// A folder of data, and the files that fill it.
struct Place {
    folder: TempDir,
    parts: Vec<String>,
}

impl Place {
    /// With the first file imported.
    fn new() -> Result<Self> {
        let mut parts = Vec::new();
        let folder = tempfile::tempdir()?;
        for (number, content) in retail::files(2, INVOICES).into_iter().enumerate() {
            let file = folder.path().join(format!("{number}.csv"));
            fs::write(&file, content)?;
            parts.push(file.display().to_string());
        }
        let place = Self { folder, parts };
        binary::run(&place.data(), &place.import(0))?;
        Ok(place)
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn import(&self, part: usize) -> [&str; 4] {
        ["erp", "import", "online-retail", &self.parts[part]]
    }

    fn table(&self, name: &str) -> PathBuf {
        self.data().join("lake/main/bronze").join(name)
    }

    /// Fails, says `corrupt-data` and all of these, and in one piece.
    fn refuses(&self, arguments: &[&str], wanted: &[&str]) -> Result<()> {
        let said = failing(&self.data(), arguments)?;
        for wanted in ["corrupt-data"].iter().chain(wanted) {
            ensure!(said.contains(wanted), "{arguments:?} does not say '{wanted}': {said}");
        }
        let error = said.split_once("error[").map_or("", |(_, error)| error);
        ensure!(!error.contains("backtrace") && error.lines().count() == 1, "{error}");
        Ok(())
    }

    fn rows(&self, table: &str) -> Result<String> {
        let query = format!("SELECT count(*) FROM bronze.{table}");
        let said = binary::run(&self.data(), &["lake", "sql", &query, "--format", "csv"])?;
        Ok(said.lines().nth(1).unwrap_or_default().to_owned())
    }
}

/// What it says when it ends with an error. One that goes on running, as a server does that starts, is stopped.
fn failing(data: &Path, arguments: &[&str]) -> Result<String> {
    let said = tempfile::NamedTempFile::new()?;
    let out = fs::OpenOptions::new().append(true).open(said.path())?;
    let err = out.try_clone()?;
    let mut child = binary::command(data, arguments)?.stdout(out).stderr(err).spawn()?;
    for _ in 0..PATIENCE_TENTHS {
        if let Some(status) = child.try_wait()? {
            let said = fs::read_to_string(said.path())?;
            ensure!(!status.success(), "{arguments:?} succeeded: {said}");
            return Ok(said);
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    child.kill()?;
    child.wait()?;
    bail!("{arguments:?} goes on: {}", fs::read_to_string(said.path())?)
}

fn sql(table: &str) -> [String; 3] {
    ["lake", "sql", &format!("SELECT * FROM bronze.{table}")].map(str::to_owned)
}

fn files(folder: &Path, ending: &str) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.display().to_string().ends_with(ending) {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

#[test]
fn a_database_that_is_older_than_the_lake_or_gone_is_refused_until_the_newer_one_is_back() -> Result<()> {
    let place = Place::new()?;
    let (database, lake) = (place.data().join("cortex.db"), place.data().join("lake"));
    let older = fs::read(&database)?;
    binary::run(&place.data(), &place.import(1))?;
    let (newer, rows) = (fs::read(&database)?, place.rows("sales_invoices")?);

    fs::write(&database, older)?;
    let up = ["up", "--http", "127.0.0.1:0", "--grpc", "127.0.0.1:0"];
    for arguments in [&up[..], &place.import(1), &["features", "rebuild"]] {
        place.refuses(
            arguments,
            &["the lake's table main/bronze/", "put the newer database back"],
        )?;
    }
    for lost in [Some(""), None] {
        match lost {
            Some(empty) => fs::write(&database, empty)?,
            None => fs::remove_file(&database)?,
        }
        for arguments in [&up[..], &place.import(1), &["migrate"]] {
            place.refuses(
                arguments,
                &["cortex.db", "put the database back", &lake.display().to_string()],
            )?;
        }
    }
    ensure!(!database.exists(), "a database was begun anew");

    fs::write(&database, newer)?;
    binary::run(&place.data(), &place.import(1))?;
    ensure!(place.rows("sales_invoices")? == rows);
    binary::run(&place.data(), &["features", "verify"])?;
    Ok(())
}

#[test]
fn an_online_store_that_is_ahead_is_rebuilt_when_lake_and_database_agree() -> Result<()> {
    let place = Place::new()?;
    let (data, kept) = (place.data(), place.folder.path().join("kept"));
    let copied = std::process::Command::new("cp")
        .arg("-a")
        .arg(&data)
        .arg(&kept)
        .status()?;
    ensure!(copied.success());
    binary::run(&data, &place.import(1))?;
    for name in ["cortex.db", "lake"] {
        let _file_or_folder = (fs::remove_file(data.join(name)), fs::remove_dir_all(data.join(name)));
        fs::rename(kept.join(name), data.join(name))?;
    }
    binary::run(&data, &["features", "verify"])?;
    binary::run(&data, &place.import(1))?;
    binary::run(&data, &["features", "verify"])?;
    Ok(())
}

#[test]
fn a_table_that_lost_its_log_or_its_folder_is_damaged_and_not_new() -> Result<()> {
    let place = Place::new()?;
    let table = place.table("sales_invoice_lines");
    let named = ["main/bronze/sales_invoice_lines"];
    let log = table.join("_delta_log");
    let kept = place.folder.path().join("kept");
    fs::rename(&log, &kept)?;
    let query = sql("sales_invoice_lines");
    let query: Vec<&str> = query.iter().map(String::as_str).collect();
    place.refuses(&query, &[named[0], &log.display().to_string()])?;
    place.refuses(&["features", "rebuild"], &named)?;
    place.refuses(&place.import(1), &named)?;
    ensure!(binary::run(&place.data(), &["lake", "ls"])?.contains("damaged"));
    ensure!(place.rows("sales_invoices")? != "0");
    fs::rename(&kept, &log)?;

    fs::rename(&table, &kept)?;
    place.refuses(&["features", "rebuild"], &named)?;
    place.refuses(&place.import(1), &named)?;
    ensure!(!table.join("_delta_log").exists(), "the table was begun anew");
    fs::rename(&kept, &table)?;
    binary::run(&place.data(), &place.import(1))?;
    binary::run(&place.data(), &["features", "verify"])?;
    Ok(())
}

#[test]
fn a_damaged_file_of_the_lake_is_named_and_other_tables_still_answer() -> Result<()> {
    let place = Place::new()?;
    let table = place.table("sales_invoice_lines");
    let query = sql("sales_invoice_lines");
    let query: Vec<&str> = query.iter().map(String::as_str).collect();

    let commit = files(&table.join("_delta_log"), ".json")?.remove(0);
    let content = fs::read(&commit)?;
    fs::write(&commit, "{garbage")?;
    place.refuses(
        &query,
        &["main/bronze/sales_invoice_lines", "00000000000000000000.json"],
    )?;
    place.refuses(&["features", "rebuild"], &["00000000000000000000.json"])?;
    ensure!(place.rows("sales_invoices")? != "0");
    fs::write(&commit, content)?;

    let data = files(&table, ".parquet")?.remove(0);
    let name = data.file_name().unwrap_or_default().display().to_string();
    let content = fs::read(&data)?;
    fs::remove_file(&data)?;
    place.refuses(&query, &["sales_invoice_lines", &name])?;
    place.refuses(&["features", "rebuild"], &["sales_invoice_lines", &name])?;
    for damaged in [
        b"PAR1 and nothing more".to_vec(),
        content[..content.len() / 2].to_vec(),
        vec![7; content.len()],
    ] {
        fs::write(&data, damaged)?;
        place.refuses(&query, &["sales_invoice_lines", &name])?;
        place.refuses(&["features", "rebuild"], &["sales_invoice_lines", &name])?;
    }
    ensure!(place.rows("sales_invoices")? != "0");
    fs::write(&data, content)?;
    ensure!(place.rows("sales_invoice_lines")? != "0");
    Ok(())
}

#[test]
fn a_master_key_that_sealed_something_is_not_replaced_by_another() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let data = folder.path().join("data");
    let server = Server::start(&data)?;
    let party = json!({ "code": "C1", "name": "A customer", "kind": "customer", "country": "DE" });
    let (status, answer) = server.post_once("/erp/v1/parties", &party, "c")?;
    ensure!(status == 201, "{status} {answer}");
    drop(server);
    let key = data.join("keys/master.key");
    let right = fs::read(&key)?;
    fs::remove_file(&key)?;
    let up = ["up", "--http", "127.0.0.1:0", "--grpc", "127.0.0.1:0"];
    let said = failing(&data, &up)?;
    ensure!(
        said.contains("master.key") && said.contains("missing") && said.contains("restore"),
        "{said}"
    );
    let said = failing(&data, &["doctor"])?;
    ensure!(said.contains("FAIL  master key"), "{said}");
    ensure!(!key.exists(), "a key was made");
    fs::write(&key, "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=\n")?;
    fs::set_permissions(&key, std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
    let said = failing(&data, &up)?;
    ensure!(said.contains("not the one"), "{said}");
    fs::write(&key, right)?;
    Server::start(&data)?;
    Ok(())
}

#[test]
fn a_damaged_online_store_is_made_again_by_itself() -> Result<()> {
    let place = Place::new()?;
    let journal = place.data().join("online/online.redb");
    let mut content = fs::read(&journal)?;
    for (number, byte) in content.iter_mut().enumerate().skip(4_096) {
        *byte = u8::try_from(number * 31 % 251)?;
    }
    for (number, damaged) in [content, b"no journal".to_vec()].into_iter().enumerate() {
        fs::write(&journal, damaged)?;
        binary::run(&place.data(), &["features", "verify"])?;
        ensure!(
            place
                .data()
                .join(format!("online/online.redb.damaged-{}", number + 1))
                .exists()
        );
    }
    Ok(())
}
