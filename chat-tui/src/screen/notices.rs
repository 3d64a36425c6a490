//! Notices in, changes of the screen out.

use std::time::{Duration, Instant};

use chat_core::{
    client::Update,
    mention::mentions,
    wire::{EntryFrame, EntryKind, Gap, INBOX, Joined, Page, Welcome},
};
use chat_front::{EntryReason, Notice, Place, Purpose};

use super::{
    app::{App, Link, MEASURE_EVERY},
    backlog::Item,
    list::List,
    room::Wanted,
    scroll::Scroll,
};

impl App {
    /// Takes what the client reports at `now`.
    pub(crate) fn on_update(&mut self, update: Update, now: Instant) {
        for notice in self.conversation.on_update(update) {
            self.on_notice(notice, now);
        }
    }

    /// The server has opened the first session. The status line tells the user's name.
    pub(crate) fn opened(&mut self, welcome: Welcome, now: Instant) {
        self.on_update(Update::Connected(welcome), now);
    }

    /// Goes on in another session, under another name.
    pub(crate) fn renamed(&mut self, welcome: &Welcome, now: Instant) {
        self.inbox_ended();
        for notice in self.conversation.renamed(welcome) {
            self.tell(&notice);
            self.on_notice(notice, now);
        }
    }

    fn on_notice(&mut self, notice: Notice, now: Instant) {
        match &notice {
            Notice::YouAre { .. } => self.connected(now),
            Notice::Back { resumed, .. } => {
                self.connected(now);
                if !resumed {
                    self.inbox_ended();
                }
            }
            Notice::Disconnected { why, retry_in, .. } => {
                self.link = Link::Lost { why: why.clone(), until: now + *retry_in };
                self.measure_at = None;
            }
            Notice::Entered { joined, reason } => self.entered(joined, *reason),
            Notice::LostRoom { room, .. }
            | Notice::Refused { purpose: Purpose::Join(room) | Purpose::ReadOn(room), .. } => {
                self.forget(&Place::Room(room.clone()));
                self.jump = None;
                self.tell(&notice);
            }
            Notice::Entry(entry) => self.entry(entry),
            Notice::Gap(gap) if gap.room != INBOX => self.gap(gap),
            Notice::Reset { room } => self.reset(room),
            Notice::Presence(presence) => {
                if let Some(room) = self.find_room(&presence.room) {
                    room.people_moved(&presence.entered, &presence.guests, &presence.left);
                }
            }
            Notice::Members { members, .. } => {
                if let Some(room) = self.find_room(&members.room) {
                    room.set_people(&members.members, &members.guests, members.present);
                }
                self.tell(&notice); // if the user asked
            }
            Notice::Stored { tag, place, seq } => {
                if let Some(at) = self.find(place) {
                    self.rooms[at].stored(*tag, *seq);
                }
            }
            Notice::Refused { tag, purpose: Purpose::Say(place, _), error } => match self.find(place) {
                Some(at) => self.rooms[at].failed(*tag, error.message.clone()),
                None => self.tell(&notice),
            },
            Notice::Unanswered { tag, purpose: Purpose::Say(place, _) } => {
                if let Some(at) = self.find(place) {
                    self.rooms[at].failed(*tag, "no answer".to_owned());
                }
            }
            Notice::Page { tag, page } => self.page(*tag, page),
            Notice::Refused { tag, purpose: Purpose::Page, .. }
            | Notice::Unanswered { tag, purpose: Purpose::Page } => {
                self.take_wanted(*tag);
                self.tell(&notice);
            }
            Notice::Found { query, entries, more, .. } => {
                if let Some(list) = &mut self.list {
                    list.found(entries, query, *more, &self.zone);
                }
            }
            Notice::Refused { purpose: Purpose::Search, error, .. } => {
                if let Some(list) = &mut self.list {
                    list.failed(&error.message);
                }
                self.tell(&notice);
            }
            Notice::Rooms(rooms) => self.list = Some(List::of_rooms(rooms)),
            Notice::Stats { stats, .. } => {
                self.round_trip = stats.round_trips.map(|times| times.p50);
                self.tell(&notice); // if the user asked
            }
            // The list of rooms shows it.
            Notice::Left { .. } | Notice::CurrentRoom { .. } => {}
            _ => self.tell(&notice),
        }
    }

