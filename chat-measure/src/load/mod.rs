//! Load on a running server: many clients that come in, a few that talk, and what came of it.
//!
//! Everything that is said carries its number and when it was due, so that whoever hears it needs no memory of what was
//! said. Both ends are in this process, so one clock tells how long a delivery took.

mod counting;
mod crowd;
mod ear;
mod figures;
mod mark;
mod mouth;
mod repairing;
mod report;
mod shared;

use std::{fmt, ops::RangeInclusive, time::Duration};

pub use crowd::{Crowd, Watch};
pub use figures::Figures;
pub use report::{Asked, Cost, Memory, Report};
pub use shared::Counters;

use crate::durations::micros;
use mark::LONGEST_MARK;
use mouth::due_before;

/// What a server is loaded with. Only what is possible is made by [`Load::checked`].
#[derive(Clone, Debug, PartialEq)]
pub struct Load {
    /// How many clients there are.
    pub clients: usize,
    /// In how many rooms, the same number in each, as far as that goes.
    pub rooms: usize,
    /// How many of them say something.
    pub senders: usize,
    /// When they do.
    pub pace: Pace,
    /// How long texts are, in bytes.
    pub size: RangeInclusive<usize>,
    /// When it ends.
    pub lasts: Lasts,
    /// For how long before that something is said whose deliveries are not measured.
    pub warmup: Duration,
    /// How many clients come in a second; as many as can without.
    pub ramp: Option<f64>,
    /// For the lengths of texts.
    pub seed: u64,
}

/// When something is said.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Pace {
    /// Never.
    Idle,
    /// So many messages a second, of all senders together, at even times, whether or not others were delivered.
    Rate(f64),
    /// As fast as it goes with so many of each sender's messages unanswered.
    Window(usize),
}

/// When it ends.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Lasts {
    /// After this time, not counting the warm-up.
    Time(Duration),
    /// When so many messages were said.
    Messages(u64),
}

impl Load {
    /// The same, if it is possible.
    ///
    /// # Errors
    /// What is not: which number, and why.
    pub fn checked(self) -> Result<Load, ImpossibleLoad> {
        use ImpossibleLoad as Not;
        if !(1..=MOST_CLIENTS).contains(&self.clients) {
            return Err(Not::Clients);
        }
        if !(1..=self.clients).contains(&self.rooms) {
            return Err(Not::Rooms);
        }
        if !(1..=self.clients).contains(&self.senders) {
            return Err(Not::Senders);
        }
        match self.pace {
            Pace::Rate(rate) if !(0.1..=MOST_A_SECOND).contains(&rate) => return Err(Not::Rate),
            Pace::Window(window) if !(1..=MOST_UNANSWERED).contains(&window) => return Err(Not::Window),
            Pace::Idle | Pace::Rate(_) | Pace::Window(_) => {}
        }
        let bytes = LONGEST_MARK..=chat_core::wire::MAX_TEXT;
        if self.size.is_empty() || !bytes.contains(self.size.start()) || !bytes.contains(self.size.end()) {
            return Err(Not::Size);
        }
        match self.lasts {
            Lasts::Time(time) if !(SHORTEST_TIME..=LONGEST_TIME).contains(&time) => {
                return Err(Not::Duration);
            }
            Lasts::Messages(count) if !(1..=MOST_MESSAGES).contains(&count) => return Err(Not::Messages),
            Lasts::Messages(_) if self.pace == Pace::Idle => return Err(Not::IdleMessages),
            Lasts::Time(_) | Lasts::Messages(_) => {}
        }
        if self.warmup > LONGEST_TIME {
            return Err(Not::Warmup);
        }
        match self.ramp {
            Some(ramp) if !(0.1..=MOST_A_SECOND).contains(&ramp) => Err(Not::Ramp),
            _ => Ok(self),
        }
    }

    /// In which room a client is. Senders are the first ones, and so in as many rooms as there are senders.
    fn room(&self, client: usize) -> usize {
        client % self.rooms
    }

    /// How many clients are in a room, and get what is said there.
    fn members(&self, room: usize) -> u64 {
        (self.clients / self.rooms + usize::from(room < self.clients % self.rooms)) as u64
    }

