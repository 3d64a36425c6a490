//! Who talks and how: scenarios by name, and conversations with numbers of one's own.

use std::{fmt, ops::RangeInclusive, time::Duration};

/// A conversation under conditions that go with it, by name.
#[derive(Clone, Debug, PartialEq)]
pub struct Scenario {
    /// Its name.
    pub name: &'static str,
    /// What it is, in a few words.
    pub about: &'static str,
    /// Who talks and how.
    pub conversation: Conversation,
    /// What the link is like unless something else is asked for, as conditions are written.
    pub conditions: &'static [&'static str],
}

/// Who talks and how. Only those that are possible are made by [`Conversation::checked`].
#[derive(Clone, Debug, PartialEq)]
pub struct Conversation {
    /// How many are there.
    pub people: usize,
    /// In how many rooms, the same number in each, as far as that goes.
    pub rooms: usize,
    /// How many of them say something; the others read.
    pub speakers: usize,
    /// When.
    pub pace: Pace,
    /// How long texts are, in bytes.
    pub size: RangeInclusive<usize>,
    /// For how long something is said.
    pub lasts: Duration,
}

/// When something is said.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Pace {
    /// At random times, whether or not what was said before has arrived.
    Rate {
        /// Messages a second, of all speakers together.
        messages: f64,
        /// How many a speaker says in a row, on average.
        burst: usize,
    },
    /// As fast as it goes.
    Window {
        /// How many of each speaker's messages are unanswered at a time.
        messages: usize,
    },
}

/// All scenarios there are. The first is the one that is meant where none is named.
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
        about: "two people talk as fast as it goes, two read",
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
        about: "8 KiB pastes, which no packet holds",
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

/// A good network, one that loses, and one that does everything a network may do.
const THREE: &[&str] =
    &["delay=1ms", "delay=10ms,loss=2%", "delay=20ms,jitter=5ms,loss=5%,duplicate=1%,reorder=2%/15ms"];

impl Scenario {
    /// The one of this name.
    pub fn named(name: &str) -> Option<&'static Scenario> {
        SCENARIOS.iter().find(|it| it.name == name)
    }
}

impl Conversation {
    /// The same, if it is possible.
    ///
    /// # Errors
    /// What is not: which number, and why.
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

    /// In which room somebody is.
    pub(crate) fn room(&self, person: usize) -> usize {
        person % self.rooms
    }

    /// How many read what is said in a room.
    pub(crate) fn readers(&self, room: usize) -> u64 {
        let members = self.people / self.rooms + usize::from(room < self.people % self.rooms);
        members as u64 - 1
    }
}

impl fmt::Display for Conversation {
    /// In words.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Conversation { people, rooms, speakers, size, lasts, .. } = self;
        let s = if *rooms == 1 { "" } else { "s" };
        let who =
            if speakers == people { "say".to_owned() } else { format!("({speakers} of them speak) say") };
        write!(f, "{people} people in {rooms} room{s} {who} ")?;
        match self.pace {
            Pace::Rate { messages, burst } => {
                write!(f, "{messages} messages a second, {burst} in a row on average")?;
            }
            Pace::Window { messages } => {
                write!(f, "as much as goes with {messages} messages unanswered each")?;
            }
        }
        match size.start() == size.end() {
            true => write!(f, ", of {} bytes", size.start())?,
            false => write!(f, ", of {} to {} bytes", size.start(), size.end())?,
        }
        write!(f, ", for {lasts:?}")
    }
}

/// Why there is no such conversation.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ImpossibleConversation {
    /// Too few or too many.
    #[error("--people: from 2 to {MOST_PEOPLE}")]
    People,
    /// Somebody would be alone.
    #[error("--rooms: at least 1, with at least two people in each")]
    Rooms,
    /// Nobody, or more than there are.
    #[error("--speakers: at least 1, and no more than there are people")]
    Speakers,
    /// Too seldom or too often.
    #[error("--rate: from 0.1 to {MOST_A_SECOND} messages a second")]
    Rate,
    /// None or too many.
    #[error("--burst: from 1 to {MOST_IN_A_ROW}")]
    Burst,
    /// None or too many.
    #[error("--window: from 1 to {MOST_IN_A_ROW}")]
    Window,
    /// Too short to say which message it is, or longer than texts may be.
    #[error("--size: from {SHORTEST} to {} bytes, the smaller first", chat_core::wire::MAX_TEXT)]
    Size,
    /// Too short or too long.
    #[error("--lasts: from {SHORTEST_TIME:?} to {LONGEST_TIME:?}")]
    Lasts,
}

const MOST_PEOPLE: usize = 10_000;
const MOST_A_SECOND: f64 = 100_000.0;
/// Also how many may be unanswered.
pub(crate) const MOST_IN_A_ROW: usize = 1000;
/// Room for the number that a text begins with.
const SHORTEST: usize = 10;
const SHORTEST_TIME: Duration = Duration::from_millis(100);
const LONGEST_TIME: Duration = Duration::from_secs(600);
