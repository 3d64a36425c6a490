//! How the program is told to end: the first signal asks, the second does not wait.

use std::{
    fmt,
    io::{self, IsTerminal},
    sync::{Arc, atomic::AtomicBool},
};
#[cfg(unix)]
use std::{thread, time::Duration};

use async_signal::Signal;
use futures::{
    FutureExt, StreamExt,
    channel::mpsc,
    future::FusedFuture,
    stream::{BoxStream, select},
};
use signal_hook::{
    consts::{SIGINT, SIGTERM},
    flag,
};

/// SIGINT, SIGTERM and, for a program that writes to a terminal, SIGHUP, which comes when that is closed; caught for as
/// long as the process lives. That it is closed is seen as well by whom nobody sends SIGHUP.
pub struct Signals {
    caught: BoxStream<'static, ()>,
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
        let is_terminal = io::stdout().is_terminal();
        let hangup = is_terminal.then_some(Signal::Hup);
        let signals = async_signal::Signals::new([Signal::Int, Signal::Term].into_iter().chain(hangup))?;
        let caught = signals.map(drop);
        let caught = if is_terminal { select(caught, closed()?).boxed() } else { caught.boxed() };
        Ok(Signals { caught })
    }

    /// Completes when the program is asked to end.
    pub fn asked_to_end(&mut self) -> impl FusedFuture<Output = ()> + Unpin {
        self.caught.next().map(drop).fuse()
    }
}

impl fmt::Debug for Signals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signals").finish_non_exhaustive()
    }
}

/// Something once the terminal that is standard output is closed; the process ends then, sooner or later. A thread waits
/// for it that is left behind when the program ends.
#[cfg(unix)]
fn closed() -> io::Result<mpsc::Receiver<()>> {
    use rustix::{
        event::{PollFd, PollFlags, poll},
        io::Errno,
        pipe::{PipeFlags, pipe_with},
        stdio::dup2_stdin,
    };

    let (mut sender, receiver) = mpsc::channel(1);
    let is_read = io::stdin().is_terminal(); // of one that is closed nobody can tell
    let wait = move || {
        let stdout = io::stdout();
        // Nothing is asked for, and so only what is always told is told.
        let mut terminal = [PollFd::new(&stdout, PollFlags::empty())];
        while poll(&mut terminal, None) == Err(Errno::INTR) {}
        // Whoever reads keys reads the end of them again and again (crossterm 0.29), unless there is none.
        let silence = is_read.then(|| pipe_with(PipeFlags::NONBLOCK).ok()).flatten();
        if let Some((silent, _)) = &silence {
            let _ = dup2_stdin(silent);
        }
        let _ = sender.try_send(()); // nobody may listen any more
        thread::sleep(END_WITHIN);
        signal_hook::low_level::exit(128 + signal_hook::consts::SIGHUP);
    };
    thread::Builder::new().name("hangup".to_owned()).spawn(wait)?;
    Ok(receiver)
}

/// Nothing: elsewhere a program ends with its terminal.
#[cfg(not(unix))]
fn closed() -> io::Result<mpsc::Receiver<()>> {
    Ok(mpsc::channel(0).1)
}

/// How long the program may take to end once its terminal is closed. A server takes ten seconds to say goodbye.
#[cfg(unix)]
const END_WITHIN: Duration = Duration::from_secs(15);
