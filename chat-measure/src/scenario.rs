//! The conversations that are measured: named scenarios, and conversations with numbers of one's own.

use std::{fmt, ops::RangeInclusive, time::Duration};

/// A named conversation, with the conditions that it is measured under.
#[derive(Clone, Debug, PartialEq)]
pub struct Scenario {
    /// Its name.
    pub name: &'static str,
    /// A description in a few words.
    pub about: &'static str,
    /// The conversation.
    pub conversation: Conversation,
    /// The conditions of the link unless others are asked for, in the notation of chat-lab.
    pub conditions: &'static [&'static str],
}

/// How many people talk, how often and for how long. [`Conversation::checked`] tells whether it is possible.
#[derive(Clone, Debug, PartialEq)]
pub struct Conversation {
    /// The number of people. Each is played by a client of its own.
    pub people: usize,
    /// The number of rooms. People are spread over them evenly; the first rooms take the remainder.
    pub rooms: usize,
    /// How many of the people send messages; the others only read.
    pub speakers: usize,
    /// When the speakers send.
    pub pace: Pace,
    /// The length of texts, in bytes.
    pub size: RangeInclusive<usize>,
    /// For how long the speakers send.
    pub lasts: Duration,
}

/// When speakers send.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Pace {
    /// At random times, whether or not earlier messages have arrived.
    Rate {
        /// Messages per second, of all speakers together.
        messages: f64,
        /// How many messages a speaker sends in a row, on average.
        burst: usize,
    },
    /// As fast as possible with a limited number of unanswered messages.
    Window {
        /// How many messages of each speaker may be unanswered at a time.
        messages: usize,
    },
}

/// All scenarios. The first is the default.
pub const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "meeting",
        about: "50 people in a lively room",
        conversation: Conversation {
            people: 50,
            rooms: 1,
            speakers: 50,
            pace: Pace::Rate { messages: 40.0, burst: 3 },
            size: 20..=160,
            lasts: Duration::from_secs(3),
        },
        conditions: THREE,
    },
    Scenario {
        name: "talk",
        about: "a few people typing",
        conversation: Conversation {
            people: 5,
            rooms: 1,
            speakers: 5,
            pace: Pace::Rate { messages: 8.0, burst: 2 },
            size: 10..=100,
            lasts: Duration::from_secs(6),
        },
        conditions: THREE,
    },
    Scenario {
        name: "flood",
        about: "two people send as fast as possible, two read",
        conversation: Conversation {
            people: 4,
            rooms: 1,
            speakers: 2,
            pace: Pace::Window { messages: 32 },
            size: 200..=200,
            lasts: Duration::from_secs(3),
        },
        conditions: &["delay=1ms", "delay=10ms,loss=2%", "delay=5ms,rate=10mbit,queue=200kB"],
    },
    Scenario {
        name: "big",
        about: "8 KiB pastes, larger than any packet",
        conversation: Conversation {
            people: 10,
            rooms: 1,
            speakers: 10,
            pace: Pace::Rate { messages: 10.0, burst: 1 },
            size: 8192..=8192,
            lasts: Duration::from_secs(4),
        },
        conditions: &["delay=1ms", "delay=10ms,loss=2%"],
    },
    Scenario {
        name: "lossy-wifi",
        about: "20 people on a Wi-Fi that loses packets in bursts",
        conversation: Conversation {
            people: 20,
            rooms: 1,
            speakers: 20,
            pace: Pace::Rate { messages: 30.0, burst: 2 },
            size: 20..=160,
            lasts: Duration::from_secs(6),
        },
        conditions: &["delay=4ms,jitter=3ms,burst=1%/20%/70%/0.5%"],
    },
    Scenario {
        name: "roaming",
        about: "nothing gets through for two seconds in the middle",
        conversation: Conversation {
            people: 10,
            rooms: 1,
            speakers: 10,
            pace: Pace::Rate { messages: 20.0, burst: 2 },
            size: 20..=160,
            lasts: Duration::from_secs(6),
        },
        conditions: &["delay=10ms,outage=2s@2s"],
    },
];

/// A good network, one that loses packets, and one with every fault that a network may have.
const THREE: &[&str] =
    &["delay=1ms", "delay=10ms,loss=2%", "delay=20ms,jitter=5ms,loss=5%,duplicate=1%,reorder=2%/15ms"];

impl Scenario {
    /// The scenario of this name.
    pub fn named(name: &str) -> Option<&'static Scenario> {
        SCENARIOS.iter().find(|scenario| scenario.name == name)
    }
}

