//! How the program is told to end: the first signal asks, the second does not wait.

use std::{
    io::{self, IsTerminal},
    sync::{Arc, atomic::AtomicBool},
};

use async_signal::Signal;
use futures::{FutureExt, StreamExt, future::FusedFuture};
use signal_hook::{
    consts::{SIGINT, SIGTERM},
    flag,
};

/// SIGINT, SIGTERM and, for a program that writes to a terminal, SIGHUP, which comes when that is closed; caught for as
/// long as the process lives.
#[derive(Debug)]
pub struct Signals {
    caught: async_signal::Signals,
}

impl Signals {
    /// From now on the first signal is only noted. A second one ends the process on the spot, with status 130 or
    /// 143, also while it is stuck in a write that nobody reads. SIGHUP often comes twice, from the shell and from the
    /// system, and means the same each time; whoever is under `nohup`, which ignores it, never writes to a terminal.
    ///
    /// # Errors
    /// When the handlers cannot be installed.
    pub fn catch() -> io::Result<Signals> {
        let asked = Arc::new(AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM] {
            // Handlers run in the order they were registered: the first signal finds the flag still down.
            flag::register_conditional_shutdown(signal, 128 + signal, asked.clone())?;
            flag::register(signal, asked.clone())?;
        }
        let hangup = io::stdout().is_terminal().then_some(Signal::Hup);
        Ok(Signals {
            caught: async_signal::Signals::new([Signal::Int, Signal::Term].into_iter().chain(hangup))?,
        })
    }

    /// Completes when the program is asked to end.
    pub fn asked_to_end(&mut self) -> impl FusedFuture<Output = ()> + Unpin {
        self.caught.next().map(drop).fuse()
    }
}
