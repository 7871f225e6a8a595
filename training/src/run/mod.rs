//! Running a pipeline: stages with a cache, checks that nothing passes by, and a report.

mod agreement;
mod cache;
mod candidates;
mod dataset_stages;
mod evaluation;
mod learning;
mod pipelines;
mod progress;
mod registration;
mod report;
mod results;
mod stages;
mod training_run;

pub use agreement::{AGREEMENT_TOLERANCE, Agreement};
pub use cache::StageCache;
pub use pipelines::{PipelineSetup, Pipelines};
pub use progress::{Progress, StageUpdate};
pub use report::{Candidate, Registered, RowCounts, StageTiming, TrainingReport};
