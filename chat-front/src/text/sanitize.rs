//! Sanitizes text from peers for terminals and logs: control and invisible characters are shown, never executed.

use std::fmt::{self, Write};

use chat_core::text::{MAX_MARKS, is_invisible, is_nonspacing_mark};

#[cfg(test)]
mod tests;

/// Text that is safe to print, whatever a peer put into it.
///
/// * Control characters are shown as symbols (`␛` for escape) or as numbers (`\u{9b}`); a tab becomes four spaces.
/// * Invisible characters and characters that change the direction of writing are shown as numbers (`\u{202e}`).
///   Joiners and variation selectors stay where Persian, Hindi or an emoji needs them.
/// * At most four combining marks stay on one character; further marks are dropped.
///
/// All other text is unchanged. Sanitizing knows nothing about the terminal, so it neither wraps nor truncates: code that
/// prints text wider than the screen has to break the lines before the terminal does.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Sanitized {
    text: String,
}

impl Sanitized {
    /// `text` as one line: a newline is shown as `⏎`.
    pub fn line(text: &str) -> Sanitized {
        Sanitized::new(text, "⏎")
    }

    /// `text` with its line breaks. Every line but the first is indented by `indent` spaces (at least one), so no line
    /// of a message can look like a message of another person.
    pub fn block(text: &str, indent: usize) -> Sanitized {
        Sanitized::new(text, &format!("\n{}", " ".repeat(indent.max(1))))
    }

    /// `text` with its line breaks, not indented: for formats such as HTML, in which a line cannot look like another
    /// message.
    pub fn lines(text: &str) -> Sanitized {
        Sanitized::new(text, "\n")
    }

    /// The sanitized text.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    fn new(text: &str, newline: &str) -> Sanitized {
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
        Sanitized { text: shown.text }
    }
}

impl fmt::Display for Sanitized {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

/// The sanitized beginning of a text.
struct Shown<'a> {
    text: String,
    /// The number of nonspacing marks on the last character.
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
            self.put_base("\u{25CC}"); // otherwise the mark would combine with text printed before this one
        }
        if self.marks < MAX_MARKS {
            self.text.push(mark);
            self.marks += 1;
        }
    }

    /// Whether the invisible character `c` is part of correct spelling: a joiner between letters or emoji, or a
    /// variation selector after a character that may have variants.
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
