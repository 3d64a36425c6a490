//! Takes the terminal over, and restores it also after a panic.

use std::{
    io::{self, BufWriter, Stdout, Write},
    panic,
    sync::{
        Once,
        atomic::{AtomicBool, Ordering},
    },
};

use chat_core::text::is_nonspacing_mark;
use crossterm::{
    cursor::Show,
    event::{DisableBracketedPaste, DisableFocusChange, EnableBracketedPaste, EnableFocusChange},
    execute, queue,
    style::Print,
    terminal::{
        BeginSynchronizedUpdate, EndSynchronizedUpdate, EnterAlternateScreen, LeaveAlternateScreen,
        disable_raw_mode, enable_raw_mode, size,
    },
};
use ratatui::{
    Frame, TerminalOptions, Viewport,
    backend::CrosstermBackend,
    buffer::{Buffer, Cell},
    layout::Rect,
};
use unicode_width::UnicodeWidthStr;

use crate::{flow, input};

type Drawn = ratatui::Terminal<CrosstermBackend<BufWriter<Stdout>>>;

/// The terminal in raw mode with the alternate screen. Dropping it restores the terminal.
#[derive(Debug)]
pub(super) struct Terminal {
    terminal: Drawn,
    viewport: Viewport,
    /// The cells on display whose width terminals disagree about, with what is in them.
    uncertain: Vec<(usize, String)>,
}

impl Terminal {
    /// Takes the terminal over.
    ///
    /// # Errors
    /// When standard output is no terminal.
    pub(super) fn take() -> io::Result<Terminal> {
        static HOOK: Once = Once::new();
        HOOK.call_once(|| {
            let hook = panic::take_hook();
            panic::set_hook(Box::new(move |panic| {
                give_back();
                hook(panic);
            }));
        });
        TAKEN.store(true, Ordering::SeqCst);
        let taken = Terminal::begin();
        if taken.is_err() {
            give_back();
        }
        taken
    }

    fn begin() -> io::Result<Terminal> {
        set_modes()?;
        let viewport = viewport();
        Ok(Terminal { terminal: drawn(viewport.clone())?, viewport, uncertain: Vec::new() })
    }

    /// Gives the terminal back and stops the program. Once it goes on, [`Terminal::retake`] is due.
    ///
    /// # Errors
    /// When the system does not stop the program.
    pub(super) fn suspend(&mut self) -> io::Result<()> {
        give_back();
        input::stop()
    }

    /// Takes the terminal over again, whatever another program has done to it, and makes the next frame a full redraw.
    ///
    /// # Errors
    /// When the terminal is gone.
    pub(super) fn retake(&mut self) -> io::Result<()> {
        give_back();
        TAKEN.store(true, Ordering::SeqCst);
        set_modes()?;
        self.forget()
    }

    /// Shows a frame, atomically where the terminal supports synchronized updates.
    ///
    /// # Errors
    /// When the terminal is gone.
    pub(super) fn draw(&mut self, mut draw: impl FnMut(&mut Frame<'_>)) -> io::Result<()> {
        queue!(self.terminal.backend_mut(), BeginSynchronizedUpdate)?;
        let viewport = viewport();
        if viewport != self.viewport {
            self.terminal = drawn(viewport.clone())?;
            self.viewport = viewport;
            self.forget()?;
        }
        let uncertain = uncertain(self.terminal.draw(&mut draw)?.buffer);
        let before = std::mem::replace(&mut self.uncertain, uncertain);
        // A character drawn wider or narrower than it should be covers a neighbouring cell, or leaves what was there. A
        // partial redraw would not repair that.
        if before != self.uncertain {
            self.forget()?;
            self.terminal.draw(draw)?;
        }
        execute!(self.terminal.backend_mut(), EndSynchronizedUpdate)
    }

    /// Makes the next frame a full redraw.
    ///
    /// # Errors
    /// When the terminal is gone.
    pub(super) fn forget(&mut self) -> io::Result<()> {
        // `clear` would query the cursor position and wait for the answer among the key events.
        let area = self.terminal.get_frame().area();
        self.terminal.resize(area)
    }

    /// Rings the bell.
    ///
    /// # Errors
    /// When the terminal is gone.
    pub(super) fn ring(&mut self) -> io::Result<()> {
        execute!(self.terminal.backend_mut(), Print('\u{7}'))
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        give_back();
    }
}

/// The part to draw on: the whole terminal, or as much as most terminals have if it does not know its size.
fn viewport() -> Viewport {
    match size() {
        Ok((1.., 1..)) => Viewport::Fullscreen,
        _ => Viewport::Fixed(Rect::new(0, 0, 80, 24)),
    }
}

fn drawn(viewport: Viewport) -> io::Result<Drawn> {
    let out = BufWriter::with_capacity(BUFFER, io::stdout());
    ratatui::Terminal::with_options(CrosstermBackend::new(out), TerminalOptions { viewport })
}

/// The cells of `buffer` whose width terminals disagree about.
fn uncertain(buffer: &Buffer) -> Vec<(usize, String)> {
    let cells = buffer.content().iter().map(Cell::symbol).enumerate();
    cells.filter(|(_, symbol)| is_uncertain(symbol)).map(|(at, symbol)| (at, symbol.to_owned())).collect()
}

/// Whether terminals disagree about the width of a cluster: some join its characters, and others draw them side by side.
fn is_uncertain(cluster: &str) -> bool {
    if cluster.is_ascii() {
        return false;
    }
    let wide = cluster.width();
    let mut others = cluster.chars().skip(1).peekable();
    flow::width(cluster) > wide
        || (wide > 1 && others.peek().is_some())
        || others.any(|c| !is_nonspacing_mark(c))
}

/// Sets the modes of the terminal.
fn set_modes() -> io::Result<()> {
    enable_raw_mode()?;
    execute!(io::stdout(), EnterAlternateScreen, EnableBracketedPaste, EnableFocusChange, Print(MOUSE_ON))
}

/// Restores the terminal. Errors are ignored: a terminal that is gone needs no restoring.
fn give_back() {
    if !TAKEN.swap(false, Ordering::SeqCst) {
        return;
    }
    let mut out = io::stdout();
    let _ = execute!(
        out,
        EndSynchronizedUpdate,
        Print(MOUSE_OFF),
        DisableFocusChange,
        DisableBracketedPaste,
        LeaveAlternateScreen,
        Show
    );
    let _ = out.flush();
    let _ = disable_raw_mode();
}

/// Whether the terminal is taken over.
static TAKEN: AtomicBool = AtomicBool::new(false);

/// Mouse buttons and the wheel; crossterm's own command would report every movement as well.
const MOUSE_ON: &str = "\x1b[?1000h\x1b[?1006h";
const MOUSE_OFF: &str = "\x1b[?1006l\x1b[?1000l";

/// A whole frame fits, so it is written with one call.
const BUFFER: usize = 64 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_that_a_terminal_may_draw_side_by_side_are_uncertain() {
        for cluster in
            ["स्ते", "क्ष", "शि", "ক্ষ", "প্র", "ශ්\u{200d}රී", "👨\u{200d}👩\u{200d}👧", "🇩🇪", "❤\u{fe0f}"]
        {
            assert!(is_uncertain(cluster), "{cluster}");
        }
        for cluster in ["x", "é", "e\u{301}", "好", "🎉", "न"] {
            assert!(!is_uncertain(cluster), "{cluster}");
        }
    }
}
