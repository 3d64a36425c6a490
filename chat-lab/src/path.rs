//! One direction of a link, without I/O or clock: told a packet's length and the time, it decides its fate.

use std::time::Duration;

use crate::{
    Condition, Direction, Loss, Outage,
    dice::{About, Dice},
};

/// One direction of a link, as a state machine. Times count from any moment, the same for all calls, and never go back.
///
/// What is left to chance follows from the seed and the packet's number (its place among all packets of this
/// direction) alone. What a queue or an outage does follows from the time as well. So the same packets at the same
/// times have the same fate, and the same packets at other times have the same luck.
#[derive(Clone, Debug)]
pub struct Path {
    condition: Condition,
    dice: Dice,
    /// The next packet's number.
    number: u64,
    bad: bool,
    since: Duration,
    /// When what waits will have been sent.
    free_at: Duration,
    /// When the last packet arrives that nobody behind it may overtake.
    last_at: Duration,
}

/// What becomes of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It never arrives.
    Dropped(Why),
    /// It arrives.
    Delivered {
        /// As it was sent, or late.
        packet: Delivery,
        /// Once more.
        copy: Option<Delivery>,
        /// Whether it was held back so that others overtake.
        late: bool,
    },
}

/// Why a packet is dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// It is longer than the MTU.
    TooLong,
    /// Nothing passes at this time.
    Outage,
    /// Too much waits to be sent.
    QueueFull,
    /// By chance.
    Lost,
}

/// How and when a packet arrives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// When, never before it was sent.
    pub at: Duration,
    /// Any number, where one bit is flipped: its remainder by how many bits there are to flip says which.
    pub flip: Option<u64>,
}

impl Path {
    /// From its first packet on, in a condition that holds from time zero.
    pub fn new(condition: Condition, direction: Direction, seed: u64) -> Self {
        let zero = Duration::ZERO;
        let dice = Dice::new(seed, direction);
        Self { condition, dice, number: 0, bad: false, since: zero, free_at: zero, last_at: zero }
    }

    /// What holds now.
    pub fn condition(&self) -> &Condition {
        &self.condition
    }

    /// From now on it is like this. What is under way stays as it was decided, and is not overtaken.
    pub fn set_condition(&mut self, now: Duration, condition: Condition) {
        self.condition = condition;
        self.since = now;
        self.bad = false;
    }

    /// Decides what becomes of the next packet; `length` is that of the whole IP packet, in bytes.
    pub fn send(&mut self, now: Duration, length: usize) -> Fate {
        let number = self.number;
        self.number += 1;
        let lost = self.is_lost(number);
        let settings = self.condition.settings();
        if length > usize::from(settings.mtu) {
            return Fate::Dropped(Why::TooLong);
        }
        let down = |it: &Outage| it.covers(now.saturating_sub(self.since));
        if settings.outages.iter().any(down) {
            return Fate::Dropped(Why::Outage);
        }
        let Some(sent_at) = self.pass_queue(now, length) else { return Fate::Dropped(Why::QueueFull) };
        if lost {
            return Fate::Dropped(Why::Lost);
        }
        let settings = self.condition.settings();
        let hits = |share: crate::Share, about| share.hits(self.dice.draw(about, number));
        let flip = hits(settings.corrupt, About::Corrupt).then(|| self.dice.draw(About::Bit, number));
        let late = hits(settings.reorder, About::Reorder);
        let twice = hits(settings.duplicate, About::Duplicate);
        let late_by = if late { settings.late } else { Duration::ZERO };
        let at = self.arrival(sent_at, About::Jitter, number);
        let copy_at = self.arrival(sent_at, About::JitterOfCopy, number).max(at);
        if !late {
            self.last_at = if twice { copy_at } else { at };
        }
        let copy = twice.then_some(Delivery { at: copy_at + late_by, flip });
        Fate::Delivered { packet: Delivery { at: at + late_by, flip }, copy, late }
    }

    /// When what was sent then arrives, not before those ahead of it.
    fn arrival(&self, sent_at: Duration, jitter: About, number: u64) -> Duration {
        let settings = self.condition.settings();
        let span = 2 * settings.jitter.as_nanos();
        let more = (u128::from(self.dice.draw(jitter, number)) * (span + 1)) >> 64;
        let earliest = sent_at + settings.delay - settings.jitter;
        (earliest + Duration::from_nanos(u64::try_from(more).unwrap_or(u64::MAX))).max(self.last_at)
    }

    /// When its last bit is on the way, if there is room for it to wait until then.
    fn pass_queue(&mut self, now: Duration, length: usize) -> Option<Duration> {
        let (Some(rate), Some(queue)) = (self.condition.settings().rate, self.condition.queue()) else {
            return Some(now);
        };
        let (rate, bits) = (u128::from(rate), 8 * length as u128);
        let waiting = self.free_at.saturating_sub(now).as_nanos() * rate / (8 * SECOND);
        if waiting > 0 && waiting + length as u128 > u128::from(queue) {
            return None;
        }
        let takes = Duration::from_nanos(u64::try_from(bits * SECOND / rate).unwrap_or(u64::MAX));
        self.free_at = self.free_at.max(now) + takes;
        Some(self.free_at)
    }

    fn is_lost(&mut self, number: u64) -> bool {
        let draw = |about| self.dice.draw(about, number);
        match self.condition.settings().loss {
            Loss::Never => false,
            Loss::Even(share) => share.hits(draw(About::Loss)),
            Loss::Bursts { begin, end, bad, good } => {
                let change = if self.bad { end } else { begin };
                self.bad ^= change.hits(draw(About::Burst));
                let share = if self.bad { bad } else { good };
                share.hits(draw(About::Loss))
            }
        }
    }
}

/// In nanoseconds.
const SECOND: u128 = 1_000_000_000;
