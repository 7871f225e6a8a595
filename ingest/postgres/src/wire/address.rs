//! Where a database is, and as whom it is read.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use url::Url;
use zeroize::Zeroizing;

use crate::PostgresError;

const PORT: u16 = 5432;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Whether the connection is encrypted, in libpq's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsMode {
    Disable,
    /// Where the server can. libpq's default, and ours.
    Prefer,
    /// Always, whoever the server is; with `sslrootcert`, as [`VerifyCa`](Self::VerifyCa).
    Require,
    /// And its certificate is signed by somebody whom we trust.
    VerifyCa,
    /// And made out to the host that was asked for.
    VerifyFull,
}

/// A `postgres://` address.
#[derive(Clone)]
pub struct Address {
    pub host: String,
    pub port: u16,
    pub user: String,
    pub password: Option<Zeroizing<String>>,
    pub database: String,
    pub tls: TlsMode,
    /// Certificates that are trusted instead of the system's, as a PEM file.
    pub tls_roots: Option<PathBuf>,
    pub connect_timeout: Duration,
}

impl Address {
    /// `postgres://user:password@host:port/database?sslmode=…&sslrootcert=…&connect_timeout=…`.
    ///
    /// [`PostgresError::Address`] where it is not one; what is wrong is said without the password.
    pub fn parse(url: &str) -> Result<Self, PostgresError> {
        let wrong = |why: &str| PostgresError::Address(why.to_owned());
        let url = Url::parse(url).map_err(|error| wrong(&error.to_string()))?;
        if !matches!(url.scheme(), "postgres" | "postgresql") {
            return Err(wrong("it begins with postgres://"));
        }
        let decoded = |text: &str, what: &str| {
            let text = percent_decoded(text);
            text.ok_or_else(|| wrong(&format!("the {what} is not UTF-8 when its %-escapes are read")))
        };
        let user = decoded(url.username(), "user")?;
        if user.is_empty() {
            return Err(wrong("it names no user: postgres://USER:PASSWORD@HOST/DATABASE"));
        }
        let host = url.host_str().filter(|host| !host.is_empty());
        let host = host.ok_or_else(|| wrong("it names no host: postgres://USER:PASSWORD@HOST/DATABASE"))?;
        let database = decoded(url.path().trim_start_matches('/'), "database")?;
        let password = url.password().map(|text| decoded(text, "password")).transpose()?;
        let mut address = Self {
            host: host.trim_start_matches('[').trim_end_matches(']').to_owned(),
            port: url.port().unwrap_or(PORT),
            database: if database.is_empty() { user.clone() } else { database },
            user,
            password: password.map(Zeroizing::new),
            tls: TlsMode::Prefer,
            tls_roots: None,
            connect_timeout: CONNECT_TIMEOUT,
        };
        for (key, value) in url.query_pairs() {
            address.set(&key, &value)?;
        }
        if address.tls == TlsMode::Require && address.tls_roots.is_some() {
            // As libpq has it: whoever names roots wants them used.
            address.tls = TlsMode::VerifyCa;
        }
        Ok(address)
    }

    fn set(&mut self, key: &str, value: &str) -> Result<(), PostgresError> {
        // Not the value: somebody may have put a password there.
        let wrong = |expected: &str| PostgresError::Address(format!("{key}: {expected}"));
        match key {
            "sslmode" => {
                self.tls = match value {
                    "disable" => TlsMode::Disable,
                    "allow" | "prefer" => TlsMode::Prefer,
                    "require" => TlsMode::Require,
                    "verify-ca" => TlsMode::VerifyCa,
                    "verify-full" => TlsMode::VerifyFull,
                    _ => return Err(wrong("use disable, prefer, require, verify-ca or verify-full")),
                }
            }
            "sslrootcert" => self.tls_roots = Some(PathBuf::from(value)),
            "connect_timeout" => {
                let seconds = value.parse().map_err(|_| wrong("use a number of seconds"))?;
                self.connect_timeout = Duration::from_secs(seconds);
            }
            // Ours says who reads.
            "application_name" => {}
            _ => return Err(wrong("use sslmode, sslrootcert or connect_timeout")),
        }
        Ok(())
    }
}

/// Without the password.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            host,
            port,
            database,
            user,
            ..
        } = self;
        write!(f, "postgres://{user}@{host}:{port}/{database}")
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        rest = tail;
        let escaped = (*first == b'%').then(|| tail.get(..2)).flatten();
        let escaped = escaped.and_then(|hex| u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok());
        match escaped {
            Some(byte) => {
                bytes.push(byte);
                rest = &tail[2..];
            }
            None => bytes.push(*first),
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_says_where_and_as_whom_and_never_shows_its_password() {
        let address = Address::parse("postgresql://ada:s%40cret@[::1]/shop?sslmode=verify-full").unwrap();
        assert_eq!(
            (&*address.host, address.port, &*address.database),
            ("::1", 5432, "shop")
        );
        assert_eq!(
            address.password.as_ref().map(|password| password.as_str()),
            Some("s@cret")
        );
        assert_eq!(address.tls, TlsMode::VerifyFull);
        assert!(!format!("{address} {address:?}").contains("cret"));
        assert_eq!(Address::parse("postgres://ada@db").unwrap().database, "ada");
        let rooted = Address::parse("postgres://ada@db?sslmode=require&sslrootcert=/ca.pem").unwrap();
        assert_eq!(rooted.tls, TlsMode::VerifyCa);
    }

    #[test]
    fn what_is_not_an_address_is_refused_with_what_would_be() {
        for (text, says) in [
            ("mysql://ada@db/shop", "postgres://"),
            ("postgres:///shop", "no user"),
            ("postgres://ada@db/shop?sslmode=perhaps", "verify-full"),
            ("postgres://ada@db/shop?wait=1", "connect_timeout"),
        ] {
            let error = Address::parse(text).unwrap_err().to_string();
            assert!(error.contains(says), "{error}");
        }
    }
}
