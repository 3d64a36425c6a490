//! Finds mentions: places where a text has a name as a word of its own.

use std::ops::Range;

/// The places in `text` where `name` stands as a word, in any case.
pub(crate) fn of<'a>(name: &'a str, text: &'a str) -> impl Iterator<Item = Range<usize>> + 'a {
    let starts = text.char_indices().map(|(at, _)| at);
    starts.filter_map(move |at| {
        let begins = !text[..at].chars().next_back().is_some_and(is_of_a_word);
        let end = begins.then(|| at + alike(name, &text[at..]).unwrap_or(0)).filter(|end| *end > at)?;
        let ends = !text[end..].chars().next().is_some_and(is_of_a_word);
        ends.then_some(at..end)
    })
}

/// How many bytes of the beginning of `text` are `name`.
fn alike(name: &str, text: &str) -> Option<usize> {
    let mut rest = text.chars();
    for c in name.chars() {
        if !c.to_lowercase().eq(rest.next()?.to_lowercase()) {
            return None;
        }
    }
    Some(text.len() - rest.as_str().len())
}

fn is_of_a_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_found_as_a_word_alone() {
        let found = |name: &'static str, text: &'static str| {
            of(name, text).map(|range| &text[range]).collect::<Vec<_>>()
        };
        assert_eq!(found("ana", "Ana, anagram and @ana: banana ana"), ["Ana", "ana", "ana"]);
        assert_eq!(found("ana-2", "ana-2? ana-22 ana"), ["ana-2"]);
        assert_eq!(found("Élan", "élan"), ["élan"]);
        assert_eq!(found("中", "中 文"), ["中"]);
        assert_eq!(found("ana", ""), [""; 0]);
    }
}
