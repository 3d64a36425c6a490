//! What is done by a crowd so that a server is measured: who talks where, how fast, and until when.

use std::{
    fmt,
    net::SocketAddr,
    time::{Duration, Instant},
};

use chat_measure::Durations;

use crate::{crowd::Crowd, dialects::Dialect};

/// A conversation, the same for every server.
pub struct Work {
    pub name: &'static str,
    pub people: usize,
    /// Everybody is in one of them; each has as many people.
    pub rooms: usize,
    /// So many of the people talk, in turn.
    pub talkers: usize,
    pub messages: u64,
    pub pace: Pace,
}

/// When the next message is said.
pub enum Pace {
    /// As soon as fewer than so many have not come back, counted over all talkers.
    Unanswered(u64),
    /// So many a second, whatever comes back.
    EverySecond(u64),
    /// Never: nothing is said for so long.
    Silence(Duration),
}

impl Work {
    /// Has its people come into their rooms and waits until nothing is said about that any more.
    ///
    /// # Errors
    /// What went wrong, or who did not come in within `patience`.
    pub fn gather(
        &self,
        dialect: &'static dyn Dialect,
        at: SocketAddr,
        patience: Duration,
    ) -> Result<Crowd, String> {
        let end = Instant::now() + patience;
        let mut crowd = Crowd::new(dialect).map_err(|error| error.to_string())?;
        for first in (0..self.people).step_by(AT_ONCE) {
            let last = (first + AT_ONCE).min(self.people);
            for nth in first..last {
                let is_timed = nth.is_multiple_of((self.people / TIMED).max(1));
                crowd.add(format!("u{nth}"), format!("r{}", nth % self.rooms), is_timed, at)?;
            }
            while crowd.notes.entered < last {
                if Instant::now() > end {
                    return Err(format!("{} of {last} came in within {patience:?}", crowd.notes.entered));
                }
                crowd.turn(TURN)?;
            }
        }
        while crowd.turn(QUIET)? {
            if Instant::now() > end {
                return Err(format!("they came in, and are still told of it after {patience:?}"));
            }
        }
        Ok(crowd)
    }

    /// Has them talk until every message has come to everybody, or be silent.
    ///
    /// # Errors
    /// What went wrong, or how much did not come within `patience`.
    pub fn drive(&self, crowd: &mut Crowd, patience: Duration) -> Result<(), String> {
        let in_room = (self.people / self.rooms) as u64;
        let readers = if crowd.dialect.echoes() { in_room } else { in_room - 1 };
        let all = self.messages * readers;
        let began = Instant::now();
        let silence = if let Pace::Silence(long) = self.pace { long } else { Duration::ZERO };
        let mut said = 0;
        while crowd.notes.delivered < all || began.elapsed() < silence {
            if began.elapsed() > patience {
                let came = crowd.notes.delivered;
                return Err(format!("{came} of {all} deliveries came within {patience:?}"));
            }
            let (due, wait) = match self.pace {
                Pace::Unanswered(many) => (many + crowd.notes.delivered / readers, TURN),
                Pace::EverySecond(many) => {
                    let due = (began.elapsed().as_secs_f64() * many as f64) as u64;
                    let next = Duration::from_secs_f64((due + 1) as f64 / many as f64);
                    (due, next.saturating_sub(began.elapsed()))
                }
                Pace::Silence(_) => (0, TURN),
            };
            let due = due.min(self.messages);
            (said..due).for_each(|nth| crowd.say((nth % self.talkers as u64) as usize, nth));
            said = due;
            crowd.send()?;
            crowd.turn(wait)?;
        }
        Ok(())
    }
}

impl fmt::Display for Work {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Work { name, people, rooms, talkers, messages, pace } = self;
        write!(f, "{name}: {people} people in {rooms} rooms, ")?;
        let all = format!("{talkers} of them say {messages} messages");
        match pace {
            Pace::Unanswered(many) => write!(f, "{all}, {many} unanswered at a time"),
            Pace::EverySecond(many) => write!(f, "{all}, {many} a second"),
            Pace::Silence(long) => write!(f, "who say nothing for {long:?}"),
        }
    }
}

/// What a work took.
pub struct Taken {
    /// Processor time of the server.
    pub server: Duration,
    /// Processor time of this program.
    pub generator: Duration,
    /// How long it took.
    pub time: Duration,
    /// Bytes that the server needs for each person.
    pub memory: f64,
    pub messages: u64,
    /// Messages at readers.
    pub deliveries: u64,
    /// How long messages were on their way.
    pub late: Durations,
}

impl Taken {
    /// Processor time of the server, in µs.
    pub fn for_each_delivery(&self) -> f64 {
        self.server.as_secs_f64() * 1e6 / self.deliveries as f64
    }

    /// Processor time of the server, in µs.
    pub fn for_each_message(&self) -> f64 {
        self.server.as_secs_f64() * 1e6 / self.messages as f64
    }

    /// How much of a processor the server had in use, in percent.
    pub fn load(&self) -> f64 {
        self.server.as_secs_f64() * 1e2 / self.time.as_secs_f64()
    }
}

impl fmt::Display for Taken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.deliveries {
            0 => write!(f, "{:.2} KiB", self.memory / 1024.0),
            _ => write!(f, "{:.3} µs", self.for_each_delivery()),
        }
    }
}

/// All works that can be asked for.
pub const WORKS: [Work; 4] = [
    Work { name: "burst", people: 200, rooms: 1, talkers: 10, messages: 20_000, pace: Pace::Unanswered(64) },
    Work { name: "paced", people: 1_000, rooms: 1, talkers: 20, messages: 500, pace: Pace::EverySecond(100) },
    Work {
        name: "pairs",
        people: 1_000,
        rooms: 500,
        talkers: 1_000,
        messages: 200_000,
        pace: Pace::Unanswered(1_000),
    },
    Work {
        name: "idle",
        people: 10_000,
        rooms: 1_000,
        talkers: 0,
        messages: 0,
        pace: Pace::Silence(Duration::from_secs(20)),
    },
];

/// Of so many people it is noted how late messages are: of all it would cost as much as reading them.
const TIMED: usize = 32;
/// How many ask for their rooms at a time: some servers look after newcomers once a second.
const AT_ONCE: usize = 512;
/// How often somebody looks at the deadline while nothing comes.
const TURN: Duration = Duration::from_millis(20);
/// Where nothing came for so long, nothing is about to.
const QUIET: Duration = Duration::from_millis(500);
