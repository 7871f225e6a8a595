//! A socket, encrypted or not, and the messages on it.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Buf, Bytes, BytesMut};
use postgres_protocol::message::backend::Header;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

/// What is read from the socket at once; a message may be longer.
const READ_BYTES: usize = 256 * 1024;
/// Tag and length.
const HEADER_BYTES: usize = 5;

#[derive(Debug)]
pub(crate) enum Socket {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl AsyncRead for Socket {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(socket) => Pin::new(socket).poll_read(cx, buf),
            Self::Tls(socket) => Pin::new(socket).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Socket {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(socket) => Pin::new(socket).poll_write(cx, buf),
            Self::Tls(socket) => Pin::new(socket).poll_write(cx, buf),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(socket) => Pin::new(socket).poll_flush(cx),
            Self::Tls(socket) => Pin::new(socket).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(socket) => Pin::new(socket).poll_shutdown(cx),
            Self::Tls(socket) => Pin::new(socket).poll_shutdown(cx),
        }
    }
}

/// One message of the server: its tag, and what stands behind its length.
#[derive(Debug)]
pub(crate) struct Frame {
    pub tag: u8,
    pub body: Bytes,
}

#[derive(Debug)]
pub(crate) struct Stream {
    socket: Socket,
    received: BytesMut,
    pub outgoing: BytesMut,
}

impl Stream {
    pub fn new(socket: Socket) -> Self {
        Self {
            socket,
            received: BytesMut::with_capacity(READ_BYTES),
            outgoing: BytesMut::new(),
        }
    }

    /// Sends what is in `outgoing`.
    pub async fn send(&mut self) -> io::Result<()> {
        self.socket.write_all_buf(&mut self.outgoing).await?;
        self.socket.flush().await
    }

    /// A message that is here already as a whole.
    pub fn buffered(&mut self) -> io::Result<Option<Frame>> {
        let Some(header) = Header::parse(&self.received)? else {
            return Ok(None);
        };
        // The length counts itself, and is at least that long.
        let length = usize::try_from(header.len()).map_err(|_| io::ErrorKind::InvalidData)? + 1;
        if self.received.len() < length {
            return Ok(None);
        }
        let mut message = self.received.split_to(length).freeze();
        message.advance(HEADER_BYTES);
        Ok(Some(Frame {
            tag: header.tag(),
            body: message,
        }))
    }

    /// Waits for more bytes; nothing is lost where the wait is broken off.
    pub async fn receive(&mut self) -> io::Result<()> {
        self.received.reserve(READ_BYTES);
        match self.socket.read_buf(&mut self.received).await? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }

    pub async fn next(&mut self) -> io::Result<Frame> {
        loop {
            if let Some(frame) = self.buffered()? {
                return Ok(frame);
            }
            self.receive().await?;
        }
    }
}
