//! What a client knows of its link: who the server is, the cookie, the token. No I/O is done here.

use std::{io, net::SocketAddr};

use bytes::Bytes;
use chat_core::wire::MAX_FRAME;

use crate::envelope::{Envelope, seal};

/// The client's side of a link.
#[derive(Debug)]
pub(crate) struct Caller {
    /// Where the server may be; whoever answers first is the server.
    targets: Vec<SocketAddr>,
    answered: bool,
    cookie: Option<String>,
    /// Whether the server wants the cookie to be seen before anything else.
    challenged: bool,
    token: Option<String>,
    /// What was sent last, in case it is challenged.
    last: Bytes,
    /// Whether that has been sent again. Once is enough: if challenges never ended, neither would this.
    repeated: bool,
}

/// What comes of a datagram.
#[derive(Debug, Eq, PartialEq)]
pub(crate) enum Heard {
    /// It is not from the server, or says nothing.
    Nothing,
    /// A frame for those above.
    Frame(Bytes),
    /// This is to be sent now.
    Send(Vec<u8>),
    /// The server does not know this link.
    Gone,
}

impl Caller {
    pub(crate) fn new(targets: Vec<SocketAddr>) -> Caller {
        Caller {
            targets,
            answered: false,
            cookie: None,
            challenged: false,
            token: None,
            last: Bytes::new(),
            repeated: false,
        }
    }

    /// Where datagrams go: to the server, or as long as nobody has answered to all who may be it.
    pub(crate) fn targets(&self) -> &[SocketAddr] {
        &self.targets
    }

    /// The datagram for `frame`.
    ///
    /// # Errors
    /// When the frame is too large to go into one.
    pub(crate) fn send(&mut self, frame: Bytes) -> io::Result<Vec<u8>> {
        let len = frame.len();
        if len > MAX_FRAME {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                format!("a frame of {len} bytes, over the limit of {MAX_FRAME}"),
            ));
        }
        self.last = frame;
        self.repeated = false;
        Ok(self.seal())
    }

    /// Takes a datagram.
    pub(crate) fn hear(&mut self, from: SocketAddr, datagram: &[u8]) -> Heard {
        let is_server = |it: &SocketAddr| (it.ip(), it.port()) == (from.ip(), from.port());
        if !self.targets.iter().any(is_server) {
            return Heard::Nothing;
        }
        let Some(envelope) = Envelope::read(datagram) else { return Heard::Nothing };
        if envelope.kind() == Some("gone") {
            let own = self.token.is_some() && envelope.link() == self.token.as_deref();
            return if own { Heard::Gone } else { Heard::Nothing };
        }
        let cookie = match envelope.kind() {
            Some("challenge") => {
                match envelope.cookie().filter(|it| it.len() <= COOKIE_MAX && is_plain(it)) {
                    Some(cookie) => Some(cookie),
                    None => return Heard::Nothing,
                }
            }
            _ => None,
        };
        if !std::mem::replace(&mut self.answered, true) {
            self.targets = vec![from];
        }
        self.challenged = cookie.is_some();
        match (cookie, envelope.kind()) {
            (Some(cookie), _) => {
                self.cookie = Some(cookie.to_owned());
                self.repeat()
            }
            (None, Some("welcome")) => {
                if let Some(link) = envelope.link().filter(|it| it.len() == TOKEN && is_plain(it)) {
                    self.token = Some(link.to_owned());
                }
                Heard::Frame(envelope.open(datagram))
            }
            _ => Heard::Frame(Bytes::copy_from_slice(datagram)),
        }
    }

    fn repeat(&mut self) -> Heard {
        if self.last.is_empty() || std::mem::replace(&mut self.repeated, true) {
            return Heard::Nothing;
        }
        Heard::Send(self.seal())
    }

    fn seal(&self) -> Vec<u8> {
        let cookie = self.cookie.as_deref().filter(|_| self.challenged || self.last.starts_with(HELLO));
        seal(&self.last, cookie, self.token.as_deref())
    }
}

/// Whether a word can be put between quotes as it is.
fn is_plain(word: &str) -> bool {
    word.bytes().all(|it| it.is_ascii_alphanumeric() || it == b'-' || it == b'_')
}

/// How the frame begins that a new link begins with.
const HELLO: &[u8] = br#"{"type":"hello""#;

/// The longest cookie there is room for, in bytes.
const COOKIE_MAX: usize = 11;

/// The length of a token, in bytes.
const TOKEN: usize = 22;

#[cfg(test)]
mod tests;
