//! The verdict on a condition: its figures in sentences.

mod caveats;
mod phrase;
mod tail;
#[cfg(test)]
mod tests;

use crate::{
    durations::Durations,
    figures::{BeforeRepair, Figures},
    human::{count, duration, list, percent, sentence},
    report::{Link, Report},
    summary::{Summary, title},
};
use phrase::Phrase;
use tail::{Difference, Tail};

/// The verdict on a condition in sentences: the share and the delay of each contestant's deliveries, stalls and repairs,
/// which contestant is ahead and by what factor, what repair costs, and reasons to doubt the figures.
///
/// `condition` is an index of [`Report::conditions`]; this panics if there is no such condition.
pub fn verdict(report: &Report, condition: usize) -> Vec<String> {
    let summaries = Summary::of(report, condition);
    let tail = Tail::seen_by(&summaries);
    let mut sentences = Vec::new();
    if summaries.iter().any(|summary| summary.measured() > 0) {
        sentences.push(format!("{} {}", place(report, condition), headline(&summaries, tail)));
        sentences.extend(stalls(&summaries));
        sentences.extend(repaired(&summaries));
        sentences.extend(recovery(&summaries));
        sentences.extend(joining(&summaries));
        sentences.extend(fastest(&summaries, tail));
        sentences.extend(costs(&summaries, tail));
    }
    sentences.extend(caveats::of(report, &summaries));
    sentences.iter().map(|text| sentence(text)).collect()
}

/// The condition, at the beginning of the first sentence.
fn place(report: &Report, condition: usize) -> String {
    let condition = &report.conditions[condition];
    let named = !condition.up.is_empty() || !condition.down.is_empty();
    let at = if named {
        "at"
    } else if report.link == Link::Emulated {
        "on"
    } else {
        "over"
    };
    format!("{at} {}", title(report.link, condition))
}

/// What each contestant delivers and how late. Contestants with the same phrase are named together.
fn headline(summaries: &[Summary], tail: Option<Tail>) -> String {
    let shortest =
        tail.and_then(|tail| summaries.iter().filter_map(|summary| tail.of(summary)).reduce(f64::min));
    let mut phrases: Vec<(Vec<&str>, Phrase)> = Vec::new();
    for it in summaries {
        let Some(phrase) = Phrase::of(it, tail, shortest) else { continue };
        match phrases.iter_mut().find(|(_, other)| *other == phrase) {
            Some((names, _)) => names.push(&it.name),
            None => phrases.push((vec![&it.name], phrase)),
        }
    }
    // The first mention of the tail is worded in full, the others are short.
    let first = phrases.iter().position(|(_, it)| it.tail.is_some());
    let phrases = phrases.iter().enumerate();
    let said = phrases.map(|(index, (names, it))| {
        let does = if names.len() == 1 { &it.one } else { &it.more };
        format!("{} {does}{}", list(names), it.waits(tail, Some(index) == first))
    });
    said.collect::<Vec<_>>().join("; ")
}

/// The stalls of each contestant.
fn stalls(summaries: &[Summary]) -> Option<String> {
    let of = |summary: &Summary| {
        let stalls = || summary.rounds.iter().filter_map(|(_, figures)| figures.stalls);
        let total: u64 = stalls().map(|stalls| stalls.count).sum();
        let longest = stalls().map(|stalls| stalls.longest_us).max().filter(|_| total > 0)?;
        let mean = total as f64 / stalls().count() as f64;
        let often = if total == 1 { "once".to_owned() } else { format!("{} times", count(mean)) };
        let per = if summary.rounds.len() > 1 && total > 1 { " a round" } else { "" };
        Some(format!("with {} {often}{per}, the longest {}", summary.name, duration(longest as f64)))
    };
    let all: Vec<_> = summaries.iter().filter_map(of).collect();
    (!all.is_empty()).then(|| format!("readers waited behind a missing message: {}", all.join("; ")))
}

/// The faults of the network that repair hid from readers.
fn repaired(summaries: &[Summary]) -> Option<String> {
    let of = |summary: &Summary| {
        let mean = |what: fn(&BeforeRepair) -> u64| {
            summary
                .each(|figures| Some(what(figures.before_repair.as_ref()?) as f64))
                .map_or(0.0, |estimate| estimate.value)
        };
        let what = [
            (mean(|faults| faults.lost), "lost"),
            (mean(|faults| faults.duplicated), "twice"),
            (mean(|faults| faults.reordered), "out of order"),
        ];
        let what: Vec<_> = what
            .iter()
            .filter(|(mean, _)| *mean > 0.0)
            .map(|(mean, what)| format!("{} {what}", count(*mean)))
            .collect();
        let per = if summary.rounds.len() > 1 { " a round" } else { "" };
        (!what.is_empty()).then(|| format!("with {} {}{per}", summary.name, list(&what)))
    };
    let all: Vec<_> = summaries.iter().filter_map(of).collect();
    (!all.is_empty()).then(|| format!("repair made up for faults of the network: {}", all.join("; ")))
}

/// How soon readers had the next message after an outage.
fn recovery(summaries: &[Summary]) -> Option<String> {
    let (_, said) = half_and_last(summaries, |figures| figures.recovery.as_ref())?;
    Some(format!("after the end of an outage readers had the next message: {said}"))
}

/// How soon people had joined their rooms, if it took long enough to be noticed.
fn joining(summaries: &[Summary]) -> Option<String> {
    let (_, said) =
        half_and_last(summaries, |figures| Some(&figures.join.took)).filter(|(last, _)| *last >= NOTICED)?;
    Some(format!("after dialling, people had joined their rooms: {said}"))
}

