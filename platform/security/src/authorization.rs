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
    /// Move a protected alias, change traffic, say yes to a document.
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

/// The built-in roles: an admin may do everything; a clerk reads everything, asks models, books and gives feedback; a manager
/// does what a clerk does, and approves documents; a data scientist reads everything, asks models, and writes features, models,
/// training and feedback, but neither books nor approves; a viewer reads.
#[derive(Clone, Copy, Debug, Default)]
pub struct RoleAuthorizer;

impl RoleAuthorizer {
    #[must_use]
    pub fn allows(role: Role, permission: Permission) -> bool {
        match (role, permission.verb) {
            (Role::Admin, _) => true,
            (_, Verb::Read) => true,
            (Role::Manager | Role::Clerk | Role::DataScientist, Verb::Infer) => true,
            (Role::Manager | Role::Clerk, Verb::Write) => matches!(permission.area, Area::Erp | Area::Experience),
            (Role::Manager, Verb::Approve) => permission.area == Area::Erp,
            (Role::DataScientist, Verb::Write) => {
                matches!(permission.area, Area::Features | Area::Models | Area::Experience)
            }
            (Role::Clerk | Role::DataScientist, Verb::Approve) | (Role::Viewer, _) => false,
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
    fn a_clerk_books_and_a_manager_approves_as_well_and_neither_touches_models() {
        let may = |role, area, verb| RoleAuthorizer::allows(role, Permission::new(area, verb));
        for role in [Role::Clerk, Role::Manager] {
            assert!(may(role, Area::Erp, Verb::Write) && may(role, Area::Experience, Verb::Write));
            assert!(!may(role, Area::Models, Verb::Write) && !may(role, Area::Models, Verb::Approve));
            assert_eq!(may(role, Area::Erp, Verb::Approve), role == Role::Manager);
        }
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
