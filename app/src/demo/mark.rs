//! The file that says that a demo made a data folder: the next demo may make it anew, and until then the folder lives in
//! the demo's time. Its business ended in the past; by the machine's clock every window of its features would be empty.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use cortex_types::{Clock, SystemClock, Timestamp};

const MARK: &str = "made-by-demo";
const BEHIND: &str = "clock-behind-seconds: ";

/// Whether a demo made this folder.
#[must_use]
pub fn is_made_by_demo(folder: &Path) -> bool {
    folder.join(MARK).exists()
}

/// Marks a folder that a demo begins to fill.
pub fn begin(folder: &Path) -> std::io::Result<()> {
    write(folder, "")
}

/// Notes that the business ended at `end`, which is now as far as this folder goes.
pub fn finish(folder: &Path, end: Timestamp) -> std::io::Result<()> {
    let behind = SystemClock.now().since(end).as_secs();
    write(folder, &format!("{BEHIND}{behind}\n"))
}

fn write(folder: &Path, line: &str) -> std::io::Result<()> {
    let text = format!("'cortex demo' may delete this folder and make it again.\n{line}");
    std::fs::write(folder.join(MARK), text)
}

/// The clock that a data folder runs by: the machine's, or as far behind it as the folder's demo ended.
#[must_use]
pub fn clock_of(folder: &Path) -> Arc<dyn Clock> {
    let text = std::fs::read_to_string(folder.join(MARK)).unwrap_or_default();
    let behind = text.lines().find_map(|line| line.strip_prefix(BEHIND)?.parse().ok());
    match behind.map(Duration::from_secs) {
        Some(behind) => {
            let clock = Behind(behind);
            tracing::warn!(now = %clock.now(), "a demo made this data folder: it goes on from where that ended");
            Arc::new(clock)
        }
        None => Arc::new(SystemClock),
    }
}

#[derive(Debug)]
struct Behind(Duration);

impl Clock for Behind {
    fn now(&self) -> Timestamp {
        SystemClock.now().saturating_sub(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_demo_folder_goes_on_where_the_demo_ended_and_any_other_is_in_the_present() {
        let folder = tempfile::tempdir().unwrap();
        let near =
            |left: Timestamp, right: Timestamp| left.since(right).max(right.since(left)) < Duration::from_secs(60);
        assert!(near(clock_of(folder.path()).now(), SystemClock.now()));
        begin(folder.path()).unwrap();
        assert!(is_made_by_demo(folder.path()));
        assert!(near(clock_of(folder.path()).now(), SystemClock.now()));
        let end = "2011-08-31T18:00:00Z".parse().unwrap();
        finish(folder.path(), end).unwrap();
        assert!(near(clock_of(folder.path()).now(), end));
    }
}
