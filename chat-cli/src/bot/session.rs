//! A program that keeps running for one person: a message is a line for it, and what it prints is said.

use std::{cell::Cell, io, pin::pin, time::Duration};

use async_process::{ChildStdin, ChildStdout};
use chat_core::{PersonName, SharedRuntime};
use futures::{
    AsyncReadExt, AsyncWriteExt, FutureExt, StreamExt, channel::mpsc, future::Fuse, select_biased,
};

use super::{
    ears::Caller,
    note::Note,
    print,
    program::Program,
    voice::{Said, Voice},
};

/// What such a program may do.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// How long its person may be silent.
    pub(crate) idle: Duration,
    /// How many bytes it may print for a message.
    pub(crate) output: usize,
}

/// A program, its person, and how they hear of each other.
pub(crate) struct Session<'a> {
    pub(crate) program: &'a Program,
    pub(crate) me: &'a PersonName,
    pub(crate) caller: &'a Caller,
    pub(crate) voice: Voice,
    pub(crate) limits: Limits,
    pub(crate) runtime: &'a SharedRuntime,
}

impl Session<'_> {
    /// Runs the program until it ends, its person is silent for too long, or `lines` end, as they do when the person
    /// leaves. What is in `lines` afterwards was not for this run of the program.
    pub(crate) async fn run(mut self, lines: &mut mpsc::Receiver<String>) {
        let (stdin, stdout, mut running) = match self.program.start(self.me, self.caller) {
            Ok(started) => started,
            Err(why) => {
                lines.next().await; // what it was started for
                self.say(Note::NoStart(why).to_string()).await;
                return;
            }
        };
        // How much may still be printed, and since when the person is silent.
        let (left, spoken) = (Cell::new(self.limits.output), Cell::new(self.runtime.now()));
        let (idle, runtime) = (self.limits.idle, self.runtime);
        let silence = async {
            while spoken.get() + idle > runtime.now() {
                runtime.sleep_until(spoken.get() + idle).await;
            }
        };
        let limit = self.limits.output;
        let heard = || {
            left.set(limit);
            spoken.set(runtime.now());
        };
        let note = {
            let mut feeding = pin!(feed(stdin, lines, heard).fuse());
            let mut printing = pin!(self.print(stdout, &left).fuse());
            let mut silence = pin!(silence.fuse());
            select_biased! {
                printed = printing => printed,
                () = feeding => return,
                () = silence => Err(Some(Note::Idle(idle))),
            }
        };
        let note = match note {
            Err(note) => note,
            // Its output has ended, and so will it.
            Ok(()) => {
                let mut late = self.runtime.sleep_until(self.runtime.now() + END_WITHIN).fuse();
                select_biased! {
                    ended = Box::pin(running.end().fuse()) => Note::of(ended),
                    () = late => None,
                }
            }
        };
        if let Some(note) = note {
            self.say(note.to_string()).await;
        }
    }

    /// Says what it prints, what comes together as one message, to the end of it.
    ///
    /// # Errors
    /// When that comes too early: with what is to be said about it, if anything is.
    async fn print(&mut self, mut stdout: ChildStdout, left: &Cell<usize>) -> Result<(), Option<Note>> {
        let mut printed = Vec::new();
        let mut chunk = vec![0; CHUNK];
        let (mut quiet, mut late) = (Fuse::terminated(), Fuse::terminated());
        loop {
            let read = select_biased! {
                read = stdout.read(&mut chunk).fuse() => Some(read.unwrap_or_default()),
                () = quiet => None,
                () = late => None,
            };
            match read {
                Some(read @ 1..) => {
                    let after = |span| self.runtime.sleep_until(self.runtime.now() + span).fuse();
                    if printed.is_empty() {
                        late = after(SAY_WITHIN);
                    }
                    quiet = after(QUIET);
                    printed.extend_from_slice(&chunk[..read.min(left.get())]);
                    if read <= left.get() {
                        left.set(left.get() - read);
                        continue;
                    }
                    let text = print::text(&printed, true).map_err(|_| Note::NotText)?;
                    self.say(text).await;
                    return Err(Some(Note::Cut(self.limits.output)));
                }
                at_end => {
                    let is_end = at_end.is_some();
                    (quiet, late) = (Fuse::terminated(), Fuse::terminated());
                    // A character that was not printed to its end yet comes with the next message.
                    let rest = if is_end { Vec::new() } else { printed.split_off(whole(&printed)) };
                    let text = print::text(&printed, false).map_err(|_| Note::NotText)?;
                    printed = rest;
                    if self.say(text).await == Said::Refused {
                        return Err(None);
                    }
                    if is_end {
                        return Ok(());
                    }
                }
            }
        }
    }

    async fn say(&mut self, text: String) -> Said {
        self.voice.say(self.caller, text).await
    }
}

/// Gives it lines until there are no more, even if it reads none.
async fn feed(mut stdin: ChildStdin, lines: &mut mpsc::Receiver<String>, mut heard: impl FnMut()) {
    let mut reads = true;
    while let Some(line) = lines.next().await {
        heard();
        if reads {
            let written: io::Result<()> = stdin.write_all(format!("{line}\n").as_bytes()).await;
            reads = written.is_ok();
        }
    }
}

/// How many bytes of `printed` are whole characters; all, if what is at its end will never be one.
fn whole(printed: &[u8]) -> usize {
    match std::str::from_utf8(printed) {
        Err(error) if error.error_len().is_none() => error.valid_up_to(),
        _ => printed.len(),
    }
}

/// How long nothing more is printed before what was is said. Lines of one answer come closer together.
const QUIET: Duration = Duration::from_millis(100);
/// How long what was printed waits at most for more.
const SAY_WITHIN: Duration = Duration::from_secs(1);
/// How long a program may take to end after its output.
const END_WITHIN: Duration = Duration::from_secs(2);
/// Bytes read at once.
const CHUNK: usize = 8192;
