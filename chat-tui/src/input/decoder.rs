//! Decodes the bytes of a terminal into keys, pasted text, clicks and changes of focus. It does no I/O and has no clock.

use std::time::Duration;

use crossterm::event::{Event, KeyCode, KeyEvent, KeyModifiers, MouseButton, MouseEvent, MouseEventKind};

#[cfg(test)]
mod tests;

/// The bytes that wait for the rest of their sequence, and the paste that has begun.
#[derive(Debug, Default)]
pub(super) struct Decoder {
    bytes: Vec<u8>,
    /// What was pasted so far, between the two marks of a bracketed paste.
    pasted: Option<Vec<u8>>,
}

/// What the first bytes mean.
enum Decoded {
    /// This event, in this many bytes.
    Event(Event, usize),
    /// Nothing that this program knows, in this many bytes.
    Unknown(usize),
    /// The begin of a paste.
    Paste,
    /// More bytes decide.
    Incomplete,
}

impl Decoder {
    /// Takes `bytes`, which arrived together. Returns what they and those before them mean.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Vec<Event> {
        // Ctrl-C by itself ends a paste whose end was lost.
        if bytes == [CTRL_C] && self.pasted.is_some() {
            return self.on_silence();
        }
        self.bytes.extend_from_slice(bytes);
        let mut events = Vec::new();
        loop {
            if self.pasted.is_some() {
                match self.take_pasted() {
                    Some(event) => events.push(event),
                    None => return events,
                }
            }
            match first(&self.bytes) {
                Decoded::Event(event, used) => {
                    self.bytes.drain(..used);
                    events.push(event);
                }
                Decoded::Unknown(used) => drop(self.bytes.drain(..used)),
                Decoded::Paste => {
                    self.bytes.drain(..PASTE_BEGINS.len());
                    self.pasted = Some(Vec::new());
                }
                Decoded::Incomplete => return events,
            }
        }
    }

    /// How long to wait for more bytes before [`Decoder::on_silence`] is called; `None` if nothing is incomplete.
    pub(super) fn patience(&self) -> Option<Duration> {
        match (&self.pasted, self.bytes.is_empty()) {
            (Some(_), _) => Some(PASTE_PAUSES),
            (None, false) => Some(SEQUENCE_PAUSES),
            (None, true) => None,
        }
    }

    /// No byte came for [`Decoder::patience`]: what is incomplete stays so. A paste ends, and an ESC was the key Escape.
    pub(super) fn on_silence(&mut self) -> Vec<Event> {
        let rest = std::mem::take(&mut self.bytes);
        match self.pasted.take() {
            Some(mut pasted) => {
                keep(&mut pasted, &rest);
                vec![paste(&pasted)]
            }
            None => match rest.first() {
                Some(&ESC) if rest.len() == 1 => vec![Event::Key(KeyCode::Esc.into())],
                Some(0x80..) => vec![Event::Key(KeyCode::Char(char::REPLACEMENT_CHARACTER).into())],
                _ => Vec::new(),
            },
        }
    }

    /// Moves bytes into the paste, up to the mark that ends it. Returns the paste if it is whole.
    fn take_pasted(&mut self) -> Option<Event> {
        let mut pasted = self.pasted.take()?;
        let end = self.bytes.windows(PASTE_ENDS.len()).position(|window| window == PASTE_ENDS);
        if let Some(end) = end {
            keep(&mut pasted, &self.bytes[..end]);
            self.bytes.drain(..end + PASTE_ENDS.len());
            return Some(paste(&pasted));
        }
        // The last bytes may be the begin of the mark.
        let is_begin = |from: &usize| PASTE_ENDS.starts_with(&self.bytes[*from..]);
        let most = self.bytes.len().saturating_sub(PASTE_ENDS.len() - 1);
        let until = (most..self.bytes.len()).find(is_begin).unwrap_or(self.bytes.len());
        keep(&mut pasted, &self.bytes[..until]);
        self.bytes.drain(..until);
        self.pasted = Some(pasted);
        None
    }
}

/// Appends `bytes` to a paste, up to [`MAX_PASTE`] in all.
fn keep(pasted: &mut Vec<u8>, bytes: &[u8]) {
    let room = MAX_PASTE.saturating_sub(pasted.len());
    pasted.extend_from_slice(&bytes[..bytes.len().min(room)]);
}

fn paste(pasted: &[u8]) -> Event {
    Event::Paste(String::from_utf8_lossy(pasted).into_owned())
}

