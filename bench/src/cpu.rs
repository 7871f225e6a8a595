//! What processes took of the processors so far.

use std::time::{Duration, Instant};

/// `USER_HZ`, which Linux fixed for everybody who looks from outside.
const TICKS_PER_SECOND: f64 = 100.0;

/// The fields of `/proc/PID/stat` behind the name of the program: state, parent, …
fn fields(pid: u32) -> Vec<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let behind_name = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let number = |field: &str| field.parse().unwrap_or(0);
    behind_name.split_whitespace().map(number).collect()
}

fn ticks(fields: &[u64], of: std::ops::Range<usize>) -> f64 {
    fields.get(of).unwrap_or_default().iter().sum::<u64>() as f64
}

/// Seconds of one process.
pub fn of_process(pid: u32) -> f64 {
    ticks(&fields(pid), 11..13) / TICKS_PER_SECOND
}

/// Seconds of a process, its children, and those of its children that have ended.
pub fn of_family(pid: u32) -> f64 {
    let own = ticks(&fields(pid), 11..15);
    let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let children = processes
        .filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok())
        .map(fields)
        .filter(|fields| fields.get(1) == Some(&u64::from(pid)))
        .map(|fields| ticks(&fields, 11..13));
    (own + children.sum::<f64>()) / TICKS_PER_SECOND
}

/// What to know of a machine on which others work as well; before the bench does anything.
pub fn others_at_work() -> Option<String> {
    let load = std::fs::read_to_string("/proc/loadavg").ok()?;
    let waiting: f64 = load.split_whitespace().next()?.parse().ok()?;
    let processors = std::thread::available_parallelism().ok()?.get();
    (waiting > 0.5 * processors as f64).then(|| {
        format!(
            "others are at work on these {processors} processors (load {waiting:.1}): they would do more by themselves"
        )
    })
}

/// Waits until a process does next to nothing for longer than the change stream lingers; how long it was busy.
pub async fn idle(pid: u32) -> Duration {
    const STEP: Duration = Duration::from_millis(250);
    const QUIET: Duration = Duration::from_millis(1_500);
    const LONGEST: Duration = Duration::from_secs(120);
    let (started, mut busy_until) = (Instant::now(), Duration::ZERO);
    while started.elapsed() < LONGEST && started.elapsed() - busy_until < QUIET {
        let before = of_process(pid);
        tokio::time::sleep(STEP).await;
        if of_process(pid) - before > 0.02 {
            busy_until = started.elapsed();
        }
    }
    busy_until
}
