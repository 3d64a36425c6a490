//! Computes the figures of a conversation from the samples of its clients.

use std::{
    collections::{BTreeMap, HashMap},
    ops::Range,
    time::Duration,
};

use crate::{
    durations::{Durations, micros},
    figures::{BeforeRepair, Figures, Join, Stalls, TimeSlot},
    plan::Plan,
    samples::{Delivery, Samples},
};

/// The figures of a conversation, from the samples of its clients. `outages` are the times in which nothing got through,
/// counted from the beginning; `repairs` says whether the clients repaired losses.
///
/// Figures that only the wire or the system knows (wire, CPU, TCP's retransmissions) are left for the caller to fill in.
pub fn figures(plan: &Plan, samples: &[Samples], outages: &[Range<Duration>], repairs: bool) -> Figures {
    let conversation = plan.conversation();
    let mut figures = Figures::default();
    let mut due: HashMap<u32, Duration> = HashMap::new();
    for client in samples {
        figures.said += client.said.len() as u64;
        figures.expected += client.said.len() as u64 * conversation.readers(client.room);
        due.extend(client.said.iter().copied());
    }
    let mut slots = TimeSlots::new(conversation.lasts);
    let (mut bytes, mut last) = (0_u64, Duration::ZERO);
    for client in samples {
        let mut times: HashMap<u32, u32> = HashMap::new();
        let mut highest = 0;
        for delivery in &client.deliveries {
            let Some(due) = due.get(&delivery.number) else { continue }; // its sender reported no samples
            let count = times.entry(delivery.number).or_default();
            *count += 1;
            if *count > 1 {
                figures.duplicated += 1;
                continue;
            }
            let latency = delivery.at.saturating_sub(*due);
            figures.latency.record(latency);
            slots.record(*due, latency);
            figures.reordered += u64::from(delivery.seq < highest);
            highest = highest.max(delivery.seq);
            bytes += delivery.bytes as u64;
            last = last.max(delivery.at);
        }
        figures.delivered += times.len() as u64;
    }
    figures.lost = figures.expected.saturating_sub(figures.delivered);
    figures.over_time = slots.into_slots();
    let first = due.values().min().copied().unwrap_or_default();
    let lasted = last.saturating_sub(first);
    figures.lasted_us = micros(lasted);
    figures.goodput = if lasted.is_zero() { 0.0 } else { bytes as f64 / lasted.as_secs_f64() };
    figures.join = Join {
        took: samples.iter().map(|client| client.joined_after).collect(),
        redialled: samples.iter().map(|client| client.lost_links).sum(),
    };
    figures.recovery = (!outages.is_empty()).then(|| recovery(samples, outages));
    if repairs {
        add_repairs(&mut figures, samples);
    }
    figures
}

/// Adds the figures that clients keep about their repairs.
fn add_repairs(figures: &mut Figures, samples: &[Samples]) {
    let sum = |field: fn(&chat_core::client::Stats) -> u64| -> u64 {
        samples.iter().map(|client| field(&client.after).saturating_sub(field(&client.before))).sum()
    };
    figures.before_repair = Some(BeforeRepair {
        lost: sum(|stats| stats.lost),
        duplicated: sum(|stats| stats.duplicates),
        reordered: sum(|stats| stats.reordered),
    });
    figures.retransmissions = Some(sum(|stats| stats.retries) + sum(|stats| stats.repaired));
    let stalled = |client: &Samples| micros(client.after.stalled.saturating_sub(client.before.stalled));
    // The client's longest stall may have been before the conversation. Then no stall of the conversation is known to be
    // longer than their sum.
    let longest = |client: &Samples| micros(client.after.longest_stall).min(stalled(client));
    figures.stalls = Some(Stalls {
        count: sum(|stats| stats.stalls),
        total_us: samples.iter().map(stalled).sum(),
        longest_us: samples.iter().map(longest).max().unwrap_or(0),
    });
}

/// For each reader and outage, how long after the end of the outage the next message came.
fn recovery(samples: &[Samples], outages: &[Range<Duration>]) -> Durations {
    let next = |client: &Samples, end: Duration| {
        let after = |delivery: &Delivery| delivery.at.checked_sub(end);
        client.deliveries.iter().filter_map(after).min()
    };
    let of_client = |client| outages.iter().filter_map(move |outage| next(client, outage.end));
    samples.iter().flat_map(of_client).collect()
}

/// Latencies, collected by the time at which messages were due.
struct TimeSlots {
    length: Duration,
    slots: BTreeMap<u32, Vec<u64>>,
}

impl TimeSlots {
    fn new(lasts: Duration) -> TimeSlots {
        TimeSlots { length: (lasts / SLOTS).max(SHORTEST), slots: BTreeMap::new() }
    }

    fn record(&mut self, due: Duration, latency: Duration) {
        let nth = due.as_micros() / self.length.as_micros();
        let nth = u32::try_from(nth).unwrap_or(u32::MAX);
        self.slots.entry(nth).or_default().push(micros(latency));
    }

    fn into_slots(self) -> Vec<TimeSlot> {
        let slot = |(nth, mut latencies): (u32, Vec<u64>)| {
            latencies.sort_unstable();
            TimeSlot {
                at_ms: u64::try_from((self.length * nth).as_millis()).unwrap_or(u64::MAX),
                delivered: latencies.len() as u64,
                p50_us: latencies[latencies.len() / 2],
                max_us: latencies[latencies.len() - 1],
            }
        };
        self.slots.into_iter().map(slot).collect()
    }
}

/// How many slots a conversation is divided into.
const SLOTS: u32 = 100;
const SHORTEST: Duration = Duration::from_millis(20);

#[cfg(test)]
mod tests;
