//! One run of the program for one message: the message is its input, its output is the reply.

use std::{pin::pin, process::ExitStatus, time::Duration};

use chat_core::{PersonName, SharedRuntime};
use futures::{
    AsyncReadExt, AsyncWriteExt,
    future::{Either, join, select},
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
            let (read, ()) = join((&mut stdout).take(one_more).read_to_end(&mut printed), feed).await;
            match read {
                Ok(read) if read > limits.output => End::TooMuch,
                _ => End::Exited(running.end().await),
            }
        };
        let in_time = runtime.sleep_until(runtime.now() + limits.timeout);
        match select(pin!(run), in_time).await {
            Either::Left((end, _)) => Some(end),
            Either::Right(_) => None,
        }
    };
    drop(running); // kills processes that are still running
    let note = match ended {
        Some(End::Exited(ended)) => Note::of(ended),
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
