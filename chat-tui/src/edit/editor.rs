//! The line editor: a text with a cursor between two grapheme clusters.

use unicode_segmentation::UnicodeSegmentation;

use super::keys::{Move, Way};

/// A text and a cursor in it, always between two grapheme clusters.
#[derive(Clone, Debug, Default)]
pub(crate) struct Editor {
    text: String,
    cursor: usize,
}

impl Editor {
    pub(crate) fn with(text: &str) -> Editor {
        Editor { text: text.to_owned(), cursor: text.len() }
    }

    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// The byte offset of the cursor.
    pub(crate) fn cursor(&self) -> usize {
        self.cursor
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// Inserts `what` at the cursor. Returns false, and inserts nothing, if the text would be longer than [`MAX_BYTES`].
    pub(crate) fn insert(&mut self, what: &str) -> bool {
        if self.text.len() + what.len() > MAX_BYTES {
            return false;
        }
        self.text.insert_str(self.cursor, what);
        self.cursor += what.len();
        self.settle();
        true
    }

    /// Replaces the bytes from `start` to the cursor by `what`.
    pub(crate) fn replace_from(&mut self, start: usize, what: &str) {
        self.text.replace_range(start..self.cursor, what);
        self.cursor = start + what.len();
        self.settle();
    }

    /// Takes the text away.
    pub(crate) fn take(&mut self) -> String {
        self.cursor = 0;
        std::mem::take(&mut self.text)
    }

    pub(crate) fn move_cursor(&mut self, to: Move) {
        self.cursor = self.target(to);
    }

    /// Deletes the text between the cursor and the place it would move to.
    pub(crate) fn delete(&mut self, to: Move) {
        let target = self.target(to);
        let (from, to) = (self.cursor.min(target), self.cursor.max(target));
        self.text.replace_range(from..to, "");
        self.cursor = from;
        self.settle();
    }

    /// Moves the cursor a line up or down. Returns false if the text has no line there.
    pub(crate) fn move_line(&mut self, way: Way) -> bool {
        let start = self.line_start(self.cursor);
        let column = self.text[start..self.cursor].graphemes(true).count();
        let line = match way {
            Way::Up if start == 0 => return false,
            Way::Up => self.line_start(start - 1),
            Way::Down => match self.text[self.cursor..].find('\n') {
                None => return false,
                Some(at) => self.cursor + at + 1,
            },
        };
        let end = self.line_end(line);
        let mut graphemes = self.text[line..end].grapheme_indices(true);
        self.cursor = graphemes.nth(column).map_or(end, |(at, _)| line + at);
        true
    }

    fn target(&self, to: Move) -> usize {
        let (before, after) = self.text.split_at(self.cursor);
        match to {
            Move::Left => self.cursor - before.graphemes(true).next_back().map_or(0, str::len),
            Move::Right => self.cursor + after.graphemes(true).next().map_or(0, str::len),
            Move::WordLeft => {
                let mut words = before.split_word_bound_indices();
                words.rfind(|(_, word)| !is_blank(word)).map_or(0, |(at, _)| at)
            }
            Move::WordRight => {
                let mut words = after.split_word_bound_indices();
                let word = words.find(|(_, word)| !is_blank(word));
                self.cursor + word.map_or(after.len(), |(at, word)| at + word.len())
            }
            Move::LineStart => self.line_start(self.cursor),
            Move::LineEnd => self.line_end(self.cursor),
        }
    }

    fn line_start(&self, at: usize) -> usize {
        self.text[..at].rfind('\n').map_or(0, |newline| newline + 1)
    }

    fn line_end(&self, at: usize) -> usize {
        self.text[at..].find('\n').map_or(self.text.len(), |newline| at + newline)
    }

    /// Moves the cursor to the next cluster boundary: an insertion may have joined the text that follows it.
    fn settle(&mut self) {
        let bounds = self.text.grapheme_indices(true).map(|(at, _)| at);
        self.cursor = bounds.chain([self.text.len()]).find(|at| *at >= self.cursor).unwrap_or_default();
    }
}

fn is_blank(word: &str) -> bool {
    word.chars().all(char::is_whitespace)
}

/// The history of entered lines.
#[derive(Debug, Default)]
pub(crate) struct Written {
    lines: Vec<String>,
    /// The index of the line shown, and the draft that it replaced.
    shown: Option<(usize, String)>,
}

impl Written {
    /// Adds `line`; the newest [`KEPT`] lines are kept.
    pub(crate) fn keep(&mut self, line: &str) {
        self.shown = None;
        if self.lines.last().is_some_and(|last| last == line) {
            return;
        }
        if self.lines.len() == KEPT {
            self.lines.remove(0);
        }
        self.lines.push(line.to_owned());
    }

