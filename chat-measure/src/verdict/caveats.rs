//! Reasons to doubt a comparison: a machine that was too slow, rounds that failed or are missing.

use crate::{
    human::{list, of as noun, percent, plain},
    report::Report,
    summary::Summary,
};

/// The reasons, each a sentence.
pub(super) fn of(report: &Report, summaries: &[Summary]) -> Vec<String> {
    let mut sentences = Vec::new();
    sentences.extend(summaries.iter().filter_map(missed));
    sentences.extend(summaries.iter().filter_map(failed));
    sentences.extend(not_measured(report, summaries));
    sentences
}

/// The emulator was late, so the link lost more packets than it was asked to.
fn missed(it: &Summary) -> Option<String> {
    let wires = || it.rounds.iter().filter_map(|(_, figures)| figures.wire);
    let missed: u64 = wires().map(|wire| wire.missed).sum();
    let seen: u64 = wires().map(|wire| wire.up.packets + wire.down.packets).sum();
    (missed > 0).then(|| {
        format!(
            "the link was worse than asked for with {}: this machine was too slow to take {missed} {} in time ({})",
            it.name,
            noun(missed as usize, "packet", "packets"),
            percent(missed as f64 / (missed + seen) as f64)
        )
    })
}

/// How many rounds failed, and each reason once.
fn failed(it: &Summary) -> Option<String> {
    let mut reasons: Vec<_> = it.failures.iter().map(|reason| plain(reason)).collect();
    reasons.sort();
    reasons.dedup();
    let (failed, all) = (it.failures.len(), it.measured());
    let rounds = if all == 1 { "the round".to_owned() } else { format!("{failed} of {all} rounds") };
    (failed > 0).then(|| format!("{rounds} of {} failed: {}", it.name, reasons.join("; ")))
}

/// How many rounds are missing.
fn not_measured(report: &Report, summaries: &[Summary]) -> Option<String> {
    let missing: Vec<_> =
        summaries.iter().filter(|summary| summary.measured() < report.repetitions).collect();
    if missing.is_empty() {
        return None;
    }
    let why = if report.interrupted { "the comparison was interrupted: " } else { "rounds are missing: " };
    if summaries.iter().all(|summary| summary.measured() == 0) {
        return Some(format!("{why}no round was measured here"));
    }
    let measured = |summary: &&Summary| match summary.measured() {
        0 => format!("{} was not measured", summary.name),
        count => format!("{} was measured {count} of {} times", summary.name, report.repetitions),
    };
    Some(format!("{why}{}", list(&missing.iter().map(measured).collect::<Vec<_>>())))
}
