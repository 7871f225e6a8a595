//! A session: questions and their answers, rows as a stream, and changes as a stream both ways.

use bytes::{Buf, BufMut, Bytes, BytesMut};
use postgres_protocol::message::backend::{
    COMMAND_COMPLETE_TAG, COPY_DATA_TAG, COPY_DONE_TAG, COPY_OUT_RESPONSE_TAG, DATA_ROW_TAG, EMPTY_QUERY_RESPONSE_TAG,
    ERROR_RESPONSE_TAG, NOTICE_RESPONSE_TAG, PARAMETER_STATUS_TAG, READY_FOR_QUERY_TAG, ROW_DESCRIPTION_TAG,
};
use postgres_protocol::message::frontend;

use super::Address;
use super::login::log_in;
use super::stream::{Frame, Stream};
use crate::PostgresError;

/// The crate that we use knows no replication.
const COPY_BOTH_RESPONSE_TAG: u8 = b'W';

/// Rows as text, `None` where a value is null.
pub type Rows = Vec<Vec<Option<String>>>;

#[derive(Debug)]
pub struct Connection {
    stream: Stream,
    address: Address,
}

impl Connection {
    /// For queries and `COPY`.
    pub async fn open(address: &Address) -> Result<Self, PostgresError> {
        Self::start(address, false).await
    }

    /// For queries, slots and replication.
    pub async fn open_for_replication(address: &Address) -> Result<Self, PostgresError> {
        Self::start(address, true).await
    }

    async fn start(address: &Address, replication: bool) -> Result<Self, PostgresError> {
        Ok(Self {
            stream: log_in(address, replication).await?,
            address: address.clone(),
        })
    }

    /// Asks, and takes the whole answer of the last statement.
    pub async fn query(&mut self, sql: &str) -> Result<Rows, PostgresError> {
        self.ask(sql).await?;
        let (mut rows, mut refused) = (Rows::new(), None);
        loop {
            let frame = self.next().await?;
            match frame.tag {
                ROW_DESCRIPTION_TAG => rows.clear(),
                DATA_ROW_TAG => rows.push(row(frame.body)?),
                ERROR_RESPONSE_TAG => refused = Some(PostgresError::refused(&self.address, &frame.body)),
                READY_FOR_QUERY_TAG => return refused.map_or(Ok(rows), Err),
                COMMAND_COMPLETE_TAG | EMPTY_QUERY_RESPONSE_TAG => {}
                other => return Err(unexpected(other, "in an answer")),
            }
        }
    }

    /// The one value of the one row that is answered; `None` where there is none.
    pub async fn value(&mut self, sql: &str) -> Result<Option<String>, PostgresError> {
        let rows = self.query(sql).await?;
        Ok(rows.into_iter().next().and_then(|row| row.into_iter().next().flatten()))
    }

    /// Begins `COPY … TO STDOUT`; its rows come by [`copied`](Self::copied).
    pub async fn copy_out(&mut self, sql: &str) -> Result<(), PostgresError> {
        self.ask(sql).await?;
        self.begun(COPY_OUT_RESPONSE_TAG, "where COPY should begin").await
    }

    /// The next piece of a `COPY`; `None` when it is over, and the session takes questions again.
    pub async fn copied(&mut self) -> Result<Option<Bytes>, PostgresError> {
        loop {
            let frame = self.next().await?;
            match frame.tag {
                COPY_DATA_TAG => return Ok(Some(frame.body)),
                COPY_DONE_TAG | COMMAND_COMPLETE_TAG => {}
                READY_FOR_QUERY_TAG => return Ok(None),
                ERROR_RESPONSE_TAG => return Err(PostgresError::refused(&self.address, &frame.body)),
                other => return Err(unexpected(other, "among copied rows")),
            }
        }
    }

    /// `START_REPLICATION`: from here on there are only [`received`](Self::received) and [`reply`](Self::reply).
    pub async fn start_replication(&mut self, sql: &str) -> Result<(), PostgresError> {
        self.ask(sql).await?;
        self.begun(COPY_BOTH_RESPONSE_TAG, "where replication should begin")
            .await
    }

