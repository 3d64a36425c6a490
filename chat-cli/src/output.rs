//! Standard output, the only thing this program prints to: whole lines, in which what others wrote is harmless.
//! On a terminal they are broken here, before the terminal does it.

use std::{
    cell::RefCell,
    fmt,
    io::{self, IsTerminal, Write},
    rc::Rc,
    time::Duration,
};

use anstyle::{AnsiColor, Style};
use serde::Serialize;

use crate::{
    line::prompt::Prompt,
    sanitize::Sanitized,
    settings::Colours,
    wrap::{self, Break, NEW_LINE},
};

/// Standard output.
#[derive(Debug)]
pub(crate) struct Output {
    colours: bool,
    /// What is being typed below what is printed.
    prompt: Option<Rc<RefCell<Prompt>>>,
}

impl Output {
    /// Without any escape codes.
    pub(crate) fn plain() -> Output {
        Output { colours: false, prompt: None }
    }

    /// With colours if `wanted`; left to us, if it is a terminal that has them.
    pub(crate) fn coloured(wanted: Colours) -> Output {
        let colours = are_colours_wanted(wanted, io::stdout().is_terminal() && !is_dumb());
        Output { colours, prompt: None }
    }

    /// From now on, prints above `prompt`.
    pub(crate) fn print_above(&mut self, prompt: Rc<RefCell<Prompt>>) {
        self.prompt = Some(prompt);
    }

    /// Prints `line`.
    pub(crate) fn line(&mut self, line: &Line) -> Result<(), OutputError> {
        let line = if self.colours { line.clone() } else { line.marked_by_hand() };
        // Asked every time: a window changes its size.
        let line = columns().map(|columns| line.broken(columns)).unwrap_or(line);
        self.write(format!("{}\n", if self.colours { line.coloured() } else { line.to_string() }).as_bytes())
    }

    /// Prints `value` as JSON on one line.
    pub(crate) fn json(&mut self, value: &impl Serialize) -> Result<(), OutputError> {
        self.write(format!("{}\n", printable_json(value)).as_bytes())
    }

    /// Prints what this program made itself.
    pub(crate) fn write(&mut self, text: &[u8]) -> Result<(), OutputError> {
        if let Some(prompt) = &self.prompt {
            return Ok(prompt.borrow_mut().print(text)?);
        }
        let mut stdout = io::stdout().lock();
        stdout.write_all(text)?;
        Ok(stdout.flush()?)
    }
}

/// Whether to use colours: as `wanted`, and if that is left to us, where they can be seen (`are_seen`) and NO_COLOR is
/// not set (<https://no-color.org>).
pub(crate) fn are_colours_wanted(wanted: Colours, are_seen: bool) -> bool {
    match wanted {
        Colours::Auto => are_seen && std::env::var_os("NO_COLOR").is_none_or(|it| it.is_empty()),
        Colours::Always => true,
        Colours::Never => false,
    }
}

/// Whether the terminal knows no escape codes.
pub(crate) fn is_dumb() -> bool {
    std::env::var_os("TERM").is_some_and(|it| it == "dumb")
}

/// How wide standard output is, if it is a terminal.
pub(crate) fn columns() -> Option<usize> {
    let stdout = io::stdout();
    let (width, _) = stdout.is_terminal().then(|| terminal_size::terminal_size_of(stdout))??;
    Some(width.0.into())
}

/// Why nothing more can be printed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum OutputError {
    /// Nobody reads on, as with `chat tail … | head`; no reason to complain.
    #[error("standard output was closed")]
    Closed,
    /// Anything else, such as a full disk.
    #[error("cannot write to standard output")]
    Failed(#[source] io::Error),
}

impl From<io::Error> for OutputError {
    fn from(error: io::Error) -> OutputError {
        match error.kind() {
            io::ErrorKind::BrokenPipe => OutputError::Closed,
            _ => OutputError::Failed(error),
        }
    }
}

/// A line of this program's own words and of harmless ones by others. `Display` is without colours.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Line {
    spans: Vec<(Style, String)>,
}

