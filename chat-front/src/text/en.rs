//! Notices in English. A translation is another module with the same functions.

use std::time::Duration;

use chat_core::{
    client::Stats,
    wire::{EntryFrame, Error, Gap, Guests, INBOX, Joined, Members, Person, Presence, RoomSummary, Rooms},
};
use chat_secure::fingerprint;

use super::{
    line::Line,
    phrase::{Value, phrase},
};
use crate::{
    command::CommandName,
    notice::{EntryReason, Notice, Purpose},
};

mod help;

pub use help::HELP;

/// The lines for `notice`, for the user called `me`. Some notices need none, and entries and what was found need a time
/// zone, see [`super::Transcript`].
pub fn lines(notice: &Notice, me: Option<&str>) -> Vec<Line> {
    match notice {
        Notice::Disconnected { is_first: false, .. }
        | Notice::Entered { reason: EntryReason::ReadOn | EntryReason::Reconnected, .. }
        | Notice::Members { is_asked: false, .. }
        | Notice::Stats { is_asked: false, .. }
        | Notice::Stored { .. }
        | Notice::Entry(_)
        | Notice::Page { .. }
        | Notice::Found { .. } => Vec::new(),
        Notice::Entered { joined, .. } => entered(joined),
        Notice::Presence(presence) => moved(presence, me),
        Notice::Rooms(rooms) => room_list(rooms),
        other => vec![line(other)],
    }
}

/// The line for a notice that needs one.
fn line(notice: &Notice) -> Line {
    use Value::{Name, Number, Words};
    match notice {
        Notice::YouAre { name } => note("you are {name}", &[("name", Name(name))]),
        Notice::Back { .. } => note("back", &[]),
        Notice::NotEncrypted => {
            note("not encrypted: everyone on the way can read and change what is said", &[])
        }
        Notice::Disconnected { why, retry_in, was_in, .. } => {
            let values = [("why", Words(why)), ("seconds", Number(seconds(*retry_in)))];
            match was_in {
                true => note("connection lost ({why}); trying again in {seconds} s", &values),
                false => note("not let in yet ({why}); trying again in {seconds} s", &values),
            }
        }
        Notice::Moved { to } => note("going on at {server}", &[("server", Words(&to.to_string()))]),
        Notice::CannotGoOn { why } => note("{why}", &[("why", Words(why))]),
        Notice::LostRoom { room, error } => refused(error, &Purpose::Join(room.clone())),
        Notice::Left { room } => note("left {room}", &[("room", Words(room))]),
        Notice::CurrentRoom { room: Some(room) } => {
            note("what you type is said in {room}", &[("room", Words(room))])
        }
        Notice::CurrentRoom { room: None } | Notice::NoRoom => {
            note("you are in no room; /join ROOM enters one", &[])
        }
        Notice::Reset { room } => note("{room} began anew; this is what it holds", &[("room", Words(room))]),
        Notice::Gap(gap) => gone(gap),
        Notice::Members { members, .. } => present(members),
        Notice::Person(person) => who(person),
        Notice::Stats { stats, server, .. } => figures(stats, &server.to_string()),
        Notice::Refused { purpose, error, .. } => refused(error, purpose),
        Notice::Unanswered { purpose, .. } => unanswered(purpose),
        Notice::Error(error) => refused(error, &Purpose::Program(0)),
        Notice::NotIn { place } => note("you are not in {place}", &[("place", Words(&place.title()))]),
        Notice::NotARoom => note("this is no room; name one", &[]),
        Notice::CannotEnter { room, why } => {
            note("cannot enter {room}: {why}", &[("room", Words(room)), ("why", Words(&why.to_string()))])
        }
        Notice::CannotBeCalled { why } => {
            note("you cannot be called that: {why}", &[("why", Words(&why.to_string()))])
        }
        Notice::CannotTalkWith { why } => {
            note("nobody can be called that: {why}", &[("why", Words(&why.to_string()))])
        }
        Notice::CannotSearch { why } => {
            note("cannot search for this: {why}", &[("why", Words(&why.to_string()))])
        }
        Notice::StillSearching => note("still searching", &[]),
        Notice::NotSearchedYet { entries } => note(
            "the server has not searched its newest {entries} messages yet; search again in a while",
            &[("entries", Number(*entries))],
        ),
        Notice::NothingOlderFound => note("nothing older found", &[]),
        Notice::TooLong { size, limit } => note(
            "not sent: {size} bytes are over the limit of {limit}",
            &[("size", Number(*size)), ("limit", Number(*limit))],
        ),
        Notice::NotUtf8 => note("not sent: the line is not UTF-8", &[]),
        Notice::TooMuchUnanswered => note("not sent: too many messages wait for an answer", &[]),
        Notice::NotInYet => note("not before the server has let you in", &[]),
        Notice::NotMeasuring => note("what the network does is no longer shown", &[]),
        Notice::UnknownCommand { word } => {
            note("there is no /{word}; /help lists the commands", &[("word", Words(word))])
        }
        Notice::Usage(command) => {
            note("it is written {usage}", &[("usage", Value::Line(Line::default().words(usage(*command))))])
        }
        Notice::NoLongerHeld => note("the server no longer holds that message", &[]),
        Notice::LineIsFull => note("that is too long for one message", &[]),
        // Those that need no line, or several, see `lines`.
        Notice::Entered { .. }
        | Notice::Presence(_)
        | Notice::Rooms(_)
        | Notice::Stored { .. }
        | Notice::Entry(_)
        | Notice::Page { .. }
        | Notice::Found { .. } => Line::default(),
    }
}