/// The median and the maximum of a histogram: the largest maximum in microseconds, and all in words.
fn half_and_last(
    summaries: &[Summary],
    durations: impl Fn(&Figures) -> Option<&Durations>,
) -> Option<(u64, String)> {
    let of = |summary: &Summary| {
        let all = summary.all(&durations)?;
        let (half, last) = (all.quantile(0.5)? as f64, all.max()?);
        let words = format!(
            "with {} half after {}, the last after {}",
            summary.name,
            duration(half),
            duration(last as f64)
        );
        Some((last, words))
    };
    let (lasts, all): (Vec<u64>, Vec<String>) = summaries.iter().filter_map(of).unzip();
    Some((lasts.into_iter().max()?, all.join("; ")))
}

/// Which of the contestants that deliver everything is the fastest, if the figures tell.
fn fastest(summaries: &[Summary], tail: Option<Tail>) -> Option<String> {
    let tail = tail?;
    if summaries.iter().filter(|summary| summary.delivered > 0).count() < 2 {
        return None;
    }
    let mut complete: Vec<_> =
        summaries.iter().filter(|summary| summary.is_complete() && tail.of(summary).is_some()).collect();
    complete.sort_by(|a, b| tail.of(a).partial_cmp(&tail.of(b)).expect("times are numbers"));
    let (best, others) = match complete.split_first() {
        None => return Some("none of them delivers everything in every round".to_owned()),
        Some((best, [])) => return Some(format!("only {} delivers everything in every round", best.name)),
        Some((best, others)) => (best, others),
    };
    let (mut clear, mut doubtful, mut same) = (Vec::new(), Vec::new(), Vec::new());
    for it in others {
        match tail.difference(it, best) {
            Difference::Clear(factor) => clear.push(with(factor, it, &clear)),
            Difference::Doubtful(factor) => doubtful.push(with(factor, it, &doubtful)),
            Difference::None => same.push(it.name.as_str()),
        }
    }
    if clear.is_empty() && doubtful.is_empty() {
        let names = complete.iter().map(|summary| summary.name.as_str()).collect::<Vec<_>>();
        return Some(format!(
            "between {}, which deliver everything, these figures show no difference in the {}",
            list(&names),
            tail.name()
        ));
    }
    let mut said = format!("of those that deliver everything {} has the shortest {}", best.name, tail.name());
    if !clear.is_empty() {
        said += &format!(": {} {}", tail.in_short(), list(&clear));
    }
    if !doubtful.is_empty() {
        let what = if clear.is_empty() { tail.in_short() } else { "it is".to_owned() };
        said += &format!("; {what} {}, but that may be chance, and more rounds would tell", list(&doubtful));
    }
    if !same.is_empty() {
        said += &format!("; between it and {} these figures show no difference", list(&same));
    }
    Some(said)
}

/// What repair costs, where the same transport was measured without it.
fn costs(summaries: &[Summary], tail: Option<Tail>) -> Vec<String> {
    let mut costs = Vec::new();
    for it in summaries.iter().filter(|summary| summary.is_complete() && !summary.contestant.raw) {
        let bare = |raw: &&Summary| raw.contestant.raw && raw.contestant.scheme == it.contestant.scheme;
        for raw in summaries.iter().filter(bare).filter(|raw| raw.delivered > 0 && raw.lost() > 0) {
            let lost = percent(raw.share_lost().unwrap_or(0.0));
            let price: Vec<_> = bytes(it, raw).into_iter().chain(longer(it, raw, tail)).collect();
            let price =
                if price.is_empty() { "nothing that these figures show".to_owned() } else { list(&price) };
            costs.push(format!(
                "delivering everything, where {} loses {lost}, costs {} {price}",
                raw.name, it.name
            ));
        }
    }
    costs
}

/// How many more bytes per delivery `it` takes than `raw`, if it does.
fn bytes(it: &Summary, raw: &Summary) -> Option<String> {
    let bytes = |summary: &Summary| summary.each(|figures| figures.bytes_per_delivery());
    let factor = bytes(it)?.value / bytes(raw)?.value;
    match factor {
        2.0.. => Some(format!("{} as many bytes a delivery", times(factor))),
        1.01.. => Some(format!("{} more bytes a delivery", percent(factor - 1.0))),
        _ => None,
    }
}

/// How much longer the tail of `it` is than that of `raw`, if it is.
fn longer(it: &Summary, raw: &Summary, tail: Option<Tail>) -> Option<String> {
    let tail = tail?;
    let (ours, theirs) = (tail.of(it)?, tail.of(raw)?);
    let perhaps = match tail.difference(it, raw) {
        Difference::Clear(_) => "",
        Difference::Doubtful(_) => ", which may be chance",
        Difference::None => return None,
    };
    Some(format!("a {} of {} instead of {}{perhaps}", tail.name(), duration(ours), duration(theirs)))
}

/// How many times as long the tail is with a contestant. The first mention is worded in full.
fn with(factor: f64, it: &Summary, others: &[String]) -> String {
    let as_long = if others.is_empty() { " as long" } else { "" };
    format!("{}{as_long} with {}", times(factor), it.name)
}

fn times(factor: f64) -> String {
    format!("{} times", count(factor))
}

/// Up to this time, in microseconds, people do not notice a delay.
const NOTICED: u64 = 100_000;
