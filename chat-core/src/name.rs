//! Names of people and rooms, parsed once at the door, so that nobody past it checks again.
//!
//! A name is shown as it was written (in NFC) and compared, ordered and hashed without case. What could be taken
//! for another name, or for none, is not a name.

use std::{
    cmp::Ordering,
    fmt,
    hash::{Hash, Hasher},
    sync::Arc,
};

use unicode_normalization::UnicodeNormalization;

use crate::wire::INBOX;

mod rules;
#[cfg(test)]
mod tests;

/// The name of a room: 1 to 64 characters, at most 128 bytes. Cheap to clone.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct RoomName(Name);

impl RoomName {
    /// Reads a name that somebody chose.
    ///
    /// # Errors
    /// The first rule it breaks; the room `@` of direct messages is nobody's to choose.
    pub fn parse(raw: &str) -> Result<RoomName, NameError> {
        Name::parse(raw, MAX_ROOM_CHARACTERS, MAX_ROOM_BYTES).map(RoomName)
    }

    /// The room `@`, in which a session's direct messages are.
    pub fn inbox() -> RoomName {
        RoomName(Name { text: Arc::from(INBOX), folded_at: 0 })
    }

    /// Reads a name that stands in a frame: as [`parse`](RoomName::parse), and `@` is the inbox.
    ///
    /// # Errors
    /// The first rule it breaks.
    pub fn from_wire(raw: &str) -> Result<RoomName, NameError> {
        if raw == INBOX { Ok(RoomName::inbox()) } else { RoomName::parse(raw) }
    }

    /// Whether it is the room of direct messages.
    pub fn is_inbox(&self) -> bool {
        self.as_str() == INBOX
    }

    /// The name as it was written.
    pub fn as_str(&self) -> &str {
        self.0.shown()
    }
}

impl RoomName {
    /// Names whose skeletons are equal look alike, as of [`PersonName::skeleton`].
    pub fn skeleton(&self) -> String {
        rules::skeleton(self.0.folded())
    }
}

impl fmt::Display for RoomName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The name of a person: 1 to 32 characters, at most 64 bytes. Cheap to clone.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct PersonName(Name);

impl PersonName {
    /// Reads a name that somebody chose or that stands in a frame.
    ///
    /// # Errors
    /// The first rule it breaks.
    pub fn parse(raw: &str) -> Result<PersonName, NameError> {
        Name::parse(raw, MAX_PERSON_CHARACTERS, MAX_PERSON_BYTES).map(PersonName)
    }

    /// The name as it was written.
    pub fn as_str(&self) -> &str {
        self.0.shown()
    }

    /// The form by which names are compared: equal for equal names, and only for them.
    pub fn folded(&self) -> &str {
        self.0.folded()
    }

    /// Names whose skeletons are equal look alike (UTS #39); no two of them may be present at once. Equal names have
    /// equal skeletons. It is for comparing and may be longer than the name, but never for showing.
    pub fn skeleton(&self) -> String {
        rules::skeleton(self.0.folded())
    }
}

impl fmt::Display for PersonName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Whether both are spellings of one name, of a person or a room: case makes no difference, nor how accents are written.
pub fn is_same_name(one: &str, other: &str) -> bool {
    one == other || rules::fold(one) == rules::fold(other)
}

