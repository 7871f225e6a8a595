//! What every HTTP API crate builds on: the caller's context, bodies, and errors as problem details.
//!
//! A handler takes [`Ctx`], reads its body with [`Json`], and returns `Result<Json<_>, ApiError>`; any error that is
//! [`cortex_types::Coded`] turns into an [`ApiError`] with `?`. The edge in front of the handlers (authentication,
//! limits, traces) is the binary's.

mod context;
mod error;
mod extract;

pub use context::{Ctx, current_trace_id, with_trace_id};
pub use error::ApiError;
pub use extract::{Json, Object, Path, Query, Raw, objects, page_limit};