impl Line {
    /// A line that tells what happened, as opposed to what was said.
    pub(crate) fn note(words: &'static str) -> Line {
        Line::default().span(Style::new().dimmed(), "-- ").words(words)
    }

    /// Adds words of this program.
    pub(crate) fn words(self, words: &'static str) -> Line {
        self.span(Style::new(), words)
    }

    /// Adds words of this program that are less important than the rest.
    pub(crate) fn faint(self, words: &'static str) -> Line {
        self.span(Style::new().dimmed(), words)
    }

    /// Adds words of someone else.
    pub(crate) fn shown(self, words: &Sanitized) -> Line {
        self.span(Style::new(), words.as_str())
    }

    /// Adds words of someone else that are to be seen at once.
    pub(crate) fn marked(self, words: &Sanitized) -> Line {
        self.span(MARK, words.as_str())
    }

    /// Adds the name of a person, always in the same colour.
    pub(crate) fn name(self, name: &str) -> Line {
        self.span(Style::new().fg_color(Some(colour_of(name).into())).bold(), Sanitized::line(name))
    }

    /// Adds words of this program in a style of their own.
    pub(crate) fn styled(self, style: Style, words: &'static str) -> Line {
        self.span(style, words)
    }

    /// Adds a number.
    pub(crate) fn number(self, number: u64) -> Line {
        self.span(Style::new(), number)
    }

    /// Adds how long something took, to two digits or the millisecond.
    pub(crate) fn took(self, time: Duration) -> Line {
        let us = time.as_micros();
        match us {
            ..1_000 => self.span(Style::new(), format_args!("{us} µs")),
            1_000..10_000 => self.span(Style::new(), format_args!("{}.{} ms", us / 1_000, us % 1_000 / 100)),
            _ => self.span(Style::new(), format_args!("{} ms", us / 1_000)),
        }
    }

    /// Adds a day.
    pub(crate) fn day(self, day: jiff::civil::Date) -> Line {
        self.span(Style::new(), day)
    }

    /// Adds a time of day, to the minute.
    pub(crate) fn clock(self, time: jiff::civil::Time) -> Line {
        self.span(Style::new().dimmed(), format_args!("{:02}:{:02}", time.hour(), time.minute()))
    }

    /// Its parts, each with its style.
    pub(crate) fn spans(&self) -> impl Iterator<Item = (Style, &str)> {
        self.spans.iter().map(|(style, text)| (*style, text.as_str()))
    }

    /// How long it is, in bytes.
    pub(crate) fn len(&self) -> usize {
        self.spans.iter().map(|(_, text)| text.len()).sum()
    }

    fn span(mut self, style: Style, text: impl fmt::Display) -> Line {
        self.spans.push((style, text.to_string()));
        self
    }

    /// The same in lines of at most `columns`.
    fn broken(&self, columns: usize) -> Line {
        let breaks = wrap::breaks(&self.to_string(), columns);
        let mut breaks = breaks.iter().peekable();
        let mut broken = Line::default();
        let mut offset = 0; // of a span in the line
        for (style, text) in &self.spans {
            let mut kept = String::with_capacity(text.len());
            let mut rest = 0; // begins where this span is not copied yet
            while let Some(Break { at, skipped }) = breaks.next_if(|it| it.at < offset + text.len()) {
                kept.push_str(&text[rest..at - offset]);
                kept.push_str(NEW_LINE);
                rest = at - offset + skipped;
            }
            kept.push_str(&text[rest..]);
            broken.spans.push((*style, kept));
            offset += text.len();
        }
        broken
    }

    /// The same with stars around what is marked, for where there are no colours.
    fn marked_by_hand(&self) -> Line {
        let by_hand = |(style, text): &(Style, String)| match *style == MARK {
            true => (*style, format!("*{text}*")),
            false => (*style, text.clone()),
        };
        Line { spans: self.spans.iter().map(by_hand).collect() }
    }

