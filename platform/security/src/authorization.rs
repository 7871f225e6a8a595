//! May this principal do that?

use std::fmt;

use cortex_types::{RequestContext, Role};

use crate::SecurityError;

/// A part of the platform.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Area {
    Erp,
    Features,
    Models,
    Serving,
    Experience,
}

/// What is done to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verb {
    Read,
    Write,
    /// Ask a model.
    Infer,
    /// Move a protected alias, change traffic.
    Approve,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Permission {
    pub area: Area,
    pub verb: Verb,
}

impl Permission {
    #[must_use]
    pub const fn new(area: Area, verb: Verb) -> Self {
        Self { area, verb }
    }
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = format!("{:?} {:?}", self.verb, self.area).to_lowercase();
        f.write_str(&text)
    }
}

/// Decides whether a call may go ahead. Every API asks before it does anything.
pub trait Authorizer: Send + Sync + fmt::Debug {
    fn authorize(&self, ctx: &RequestContext, permission: Permission) -> Result<(), SecurityError>;
}

/// The three built-in roles: an admin may do everything; a data scientist reads everything, asks models, and writes
/// features, models, training and feedback, but neither books nor approves; a viewer reads.
#[derive(Clone, Copy, Debug, Default)]
pub struct RoleAuthorizer;

impl RoleAuthorizer {
    #[must_use]
    pub fn allows(role: Role, permission: Permission) -> bool {
        match (role, permission.verb) {
            (Role::Admin, _) => true,
            (Role::DataScientist | Role::Viewer, Verb::Read) => true,
            (Role::DataScientist, Verb::Infer) => true,
            (Role::DataScientist, Verb::Write) => {
                matches!(permission.area, Area::Features | Area::Models | Area::Experience)
            }
            (Role::DataScientist, Verb::Approve) | (Role::Viewer, _) => false,
        }
    }
}

impl Authorizer for RoleAuthorizer {
    fn authorize(&self, ctx: &RequestContext, permission: Permission) -> Result<(), SecurityError> {
        if ctx.principal.roles.iter().any(|role| Self::allows(*role, permission)) {
            return Ok(());
        }
        let roles: Vec<&str> = ctx.principal.roles.iter().map(|role| role.as_str()).collect();
        Err(SecurityError::Denied {
            principal: ctx.principal.id.to_string(),
            permission: permission.to_string(),
            roles: if roles.is_empty() {
                "none".to_owned()
            } else {
                roles.join(", ")
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_data_scientist_trains_but_neither_books_nor_approves() {
        let may = |area, verb| RoleAuthorizer::allows(Role::DataScientist, Permission::new(area, verb));
        assert!(may(Area::Models, Verb::Write) && may(Area::Serving, Verb::Infer) && may(Area::Erp, Verb::Read));
        assert!(!may(Area::Erp, Verb::Write) && !may(Area::Models, Verb::Approve));
    }

    #[test]
    fn a_viewer_changes_nothing() {
        for verb in [Verb::Write, Verb::Infer, Verb::Approve] {
            assert!(!RoleAuthorizer::allows(
                Role::Viewer,
                Permission::new(Area::Models, verb)
            ));
        }
    }
}
