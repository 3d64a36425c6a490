//! What one contestant does, as a part of a sentence.

use super::tail::Tail;
use crate::{
    human::{duration, list, percent},
    summary::Summary,
};

/// Whoever has the same clause does the same, as far as words go.
#[derive(Debug, PartialEq)]
pub(super) struct Clause {
    /// What comes of what is said, after one name.
    pub one: String,
    /// The same after several names.
    pub more: String,
    /// How this goes on to the tail.
    then: &'static str,
    /// How long the tail is, in words; nothing where there are too few deliveries to have one.
    pub tail: Option<String>,
    /// How long the longest waited.
    longest: Option<String>,
}

impl Clause {
    /// Nothing of one that was not heard.
    pub fn of(it: &Summary, tail: Option<Tail>, shortest: Option<f64>) -> Option<Clause> {
        let (one, more) = deliveries(it)?;
        let micros = tail.and_then(|tail| tail.of(it));
        let then = match () {
            () if it.lost() > 0 => ", and of the rest ",
            () if micros > shortest.map(|it| it * MUCH) => ", but ",
            () if it.duplicated + it.reordered > 0 => ", and ",
            () => ", ",
        };
        let tail = micros.map(duration);
        let longest = it.latency.max().filter(|_| tail.is_none()).map(|it| duration(it as f64));
        Some(Clause { one, more, then, tail, longest })
    }

    /// How long the unlucky wait.
    pub fn waits(&self, tail: Option<Tail>, in_full: bool) -> String {
        let then = self.then;
        match (tail, &self.tail, &self.longest) {
            (Some(tail), Some(it), _) if in_full => format!("{then}{} {it} or longer", tail.in_full()),
            (Some(tail), Some(it), _) => format!("{then}{} {it}", tail.in_short()),
            (_, _, Some(longest)) => format!("{then}the longest wait is {longest}"),
            _ => String::new(),
        }
    }
}

/// What came of what was said, with the verb for one and for more.
fn deliveries(it: &Summary) -> Option<(String, String)> {
    if it.rounds.is_empty() {
        let failed = "came to nothing".to_owned();
        return (!it.failures.is_empty()).then(|| (failed.clone(), failed));
    }
    if it.expected == 0 {
        let nothing = "had nothing to deliver".to_owned();
        return Some((nothing.clone(), nothing));
    }
    if it.delivered == 0 {
        return Some(("delivers nothing".to_owned(), "deliver nothing".to_owned()));
    }
    let (one, more, what) = match it.share_lost() {
        Some(lost) if it.lost() > 0 => ("loses", "lose", percent(lost)),
        _ => ("delivers", "deliver", "everything".to_owned()),
    };
    let rounds = match it.failures.len() {
        0 => String::new(),
        _ => format!(" in {} of {} rounds", it.rounds.len(), it.heard()),
    };
    let flaws = [(it.share_duplicated(), "twice"), (it.share_reordered(), "out of order")];
    let flaws = flaws.into_iter().filter_map(|(share, how)| Some((share.filter(|it| *it > 0.0)?, how)));
    let flaws: Vec<_> = flaws.map(|(share, how)| format!("{} {how}", percent(share))).collect();
    let shown = |verb| if flaws.is_empty() { String::new() } else { format!(", {verb} {}", list(&flaws)) };
    Some((
        format!("{one} {what}{rounds}{}", shown("shows")),
        format!("{more} {what}{rounds}{}", shown("show")),
    ))
}

/// How many times the shortest wait is a `but`.
const MUCH: f64 = 2.0;
