//! What the disk takes for one small durable write: the least that anything durable can cost.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Result;

use crate::latency::Latencies;
use crate::load::Volume;

/// One page of a database's log.
const WRITE: [u8; 4096] = [0x5A; 4096];

/// Appends and flushes a page to a file in `folder`, at the load's rate, each counted from the instant at which it was due.
pub fn run(folder: &Path, volume: Volume) -> Result<Latencies> {
    let mut file = tempfile::tempfile_in(folder)?;
    let started = Instant::now();
    let total = volume.rate * volume.seconds;
    let mut latencies = Vec::with_capacity(total as usize);
    for number in 0..total {
        let due = started + Duration::from_secs_f64(f64::from(number) / f64::from(volume.rate));
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        append(&mut file)?;
        latencies.push(due.elapsed());
    }
    Ok(Latencies::new(latencies, 0, volume.rate, started.elapsed()))
}

fn append(file: &mut File) -> std::io::Result<()> {
    file.write_all(&WRITE)?;
    file.sync_data()
}
