//! A prompt on a terminal: the line being typed is edited at the bottom, and output is printed above it.

use std::{
    cell::RefCell,
    io::{self, Write},
    rc::Rc,
};

use chat_core::text;
use crossterm::{
    event::{DisableBracketedPaste, EnableBracketedPaste, Event, KeyCode, KeyEventKind},
    execute,
    terminal::{disable_raw_mode, enable_raw_mode},
};
use futures::{
    Stream, StreamExt,
    stream::{self, LocalBoxStream},
};

use crate::{
    edit::{self, Editor, Key, Move, PROMPT, Written},
    input::{self, Input},
};

type BoxedInputs = LocalBoxStream<'static, Input>;

/// Prints whole lines above the one being typed.
pub type Printer = Box<dyn FnMut(&[u8]) -> io::Result<()>>;

/// The line being typed, and its place on the terminal.
#[derive(Debug, Default)]
struct Prompt {
    editor: Editor,
    written: Written,
    /// Whether the terminal is in raw mode and shows the line.
    is_open: bool,
    /// The number of rows of the line above the cursor.
    above: usize,
}

/// The result of a key press.
enum KeyOutcome {
    Line(String),
    End,
    Nothing,
}

/// The lines typed on the terminal, and a printer that prints above the line being typed. Dropping the stream restores
/// the terminal.
///
/// # Errors
/// When standard output is no terminal.
pub fn lines() -> io::Result<(impl Stream<Item = String> + Unpin + use<>, Printer)> {
    let prompt = Rc::new(RefCell::new(Prompt::default()));
    let open = Open(prompt.clone());
    prompt.borrow_mut().open()?;
    // Only now, in raw mode: before that, the terminal would hand out whole lines.
    let state: (BoxedInputs, Open) = (Box::pin(input::inputs()?), open);
    let next = async |(mut inputs, open): (BoxedInputs, Open)| loop {
        let input = inputs.next().await?;
        let taken = open.0.borrow_mut().take(input);
        match taken {
            Ok(KeyOutcome::Line(line)) => return Some((line, (inputs, open))),
            Ok(KeyOutcome::Nothing) => {}
            Ok(KeyOutcome::End) | Err(_) => return None,
        }
    };
    let printer = Box::new(move |text: &[u8]| prompt.borrow_mut().print(text));
    Ok((stream::unfold(state, next).boxed_local(), printer))
}

/// Restores the terminal when dropped.
struct Open(Rc<RefCell<Prompt>>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.borrow_mut().close();
    }
}

impl Prompt {
    fn open(&mut self) -> io::Result<()> {
        enable_raw_mode()?;
        self.is_open = true;
        execute!(io::stdout(), EnableBracketedPaste)?;
        self.print(b"")
    }

    /// Restores the terminal; the typed text stays visible. Errors are ignored: a terminal that is gone needs nothing.
    fn close(&mut self) {
        if !self.is_open {
            return;
        }
        let mut frame = self.erased();
        if !self.editor.is_empty() {
            self.draw(usize::MAX, &mut frame);
            frame.extend_from_slice(b"\r\n");
        }
        self.is_open = false;
        let _ = io::stdout().write_all(&frame);
        let _ = execute!(io::stdout(), DisableBracketedPaste);
        let _ = disable_raw_mode();
    }

    /// Prints `text`, which is whole lines, above the line being typed.
    ///
    /// # Errors
    /// When standard output cannot be written.
    fn print(&mut self, text: &[u8]) -> io::Result<()> {
        let mut stdout = io::stdout().lock();
        if !self.is_open {
            stdout.write_all(text)?;
            return stdout.flush();
        }
        // Written with one call, so that no intermediate state is visible.
        let mut frame = self.erased();
        for line in text.split_inclusive(|byte| *byte == b'\n') {
            frame.extend_from_slice(line.strip_suffix(b"\n").unwrap_or(line));
            frame.extend_from_slice(if line.ends_with(b"\n") { b"\r\n" } else { b"" });
        }
        self.draw(rows().saturating_sub(1), &mut frame);
        stdout.write_all(&frame)?;
        stdout.flush()
    }