/// Why something is not a name. Says so in plain ASCII, whatever the name was.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum NameError {
    /// Its first character may only stand later: `-`, `.`, `+` or a combining mark.
    #[error("{} cannot be its first character", show(*.character))]
    Begins {
        /// The character.
        character: char,
    },
    /// A full width letter, a ligature or the like: another way to write an ordinary character.
    #[error("{} is a variant of an ordinary character; use that instead", show(*.character))]
    Compatibility {
        /// The character.
        character: char,
    },
    /// A control character, such as escape.
    #[error("it has the control character {}", show(*.character))]
    Control {
        /// The character.
        character: char,
    },
    /// There is nothing in it.
    #[error("it is empty")]
    Empty,
    /// Its last character is a full stop.
    #[error("{} cannot be its last character", show(*.character))]
    Ends {
        /// The character.
        character: char,
    },
    /// A character that cannot be seen, or that changes the direction of others.
    #[error("it has the invisible character {}", show(*.character))]
    Invisible {
        /// The character.
        character: char,
    },
    /// More combining marks on one character than any language needs.
    #[error("{} is one combining mark too many on one character", show(*.character))]
    Marks {
        /// The first mark that is too many.
        character: char,
    },
    /// Letters of scripts that are not written together, such as Latin and Cyrillic.
    #[error("{} is of another script than what stands before it", show(*.character))]
    MixedScripts {
        /// The first character of another script.
        character: char,
    },
    /// No letter, number or symbol stands in it.
    #[error("it is nothing but punctuation")]
    OnlyPunctuation,
    /// Punctuation or a mathematical or currency sign.
    #[error(
        "it has {}; of punctuation and mathematical or currency signs only - _ . + # are allowed",
        show(*.character)
    )]
    Punctuation {
        /// The character.
        character: char,
    },
    /// White space, or what looks like it.
    #[error("it has {}, which is white space; a name is one word", show(*.character))]
    Space {
        /// The character.
        character: char,
    },
    /// The character that programs write for bytes that are no text.
    #[error("{} stands for bytes that are no text in UTF-8", show(char::REPLACEMENT_CHARACTER))]
    Replacement,
    /// Too many characters or bytes.
    #[error(
        "it has {characters} characters in {bytes} bytes; at most {max_characters} in {max_bytes} are allowed"
    )]
    TooLong {
        /// How many characters it has.
        characters: usize,
        /// How many bytes of UTF-8 these are.
        bytes: usize,
        /// How many characters are allowed.
        max_characters: usize,
        /// How many bytes are allowed.
        max_bytes: usize,
    },
    /// Private use, or not assigned in the version of Unicode this program knows.
    #[error("{} is not a character of Unicode that is known here", show(*.character))]
    Unassigned {
        /// The character.
        character: char,
    },
}

/// Both spellings in one allocation: the name as shown and, if that differs, its folded form after it.
#[derive(Clone)]
struct Name {
    text: Arc<str>,
    /// Where the folded form begins; 0 if it is all there is.
    folded_at: usize,
}

impl Name {
    fn parse(raw: &str, max_characters: usize, max_bytes: usize) -> Result<Name, NameError> {
        if raw.is_ascii() && raw.len() <= max_characters {
            rules::check_ascii(raw)?;
            let has_capitals = raw.bytes().any(|b| b.is_ascii_uppercase());
            let lower = has_capitals.then(|| raw.to_ascii_lowercase());
            return Ok(Name::new(raw, lower.as_deref().unwrap_or(raw)));
        }
        let too_long = |it: &str| NameError::TooLong {
            characters: it.chars().count(),
            bytes: it.len(),
            max_characters,
            max_bytes,
        };
        if raw.len() > max_bytes * MAX_SHRINK {
            return Err(too_long(raw));
        }
        let shown: String = raw.nfc().collect();
        if shown.len() > max_bytes || shown.chars().count() > max_characters {
            return Err(too_long(&shown));
        }
        rules::check(&shown)?;
        Ok(Name::new(&shown, &rules::fold(&shown)))
    }

    fn new(shown: &str, folded: &str) -> Name {
        if folded == shown {
            return Name { text: Arc::from(shown), folded_at: 0 };
        }
        Name { text: Arc::from([shown, folded].concat()), folded_at: shown.len() }
    }

    fn shown(&self) -> &str {
        if self.folded_at == 0 { &self.text } else { &self.text[..self.folded_at] }
    }

    fn folded(&self) -> &str {
        &self.text[self.folded_at..]
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.shown(), f)
    }
}

impl Eq for Name {}

impl Hash for Name {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.folded().hash(state);
    }
}

impl Ord for Name {
    fn cmp(&self, other: &Name) -> Ordering {
        self.folded().cmp(other.folded())
    }
}

impl PartialEq for Name {
    fn eq(&self, other: &Name) -> bool {
        self.folded() == other.folded()
    }
}

impl PartialOrd for Name {
    fn partial_cmp(&self, other: &Name) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// A character without its effect: by number, and as itself only if it is plain ASCII.
fn show(character: char) -> String {
    let number = format!("U+{:04X}", u32::from(character));
    if character.is_ascii_graphic() { format!("'{character}' ({number})") } else { number }
}

/// NFC makes a string at most this many times shorter in bytes, so what is longer need not be normalised first.
const MAX_SHRINK: usize = 4;

const MAX_PERSON_CHARACTERS: usize = 32;
const MAX_PERSON_BYTES: usize = 64;
const MAX_ROOM_CHARACTERS: usize = 64;
const MAX_ROOM_BYTES: usize = 128;
