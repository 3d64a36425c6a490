//! What everybody was shown of the rooms they were in.

use std::collections::BTreeMap;

use chat_core::{
    client::Update,
    wire::{EntryFrame, Event, Gap, INBOX, Joined, RequestBody},
};

use super::{
    super::{Stored, What, plan},
    Rule,
    case::Case,
};

/// One reader of one room.
#[derive(Debug, Default)]
struct Reader {
    epoch: String,
    /// The last number shown, while reading.
    cursor: Option<u64>,
    /// The client said that numbers begin anew.
    reset: bool,
}

/// By person and room.
type Readers = BTreeMap<(usize, String), Reader>;

/// What is at a number: by epoch, room and number.
type Content<'a> = BTreeMap<(&'a str, &'a str, u64), &'a Stored>;

pub(super) fn check(case: &mut Case<'_>) {
    let report = case.report;
    let mut content: Content<'_> = BTreeMap::new();
    let mut oldest: BTreeMap<(&str, &str), u64> = BTreeMap::new();
    for log in &report.logs {
        for (state, _) in &log.rooms {
            oldest.insert((&state.epoch, state.room.as_str()), state.oldest);
        }
        for stored in &log.stored {
            content.insert((stored.epoch.as_str(), stored.item.room.as_str(), stored.seq), stored);
        }
    }
    let mut readers = Readers::new();
    for (at, happening) in report.history.iter().enumerate() {
        let Some(who) = happening.who else { continue };
        let readers = &mut readers;
        let found = match &happening.what {
            What::Begins(_) | What::Killed | What::Over => {
                readers.retain(|(it, _), _| *it != who);
                continue;
            }
            What::Told(Update::Connected(welcome)) => {
                if !welcome.resumed {
                    *of(readers, who, INBOX) = Reader { cursor: Some(0), ..Reader::default() };
                }
                continue;
            }
            What::Told(Update::Reset { room }) => {
                of(readers, who, room).reset = true;
                continue;
            }
            What::Told(Update::LostRoom { room, .. }) => {
                *of(readers, who, room) = Reader::default();
                continue;
            }
            What::Told(Update::Reply { tag, reply: Event::Left(_) | Event::Error(_) }) => {
                let asked = case.asked.get(&(who, *tag)).map(|it| it.request);
                if let Some(RequestBody::Leave(chat_core::wire::Leave { room, .. })) = asked {
                    *of(readers, who, room) = Reader::default();
                } else if let Some(RequestBody::Join(join)) = asked {
                    *of(readers, who, &join.room) = Reader::default();
                }
                continue;
            }
            What::Told(Update::Joined { tag, joined }) => {
                let request = tag.and_then(|tag| case.asked.get(&(who, tag))).map(|it| it.request);
                let anew = matches!(request, Some(RequestBody::Join(join)) if join.recent.is_some());
                of(readers, who, &joined.room).joined(tag.is_some(), anew, joined)
            }
            What::Told(Update::Entry(entry)) => of(readers, who, &entry.room).entry(entry, &content),
            What::Told(Update::Gap(gap)) => {
                let reader = of(readers, who, &gap.room);
                let gone = oldest.get(&(reader.epoch.as_str(), gap.room.as_str())).copied().unwrap_or(1);
                reader.gap(gap, gone)
            }
            _ => continue,
        };
        if let Some((rule, what)) = found {
            case.against(rule, Some(at), what);
        }
    }
    ends_at_the_head(case, &readers);
}

fn of<'a>(readers: &'a mut Readers, who: usize, room: &str) -> &'a mut Reader {
    readers.entry((who, room.to_owned())).or_default()
}

impl Reader {
    /// Reading begins, or goes on. `anew` is with the newest entries, whatever was read before.
    fn joined(&mut self, asked: bool, anew: bool, joined: &Joined) -> Option<(Rule, String)> {
        let known = !self.epoch.is_empty();
        let another = known && self.epoch != joined.epoch;
        let was = self.cursor;
        let reset = std::mem::take(&mut self.reset);
        self.epoch.clone_from(&joined.epoch);
        self.cursor = Some(joined.after);
        if joined.room == INBOX && another {
            return None; // a new session has a new inbox
        }
        if !asked && reset && !another {
            return Some((Rule::Epoch, format!("{} begins anew although its log is the same", joined.room)));
        }
        // Who has read nothing has missed nothing, whichever room it is.
        if another && !reset && !anew && was != Some(0) {
            return Some((Rule::Epoch, format!("{} has another log and nobody is told", joined.room)));
        }
        if !asked && !reset && was != Some(joined.after) {
            let what = format!("{} goes on after {}, not {was:?}", joined.room, joined.after);
            return Some((Rule::ShownInOrder, what));
        }
        None
    }

    /// Numbers are gone: so they are, and there are some among them that were not shown.
    fn gap(&mut self, gap: &Gap, oldest: u64) -> Option<(Rule, String)> {
        let was = self.cursor.replace(gap.to);
        if was.is_some_and(|it| gap.from <= it + 1 && gap.to > it) && gap.to < oldest {
            return None;
        }
        let Gap { room, from, to } = gap;
        Some((
            Rule::ShownInOrder,
            format!("{room} has a gap {from}..={to} after {was:?}, and holds {oldest} on"),
        ))
    }

    fn entry(&mut self, entry: &EntryFrame, content: &Content<'_>) -> Option<(Rule, String)> {
        let EntryFrame { room, seq, author, body, .. } = entry;
        let was = self.cursor.replace(*seq);
        if was.map(|it| it + 1) != Some(*seq) {
            return Some((Rule::ShownInOrder, format!("number {seq} of {room} is shown after {was:?}")));
        }
        if room == INBOX {
            return None;
        }
        let stored = content.get(&(self.epoch.as_str(), room.as_str(), *seq)).map(|it| &it.item);
        if stored.is_some_and(|it| (&*it.author, &*it.body) == (author, body)) {
            return None;
        }
        let there = stored.map(|it| it.body.text.as_str());
        Some((Rule::SameForAll, format!("number {seq} of {room} is {there:?}, and shown is {:?}", body.text)))
    }
}

/// After the quiet everybody has read everything there is.
fn ends_at_the_head(case: &mut Case<'_>, readers: &Readers) {
    let report = case.report;
    let Some(log) = report.logs.last() else { return };
    for ((who, room), reader) in readers {
        let (Some(cursor), false) = (reader.cursor, room == INBOX) else { continue };
        if !case.alive.contains_key(who) {
            continue;
        }
        let state = log.rooms.iter().find(|(state, _)| state.room.as_str() == room).map(|(state, _)| state);
        let head = state.map_or(0, |it| it.head);
        let at = report.history.iter().rposition(|it| {
            it.who == Some(*who)
                && matches!(&it.what, What::Told(Update::Entry(entry)) if entry.room == *room)
        });
        if cursor != head {
            let what = format!("{} ends at {cursor} of {room}, whose head is {head}", plan::name(*who));
            case.against(Rule::ShownInOrder, at, what);
        }
        if state.is_some_and(|it| it.epoch != reader.epoch) {
            let what = format!("{} ends in another log of {room} than there is", plan::name(*who));
            case.against(Rule::Epoch, at, what);
        }
    }
}
