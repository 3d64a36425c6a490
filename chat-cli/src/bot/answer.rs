//! One message, one run of the program: what is said goes in, and what it prints is the answer.

use std::{pin::pin, process::ExitStatus, time::Duration};

use chat_core::{PersonName, SharedRuntime};
use futures::{
    AsyncReadExt, AsyncWriteExt,
    future::{Either, join, select},
};

use super::{ears::Call, note::Note, print, program::Program};

/// What a run may cost.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// How long it may take.
    pub(crate) timeout: Duration,
    /// How many bytes it may print.
    pub(crate) output: usize,
}

/// How a run ended.
enum End {
    Ended(std::io::Result<ExitStatus>),
    TooMuch,
}

/// Runs `program` for `call` and returns what there is to say, which may be nothing.
pub(crate) async fn answer(
    program: &Program,
    me: &PersonName,
    call: &Call,
    limits: Limits,
    runtime: &SharedRuntime,
) -> String {
    let (mut stdin, mut stdout, mut running) = match program.start(me, &call.caller) {
        Ok(started) => started,
        Err(why) => return Note::NoStart(why).to_string(),
    };
    let mut printed = Vec::new();
    let ended = {
        let run = async {
            let feed = async {
                let line = format!("{}\n", call.text);
                let _ = stdin.write_all(line.as_bytes()).await; // it may not want to read
                drop(stdin);
            };
            let one_more = limits.output as u64 + 1;
            let (read, ()) = join((&mut stdout).take(one_more).read_to_end(&mut printed), feed).await;
            match read {
                Ok(read) if read > limits.output => End::TooMuch,
                _ => End::Ended(running.end().await),
            }
        };
        let in_time = runtime.sleep_until(runtime.now() + limits.timeout);
        match select(pin!(run), in_time).await {
            Either::Left((end, _)) => Some(end),
            Either::Right(_) => None,
        }
    };
    drop(running); // whatever of it still runs
    let note = match ended {
        Some(End::Ended(ended)) => Note::of(ended),
        Some(End::TooMuch) => Some(Note::Cut(limits.output)),
        None => Some(Note::TooSlow(limits.timeout)),
    };
    let is_cut = matches!(note, Some(Note::Cut(_) | Note::TooSlow(_)));
    printed.truncate(limits.output);
    match (print::text(&printed, is_cut), note) {
        (Err(print::NotText), _) => Note::NotText.to_string(),
        (Ok(text), Some(note)) => note.below(text),
        (Ok(text), None) => text,
    }
}
