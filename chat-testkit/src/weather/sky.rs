//! One direction of a link in bad weather: the dice, and the frames on their way. It does no I/O and is told the time.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use bytes::Bytes;

use super::{Dice, Odds, Weather};

/// Decides what becomes of frames: they go in by [`admit`](Sky::admit) and come out of [`release`](Sky::release),
/// some not at all, some twice, some late.
#[derive(Debug)]
pub struct Sky {
    weather: Weather,
    dice: Dice,
    rng: fastrand::Rng,
    /// How many frames were admitted.
    admitted: u64,
    on_their_way: BTreeMap<Place, Flight>,
}

/// Where a frame is among those on their way.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
struct Place {
    /// The number of the frame it comes out after if it is held back, otherwise its own.
    after: u64,
    /// Comes before its own number in the order, as whatever is held back comes out after the frame it waits for.
    held: bool,
    number: u64,
    copy: u8,
}

#[derive(Debug)]
struct Flight {
    due: Instant,
    frame: Bytes,
}

impl Sky {
    /// The sky of `seed`.
    pub fn new(weather: Weather, seed: u64) -> Sky {
        let odds = Odds { loss: weather.loss, duplicate: weather.duplicate, ..Odds::default() };
        let rng = fastrand::Rng::with_seed(seed);
        Sky { weather, dice: Dice::new(odds), rng, admitted: 0, on_their_way: BTreeMap::new() }
    }

    /// Takes a frame. How often it comes out, and in which place, is decided here.
    pub fn admit(&mut self, frame: &Bytes, now: Instant) {
        let number = self.admitted;
        self.admitted += 1;
        // The dice fall the same number of times for every frame: one more of this does not change all of that.
        let copies = self.dice.cast(&mut self.rng);
        for copy in 0..2 {
            let held = self.happens(self.weather.reorder);
            let behind = self.rng.u64(1..=self.hold());
            if copy >= copies {
                continue;
            }
            let after = if held { number + behind } else { number };
            let due = now + self.weather.delay;
            self.on_their_way
                .insert(Place { after, held, number, copy }, Flight { due, frame: frame.clone() });
        }
    }

    /// The next frame that has arrived by `now`, in the order of arrival.
    pub fn release(&mut self, now: Instant) -> Option<Bytes> {
        let entry = self.on_their_way.first_entry()?;
        let arrival = arrival(*entry.key(), entry.get(), self.admitted);
        (arrival <= now).then(|| entry.remove().frame)
    }

    /// When the next frame arrives, if no further one is admitted before.
    pub fn next_arrival(&self) -> Option<Instant> {
        self.on_their_way.first_key_value().map(|(place, flight)| arrival(*place, flight, self.admitted))
    }

    /// How many frames are on their way, copies included.
    pub fn in_flight(&self) -> usize {
        self.on_their_way.len()
    }

    fn happens(&mut self, percent: u8) -> bool {
        self.rng.u8(0..100) < percent
    }

    fn hold(&self) -> u64 {
        if self.weather.hold == 0 { HOLD } else { u64::from(self.weather.hold) }
    }
}

/// When a frame arrives: when it is due, but one that is held back only after those that overtake it have passed, or
/// if they do not come, a little later.
fn arrival(place: Place, flight: &Flight, admitted: u64) -> Instant {
    if place.held && admitted <= place.after { flight.due + OVERDUE } else { flight.due }
}

/// By how many frames one can be overtaken unless told.
const HOLD: u64 = 3;

/// How long a frame that is held back waits for those that overtake it.
const OVERDUE: Duration = Duration::from_millis(20);