impl Conversation {
    /// Returns this conversation if it is possible.
    ///
    /// # Errors
    /// Names the first field that is out of range.
    pub fn checked(self) -> Result<Conversation, ImpossibleConversation> {
        use ImpossibleConversation as Not;
        if !(2..=MOST_PEOPLE).contains(&self.people) {
            return Err(Not::People);
        }
        if self.rooms == 0 || self.people < 2 * self.rooms {
            return Err(Not::Rooms);
        }
        if !(1..=self.people).contains(&self.speakers) {
            return Err(Not::Speakers);
        }
        match self.pace {
            Pace::Rate { messages, .. } if !(0.1..=MOST_A_SECOND).contains(&messages) => {
                return Err(Not::Rate);
            }
            Pace::Rate { burst, .. } if !(1..=MOST_IN_A_ROW).contains(&burst) => return Err(Not::Burst),
            Pace::Window { messages } if !(1..=MOST_IN_A_ROW).contains(&messages) => return Err(Not::Window),
            Pace::Rate { .. } | Pace::Window { .. } => {}
        }
        if self.size.is_empty()
            || *self.size.start() < SHORTEST
            || *self.size.end() > chat_core::wire::MAX_TEXT
        {
            return Err(Not::Size);
        }
        if !(SHORTEST_TIME..=LONGEST_TIME).contains(&self.lasts) {
            return Err(Not::Lasts);
        }
        Ok(self)
    }

    /// The room of a person.
    pub(crate) fn room_of(&self, person: usize) -> usize {
        person % self.rooms
    }

    /// How many readers a message has in a room: everyone there but its sender.
    pub(crate) fn readers(&self, room: usize) -> u64 {
        let members = self.people / self.rooms + usize::from(room < self.people % self.rooms);
        members as u64 - 1
    }
}

impl fmt::Display for Conversation {
    /// Describes the conversation in words.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Conversation { people, rooms, speakers, size, lasts, .. } = self;
        let s = if *rooms == 1 { "" } else { "s" };
        let who =
            if speakers == people { "send".to_owned() } else { format!("({speakers} of them speak) send") };
        write!(f, "{people} people in {rooms} room{s} {who} ")?;
        match self.pace {
            Pace::Rate { messages, burst } => {
                write!(f, "{messages} messages a second, {burst} in a row on average")?;
            }
            Pace::Window { messages } => {
                write!(f, "as fast as possible with {messages} messages unanswered each")?;
            }
        }
        match size.start() == size.end() {
            true => write!(f, ", of {} bytes", size.start())?,
            false => write!(f, ", of {} to {} bytes", size.start(), size.end())?,
        }
        write!(f, ", for {lasts:?}")
    }
}

/// Why a conversation is impossible, worded with the flag of `chat compare` that sets the number.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ImpossibleConversation {
    /// Too few people, or too many.
    #[error("--people: from 2 to {MOST_PEOPLE}")]
    People,
    /// No rooms, or a room in which a person would be alone.
    #[error("--rooms: at least 1, with at least two people in each")]
    Rooms,
    /// No speakers, or more speakers than people.
    #[error("--speakers: at least 1, and no more than there are people")]
    Speakers,
    /// The rate is too low or too high.
    #[error("--rate: from 0.1 to {MOST_A_SECOND} messages a second")]
    Rate,
    /// The burst is empty or too long.
    #[error("--burst: from 1 to {MOST_IN_A_ROW}")]
    Burst,
    /// The window is empty or too large.
    #[error("--window: from 1 to {MOST_IN_A_ROW}")]
    Window,
    /// Texts would have no room for their number, or be longer than the protocol allows.
    #[error("--size: from {SHORTEST} to {} bytes, the smaller first", chat_core::wire::MAX_TEXT)]
    Size,
    /// The conversation is too short or too long.
    #[error("--lasts: from {SHORTEST_TIME:?} to {LONGEST_TIME:?}")]
    Lasts,
}

const MOST_PEOPLE: usize = 10_000;
const MOST_A_SECOND: f64 = 100_000.0;
/// The longest burst, and the largest window.
pub(crate) const MOST_IN_A_ROW: usize = 1000;
/// The shortest text, with room for the message's number.
const SHORTEST: usize = 10;
const SHORTEST_TIME: Duration = Duration::from_millis(100);
const LONGEST_TIME: Duration = Duration::from_secs(600);
