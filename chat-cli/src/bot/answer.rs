//! One run of the program for one message: the message is its input, its output is the reply.

use std::{pin::pin, process::ExitStatus, time::Duration};

use chat_core::{PersonName, SharedRuntime};
use futures::{
    AsyncReadExt, AsyncWriteExt, FutureExt,
    future::{Either, join, select},
    select_biased,
};

use super::{job::Job, note::Note, program::Program, program_output};

/// The limits of one run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// How long the program may take.
    pub(crate) timeout: Duration,
    /// How many bytes the program may print.
    pub(crate) output: usize,
}

/// How a run ended.
enum End {
    Exited(std::io::Result<ExitStatus>),
    /// The program ended, and a process that it started holds its output open.
    LeftBehind(std::io::Result<ExitStatus>),
    /// The program printed more than its limit.
    TooMuch,
}

/// Runs `program` for `job` and returns the reply, which may be empty.
pub(crate) async fn answer(
    program: &Program,
    me: &PersonName,
    job: &Job,
    limits: Limits,
    runtime: &SharedRuntime,
) -> String {
    let (mut stdin, mut stdout, mut running) = match program.start(me, &job.requester) {
        Ok(started) => started,
        Err(why) => return Note::NoStart(why).to_string(),
    };
    let mut printed = Vec::new();
    let ended = {
        let run = async {
            let feed = async {
                let line = format!("{}\n", job.text);
                let _ = stdin.write_all(line.as_bytes()).await; // the program may not read its input
                drop(stdin);
            };
            let one_more = limits.output as u64 + 1;
            let mut stdout = (&mut stdout).take(one_more);
            let mut output = pin!(join(stdout.read_to_end(&mut printed), feed).fuse());
            let is_too_much = |read: std::io::Result<usize>| read.is_ok_and(|read| read > limits.output);
            select_biased! {
                (read, ()) = output => match is_too_much(read) {
                    true => End::TooMuch,
                    false => End::Exited(running.end().await),
                },
                status = Box::pin(running.end().fuse()) => {
                    // What the program has printed is there. A process that it left behind may hold its output open.
                    let mut late = runtime.sleep_until(runtime.now() + AFTER_END).fuse();
                    select_biased! {
                        (read, ()) = output => match is_too_much(read) {
                            true => End::TooMuch,
                            false => End::Exited(status),
                        },
                        () = late => End::LeftBehind(status),
                    }
                }
            }
        };
        let in_time = runtime.sleep_until(runtime.now() + limits.timeout);
        match select(pin!(run), in_time).await {
            Either::Left((end, _)) => Some(end),
            Either::Right(_) => None,
        }
    };
    if matches!(ended, Some(End::LeftBehind(_))) {
        running.end_rest();
    }
    drop(running); // kills processes that are still running
    let note = match ended {
        Some(End::Exited(ended) | End::LeftBehind(ended)) => Note::of(ended),
        Some(End::TooMuch) => Some(Note::Cut(limits.output)),
        None => Some(Note::TooSlow(limits.timeout)),
    };
    let is_cut = matches!(note, Some(Note::Cut(_) | Note::TooSlow(_)));
    printed.truncate(limits.output);
    match (program_output::text(&printed, is_cut), note) {
        (Err(program_output::NotText), _) => Note::NotText.to_string(),
        (Ok(text), Some(note)) => note.below(text),
        (Ok(text), None) => text,
    }
}

/// How long output is waited for once the program has ended.
const AFTER_END: Duration = Duration::from_secs(1);
