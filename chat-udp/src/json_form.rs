//! The form of datagrams without a header, for clients of a few lines (protocol 15.21): a datagram is one frame, to which
//! the fields `link` and `cookie` are added as the last ones of its JSON object.

use std::borrow::Cow;

use bytes::Bytes;
use chat_core::token;
use data_encoding::BASE64URL_NOPAD;
use serde::Deserialize;

/// The fields of a frame that mean something to the transport.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Fields<'a> {
    #[serde(rename = "type", borrow, default)]
    kind: Option<Text<'a>>,
    #[serde(borrow, default)]
    link: Option<Text<'a>>,
    #[serde(borrow, default)]
    cookie: Option<Text<'a>>,
}

/// Borrowed unless it has escapes.
#[derive(Debug, Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'a> Fields<'a> {
    /// The fields of a datagram; `None` if the datagram is not a JSON object in UTF-8, or one of the fields is there twice
    /// or is not a string.
    pub(crate) fn read(datagram: &'a [u8]) -> Option<Fields<'a>> {
        // As text, since serde does not check the strings that it skips among bytes.
        let text = std::str::from_utf8(datagram).ok()?;
        // serde would read a struct from an array too.
        text.trim_ascii_start().starts_with('{').then(|| serde_json::from_str(text).ok())?
    }

    pub(crate) fn kind(&self) -> Option<&str> {
        self.kind.as_ref().map(|text| &*text.0)
    }

    pub(crate) fn link(&self) -> Option<&str> {
        self.link.as_ref().map(|text| &*text.0)
    }

    /// The cookie; `None` too if there is another text in its place.
    pub(crate) fn cookie(&self) -> Option<u64> {
        let bytes = BASE64URL_NOPAD.decode(self.cookie_text()?.as_bytes()).ok()?;
        Some(u64::from_be_bytes(bytes.try_into().ok()?))
    }

    /// The cookie as it is written.
    pub(crate) fn cookie_text(&self) -> Option<&str> {
        self.cookie.as_ref().map(|text| &*text.0)
    }

    /// The frame in `datagram`, without the two fields where they are its last ones and written as in the specification.
    /// Elsewhere they stay; a reader skips fields that it does not know (protocol 1.7).
    pub(crate) fn strip_fields(&self, datagram: &[u8]) -> Bytes {
        let Some((mut body, tail)) = split(datagram) else { return Bytes::copy_from_slice(datagram) };
        for (name, value) in [("link", self.link()), ("cookie", self.cookie_text())] {
            if let Some(value) = value {
                body = cut(body, name, value);
            }
        }
        Bytes::from([body, tail].concat())
    }
}

/// The datagram for a frame of the server: the frame, with the token of the link if it is a `welcome`.
pub(crate) fn from_server(frame: Bytes, link: u128) -> Bytes {
    if frame.starts_with(WELCOME) { add_fields(&frame, None, Some(&token(link))).into() } else { frame }
}

/// The challenge with `cookie`.
pub(crate) fn challenge(cookie: u64) -> String {
    format!(r#"{{"type":"challenge","cookie":"{}"}}"#, BASE64URL_NOPAD.encode(&cookie.to_be_bytes()))
}

/// The word that no link has the token `link`, which is a token.
pub(crate) fn gone(link: &str) -> String {
    format!(r#"{{"type":"gone","link":"{link}"}}"#)
}

/// `frame` with these fields added to its object. A frame that is not an object is left as it is.
pub(crate) fn add_fields(frame: &[u8], cookie: Option<&str>, link: Option<&str>) -> Vec<u8> {
    let mut datagram = Vec::with_capacity(frame.len() + ADDED);
    let Some((body, tail)) = split(frame) else {
        datagram.extend_from_slice(frame);
        return datagram;
    };
    datagram.extend_from_slice(body);
    let mut empty = body.trim_ascii().len() == 1;
    for (name, value) in [("cookie", cookie), ("link", link)] {
        if let Some(value) = value {
            let comma = if empty { "" } else { "," };
            datagram.extend_from_slice(format!("{comma}\"{name}\":\"{value}\"").as_bytes());
            empty = false;
        }
    }
    datagram.extend_from_slice(tail);
    datagram
}

/// An object, split before the brace that closes it.
fn split(frame: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = frame.trim_ascii_end();
    let is_object = frame.trim_ascii_start().first() == Some(&b'{') && end.last() == Some(&b'}');
    is_object.then(|| frame.split_at(end.len() - 1))
}

/// `body` without the field at its end, if that is this one as [`add_fields`] writes it.
fn cut<'a>(body: &'a [u8], name: &str, value: &str) -> &'a [u8] {
    let field = format!("\"{name}\":\"{value}\"");
    match body.strip_suffix(field.as_bytes()) {
        Some(rest) if rest.trim_ascii() == b"{" => rest,
        Some(rest) => rest.strip_suffix(b",").unwrap_or(body),
        None => body,
    }
}

/// How the frame begins that tells a client its token.
const WELCOME: &[u8] = br#"{"type":"welcome""#;

/// The length of both fields, in bytes; they fit a datagram with the largest frame (protocol 1.3).
pub(crate) const ADDED: usize = r#","cookie":"01234567890","link":"0123456789012345678901""#.len();

#[cfg(test)]
mod tests;
