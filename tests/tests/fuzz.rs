//! Foreign bytes, on any toolchain: each target of the fuzzers gets its seeds, and what becomes of them when they are changed.
//!
//! `./devstack fuzz` looks longer and cleverer, with libFuzzer. What it finds becomes a seed, and so is tried here for ever.
//! `CORTEX_FUZZ_INPUTS=100000` tries so many of each target.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use cortex_erp_api::fuzzing::TARGETS as OF_ERP;
use cortex_ingest_postgres::fuzzing::TARGETS as OF_POSTGRES;
use cortex_tests::mutation::Inputs;

const SEEDS: &str = "../fuzz/seeds";
const COUNT: &str = "CORTEX_FUZZ_INPUTS";
/// Of each target, in a debug build; those that carry commands out are slow.
const INPUTS: usize = 3_000;
const INPUTS_OF_REQUESTS: usize = 300;
/// What takes longer hangs, however busy the machine is.
const PATIENCE: Duration = Duration::from_secs(60);
/// Nothing needs more at any time, whatever lengths it says.
const RESIDENT_MIB_MAX: u64 = 1024;

#[test]
fn no_input_panics_hangs_or_eats_the_memory() -> Result<()> {
    let asked = std::env::var(COUNT).ok().map(|count| count.parse());
    let asked: Option<usize> = asked.transpose().context(COUNT)?;
    for (target, run) in targets() {
        let usual = match *target {
            "import" | "batch" | "online_retail" => INPUTS_OF_REQUESTS,
            _ => INPUTS,
        };
        let mut inputs = Inputs::of(&Path::new(SEEDS).join(target), 1)?;
        for seed in inputs.seeds().to_vec() {
            timed(target, *run, &seed)?;
        }
        for _ in 0..asked.unwrap_or(usual) {
            let input = inputs.another();
            timed(target, *run, &input)?;
        }
        let resident = resident_mib_most()?;
        ensure!(resident < RESIDENT_MIB_MAX, "{target} needed {resident} MiB");
    }
    Ok(())
}

fn targets() -> impl Iterator<Item = &'static (&'static str, fn(&[u8]))> {
    OF_ERP.iter().chain(OF_POSTGRES)
}

/// A panic or a wait is told with the input, in a form in which it can be kept as a seed.
fn timed(target: &str, run: fn(&[u8]), input: &[u8]) -> Result<()> {
    let started = Instant::now();
    let survived = std::panic::catch_unwind(|| run(input)).is_ok();
    ensure!(survived, "{target} panics at b\"{}\"", input.escape_ascii());
    let took = started.elapsed();
    ensure!(
        took < PATIENCE,
        "{target} took {took:?} for b\"{}\"",
        input.escape_ascii()
    );
    Ok(())
}

/// The most that this process ever had in memory.
fn resident_mib_most() -> Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.trim().strip_suffix("kB")).context("VmHWM")?;
    Ok(kib.trim().parse::<u64>()? / 1024)
}

#[test]
fn every_target_has_its_seeds_and_its_binary() -> Result<()> {
    let named: BTreeSet<String> = targets().map(|(name, _)| (*name).to_owned()).collect();
    let found = |folder: &str| -> Result<BTreeSet<String>> {
        let entries = std::fs::read_dir(folder).context(folder.to_owned())?;
        let name = |entry: std::io::Result<std::fs::DirEntry>| {
            let name = entry?.file_name().into_string().ok().context("a name")?;
            Ok(name.trim_end_matches(".rs").to_owned())
        };
        entries.map(name).collect()
    };
    for folder in [SEEDS, "../fuzz/fuzz_targets"] {
        ensure!(found(folder)? == named, "{folder} has others than {named:?}");
    }
    Ok(())
}
