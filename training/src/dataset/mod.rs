//! From a declaration and an instant to rows that a trainer can learn from.

mod bronze;
mod examples;
mod experience;
mod groups;
mod instants;
mod rows;
mod split;
mod store;

pub use examples::{Examples, Origin};
pub use experience::{Experience, ExperienceSource};
pub use groups::groups_of;
pub use instants::instants;
pub use rows::active_rows;
pub use split::Split;
pub use store::{StoredSet, store};

pub(crate) use bronze::versions;
pub(crate) use experience::{DECISIONS, OUTCOMES};
