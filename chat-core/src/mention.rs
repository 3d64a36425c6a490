//! Where a text names a person: for mentions, for the person that a message addresses, and for the begin of a name that
//! is being typed.
//!
//! A name is compared without case and whichever way its accents are written. In scripts without spaces a name may stand
//! between other letters; elsewhere it is a word of its own. The word `ana-maria` does not name ana, and neither does an
//! address such as `https://x.example/ana` or `root@ana`.

use std::ops::Range;

use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};

use crate::{text::is_nonspacing_mark, words::has_no_spaces};

#[cfg(test)]
mod tests;

/// The places in `text` that name `name`, in order, as ranges of bytes.
pub fn mentions(name: &str, text: &str) -> Vec<Range<usize>> {
    let name = Name::new(name);
    let mut found: Vec<Range<usize>> = Vec::new();
    for (at, _) in text.char_indices() {
        let is_free = found.last().is_none_or(|last| last.end <= at);
        if is_free && let Some(end) = name.end(text, at).filter(|end| name.is_apart(text, at..*end)) {
            found.push(at..end);
        }
    }
    if !found.is_empty() {
        let addresses = addresses(text);
        found.retain(|place| !addresses.iter().any(|it| it.start < place.end && place.start < it.end));
    }
    found
}

/// What `text` says to `name`, if it begins with that name, as in `name: text`, `name, text` or `@name text`.
pub fn addressed<'a>(name: &str, text: &'a str) -> Option<&'a str> {
    let name = Name::new(name);
    let begin = usize::from(text.starts_with('@'));
    let end = name.end(text, begin)?;
    let said = match text[end..].strip_prefix([':', ',', '：', '，', '、']) {
        Some(said) => said,
        None if begin > 0 && name.is_apart(text, begin..end) => &text[end..],
        None => return None,
    };
    Some(said.trim_start())
}

/// The places in the last word of `text`, the first of them first, from which on it may be the begin of a name.
pub fn begins(text: &str) -> impl Iterator<Item = usize> {
    let word = text.trim_end_matches(|c: char| !c.is_whitespace()).len();
    let starts = text[word..].char_indices().map(move |(at, _)| word + at);
    starts.filter(move |at| {
        let first = text[*at..].chars().next();
        *at == word || first.is_some_and(|first| is_begin(&text[..*at], Edge::new(first, true)))
    })
}

/// The first or the last character of a name, by the letters that may stand right beside it.
#[derive(Clone, Copy, PartialEq)]
enum Edge {
    /// None of a script with spaces.
    Spaced,
    /// None of a script without spaces: a single character is a part of too many words.
    Single,
    /// All letters.
    Open,
}

impl Edge {
    fn new(c: char, is_long: bool) -> Edge {
        match (has_no_spaces(c), is_long) {
            (false, _) => Edge::Spaced,
            (true, false) => Edge::Single,
            (true, true) => Edge::Open,
        }
    }

    /// Whether the name ends at this edge if `c` is beside it.
    fn is_at(self, c: char) -> bool {
        match (is_of_a_word(c), has_no_spaces(c)) {
            (true, _) => self != Edge::Spaced,
            (false, true) => self != Edge::Single,
            (false, false) => true,
        }
    }
}

/// A name as it is looked for.
struct Name {
    /// Its characters, decomposed and in small letters.
    folded: Vec<char>,
    first: Edge,
    last: Edge,
}

impl Name {
    fn new(name: &str) -> Name {
        let is_long = name.chars().filter(|c| !is_mark(*c)).count() > 1;
        let edge = |c: Option<char>| c.map_or(Edge::Spaced, |c| Edge::new(c, is_long));
        Name {
            folded: name.chars().flat_map(fold).collect(),
            first: edge(name.chars().next()),
            last: edge(name.chars().next_back()),
        }
    }