    /// When nothing more is due, in microseconds since it began.
    fn ends(&self) -> u64 {
        match self.lasts {
            Lasts::Time(time) => micros(self.warmup + time),
            Lasts::Messages(_) => u64::MAX,
        }
    }

    /// When nothing more is said: what was due by then may be a little late.
    fn stops(&self) -> u64 {
        match self.pace {
            Pace::Rate(_) => self.ends().saturating_add(micros(LATE)),
            Pace::Idle | Pace::Window(_) => self.ends(),
        }
    }

    /// How many messages are to be said, where that does not depend on how fast it goes.
    fn planned(&self) -> Option<u64> {
        match (self.pace, self.lasts) {
            (Pace::Idle, _) | (Pace::Window(_), Lasts::Time(_)) => None,
            (_, Lasts::Messages(count)) => Some(count),
            (Pace::Rate(rate), Lasts::Time(_)) => Some(due_before(self.ends(), rate)),
        }
    }

    /// The first number that is not said, where that is known.
    fn most(&self) -> u64 {
        match self.lasts {
            Lasts::Time(_) => u64::MAX,
            Lasts::Messages(count) => count,
        }
    }
}

impl fmt::Display for Load {
    /// In words.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let s = |count: usize| if count == 1 { "" } else { "s" };
        write!(f, "{} client{} in {} room{}", self.clients, s(self.clients), self.rooms, s(self.rooms))?;
        match self.pace {
            Pace::Idle => return write!(f, ", of which nobody says anything"),
            Pace::Rate(rate) => write!(f, ", of which {} say {rate} messages a second", self.senders)?,
            Pace::Window(1) => write!(f, ", of which {} wait for each answer", self.senders)?,
            Pace::Window(window) => {
                write!(f, ", of which {} talk with {window} messages unanswered", self.senders)?;
            }
        }
        match self.size.start() == self.size.end() {
            true => write!(f, ", {} bytes each", self.size.start()),
            false => write!(f, ", {} to {} bytes each", self.size.start(), self.size.end()),
        }
    }
}

/// Why there is no such load.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ImpossibleLoad {
    /// None or too many.
    #[error("--clients: from 1 to {MOST_CLIENTS}")]
    Clients,
    /// Some would be empty.
    #[error("--rooms: at least 1, and no more than there are clients")]
    Rooms,
    /// Nobody, or more than there are.
    #[error("--senders: at least 1, and no more than there are clients")]
    Senders,
    /// Too seldom or too often.
    #[error("--rate: from 0.1 to {MOST_A_SECOND} messages a second")]
    Rate,
    /// None or too many.
    #[error("--window: from 1 to {MOST_UNANSWERED}")]
    Window,
    /// No room for what each message says of itself, or longer than texts may be.
    #[error("--size: from {LONGEST_MARK} to {} bytes, the smaller first", chat_core::wire::MAX_TEXT)]
    Size,
    /// Too short or too long.
    #[error("--duration: from {SHORTEST_TIME:?} to {LONGEST_TIME:?}")]
    Duration,
    /// Too long.
    #[error("--warmup: at most {LONGEST_TIME:?}")]
    Warmup,
    /// None or too many.
    #[error("--messages: from 1 to {MOST_MESSAGES}")]
    Messages,
    /// Nobody says them.
    #[error("--messages: nobody says anything with --idle")]
    IdleMessages,
    /// Too slow or too fast.
    #[error("--ramp: from 0.1 to {MOST_A_SECOND} clients a second")]
    Ramp,
}

const MOST_CLIENTS: usize = 100_000;
const MOST_A_SECOND: f64 = 1_000_000.0;
const MOST_UNANSWERED: usize = 1000;
const MOST_MESSAGES: u64 = 1_000_000_000;
const SHORTEST_TIME: Duration = Duration::from_millis(100);
/// How late somebody may say what was due before the end.
const LATE: Duration = Duration::from_secs(1);
const LONGEST_TIME: Duration = Duration::from_secs(24 * 60 * 60);
