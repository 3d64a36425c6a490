//! A status line on standard error that is updated in place. It is shown on terminals only.

use std::io::{self, IsTerminal, Write};

use terminal_size::{Width, terminal_size_of};

use crate::output::is_dumb;

/// The status line of a terminal.
pub(crate) struct StatusLine;

impl StatusLine {
    /// `None` where standard error is no terminal, or a terminal without cursor control.
    pub(crate) fn new() -> Option<StatusLine> {
        (io::stderr().is_terminal() && !is_dumb()).then_some(StatusLine)
    }

    /// Replaces the status line with `text`, truncated to the width of the terminal.
    pub(crate) fn show(&self, text: &str) {
        let columns = terminal_size_of(io::stderr()).map_or(80, |(Width(columns), _)| usize::from(columns));
        let text: String = text.chars().take(columns.saturating_sub(1)).collect();
        let _ = write!(io::stderr(), "\r{text}{CLEAR}"); // a status line that cannot be written is no error
        let _ = io::stderr().flush();
    }

    /// Clears the status line.
    pub(crate) fn clear(&self) {
        self.show("");
    }
}

/// Clears the rest of the line.
const CLEAR: &str = "\x1b[K";
