//! What speaks against believing a comparison: a machine that was too slow, rounds that failed or are missing.

use crate::{
    Report,
    human::{list, of as noun, percent, plain},
    summary::Summary,
};

/// What is to be said, in sentences.
pub(super) fn of(report: &Report, summaries: &[Summary]) -> Vec<String> {
    let mut sentences = Vec::new();
    sentences.extend(summaries.iter().filter_map(missed));
    sentences.extend(summaries.iter().filter_map(failed));
    sentences.extend(not_heard(report, summaries));
    sentences
}

/// The emulator was late, so the link lost more than it was asked to.
fn missed(it: &Summary) -> Option<String> {
    let wires = || it.rounds.iter().filter_map(|(_, figures)| figures.wire);
    let missed: u64 = wires().map(|it| it.missed).sum();
    let seen: u64 = wires().map(|it| it.up.packets + it.down.packets).sum();
    (missed > 0).then(|| {
        format!(
            "the link was worse than asked for {}: this machine was too slow to take {missed} {} in time ({})",
            it.name,
            noun(missed as usize, "packet", "packets"),
            percent(missed as f64 / (missed + seen) as f64)
        )
    })
}

/// Each reason once.
fn failed(it: &Summary) -> Option<String> {
    let mut reasons: Vec<_> = it.failures.iter().map(|it| plain(it)).collect();
    reasons.sort();
    reasons.dedup();
    let (failed, all) = (it.failures.len(), it.heard());
    let rounds = if all == 1 { "the round".to_owned() } else { format!("{failed} of {all} rounds") };
    (failed > 0).then(|| format!("{rounds} of {} failed: {}", it.name, reasons.join("; ")))
}

/// Rounds that should be there.
fn not_heard(report: &Report, summaries: &[Summary]) -> Option<String> {
    let missing: Vec<_> = summaries.iter().filter(|it| it.heard() < report.repetitions).collect();
    if missing.is_empty() {
        return None;
    }
    let why = if report.interrupted { "the comparison was interrupted: " } else { "rounds are missing: " };
    if summaries.iter().all(|it| it.heard() == 0) {
        return Some(format!("{why}nothing was heard here"));
    }
    let heard = |it: &&Summary| match it.heard() {
        0 => format!("{} was not heard", it.name),
        heard => format!("{} was heard {heard} of {} times", it.name, report.repetitions),
    };
    Some(format!("{why}{}", list(&missing.iter().map(heard).collect::<Vec<_>>())))
}
