//! The client's end of a link without header (protocol 15.21): each frame is one datagram whatever its size, so that its user
//! sees what the network does to datagrams of that size.

use std::{
    fmt, io,
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use chat_core::SharedRuntime;
use futures::{Sink, Stream};

use crate::{
    check_length,
    json_form::{Fields, add_fields},
    net::Socket,
    receiver::{BUFFER, Receiver},
};

/// A link to the server at one address.
pub(crate) struct JsonLink {
    socket: Arc<dyn Socket>,
    receiver: Receiver,
    server: SocketAddr,
    /// The token that the server has picked.
    token: Option<String>,
    cookie: Option<String>,
    /// The last frame sent, in case it is challenged.
    last: Bytes,
    buffer: Vec<u8>,
}

impl JsonLink {
    pub(crate) fn new(socket: Arc<dyn Socket>, server: SocketAddr, runtime: &SharedRuntime) -> JsonLink {
        JsonLink {
            receiver: Receiver::new(socket.clone(), runtime.clone()),
            socket,
            server,
            token: None,
            cookie: None,
            last: Bytes::new(),
            buffer: vec![0; BUFFER],
        }
    }

    fn send_last(&self, cookie: Option<&str>) {
        let datagram = add_fields(&self.last, cookie, self.token.as_deref());
        let _ = self.socket.send(&datagram, self.server, None); // an error is a lost datagram
    }

    /// The frame in the datagram of `len` bytes in the buffer, if it is one.
    fn take(&mut self, len: usize) -> Option<io::Result<Bytes>> {
        let datagram = &self.buffer[..len];
        let fields = Fields::read(datagram)?;
        match fields.kind()? {
            "challenge" => {
                self.cookie = fields.cookie_text().map(str::to_owned);
                self.send_last(self.cookie.as_deref());
                None
            }
            "gone" if fields.link() == self.token.as_deref() => {
                let why = "the server does not know this link any more";
                Some(Err(io::Error::new(io::ErrorKind::ConnectionReset, why)))
            }
            "gone" | "undelivered" => None,
            "welcome" => {
                self.token = fields.link().map(str::to_owned);
                Some(Ok(fields.strip_fields(datagram)))
            }
            _ => Some(Ok(Bytes::copy_from_slice(datagram))),
        }
    }
}

impl Stream for JsonLink {
    type Item = io::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        let this = &mut *self;
        loop {
            let arrival = ready!(this.receiver.poll(cx, &mut this.buffer));
            let from = (arrival.from.ip(), arrival.from.port());
            if from == (this.server.ip(), this.server.port())
                && let Some(next) = this.take(arrival.len)
            {
                return Poll::Ready(Some(next));
            }
        }
    }
}

impl Sink<Bytes> for JsonLink {
    type Error = io::Error;

    fn poll_ready(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn start_send(mut self: Pin<&mut Self>, frame: Bytes) -> io::Result<()> {
        check_length(&frame)?;
        self.last = frame;
        // Only a hello without a token needs the cookie again.
        self.send_last(self.cookie.as_deref().filter(|_| self.token.is_none()));
        Ok(())
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

impl fmt::Debug for JsonLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JsonLink").field("server", &self.server).finish_non_exhaustive()
    }
}
