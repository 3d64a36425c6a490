//! A program session: one program keeps running for one person. Each message is a line of its input, and its output is
//! sent as replies.

use std::{cell::Cell, io, pin::pin, time::Duration};

use async_process::{ChildStdin, ChildStdout};
use chat_core::{PersonName, SharedRuntime};
use futures::{
    AsyncReadExt, AsyncWriteExt, FutureExt, StreamExt, channel::mpsc, future::Fuse, select_biased,
};

use super::{
    job::Requester,
    note::Note,
    program::Program,
    program_output,
    reply::{Delivery, ReplyHandle},
};

/// The limits of a program session.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// How long the person may send no message.
    pub(crate) idle: Duration,
    /// How many bytes the program may print for one message.
    pub(crate) output: usize,
}

/// A program, its requester and the way back to them.
pub(crate) struct ProgramSession<'a> {
    pub(crate) program: &'a Program,
    pub(crate) me: &'a PersonName,
    pub(crate) requester: &'a Requester,
    pub(crate) replies: ReplyHandle,
    pub(crate) limits: Limits,
    pub(crate) runtime: &'a SharedRuntime,
}

impl ProgramSession<'_> {
    /// Runs the program until it ends, the person sends nothing for too long, or `lines` ends because the person has
    /// left. Lines that are left in `lines` afterwards were not read by this program.
    pub(crate) async fn run(mut self, lines: &mut mpsc::Receiver<String>) {
        let (stdin, stdout, mut running) = match self.program.start(self.me, self.requester) {
            Ok(started) => started,
            Err(why) => {
                lines.next().await; // drops the line the program was started for
                self.send(Note::NoStart(why).to_string()).await;
                return;
            }
        };
        // How many bytes the program may still print, and when the person sent the latest message.
        let (left, last_line) = (Cell::new(self.limits.output), Cell::new(self.runtime.now()));
        let (idle, runtime) = (self.limits.idle, self.runtime);
        let silence = async {
            while last_line.get() + idle > runtime.now() {
                runtime.sleep_until(last_line.get() + idle).await;
            }
        };
        let limit = self.limits.output;
        let on_line = || {
            left.set(limit);
            last_line.set(runtime.now());
        };
        let note = {
            let mut feeding = pin!(feed(stdin, lines, on_line).fuse());
            let mut printing = pin!(self.send_output(stdout, &left).fuse());
            let mut silence = pin!(silence.fuse());
            let mut ending = pin!(running.end().fuse());
            select_biased! {
                printed = printing => printed.map(|()| None),
                status = ending => {
                    // A process that the program left behind may hold its output open.
                    let mut late = runtime.sleep_until(runtime.now() + AFTER_END).fuse();
                    select_biased! {
                        printed = printing => printed.map(|()| Some(status)),
                        () = late => Ok(Some(status)),
                    }
                }
                () = feeding => return,
                () = silence => Err(Some(Note::Idle(idle))),
            }
        };
        let note = match note {
            Err(note) => note,
            Ok(Some(status)) => {
                running.end_rest();
                Note::of(status)
            }
            // The output has ended, so the program should end soon.
            Ok(None) => {
                let mut late = self.runtime.sleep_until(self.runtime.now() + END_WITHIN).fuse();
                select_biased! {
                    ended = Box::pin(running.end().fuse()) => Note::of(ended),
                    () = late => None,
                }
            }
        };
        if let Some(note) = note {
            self.send(note.to_string()).await;
        }
    }

    /// Sends the output of the program, to its end. Output that comes at about the same time becomes one reply.
    ///
    /// # Errors
    /// When the program has to be ended before that, with a note for the person if there is one.
    async fn send_output(&mut self, mut stdout: ChildStdout, left: &Cell<usize>) -> Result<(), Option<Note>> {
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
                    let after = |time| self.runtime.sleep_until(self.runtime.now() + time).fuse();
                    if printed.is_empty() {
                        late = after(SAY_WITHIN);
                    }
                    quiet = after(QUIET);
                    printed.extend_from_slice(&chunk[..read.min(left.get())]);
                    if read <= left.get() {
                        left.set(left.get() - read);
                        continue;
                    }
                    let text = program_output::text(&printed, true).map_err(|_| Note::NotText)?;
                    self.send(text).await;
                    return Err(Some(Note::Cut(self.limits.output)));
                }
                at_end => {
                    let is_end = at_end.is_some();
                    (quiet, late) = (Fuse::terminated(), Fuse::terminated());
                    // An incomplete character at the end is kept for the next reply.
                    let rest = if is_end { Vec::new() } else { printed.split_off(complete(&printed)) };
                    let text = program_output::text(&printed, false).map_err(|_| Note::NotText)?;
                    printed = rest;
                    if self.send(text).await == Delivery::Refused {
                        return Err(None);
                    }
                    if is_end {
                        return Ok(());
                    }
                }
            }
        }
    }

    async fn send(&mut self, text: String) -> Delivery {
        self.replies.send(self.requester, text).await
    }
}

/// Writes `lines` to the program until they end. Lines are taken even if the program has closed its input.
async fn feed(mut stdin: ChildStdin, lines: &mut mpsc::Receiver<String>, mut on_line: impl FnMut()) {
    let mut reads = true;
    while let Some(line) = lines.next().await {
        on_line();
        if reads {
            let written: io::Result<()> = stdin.write_all(format!("{line}\n").as_bytes()).await;
            reads = written.is_ok();
        }
    }
}

/// How many bytes of `printed` are complete characters: all of them, if the bytes at its end are invalid UTF-8.
fn complete(printed: &[u8]) -> usize {
    match std::str::from_utf8(printed) {
        Err(error) if error.error_len().is_none() => error.valid_up_to(),
        _ => printed.len(),
    }
}

/// How long the program has to be quiet before its output is sent. Lines of one answer come faster than this.
const QUIET: Duration = Duration::from_millis(100);
/// How long output waits at most before it is sent.
const SAY_WITHIN: Duration = Duration::from_secs(1);
/// How long output is waited for once the program has ended: until it was quiet long enough to be sent.
const AFTER_END: Duration = Duration::from_secs(1);
/// How long a program may take to end after the end of its output.
const END_WITHIN: Duration = Duration::from_secs(2);
/// How many bytes are read at once.
const CHUNK: usize = 8192;