    fn connected(&mut self, now: Instant) {
        self.link = Link::Up;
        self.measure_at = Some(now + MEASURE_FIRST.min(MEASURE_EVERY));
    }

    /// With another session comes another inbox, with numbers of its own.
    fn inbox_ended(&mut self) {
        for room in self.rooms.iter_mut().filter(|room| matches!(room.place, Place::Person(_))) {
            room.backlog.renumber();
            (room.seen, room.mark) = (0, None);
        }
    }

    fn entered(&mut self, joined: &Joined, reason: EntryReason) {
        let place = Place::Room(joined.room.clone());
        let Some(at) = self.find(&place) else { return };
        let room = &mut self.rooms[at];
        let is_first = !std::mem::replace(&mut room.joined, true);
        room.backlog.stands(joined.oldest, joined.after);
        room.topic.clone_from(&joined.topic);
        room.set_people(&joined.members, &joined.guests, joined.present);
        if is_first && reason != EntryReason::Reconnected {
            room.place = place; // as the server writes it
            room.seen = joined.head;
        }
        self.jump_on(at);
    }

    /// Goes on to where the user wanted to go in the room at this place of the list.
    fn jump_on(&mut self, at: usize) {
        let room = &self.rooms[at].place;
        if let Some((place, seq)) = self.jump.take_if(|(place, _)| place.is(room)) {
            self.jump_to(place, seq);
        }
    }

    fn gap(&mut self, gap: &Gap) {
        if let Some(at) = self.find(&Place::Room(gap.room.clone())) {
            let is_watched = self.is_watched(at);
            self.rooms[at].hear(Item::Gap(gap.from, gap.to), is_watched, false);
        }
    }

    fn reset(&mut self, name: &str) {
        let lines = chat_front::text::en::lines(&Notice::Reset { room: name.to_owned() }, None);
        if let Some(room) = self.find_room(name) {
            room.reset();
            lines.into_iter().for_each(|line| room.note(line));
        }
    }

    fn entry(&mut self, entry: &EntryFrame) {
        let is_mine = self.conversation.is_me(&entry.author.name);
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
        let is_news = entry.body.is_shown() && !is_mine && entry.seq > self.rooms[at].seen;
        let is_direct = matches!(place, Place::Person(_));
        let names_me = |me| !mentions(me, &entry.body.text).is_empty();
        if is_news && (is_direct || self.conversation.me().is_some_and(names_me)) {
            self.bell = true;
            if !is_watched {
                self.rooms[at].mentions += 1;
            }
        }
        self.rooms[at].hear(entry.into(), is_watched, is_news);
    }

    /// Ends the wait for the page that was asked for under `tag`. Returns its room and its purpose.
    fn take_wanted(&mut self, tag: u64) -> Option<(usize, Wanted)> {
        let is_loading =
            |room: &super::room::RoomView| room.loading.as_ref().is_some_and(|(of, _)| *of == tag);
        let at = self.rooms.iter().position(is_loading)?;
        let (_, wanted) = self.rooms[at].loading.take()?;
        Some((at, wanted))
    }

    fn page(&mut self, tag: u64, page: &Page) {
        let Some((at, wanted)) = self.take_wanted(tag) else { return };
        let backlog = &mut self.rooms[at].backlog;
        let mut follows = true;
        match wanted {
            Wanted::Older => backlog.take_older(&page.entries),
            Wanted::Newer(asked) => follows = backlog.take_newer(asked, &page.entries),
            Wanted::Around(seq) => self.take_around(at, seq, &page.entries),
            Wanted::Newest => backlog.take_around(&page.entries),
        }
        self.jump_on(at);
        if at == self.current {
            self.fill(follows);
        }
    }

    /// Fetches another page if this one did not reach the end in view, or did not follow the backlog.
    fn fill(&mut self, follows: bool) {
        let Some(room) = self.room() else { return };
        let is_short = !follows || (room.scroll == Scroll::Bottom && !room.backlog.is_at_head());
        if is_short && let Some(page) = room.backlog.newer() {
            let place = room.place.clone();
            self.load(&place, page, Wanted::Newer(page));
        }
    }
}

/// When a round trip is measured first.
const MEASURE_FIRST: Duration = Duration::from_millis(200);
