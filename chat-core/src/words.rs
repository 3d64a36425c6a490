//! How a text is cut into words to search it by: once, for the index, for the log in memory and for the screen.
//!
//! Letters and digits that stand together are a word. It is compared without case and without accents: as the
//! compatibility decomposition (NFKD) of each character, without the marks that writers leave out, in small letters.
//! Letters with a stroke, which have no decomposition, are compared as the plain ones.
//! Scripts that are written without spaces (Han, kana, Thai, Lao, Khmer, Myanmar) have no words that could be seen;
//! each character of them stands for itself, and so does an emoji: what is looked for is characters in a row.

use std::{collections::HashSet, ops::Range};

use unicode_normalization::char::{canonical_combining_class, decompose_compatible, is_combining_mark};
use unicode_properties::{GeneralCategory, UnicodeEmoji, UnicodeGeneralCategory};

#[cfg(test)]
mod tests;

/// What an index keeps of `text`, in order: its words, and for each row of characters that stand for themselves every
/// two neighbours and then the last one alone. An index that finds tokens, tokens that follow each other, and
/// beginnings of tokens finds with [`Query::terms`] just the texts that [`Query::matches`].
///
/// A token is never empty and has no white space; its ASCII characters are small letters and digits. A text with more than
/// [`MAX_TOKENS`] different ones ends before the next, so that no text costs an index much more than another.
pub fn tokens(text: &str) -> Vec<String> {
    let mut tokens = tokens_of(&pieces(text));
    if tokens.len() > MAX_TOKENS {
        let mut different: HashSet<&str> = HashSet::with_capacity(MAX_TOKENS);
        let mut kept = None;
        for (at, token) in tokens.iter().enumerate() {
            if different.len() < MAX_TOKENS {
                different.insert(token);
            } else if !different.contains(token.as_str()) {
                kept = Some(at);
                break;
            }
        }
        tokens.truncate(kept.unwrap_or(tokens.len()));
    }
    tokens
}

/// One for each piece.
fn tokens_of(pieces: &[Piece]) -> Vec<String> {
    let following = pieces.iter().skip(1).map(Some).chain([None]);
    let token = |(piece, next): (&Piece, Option<&Piece>)| match next.filter(|it| it.follows) {
        Some(next) => [piece.text.as_str(), &next.text].concat(),
        None => piece.text.clone(),
    };
    pieces.iter().zip(following).map(token).collect()
}

/// What somebody looks for: words that must all be there, each as a word or the beginning of one, and rows of
/// characters, each as it is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Query {
    terms: Vec<Term>,
}

/// One of the things that must be there, in the tokens of a text.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum Term {
    /// A token that begins with this.
    Prefix(String),
    /// These tokens, one right behind the other; at least one.
    Phrase(Vec<String>),
}

impl Query {
    /// Reads what somebody typed. What is neither letter nor digit only separates.
    ///
    /// # Errors
    /// When there is no word in it, or it is over [`MAX_QUERY`] bytes or [`MAX_TERMS`] different words.
    pub fn parse(typed: &str) -> Result<Query, QueryError> {
        if typed.len() > MAX_QUERY {
            return Err(QueryError::TooLong { bytes: typed.len() });
        }
        let mut terms: Vec<Term> = Vec::new();
        for row in pieces(typed).chunk_by(|_, next| next.follows) {
            let pair = |it: &[Piece]| [it[0].text.as_str(), &it[1].text].concat();
            let term = match row {
                [alone] => Term::Prefix(alone.text.clone()),
                _ => Term::Phrase(row.windows(2).map(pair).collect()),
            };
            if !terms.contains(&term) {
                terms.push(term);
            }
        }
        match terms.len() {
            0 => Err(QueryError::Empty),
            1..=MAX_TERMS => Ok(Query { terms }),
            words => Err(QueryError::TooMany { words }),
        }
    }

    /// What an index is asked for: all of them must be there.
    pub fn terms(&self) -> &[Term] {
        &self.terms
    }

