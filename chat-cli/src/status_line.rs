//! A line on standard error that says what is going on: it changes in place on a terminal, and is not there elsewhere.

use std::io::{self, IsTerminal, Write};

use terminal_size::{Width, terminal_size_of};

use crate::output::is_dumb;

/// The line, if there is a terminal that can show it.
pub(crate) struct StatusLine;

impl StatusLine {
    /// Nothing where standard error is no terminal, or one that cannot change what it shows.
    pub(crate) fn new() -> Option<StatusLine> {
        (io::stderr().is_terminal() && !is_dumb()).then_some(StatusLine)
    }

    /// Shows `text` in place of what was shown, as much of it as fits.
    pub(crate) fn show(&self, text: &str) {
        let columns = terminal_size_of(io::stderr()).map_or(80, |(Width(columns), _)| usize::from(columns));
        let text: String = text.chars().take(columns.saturating_sub(1)).collect();
        let _ = write!(io::stderr(), "\r{text}{CLEAR}"); // nobody is lost who cannot see it
        let _ = io::stderr().flush();
    }

    /// Shows nothing any more.
    pub(crate) fn clear(&self) {
        self.show("");
    }
}

/// Clears the rest of the line.
const CLEAR: &str = "\x1b[K";