    /// What the walsender sent and is here already.
    pub fn received(&mut self) -> Result<Option<Bytes>, PostgresError> {
        loop {
            let buffered = self.stream.buffered();
            let frame = buffered.map_err(|error| PostgresError::unreachable(&self.address, error))?;
            let Some(frame) = frame else { return Ok(None) };
            match frame.tag {
                COPY_DATA_TAG => return Ok(Some(frame.body)),
                PARAMETER_STATUS_TAG | NOTICE_RESPONSE_TAG | COMMAND_COMPLETE_TAG => {}
                ERROR_RESPONSE_TAG => return Err(PostgresError::refused(&self.address, &frame.body)),
                COPY_DONE_TAG | READY_FOR_QUERY_TAG => {
                    return Err(PostgresError::unreachable(
                        &self.address,
                        std::io::Error::new(std::io::ErrorKind::UnexpectedEof, "the server ended the replication"),
                    ));
                }
                other => return Err(unexpected(other, "in the replication")),
            }
        }
    }

    /// Waits for more of what the walsender sends; nothing is lost where the wait is broken off.
    pub async fn wait(&mut self) -> Result<(), PostgresError> {
        let received = self.stream.receive().await;
        received.map_err(|error| PostgresError::unreachable(&self.address, error))
    }

    /// Says something to the walsender.
    pub async fn reply(&mut self, message: &[u8]) -> Result<(), PostgresError> {
        let sent = async {
            frontend::CopyData::new(message)?.write(&mut self.stream.outgoing);
            self.stream.send().await
        };
        sent.await
            .map_err(|error| PostgresError::unreachable(&self.address, error))
    }

    pub(crate) fn is_silent(&self) -> PostgresError {
        PostgresError::unreachable(&self.address, std::io::ErrorKind::TimedOut.into())
    }

    async fn ask(&mut self, sql: &str) -> Result<(), PostgresError> {
        let sent = async {
            frontend::query(sql, &mut self.stream.outgoing)?;
            self.stream.send().await
        };
        sent.await
            .map_err(|error| PostgresError::unreachable(&self.address, error))
    }

    async fn begun(&mut self, tag: u8, place: &str) -> Result<(), PostgresError> {
        let mut refused = None;
        loop {
            let frame = self.next().await?;
            match (frame.tag, refused.take()) {
                (found, None) if found == tag => return Ok(()),
                (ERROR_RESPONSE_TAG, _) => refused = Some(PostgresError::refused(&self.address, &frame.body)),
                (READY_FOR_QUERY_TAG, Some(refused)) => return Err(refused),
                (other, _) => return Err(unexpected(other, place)),
            }
        }
    }

    /// The next message that says something to us.
    async fn next(&mut self) -> Result<Frame, PostgresError> {
        loop {
            let next = self.stream.next().await;
            let frame = next.map_err(|error| PostgresError::unreachable(&self.address, error))?;
            if !matches!(frame.tag, PARAMETER_STATUS_TAG | NOTICE_RESPONSE_TAG) {
                return Ok(frame);
            }
        }
    }
}

fn row(mut body: Bytes) -> Result<Vec<Option<String>>, PostgresError> {
    let cut_off = || PostgresError::protocol("a row that ends too early");
    let count = body.try_get_u16().map_err(|_| cut_off())?;
    let mut values = Vec::with_capacity(usize::from(count));
    for _ in 0..count {
        let length = body.try_get_i32().map_err(|_| cut_off())?;
        let Ok(length) = usize::try_from(length) else {
            values.push(None);
            continue;
        };
        if body.len() < length {
            return Err(cut_off());
        }
        let text = String::from_utf8(body.split_to(length).into());
        values.push(Some(
            text.map_err(|_| PostgresError::protocol("a value that is not UTF-8"))?,
        ));
    }
    Ok(values)
}

fn unexpected(tag: u8, place: &str) -> PostgresError {
    PostgresError::protocol(format!("a message '{}' {place}", char::from(tag)))
}

/// An identifier, quoted.
#[must_use]
pub fn ident(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A text, quoted.
#[must_use]
pub fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// Where we are, for the walsender: `written`, `flushed` and `applied` alike. Asks for its own answer where `ask`.
pub fn standby_status(flushed: u64, now_micros: i64, ask: bool) -> BytesMut {
    let mut message = BytesMut::with_capacity(34);
    message.put_u8(b'r');
    for _ in 0..3 {
        message.put_u64(flushed);
    }
    message.put_i64(now_micros);
    message.put_u8(u8::from(ask));
    message
}