    /// Whether `text` has everything that is looked for.
    pub fn matches(&self, text: &str) -> bool {
        let tokens = tokens(text);
        self.terms.iter().all(|term| match term {
            Term::Prefix(word) => tokens.iter().any(|it| it.starts_with(word)),
            Term::Phrase(pairs) => tokens.windows(pairs.len()).any(|it| it == pairs),
        })
    }

    /// Where in `text` there is something that is looked for, as ranges of bytes that ascend and do not touch: whole
    /// words, whichever part of them was asked for, and the characters of a row.
    pub fn marks(&self, text: &str) -> Vec<Range<usize>> {
        let pieces = pieces(text);
        let tokens = tokens_of(&pieces);
        let mut marks: Vec<Range<usize>> = Vec::new();
        for term in &self.terms {
            match term {
                Term::Prefix(word) => {
                    let found = tokens.iter().zip(&pieces).filter(|(it, _)| it.starts_with(word));
                    marks.extend(found.map(|(_, piece)| piece.at.clone()));
                }
                Term::Phrase(pairs) => {
                    let rows = tokens.windows(pairs.len()).zip(pieces.windows(pairs.len() + 1));
                    let found = rows.filter(|(it, _)| it == pairs);
                    marks.extend(found.map(|(_, row)| row[0].at.start..row[pairs.len()].at.end));
                }
            }
        }
        merge(marks)
    }
}

/// Why something cannot be looked for.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum QueryError {
    /// There is no letter, no digit and no emoji in it.
    #[error("there is no word in it; a word is made of letters and digits, and an emoji is one")]
    Empty,
    /// It is too long.
    #[error("it has {bytes} bytes; at most {MAX_QUERY} are allowed")]
    TooLong {
        /// How long it is, in bytes.
        bytes: usize,
    },
    /// It has too many words.
    #[error("it has {words} words; at most {MAX_TERMS} are allowed")]
    TooMany {
        /// How many different ones it has.
        words: usize,
    },
}

/// `text` as words are compared: without case and without the marks that writers leave out.
pub fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    text.chars().for_each(|c| {
        fold(c, |folded| {
            if !(is_combining_mark(folded) && is_left_out(folded)) {
                plain.push(folded);
            }
        });
    });
    plain
}

/// Whether `c` is of a script that is written without spaces between its words.
pub fn has_no_spaces(c: char) -> bool {
    stands_for_itself(c)
}

/// A word, or a character that stands for itself.
#[derive(Debug)]
struct Piece {
    text: String,
    /// Whether it is the next character of a row.
    follows: bool,
    /// Where it is in the text.
    at: Range<usize>,
}

fn pieces(text: &str) -> Vec<Piece> {
    let mut pieces: Vec<Piece> = Vec::new();
    let mut last = Part::Break;
    for (start, c) in text.char_indices() {
        let end = start + c.len_utf8();
        fold(c, |folded| {
            let part = part(folded);
            match (part, pieces.last_mut()) {
                (Part::Nothing, Some(piece)) if last != Part::Break => piece.at.end = end,
                (Part::Letter, Some(piece)) if last == Part::Letter => {
                    piece.text.push(folded);
                    piece.at.end = end;
                }
                (Part::Letter | Part::Unit, _) => {
                    let follows = part == Part::Unit && last == Part::Unit;
                    pieces.push(Piece { text: folded.into(), follows, at: start..end });
                }
                _ => {}
            }
            if part != Part::Nothing {
                last = part;
            }
        });
    }
    pieces
}

/// What a character does to words.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Part {
    /// It is a part of one.
    Letter,
    /// It stands for itself.
    Unit,
    /// It is left out: marks, and what is not seen.
    Nothing,
    /// It stands between them.
    Break,
}

fn fold(c: char, mut out: impl FnMut(char)) {
    if c.is_ascii() {
        return out(c.to_ascii_lowercase());
    }
    decompose_compatible(c, |c| match c {
        'ς' => out('σ'), // one letter, written in two ways
        'ß' | 'ẞ' => "ss".chars().for_each(&mut out),
        'æ' | 'Æ' => "ae".chars().for_each(&mut out),
        'œ' | 'Œ' => "oe".chars().for_each(&mut out),
        c => c.to_lowercase().map(without_stroke).for_each(&mut out),
    });
}

