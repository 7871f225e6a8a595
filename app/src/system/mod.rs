//! What an operator asks of the process itself: is it alive, is it ready, what does it count, what can be called.

mod checks;
mod openapi;
mod routes;

pub use checks::{DatabaseCheck, FolderCheck, LedgerCheck, OnlineCheck};
pub use openapi::describe;
pub use routes::{System, routes};