/// A line that tells what happened, as opposed to what was said.
fn note(template: &'static str, values: &[(&str, Value<'_>)]) -> Line {
    Line::note("").line(phrase(template, values))
}

fn entered(joined: &Joined) -> Vec<Line> {
    let values = [
        ("room", Value::Words(&joined.room)),
        ("present", Value::Number(joined.present)),
        ("people", Value::Line(names(&joined.members, &joined.guests, joined.present))),
        ("topic", Value::Words(&joined.topic)),
    ];
    let line = match joined.members.is_empty() {
        true => note("entered {room}, {present} here", &values),
        false => note("entered {room}, {present} here: {people}", &values),
    };
    let topic = (!joined.topic.is_empty()).then(|| note("topic of {room}: {topic}", &values));
    std::iter::once(line).chain(topic).collect()
}

fn present(members: &Members) -> Line {
    let values = [
        ("room", Value::Words(&members.room)),
        ("present", Value::Number(members.present)),
        ("people", Value::Line(names(&members.members, &members.guests, members.present))),
    ];
    match members.members.is_empty() {
        true => note("{present} in {room}", &values),
        false => note("{present} in {room}: {people}", &values),
    }
}

/// Who has a name.
fn who(person: &Person) -> Line {
    let print = person.key.map(fingerprint).unwrap_or_default();
    let values = [("name", Value::Name(&person.name)), ("key", Value::Words(&print))];
    match (person.key.is_some(), person.present) {
        (true, true) => note("{name} is here and has the key {key}", &values),
        (true, false) => note("{name} is not here and has the key {key}", &values),
        (false, true) => note("{name} is a guest: anybody could have that name", &values),
        (false, false) => note("{name} is not here, and the name belongs to nobody", &values),
    }
}

fn moved(presence: &Presence, me: Option<&str>) -> Vec<Line> {
    let line = |template, people: &[String], guests: &Guests| {
        let others: Vec<String> = people.iter().filter(|name| Some(name.as_str()) != me).cloned().collect();
        let people = ("people", Value::Line(names(&others, guests, others.len() as u64)));
        (!others.is_empty()).then(|| note(template, &[people, ("room", Value::Words(&presence.room))]))
    };
    let entered = line("{people} entered {room}", &presence.entered, &presence.guests);
    entered.into_iter().chain(line("{people} left {room}", &presence.left, &Guests::default())).collect()
}

/// Some of `names`, of which there are `total`, each guest marked, and how many are left out.
fn names(names: &[String], guests: &Guests, total: u64) -> Line {
    let mut shown = Line::default();
    for (at, name) in names.iter().take(NAMES_SHOWN).enumerate() {
        shown = if at == 0 { shown } else { shown.words(", ") }.name(name);
        shown = if guests.include(name) { shown.faint(GUEST) } else { shown };
    }
    let more = total.saturating_sub(names.len().min(NAMES_SHOWN) as u64);
    let values = [("names", Value::Line(shown.clone())), ("more", Value::Number(more))];
    match more {
        0 => shown,
        1 => phrase("{names} and 1 other", &values),
        _ => phrase("{names} and {more} others", &values),
    }
}

