//! What the transport adds to frames, and reads from them: `link` and `cookie`, as the last fields of the object.

use std::borrow::Cow;

use bytes::Bytes;
use serde::Deserialize;

/// The fields of a frame that mean something to the transport. The rest is for those above it.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Envelope<'a> {
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

impl<'a> Envelope<'a> {
    /// Looks at a datagram; nothing if it is not a JSON object in UTF-8, or has one of the fields twice or as something
    /// else than a string.
    pub(crate) fn read(datagram: &'a [u8]) -> Option<Envelope<'a>> {
        // As text: among bytes serde skips strings that are none.
        let text = std::str::from_utf8(datagram).ok()?;
        // A struct may come as an array as well, to serde.
        text.trim_ascii_start().starts_with('{').then(|| serde_json::from_str(text).ok())?
    }

    pub(crate) fn kind(&self) -> Option<&str> {
        self.kind.as_ref().map(|it| &*it.0)
    }

    pub(crate) fn link(&self) -> Option<&str> {
        self.link.as_ref().map(|it| &*it.0)
    }

    pub(crate) fn cookie(&self) -> Option<&str> {
        self.cookie.as_ref().map(|it| &*it.0)
    }

    /// The frame in `datagram`: without what [`seal`] added. Fields that stand elsewhere, or are written another way,
    /// stay where they are; whoever reads the frame skips what it does not know.
    pub(crate) fn open(&self, datagram: &[u8]) -> Bytes {
        let Some((mut body, tail)) = split(datagram) else { return Bytes::copy_from_slice(datagram) };
        for (name, value) in [("link", self.link()), ("cookie", self.cookie())] {
            if let Some(value) = value {
                body = cut(body, name, value);
            }
        }
        Bytes::from([body, tail].concat())
    }
}

/// `frame` with these fields added to its object. What is not an object is left as it is.
pub(crate) fn seal(frame: &[u8], cookie: Option<&str>, link: Option<&str>) -> Vec<u8> {
    let mut sealed = Vec::with_capacity(frame.len() + ADDED);
    let Some((body, tail)) = split(frame) else {
        sealed.extend_from_slice(frame);
        return sealed;
    };
    sealed.extend_from_slice(body);
    let mut empty = body.trim_ascii().len() == 1;
    for (name, value) in [("cookie", cookie), ("link", link)] {
        if let Some(value) = value {
            let comma = if empty { "" } else { "," };
            sealed.extend_from_slice(format!("{comma}\"{name}\":\"{value}\"").as_bytes());
            empty = false;
        }
    }
    sealed.extend_from_slice(tail);
    sealed
}

/// An object, split before the brace that closes it.
fn split(frame: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = frame.trim_ascii_end();
    let is_object = frame.trim_ascii_start().first() == Some(&b'{') && end.last() == Some(&b'}');
    is_object.then(|| frame.split_at(end.len() - 1))
}

/// `body` without the field at its end, if that is this one as [`seal`] writes it.
fn cut<'a>(body: &'a [u8], name: &str, value: &str) -> &'a [u8] {
    let field = format!("\"{name}\":\"{value}\"");
    match body.strip_suffix(field.as_bytes()) {
        Some(rest) if rest.trim_ascii() == b"{" => rest,
        Some(rest) => rest.strip_suffix(b",").unwrap_or(body),
        None => body,
    }
}

/// The length of both fields, in bytes; they fit a datagram with the largest frame (protocol 1.3).
pub(crate) const ADDED: usize = r#","cookie":"01234567890","link":"0123456789012345678901""#.len();

#[cfg(test)]
mod tests;
