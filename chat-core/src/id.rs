//! Ids and secrets: clients, sessions, and the keys of people.

use std::{borrow::Cow, fmt};

use data_encoding::BASE64URL_NOPAD;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Names the requests of one run of a client. Only the client and the server ever see it.
#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct ClientId(pub u128);

impl ClientId {
    /// Reads what stands in `hello`: 22 characters of base64url without padding (RFC 4648, section 5).
    pub fn parse(raw: &str) -> Option<ClientId> {
        token_value(raw).map(ClientId)
    }
}

impl fmt::Display for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&token(self.0))
    }
}

impl fmt::Debug for ClientId {
    // Whoever knows the id of a client could speak in its place, so it stays out of logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientId(…)")
    }
}

/// Identifies a person or a program by the key it has proved: 32 bytes, shown as 43 characters of base64url without
/// padding (RFC 4648, section 5).
#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct KeyId(pub [u8; 32]);

impl KeyId {
    /// Reads what [`KeyId`] is shown as.
    pub fn parse(raw: &str) -> Option<KeyId> {
        let bytes = BASE64URL_NOPAD.decode(raw.as_bytes()).ok()?;
        Some(KeyId(bytes.try_into().ok()?))
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&BASE64URL_NOPAD.encode(&self.0))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyId({self})")
    }
}

impl Serialize for KeyId {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for KeyId {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<KeyId, D::Error> {
        let raw = Cow::<'de, str>::deserialize(from)?;
        KeyId::parse(&raw).ok_or_else(|| de::Error::custom("a key is 43 characters of base64url"))
    }
}

/// Opens a session again. Shows itself to nobody but the client it belongs to.
#[derive(Clone, Copy, Eq, Hash, PartialEq)]
pub(crate) struct Secret(pub(crate) u128);

impl Secret {
    pub(crate) fn parse(raw: &str) -> Option<Secret> {
        token_value(raw).map(Secret)
    }

    pub(crate) fn reveal(self) -> String {
        token(self.0)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// `value` as 22 characters of base64url without padding (RFC 4648, section 5).
pub fn token(value: u128) -> String {
    BASE64URL_NOPAD.encode(&value.to_be_bytes())
}

/// The value of a [`token`]; nothing if it is not one.
pub fn token_value(raw: &str) -> Option<u128> {
    let bytes = BASE64URL_NOPAD.decode(raw.as_bytes()).ok()?;
    Some(u128::from_be_bytes(bytes.try_into().ok()?))
}
