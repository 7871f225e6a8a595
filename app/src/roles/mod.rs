//! Serving the platform: routes behind the edge, listeners, and their drain.

mod grpc_health;
mod listeners;
mod router;
mod signals;

pub use grpc_health::GrpcHealth;
pub use listeners::Listeners;
pub use router::{Routers, routers};
pub use signals::stop_requested;
