//! Completes the word before the cursor with names, rooms and commands; pressing Tab again takes the next candidate.

use chat_core::{mention, words::plain};
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
    /// The candidates for the end of `before`, from as far before that as there are any; `current` is the index of the
    /// current room.
    pub(crate) fn begin(before: &str, rooms: &[RoomView], current: usize) -> Option<Completing> {
        // Behind a space there are rooms to choose from, though nothing of them is typed.
        let behind = before.ends_with(char::is_whitespace).then_some(before.len());
        mention::begins(before).chain(behind).find_map(|start| {
            let words = candidates(before, start, rooms, current);
            (!words.is_empty()).then_some(Completing { start, words, at: usize::MAX })
        })
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

/// The candidates for what `before` has from `start` on, each with what follows it.
fn candidates(before: &str, start: usize, rooms: &[RoomView], current: usize) -> Vec<String> {
    let (earlier, word) = before.split_at(start);
    let first = earlier.split_whitespace().next();
    let mut words: Vec<String> = match first {
        None if word.starts_with('/') => COMMANDS.map(str::to_owned).into(),
        Some("/join" | "/leave") => rooms.iter().map(|room| room.place.title()).collect(),
        Some("/") => return Vec::new(), // within the name of a command
        _ if word.is_empty() => return Vec::new(),
        _ => names(word, rooms, current),
    };
    words.retain(|candidate| plain(candidate).starts_with(&plain(word)));
    // Those with the same accents come first.
    let typed = word.to_lowercase();
    words.sort_by_key(|candidate| !candidate.to_lowercase().starts_with(&typed));
    let end = if start == 0 && !word.starts_with('/') { ": " } else { " " };
    words.iter_mut().for_each(|candidate| candidate.push_str(end));
    words
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
