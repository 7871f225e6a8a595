//! People at the parties.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::SealedText;
use crate::ErpError;
use crate::limits::{NAME_LENGTH_MAX, check_code, check_name, is_format_control};

/// Longest address that mail is sent to (RFC 5321, with erratum 1690 of RFC 3696).
const EMAIL_LENGTH_MAX: usize = 254;
const PHONE_LENGTH_MAX: usize = 32;

/// A contact of a party, as it is from now on: what is absent, it has no longer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DefineContact {
    pub party: Arc<str>,
    /// One of the party's.
    pub contact: Arc<str>,
    #[serde(skip_serializing_if = "String::is_empty", default)]
    pub role: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub name_sealed: Option<SealedText>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub email_sealed: Option<SealedText>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub phone_sealed: Option<SealedText>,
    /// Takes that from the one that was.
    pub is_primary: bool,
    pub blocked: bool,
}

impl DefineContact {
    /// What is wrong with it whatever the books hold, so that nobody makes a key for a contact that can never be.
    pub fn check(&self) -> Result<(), ErpError> {
        check_code("party", &self.party)?;
        check_code("contact", &self.contact)?;
        check_name("role", &self.role, NAME_LENGTH_MAX)?;
        if self.is_primary && self.blocked {
            let problem = "must be false where blocked is true: whoever is blocked is not asked first";
            return Err(ErpError::invalid("is_primary", problem));
        }
        Ok(())
    }

    /// The name in clear, before it is sealed; so with the others.
    pub fn check_name(name: &str) -> Result<(), ErpError> {
        check_name("name", name, NAME_LENGTH_MAX)
    }

    pub fn check_email(email: &str) -> Result<(), ErpError> {
        check_name("email", email, EMAIL_LENGTH_MAX)?;
        let seen = !email.chars().any(|c| c.is_whitespace() || is_format_control(c));
        let is_one = email
            .split_once('@')
            .is_some_and(|(local, domain)| !local.is_empty() && is_domain(domain));
        if seen && is_one {
            return Ok(());
        }
        let problem = "must be an address such as ann@example.com: one @, a dot behind it, and no spaces";
        Err(ErpError::invalid("email", problem))
    }

    pub fn check_phone(phone: &str) -> Result<(), ErpError> {
        let fits = phone.chars().count() <= PHONE_LENGTH_MAX;
        let dials = phone.chars().any(|c| c.is_ascii_digit());
        if fits && dials && phone.chars().all(|c| c.is_ascii_digit() || " +-()".contains(c)) {
            return Ok(());
        }
        let problem = format!(
            "must be up to {PHONE_LENGTH_MAX} digits, spaces, plus signs, hyphens and brackets, such as +44 20 7946 0000"
        );
        Err(ErpError::invalid("phone", problem))
    }
}

fn is_domain(domain: &str) -> bool {
    !domain.contains('@') && domain.contains('.') && domain.split('.').all(|label| !label.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_one_at_sign_and_a_dot_behind_it() {
        for email in ["a@b.c", "ann.lee+bills@mail.example.co.uk", "jürgen@müller.example"] {
            DefineContact::check_email(email).unwrap();
        }
        let long = format!("{}@example.com", "x".repeat(243));
        for email in [
            "ann",
            "@b.c",
            "a@",
            "a@b",
            "a@.c",
            "a@b.",
            "a@b..c",
            "a@b@c.d",
            "a b@c.d",
            "a@b.c\n",
            "a\u{200b}@b.c",
            &long,
        ] {
            let refused = DefineContact::check_email(email).unwrap_err().to_string();
            assert!(refused.starts_with("email:"), "{email}: {refused}");
        }
        DefineContact::check_email(&long[1..]).unwrap();
    }

    #[test]
    fn a_phone_number_can_be_dialled() {
        for phone in ["+44 (20) 7946-0000", "112", &"1".repeat(32)] {
            DefineContact::check_phone(phone).unwrap();
        }
        for phone in ["", "+", "( )", "0800 FLOWERS", "112 x7", "1\t2", "٣٤", &"1".repeat(33)] {
            let refused = DefineContact::check_phone(phone).unwrap_err().to_string();
            assert!(refused.starts_with("phone:"), "{phone}: {refused}");
        }
    }
}
