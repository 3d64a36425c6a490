//! Key bindings: translates terminal key events into editing and navigation keys.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

/// The meaning of a key.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Key {
    /// Insert this character.
    Char(char),
    /// Send the line, or take the chosen line of a list.
    Enter,
    /// Insert a line break.
    NewLine,
    /// Complete the word, forwards or backwards through the candidates.
    Complete(Way),
    /// Move the cursor.
    Move(Move),
    /// Delete as far as the cursor would move.
    Delete(Move),
    /// Go up or down a line: in the text, in the history of lines, or in a list.
    Line(Way),
    /// Scroll by a page.
    Page(Way),
    /// Scroll by a few lines.
    Wheel(Way),
    /// Go to the oldest or the newest message.
    End(Way),
    /// Go to the next or the previous room.
    NextRoom(Way),
    /// Go to the room with this index.
    Room(usize),
    Search,
    Help,
    /// Send the first failed message again.
    SendAgain,
    /// Forget the first failed message.
    Drop,
    Escape,
    /// Discard the line, or leave if it is empty.
    Cancel,
    /// Delete the next character, or leave if the line is empty.
    EndOfInput,
    /// Redraw the whole screen.
    Redraw,
}

/// A direction; down also means forwards, later and next.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Way {
    Up,
    Down,
}

/// How far the cursor moves.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Move {
    Left,
    Right,
    WordLeft,
    WordRight,
    LineStart,
    LineEnd,
}

/// The meaning of `event`, if it has one.
pub(crate) fn meaning(event: KeyEvent) -> Option<Key> {
    use Way::{Down, Up};
    let with = |modifier| event.modifiers.contains(modifier);
    let (ctrl, alt) = (with(KeyModifiers::CONTROL), with(KeyModifiers::ALT));
    Some(match event.code {
        KeyCode::Char(c) if ctrl && !alt => return with_control(c),
        KeyCode::Char(c @ '1'..='9') if alt => Key::Room(c as usize - '1' as usize),
        KeyCode::Char('b') if alt => Key::Move(Move::WordLeft),
        KeyCode::Char('f') if alt => Key::Move(Move::WordRight),
        KeyCode::Char('d') if alt => Key::Delete(Move::WordRight),
        KeyCode::Char(_) if alt && !ctrl => return None,
        KeyCode::Char(c) => Key::Char(c),
        KeyCode::Enter if alt || with(KeyModifiers::SHIFT) => Key::NewLine,
        KeyCode::Enter => Key::Enter,
        KeyCode::Tab => Key::Complete(Down),
        KeyCode::BackTab => Key::Complete(Up),
        KeyCode::Backspace if ctrl || alt => Key::Delete(Move::WordLeft),
        KeyCode::Backspace => Key::Delete(Move::Left),
        KeyCode::Delete if ctrl || alt => Key::Delete(Move::WordRight),
        KeyCode::Delete => Key::Delete(Move::Right),
        KeyCode::Left if ctrl || alt => Key::Move(Move::WordLeft),
        KeyCode::Left => Key::Move(Move::Left),
        KeyCode::Right if ctrl || alt => Key::Move(Move::WordRight),
        KeyCode::Right => Key::Move(Move::Right),
        KeyCode::Home if ctrl => Key::End(Up),
        KeyCode::End if ctrl => Key::End(Down),
        KeyCode::Home => Key::Move(Move::LineStart),
        KeyCode::End => Key::Move(Move::LineEnd),
        KeyCode::Up if alt => Key::NextRoom(Up),
        KeyCode::Down if alt => Key::NextRoom(Down),
        KeyCode::Up => Key::Line(Up),
        KeyCode::Down => Key::Line(Down),
        KeyCode::PageUp => Key::Page(Up),
        KeyCode::PageDown => Key::Page(Down),
        KeyCode::F(1) => Key::Help,
        KeyCode::Esc => Key::Escape,
        _ => return None,
    })
}

fn with_control(c: char) -> Option<Key> {
    Some(match c.to_ascii_lowercase() {
        'a' => Key::Move(Move::LineStart),
        'b' => Key::Move(Move::Left),
        'c' => Key::Cancel,
        'd' => Key::EndOfInput,
        'e' => Key::Move(Move::LineEnd),
        'f' => Key::Search,
        'h' => Key::Delete(Move::Left), // Backspace on some terminals
        'j' => Key::NewLine,
        'k' => Key::Delete(Move::LineEnd),
        'l' => Key::Redraw,
        'n' => Key::NextRoom(Way::Down),
        'p' => Key::NextRoom(Way::Up),
        'r' => Key::SendAgain,
        'u' => Key::Delete(Move::LineStart),
        'w' => Key::Delete(Move::WordLeft),
        'x' => Key::Drop,
        _ => return None,
    })
}

/// The help for the keys.
pub(crate) const HELP: [&str; 15] = [
    "Enter                      send what is written",
    "Alt-Enter, Ctrl-J          a new line in it",
    "Tab, Shift-Tab             complete a name, a room or a command; again for the next",
    "Up, Down                   what was written before",
    "PageUp, PageDown, wheel    older and newer messages; Ctrl-Home, Ctrl-End to the ends",
    "Alt-1 to Alt-9             a room by its number",
    "Ctrl-N, Ctrl-P, Alt-Down, Alt-Up   the next room, the one before",
    "Ctrl-F                     search what was said",
    "Ctrl-R                     send again what was not sent; Ctrl-X forgets it",
    "Ctrl-A, E, B, W, K, U      to the start, the end, back; delete a word, to the end, to the start",
    "Ctrl-C                     give up the line; without one: leave. Ctrl-D leaves too",
    "Ctrl-L                     draw everything anew",
    "Ctrl-Z                     back to the shell; fg goes on here",
    "F1, ? on an empty line     this list; ?? writes a question mark",
    "Shift with the mouse       select text, as most terminals have it",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_mean_what_they_mean_elsewhere() {
        let (none, ctrl, alt) = (KeyModifiers::NONE, KeyModifiers::CONTROL, KeyModifiers::ALT);
        for (code, modifiers, key) in [
            (KeyCode::Char('x'), none, Some(Key::Char('x'))),
            (KeyCode::Char('X'), KeyModifiers::SHIFT, Some(Key::Char('X'))),
            (KeyCode::Char('@'), ctrl | alt, Some(Key::Char('@'))), // AltGr
            (KeyCode::Char('a'), ctrl, Some(Key::Move(Move::LineStart))),
            (KeyCode::Char('3'), alt, Some(Key::Room(2))),
            (KeyCode::Char('z'), alt, None),
            (KeyCode::Enter, none, Some(Key::Enter)),
            (KeyCode::Enter, alt, Some(Key::NewLine)),
            (KeyCode::Char('j'), ctrl, Some(Key::NewLine)),
            (KeyCode::Up, alt, Some(Key::NextRoom(Way::Up))),
            (KeyCode::End, ctrl, Some(Key::End(Way::Down))),
        ] {
            assert_eq!(meaning(KeyEvent::new(code, modifiers)), key, "{code:?} {modifiers:?}");
        }
    }
}
