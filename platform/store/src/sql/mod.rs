//! One SQL text for both databases.
//!
//! Statements are written by hand, in the words that SQLite and PostgreSQL share, and run through these types, which are
//! thin: they choose the driver, bind the values and hand the rows over. Where the two need different words, the place
//! asks which [`Pool`] it has.

mod on;
mod query;
mod readers;
mod row;
mod value;

pub use on::{On, Pool, Transaction};
pub use query::{Executed, Query, QueryAs, QueryBuilder, QueryScalar, query, query_as, query_scalar};
pub use readers::Readers;
pub use row::{FromSqlRow, Row};
pub use value::{Bind, Instant, Value};
pub(crate) use value::{add, storable};
