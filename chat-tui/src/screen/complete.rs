//! Completes the word before the cursor with names, rooms and commands; pressing Tab again takes the next candidate.

use chat_front::{command::COMMANDS, is_same};

use super::room::RoomView;
use crate::edit::Way;

/// The candidates, and which of them is in the text.
#[derive(Debug)]
pub(crate) struct Completing {
    /// The byte offset at which the word begins.
    pub(super) start: usize,
    words: Vec<String>,
    at: usize,
}

impl Completing {
    /// The candidates for the last word of `before`; `current` is the index of the current room.
    pub(crate) fn begin(before: &str, rooms: &[RoomView], current: usize) -> Option<Completing> {
        let start = before.rfind(char::is_whitespace).map_or(0, |at| at + space_len(&before[at..]));
        let word = &before[start..];
        let first = before.split_whitespace().next().filter(|_| start > 0);
        let mut words: Vec<String> = match first {
            None if word.starts_with('/') => COMMANDS.map(str::to_owned).into(),
            Some("/join" | "/leave") => rooms.iter().map(|room| room.place.title()).collect(),
            _ if word.is_empty() => return None,
            _ => names(word, rooms, current),
        };
        words.retain(|candidate| starts_with(candidate, word));
        let end = if start == 0 && !word.starts_with('/') { ": " } else { " " };
        words.iter_mut().for_each(|candidate| candidate.push_str(end));
        (!words.is_empty()).then_some(Completing { start, words, at: usize::MAX })
    }

    /// The next or the previous candidate.
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

/// The people of the current room, then those of the other rooms; with an `@` if the word begins with one.
fn names(word: &str, rooms: &[RoomView], current: usize) -> Vec<String> {
    let at = if word.starts_with('@') { "@" } else { "" };
    let here = rooms.get(current).into_iter().flat_map(RoomView::people);
    let elsewhere = rooms.iter().flat_map(RoomView::people);
    let mut names: Vec<String> = Vec::new();
    for name in here.chain(elsewhere) {
        if !names.iter().any(|known| is_same(&known[at.len()..], name)) {
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
