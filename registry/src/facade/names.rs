//! Names that end up in addresses, labels and file listings.

use super::CHAMPION;
use crate::RegistryError;
use crate::gate::GatePolicy;

const NAME_BYTES_MAX: usize = 128;
/// What people call the version beside the champion. An alias of that name would look like it and route nothing.
const CANARY: &str = "canary";

/// A model's, alias's or experiment's name: 1 to 128 of letters, digits, `.`, `_` and `-`, beginning with a letter or
/// digit.
pub(super) fn check(kind: &'static str, name: &str) -> Result<(), RegistryError> {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
    let fits = (1..=NAME_BYTES_MAX).contains(&name.len())
        && name.bytes().all(allowed)
        && name.as_bytes()[0].is_ascii_alphanumeric();
    if fits {
        return Ok(());
    }
    let article = if kind.starts_with(['a', 'e', 'i', 'o', 'u']) {
        "an"
    } else {
        "a"
    };
    Err(RegistryError::Invalid(format!(
        "'{name}' is no name for {article} {kind}: a name is 1 to {NAME_BYTES_MAX} letters, digits, '.', '_' and '-', \
         and begins with a letter or digit"
    )))
}

/// As [`check`]; an alias of digits alone would be taken for a version number.
pub(super) fn check_alias(alias: &str) -> Result<(), RegistryError> {
    check("alias", alias)?;
    if alias.bytes().all(|b| b.is_ascii_digit()) {
        return Err(RegistryError::Invalid(format!(
            "'{alias}' is no name for an alias: it reads as a version number"
        )));
    }
    if alias.eq_ignore_ascii_case(CANARY) {
        return Err(RegistryError::Invalid(format!(
            "'{alias}' is no name for an alias: the canary is what the model's traffic says it is; set it there"
        )));
    }
    refuse_lookalike(alias, CHAMPION)
}

/// A name that differs from a protected one in case alone would pass for it with people, and pass by the gate.
pub(super) fn check_lookalikes(alias: &str, policy: &GatePolicy) -> Result<(), RegistryError> {
    policy
        .protected
        .iter()
        .try_for_each(|protected| refuse_lookalike(alias, protected))
}

fn refuse_lookalike(alias: &str, protected: &str) -> Result<(), RegistryError> {
    if alias != protected && alias.eq_ignore_ascii_case(protected) {
        return Err(RegistryError::Invalid(format!(
            "'{alias}' is no name for an alias: write '{protected}', which moves only through the gate"
        )));
    }
    Ok(())
}
