//! Notes of the bot about its program: one line in parentheses, so that it does not look like output of the program.

use std::{fmt, io, process::ExitStatus, time::Duration};

use bytesize::ByteSize;

/// One note.
#[derive(Debug)]
pub(crate) enum Note {
    /// The job queue is full.
    Busy,
    /// The program printed more than this many bytes.
    Cut(usize),
    /// The program ended with a failure.
    Ended(ExitStatus),
    /// The person sent no message for this time.
    Idle(Duration),
    /// The program did not start.
    NoStart(io::Error),
    /// The program printed something other than text.
    NotText,
    /// The program did not end within this time.
    TooSlow(Duration),
}

impl Note {
    /// The note about a program that ended, if it failed.
    pub(crate) fn of(ended: io::Result<ExitStatus>) -> Option<Note> {
        match ended {
            Ok(status) if status.success() => None,
            Ok(status) => Some(Note::Ended(status)),
            Err(why) => Some(Note::NoStart(why)),
        }
    }

    /// The note on a line of its own below `printed`.
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
            Note::Busy => f.write_str("(too many messages are waiting; please try again later)"),
            Note::Cut(most) => {
                let most = ByteSize::b(*most as u64);
                write!(f, "(the program was ended: it printed more than {most})")
            }
            Note::Ended(status) => match (status.code(), signal(*status)) {
                (Some(code), _) => write!(f, "(the program ended with status {code})"),
                (None, Some(signal)) => write!(f, "(the program was ended by signal {signal})"),
                (None, None) => f.write_str("(the program was ended)"),
            },
            Note::Idle(limit) => {
                write!(f, "(the program was ended: no message came for {})", duration(*limit))
            }
            Note::NoStart(why) => write!(f, "(the program cannot be run: {why})"),
            Note::NotText => f.write_str("(the program printed something that is not text)"),
            Note::TooSlow(limit) => {
                write!(f, "(the program was ended: it took more than {})", duration(*limit))
            }
        }
    }
}

/// `time` in whole hours, minutes or seconds.
fn duration(time: Duration) -> String {
    match time.as_secs() {
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
