//! The one form in which text from peers reaches a terminal or a log: nothing in it acts, everything in it shows.

use std::fmt::{self, Write};

use chat_core::text::{MAX_MARKS, is_invisible, is_nonspacing_mark};

#[cfg(test)]
mod tests;

/// Text that is safe to print, whoever it is from.
///
/// * Control characters are symbols (`␛` for escape) or numbers (`\u{9b}`); a tab is four spaces.
/// * Invisible characters and those that turn the direction of writing are numbers (`\u{202e}`). Joiners and variation
///   selectors stay where Persian, Hindi or an emoji needs them.
/// * At most four marks stand on one character; the rest is left out.
///
/// What breaks none of this comes out as it went in. It knows nothing of the terminal, so it neither wraps nor cuts:
/// whoever prints a text wider than the screen breaks its lines before the terminal does.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Harmless {
    text: String,
}

impl Harmless {
    /// `text` as one line: a newline is shown as `⏎`.
    pub fn line(text: &str) -> Harmless {
        Harmless::new(text, "⏎")
    }

    /// `text` as the lines it has. All but the first begin with `indent` spaces, and at least one, so that none of
    /// them can pass for a line of its own, such as one that somebody else seems to have said.
    pub fn block(text: &str, indent: usize) -> Harmless {
        Harmless::new(text, &format!("\n{}", " ".repeat(indent.max(1))))
    }

    /// `text` as the lines it has, for where none of them can pass for another, such as a file of HTML.
    pub fn lines(text: &str) -> Harmless {
        Harmless::new(text, "\n")
    }

    /// What is printed.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    fn new(text: &str, newline: &str) -> Harmless {
        let mut shown = Shown { text: String::with_capacity(text.len()), marks: 0, newline };
        let mut rest = text;
        while let Some(c) = rest.chars().next() {
            if let Some(flag) = REGIONAL_FLAGS.iter().find(|flag| rest.starts_with(**flag)) {
                shown.put_base(flag);
                rest = &rest[flag.len()..];
            } else {
                rest = &rest[c.len_utf8()..];
                shown.put(c, rest.chars().next());
            }
        }
        Harmless { text: shown.text }
    }
}

impl fmt::Display for Harmless {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

/// What of a text is written so far.
struct Shown<'a> {
    text: String,
    /// How many nonspacing marks stand on the last character.
    marks: usize,
    newline: &'a str,
}

impl Shown<'_> {
    /// Writes `c`, which `next` follows.
    fn put(&mut self, c: char, next: Option<char>) {
        match c {
            '\n' => self.put_base(self.newline),
            '\t' => self.put_base(TAB),
            '\u{7f}' => self.put_base("\u{2421}"),
            '\0'..' ' => {
                let symbol =
                    char::from_u32(0x2400 + u32::from(c)).expect("U+2400 to U+241F are their symbols");
                self.put_base(symbol.encode_utf8(&mut [0; 4]));
            }
            _ if c.is_control() => self.put_number(c),
            _ if is_invisible(c) && !self.is_needed(c, next) => self.put_number(c),
            _ if is_invisible(c) => self.text.push(c),
            _ if is_nonspacing_mark(c) => self.put_mark(c),
            _ => self.put_base(c.encode_utf8(&mut [0; 4])),
        }
    }

    fn put_base(&mut self, base: &str) {
        self.text.push_str(base);
        self.marks = 0;
    }

    fn put_number(&mut self, c: char) {
        write!(self.text, "\\u{{{:x}}}", u32::from(c)).expect("a String takes everything");
        self.marks = 0;
    }

    fn put_mark(&mut self, mark: char) {
        if self.text.is_empty() {
            self.put_base("\u{25CC}"); // else it would stand on what is printed before this text
        }
        if self.marks < MAX_MARKS {
            self.text.push(mark);
            self.marks += 1;
        }
    }

    /// Whether invisible `c` is how its neighbours are spelled: a joiner between letters or emoji, or a variation
    /// selector after a character that may have variants.
    fn is_needed(&self, c: char, next: Option<char>) -> bool {
        let (Some(last), next) = (self.text.chars().next_back(), next.unwrap_or(' ')) else {
            return false;
        };
        let follows_visible = !last.is_ascii() && !is_invisible(last);
        if is_variation_selector(c) {
            let is_keycap = c == '\u{FE0F}' && next == '\u{20E3}' && matches!(last, '0'..='9' | '#' | '*');
            return follows_visible || is_keycap;
        }
        let next_is_left_out = is_nonspacing_mark(next) && self.marks == MAX_MARKS;
        let next_is_visible =
            !next.is_ascii() && !next.is_control() && !is_invisible(next) && !next_is_left_out;
        matches!(c, '\u{200C}' | '\u{200D}')
            && next_is_visible
            && (follows_visible || is_variation_selector(last))
    }
}

fn is_variation_selector(c: char) -> bool {
    matches!(c, '\u{FE00}'..='\u{FE0F}' | '\u{E0100}'..='\u{E01EF}' | '\u{180B}'..='\u{180D}' | '\u{180F}')
}

const TAB: &str = "    ";

/// The flags of England, Scotland and Wales, the only ones spelled with (invisible) tags.
const REGIONAL_FLAGS: [&str; 3] = [
    "\u{1F3F4}\u{E0067}\u{E0062}\u{E0065}\u{E006E}\u{E0067}\u{E007F}",
    "\u{1F3F4}\u{E0067}\u{E0062}\u{E0073}\u{E0063}\u{E0074}\u{E007F}",
    "\u{1F3F4}\u{E0067}\u{E0062}\u{E0077}\u{E006C}\u{E0073}\u{E007F}",
];
