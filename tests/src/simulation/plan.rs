//! What a seed decides beforehand: who is there, what their ways are like, what is done to them and to the server.

use std::time::Duration;

use chat_core::server::Limits;

use super::{
    network::{Conditions, Kind},
    sabotage::Sabotage,
};
use chat_testkit::weather::Odds;

/// One run.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Everybody.
    pub people: Vec<Person>,
    /// How many rooms there are.
    pub rooms: usize,
    /// What the server allows.
    pub limits: Limits,
    /// What the log does.
    pub disk: Disk,
    /// When the server goes away, each after the one before.
    pub outages: Vec<Outage>,
    /// How long there are faults.
    pub length: Duration,
    /// For how long before that nobody asks for anything any more.
    pub silence: Duration,
    /// What is broken on purpose.
    pub sabotage: Option<Sabotage>,
    /// Whether the history has every frame in it.
    pub frames: bool,
}

/// Somebody.
#[derive(Clone, Debug)]
pub struct Person {
    /// What their links promise.
    pub kind: Kind,
    /// The way to the server.
    pub up: Conditions,
    /// The way back.
    pub down: Conditions,
    /// After how many frames a link that promises delivery is cut on average; 0: never.
    pub cut_after: u64,
    /// When links that promise delivery are cut as well.
    pub cuts: Vec<Duration>,
    /// When their program is killed, for how long it is away, and whether it comes back at another host.
    pub kills: Vec<(Duration, Duration, bool)>,
    /// How much they ask for before the last silence, each life the same.
    pub asks: u32,
    /// The longest pause between two requests.
    pub pause: Duration,
    /// Whether they also speak in rooms they are not in.
    pub strays: bool,
    /// How long they look at an update.
    pub reads_for: Duration,
    /// Their own dice.
    pub seed: u64,
}

/// A log's trouble.
#[derive(Clone, Copy, Debug)]
pub struct Disk {
    /// Bytes it holds before it lets the oldest entries go.
    pub bytes: usize,
    /// The longest commit.
    pub commit: Duration,
    /// How many of a hundred commits fail.
    pub fails: u8,
}

/// One time that the server is gone.
#[derive(Clone, Copy, Debug)]
pub struct Outage {
    /// How long it ran before.
    pub after: Duration,
    /// How long it is away.
    pub away: Duration,
    /// Whether it stops in an orderly way, rather than all at once.
    pub orderly: bool,
    /// Whether the log is lost with it.
    pub wipes: bool,
}

impl Plan {
    /// What `seed` decides.
    pub fn of(seed: u64) -> Plan {
        let mut dice = Dice(fastrand::Rng::with_seed(seed ^ PLANS));
        let length = Duration::from_secs(dice.0.u64(20..90));
        let count = dice.0.usize(2..=8);
        let air = dice.0.u8(0..=100);
        let people: Vec<Person> = (0..count).map(|_| dice.person(length, air)).collect();
        Plan {
            people,
            rooms: dice.0.usize(1..=4),
            limits: dice.limits(),
            disk: dice.disk(),
            outages: dice.outages(length),
            length,
            silence: dice.up_to(length / 3),
            sabotage: None,
            frames: false,
        }
    }

    /// The same with everybody on the wire.
    #[must_use]
    pub fn wired(mut self) -> Plan {
        self.people.iter_mut().for_each(|it| it.kind = Kind::Wire);
        self
    }
}

/// What is likely, and how likely.
struct Dice(fastrand::Rng);

impl Dice {
    fn one_in(&mut self, sides: u32) -> bool {
        self.0.u32(..sides) == 0
    }

    fn up_to(&mut self, most: Duration) -> Duration {
        Duration::from_micros(self.0.u64(..=u64::try_from(most.as_micros()).unwrap_or(u64::MAX)))
    }

    fn person(&mut self, length: Duration, air: u8) -> Person {
        let kind = match self.0.u8(0..100) {
            draw if draw < air && draw.is_multiple_of(3) => Kind::Sequenced,
            draw if draw < air => Kind::Air,
            draw if draw.is_multiple_of(3) => Kind::Unordered,
            _ => Kind::Wire,
        };
        let kills = match self.0.u8(0..10) {
            0..6 => 0,
            6..9 => 1,
            _ => 3,
        };
        Person {
            kind,
            up: self.conditions(length),
            down: self.conditions(length),
            cut_after: if self.one_in(3) { self.0.u64(20..400) } else { 0 },
            cuts: (0..self.0.usize(..3)).map(|_| self.up_to(length)).collect(),
            kills: (0..kills)
                .map(|_| (self.up_to(length), self.up_to(Duration::from_secs(5)), self.0.bool()))
                .collect(),
            asks: self.0.u32(20..140),
            strays: self.one_in(4),
            pause: Duration::from_millis([5, 100, 500, 2000][self.0.usize(..4)]),
            reads_for: if self.one_in(12) { self.up_to(Duration::from_millis(150)) } else { Duration::ZERO },
            seed: self.0.u64(..),
        }
    }

    fn conditions(&mut self, length: Duration) -> Conditions {
        let loss = [0, 1, 5, 20, 35, 50][self.0.usize(..6)];
        let odds = Odds {
            loss,
            burst: if self.one_in(3) { self.0.u8(2..=10) } else { 1 },
            duplicate: [0, 0, 5, 30][self.0.usize(..4)],
            copies: self.0.u8(1..=3),
        };
        let dark = (0..usize::from(self.one_in(4))).map(|_| {
            let from = self.up_to(length);
            (from, (from + self.up_to(Duration::from_secs(60))).min(length))
        });
        let dark = dark.collect();
        let delay = Duration::from_micros([0, 200, 2_500, 20_000, 150_000][self.0.usize(..5)]);
        let jitter = Duration::from_micros([0, 500, 10_000, 100_000, 500_000][self.0.usize(..5)]);
        Conditions { odds, delay, jitter, dark }
    }

    fn limits(&mut self) -> Limits {
        let limits = Limits { grace: Duration::from_secs(self.0.u64(1..=30)), ..Limits::default() };
        if self.one_in(2) { limits.unlimited() } else { limits }
    }

    fn disk(&mut self) -> Disk {
        Disk {
            bytes: if self.one_in(10) { 40_000 } else { 1 << 26 },
            commit: Duration::from_micros([0, 500, 20_000, 1_000_000][self.0.usize(..4)]),
            fails: if self.one_in(4) { 5 } else { 0 },
        }
    }

    fn outages(&mut self, length: Duration) -> Vec<Outage> {
        let count = [0, 0, 1, 2][self.0.usize(..4)];
        let outage = |dice: &mut Dice| Outage {
            after: dice.up_to(length / count.max(1)),
            away: dice.up_to(Duration::from_secs(3)),
            orderly: dice.0.bool(),
            wipes: dice.one_in(8),
        };
        (0..count).map(|_| outage(self)).collect()
    }
}

/// What somebody is called.
pub fn name(person: usize) -> &'static str {
    NAMES[person % NAMES.len()]
}

/// What a room is called.
pub fn room(number: usize) -> &'static str {
    ROOMS[number % ROOMS.len()]
}

const NAMES: [&str; 8] = ["ana", "bob", "cleo", "dan", "eva", "finn", "gus", "hal"];
const ROOMS: [&str; 4] = ["lobby", "hall", "attic", "yard"];
/// Sets these dice apart from the others of the same seed.
const PLANS: u64 = 0x706C_616E;
