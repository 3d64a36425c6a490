//! Termination signals: the first one requests a shutdown and ends the process soon in any case, the second one ends it at
//! once.

use std::{
    fmt,
    io::{self, IsTerminal},
    sync::{Arc, atomic::AtomicBool},
};
#[cfg(unix)]
use std::{
    io::Read,
    os::unix::net::UnixStream,
    sync::atomic::{AtomicUsize, Ordering},
    thread,
    time::Duration,
};

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

/// SIGINT, SIGTERM and, when standard output is a terminal, SIGHUP, which is sent when the terminal is closed. They are
/// caught for as long as the process lives. A closed terminal is also detected when no SIGHUP is delivered.
pub struct Signals {
    caught: BoxStream<'static, ()>,
}

impl Signals {
    /// Installs the handlers. From now on the first signal requests a shutdown, and ends the process after [`END_WITHIN`] even
    /// if it is blocked in a write, because nobody reads its output. A second SIGINT or SIGTERM ends it at once. The status is
    /// then 130 or 143. SIGHUP often arrives
    /// twice, from the shell and from the kernel, so a second one does not end the process. `nohup` ignores SIGHUP, but
    /// a program under `nohup` has no terminal as standard output.
    ///
    /// # Errors
    /// When the handlers cannot be installed.
    pub fn catch() -> io::Result<Signals> {
        let asked = Arc::new(AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM] {
            // Handlers run in the order of registration: on the first signal the flag is not yet set.
            flag::register_conditional_shutdown(signal, 128 + signal, asked.clone())?;
            flag::register(signal, asked.clone())?;
        }
        end_in_time()?;
        let is_terminal = io::stdout().is_terminal();
        let hangup = is_terminal.then_some(Signal::Hup);
        let signals = async_signal::Signals::new([Signal::Int, Signal::Term].into_iter().chain(hangup))?;
        let caught = signals.map(drop);
        let caught = if is_terminal { select(caught, closed()?).boxed() } else { caught.boxed() };
        Ok(Signals { caught })
    }

    /// Completes when a signal requests the end of the program.
    pub fn shutdown_requested(&mut self) -> impl FusedFuture<Output = ()> + Unpin {
        self.caught.next().map(drop).fuse()
    }

    /// Every request to end, as a stream.
    pub(crate) fn into_stream(self) -> BoxStream<'static, ()> {
        self.caught
    }
}

impl fmt::Debug for Signals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signals").finish_non_exhaustive()
    }
}

/// Ends the process some time after the first signal, in whatever state it is. A thread of its own waits for this.
#[cfg(unix)]
fn end_in_time() -> io::Result<()> {
    use rustix::{
        stdio::stdin,
        termios::{OptionalActions, tcgetattr, tcsetattr},
    };

    let came = Arc::new(AtomicUsize::new(0));
    let (mut wakened, wake) = UnixStream::pair()?;
    for (signal, number) in [(SIGINT, 2), (SIGTERM, 15)] {
        flag::register_usize(signal, came.clone(), number)?;
        signal_hook::low_level::pipe::register(signal, wake.try_clone()?)?;
    }
    // The screen may not have the time to give the terminal its modes back.
    let modes = tcgetattr(stdin()).ok();
    let wait = move || {
        let mut byte = [0];
        while matches!(wakened.read(&mut byte), Err(why) if why.kind() == io::ErrorKind::Interrupted) {}
        thread::sleep(END_WITHIN);
        if let Some(modes) = &modes {
            let _ = tcsetattr(stdin(), OptionalActions::Now, modes);
        }
        let signal = i32::try_from(came.load(Ordering::SeqCst)).unwrap_or(SIGTERM);
        signal_hook::low_level::exit(128 + signal);
    };
    thread::Builder::new().name("deadline".to_owned()).spawn(wait).map(drop)
}

/// Does nothing: on other systems a second signal is needed.
#[cfg(not(unix))]
fn end_in_time() -> io::Result<()> {
    Ok(())
}

/// Yields one item when the terminal that is standard output is closed; some time later the process ends in any case. A
/// thread of its own waits for this and is not joined when the program ends.
#[cfg(unix)]
fn closed() -> io::Result<mpsc::Receiver<()>> {
    use rustix::{
        event::{PollFd, PollFlags, poll},
        io::Errno,
    };

    let (mut sender, receiver) = mpsc::channel(1);
    let wait = move || {
        let stdout = io::stdout();
        // With an empty set of events `poll` reports hang-up and errors alone.
        let mut terminal = [PollFd::new(&stdout, PollFlags::empty())];
        while poll(&mut terminal, None) == Err(Errno::INTR) {}
        let _ = sender.try_send(()); // the receiver may be gone
        thread::sleep(END_WITHIN);
        signal_hook::low_level::exit(128 + signal_hook::consts::SIGHUP);
    };
    thread::Builder::new().name("hangup".to_owned()).spawn(wait)?;
    Ok(receiver)
}

/// Never yields: on other systems the end of the terminal ends the program.
#[cfg(not(unix))]
fn closed() -> io::Result<mpsc::Receiver<()>> {
    Ok(mpsc::channel(0).1)
}

/// How long the program may take to end after a signal, or after its terminal is closed. A server takes some of this for its
/// goodbyes.
#[cfg(unix)]
const END_WITHIN: Duration = Duration::from_millis(2800);
