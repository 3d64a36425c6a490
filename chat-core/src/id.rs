//! Random 128-bit values: the ids of clients and the secrets of sessions.

use std::fmt;

use data_encoding::BASE64URL_NOPAD;

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
