//! The description of a load: how many clients, what they send, for how long, and which such loads are possible.

use std::{fmt, ops::RangeInclusive, time::Duration};

use super::stamp::LONGEST_STAMP;
use crate::durations::micros;

/// The load that a server is put under. [`Load::checked`] tells whether it is possible.
#[derive(Clone, Debug, PartialEq)]
pub struct Load {
    /// The number of clients.
    pub clients: usize,
    /// The number of rooms. Clients are spread over them evenly; the first rooms take the remainder.
    pub rooms: usize,
    /// How many of the clients send messages.
    pub senders: usize,
    /// When the senders send.
    pub pace: Pace,
    /// The length of texts, in bytes.
    pub size: RangeInclusive<usize>,
    /// When the load ends.
    pub lasts: Lasts,
    /// For how long the senders send before deliveries are measured.
    pub warmup: Duration,
    /// How many clients join per second; `None` lets them join as fast as possible.
    pub ramp: Option<f64>,
    /// The seed that the lengths of texts are drawn from.
    pub seed: u64,
}

/// When the senders send.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Pace {
    /// They never send.
    Idle,
    /// All senders together send this many messages per second, evenly spaced, whether or not earlier ones were delivered.
    Rate(f64),
    /// Each sender sends as fast as possible with at most this many of its messages unanswered.
    Window(usize),
}

/// When a load ends.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Lasts {
    /// After this time, not counting the warm-up.
    Time(Duration),
    /// After this many messages were sent.
    Messages(u64),
}

impl Load {
    /// Returns this load if it is possible.
    ///
    /// # Errors
    /// Names the first field that is out of range.
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
        let bytes = LONGEST_STAMP..=chat_core::wire::MAX_TEXT;
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

    /// The room of a client. The first clients are the senders, so senders are spread over the rooms evenly too.
    pub(super) fn room_of(&self, client: usize) -> usize {
        client % self.rooms
    }

    /// How many clients are in a room. The server delivers each message of the room to all of them, the sender included.
    pub(super) fn members(&self, room: usize) -> u64 {
        (self.clients / self.rooms + usize::from(room < self.clients % self.rooms)) as u64
    }

    /// From when on no message is due, in microseconds since the load began.
    pub(super) fn ends(&self) -> u64 {
        match self.lasts {
            Lasts::Time(time) => micros(self.warmup + time),
            Lasts::Messages(_) => u64::MAX,
        }
    }

    /// From when on no message is sent. At a rate this is later than [`Load::ends`], because a message that was due just
    /// before the end may be sent a little late.
    pub(super) fn stops(&self) -> u64 {
        match self.pace {
            Pace::Rate(_) => self.ends().saturating_add(micros(LATE)),
            Pace::Idle | Pace::Window(_) => self.ends(),
        }
    }

    /// How many messages are to be sent, where that does not depend on the server's speed.
    pub(super) fn planned(&self) -> Option<u64> {
        match (self.pace, self.lasts) {
            (Pace::Idle, _) | (Pace::Window(_), Lasts::Time(_)) => None,
            (_, Lasts::Messages(count)) => Some(count),
            (Pace::Rate(rate), Lasts::Time(_)) => Some(due_before(self.ends(), rate)),
        }
    }

    /// The first message number that is not sent; `u64::MAX` where only the time ends the load.
    pub(super) fn end_number(&self) -> u64 {
        match self.lasts {
            Lasts::Time(_) => u64::MAX,
            Lasts::Messages(count) => count,
        }
    }
}

/// When message `number` is due at a rate, in microseconds since the load began.
pub(super) fn due(number: u64, rate: f64) -> u64 {
    (number as f64 * 1e6 / rate) as u64
}

/// How many messages are due before `end` at a rate.
fn due_before(end: u64, rate: f64) -> u64 {
    let about = (end as f64 * rate / 1e6) as u64;
    // The two formulas round differently, so the estimate may be off by one or two.
    (about.saturating_sub(2)..).find(|number| due(*number, rate) >= end).unwrap_or(about)
}

impl fmt::Display for Load {
    /// Describes the load in words.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let s = |count: usize| if count == 1 { "" } else { "s" };
        write!(f, "{} client{} in {} room{}", self.clients, s(self.clients), self.rooms, s(self.rooms))?;
        match self.pace {
            Pace::Idle => return write!(f, ", none of which sends anything"),
            Pace::Rate(rate) => write!(f, ", of which {} send {rate} messages a second", self.senders)?,
            Pace::Window(1) => write!(f, ", of which {} wait for each reply", self.senders)?,
            Pace::Window(window) => {
                write!(f, ", of which {} send with up to {window} messages unanswered", self.senders)?;
            }
        }
        match self.size.start() == self.size.end() {
            true => write!(f, ", {} bytes each", self.size.start()),
            false => write!(f, ", {} to {} bytes each", self.size.start(), self.size.end()),
        }
    }
}

/// Why a load is impossible, worded with the flag of `chat bench` that sets the number.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ImpossibleLoad {
    /// No clients, or too many.
    #[error("--clients: from 1 to {MOST_CLIENTS}")]
    Clients,
    /// No rooms, or rooms that would be empty.
    #[error("--rooms: at least 1, and no more than there are clients")]
    Rooms,
    /// No senders, or more senders than clients.
    #[error("--senders: at least 1, and no more than there are clients")]
    Senders,
    /// The rate is too low or too high.
    #[error("--rate: from 0.1 to {MOST_A_SECOND} messages a second")]
    Rate,
    /// The window is empty or too large.
    #[error("--window: from 1 to {MOST_UNANSWERED}")]
    Window,
    /// Texts would have no room for their stamp, or be longer than the protocol allows.
    #[error("--size: from {LONGEST_STAMP} to {} bytes, the smaller first", chat_core::wire::MAX_TEXT)]
    Size,
    /// The duration is too short or too long.
    #[error("--duration: from {SHORTEST_TIME:?} to {LONGEST_TIME:?}")]
    Duration,
    /// The warm-up is too long.
    #[error("--warmup: at most {LONGEST_TIME:?}")]
    Warmup,
    /// No messages, or too many.
    #[error("--messages: from 1 to {MOST_MESSAGES}")]
    Messages,
    /// Messages are asked of senders that never send.
    #[error("--messages: with --idle no client sends a message")]
    IdleMessages,
    /// Clients would join too slowly or too fast.
    #[error("--ramp: from 0.1 to {MOST_A_SECOND} clients a second")]
    Ramp,
}

const MOST_CLIENTS: usize = 100_000;
const MOST_A_SECOND: f64 = 1_000_000.0;
const MOST_UNANSWERED: usize = 1000;
const MOST_MESSAGES: u64 = 1_000_000_000;
const SHORTEST_TIME: Duration = Duration::from_millis(100);
/// How late a message may be sent that was due before the end.
const LATE: Duration = Duration::from_secs(1);
const LONGEST_TIME: Duration = Duration::from_secs(24 * 60 * 60);
