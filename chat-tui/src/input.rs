//! The input of a terminal as a stream: keys, pasted text, clicks, changes of its size, and the requests to stop and to
//! go on that a shell with jobs makes.

use std::io;

use crossterm::event::Event;
use futures::{Stream, StreamExt};

#[cfg(unix)]
mod decoder;
#[cfg(unix)]
mod job_control;

#[cfg(unix)]
pub(crate) use job_control::stop;

/// One thing that a terminal sends.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Input {
    Event(Event),
    /// The program is to stop, by Ctrl-Z or SIGTSTP: give the terminal back and call [`stop`].
    Suspend,
    /// The program goes on after it was stopped; another program may have used the terminal.
    Resume,
}

/// The input of the terminal that is standard input, up to its end.
///
/// # Errors
/// When the system has no thread left or lets no signal be caught.
#[cfg(unix)]
pub(crate) fn inputs() -> io::Result<impl Stream<Item = Input> + Unpin> {
    use std::thread;

    use crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
    use futures::{channel::mpsc, future, stream};

    let (sender, events) = mpsc::channel(EVENTS_AHEAD);
    thread::Builder::new().name("keys".to_owned()).spawn(move || read(sender))?;
    let events = events.filter_map(|event| {
        future::ready(match event {
            Event::Key(KeyEvent { code: KeyCode::Char('z'), modifiers, kind, .. })
                if modifiers == KeyModifiers::CONTROL =>
            {
                (kind == KeyEventKind::Press && job_control::stop_group()).then_some(Input::Suspend)
            }
            event => Some(Input::Event(event)),
        })
    });
    // The size is asked for when it is needed.
    let signals = job_control::signals()?;
    Ok(stream::select(events.map(Some).chain(stream::once(future::ready(None))), signals.map(Some))
        .take_while(|input| future::ready(input.is_some()))
        .filter_map(future::ready)
        .boxed_local())
}

/// On other systems crossterm reads the terminal.
#[cfg(not(unix))]
pub(crate) fn inputs() -> io::Result<impl Stream<Item = Input> + Unpin> {
    let events = crossterm::event::EventStream::new();
    Ok(events
        .take_while(|event| futures::future::ready(event.is_ok()))
        .filter_map(|event| async { event.ok().map(Input::Event) })
        .boxed_local())
}

/// Other systems stop no programs.
#[cfg(not(unix))]
pub(crate) fn stop() -> io::Result<()> {
    Ok(())
}

/// Reads the terminal and sends what that means, until either end is gone. A read cannot be cancelled, so the thread is
/// left behind when the program ends.
#[cfg(unix)]
fn read(mut events: futures::channel::mpsc::Sender<Event>) {
    use decoder::Decoder;
    use futures::{SinkExt, executor::block_on};
    use rustix::{
        event::{PollFd, PollFlags, poll},
        io::Errno,
    };

    let stdin = io::stdin();
    let mut decoder = Decoder::default();
    let mut bytes = vec![0; CHUNK];
    loop {
        let patience = decoder.patience().and_then(|time| time.try_into().ok());
        let decoded = match poll(&mut [PollFd::new(&stdin, PollFlags::IN)], patience.as_ref()) {
            Ok(0) => decoder.on_silence(),
            Ok(_) => match rustix::io::read(&stdin, &mut bytes) {
                Ok(0) => return,
                Ok(read) => decoder.push(&bytes[..read]),
                Err(Errno::INTR | Errno::AGAIN) => continue,
                Err(error) => return tracing::debug!(%error, "the terminal is gone"),
            },
            Err(Errno::INTR) => continue,
            Err(error) => return tracing::warn!(%error, "cannot wait for the terminal"),
        };
        for event in decoded {
            if block_on(events.send(event)).is_err() {
                return;
            }
        }
    }
}

/// How many bytes are read at once.
#[cfg(unix)]
const CHUNK: usize = 4096;

/// How many events may wait to be taken; the terminal keeps what comes after them.
#[cfg(unix)]
const EVENTS_AHEAD: usize = 64;
