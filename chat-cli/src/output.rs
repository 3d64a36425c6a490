//! Standard output: whole lines of sanitized text, or JSON. On a terminal long lines are broken here, before the terminal
//! wraps them.

use std::{
    fmt,
    io::{self, IsTerminal, Write},
};

use chat_front::text::Line;
use chat_tui::prompt::Printer;
use serde::Serialize;

use crate::settings::Colours;

/// Standard output.
pub(crate) struct Output {
    colours: bool,
    /// Prints above the line that is being typed, if one is.
    printer: Option<Printer>,
}

impl fmt::Debug for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Output").field("colours", &self.colours).finish_non_exhaustive()
    }
}

impl Output {
    /// Without any escape codes.
    pub(crate) fn plain() -> Output {
        Output { colours: false, printer: None }
    }

    /// With colours if `wanted`; left to us, if it is a terminal that has them.
    pub(crate) fn coloured(wanted: Colours) -> Output {
        let colours = are_colours_wanted(wanted, io::stdout().is_terminal() && !is_dumb());
        Output { colours, printer: None }
    }

    /// From now on, prints by `printer`.
    pub(crate) fn print_by(&mut self, printer: Printer) {
        self.printer = Some(printer);
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
        if let Some(printer) = &mut self.printer {
            return Ok(printer(text)?);
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
        Colours::Auto => are_seen && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()),
        Colours::Always => true,
        Colours::Never => false,
    }
}

/// Whether the terminal knows no escape codes.
pub(crate) fn is_dumb() -> bool {
    std::env::var_os("TERM").is_some_and(|term| term == "dumb")
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
    /// The reader closed the pipe, as in `chat tail … | head`; this is no failure.
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
}
