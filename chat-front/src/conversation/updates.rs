//! What the client reports in, notices out.

use chat_core::{
    client::Update,
    wire::{Event, ListRooms, Rooms},
};

use super::Conversation;
use crate::notice::{EntryReason, Notice, Purpose};

impl Conversation {
    /// Takes what the client reported. Returns what there is to tell about it, in order.
    pub fn on_update(&mut self, update: Update) -> Vec<Notice> {
        let notice = match update {
            Update::Connected(welcome) => return self.connected(&welcome),
            Update::Disconnected { why, retry_in } => {
                let is_first = !std::mem::replace(&mut self.is_lost, true);
                Notice::Disconnected { why, retry_in, was_in: self.me.is_some(), is_first }
            }
            Update::Moved { to } => {
                self.server = to.clone();
                Notice::Moved { to }
            }
            Update::Joined { tag, joined } => {
                self.rooms.joined(&joined, tag.is_some());
                let reason = match tag.map(|tag| self.requests.answered(tag)) {
                    None => EntryReason::Reconnected,
                    Some(Some(Purpose::ReadOn(_))) => EntryReason::ReadOn,
                    Some(_) => EntryReason::Asked,
                };
                Notice::Entered { joined, reason }
            }
            Update::LostRoom { room, error } => {
                self.rooms.ended(&room);
                self.rooms.leave(&room);
                return vec![Notice::LostRoom { room, error }, self.current_room()];
            }
            Update::Entry(entry) => {
                self.rooms.entry(&entry);
                Notice::Entry(entry)
            }
            Update::Gap(gap) => {
                self.rooms.read_to(&gap.room, gap.to);
                Notice::Gap(gap)
            }
            Update::Reset { room } => {
                self.rooms.reset(&room);
                Notice::Reset { room }
            }
            Update::Presence(presence) => Notice::Presence(presence),
            Update::Members(members) => Notice::Members { members, is_asked: false },
            Update::Reply { tag, reply } => return self.answered(tag, reply),
            Update::Unanswered { tag } => {
                self.search_failed(tag);
                let Some(purpose) = self.requests.give_up(tag) else { return Vec::new() };
                Notice::Unanswered { tag, purpose }
            }
            Update::Stats(stats) => {
                self.requests.measured();
                let (server, is_asked) = (self.server.clone(), self.measuring.has_come());
                Notice::Stats { stats, server, is_asked }
            }
            Update::Error(error) | Update::Refused(error) => Notice::Error(error),
            // The update after a goodbye says what follows from it.
            _ => return Vec::new(),
        };
        vec![notice]
    }

    fn answered(&mut self, tag: u64, reply: Event) -> Vec<Notice> {
        let purpose = self.requests.answered(tag);
        let notice = match reply {
            Event::Ack(ack) => {
                self.rooms.said(&ack.room, ack.seq);
                match purpose {
                    Some(Purpose::Say(place, _)) => Notice::Stored { tag, place, seq: ack.seq },
                    _ => return Vec::new(),
                }
            }
            Event::Left(left) => {
                self.rooms.ended(&left.room);
                return vec![Notice::Left { room: left.room }, self.current_room()];
            }
            Event::Members(members) => Notice::Members { members, is_asked: true },
            Event::Person(person) => Notice::Person(person),
            Event::Page(page) => {
                page.entries.iter().for_each(|entry| self.rooms.shown(&page.room, entry.seq));
                Notice::Page { tag, page }
            }
            Event::Rooms(rooms) => return self.listed(purpose, rooms),
            Event::Found(found) => return self.found(tag, found),
            Event::Error(error) => {
                self.search_failed(tag);
                let Some(purpose) = purpose else { return vec![Notice::Error(error)] };
                let refused_room = match &purpose {
                    Purpose::Join(room) | Purpose::ReadOn(room) => Some(room.clone()),
                    _ => None,
                };
                let refused = Notice::Refused { tag, purpose, error };
                let Some(room) = refused_room else { return vec![refused] };
                self.rooms.leave(&room);
                return vec![refused, self.current_room()];
            }
            // Other answers are for programs.
            _ => return Vec::new(),
        };
        vec![notice]
    }

    /// A page of the list of rooms has come. The list is shown once it is complete.
    fn listed(&mut self, purpose: Option<Purpose>, mut rooms: Rooms) -> Vec<Notice> {
        let Some(Purpose::Rooms(mut pages)) = purpose else { return vec![Notice::Rooms(rooms)] };
        let more = rooms.more.take().filter(|_| !rooms.rooms.is_empty() && pages.len() < MOST_PAGES);
        pages.push(rooms.rooms);
        match more {
            Some(more) => {
                let next = ListRooms { after: Some(more.into()) };
                self.requests.ask(next.into(), Purpose::Rooms(pages));
                Vec::new()
            }
            None => vec![Notice::Rooms(Rooms { rooms: pages.into_iter().flatten().collect(), ..rooms })],
        }
    }

    /// Where a line is said has changed.
    fn current_room(&self) -> Notice {
        Notice::CurrentRoom { room: self.rooms.current().map(str::to_owned) }
    }
}

/// How many pages of the list of rooms are asked for, whatever the server says: 10,000 rooms with the longest topics are
/// 160 pages.
const MOST_PAGES: usize = 200;
