//! What the logs hold, against what was asked and answered.

use std::collections::BTreeMap;

use chat_core::{
    log::{LogEntry, RoomState},
    wire::{Event, Post, RequestBody, Target},
};

use super::{
    super::{Stored, plan},
    Rule,
    case::{Answer, Case},
};

/// Where a text was stored: log and place in what that log stored.
type Places<'a> = BTreeMap<&'a str, Vec<(usize, &'a Stored)>>;

pub(super) fn check(case: &mut Case<'_>) {
    dense(case);
    let report = case.report;
    let mut places: Places<'_> = BTreeMap::new();
    for (number, log) in report.logs.iter().enumerate() {
        for stored in &log.stored {
            places.entry(&stored.item.body.text).or_default().push((number, stored));
        }
    }
    once(case, &places);
    as_asked(case, &places);
    as_answered(case, &places);
    in_order(case, &places);
}

/// What each log holds is what it stored, under numbers without holes.
fn dense(case: &mut Case<'_>) {
    let report = case.report;
    for log in &report.logs {
        let mut next: BTreeMap<(&str, &str), u64> = BTreeMap::new();
        let mut stored: BTreeMap<(&str, &str, u64), &Stored> = BTreeMap::new();
        for it in &log.stored {
            let room = it.item.room.as_str();
            let next = next.entry((&it.epoch, room)).or_insert(1);
            if it.seq != *next {
                case.against(Rule::Dense, None, format!("{room} stores {} after {}", it.seq, *next - 1));
            }
            *next = it.seq + 1;
            stored.insert((&it.epoch, room, it.seq), it);
        }
        for (state, entries) in &log.rooms {
            let room = state.room.as_str();
            let numbers = entries.iter().map(|it| it.seq);
            if !numbers.eq(state.oldest..=state.head)
                || next.get(&(state.epoch.as_str(), room)) != Some(&(state.head + 1))
            {
                let what = format!("{room} holds {}..={} with holes", state.oldest, state.head);
                case.against(Rule::Dense, None, what);
            }
            for entry in entries {
                if !stored.get(&(state.epoch.as_str(), room, entry.seq)).is_some_and(|it| is_same(it, entry))
                {
                    case.against(Rule::Dense, None, format!("{room} changed {entry:?}"));
                }
            }
        }
    }
}

/// Whether a log has it to the end.
fn is_held(case: &Case<'_>, log: usize, stored: &Stored) -> bool {
    let rooms = &case.report.logs[log].rooms;
    let is_held = |state: &RoomState| {
        state.room == stored.item.room && state.epoch == stored.epoch && state.oldest <= stored.seq
    };
    rooms.iter().any(|(state, _)| is_held(state))
}

fn is_same(stored: &Stored, entry: &LogEntry) -> bool {
    let item = &stored.item;
    (item.body.kind.clone(), &item.author.name, &item.body.text)
        == (entry.body.kind.clone(), &entry.author.name, &entry.body.text)
}

/// Nothing is in a log twice, unless the log had let go of it before it came again.
fn once(case: &mut Case<'_>, places: &Places<'_>) {
    for (text, places) in places {
        for pair in places.windows(2) {
            let [(first_log, first), (log, again)] = pair else { continue };
            if first_log == log && first.epoch == again.epoch && again.oldest <= first.seq {
                let what =
                    format!("{text:?} is number {} and {} of {}", first.seq, again.seq, first.item.room);
                let at = case.texts.get(text).and_then(|key| case.asked.get(key)).map(|it| it.at);
                case.against(Rule::StoredOnce, at, what);
            }
        }
    }
}

/// Whatever is stored was asked for, in that room, by that person.
fn as_asked(case: &mut Case<'_>, places: &Places<'_>) {
    for (text, places) in places {
        let asked = case.texts.get(text).and_then(|key| Some((key.0, case.asked.get(key)?)));
        let (from, request) = match asked {
            Some((who, asked)) => (plan::name(who), Some(asked.request)),
            None => ("nobody", None),
        };
        let said = match request {
            Some(RequestBody::Post(post)) => post.room().map(|room| (room, &post.kind, post.bot)),
            _ => None,
        };
        for (_, Stored { seq, item, .. }) in places {
            if said != Some((item.room.as_str(), &item.body.kind, item.author.bot))
                || item.author.name != from
            {
                let what =
                    format!("number {seq} of {} is {text:?} of {}, never asked", item.room, item.author.name);
                case.against(Rule::OnlyWhatWasAsked, None, what);
            }
        }
    }
}

/// What was acknowledged is stored at that number, what was refused is nowhere.
fn as_answered(case: &mut Case<'_>, places: &Places<'_>) {
    let mut found = Vec::new();
    for ((who, _), asked) in &case.asked {
        let RequestBody::Post(Post { to: Target::Room(_), .. }) = asked.request else { continue };
        let text = super::case::text(asked.request).unwrap_or_default();
        let places = places.get(text).map_or(&[][..], Vec::as_slice);
        for (at, answer) in &asked.answers {
            match answer {
                Answer::Reply(Event::Ack(ack)) => {
                    let is_there =
                        |(_, it): &(usize, &Stored)| it.seq == ack.seq && it.item.room.as_str() == ack.room;
                    if !places.iter().any(is_there) {
                        let what = format!("{text:?} was acknowledged as {} of {}", ack.seq, ack.room);
                        found.push((Rule::AckedIsStored, *at, what));
                    }
                }
                // Nobody knows what a try in another session came to, whose answer was lost.
                Answer::Reply(Event::Error(_)) if case.lost_a_session(*who, asked.at..*at) => {}
                Answer::Reply(Event::Error(error)) => {
                    // What the log has let go of it no longer knows when it comes again (protocol 5.4).
                    if let Some((_, stored)) = places.iter().find(|(log, it)| is_held(case, *log, it)) {
                        let what = format!("{text:?} was refused ({}) and is {}", error.code, stored.seq);
                        found.push((Rule::RefusedIsNotStored, *at, what));
                    }
                }
                _ => {}
            }
        }
    }
    found.into_iter().for_each(|(rule, at, what)| case.against(rule, Some(at), what));
}

/// The log has the order of each sender, and that of time.
fn in_order(case: &mut Case<'_>, places: &Places<'_>) {
    let report = case.report;
    for (number, log) in report.logs.iter().enumerate() {
        let mut last_tag: BTreeMap<(&str, usize), (u64, &str)> = BTreeMap::new();
        let mut asked_last: BTreeMap<&str, (usize, &str)> = BTreeMap::new();
        for stored in &log.stored {
            let (room, text) = (stored.item.room.as_str(), stored.item.body.text.as_str());
            let again =
                places.get(text).is_some_and(|it| it.iter().filter(|(log, _)| *log == number).count() > 1);
            let Some(key) = case.texts.get(text).copied().filter(|_| !again) else { continue };
            let Some(asked) = case.asked.get(&key) else { continue };
            let mut found = Vec::new();
            let told = asked.answers.iter().find(|(_, it)| matches!(it, Answer::Reply(Event::Ack(_))));
            // What was refused, and was said again in another session before anybody knew, is judged anew.
            let until = told.map_or(report.history.len(), |(told, _)| *told);
            let refusable = case.plan.disk.fails > 0 || case.plan.people[key.0].strays;
            let again = refusable && case.lost_a_session(key.0, asked.at..until);
            let last = last_tag.entry((room, key.0)).or_insert((key.1, text));
            if last.0 > key.1 && !again {
                let what = format!("{text:?} is number {} of {room}, after {:?}", stored.seq, last.1);
                found.push((Rule::SenderOrder, what));
            }
            *last = (key.1, text);
            let before = asked_last.entry(room).or_insert((asked.at, text));
            if let Some((told, _)) = told.filter(|(told, _)| *told < before.0) {
                let what = format!("{text:?} was acknowledged (at {told}) before {:?} was asked", before.1);
                found.push((Rule::RealTimeOrder, what + ", and comes after it"));
            }
            *before = (*before).max((asked.at, text));
            let at = asked.at;
            found.into_iter().for_each(|(rule, what)| case.against(rule, Some(at), what));
        }
    }
}
