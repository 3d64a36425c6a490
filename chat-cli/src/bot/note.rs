//! What has to be said about a program, in one line that shows that it is not by it.

use std::{fmt, io, process::ExitStatus, time::Duration};

use bytesize::ByteSize;

/// Such a line.
#[derive(Debug)]
pub(crate) enum Note {
    /// There is no place to wait.
    Busy,
    /// It printed more than this many bytes.
    Cut(usize),
    /// It ended, and not well.
    Ended(ExitStatus),
    /// Nobody said anything to it for so long.
    Idle(Duration),
    /// It did not start.
    NoStart(io::Error),
    /// It printed what is no text.
    NotText,
    /// It did not end within this time.
    TooSlow(Duration),
}

impl Note {
    /// What is to be said of how it ended, if anything is.
    pub(crate) fn of(ended: io::Result<ExitStatus>) -> Option<Note> {
        match ended {
            Ok(status) if status.success() => None,
            Ok(status) => Some(Note::Ended(status)),
            Err(why) => Some(Note::NoStart(why)),
        }
    }

    /// The line, below what was printed before.
    pub(crate) fn below(self, mut printed: String) -> String {
        if !printed.is_empty() {
            printed.push('\n');
        }
        printed + &self.to_string()
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Note::Busy => f.write_str("(too much waits to be answered; please try again later)"),
            Note::Cut(most) => {
                let most = ByteSize::b(*most as u64);
                write!(f, "(the program was ended: it printed more than {most})")
            }
            Note::Ended(status) => match (status.code(), signal(*status)) {
                (Some(code), _) => write!(f, "(the program ended with status {code})"),
                (None, Some(signal)) => write!(f, "(the program was ended by signal {signal})"),
                (None, None) => f.write_str("(the program was ended)"),
            },
            Note::Idle(limit) => write!(f, "(the program was ended: nothing was said for {})", span(*limit)),
            Note::NoStart(why) => write!(f, "(the program cannot be run: {why})"),
            Note::NotText => f.write_str("(the program printed something that is no text)"),
            Note::TooSlow(limit) => {
                write!(f, "(the program was ended: it took more than {})", span(*limit))
            }
        }
    }
}

/// As people write it on the command line.
fn span(span: Duration) -> String {
    match span.as_secs() {
        seconds if seconds % 3600 == 0 => format!("{} h", seconds / 3600),
        seconds if seconds % 60 == 0 => format!("{} min", seconds / 60),
        seconds => format!("{seconds} s"),
    }
}

#[cfg(unix)]
fn signal(status: ExitStatus) -> Option<i32> {
    std::os::unix::process::ExitStatusExt::signal(&status)
}

#[cfg(not(unix))]
fn signal(_: ExitStatus) -> Option<i32> {
    None
}
