//! Scoring whole tables into the lake, each job exactly once.
//!
//! [`BatchScoring`] runs a [`ScoreJob`]: every active entity with its features as of an instant, or every row of a lake
//! table that has the features already. The scores are appended to the model's table in the lake's `scores` layer as
//! one commit that carries the job's name, so that a job which is run again, or was cut off, leaves its rows once. The
//! rows carry a digest of what was asked for: another job under a name that was used is refused. A job that found nothing
//! holds its name too, and may run again.
//!
//! Scores are not decisions: nobody acts on a row here before it was asked for as a prediction. This crate never loads
//! models itself and never writes to any other table.

mod done;
mod error;
mod features;
mod job;
mod scores;

pub use error::BatchError;
pub use job::{BatchScoring, JobReport, JobRows, ScoreJob};
pub use scores::scores_schema;
