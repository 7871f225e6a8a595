//! Dying where a test says, as a power cut would: at a failpoint, without a destructor, a flush or a goodbye.
//!
//! Only a build of the whole workspace has failpoints (the fault tests ask for them); in any other binary this does nothing.

use std::sync::atomic::{AtomicU32, Ordering};

/// Names a failpoint and the hit that is deadly: `ingest::after-plan=2`.
const CRASH_AT: &str = "CORTEX_CRASH_AT";

/// Arms the failpoint that the environment names.
pub fn arm_from_environment() {
    let Some((point, hit)) = fail::has_failpoints()
        .then(|| std::env::var(CRASH_AT).ok())
        .flatten()
        .and_then(|value| {
            value
                .split_once('=')
                .map(|(point, hit)| (point.to_owned(), hit.parse::<u32>()))
        })
    else {
        return;
    };
    let hits = AtomicU32::new(0);
    let armed = hit.map_err(|error| error.to_string()).and_then(|deadly| {
        fail::cfg_callback(point, move || {
            if hits.fetch_add(1, Ordering::Relaxed) + 1 == deadly {
                std::process::abort();
            }
        })
    });
    if let Err(error) = armed {
        eprintln!("{CRASH_AT} is not understood: {error}");
    }
}
