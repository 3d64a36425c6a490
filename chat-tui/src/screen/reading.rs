//! Scrolling through a room, and fetching the pages that scrolling needs.

use chat_core::wire::EntryFrame;
use chat_front::{Notice, Place};

use super::{
    app::App,
    backlog::PageRequest,
    layout,
    room::Wanted,
    scroll::{Rows, Scroll},
};

impl App {
    /// Scrolls by `by` rows, up if `by` is negative, and fetches the next page in that direction if it is near.
    pub(super) fn scroll(&mut self, by: isize) {
        let (width, height) = layout::messages(self);
        let Some(room) = self.room() else { return };
        let look = self.look();
        let rows = Rows { items: room.len(), of: |at| look.height(room, at, width) };
        let scroll = match by {
            ..0 => room.scroll.up(by.unsigned_abs(), &room.backlog, &rows, height),
            _ => {
                let ends = room.backlog.is_at_head();
                room.scroll.down(by.unsigned_abs(), &room.backlog, &rows, height, ends)
            }
        };
        let top = scroll.top(&room.backlog, &rows, height).item;
        if let Some(room) = self.room_mut() {
            room.scroll = scroll;
            if scroll == Scroll::Bottom {
                room.below = 0;
            }
        }
        if by < 0 && top < AHEAD {
            self.load_older();
        }
        if by >= 0 {
            self.load_newer(top);
        }
    }

    pub(super) fn load_older(&mut self) {
        let Some(room) = self.room_mut() else { return };
        let (place, page) = (room.place.clone(), room.backlog.older());
        if let Some(page) = page {
            self.load(&place, page, Wanted::Older);
        }
    }

    /// Fetches the page after the backlog if the view, which begins at item `top`, is near its end.
    fn load_newer(&mut self, top: usize) {
        let Some(room) = self.room() else { return };
        let (place, page) = (room.place.clone(), room.backlog.newer());
        if let Some(page) = page
            && top + 2 * AHEAD > room.backlog.len()
        {
            self.load(&place, page, Wanted::Newer(page));
        }
    }

    pub(super) fn load(&mut self, place: &Place, page: PageRequest, wanted: Wanted) {
        let Place::Room(name) = place else { return };
        let Some(at) = self.find(place).filter(|at| self.rooms[*at].loading.is_none()) else { return };
        let tag = self.conversation.page(name, page.before, page.limit);
        self.rooms[at].loading = Some((tag, wanted));
    }

    /// Goes to the newest message.
    pub(super) fn scroll_to_end(&mut self) {
        let Some(room) = self.room_mut() else { return };
        (room.scroll, room.below, room.target) = (Scroll::Bottom, 0, None);
        if !room.backlog.is_at_head() && room.loading.is_none() {
            room.backlog.clear();
            let place = room.place.clone();
            self.load(&place, PageRequest { before: None, limit: PAGE }, Wanted::Newest);
        }
    }

    /// Goes to the message with number `seq`, and fetches it if the backlog does not have it.
    pub(super) fn jump_to(&mut self, place: Place, seq: u64) {
        let Place::Room(name) = &place else { return };
        let Some(at) = self.find(&place).filter(|_| self.is_in(&place)) else {
            let name = name.clone();
            self.jump = Some((place, seq));
            return self.enter(&name);
        };
        self.go_to(at);
        self.rooms[at].target = Some(seq);
        self.show_from(at, seq);
    }

    /// Scrolls back by `messages` messages, or to the first one that the server holds.
    pub(super) fn go_back(&mut self, messages: u64) {
        let (width, height) = layout::messages(self);
        let Some(room) = self.room() else { return };
        let look = self.look();
        let rows = Rows { items: room.len(), of: |at| look.height(room, at, width) };
        let top = room.scroll.top(&room.backlog, &rows, height).item;
        let first = (top..room.backlog.len()).find_map(|at| room.backlog.get(at)?.seq());
        let oldest = match room.place {
            Place::Room(_) => Some(room.backlog.oldest()),
            Place::Person(_) => room.backlog.first_seq(), // the server has no history of direct messages
        };
        let (Some(first), Some(oldest)) = (first, oldest) else { return };
        let seq = first.saturating_sub(messages).max(oldest);
        self.show_from(self.current, seq);
    }

    /// Shows the messages from number `seq` on, and fetches them if the backlog does not have them.
    fn show_from(&mut self, at: usize, seq: u64) {
        let room = &mut self.rooms[at];
        if room.loading.is_some() {
            self.jump = Some((room.place.clone(), seq));
            return;
        }
        if room.backlog.first_seq().is_some_and(|first| first <= seq)
            && let Some(item) = room.backlog.position_from(seq)
        {
            let context = if room.target == Some(seq) { CONTEXT } else { 0 };
            room.scroll = Scroll::At(room.backlog.id(item.saturating_sub(context)), 0);
            return self.scroll(0);
        }
        let place = room.place.clone();
        let page = PageRequest { before: Some(seq + PAGE / 2), limit: PAGE };
        self.load(&place, page, Wanted::Around(seq));
    }

    /// Takes the page around number `seq` that was asked for.
    pub(super) fn take_around(&mut self, at: usize, seq: u64, entries: &[EntryFrame]) {
        let room = &mut self.rooms[at];
        if entries.first().is_some_and(|entry| entry.seq > seq) {
            // The server sends the newest entries of the page, as many as fit a frame.
            let (place, page) = (room.place.clone(), PageRequest { before: Some(seq + 1), limit: PAGE });
            return self.load(&place, page, Wanted::Around(seq));
        }
        let is_wanted = room.target == Some(seq);
        if !entries.is_empty() {
            room.backlog.take_around(entries);
            self.show_from(at, seq);
        }
        if is_wanted && entries.iter().all(|entry| entry.seq != seq) {
            self.tell(&Notice::NoLongerHeld);
        }
    }
}

/// The next page is fetched when the view comes this close to the end of the items.
const AHEAD: usize = 40;

/// The number of entries fetched around a message that the user jumps to.
const PAGE: u64 = 100;

/// The number of items shown above that message.
const CONTEXT: usize = 3;
