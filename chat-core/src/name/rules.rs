//! Which strings are names, which names are equal, and which look alike.

use unicode_normalization::UnicodeNormalization;
use unicode_properties::{GeneralCategory as Category, UnicodeGeneralCategory};
use unicode_security::mixed_script::AugmentedScriptSet;

use super::NameError;
use crate::text::{MAX_MARKS, is_invisible, is_nonspacing_mark};

/// Checks a name that is in NFC and not too long.
pub(super) fn check(name: &str) -> Result<(), NameError> {
    name.chars().try_for_each(check_character)?;
    check_shape(name)?;
    check_marks(name)?;
    check_scripts(name)
}

/// As [`check`], for ASCII: without the tables of Unicode.
pub(super) fn check_ascii(name: &str) -> Result<(), NameError> {
    name.chars().try_for_each(check_ascii_character)?;
    check_shape(name)
}

/// The form by which names are compared: lower case in NFC. The two small sigmas are one letter.
pub(super) fn fold(name: &str) -> String {
    let lower = name.chars().flat_map(char::to_lowercase);
    lower.map(|c| if c == 'ς' { 'σ' } else { c }).nfc().collect()
}

/// The form in which names that look alike are equal: the skeleton of UTS #39 (section 4) of the folded name. As case
/// is not compared, what looks alike only as capitals counts too: Cyrillic ВОВ and Latin BOB, alan and aIan.
pub(super) fn skeleton(folded: &str) -> String {
    let mut look = String::with_capacity(folded.len());
    folded.nfd().for_each(|c| look.push_str(&look_of(c)));
    look.nfd().collect()
}

fn look_of(c: char) -> String {
    let small = prototype(c.encode_utf8(&mut [0; 4]));
    if small.is_ascii() {
        return small;
    }
    let capital = prototype(&c.to_uppercase().to_string());
    if capital.is_ascii() { prototype(&capital) } else { small }
}

/// What `text` looks like, in small letters; an i counts as the l that its capital looks like.
fn prototype(text: &str) -> String {
    let small = unicode_security::skeleton(text).flat_map(char::to_lowercase);
    small.map(|c| if c == 'i' { 'l' } else { c }).collect()
}

fn check_character(c: char) -> Result<(), NameError> {
    if c.is_ascii() {
        return check_ascii_character(c);
    }
    if c.is_whitespace() || BLANK.contains(&c) {
        return Err(NameError::Space { character: c });
    }
    if is_invisible(c) {
        return Err(NameError::Invisible { character: c });
    }
    if c == char::REPLACEMENT_CHARACTER {
        return Err(NameError::Replacement);
    }
    match c.general_category() {
        Category::Control => Err(NameError::Control { character: c }),
        Category::Format => Err(NameError::Invisible { character: c }),
        Category::PrivateUse | Category::Surrogate | Category::Unassigned => {
            Err(NameError::Unassigned { character: c })
        }
        _ if !SPELLING.contains(&c) && !std::iter::once(c).nfkc().eq(std::iter::once(c).nfc()) => {
            Err(NameError::Compatibility { character: c })
        }
        Category::ModifierSymbol if ('\u{1F3FB}'..='\u{1F3FF}').contains(&c) => Ok(()), // skin tones
        Category::ClosePunctuation
        | Category::ConnectorPunctuation
        | Category::CurrencySymbol
        | Category::DashPunctuation
        | Category::EnclosingMark
        | Category::FinalPunctuation
        | Category::InitialPunctuation
        | Category::MathSymbol
        | Category::ModifierSymbol
        | Category::OpenPunctuation
        | Category::OtherPunctuation
            if !IN_WORDS.contains(&c) =>
        {
            Err(NameError::Punctuation { character: c })
        }
        _ => Ok(()),
    }
}

fn check_ascii_character(c: char) -> Result<(), NameError> {
    match c {
        _ if c.is_ascii_alphanumeric() || PUNCTUATION.contains(&c) => Ok(()),
        _ if c.is_ascii_whitespace() => Err(NameError::Space { character: c }),
        _ if c.is_control() => Err(NameError::Control { character: c }),
        _ => Err(NameError::Punctuation { character: c }),
    }
}

/// Where in a name what may stand.
fn check_shape(name: &str) -> Result<(), NameError> {
    let Some(first) = name.chars().next() else {
        return Err(NameError::Empty);
    };
    if matches!(first, '-' | '.' | '+') || is_mark(first) {
        return Err(NameError::Begins { character: first });
    }
    if name.ends_with('.') {
        return Err(NameError::Ends { character: '.' });
    }
    if name.chars().all(|c| PUNCTUATION.contains(&c) || IN_WORDS.contains(&c)) {
        return Err(NameError::OnlyPunctuation);
    }
    Ok(())
}

fn check_marks(name: &str) -> Result<(), NameError> {
    let mut marks = 0;
    // Decomposed, so that the accent of an é counts too.
    for c in name.nfd() {
        marks = if is_nonspacing_mark(c) { marks + 1 } else { 0 };
        if marks > MAX_MARKS {
            return Err(NameError::Marks { character: c });
        }
    }
    Ok(())
}

/// Letters are of one script, where Japanese, Korean and Chinese each count as one and may stand beside Latin: the
/// level "highly restrictive" of UTS #39, section 5.2.
fn check_scripts(name: &str) -> Result<(), NameError> {
    let latin = AugmentedScriptSet::for_char('a');
    let mut all = AugmentedScriptSet::default();
    let mut beside_latin = AugmentedScriptSet::default();
    for c in name.chars() {
        let scripts = AugmentedScriptSet::for_char(c);
        all.intersect_with(scripts);
        let mut shared = latin;
        shared.intersect_with(scripts);
        if shared.is_empty() {
            beside_latin.intersect_with(scripts);
        }
        if all.is_empty() && !(beside_latin.hanb || beside_latin.jpan || beside_latin.kore) {
            return Err(NameError::MixedScripts { character: c });
        }
    }
    Ok(())
}

fn is_mark(c: char) -> bool {
    !c.is_ascii() && (is_nonspacing_mark(c) || unicode_normalization::char::is_combining_mark(c))
}

/// The punctuation of ASCII that is allowed.
const PUNCTUATION: [char; 5] = ['-', '_', '.', '+', '#'];

/// Punctuation that is part of words in Catalan, Hebrew, Tibetan and Japanese.
const IN_WORDS: [char; 5] = ['\u{B7}', '\u{5F3}', '\u{5F4}', '\u{F0B}', '\u{30FB}'];

/// Compatibility characters that are ordinary spelling in Armenian, Thai and Lao.
const SPELLING: [char; 5] = ['\u{587}', '\u{E33}', '\u{EB3}', '\u{EDC}', '\u{EDD}'];

/// What has a place but no ink and is neither white space nor ignorable: the empty Braille cell and a musical
/// notehead.
const BLANK: [char; 2] = ['\u{2800}', '\u{1D159}'];
