//! A phrase: a sentence with places for what it is about, each by its name, so that a translation can move them.

use std::time::Duration;

use super::{line::Line, sanitize::Sanitized};

/// What stands in one place of a phrase.
#[derive(Clone, Debug)]
pub enum Value<'a> {
    /// Words that somebody else chose, on one line.
    Words(&'a str),
    /// A text that somebody else wrote, with the lines it has.
    Text(&'a str),
    /// The name of a person.
    Name(&'a str),
    /// A number.
    Number(u64),
    /// How long something took.
    Took(Duration),
    /// A phrase within the phrase.
    Line(Line),
}

/// `template`, in which each name in braces is replaced by the value of that name.
pub fn phrase(template: &'static str, values: &[(&str, Value<'_>)]) -> Line {
    let mut line = Line::default();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        let (name, tail) = after.split_once('}').unwrap_or((after, ""));
        line = if before.is_empty() { line } else { line.words(before) };
        line = match values.iter().find(|(of, _)| *of == name) {
            Some((_, value)) => put(line, value),
            None => line.words(name),
        };
        rest = tail;
    }
    if rest.is_empty() { line } else { line.words(rest) }
}

fn put(line: Line, value: &Value<'_>) -> Line {
    match value {
        Value::Words(words) => line.shown(&Sanitized::line(words)),
        Value::Text(text) => line.shown(&Sanitized::block(text, INDENT)),
        Value::Name(name) => line.name(name),
        Value::Number(number) => line.number(*number),
        Value::Took(time) => line.took(*time),
        Value::Line(inner) => line.line(inner.clone()),
    }
}

/// How far the second line of a text and those after it are indented, so that none looks like a message of its own.
pub(super) const INDENT: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_stand_where_the_phrase_names_them() {
        let values = [("who", Value::Name("ana")), ("what", Value::Words("a\nb")), ("n", Value::Number(3))];
        assert_eq!(phrase("{who} took {n} {what}.", &values).to_string(), "ana took 3 a⏎b.");
        assert_eq!(phrase("{what}{who}", &values).to_string(), "a⏎bana");
        assert_eq!(phrase("nothing", &values).to_string(), "nothing");
        let text = [("text", Value::Text("{who}\n{n}"))];
        assert_eq!(phrase("<{text}>", &text).to_string(), "<{who}\n    {n}>", "a value is no template");
    }
}
