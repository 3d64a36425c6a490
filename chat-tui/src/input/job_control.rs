//! Stopping and going on, as a shell with jobs wants it, and changes of the terminal's size: all are signals.

use std::io;

use async_signal::{Signal, Signals};
use crossterm::event::Event;
use futures::{Stream, StreamExt, future};
use nix::unistd::{getpgrp, getsid};
use rustix::process::kill_current_process_group;

use super::Input;

/// The signals that concern a terminal.
pub(super) fn signals() -> io::Result<impl Stream<Item = Input>> {
    let signals = Signals::new([Signal::Tstp, Signal::Cont, Signal::Winch])?;
    Ok(signals.filter_map(|signal| {
        future::ready(match signal.ok() {
            Some(Signal::Tstp) if has_job_control() => Some(Input::Suspend),
            Some(Signal::Cont) => Some(Input::Resume),
            // Whoever draws asks for the size, which may have changed again by then.
            Some(Signal::Winch) => Some(Input::Event(Event::Resize(0, 0))),
            _ => None,
        })
    }))
}

/// Asks the other programs of this job to stop, as a terminal does at Ctrl-Z. Returns whether this one is to stop too.
pub(super) fn stop_group() -> bool {
    // This program gets the signal as well, and stops by that.
    has_job_control() && kill_current_process_group(rustix::process::Signal::TSTP).is_err()
}

/// Whether a shell can let a stopped program go on. A program that is the session of a terminal itself, or is of the job
/// that is, would stay stopped for ever.
fn has_job_control() -> bool {
    // Both are 0 where they are outside of this PID namespace, and rustix takes them for more than that.
    getsid(None).is_ok_and(|session| getpgrp() != session)
}

/// Stops this program until SIGCONT.
pub(crate) fn stop() -> io::Result<()> {
    signal_hook::low_level::emulate_default_handler(signal_hook::consts::SIGTSTP)
}