    /// The line before or after the one shown; none at the ends.
    pub(crate) fn walk(&mut self, way: Way, now_written: &str) -> Option<String> {
        let at = match (way, &self.shown) {
            (Way::Up, None) => self.lines.len().checked_sub(1)?,
            (Way::Up, Some((at, _))) => at.checked_sub(1)?,
            (Way::Down, None) => return None,
            (Way::Down, Some((at, _))) => at + 1,
        };
        let draft = self.shown.take().map_or_else(|| now_written.to_owned(), |(_, draft)| draft);
        let Some(line) = self.lines.get(at).cloned() else { return Some(draft) };
        self.shown = Some((at, draft));
        Some(line)
    }
}

/// The longest text in bytes: far more than can be sent, so that a pasted text can be shortened.
const MAX_BYTES: usize = 64 << 10;

/// How many lines are remembered.
const KEPT: usize = 200;

#[cfg(test)]
mod tests {
    use super::*;

    fn edited(text: &str, moves: &[Move], insert: &str) -> String {
        let mut editor = Editor::with(text);
        moves.iter().for_each(|to| editor.move_cursor(*to));
        editor.insert(insert);
        editor.text
    }

    #[test]
    fn the_cursor_stands_between_what_readers_take_for_characters() {
        assert_eq!(edited("ab", &[Move::Left], "x"), "axb");
        assert_eq!(edited("a👩\u{200d}👧", &[Move::Left], "x"), "ax👩\u{200d}👧");
        assert_eq!(edited("e\u{301}", &[Move::Left, Move::Left], "x"), "xe\u{301}");
        assert_eq!(edited("中文", &[Move::Left], "x"), "中x文");
        assert_eq!(edited("one two", &[Move::WordLeft], "x"), "one xtwo");
        assert_eq!(edited("one two ", &[Move::WordLeft, Move::WordLeft, Move::WordRight], "x"), "onex two ");
        assert_eq!(edited("one\ntwo", &[Move::LineStart], "x"), "one\nxtwo");
        let mut editor = Editor::with("👧");
        editor.move_cursor(Move::Left);
        editor.insert("👩\u{200d}"); // joins what follows
        assert_eq!(editor.cursor, editor.text.len());
    }

    #[test]
    fn deleting_goes_as_far_as_moving() {
        for (text, delete, left) in [
            ("one two", Move::WordLeft, "one "),
            ("one two", Move::LineStart, ""),
            ("one\ntwo", Move::LineStart, "one\n"),
            ("ae\u{301}", Move::Left, "a"),
            ("", Move::Left, ""),
            ("x", Move::Right, "x"),
        ] {
            let mut editor = Editor::with(text);
            editor.delete(delete);
            assert_eq!(editor.text, left, "{text:?} {delete:?}");
        }
    }

    #[test]
    fn lines_are_walked_by_column() {
        let mut editor = Editor::with("one\n中文中文\nx");
        assert!(editor.move_line(Way::Up) && editor.move_line(Way::Up) && !editor.move_line(Way::Up));
        editor.insert("|");
        assert_eq!(editor.text, "o|ne\n中文中文\nx");
        editor.move_cursor(Move::LineEnd);
        assert!(editor.move_line(Way::Down));
        editor.insert("|");
        assert_eq!(editor.text, "o|ne\n中文中文|\nx");
    }

    #[test]
    fn what_was_written_comes_back_and_the_draft_after_it() {
        let mut written = Written::default();
        assert_eq!(written.walk(Way::Up, "draft"), None);
        written.keep("one");
        written.keep("two");
        written.keep("two");
        assert_eq!(written.walk(Way::Up, "draft").as_deref(), Some("two"));
        assert_eq!(written.walk(Way::Up, "two").as_deref(), Some("one"));
        assert_eq!(written.walk(Way::Up, "one"), None);
        assert_eq!(written.walk(Way::Down, "one").as_deref(), Some("two"));
        assert_eq!(written.walk(Way::Down, "two").as_deref(), Some("draft"));
        assert_eq!(written.walk(Way::Down, "draft"), None);
    }

    #[test]
    fn it_does_not_grow_without_end() {
        let mut editor = Editor::default();
        assert!(editor.insert(&"x".repeat(MAX_BYTES)));
        assert!(!editor.insert("y"));
        assert_eq!(editor.text.len(), MAX_BYTES);
    }
}
