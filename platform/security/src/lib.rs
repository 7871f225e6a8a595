//! Who may do what, and the record of what was done.
//!
//! [`Authenticator`] turns a bearer token into a principal of one tenant; [`Authorizer`] decides whether that principal
//! may do something ([`Permission`]) — every API asks it before it does anything; [`AuditLog`] keeps an append-only,
//! hash-chained record of every change. [`Sealer`] seals personal fields under a key per subject, so that destroying the
//! key erases them everywhere.
//!
//! This crate never stores anything itself: the SQL side of its ports is in `cortex-store`.

mod audit;
mod authentication;
mod authorization;
mod cipher;
mod error;
mod keys;
mod memory_audit;
mod sealing;

pub use audit::{AuditEntry, AuditLog, AuditRecord};
pub use authentication::{Authenticator, BearerToken, Identity, TokenDigest};
pub use authorization::{Area, Authorizer, Permission, RoleAuthorizer, Verb};
pub use error::SecurityError;
pub use keys::{MasterKey, SubjectKey, WrappedKey};
pub use memory_audit::MemoryAudit;
pub use sealing::{MemorySubjectKeys, Sealer, StoredKey, SubjectKeys};
