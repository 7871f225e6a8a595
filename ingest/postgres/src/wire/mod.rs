//! As much of PostgreSQL's protocol as reading its changes takes: queries, `COPY … TO STDOUT`, and replication.

mod address;
mod connection;
mod login;
mod stream;
mod tls;

pub use address::{Address, TlsMode};
pub use connection::Connection;
pub(crate) use connection::{ident, literal, standby_status};
