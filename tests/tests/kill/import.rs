//! `kill -9` at random points of import, ingest and materialization: after a rerun everything equals a run without kills.

use std::time::Instant;

use anyhow::{Result, ensure};
use cortex_tests::content::compare;
use cortex_tests::{binary, retail};

const KILLS: u32 = 20;
const ATTEMPTS: u32 = 80;
const INVOICES: usize = 700;

#[test]
fn twenty_kills_during_import_leave_what_one_quiet_run_leaves() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("retail.csv");
    std::fs::write(&file, retail::file(INVOICES))?;
    let quiet = folder.path().join("quiet");
    let file = file.display().to_string();
    let arguments = ["erp", "import", "online-retail", &file];
    let started = Instant::now();
    binary::run(&quiet, &arguments)?;
    let quiet_run = started.elapsed();

    let killed = folder.path().join("killed");
    let mut kills = 0;
    let mut longest = quiet_run;
    for attempt in 0..ATTEMPTS {
        // Spread over the whole run, so that start-up, posting, ingest and the last commit are all hit; a run that was
        // over before its time has come shows that less is left to do.
        let life = longest.mul_f64(f64::from(attempt * 7 % KILLS + 1) / f64::from(KILLS));
        if binary::run_and_kill(&killed, &arguments, life)? {
            kills += 1;
        } else {
            longest = longest.mul_f64(0.8);
        }
        if kills == KILLS {
            break;
        }
    }
    ensure!(
        kills == KILLS,
        "only {kills} of {KILLS} kills hit a run in {ATTEMPTS} attempts"
    );
    binary::run(&killed, &arguments)?;

    compare(&quiet, &killed)
}