/// What the first of `bytes` mean.
fn first(bytes: &[u8]) -> Decoded {
    match bytes {
        [] | [ESC] => Decoded::Incomplete,
        [ESC, ESC, ..] => key(KeyCode::Esc, KeyModifiers::NONE, 1),
        [ESC, b'[', rest @ ..] => control_sequence(rest),
        [ESC, b'O'] => Decoded::Incomplete,
        [ESC, b'O', letter, ..] => match by_letter(*letter) {
            Some(code) => key(code, KeyModifiers::NONE, 3),
            None => Decoded::Unknown(3),
        },
        // Alt with a key sends an ESC before it.
        [ESC, rest @ ..] => match first(rest) {
            Decoded::Event(Event::Key(KeyEvent { code, modifiers, .. }), used) => {
                key(code, modifiers | KeyModifiers::ALT, used + 1)
            }
            Decoded::Event(_, used) | Decoded::Unknown(used) => Decoded::Unknown(used + 1),
            other => other,
        },
        [byte, ..] => match byte {
            b'\r' => key(KeyCode::Enter, KeyModifiers::NONE, 1),
            b'\t' => key(KeyCode::Tab, KeyModifiers::NONE, 1),
            0x7f => key(KeyCode::Backspace, KeyModifiers::NONE, 1),
            0 => key(KeyCode::Char(' '), KeyModifiers::CONTROL, 1),
            0x01..=0x1a => key(KeyCode::Char((byte - 1 + b'a').into()), KeyModifiers::CONTROL, 1),
            0x1c..=0x1f => key(KeyCode::Char((byte - 0x1c + b'4').into()), KeyModifiers::CONTROL, 1),
            _ => character(bytes),
        },
    }
}

fn key(code: KeyCode, modifiers: KeyModifiers, used: usize) -> Decoded {
    Decoded::Event(Event::Key(KeyEvent::new(code, modifiers)), used)
}

/// The character in UTF-8 at the begin of `bytes`. A byte that is none is shown as U+FFFD, so that it is not lost in
/// silence.
fn character(bytes: &[u8]) -> Decoded {
    let bytes = &bytes[..bytes.len().min(4)];
    let valid = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) if error.valid_up_to() > 0 => {
            std::str::from_utf8(&bytes[..error.valid_up_to()]).unwrap_or_default()
        }
        Err(error) if error.error_len().is_none() => return Decoded::Incomplete,
        Err(_) => return key(KeyCode::Char(char::REPLACEMENT_CHARACTER), KeyModifiers::NONE, 1),
    };
    let c = valid.chars().next().unwrap_or(char::REPLACEMENT_CHARACTER);
    let shift = if c.is_uppercase() { KeyModifiers::SHIFT } else { KeyModifiers::NONE };
    key(KeyCode::Char(c), shift, c.len_utf8())
}

/// The sequence whose begin, `ESC [`, is before `rest`.
fn control_sequence(rest: &[u8]) -> Decoded {
    if let [b'[', letter, ..] = rest {
        // The console of Linux: F1 to F5.
        return match letter {
            b'A'..=b'E' => key(KeyCode::F(1 + letter - b'A'), KeyModifiers::NONE, 4),
            _ => Decoded::Unknown(4),
        };
    }
    let last = rest.iter().position(|byte| !(0x20..=0x3f).contains(byte) && *byte != b'[');
    let Some(last) = last else {
        return if rest.len() > MAX_SEQUENCE {
            Decoded::Unknown(2 + rest.len())
        } else {
            Decoded::Incomplete
        };
    };
    let (parameters, end, used) = (&rest[..last], rest[last], last + 3);
    let text = std::str::from_utf8(parameters).unwrap_or_default();
    let number = |at: usize| -> Option<u16> { text.split(';').nth(at)?.split(':').next()?.parse().ok() };
    match end {
        // What is no part of a sequence ends it, and means itself.
        ..0x40 | 0x7f.. => Decoded::Unknown(used - 1),
        b'M' | b'm' if text.starts_with('<') => click(&text[1..], end == b'M', used),
        b'M' if parameters.is_empty() => match rest.len() >= 4 {
            true => Decoded::Unknown(used + 3), // a click in the oldest form, which is not asked for
            false => Decoded::Incomplete,
        },
        b'I' => Decoded::Event(Event::FocusGained, used),
        b'O' => Decoded::Event(Event::FocusLost, used),
        b'Z' => key(KeyCode::BackTab, KeyModifiers::SHIFT, used),
        _ if is_release(text) => Decoded::Unknown(used),
        b'~' => match number(0) {
            Some(200) => Decoded::Paste,
            Some(27) => by_code(number(2), modifiers(number(1)), used),
            Some(number_of_key) => match by_number(number_of_key) {
                Some(code) => key(code, modifiers(number(1)), used),
                None => Decoded::Unknown(used),
            },
            None => Decoded::Unknown(used),
        },
        b'u' => by_code(number(0), modifiers(number(1)), used),
        letter => match by_letter(letter) {
            Some(code) => key(code, modifiers(number(1)), used),
            None => Decoded::Unknown(used),
        },
    }
}

