//! Decides the fate of each packet in one direction of a link, from its length and the time. There is no I/O or clock here.

use std::time::Duration;

use crate::{
    condition::{Condition, Loss, Outage, Share},
    dice::{Decision, Dice},
    direction::Direction,
};

/// One direction of a link, as a state machine. Times count from an arbitrary moment, the same for all calls, and never
/// decrease.
///
/// Random decisions follow from the seed and the packet's number alone (its place among all packets of this direction).
/// The effects of queue and outages follow from the time as well. So the same packets at the same times have the same
/// fate, and the same packets at other times have the same random decisions.
#[derive(Clone, Debug)]
pub struct Path {
    condition: Condition,
    dice: Dice,
    /// The next packet's number.
    number: u64,
    /// Whether the link is in its bad state (see [`Loss::Bursts`]).
    is_bad: bool,
    /// When the condition was set.
    since: Duration,
    /// When the queue will be empty.
    free_at: Duration,
    /// When the last packet arrives that later packets may not overtake.
    last_at: Duration,
}

/// The fate of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// The packet never arrives.
    Dropped(DropReason),
    /// The packet arrives.
    Delivered {
        /// The packet's arrival.
        packet: Delivery,
        /// The arrival of its copy.
        copy: Option<Delivery>,
        /// Whether the packet was held back so that others overtake it.
        late: bool,
    },
}

/// Why a packet is dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DropReason {
    /// The packet is longer than the MTU.
    TooLong,
    /// The packet was sent in an outage.
    Outage,
    /// The queue has no room.
    QueueFull,
    /// The packet is lost by chance.
    Lost,
}

/// When and how a packet arrives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// The time of arrival, never before the packet was sent.
    pub at: Duration,
    /// A random number if one bit is flipped: its remainder by the number of bits says which one.
    pub flip: Option<u64>,
}

impl Path {
    /// A direction in which no packet was sent yet, under a condition that holds from time zero.
    pub fn new(condition: Condition, direction: Direction, seed: u64) -> Self {
        let zero = Duration::ZERO;
        let dice = Dice::new(seed, direction);
        Self { condition, dice, number: 0, is_bad: false, since: zero, free_at: zero, last_at: zero }
    }

    /// The current condition.
    pub fn condition(&self) -> &Condition {
        &self.condition
    }

    /// Changes the condition. Packets that are under way arrive as was decided before, and are not overtaken.
    pub fn set_condition(&mut self, now: Duration, condition: Condition) {
        self.condition = condition;
        self.since = now;
        self.is_bad = false;
    }

    /// Decides the fate of the next packet; `length` is that of the whole IP packet, in bytes.
    pub fn send(&mut self, now: Duration, length: usize) -> Fate {
        let number = self.number;
        self.number += 1;
        let lost = self.is_lost(number);
        let settings = self.condition.settings();
        if length > usize::from(settings.mtu) {
            return Fate::Dropped(DropReason::TooLong);
        }
        let down = |it: &Outage| it.covers(now.saturating_sub(self.since));
        if settings.outages.iter().any(down) {
            return Fate::Dropped(DropReason::Outage);
        }
        let Some(sent_at) = self.pass_queue(now, length) else { return Fate::Dropped(DropReason::QueueFull) };
        if lost {
            return Fate::Dropped(DropReason::Lost);
        }
        let settings = self.condition.settings();
        let hits = |share: Share, about| share.hits(self.dice.draw(about, number));
        let flip = hits(settings.corrupt, Decision::Corrupt).then(|| self.dice.draw(Decision::Bit, number));
        let late = hits(settings.reorder, Decision::Reorder);
        let twice = hits(settings.duplicate, Decision::Duplicate);
        let late_by = if late { settings.late } else { Duration::ZERO };
        let at = self.arrival(sent_at, Decision::Jitter, number);
        let copy_at = self.arrival(sent_at, Decision::JitterOfCopy, number).max(at);
        if !late {
            self.last_at = if twice { copy_at } else { at };
        }
        let copy = twice.then_some(Delivery { at: copy_at + late_by, flip });
        Fate::Delivered { packet: Delivery { at: at + late_by, flip }, copy, late }
    }

    /// When a packet arrives that left the queue at `sent_at`: not before the packets ahead of it.
    fn arrival(&self, sent_at: Duration, jitter: Decision, number: u64) -> Duration {
        let settings = self.condition.settings();
        let span = 2 * settings.jitter.as_nanos();
        let more = (u128::from(self.dice.draw(jitter, number)) * (span + 1)) >> 64;
        let earliest = sent_at + settings.delay - settings.jitter;
        (earliest + Duration::from_nanos(u64::try_from(more).unwrap_or(u64::MAX))).max(self.last_at)
    }

    /// When the last bit of the packet leaves the queue; `None` if the queue has no room for it.
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
            Loss::Even(share) => share.hits(draw(Decision::Loss)),
            Loss::Bursts { begin, end, bad, good } => {
                let change = if self.is_bad { end } else { begin };
                self.is_bad ^= change.hits(draw(Decision::Burst));
                let share = if self.is_bad { bad } else { good };
                share.hits(draw(Decision::Loss))
            }
        }
    }
}

/// A second in nanoseconds.
const SECOND: u128 = 1_000_000_000;
