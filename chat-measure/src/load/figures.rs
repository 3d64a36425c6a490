//! What came of a load.

use serde::Serialize;

use super::{ear::Heard, micros, shared::Shared};
use crate::Durations;

/// What came of a load. A delivery is a message that came to one client in its room, the sender included.
#[derive(Clone, Debug, Default, Serialize)]
#[non_exhaustive]
pub struct Figures {
    /// How many clients came into their rooms.
    pub joined: usize,
    /// How long it took each, from the beginning of its dialling, or where clients come in at a rate from when it was its
    /// turn, until it was in its room.
    pub join: Durations,
    /// How long it took until all were, in microseconds.
    pub joined_in_us: u64,
    /// Messages that were said and not refused.
    pub said: u64,
    /// Messages that were due and that nobody came to say.
    pub unsaid: u64,
    /// Messages that were refused.
    pub refused: u64,
    /// Why, the first time.
    pub why_refused: Option<String>,
    /// Deliveries that were to be.
    pub expected: u64,
    /// Deliveries, each once.
    pub delivered: u64,
    /// Bytes of text in them.
    pub delivered_bytes: u64,
    /// Those that never came; where it was ended early, only those that were overtaken.
    pub lost: u64,
    /// Messages that came again.
    pub duplicated: u64,
    /// Messages that came after later ones.
    pub reordered: u64,
    /// How long deliveries took, from when the message was due, or where as much is said as goes, from when it was said.
    /// Those of the warm-up are not counted.
    pub latency: Durations,
    /// From the end of the warm-up to the last delivery, in microseconds.
    pub lasted_us: u64,
    /// Deliveries a second in that time.
    pub deliveries_per_second: f64,
    /// How often a link was lost.
    pub lost_links: usize,
    /// Why, the first time.
    pub why_lost: Option<String>,
    /// Whether it was ended before its time.
    pub ended_early: bool,
}

impl Figures {
    pub(super) fn new(shared: &Shared, heard: &[Heard], ended_early: bool) -> Figures {
        let (load, counters) = (&shared.load, &shared.counters);
        let mut figures = Figures {
            joined: counters.joined(),
            said: counters.said(),
            refused: counters.refused(),
            why_refused: shared.why_refused(),
            delivered_bytes: counters.delivered_bytes(),
            latency: shared.latencies(),
            lost_links: counters.lost_links(),
            why_lost: shared.why_lost(),
            ended_early,
            ..Figures::default()
        };
        for heard in heard {
            let (said, sum) = shared.said_in(heard.room);
            figures.expected += said;
            figures.delivered += heard.count;
            figures.duplicated += heard.duplicated;
            figures.reordered += heard.reordered;
            figures.lost += match ended_early {
                true => heard.missing,
                false => said.saturating_sub(heard.count),
            };
            // As many as were said, without holes, and yet not those.
            if heard.count == said && heard.sum != sum && !ended_early {
                figures.lost += 1;
                figures.duplicated += 1;
            }
            // More than were said, under numbers of their own.
            figures.duplicated += if ended_early { 0 } else { heard.count.saturating_sub(said) };
        }
        if !ended_early {
            figures.unsaid = load.planned().map_or(0, |it| it.saturating_sub(figures.said + figures.refused));
        }
        figures.lasted_us = shared.last_heard().saturating_sub(micros(load.warmup));
        if figures.lasted_us > 0 {
            figures.deliveries_per_second = figures.latency.count() as f64 * 1e6 / figures.lasted_us as f64;
        }
        figures
    }

    /// Whether everything that was said came to everybody once and in order.
    pub fn is_faultless(&self) -> bool {
        (self.lost, self.duplicated, self.reordered, self.lost_links) == (0, 0, 0, 0)
    }
}