/// A click or a turn of the wheel, as `button;column;row`.
fn click(parameters: &str, is_down: bool, used: usize) -> Decoded {
    let mut numbers = parameters.split(';').map(|number| number.parse::<u16>().ok());
    let mut next = || numbers.next().flatten();
    let (Some(button), Some(column), Some(row)) = (next(), next(), next()) else {
        return Decoded::Unknown(used);
    };
    let kind = match (button & !MODIFIERS_OF_CLICK, is_down) {
        (0, true) => MouseEventKind::Down(MouseButton::Left),
        (64, true) => MouseEventKind::ScrollUp,
        (65, true) => MouseEventKind::ScrollDown,
        _ => return Decoded::Unknown(used),
    };
    let (column, row) = (column.saturating_sub(1), row.saturating_sub(1));
    Decoded::Event(Event::Mouse(MouseEvent { kind, column, row, modifiers: KeyModifiers::NONE }), used)
}

/// Whether the second parameter says that a key was released.
fn is_release(parameters: &str) -> bool {
    parameters.split(';').nth(1).and_then(|second| second.split(':').nth(1)) == Some("3")
}

fn by_letter(letter: u8) -> Option<KeyCode> {
    Some(match letter {
        b'A' => KeyCode::Up,
        b'B' => KeyCode::Down,
        b'C' => KeyCode::Right,
        b'D' => KeyCode::Left,
        b'F' => KeyCode::End,
        b'H' => KeyCode::Home,
        b'M' => KeyCode::Enter, // of the numeric keypad
        b'P'..=b'S' => KeyCode::F(1 + letter - b'P'),
        _ => return None,
    })
}

fn by_number(number: u16) -> Option<KeyCode> {
    Some(match number {
        1 | 7 => KeyCode::Home,
        2 => KeyCode::Insert,
        3 => KeyCode::Delete,
        4 | 8 => KeyCode::End,
        5 => KeyCode::PageUp,
        6 => KeyCode::PageDown,
        11 => KeyCode::F(1),
        _ => return None,
    })
}

/// The key of a character, as terminals send it that report modifiers of every key.
fn by_code(code: Option<u16>, modifiers: KeyModifiers, used: usize) -> Decoded {
    let code = match code.map(u32::from).and_then(char::from_u32) {
        Some('\r') => KeyCode::Enter,
        Some('\t') if modifiers.contains(KeyModifiers::SHIFT) => KeyCode::BackTab,
        Some('\t') => KeyCode::Tab,
        Some('\u{1b}') => KeyCode::Esc,
        Some('\u{7f}') => KeyCode::Backspace,
        Some(c) if !c.is_control() => KeyCode::Char(c),
        _ => return Decoded::Unknown(used),
    };
    key(code, modifiers, used)
}

/// The modifiers that a parameter stands for: one more than the sum of their bits.
fn modifiers(parameter: Option<u16>) -> KeyModifiers {
    let bits = parameter.unwrap_or(1).saturating_sub(1);
    let all = [(1, KeyModifiers::SHIFT), (2, KeyModifiers::ALT), (4, KeyModifiers::CONTROL)];
    all.into_iter().filter(|(bit, _)| bits & bit != 0).fold(KeyModifiers::NONE, |sum, (_, one)| sum | one)
}

const ESC: u8 = 0x1b;
const CTRL_C: u8 = 3;
const PASTE_BEGINS: &[u8] = b"\x1b[200~";
const PASTE_ENDS: &[u8] = b"\x1b[201~";

/// The bits of a click that stand for Shift, Alt and Ctrl.
const MODIFIERS_OF_CLICK: u16 = 4 | 8 | 16;

/// The longest pause within a paste. After it the end was lost, and keys are keys again.
const PASTE_PAUSES: Duration = Duration::from_millis(1500);

/// The longest pause within the bytes of one key.
const SEQUENCE_PAUSES: Duration = Duration::from_millis(50);

/// The most bytes of a paste that are kept: far more than a message may have.
const MAX_PASTE: usize = 1 << 20;

/// The longest sequence that is waited for.
const MAX_SEQUENCE: usize = 64;