fn room_list(rooms: &Rooms) -> Vec<Line> {
    rooms.rooms.iter().map(summary).chain(rest(rooms)).collect()
}

/// A room, in a list of them.
pub fn summary(room: &RoomSummary) -> Line {
    let values = [
        ("room", Value::Words(&room.room)),
        ("present", Value::Number(room.present)),
        ("head", Value::Number(room.head)),
        ("topic", Value::Words(&room.topic)),
    ];
    match (room.head, room.topic.is_empty()) {
        (1, true) => note("{room}: {present} here, 1 message", &values),
        (1, false) => note("{room}: {present} here, 1 message; {topic}", &values),
        (_, true) => note("{room}: {present} here, {head} messages", &values),
        (_, false) => note("{room}: {present} here, {head} messages; {topic}", &values),
    }
}

/// What there is to say after a list of rooms.
pub fn rest(rooms: &Rooms) -> Option<Line> {
    match rooms.total.saturating_sub(rooms.rooms.len() as u64) {
        0 if rooms.total == 0 => Some(note("there are no rooms", &[])),
        0 => None,
        more => Some(note("and {more} more", &[("more", Value::Number(more))])),
    }
}

/// A topic that was set or taken away.
pub fn topic_set(entry: &EntryFrame) -> Line {
    let values = [
        ("who", Value::Name(&entry.author.name)),
        ("room", Value::Words(&entry.room)),
        ("topic", Value::Words(&entry.body.text)),
    ];
    match entry.body.text.is_empty() {
        true => note("{who} took away the topic of {room}", &values),
        false => note("{who} set the topic of {room}: {topic}", &values),
    }
}

/// A topic that `who` set, as a search found it.
pub(super) fn found_topic(who: &str, topic: Line) -> Line {
    phrase("{who} set the topic: {topic}", &[("who", Value::Name(who)), ("topic", Value::Line(topic))])
}

/// Entries that the server no longer holds.
pub fn gone(gap: &Gap) -> Line {
    let values =
        [("from", Value::Number(gap.from)), ("to", Value::Number(gap.to)), ("room", Value::Words(&gap.room))];
    match (gap.from == gap.to, gap.room == INBOX) {
        (true, true) => note("message {from} to and from you is no longer held", &values),
        (true, false) => note("message {from} of {room} is no longer held", &values),
        (false, true) => note("messages {from} to {to} to and from you are no longer held", &values),
        (false, false) => note("messages {from} to {to} of {room} are no longer held", &values),
    }
}

pub(super) fn begin_of_page(room: &str, from: u64, to: u64) -> Line {
    let values = [("room", Value::Words(room)), ("from", Value::Number(from)), ("to", Value::Number(to))];
    note("{room}, {from} to {to}:", &values)
}

pub(super) fn end_of_page(room: &str) -> Line {
    note("end of what is older in {room}", &[("room", Value::Words(room))])
}

pub(super) fn empty_page(room: &str) -> Line {
    note("nothing older in {room}", &[("room", Value::Words(room))])
}

/// What there is to say after a page of a search.
pub(super) fn end_of_search(is_empty: bool, more: Option<u64>, goes_on: bool) -> Line {
    let words = match (is_empty, more, goes_on) {
        (true, None, false) => "nothing found",
        (true, None, true) => "nothing older found",
        (true, Some(_), _) => "nothing found yet; /search looks further back",
        (false, Some(_), _) => "there may be more; /search looks further back",
        (false, None, _) => "that is all",
    };
    note(words, &[])
}

fn refused(error: &Error, purpose: &Purpose) -> Line {
    let again = error.retry_after_ms.map(|ms| {
        let seconds = Value::Number(seconds(Duration::from_millis(ms)));
        phrase("; try again in {seconds} s", &[("seconds", seconds)])
    });
    let values = [
        ("why", Value::Words(&error.message)),
        ("again", Value::Line(again.unwrap_or_default())),
        ("about", Value::Words(about(purpose))),
    ];
    match purpose {
        // It may have been typed long ago, while there was no connection.
        Purpose::Say(..) | Purpose::Topic(_) => note("not sent: {why}{again}; it was: {about}", &values),
        Purpose::Join(_) | Purpose::ReadOn(_) => note("cannot enter {about}: {why}{again}", &values),
        _ => note("refused: {why}{again}", &values),
    }
}

