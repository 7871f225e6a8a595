//! Names that end up in addresses, labels and file listings.

use crate::RegistryError;

const NAME_BYTES_MAX: usize = 128;

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
    Err(RegistryError::Invalid(format!(
        "'{name}' is no name for a {kind}: use 1 to {NAME_BYTES_MAX} letters, digits, '.', '_' and '-', beginning with a \
         letter or digit"
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
    Ok(())
}
