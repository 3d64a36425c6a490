//! Takes the terminal over, and restores it also after a panic.

use std::{
    io::{self, BufWriter, Stdout, Write},
    panic,
    sync::{
        Once,
        atomic::{AtomicBool, Ordering},
    },
};

use crossterm::{
    cursor::Show,
    event::{DisableBracketedPaste, DisableFocusChange, EnableBracketedPaste, EnableFocusChange},
    execute, queue,
    style::Print,
    terminal::{
        BeginSynchronizedUpdate, EndSynchronizedUpdate, EnterAlternateScreen, LeaveAlternateScreen,
        disable_raw_mode, enable_raw_mode,
    },
};
use ratatui::{
    Frame,
    backend::CrosstermBackend,
    buffer::{Buffer, Cell},
};
use unicode_width::UnicodeWidthStr;

use crate::flow;

/// The terminal in raw mode with the alternate screen. Dropping it restores the terminal.
#[derive(Debug)]
pub(super) struct Terminal {
    terminal: ratatui::Terminal<CrosstermBackend<BufWriter<Stdout>>>,
    /// The cells on display whose width terminals disagree about.
    uncertain: Vec<usize>,
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
        enable_raw_mode()?;
        execute!(
            io::stdout(),
            EnterAlternateScreen,
            EnableBracketedPaste,
            EnableFocusChange,
            Print(MOUSE_ON)
        )?;
        let out = BufWriter::with_capacity(BUFFER, io::stdout());
        let terminal = ratatui::Terminal::new(CrosstermBackend::new(out))?;
        Ok(Terminal { terminal, uncertain: Vec::new() })
    }

    /// Shows a frame, atomically where the terminal supports synchronized updates.
    ///
    /// # Errors
    /// When the terminal is gone.
    pub(super) fn draw(&mut self, mut draw: impl FnMut(&mut Frame<'_>)) -> io::Result<()> {
        queue!(self.terminal.backend_mut(), BeginSynchronizedUpdate)?;
        let uncertain = uncertain(self.terminal.draw(&mut draw)?.buffer);
        let before = std::mem::replace(&mut self.uncertain, uncertain);
        // A character drawn too wide covers a neighbouring cell, which a partial redraw would not repair.
        if !before.is_empty() && before != self.uncertain {
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

/// The indices of the cells of `buffer` whose width terminals disagree about.
fn uncertain(buffer: &Buffer) -> Vec<usize> {
    let cells = buffer.content().iter().map(Cell::symbol).enumerate();
    let is_uncertain = |symbol: &str| !symbol.is_ascii() && flow::width(symbol) > symbol.width();
    cells.filter(|(_, symbol)| is_uncertain(symbol)).map(|(at, _)| at).collect()
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
