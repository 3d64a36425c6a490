//! Addressing: a message is addressed to a person by the name at its beginning.

use chat_core::PersonName;

/// The rest of `text` if it is addressed to `me`, as in `me: text`, `me, text` or `@me text`. Names are compared as
/// [`PersonName`] compares them.
pub(crate) fn addressed_to<'a>(me: &PersonName, text: &'a str) -> Option<&'a str> {
    let is_end = |c: char| matches!(c, ':' | ',');
    let (name, said) = match text.strip_prefix('@') {
        Some(text) => {
            let end = text.find(|c: char| is_end(c) || c.is_whitespace()).unwrap_or(text.len());
            let (name, rest) = text.split_at(end);
            (name, rest.strip_prefix(is_end).unwrap_or(rest))
        }
        None => text.split_once(is_end)?,
    };
    let is_me = PersonName::parse(name).is_ok_and(|name| name == *me);
    is_me.then(|| said.trim_start())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_at_the_beginning_is_an_address() {
        let me = PersonName::parse("Écho").unwrap();
        for (text, said) in [
            ("Écho: hi", "hi"),
            ("écho:hi", "hi"),
            ("ÉCHO, hi: there", "hi: there"),
            ("E\u{301}cho: hi", "hi"),
            ("@écho hi", "hi"),
            ("@écho: hi", "hi"),
            ("@écho\nhi\nthere", "hi\nthere"),
            ("@écho", ""),
            ("écho:", ""),
            ("écho:  two  words \n", "two  words \n"),
        ] {
            assert_eq!(addressed_to(&me, text), Some(said), "{text:?}");
        }
    }

    #[test]
    fn any_other_text_is_not_addressed() {
        let me = PersonName::parse("echo").unwrap();
        for text in [
            "",
            "echo",
            "echo hi",
            "hi echo: you",
            " echo: hi",
            "@ echo: hi",
            "@echo2 hi",
            "echo2: hi",
            "@ana: echo: hi",
            "echo : hi",
            "@@echo hi",
            ":",
            ",",
            "@",
            "https://echo:80",
        ] {
            assert_eq!(addressed_to(&me, text), None, "{text:?}");
        }
    }
}