    /// Where the name ends if it stands at `at` in `text`.
    fn end(&self, text: &str, at: usize) -> Option<usize> {
        let mut left = self.folded.iter();
        for (offset, c) in text[at..].char_indices() {
            if left.len() == 0 {
                // An accent that follows makes another letter of the last one.
                return (!is_mark(c)).then_some(at + offset);
            }
            if !fold(c).all(|folded| left.next() == Some(&folded)) {
                return None;
            }
        }
        (left.len() == 0 && !self.folded.is_empty()).then_some(text.len())
    }

    /// Whether the name, at `place` in `text`, is no part of another word or name.
    fn is_apart(&self, text: &str, place: Range<usize>) -> bool {
        let before = &text[..place.start];
        // An `@` before a single character says that it is meant as a name.
        let last = if before.ends_with('@') && self.last == Edge::Single { Edge::Open } else { self.last };
        is_begin(before, self.first) && is_end(&text[place.end..], last)
    }
}

/// Whether a name whose first character is `first` may begin after `before`.
fn is_begin(before: &str, first: Edge) -> bool {
    let mut back = before.chars().rev().filter(|c| !is_mark(*c));
    match back.next() {
        None => true,
        Some('#') => false,
        // Within a name of several parts, and after the `@` of an address.
        Some('@' | '-' | '.' | '+') => !back.next().is_some_and(is_of_a_word),
        Some(c) => first.is_at(c),
    }
}

/// Whether a name whose last character is `last` may end before `after`.
fn is_end(after: &str, last: Edge) -> bool {
    let mut next = after.chars();
    match next.next() {
        None => true,
        Some('@' | '-' | '.' | '+' | '#') => !next.next().is_some_and(is_of_a_word),
        Some(c) => last.is_at(c),
    }
}

/// Whether `c` is a part of a word, in a script whose words stand apart.
fn is_of_a_word(c: char) -> bool {
    (c.is_alphanumeric() || c == '_') && !has_no_spaces(c)
}

fn is_mark(c: char) -> bool {
    !c.is_ascii() && (is_combining_mark(c) || is_nonspacing_mark(c))
}

/// `c` decomposed and in small letters. The two small sigmas are one letter.
fn fold(c: char) -> impl Iterator<Item = char> {
    c.to_lowercase().map(|c| if c == 'ς' { 'σ' } else { c }).nfd()
}

/// The URLs, mail addresses and paths in `text`.
fn addresses(text: &str) -> Vec<Range<usize>> {
    let mut addresses = Vec::new();
    let mut at = 0;
    for word in text.split(char::is_whitespace) {
        addresses.extend(address(word).map(|range| at + range.start..at + range.end));
        at = text[at + word.len()..].chars().next().map_or(text.len(), |c| at + word.len() + c.len_utf8());
    }
    addresses
}

/// The address in `word`.
fn address(word: &str) -> Option<Range<usize>> {
    let inner = word.trim_start_matches(['(', '[', '{', '<', '"', '\'']);
    let skipped = word.len() - inner.len();
    let is_path = ["/", "~/", "./", "../", "www.", "mailto:"].iter().any(|it| inner.starts_with(it));
    let has_host = || inner.split_once('/').is_some_and(|(host, _)| is_host(host));
    let start = match inner.find("://") {
        Some(at) => {
            let scheme = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.');
            inner[..at].trim_end_matches(scheme).len()
        }
        None if is_path || has_host() => 0,
        None => return None,
    };
    // Chinese and other scripts without spaces go on right behind an address.
    let is_after = |c: char| has_no_spaces(c) || (!c.is_ascii() && !c.is_alphanumeric()) || c == '>';
    let length = inner[start..].find(is_after).unwrap_or(inner.len() - start);
    Some(skipped + start..skipped + start + length)
}

/// Whether `word` is a host, such as `x.example` or `localhost:80`.
fn is_host(word: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | ':' | '@');
    word.chars().all(allowed) && word.chars().skip(1).any(|c| matches!(c, '.' | ':'))
}
