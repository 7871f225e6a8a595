//! `cortex demo`: a time-lapse of a business around the whole loop.
//!
//! The ERP's clock runs through the data: each week is posted through the services, its changes reach Delta and the online
//! store, outcomes join the decisions they are of, models are trained, gated, tried as canaries and promoted every month,
//! and every active customer and product is predicted for. A [`Business`](business::Business) is either a file of history
//! or a simulated year that answers to the advice it gets.

mod booking;
mod business;
mod chart;
mod closing;
mod history;
mod judgement;
mod life;
pub mod mark;
mod promotion;
mod report;
mod simulated;
mod simulator;
mod stage;
mod timelapse;
mod track;

pub use business::Business;
pub use history::FileHistory;
pub use report::DemoReport;
pub use simulated::SimulatedYear;
pub use simulator::SimulatorConfig;
pub use timelapse::{TimeLapse, clock_at};