fn unanswered(purpose: &Purpose) -> Line {
    let values = [("about", Value::Words(about(purpose)))];
    match purpose {
        Purpose::Join(_) | Purpose::ReadOn(_) => note("no answer to: /join {about}", &values),
        Purpose::Program(_) => note("no answer to: a request", &values),
        _ => note("no answer to: {about}", &values),
    }
}

/// What a request was about: its text, its room, or its command.
fn about(purpose: &Purpose) -> &str {
    match purpose {
        Purpose::Say(_, text) | Purpose::Topic(text) => text,
        Purpose::Join(room) | Purpose::ReadOn(room) => room,
        Purpose::Leave => "/leave",
        Purpose::Who => "/who",
        Purpose::Whois => "/whois",
        Purpose::Rooms(_) => "/rooms",
        Purpose::Page => "/history",
        Purpose::Search => "/search",
        Purpose::Program(_) => "",
    }
}

fn figures(stats: &Stats, server: &str) -> Line {
    let mut values = vec![
        ("server", Value::Words(server)),
        ("retries", Value::Number(stats.retries)),
        ("lost", Value::Number(stats.lost)),
        ("repaired", Value::Number(stats.repaired)),
        ("duplicates", Value::Number(stats.duplicates)),
        ("reordered", Value::Number(stats.reordered)),
        ("stalls", Value::Number(stats.stalls)),
        ("longest", Value::Took(stats.longest_stall)),
    ];
    let line = match &stats.round_trips {
        None => note("{server}: no round trip measured", &values),
        Some(times) => {
            let times = [("p50", times.p50), ("p90", times.p90), ("p99", times.p99)];
            values.extend(times.map(|(name, time)| (name, Value::Took(time))));
            note("{server}: round trip p50 {p50}, p90 {p90}, p99 {p99}", &values)
        }
    };
    if [stats.retries, stats.lost, stats.repaired, stats.duplicates, stats.reordered] == [0; 5] {
        return line; // as always over a link that loses nothing
    }
    let line = line.line(phrase(
        "; retries {retries}, lost {lost}, repaired {repaired}, duplicates {duplicates}, reordered {reordered}",
        &values,
    ));
    match stats.stalls {
        0 => line,
        1 => line.line(phrase("; waited once behind a missing message, {longest}", &values)),
        _ => {
            line.line(phrase("; waited {stalls} times behind a missing message, at most {longest}", &values))
        }
    }
}

/// How a command is written.
fn usage(command: CommandName) -> &'static str {
    match command {
        CommandName::History => "/history [NUMBER]",
        CommandName::Join => "/join ROOM",
        CommandName::Leave => "/leave [ROOM]",
        CommandName::Msg => "/msg NAME TEXT",
        CommandName::Name => "/name NAME",
        CommandName::Search => "/search WORDS",
        CommandName::Stats => "/stats [SECONDS], up to a day, or /stats off",
        CommandName::Topic => "/topic TEXT",
        CommandName::Transport => "/transport NAME, such as tcp or udp, or /transport URL",
        CommandName::Who => "/who [ROOM]",
        CommandName::Whois => "/whois NAME",
    }
}

/// Whole seconds, rounded up, at least one.
fn seconds(wait: Duration) -> u64 {
    (wait.as_secs() + u64::from(wait.subsec_nanos() > 0)).max(1)
}

/// The user, in a direct message.
pub(super) const YOU: &str = "you";

/// The words behind the name of a program.
pub(super) const BOT: &str = " bot";

/// The words behind the name of a person whose link is not encrypted, so that anybody could have that name.
pub const GUEST: &str = " (guest)";

/// The words behind the name of a program whose link is not encrypted.
pub(super) const BOT_GUEST: &str = " bot (guest)";

/// How many names a line holds at most.
const NAMES_SHOWN: usize = 20;

#[cfg(test)]
mod tests;
