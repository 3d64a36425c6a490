//! The terminal: taken over, and given back as it was, whatever happens.

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

/// The terminal while it is ours. Dropping it gives it back.
#[derive(Debug)]
pub(super) struct Terminal {
    terminal: ratatui::Terminal<CrosstermBackend<BufWriter<Stdout>>>,
    /// Which cells of what is shown may take more columns than they should.
    uncertain: Vec<usize>,
}

impl Terminal {
    /// Takes the terminal over.
    ///
    /// # Errors
    /// When it is none.
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

    /// Shows what `draw` draws, all at once where the terminal can do that.
    ///
    /// # Errors
    /// When the terminal is gone.
    pub(super) fn draw(&mut self, mut draw: impl FnMut(&mut Frame<'_>)) -> io::Result<()> {
        queue!(self.terminal.backend_mut(), BeginSynchronizedUpdate)?;
        let uncertain = uncertain(self.terminal.draw(&mut draw)?.buffer);
        let before = std::mem::replace(&mut self.uncertain, uncertain);
        // What reached into other cells would stay there, where nothing has changed.
        if !before.is_empty() && before != self.uncertain {
            self.forget()?;
            self.terminal.draw(draw)?;
        }
        execute!(self.terminal.backend_mut(), EndSynchronizedUpdate)
    }

    /// Forgets what the terminal shows, so that everything is drawn anew.
    ///
    /// # Errors
    /// When the terminal is gone.
    pub(super) fn forget(&mut self) -> io::Result<()> {
        // Clearing it would ask the terminal where its cursor is, and wait for the answer among the keys.
        let area = self.terminal.get_frame().area();
        self.terminal.resize(area)
    }

    /// Rings.
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

/// The cells of `buffer` that some terminals make wider than others.
fn uncertain(buffer: &Buffer) -> Vec<usize> {
    let cells = buffer.content().iter().map(Cell::symbol).enumerate();
    let is_uncertain = |symbol: &str| !symbol.is_ascii() && flow::width(symbol) > symbol.width();
    cells.filter(|(_, symbol)| is_uncertain(symbol)).map(|(at, _)| at).collect()
}

/// Makes the terminal what it was before. What cannot be written any more is not needed any more.
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

/// Whether the terminal is ours.
static TAKEN: AtomicBool = AtomicBool::new(false);

/// Buttons and the wheel. What crossterm asks for has every movement as well.
const MOUSE_ON: &str = "\x1b[?1000h\x1b[?1006h";
const MOUSE_OFF: &str = "\x1b[?1006l\x1b[?1000l";

/// A whole screen fits, so that it is written at once.
const BUFFER: usize = 64 << 10;
