//! The data of a server that was found.

use std::fmt;

use chat_core::{Address, KeyId, token, token_value};

/// Identifies one run of a server.
#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct ServerId(pub u128);

impl ServerId {
    /// Reads 22 characters of base64url (RFC 4648, section 5).
    pub fn parse(raw: &str) -> Option<ServerId> {
        token_value(raw).map(ServerId)
    }
}

impl fmt::Display for ServerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&token(self.0))
    }
}

impl fmt::Debug for ServerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ServerId({self})")
    }
}

/// A server, as described by itself.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Found {
    /// Announcements with the same id are of the same server.
    pub id: ServerId,
    /// Its name, of 1 to [`MAX_NAME`] bytes. Other servers may have the same name, and it may contain control characters.
    pub name: String,
    /// The program and its version, of at most [`MAX_NAME`] bytes.
    pub software: String,
    /// The version of the protocol it speaks.
    pub protocol: u64,
    /// The number of rooms.
    pub rooms: u64,
    /// What the server says of the way in.
    pub hints: Hints,
    /// The URLs under which the server can be reached, in the order in which to try them. Without any, the server is not open
    /// yet: a client is looking for a server, and will host this one if there is none.
    pub urls: Vec<Address>,
}

/// What a server says of the way in. Anybody can claim it: a handshake proves the key, and the server asks for its password.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Hints {
    /// The key that the server proves to those who join it; none if it does not encrypt.
    pub key: Option<KeyId>,
    /// Whether it asks for a password.
    pub password: bool,
}

/// `raw` cut off after at most [`MAX_NAME`] bytes.
pub(crate) fn bounded(raw: &str) -> String {
    let mut end = raw.len().min(MAX_NAME);
    while !raw.is_char_boundary(end) {
        end -= 1;
    }
    raw[..end].to_owned()
}

/// The longest name, in bytes: the length of a DNS label (RFC 1035, 2.3.4).
pub const MAX_NAME: usize = 63;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_read_as_they_are_written() {
        let id = ServerId(7 << 100);
        assert_eq!(ServerId::parse(&id.to_string()), Some(id));
        assert_eq!((ServerId::parse(""), ServerId::parse("too short")), (None, None));
    }

    /// protocol 18.2
    #[test]
    fn long_names_are_cut_between_characters() {
        assert_eq!(bounded("office"), "office");
        assert_eq!(bounded(&"x".repeat(64)), "x".repeat(63));
        assert_eq!(bounded(&"é".repeat(40)), "é".repeat(31));
    }
}
