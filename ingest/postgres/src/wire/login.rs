//! From a socket to a session: encryption, who we are, and how values are to be written.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Buf;
use postgres_protocol::authentication::md5_hash;
use postgres_protocol::authentication::sasl::{ChannelBinding, SCRAM_SHA_256, ScramSha256};
use postgres_protocol::message::backend::{
    AUTHENTICATION_TAG, BACKEND_KEY_DATA_TAG, ERROR_RESPONSE_TAG, NOTICE_RESPONSE_TAG, PARAMETER_STATUS_TAG,
    READY_FOR_QUERY_TAG,
};
use postgres_protocol::message::frontend;
use rustls::pki_types::ServerName;
use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::stream::{Frame, Socket, Stream};
use super::{Address, TlsMode, tls};
use crate::PostgresError;

/// Values are written in one way whatever the server, the database or the role prefer.
const PARAMETERS: [(&str, &str); 11] = [
    ("application_name", "cortex"),
    ("client_encoding", "UTF8"),
    ("DateStyle", "ISO, YMD"),
    ("IntervalStyle", "iso_8601"),
    ("TimeZone", "UTC"),
    ("bytea_output", "hex"),
    ("extra_float_digits", "3"),
    // A snapshot is held open for as long as it is read.
    ("statement_timeout", "0"),
    ("idle_in_transaction_session_timeout", "0"),
    ("idle_session_timeout", "0"),
    ("lock_timeout", "0"),
];

/// A server that went away without a word is missed after two minutes, whether we wait for it or told it something.
const MISSED_AFTER: Duration = Duration::from_secs(120);
const KEEPALIVE: TcpKeepalive = TcpKeepalive::new()
    .with_time(Duration::from_secs(60))
    .with_interval(Duration::from_secs(15))
    .with_retries(4);

/// What an authentication message asks for.
mod asks {
    pub(super) const NOTHING_MORE: u32 = 0;
    pub(super) const CLEARTEXT: u32 = 3;
    pub(super) const MD5: u32 = 5;
    pub(super) const SASL: u32 = 10;
    pub(super) const SASL_CONTINUE: u32 = 11;
    pub(super) const SASL_FINAL: u32 = 12;
}

/// A session that takes queries; for `replication`, those of a walsender as well.
pub(super) async fn log_in(address: &Address, replication: bool) -> Result<Stream, PostgresError> {
    let session = async {
        let mut stream = Stream::new(connect(address).await?);
        start(&mut stream, address, replication).await?;
        Ok(stream)
    };
    match tokio::time::timeout(address.connect_timeout, session).await {
        Ok(session) => session,
        Err(_) => Err(PostgresError::unreachable(address, std::io::ErrorKind::TimedOut.into())),
    }
}

async fn connect(address: &Address) -> Result<Socket, PostgresError> {
    let unreachable = |error| PostgresError::unreachable(address, error);
    let mut socket = TcpStream::connect((&*address.host, address.port))
        .await
        .map_err(unreachable)?;
    socket.set_nodelay(true).map_err(unreachable)?;
    let settings = SockRef::from(&socket);
    settings.set_tcp_keepalive(&KEEPALIVE).map_err(unreachable)?;
    settings.set_tcp_user_timeout(Some(MISSED_AFTER)).map_err(unreachable)?;
    if address.tls == TlsMode::Disable {
        return Ok(Socket::Plain(socket));
    }
    let mut request = bytes::BytesMut::new();
    frontend::ssl_request(&mut request);
    socket.write_all(&request).await.map_err(unreachable)?;
    let encrypts = socket.read_u8().await.map_err(unreachable)? == b'S';
    match (encrypts, address.tls) {
        (true, _) => {}
        (false, TlsMode::Prefer) => return Ok(Socket::Plain(socket)),
        (false, _) => {
            return Err(PostgresError::Tls {
                at: address.to_string(),
                detail: "the server does not encrypt; turn its 'ssl' on, or use sslmode=prefer".to_owned(),
            });
        }
    }
    let failed = |detail: String| PostgresError::Tls {
        at: address.to_string(),
        detail,
    };
    let name = match address.host.parse::<IpAddr>() {
        Ok(ip) => ServerName::IpAddress(ip.into()),
        Err(_) => ServerName::try_from(address.host.clone()).map_err(|error| failed(error.to_string()))?,
    };
    let connector = TlsConnector::from(Arc::new(tls::config(address)?));
    let socket = connector
        .connect(name, socket)
        .await
        .map_err(|error| failed(error.to_string()))?;
    Ok(Socket::Tls(Box::new(socket)))
}

