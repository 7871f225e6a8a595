//! On whose behalf a call is made: every port method takes this, or is built for one tenant.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::ids::{InvalidId, TenantId};

/// The built-in roles; what each may do is decided in `cortex-security`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    Admin,
    /// Enters the company's documents, and says yes to those of others.
    Manager,
    /// Enters the company's documents.
    Clerk,
    DataScientist,
    Viewer,
}

impl Role {
    pub const ALL: [Self; 5] = [
        Self::Admin,
        Self::Manager,
        Self::Clerk,
        Self::DataScientist,
        Self::Viewer,
    ];

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Manager => "manager",
            Self::Clerk => "clerk",
            Self::DataScientist => "data-scientist",
            Self::Viewer => "viewer",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Role {
    type Err = InvalidId;
    fn from_str(text: &str) -> Result<Self, InvalidId> {
        Self::ALL
            .into_iter()
            .find(|role| role.as_str() == text)
            .ok_or_else(|| InvalidId {
                kind: "role",
                text: text.to_owned(),
                expected: "one of admin, manager, clerk, data-scientist, viewer",
            })
    }
}

/// Who acts: a person or a service, with the roles they hold in the tenant of the call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Principal {
    pub id: Arc<str>,
    pub roles: BTreeSet<Role>,
}

impl Principal {
    #[must_use]
    pub fn new(id: impl Into<Arc<str>>, roles: impl IntoIterator<Item = Role>) -> Self {
        Self {
            id: id.into(),
            roles: roles.into_iter().collect(),
        }
    }

    /// The platform itself: scheduled jobs, the demo, the command line on the machine where the data lies.
    #[must_use]
    pub fn system() -> Self {
        Self::new("system", [Role::Admin])
    }
}

/// A W3C trace id: 16 bytes, written as 32 hex digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TraceId(u128);

impl TraceId {
    #[must_use]
    pub fn new() -> Self {
        Self(Uuid::now_v7().as_u128())
    }
}

impl Default for TraceId {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Debug for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for TraceId {
    type Err = InvalidId;
    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let invalid = || InvalidId {
            kind: "trace id",
            text: text.to_owned(),
            expected: "32 hex digits, not all zero",
        };
        if text.len() != 32 || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(invalid());
        }
        match u128::from_str_radix(text, 16) {
            Ok(0) | Err(_) => Err(invalid()),
            Ok(id) => Ok(Self(id)),
        }
    }
}

impl TryFrom<String> for TraceId {
    type Error = InvalidId;
    fn try_from(text: String) -> Result<Self, InvalidId> {
        text.parse()
    }
}

impl From<TraceId> for String {
    fn from(id: TraceId) -> String {
        id.to_string()
    }
}

/// Tenant, principal and trace of one call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestContext {
    pub tenant: TenantId,
    pub principal: Arc<Principal>,
    pub trace_id: TraceId,
}

impl RequestContext {
    #[must_use]
    pub fn new(tenant: TenantId, principal: Principal) -> Self {
        Self {
            tenant,
            principal: Arc::new(principal),
            trace_id: TraceId::new(),
        }
    }

    /// The platform acting for a tenant of its own accord.
    #[must_use]
    pub fn system(tenant: TenantId) -> Self {
        Self::new(tenant, Principal::system())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trace_id_reads_back_as_it_was_written() {
        let id = TraceId::new();
        assert_eq!(id.to_string().parse::<TraceId>().unwrap(), id);
        assert!("0".repeat(32).parse::<TraceId>().is_err());
        assert!("+1".repeat(16).parse::<TraceId>().is_err());
    }
}
