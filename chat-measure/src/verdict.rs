//! What the figures of a condition say, in plain words.

mod caveats;
mod clause;
mod tail;
#[cfg(test)]
mod tests;

use crate::{
    BeforeRepair, Durations, Figures, Link, Report,
    human::{count, duration, list, percent, sentence},
    summary::{Summary, title},
};
use clause::Clause;
use tail::{Difference, Tail};

/// What came of a condition, in sentences: who delivers what and how late, what people waited for, who is ahead and by
/// what factor, what that costs, and what speaks against believing it.
///
/// `condition` is an index of [`Report::conditions`]; it panics if there is no such one.
pub fn verdict(report: &Report, condition: usize) -> Vec<String> {
    let summaries = Summary::of(report, condition);
    let tail = Tail::seen_by(&summaries);
    let mut sentences = Vec::new();
    if summaries.iter().any(|it| it.heard() > 0) {
        sentences.push(format!("{} {}", place(report, condition), headline(&summaries, tail)));
        sentences.extend(stalls(&summaries));
        sentences.extend(repaired(&summaries));
        sentences.extend(recovery(&summaries));
        sentences.extend(joining(&summaries));
        sentences.extend(who_is_ahead(&summaries, tail));
        sentences.extend(costs(&summaries, tail));
    }
    sentences.extend(caveats::of(report, &summaries));
    sentences.iter().map(|it| sentence(it)).collect()
}

/// Where all of it happened.
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

/// What each of them does; those that do the same together.
fn headline(summaries: &[Summary], tail: Option<Tail>) -> String {
    let shortest = tail.and_then(|tail| summaries.iter().filter_map(|it| tail.of(it)).reduce(f64::min));
    let mut clauses: Vec<(Vec<&str>, Clause)> = Vec::new();
    for it in summaries {
        let Some(clause) = Clause::of(it, tail, shortest) else { continue };
        match clauses.iter_mut().find(|(_, other)| *other == clause) {
            Some((names, _)) => names.push(&it.name),
            None => clauses.push((vec![&it.name], clause)),
        }
    }
    // What is meant by it is said once in full.
    let first = clauses.iter().position(|(_, it)| it.tail.is_some());
    let clauses = clauses.iter().enumerate();
    let said = clauses.map(|(index, (names, it))| {
        let does = if names.len() == 1 { &it.one } else { &it.more };
        format!("{} {does}{}", list(names), it.waits(tail, Some(index) == first))
    });
    said.collect::<Vec<_>>().join("; ")
}

/// Head-of-line blocking, by name.
fn stalls(summaries: &[Summary]) -> Option<String> {
    let of = |it: &Summary| {
        let stalls = || it.rounds.iter().filter_map(|(_, figures)| figures.stalls);
        let total: u64 = stalls().map(|it| it.count).sum();
        let longest = stalls().map(|it| it.longest_us).max().filter(|_| total > 0)?;
        let mean = total as f64 / stalls().count() as f64;
        let often = if total == 1 { "once".to_owned() } else { format!("{} times", count(mean)) };
        let per = if it.rounds.len() > 1 && total > 1 { " a round" } else { "" };
        Some(format!("of {} {often}{per}, the longest {}", it.name, duration(longest as f64)))
    };
    let all: Vec<_> = summaries.iter().filter_map(of).collect();
    (!all.is_empty()).then(|| format!("readers waited behind a missing message: {}", all.join("; ")))
}

/// What the network did that nobody saw in the end.
fn repaired(summaries: &[Summary]) -> Option<String> {
    let of = |it: &Summary| {
        let mean = |what: fn(&BeforeRepair) -> u64| {
            it.each(|figures| Some(what(figures.before_repair.as_ref()?) as f64)).map_or(0.0, |it| it.value)
        };
        let what = [
            (mean(|it| it.lost), "lost"),
            (mean(|it| it.duplicated), "twice"),
            (mean(|it| it.reordered), "out of order"),
        ];
        let what: Vec<_> = what
            .iter()
            .filter(|it| it.0 > 0.0)
            .map(|(mean, what)| format!("{} {what}", count(*mean)))
            .collect();
        let per = if it.rounds.len() > 1 { " a round" } else { "" };
        (!what.is_empty()).then(|| format!("of {} {}{per}", it.name, list(&what)))
    };
    let all: Vec<_> = summaries.iter().filter_map(of).collect();
    (!all.is_empty())
        .then(|| format!("repair made up for what came of messages on the way: {}", all.join("; ")))
}

/// How soon readers read on after an outage.
fn recovery(summaries: &[Summary]) -> Option<String> {
    let (_, said) = half_and_last(summaries, |it| it.recovery.as_ref())?;
    Some(format!("when an outage ended readers had the next message: {said}"))
}

/// How soon people were in, where anybody could notice.
fn joining(summaries: &[Summary]) -> Option<String> {
    let (_, said) =
        half_and_last(summaries, |it| Some(&it.join.took)).filter(|(last, _)| *last >= NOTICED)?;
    Some(format!("from dialling on people were in their rooms: {said}"))
}

/// After what time half of them were there and after what time the last, in microseconds and in words.
fn half_and_last(
    summaries: &[Summary],
    durations: impl Fn(&Figures) -> Option<&Durations>,
) -> Option<(u64, String)> {
    let of = |it: &Summary| {
        let all = it.all(&durations)?;
        let (half, last) = (all.quantile(0.5)? as f64, all.max()?);
        let words =
            format!("of {} half after {}, the last after {}", it.name, duration(half), duration(last as f64));
        Some((last, words))
    };
    let (lasts, all): (Vec<u64>, Vec<String>) = summaries.iter().filter_map(of).unzip();
    Some((lasts.into_iter().max()?, all.join("; ")))
}

/// Which of those that deliver everything is soonest, if the figures tell.
fn who_is_ahead(summaries: &[Summary], tail: Option<Tail>) -> Option<String> {
    let tail = tail?;
    if summaries.iter().filter(|it| it.delivered > 0).count() < 2 {
        return None;
    }
    let mut complete: Vec<_> =
        summaries.iter().filter(|it| it.is_complete() && tail.of(it).is_some()).collect();
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
        let names = complete.iter().map(|it| it.name.as_str()).collect::<Vec<_>>();
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

/// What it takes to deliver everything, where the same transport is there without it.
fn costs(summaries: &[Summary], tail: Option<Tail>) -> Vec<String> {
    let mut costs = Vec::new();
    for it in summaries.iter().filter(|it| it.is_complete() && !it.contestant.raw) {
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

/// How many more bytes one takes than the other, if any.
fn bytes(it: &Summary, raw: &Summary) -> Option<String> {
    let bytes = |it: &Summary| it.each(|figures| figures.bytes_per_delivery());
    let factor = bytes(it)?.value / bytes(raw)?.value;
    match factor {
        2.0.. => Some(format!("{} as many bytes a delivery", times(factor))),
        1.01.. => Some(format!("{} more bytes a delivery", percent(factor - 1.0))),
        _ => None,
    }
}

/// How much longer the tail of one is than the other's, if it is.
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

/// How many times as long it is with another; the first time in full.
fn with(factor: f64, it: &Summary, others: &[String]) -> String {
    let as_long = if others.is_empty() { " as long" } else { "" };
    format!("{}{as_long} with {}", times(factor), it.name)
}

fn times(factor: f64) -> String {
    format!("{} times", count(factor))
}

/// What people take for at once, in microseconds.
const NOTICED: u64 = 100_000;
