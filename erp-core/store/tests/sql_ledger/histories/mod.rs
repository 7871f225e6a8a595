//! Long random histories: whatever is done, in whatever order and however late, the books stay sound, and they are those of
//! the ledger in memory.
//!
//! Three companies share a database: in pounds and in euros, with a calendar that closes behind them, and one that never
//! said its currency. `CORTEX_HISTORY=10000` goes on until so many documents are posted, and `CORTEX_HISTORY=10000:7` by
//! another seed; what was drawn is printed at the end (`--nocapture`).

mod apart;
mod business;
mod dice;
mod draws;
mod history;
mod invariants;
mod kept;
mod money;
mod ordered;
mod run;
mod shelf;
mod trade;

use std::time::Instant;

use run::Run;

/// Sent without waiting for each other, so that the sequencer makes groups of them.
const AT_ONCE: usize = 24;
const LONG: &str = "CORTEX_HISTORY";

/// Documents and seed of a long history, where one was asked for.
fn asked() -> Option<(usize, u64)> {
    let asked = std::env::var(LONG).ok()?;
    let (documents, seed) = asked.split_once(':').unwrap_or((&asked, "1"));
    let number = |text: &str| {
        text.parse()
            .unwrap_or_else(|_| panic!("{LONG}={asked}: documents, or documents:seed"))
    };
    Some((usize::try_from(number(documents)).unwrap(), number(seed)))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_is_done_and_however_late_the_books_are_sound() {
    if let Some((documents, seed)) = asked() {
        // Looked at twenty times on the way: each look reads everything there is.
        return long(documents, seed).await;
    }
    for seed in 1..=3 {
        let mut run = Run::start(seed, AT_ONCE).await;
        run.until(500, 250).await;
        run.end().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_books_are_sound_after_every_single_command() {
    if asked().is_some() {
        return;
    }
    let mut run = Run::start(4, 1).await;
    run.until(400, 50).await;
    run.end().await;
}

#[allow(clippy::print_stdout)]
async fn long(documents: usize, seed: u64) {
    let started = Instant::now();
    let mut run = Run::start(seed, AT_ONCE).await;
    for part in 1..=20 {
        run.until(documents * part / 20, documents.div_ceil(20)).await;
        println!("{part}/20 after {} s", started.elapsed().as_secs());
    }
    let told = run.end().await;
    println!("seed {seed}, {} s\n{told}", started.elapsed().as_secs());
}
