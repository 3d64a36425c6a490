//! What becomes of what the client tells.

use std::time::{Duration, Instant};

use chat_core::{
    client::Update,
    wire::{EntryFrame, EntryKind, Error, Event, INBOX, Join, Joined, RequestBody, Welcome},
};

use super::{
    app::{Action, App, Asked, Link, MEASURE_EVERY},
    backlog::Item,
    list::List,
    mention,
    room::{Place, Room},
    scroll::Scroll,
};
use crate::{line::plain, output::Line, sanitize::Sanitized, stats};

impl App {
    /// Takes what the client tells at `now`.
    pub(crate) fn on_update(&mut self, update: Update, now: Instant) {
        match update {
            Update::Connected(welcome) => self.connected(&welcome, now),
            Update::Disconnected { why, retry_in } => self.disconnected(why, now + retry_in),
            Update::Moved { to } => {
                self.note(plain::moved_to(&to));
                self.server = to;
            }
            Update::Joined { tag, joined } => {
                let asked = tag.and_then(|tag| self.asked.remove(&tag));
                self.joined(&joined, asked.is_some());
            }
            Update::LostRoom { room, error } => {
                self.cannot_enter(&Place::Room(room), &error);
            }
            Update::Entry(entry) => self.entry(&entry),
            Update::Gap(gap) if gap.room == INBOX => self.note(plain::gone(&gap)),
            Update::Gap(gap) => {
                if let Some(at) = self.find(&Place::Room(gap.room)) {
                    let is_watched = self.is_watched(at);
                    self.rooms[at].hear(Item::Gap(gap.from, gap.to), is_watched, false);
                }
            }
            Update::Reset { room } => {
                if let Some(at) = self.find(&Place::Room(room)) {
                    self.rooms[at].reset();
                    self.rooms[at].note(Line::note("the room began anew; this is what it holds"));
                }
            }
            Update::Presence(it) => {
                if let Some(at) = self.find(&Place::Room(it.room)) {
                    self.rooms[at].people_moved(&it.entered, &it.left);
                }
            }
            Update::Members(it) => {
                if let Some(at) = self.find(&Place::Room(it.room)) {
                    self.rooms[at].set_people(&it.members, it.present);
                }
            }
            Update::Reply { tag, reply } => {
                if let Some(asked) = self.asked.remove(&tag) {
                    self.answered(tag, reply, asked);
                }
            }
            Update::Unanswered { tag } => {
                if let Some(Asked::Say(place)) = self.asked.remove(&tag)
                    && let Some(at) = self.find(&place)
                {
                    self.rooms[at].failed(tag, "no answer".to_owned());
                }
            }
            Update::Stats(stats) => {
                self.round_trip = stats.round_trips.map(|it| it.p50);
                if std::mem::take(&mut self.stats_asked) {
                    let line = stats::line(&stats, &self.server);
                    self.note(line);
                }
            }
            Update::Error(error) => {
                self.note(Line::note("").shown(&Sanitized::line(&error.message)));
            }
            // What follows says the rest.
            _ => {}
        }
    }

    fn connected(&mut self, welcome: &Welcome, now: Instant) {
        self.link = Link::Up;
        self.measure_at = Some(now + MEASURE_FIRST.min(MEASURE_EVERY));
        let is_back = self.me.replace(welcome.name.clone()).is_some();
        if is_back && !welcome.resumed {
            self.inbox_ended();
        }
    }

    /// With another session comes another inbox, with numbers of its own.
    fn inbox_ended(&mut self) {
        for room in self.rooms.iter_mut().filter(|it| matches!(it.place, Place::Person(_))) {
            room.backlog.renumber();
            (room.seen, room.mark) = (0, None);
        }
    }

    /// Goes on in another session, under another name. What is `held` was not asked in the one before.
    pub(crate) fn renamed(&mut self, welcome: &Welcome, held: Vec<Action>, now: Instant) {
        self.connected(welcome, now);
        self.inbox_ended();
        self.asked.retain(|tag, _| held.iter().any(|it| matches!(it, Action::Ask(_, held) if held == tag)));
        let joins: Vec<_> = self.rooms.iter().filter_map(rejoin).collect();
        for (place, join) in joins {
            self.ask(RequestBody::Join(join), Asked::Enter(place));
        }
        self.actions.extend(held);
        for room in &mut self.rooms {
            room.loading = false;
        }
        self.note(Line::note("you are ").name(&welcome.name));
    }

    fn disconnected(&mut self, why: String, until: Instant) {
        self.link = Link::Lost { why, until };
        self.measure_at = None;
    }

    fn joined(&mut self, joined: &Joined, was_asked: bool) {
        let place = Place::Room(joined.room.clone());
        let Some(at) = self.find(&place) else { return };
        let room = &mut self.rooms[at];
        let is_first = !std::mem::replace(&mut room.joined, true);
        room.backlog.stands(joined.oldest, joined.after);
        room.epoch = Some(joined.epoch.clone());
        room.topic.clone_from(&joined.topic);
        room.set_people(&joined.members, joined.present);
        if is_first && was_asked {
            room.place = place; // as the server writes it
            room.seen = joined.head;
        }
        if let Some((_, seq)) = self.jump.take_if(|(place, _)| place.is(&self.rooms[at].place)) {
            self.jump_to(Place::Room(joined.room.clone()), seq);
        }
    }

