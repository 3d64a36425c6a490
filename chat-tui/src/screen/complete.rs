//! Completing the word before the cursor: names, rooms and commands, one after the other each time it is asked for.

use chat_front::{command::COMMANDS, is_same};

use super::room::Room;
use crate::edit::Way;

/// The words that fit, and which of them stands in the text.
#[derive(Debug)]
pub(crate) struct Completing {
    /// Where the word begins, in bytes, and what was written of it.
    pub(super) start: usize,
    words: Vec<String>,
    at: usize,
}

impl Completing {
    /// What fits the word that ends `before`, among `rooms` of which `current` is looked at.
    pub(crate) fn begin(before: &str, rooms: &[Room], current: usize) -> Option<Completing> {
        let start = before.rfind(char::is_whitespace).map_or(0, |at| at + space_len(&before[at..]));
        let word = &before[start..];
        let first = before.split_whitespace().next().filter(|_| start > 0);
        let mut words: Vec<String> = match first {
            None if word.starts_with('/') => COMMANDS.map(str::to_owned).into(),
            Some("/join" | "/leave") => rooms.iter().map(|it| it.place.title()).collect(),
            _ if word.is_empty() => return None,
            _ => names(word, rooms, current),
        };
        words.retain(|it| starts_with(it, word));
        let end = if start == 0 && !word.starts_with('/') { ": " } else { " " };
        words.iter_mut().for_each(|it| it.push_str(end));
        (!words.is_empty()).then_some(Completing { start, words, at: usize::MAX })
    }

    /// The next word that fits, or the one before.
    pub(crate) fn next(&mut self, way: Way) -> &str {
        let many = self.words.len();
        self.at = match (self.at, way) {
            (usize::MAX, Way::Down) => 0,
            (usize::MAX, Way::Up) => many - 1,
            (at, Way::Down) => (at + 1) % many,
            (at, Way::Up) => (at + many - 1) % many,
        };
        &self.words[self.at]
    }
}

/// Who is here and who is spoken with, also with an @ before the name.
fn names(word: &str, rooms: &[Room], current: usize) -> Vec<String> {
    let at = if word.starts_with('@') { "@" } else { "" };
    let here = rooms.get(current).into_iter().flat_map(Room::people);
    let elsewhere = rooms.iter().flat_map(Room::people);
    let mut names: Vec<String> = Vec::new();
    for name in here.chain(elsewhere) {
        if !names.iter().any(|it| is_same(&it[at.len()..], name)) {
            names.push(format!("{at}{name}"));
        }
    }
    names
}

fn starts_with(whole: &str, beginning: &str) -> bool {
    whole.to_lowercase().starts_with(&beginning.to_lowercase())
}

fn space_len(text: &str) -> usize {
    text.chars().next().map_or(0, char::len_utf8)
}
