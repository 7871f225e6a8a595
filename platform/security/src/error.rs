use cortex_types::{Coded, ErrorCode, TenantId, Timestamp};

/// Why a call is refused, or could not be checked.
#[derive(Debug, thiserror::Error)]
pub enum SecurityError {
    #[error("this needs a token: send 'Authorization: Bearer …' (create one with 'cortex token create')")]
    NoToken,
    #[error("nobody knows this token: it may have been revoked; create one with 'cortex token create'")]
    UnknownToken,
    #[error("this token expired at {0}: create a new one with 'cortex token create'")]
    TokenExpired(Timestamp),
    #[error("this token belongs to tenant '{token}', but the call is for '{call}'")]
    WrongTenant { token: TenantId, call: TenantId },
    #[error("'{principal}' may not {permission}: its roles are {roles}")]
    Denied {
        principal: String,
        permission: String,
        roles: String,
    },
    #[error("the sealed value cannot be opened: it is not what was sealed for this subject and field")]
    Unsealable,
    #[error("the value is too long to be sealed")]
    Oversized,
    #[error("the personal data of '{subject}' was erased")]
    Erased { subject: String },
    #[error("the master key ({at}) cannot be used: {problem}")]
    MasterKey { at: String, problem: String },
    #[error("the security store could not {what}")]
    Storage {
        what: String,
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl Coded for SecurityError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::NoToken | Self::UnknownToken => ErrorCode::Unauthenticated,
            Self::TokenExpired(_) => ErrorCode::TokenExpired,
            Self::WrongTenant { .. } => ErrorCode::WrongTenant,
            Self::Denied { .. } => ErrorCode::PermissionDenied,
            Self::Unsealable => ErrorCode::Corrupt,
            Self::Oversized => ErrorCode::TooLarge,
            Self::Erased { .. } => ErrorCode::NotFound,
            Self::MasterKey { .. } => ErrorCode::InvalidConfiguration,
            Self::Storage { .. } => ErrorCode::StorageFailed,
        }
    }
}
