//! From what people noted to figures.

use std::{
    collections::{BTreeMap, HashMap},
    ops::Range,
    time::Duration,
};

use crate::{
    BeforeRepair, Durations, Figures, Join, Moment, Stalls,
    durations::micros,
    notes::{Heard, Notes},
    plan::Plan,
};

/// What came of a conversation, from what its people noted. `outages` are the times in which nothing passed, counted from
/// its beginning; `repairs` says whether clients made up for what the network did.
///
/// What only the wire or the system knows (wire, CPU, what TCP sent again) is left for whoever knows it.
pub fn figures(plan: &Plan, notes: &[Notes], outages: &[Range<Duration>], repairs: bool) -> Figures {
    let conversation = plan.conversation();
    let mut figures = Figures::default();
    let mut due: HashMap<u32, Duration> = HashMap::new();
    for note in notes {
        figures.said += note.said.len() as u64;
        figures.expected += note.said.len() as u64 * conversation.readers(note.room);
        due.extend(note.said.iter().copied());
    }
    let mut moments = Moments::new(conversation.lasts);
    let (mut bytes, mut last) = (0_u64, Duration::ZERO);
    for note in notes {
        let mut times: HashMap<u32, u32> = HashMap::new();
        let mut highest = 0;
        for heard in &note.heard {
            let Some(due) = due.get(&heard.number) else { continue }; // of somebody who noted nothing
            let count = times.entry(heard.number).or_default();
            *count += 1;
            if *count > 1 {
                figures.duplicated += 1;
                continue;
            }
            let latency = heard.at.saturating_sub(*due);
            figures.latency.record(latency);
            moments.note(*due, latency);
            figures.reordered += u64::from(heard.seq < highest);
            highest = highest.max(heard.seq);
            bytes += heard.bytes as u64;
            last = last.max(heard.at);
        }
        figures.delivered += times.len() as u64;
    }
    figures.lost = figures.expected.saturating_sub(figures.delivered);
    figures.over_time = moments.into_moments();
    let first = due.values().min().copied().unwrap_or_default();
    let lasted = last.saturating_sub(first);
    figures.lasted_us = micros(lasted);
    figures.goodput = if lasted.is_zero() { 0.0 } else { bytes as f64 / lasted.as_secs_f64() };
    figures.join = Join {
        took: notes.iter().map(|it| it.entered_after).collect(),
        redialled: notes.iter().map(|it| it.lost_links).sum(),
    };
    figures.recovery = (!outages.is_empty()).then(|| recovery(notes, outages));
    if repairs {
        let sum = |what: fn(&chat_core::client::Stats) -> u64| -> u64 {
            notes.iter().map(|it| what(&it.after).saturating_sub(what(&it.before))).sum()
        };
        figures.before_repair = Some(BeforeRepair {
            lost: sum(|it| it.lost),
            duplicated: sum(|it| it.duplicates),
            reordered: sum(|it| it.reordered),
        });
        figures.retransmissions = Some(sum(|it| it.retries) + sum(|it| it.repaired));
        let stalled = |it: &Notes| micros(it.after.stalled.saturating_sub(it.before.stalled));
        // The longest of all may have been before; then it is not longer than all that came after it.
        let longest = |it: &Notes| micros(it.after.longest_stall).min(stalled(it));
        figures.stalls = Some(Stalls {
            count: sum(|it| it.stalls),
            total_us: notes.iter().map(stalled).sum(),
            longest_us: notes.iter().map(longest).max().unwrap_or(0),
        });
    }
    figures
}

/// For each reader and outage, how long after its end the next message came.
fn recovery(notes: &[Notes], outages: &[Range<Duration>]) -> Durations {
    let next = |note: &Notes, end: Duration| {
        let after = |it: &Heard| it.at.checked_sub(end);
        note.heard.iter().filter_map(after).min()
    };
    notes.iter().flat_map(|note| outages.iter().filter_map(move |outage| next(note, outage.end))).collect()
}

/// Latencies by the time at which messages were due.
struct Moments {
    each: Duration,
    moments: BTreeMap<u32, Vec<u64>>,
}

impl Moments {
    fn new(lasts: Duration) -> Moments {
        Moments { each: (lasts / MOMENTS).max(SHORTEST), moments: BTreeMap::new() }
    }

    fn note(&mut self, due: Duration, latency: Duration) {
        let nth = due.as_micros() / self.each.as_micros();
        let nth = u32::try_from(nth).unwrap_or(u32::MAX);
        self.moments.entry(nth).or_default().push(micros(latency));
    }

    fn into_moments(self) -> Vec<Moment> {
        let moment = |(nth, mut latencies): (u32, Vec<u64>)| {
            latencies.sort_unstable();
            Moment {
                at_ms: u64::try_from((self.each * nth).as_millis()).unwrap_or(u64::MAX),
                delivered: latencies.len() as u64,
                p50_us: latencies[latencies.len() / 2],
                max_us: latencies[latencies.len() - 1],
            }
        };
        self.moments.into_iter().map(moment).collect()
    }
}

/// Into how many moments a conversation is divided.
const MOMENTS: u32 = 100;
const SHORTEST: Duration = Duration::from_millis(20);

#[cfg(test)]
mod tests;