    fn cannot_enter(&mut self, place: &Place, error: &Error) {
        self.forget(place);
        self.jump = None;
        let line = Line::note("cannot enter ").shown(&Sanitized::line(&place.title()));
        self.note(line.words(": ").shown(&Sanitized::line(&error.message)));
    }

    fn entry(&mut self, entry: &EntryFrame) {
        let is_mine = self.is_me(&entry.author.name);
        let place = match (&entry.to, entry.room == INBOX) {
            (Some(to), true) if is_mine => Place::Person(to.clone()),
            (_, true) => Place::Person(entry.author.name.clone()),
            (_, false) => Place::Room(entry.room.clone()),
        };
        let at = match place {
            Place::Person(_) => self.find_or_begin(&place),
            Place::Room(_) => match self.find(&place) {
                Some(at) => at,
                None => return, // left since
            },
        };
        if is_mine {
            self.rooms[at].has_come(entry.seq, &entry.body.text);
        }
        if entry.body.kind == EntryKind::Topic {
            self.rooms[at].topic.clone_from(&entry.body.text);
        }
        let is_watched = self.is_watched(at);
        let is_news = !is_mine && entry.seq > self.rooms[at].seen;
        let is_direct = matches!(place, Place::Person(_));
        let is_for_me = is_direct
            || self.me.as_deref().is_some_and(|me| mention::of(me, &entry.body.text).next().is_some());
        if is_news && is_for_me {
            self.bell = true;
            if !is_watched {
                self.rooms[at].mentions += 1;
            }
        }
        self.rooms[at].hear(Item::Said(entry.into()), is_watched, is_news);
    }

    fn is_watched(&self, at: usize) -> bool {
        self.focused && at == self.current
    }

    fn answered(&mut self, tag: u64, reply: Event, asked: Asked) {
        match (reply, asked) {
            (Event::Ack(ack), Asked::Say(place)) => {
                if let Some(at) = self.find(&place) {
                    self.rooms[at].stored(tag, ack.seq);
                }
            }
            (Event::Error(error), Asked::Say(place)) => match self.find(&place) {
                Some(at) => self.rooms[at].failed(tag, error.message),
                None => self.note(Line::note("not sent: ").shown(&Sanitized::line(&error.message))),
            },
            (Event::Error(error), Asked::Enter(place)) => self.cannot_enter(&place, &error),
            (Event::Page(page), asked) => self.page(&page.entries, asked),
            (Event::Left(_), _) => {}
            (Event::Members(it), asked) => {
                if let Some(at) = self.find(&Place::Room(it.room.clone())) {
                    self.rooms[at].set_people(&it.members, it.present);
                }
                if asked == Asked::Command("/who") {
                    self.note(plain::present(&it));
                }
            }
            (Event::Rooms(rooms), _) => self.list = Some(List::of_rooms(&rooms)),
            (Event::Found(found), Asked::Search) => {
                let zone = self.zone.clone();
                if let Some(list) = &mut self.list {
                    list.found(tag, &found, &zone);
                }
            }
            (Event::Error(error), asked) => {
                if let Asked::Older(place)
                | Asked::Newer(place, _)
                | Asked::Around(place, _)
                | Asked::Newest(place) = &asked
                    && let Some(at) = self.find(place)
                {
                    self.rooms[at].loading = false;
                }
                if let (Asked::Search, Some(list)) = (&asked, &mut self.list) {
                    list.failed(tag, &error.message);
                }
                self.note(Line::note("refused: ").shown(&Sanitized::line(&error.message)));
            }
            _ => {}
        }
    }

    fn page(&mut self, entries: &[EntryFrame], asked: Asked) {
        let (Asked::Older(place) | Asked::Newer(place, _) | Asked::Around(place, _) | Asked::Newest(place)) =
            &asked
        else {
            return;
        };
        let Some(at) = self.find(place) else { return };
        let room = &mut self.rooms[at];
        room.loading = false;
        let mut follows = true;
        match asked {
            Asked::Older(_) => room.backlog.take_older(entries),
            Asked::Newer(_, page) => follows = room.backlog.take_newer(page, entries),
            Asked::Around(_, seq) => self.take_around(at, seq, entries),
            _ => room.backlog.take_around(entries),
        }
        if let Some((place, seq)) = self.jump.take_if(|(place, _)| place.is(&self.rooms[at].place)) {
            self.jump_to(place, seq);
        }
        if at == self.current {
            self.fill(follows);
        }
    }

    /// Goes on fetching if what came does not reach the end that is looked at, or does not follow what is here.
    fn fill(&mut self, follows: bool) {
        let Some(room) = self.room() else { return };
        let is_short = !follows || (room.scroll == Scroll::Bottom && !room.backlog.is_at_head());
        if is_short && let Some(page) = room.backlog.newer() {
            let place = room.place.clone();
            self.load(&place, page, Asked::Newer(place.clone(), page));
        }
    }
}

/// The join that reads on where a room was read to, if it was, in another session.
fn rejoin(room: &Room) -> Option<(Place, Join<'static>)> {
    let Place::Room(name) = &room.place else { return None };
    if room.place.is_nowhere() {
        return None;
    }
    let after = room.joined.then(|| room.backlog.head());
    let epoch = room.epoch.clone().map(Into::into);
    let join = Join { room: name.clone().into(), after, epoch, ..Join::default() };
    Some((room.place.clone(), join))
}

/// When a round trip is measured first.
const MEASURE_FIRST: Duration = Duration::from_millis(200);
