//! A frame that is not protocol, and what is wrong with it in the words of section 1: fields, numbers and texts, not the
//! types of this program.

use std::{borrow::Cow, fmt};

use serde_json::error::Category;

use super::excerpt;

/// A frame that is not protocol: what is wrong with it, in words that can be sent back.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct BadFrame {
    what: Cow<'static, str>,
}

impl BadFrame {
    pub(super) fn new(what: impl Into<Cow<'static, str>>) -> BadFrame {
        let what = what.into();
        // It may quote as much as a whole frame.
        let short = excerpt(&what).len() < what.len();
        BadFrame { what: if short { excerpt(&what).to_owned().into() } else { what } }
    }

    /// Why `frame` could not be read.
    pub(super) fn of(error: &serde_json::Error, frame: &str) -> BadFrame {
        let end = offset(frame, error.line(), error.column());
        let what = match error.classify() {
            Category::Eof => "its JSON ends too early".to_owned(),
            Category::Syntax | Category::Io => format!("not JSON from byte {end} on"),
            Category::Data => {
                let said = error.to_string();
                let said = said.rsplit_once(" at line ").map_or(&*said, |(said, _)| said);
                field(said, field_before(&frame[..end])).unwrap_or_else(|| said.to_owned())
            }
        };
        BadFrame::new(what)
    }
}

impl fmt::Display for BadFrame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

impl std::error::Error for BadFrame {}

/// What serde said of a field, in other words; `name` is the field that was read last.
fn field(said: &str, name: Option<&str>) -> Option<String> {
    let quoted =
        |what: &str| Some(said.strip_prefix(what)?.strip_prefix(" field `")?.strip_suffix('`')?.to_owned());
    if let Some(missing) = quoted("missing") {
        return Some(format!("the field {missing:?} is missing"));
    }
    if let Some(twice) = quoted("duplicate") {
        return Some(format!("the field {twice:?} is given twice"));
    }
    let said = said.strip_prefix("invalid ")?;
    let (found, wanted) = said.split_once(": ")?.1.rsplit_once(", expected ")?;
    let name = name.map_or_else(|| "a field".to_owned(), |name| format!("the field {name:?}"));
    Some(format!("{name} is {}, and has to be {}", found_words(found), wanted_words(wanted)))
}

fn found_words(found: &str) -> String {
    match found.split_once(' ') {
        Some(("string", text)) => format!("the text {text}"),
        Some(("integer" | "boolean" | "character", value)) => value.trim_matches('`').to_owned(),
        Some(("floating", _)) => "a number with a fraction".to_owned(),
        _ if found == "map" => "an object".to_owned(),
        _ if found == "sequence" => "an array".to_owned(),
        _ => found.to_owned(),
    }
}

fn wanted_words(wanted: &str) -> &str {
    match wanted {
        "u64" | "u32" | "u16" | "u8" | "usize" => "a whole number",
        "a boolean" => "true or false",
        "a sequence" => "an array",
        "a borrowed string" | "str" => "a string",
        _ if wanted.starts_with("struct") || wanted == "a map" => "an object",
        other => other,
    }
}

/// The name of the last field in `text`, the begin of a frame.
fn field_before(text: &str) -> Option<&str> {
    let end = text.rfind("\":")?;
    let name = &text[text[..end].rfind('"')? + 1..end];
    let is_plain = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    is_plain.then_some(name)
}

/// Where the byte `column` of `line` is, both counted from 1; within `text`, and at a character.
fn offset(text: &str, line: usize, column: usize) -> usize {
    let lines = text.split_inclusive('\n').take(line.saturating_sub(1));
    let at = lines.map(str::len).sum::<usize>() + column;
    (0..=at.min(text.len())).rfind(|at| text.is_char_boundary(*at)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use crate::wire::read_request;

    #[test]
    fn a_bad_field_is_named_in_the_words_of_the_protocol() {
        for (frame, words) in [
            (
                r#"{"type":"ping","id":"x"}"#,
                r#"the field "id" is the text "x", and has to be a whole number"#,
            ),
            (r#"{"type":"ping","id":true}"#, r#"the field "id" is true, and has to be a whole number"#),
            (r#"{"type":"ping","id":{}}"#, r#"the field "id" is an object, and has to be a whole number"#),
            (r#"{"type":"ping","id":[1]}"#, r#"the field "id" is an array, and has to be a whole number"#),
            (r#"{"type":"join","id":1,"room":5}"#, r#"the field "room" is 5, and has to be a string"#),
            (r#"{"type":"ping"}"#, r#"the field "id" is missing"#),
            (r#"{"type":"ping","id":1,"id":2}"#, r#"the field "id" is given twice"#),
            (r#"{"id":1}"#, r#"the field "type" is missing"#),
            (r#"{"type":5}"#, r#"the field "type" is 5, and has to be a string"#),
            (
                r#"{"type":"hello","protocol":"1","name":"ana"}"#,
                r#"the field "protocol" is the text "1", and has to be a whole number"#,
            ),
            (r#"{"type":"ping","id":1"#, "its JSON ends too early"),
            (r#"{"type":"ping","id":NaN}"#, "not JSON from byte 21 on"),
            ("{\"type\":\"ping\",\n\"id\":NaN}", "not JSON from byte 22 on"),
        ] {
            assert_eq!(read_request(frame.as_bytes()).unwrap_err().to_string(), words, "{frame}");
        }
    }
}