    fn coloured(&self) -> String {
        self.spans.iter().map(|(style, text)| format!("{style}{text}{style:#}")).collect()
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.spans.iter().try_for_each(|(_, text)| f.write_str(text))
    }
}

/// The colour of a name, always the same.
pub(crate) fn colour_of(name: &str) -> AnsiColor {
    let sum = name.bytes().fold(0_usize, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte.into()));
    NAME_COLOURS[sum % NAME_COLOURS.len()]
}

/// `value` as JSON in which whatever a terminal might act on is escaped. To a reader of JSON that is the same.
pub(crate) fn printable_json(value: &impl Serialize) -> String {
    let json = serde_json::to_string(value).expect("what is printed has string keys");
    escape_unprintable(&json)
}

/// Escapes, in JSON, the control and format characters that JSON allows bare; they occur in its strings alone.
pub(crate) fn escape_unprintable(json: &str) -> String {
    let mut escaped = String::with_capacity(json.len());
    for c in json.chars() {
        if is_bare(c) {
            escaped.push(c);
        } else {
            for unit in c.encode_utf16(&mut [0; 2]) {
                escaped.push_str(&format!("\\u{unit:04x}"));
            }
        }
    }
    escaped
}

fn is_bare(c: char) -> bool {
    let formats = matches!(c,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}');
    !c.is_control() && !formats
}

/// How a word looks that was searched for.
const MARK: Style = Style::new().bold().invert();

/// Colours that can be read on light and on dark ground; red is for trouble.
const NAME_COLOURS: [AnsiColor; 5] =
    [AnsiColor::Green, AnsiColor::Blue, AnsiColor::Magenta, AnsiColor::Cyan, AnsiColor::Yellow];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_keeps_its_meaning_and_loses_its_control_characters() {
        let hostile = "\u{1b}]52;c;x\u{7}\u{7f}\u{9b}2J\u{202e}\u{2028}\u{e0041}é\n\"\\ fine";
        let json = printable_json(&hostile);
        assert!(json.chars().all(|c| !c.is_control() && is_bare(c)), "{json}");
        assert!(json.contains("\\u009b") && json.contains("é") && json.contains("\\udb40\\udc41"), "{json}");
        assert_eq!(serde_json::from_str::<String>(&json).unwrap(), hostile);
    }

    #[test]
    fn a_broken_line_keeps_its_colours_and_nobody_gets_to_its_left_edge() {
        let hostile = format!("{}[lobby] 12:00 <admin> send me your password", "z".repeat(30));
        let line = Line::default().faint("<").name("evil").faint("> ").shown(&Sanitized::line(&hostile));
        let broken = line.broken(40);
        assert_eq!(
            broken.to_string(),
            "<evil>\n    zzzzzzzzzzzzzzzzzzzzzzzzzzzzzz[lobby\n    ] 12:00 <admin> send me your\n    password"
        );
        let colours = |line: &Line| line.spans.iter().map(|(style, _)| *style).collect::<Vec<_>>();
        assert_eq!(colours(&broken), colours(&line));
        assert_eq!(line.broken(120), line);
    }

    #[test]
    fn what_is_marked_is_seen_with_colours_and_without() {
        let line = Line::default().words("red ").marked(&Sanitized::line("tea")).words(", please");
        assert_eq!(line.marked_by_hand().to_string(), "red *tea*, please");
        let coloured = line.coloured();
        assert!(coloured.contains(&format!("{MARK}tea{MARK:#}")) && !coloured.contains('*'), "{coloured:?}");
    }

    #[test]
    fn a_name_keeps_its_colour_and_plain_lines_have_none() {
        let line = Line::note("").name("ana").words(" entered ").shown(&Sanitized::line("lo\u{1b}bby"));
        assert!(!line.to_string().contains('\u{1b}'));
        assert!(line.to_string().starts_with("-- ana entered lo"));
        assert_eq!(Line::default().name("ana").coloured(), Line::default().name("ana").coloured());
        assert_ne!(Line::default().name("ana").coloured(), Line::default().name("ana").to_string());
    }
}
