//! What one contestant delivers and how late, as a part of a sentence.

use super::tail::Tail;
use crate::{
    human::{duration, list, percent},
    summary::Summary,
};

/// A part of a sentence. Contestants with equal phrases are named together.
#[derive(Debug, PartialEq)]
pub(super) struct Phrase {
    /// What the contestant delivers, after one name.
    pub one: String,
    /// The same words after several names.
    pub more: String,
    /// The conjunction before the tail.
    then: &'static str,
    /// The length of the tail in words; `None` if there are too few deliveries to tell.
    pub tail: Option<String>,
    /// The longest wait in words, where there is no tail.
    longest: Option<String>,
}

impl Phrase {
    /// The phrase of a contestant; `None` if no round of it was measured.
    pub fn of(it: &Summary, tail: Option<Tail>, shortest: Option<f64>) -> Option<Phrase> {
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
        Some(Phrase { one, more, then, tail, longest })
    }

    /// The part about the tail.
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

/// The part about deliveries, with the verb in the singular and in the plural.
fn deliveries(it: &Summary) -> Option<(String, String)> {
    if it.rounds.is_empty() {
        let failed = "failed".to_owned();
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
        _ => format!(" in {} of {} rounds", it.rounds.len(), it.measured()),
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

/// A wait that is this many times the shortest one is introduced by `but`.
const MUCH: f64 = 2.0;