/// A small letter without its stroke, which is no mark of its own; the dotless i is an i, as its capital is.
fn without_stroke(c: char) -> char {
    match c {
        'ⱥ' => 'a',
        'ƀ' => 'b',
        'ȼ' => 'c',
        'đ' => 'd',
        'ɇ' => 'e',
        'ǥ' => 'g',
        'ħ' => 'h',
        'ı' | 'ɨ' => 'i',
        'ɉ' => 'j',
        'ł' | 'ƚ' => 'l',
        'ø' | 'ɵ' => 'o',
        'ɍ' => 'r',
        'ŧ' | 'ⱦ' => 't',
        'ʉ' => 'u',
        'ɏ' => 'y',
        'ƶ' => 'z',
        plain => plain,
    }
}

fn part(c: char) -> Part {
    if c.is_ascii() {
        return if c.is_ascii_alphanumeric() { Part::Letter } else { Part::Break };
    }
    match c {
        // What is not seen but may stand within a word: soft hyphen, joiners, variation selectors.
        '\u{AD}'
        | '\u{200C}'
        | '\u{200D}'
        | '\u{2060}'
        | '\u{FE00}'..='\u{FE0F}'
        | '\u{E0100}'..='\u{E01EF}' => Part::Nothing,
        _ if is_combining_mark(c) && is_left_out(c) => Part::Nothing,
        '\u{1F3FB}'..='\u{1F3FF}' => Part::Nothing, // the colour of an emoji's skin
        _ if c.is_emoji_char() => Part::Unit,
        _ if !c.is_alphanumeric() && !is_combining_mark(c) => Part::Break,
        _ if stands_for_itself(c) => Part::Unit,
        _ => Part::Letter,
    }
}

/// Whether a mark is an accent, a Hebrew or Arabic vowel point or the like. The vowel signs of India and of South East
/// Asia are letters by another name, and so are the voicing marks of kana.
fn is_left_out(mark: char) -> bool {
    mark.general_category() == GeneralCategory::EnclosingMark
        || matches!(canonical_combining_class(mark), 10..=36 | 200..)
}

fn stands_for_itself(c: char) -> bool {
    matches!(c,
        '\u{0E00}'..='\u{0EFF}' // Thai, Lao
        | '\u{1000}'..='\u{109F}' | '\u{A9E0}'..='\u{A9FF}' | '\u{AA60}'..='\u{AA7F}' // Myanmar
        | '\u{1780}'..='\u{17FF}' // Khmer
        | '\u{3005}'..='\u{3007}' | '\u{3021}'..='\u{3029}' | '\u{3038}'..='\u{303B}' // Han
        | '\u{3400}'..='\u{4DBF}' | '\u{4E00}'..='\u{9FFF}' | '\u{F900}'..='\u{FAFF}' | '\u{20000}'..='\u{3FFFF}'
        | '\u{3040}'..='\u{30FF}' | '\u{31F0}'..='\u{31FF}' | '\u{1AFF0}'..='\u{1B16F}' // kana
        | '\u{3100}'..='\u{312F}' | '\u{31A0}'..='\u{31BF}' // Bopomofo
    )
}

fn merge(mut marks: Vec<Range<usize>>) -> Vec<Range<usize>> {
    marks.sort_by_key(|it| it.start);
    let mut merged: Vec<Range<usize>> = Vec::with_capacity(marks.len());
    for mark in marks {
        match merged.last_mut() {
            Some(last) if mark.start <= last.end => last.end = last.end.max(mark.end),
            _ => merged.push(mark),
        }
    }
    merged
}

/// The version of these rules. An index that was made by other rules has to be made again.
pub const VERSION: i32 = 1;
/// How many different words of one text, or pairs of neighbouring characters, are found.
pub const MAX_TOKENS: usize = 1024;
/// The longest query in bytes of UTF-8.
pub const MAX_QUERY: usize = 256;
/// How many different words a query has at most.
pub const MAX_TERMS: usize = 16;
