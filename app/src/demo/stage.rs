//! What each stage of the demo costs: wall time and peak memory, added up over its turns.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde::Serialize;

/// What one stage has cost so far.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct StageCost {
    pub turns: u64,
    pub wall_ms: u64,
    /// Highest resident memory of the process during any turn; 0 where the system does not tell.
    pub memory_bytes_peak: u64,
}

/// Meters stages by name, in the order in which they first ran.
#[derive(Debug, Default)]
pub struct StageMeter {
    order: Vec<&'static str>,
    costs: BTreeMap<&'static str, StageCost>,
}

impl StageMeter {
    /// Begins a turn of `stage`; the turn ends when the result is handed to [`StageMeter::end`].
    pub fn begin(&mut self, stage: &'static str) -> Turn {
        if !self.order.contains(&stage) {
            self.order.push(stage);
        }
        reset_memory_peak();
        Turn {
            stage,
            started: Instant::now(),
        }
    }

    pub fn end(&mut self, turn: Turn) -> Duration {
        let wall = turn.started.elapsed();
        let cost = self.costs.entry(turn.stage).or_default();
        cost.turns += 1;
        cost.wall_ms += u64::try_from(wall.as_millis()).unwrap_or(u64::MAX);
        cost.memory_bytes_peak = cost.memory_bytes_peak.max(memory_peak_bytes());
        wall
    }

    #[must_use]
    pub fn costs(&self) -> Vec<(&'static str, StageCost)> {
        self.order
            .iter()
            .map(|stage| (*stage, self.costs.get(stage).cloned().unwrap_or_default()))
            .collect()
    }
}

/// A stage that is running.
#[derive(Debug)]
pub struct Turn {
    stage: &'static str,
    started: Instant,
}

/// Linux keeps the peak per process and resets it on demand, which makes it a peak per stage.
fn reset_memory_peak() {
    // Where this is refused the peak is that of the whole process so far, which is still an upper bound.
    let _ = std::fs::write("/proc/self/clear_refs", "5");
}

fn memory_peak_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .and_then(|rest| rest.trim().trim_end_matches(" kB").parse::<u64>().ok())
        .map_or(0, |kib| kib * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stage_adds_up_over_its_turns_and_keeps_its_place() {
        let mut meter = StageMeter::default();
        for stage in ["import", "ingest", "import"] {
            let turn = meter.begin(stage);
            meter.end(turn);
        }
        let costs = meter.costs();
        assert_eq!(
            costs.iter().map(|(name, cost)| (*name, cost.turns)).collect::<Vec<_>>(),
            [("import", 2), ("ingest", 1)]
        );
    }
}
