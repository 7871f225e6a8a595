//! The online store, embedded: features of every entity in memory, folded from the change stream, durable in redb.
//!
//! [`EmbeddedOnlineStore`] implements [`OnlineStore`](cortex_features::OnlineStore). Facts live in memory, in the
//! engine that builds training sets; what was folded is journalled together with the frontier in one transaction, so
//! that both survive or neither does, and the journal is replayed on opening. It is a cache: it can be
//! [rebuilt](EmbeddedOnlineStore::rebuild) from the lake, and [compared](EmbeddedOnlineStore::verify) with it.
//!
//! It never reads the source's database, and never answers from facts that it has not folded up to one frontier.

mod codec;
mod journal;
mod layout;
mod memory;
mod rebuild;
mod replay;
mod store;
mod verify;

#[cfg(test)]
mod agreement;
#[cfg(test)]
#[path = "../../src/engine/sample.rs"]
mod sample;
#[cfg(test)]
mod tests;

pub use journal::STORE_FILE;
pub use rebuild::Rebuilt;
pub use store::EmbeddedOnlineStore;
pub use verify::{Mismatch, VerifyReport};
