//! Configuration: several layers, parsed once into the caller's typed structs.
//!
//! From weakest to strongest: the built-in defaults, `.env`, `config/base.yaml`, `config/{environment}.yaml`, the
//! tenant's `config/tenants/{tenant}.yaml`, variables such as `CORTEX__HTTP__ADDR`, and flags. [`Sources`] says where
//! those layers are; [`load`] merges them; [`Loaded`] is the result, which remembers where each value came from.
//!
//! The structs must carry `#[serde(deny_unknown_fields, default)]` and an optional value must be a text or a path.
//! Nothing here changes the environment of the process.

mod error;
mod loaded;
mod origin;
mod secret;
mod sources;

pub use error::ConfigError;
pub use loaded::{Loaded, Setting};
pub use origin::Origin;
pub use secret::Secret;
pub use sources::{Flag, LOCAL, Sources, TenantRules, load};