async fn start(stream: &mut Stream, address: &Address, replication: bool) -> Result<(), PostgresError> {
    let lost = |error| PostgresError::unreachable(address, error);
    let who = [("user", address.user.as_str()), ("database", address.database.as_str())];
    let parameters = who.into_iter().chain(PARAMETERS);
    // A server looks at what we say at least that often; longer, and it would seem to be gone while it is busy.
    let of_replication = [("replication", "database"), ("wal_sender_timeout", "60s")];
    let parameters = parameters.chain(of_replication.into_iter().filter(|_| replication));
    frontend::startup_message(parameters, &mut stream.outgoing).map_err(lost)?;
    stream.send().await.map_err(lost)?;
    let mut scram = None;
    loop {
        let frame = stream.next().await.map_err(lost)?;
        match frame.tag {
            AUTHENTICATION_TAG => answer(stream, address, frame, &mut scram).await?,
            PARAMETER_STATUS_TAG | BACKEND_KEY_DATA_TAG | NOTICE_RESPONSE_TAG => {}
            READY_FOR_QUERY_TAG => return Ok(()),
            ERROR_RESPONSE_TAG => return Err(PostgresError::refused(address, &frame.body)),
            // A server of a newer protocol says which of it it does not speak.
            b'v' => {}
            other => {
                return Err(PostgresError::protocol(format!(
                    "a message '{}' during login",
                    char::from(other)
                )));
            }
        }
    }
}

async fn answer(
    stream: &mut Stream,
    address: &Address,
    mut frame: Frame,
    scram: &mut Option<ScramSha256>,
) -> Result<(), PostgresError> {
    let lost = |error| PostgresError::unreachable(address, error);
    if frame.body.remaining() < 4 {
        return Err(PostgresError::protocol("an authentication message without content"));
    }
    let asked = frame.body.get_u32();
    let password = || {
        let password = address.password.as_ref().map(|password| password.as_bytes());
        password.ok_or_else(|| PostgresError::Password(address.to_string()))
    };
    match asked {
        asks::NOTHING_MORE => return Ok(()),
        asks::CLEARTEXT => frontend::password_message(password()?, &mut stream.outgoing).map_err(lost)?,
        asks::MD5 => {
            let salt: [u8; 4] = frame
                .body
                .as_ref()
                .try_into()
                .map_err(|_| PostgresError::protocol("an MD5 salt"))?;
            let hash = md5_hash(address.user.as_bytes(), password()?, salt);
            frontend::password_message(hash.as_bytes(), &mut stream.outgoing).map_err(lost)?;
        }
        asks::SASL => {
            let mut mechanisms = frame.body.split(|byte| *byte == 0);
            if !mechanisms.any(|name| name == SCRAM_SHA_256.as_bytes()) {
                return Err(PostgresError::protocol(
                    "the server offers no authentication but SASL's of other kinds",
                ));
            }
            let begun = scram.insert(ScramSha256::new(password()?, ChannelBinding::unsupported()));
            frontend::sasl_initial_response(SCRAM_SHA_256, begun.message(), &mut stream.outgoing).map_err(lost)?;
        }
        asks::SASL_CONTINUE | asks::SASL_FINAL => {
            let begun = scram
                .as_mut()
                .ok_or_else(|| PostgresError::protocol("SASL that was not begun"))?;
            let distrusted = |error: std::io::Error| PostgresError::protocol(format!("the server's SCRAM: {error}"));
            if asked == asks::SASL_FINAL {
                return begun.finish(&frame.body).map_err(distrusted);
            }
            begun.update(&frame.body).map_err(distrusted)?;
            frontend::sasl_response(begun.message(), &mut stream.outgoing).map_err(lost)?;
        }
        other => {
            let kind = format!("authentication of kind {other}, such as GSSAPI; use scram-sha-256, md5 or password");
            return Err(PostgresError::protocol(kind));
        }
    }
    stream.send().await.map_err(lost)
}