    fn take(&mut self, input: Input) -> io::Result<KeyOutcome> {
        let event = match input {
            Input::Event(event) => event,
            Input::Suspend => {
                self.close();
                return input::stop().map(|()| KeyOutcome::Nothing);
            }
            Input::Resume => {
                // The shell printed lines of its own meanwhile.
                self.above = 0;
                let _ = disable_raw_mode();
                return self.open().map(|()| KeyOutcome::Nothing);
            }
        };
        let taken = match event {
            Event::Key(event) if event.kind == KeyEventKind::Release => return Ok(KeyOutcome::Nothing),
            Event::Key(event) => match edit::meaning(event) {
                Some(key) => self.pressed(key, event.code),
                None => return Ok(KeyOutcome::Nothing),
            },
            // Pasted text is inserted as it is; nothing in it is taken for a key.
            Event::Paste(pasted) => self.write(&text::clean(&pasted)),
            Event::Resize(..) => KeyOutcome::Nothing,
            _ => return Ok(KeyOutcome::Nothing),
        };
        match &taken {
            KeyOutcome::Line(line) => {
                // The line stays, in full, and the next one begins below it.
                let mut frame = self.erased();
                self.editor = Editor::with(line);
                self.draw(usize::MAX, &mut frame);
                frame.extend_from_slice(b"\r\n");
                (self.editor, self.above) = (Editor::default(), 0);
                io::stdout().write_all(&frame)?;
                self.print(b"")?;
            }
            KeyOutcome::Nothing => self.print(b"")?,
            KeyOutcome::End => {}
        }
        Ok(taken)
    }

    fn pressed(&mut self, key: Key, code: KeyCode) -> KeyOutcome {
        match key {
            Key::Char(c) => return self.write(c.encode_utf8(&mut [0; 4])),
            Key::NewLine if code == KeyCode::Enter => return self.write("\n"),
            Key::Enter | Key::NewLine => {
                let line = self.editor.take();
                if !line.is_empty() {
                    self.written.keep(&line);
                }
                return KeyOutcome::Line(line);
            }
            Key::Move(to) => self.editor.move_cursor(to),
            Key::Search => self.editor.move_cursor(Move::Right), // as Ctrl-F does in a shell
            Key::Delete(to) => self.editor.delete(to),
            Key::Line(way) if self.editor.move_line(way) => {}
            Key::Line(way) | Key::NextRoom(way) => {
                if let Some(line) = self.written.walk(way, self.editor.text()) {
                    self.editor = Editor::with(&line);
                }
            }
            Key::Cancel | Key::EndOfInput if self.editor.is_empty() => return KeyOutcome::End,
            Key::Cancel => drop(self.editor.take()),
            Key::EndOfInput => self.editor.delete(Move::Right),
            _ => {}
        }
        KeyOutcome::Nothing
    }

    fn write(&mut self, text: &str) -> KeyOutcome {
        self.editor.insert(text); // ignored if the line would become too long to send
        KeyOutcome::Nothing
    }

    /// The escape codes that erase the line.
    fn erased(&mut self) -> Vec<u8> {
        match std::mem::take(&mut self.above) {
            0 => b"\r\x1b[J".to_vec(),
            above => format!("\r\x1b[{above}A\x1b[J").into_bytes(),
        }
    }

    /// Appends the escape codes that draw the line, in at most `most_rows` rows around the cursor.
    fn draw(&mut self, most_rows: usize, frame: &mut Vec<u8>) {
        let (rows, (column, row)) = edit::rows(&self.editor, columns());
        let most_rows = most_rows.clamp(1, rows.len());
        let first = (row + 1).saturating_sub(most_rows);
        let shown = &rows[first..first + most_rows];
        for (at, text) in shown.iter().enumerate() {
            frame.extend_from_slice(if at > 0 { b"\r\n" } else { b"" });
            frame.extend_from_slice(if first + at == 0 { PROMPT } else { NO_PROMPT }.as_bytes());
            frame.extend_from_slice(text.as_bytes());
        }
        self.above = row - first;
        let below = shown.len() - 1 - self.above;
        if below > 0 {
            frame.extend_from_slice(format!("\x1b[{below}A").as_bytes());
        }
        frame.extend_from_slice(format!("\r\x1b[{}C", PROMPT.len() + column).as_bytes());
    }
}

fn columns() -> usize {
    terminal_size::terminal_size_of(io::stdout()).map_or(80, |(columns, _)| columns.0.into())
}

fn rows() -> usize {
    terminal_size::terminal_size_of(io::stdout()).map_or(24, |(_, rows)| rows.0.into())
}

/// The prompt of the rows after the first one.
const NO_PROMPT: &str = "  ";
