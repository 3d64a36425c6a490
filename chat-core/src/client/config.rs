//! The settings of a client.

use std::fmt;

use crate::{Address, ClientId, HostPort};

/// The settings of a client, which hold as long as it runs.
#[derive(Clone)]
pub struct Config {
    /// The name it asks for.
    pub name: String,
    /// Names its requests: 128 random bits, new for each run.
    pub client: ClientId,
    /// The server's password, if it has one.
    pub password: Option<Password>,
    /// The seed for the jitter of its timers.
    pub seed: u64,
    /// Shows what a link does that may lose frames: only the requests that open sessions and rooms are sent again, lost
    /// entries are not asked for, and entries are shown as they arrive. On lossless links this changes nothing.
    pub raw: bool,
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config").field("name", &self.name).field("seed", &self.seed).finish_non_exhaustive()
    }
}

/// The password of a server. Over an encrypted link it is proved and never sent (protocol 20).
#[derive(Clone)]
pub struct Password {
    pub(super) text: String,
    pub(super) in_clear: bool,
}

impl Password {
    /// A password that is proved alone. A client with it talks to no server over a link that is not encrypted.
    pub fn new(text: impl Into<String>) -> Password {
        Password { text: text.into(), in_clear: false }
    }

    /// The same, which is sent over links that are not encrypted.
    #[must_use]
    pub fn or_in_clear(self) -> Password {
        Password { in_clear: true, ..self }
    }

    /// The password for the server at `address`: where links there are not encrypted it is sent to this machine alone, by
    /// a loopback address.
    pub fn for_server(text: impl Into<String>, address: &Address) -> Password {
        let in_clear = HostPort::parse(address).is_ok_and(|at| at.is_loopback());
        Password { in_clear, ..Password::new(text) }
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Password").field("in_clear", &self.in_clear).finish_non_exhaustive()
    }
}
