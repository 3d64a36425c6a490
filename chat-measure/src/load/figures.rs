//! The figures of a load, computed from what its clients counted.

use serde::Serialize;

use super::{delivery::DeliveryCounts, shared::Shared};
use crate::durations::{Durations, micros};

/// The figures of a load. A delivery is one message that reached one client in its room, the sender included.
#[derive(Clone, Debug, Default, Serialize)]
#[non_exhaustive]
pub struct Figures {
    /// How many clients joined their rooms.
    pub joined: usize,
    /// How long each client took to join, from dialling. Where clients join at a rate, this counts from the client's turn.
    pub join: Durations,
    /// How long it took until all clients had joined, in microseconds.
    pub joined_in_us: u64,
    /// Messages that were sent and not refused.
    pub said: u64,
    /// Messages that were due and that the clients did not manage to send.
    pub unsaid: u64,
    /// Messages that were refused.
    pub refused: u64,
    /// The reason for which the first message was refused.
    pub why_refused: Option<String>,
    /// Deliveries that there would be if nothing were lost.
    pub expected: u64,
    /// Deliveries, each counted once.
    pub delivered: u64,
    /// Bytes of text in those deliveries.
    pub delivered_bytes: u64,
    /// Deliveries that never came. If the load ended early, only those that later deliveries overtook.
    pub lost: u64,
    /// Deliveries that came again.
    pub duplicated: u64,
    /// Deliveries that came after later ones.
    pub reordered: u64,
    /// How long deliveries took, from when the message was due; with a window, from when it was sent. Messages of the
    /// warm-up are left out.
    pub latency: Durations,
    /// From the end of the warm-up to the last delivery, in microseconds.
    pub lasted_us: u64,
    /// Deliveries per second in that time.
    pub deliveries_per_second: f64,
    /// How often a link was lost.
    pub lost_links: usize,
    /// The reason for which the first link was lost.
    pub why_lost: Option<String>,
    /// Whether the load ended before its time.
    pub ended_early: bool,
}

impl Figures {
    pub(super) fn new(shared: &Shared, clients: &[DeliveryCounts], ended_early: bool) -> Figures {
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
        for client in clients {
            let (said, sum) = shared.said_in(client.room);
            figures.expected += said;
            figures.delivered += client.count;
            figures.duplicated += client.duplicated;
            figures.reordered += client.reordered;
            figures.lost += match ended_early {
                true => client.missing,
                false => said.saturating_sub(client.count),
            };
            // The counts agree and the sums do not: one message came under the sequence number of another.
            if client.count == said && client.sum != sum && !ended_early {
                figures.lost += 1;
                figures.duplicated += 1;
            }
            // More messages came than were sent, each under a sequence number of its own.
            figures.duplicated += if ended_early { 0 } else { client.count.saturating_sub(said) };
        }
        if !ended_early {
            let sent = figures.said + figures.refused;
            figures.unsaid = load.planned().map_or(0, |planned| planned.saturating_sub(sent));
        }
        figures.lasted_us = shared.last_delivery().saturating_sub(micros(load.warmup));
        if figures.lasted_us > 0 {
            figures.deliveries_per_second = figures.latency.count() as f64 * 1e6 / figures.lasted_us as f64;
        }
        figures
    }

    /// Whether every message reached every client of its room once and in order, and no link was lost.
    pub fn is_faultless(&self) -> bool {
        (self.lost, self.duplicated, self.reordered, self.lost_links) == (0, 0, 0, 0)
    }
}
