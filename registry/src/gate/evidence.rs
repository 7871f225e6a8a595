//! What the server itself computed, before anybody judges it.

use crate::Task;
use crate::evaluation::EvaluationSet;

/// Scores of the version that has the alias now.
#[derive(Clone, Debug, PartialEq)]
pub struct IncumbentScores {
    pub version: u32,
    /// One per evaluation row; or why it could not be scored on these rows.
    pub scores: Result<Vec<f64>, String>,
}

/// Both models' answers on the same rows.
#[derive(Clone, Debug, PartialEq)]
pub struct Evidence {
    pub task: Task,
    pub set: EvaluationSet,
    /// The columns of the set that the candidate looks at.
    pub inputs: Vec<String>,
    /// One per evaluation row.
    pub candidate: Vec<f64>,
    /// Absent where nothing has the alias yet.
    pub incumbent: Option<IncumbentScores>,
}
