//! Handles keys, pasted text and the mouse.

use std::time::Instant;

use chat_core::text;
use chat_front::Notice;

use super::{
    app::{App, Effect},
    complete::Completing,
    layout,
    list::{Choice, List},
};
use crate::edit::{Editor, Key, Move, Way};

impl App {
    /// Takes a key that was pressed at `now`.
    pub(crate) fn on_key(&mut self, key: Key, now: Instant) {
        if !matches!(key, Key::Complete(_)) {
            self.completing = None;
        }
        if self.list.is_some() && self.list_key(key) {
            return;
        }
        match key {
            Key::Char('?') if self.draft().is_empty() => self.list = Some(List::of_help()),
            Key::Char(c) => self.write(c.encode_utf8(&mut [0; 4])),
            Key::NewLine => self.write("\n"),
            Key::Enter => self.enter_line(now),
            Key::Complete(way) => self.complete(way),
            Key::Move(to) => self.draft().move_cursor(to),
            Key::Delete(to) => self.draft().delete(to),
            Key::Line(way) => {
                if !self.draft().move_line(way) {
                    self.walk_written(way);
                }
            }
            Key::Page(way) => {
                let page = layout::messages(self).1.saturating_sub(2).max(1);
                self.scroll_way(way, page);
            }
            Key::Wheel(way) => self.scroll_way(way, WHEEL),
            Key::End(Way::Up) => self.scroll(isize::MIN / 2),
            Key::End(Way::Down) => self.scroll_to_end(),
            Key::NextRoom(way) => self.next_room(way),
            Key::Room(at) => self.go_to(at),
            Key::Search => {
                self.give_up_line();
                self.write("/search ");
            }
            Key::Help => self.list = Some(List::of_help()),
            Key::SendAgain => self.send_again(),
            Key::Drop => drop(self.room_mut().and_then(super::room::RoomView::take_failed)),
            Key::Escape => self.scroll_to_end(),
            Key::Cancel | Key::EndOfInput if self.draft().is_empty() => self.effects.push(Effect::Quit),
            Key::Cancel => self.give_up_line(),
            Key::EndOfInput => self.draft().delete(Move::Right),
            Key::Redraw => self.effects.push(Effect::Redraw),
        }
    }

    /// Inserts pasted text. Nothing in it is taken for a key.
    pub(crate) fn on_paste(&mut self, pasted: &str) {
        self.completing = None;
        let text = text::clean(pasted);
        self.write(&text);
    }

    /// Handles a click at this cell.
    pub(crate) fn on_click(&mut self, column: u16, row: u16) {
        if let Some(at) = layout::room_at(self, column, row) {
            self.go_to(at);
        }
    }

    /// Offers `key` to the list. Returns whether the list took it.
    fn list_key(&mut self, key: Key) -> bool {
        let page = usize::from(self.size.1).saturating_sub(4).max(1);
        let Some(list) = &mut self.list else { return false };
        let goes_on = match key {
            Key::Line(way) => list.walk(way, 1),
            Key::Wheel(way) => list.walk(way, WHEEL),
            Key::Page(way) => list.walk(way, page),
            Key::End(way) => list.walk(way, list.lines.len()),
            Key::Enter => {
                let choice = list.choice().cloned();
                self.list = None;
                self.choose(choice);
                false
            }
            Key::Escape | Key::Cancel | Key::EndOfInput | Key::Help => {
                self.list = None;
                false
            }
            Key::Char('?') => {
                // Pressed twice, it writes a question mark.
                self.list = None;
                self.write("?");
                false
            }
            Key::Redraw => return false,
            _ => {
                self.list = None;
                return false;
            }
        };
        if goes_on && self.conversation.can_search_on() {
            self.search_on();
        }
        true
    }

    fn choose(&mut self, choice: Option<Choice>) {
        match choice {
            Some(Choice::Message(place, seq)) => self.jump_to(place, seq),
            Some(Choice::Room(room)) => self.enter(&room),
            None => {}
        }
    }

    pub(super) fn draft(&mut self) -> &mut Editor {
        if self.rooms.is_empty() {
            self.tell(&Notice::NoRoom);
        }
        let current = self.current.min(self.rooms.len() - 1);
        &mut self.rooms[current].draft
    }

    fn write(&mut self, what: &str) {
        if !self.draft().insert(what) {
            self.tell(&Notice::LineIsFull);
        }
    }

    fn give_up_line(&mut self) {
        let line = self.draft().take();
        if !line.trim().is_empty() {
            self.written.keep(&line);
        }
    }

    fn enter_line(&mut self, now: Instant) {
        let line = self.draft().text().to_owned();
        if line.trim().is_empty() {
            return self.draft().take().clear();
        }
        if self.submit(&line, now) {
            self.written.keep(&line);
            if let Some(room) = self.rooms.iter_mut().find(|room| room.draft.text() == line) {
                room.draft.take();
            }
        }
    }

    fn complete(&mut self, way: Way) {
        let current = self.current;
        if self.completing.is_none() {
            let draft = self.draft();
            let before = draft.text()[..draft.cursor()].to_owned();
            self.completing = Completing::begin(&before, &self.rooms, current);
        }
        let Some(mut completing) = self.completing.take() else { return };
        let word = completing.next(way).to_owned();
        self.draft().replace_from(completing.start, &word);
        self.completing = Some(completing);
    }

    fn walk_written(&mut self, way: Way) {
        let now_written = self.draft().text().to_owned();
        if let Some(line) = self.written.walk(way, &now_written) {
            *self.draft() = Editor::with(&line);
        }
    }

    fn next_room(&mut self, way: Way) {
        let many = self.rooms.len().max(1);
        self.go_to(match way {
            Way::Up => (self.current + many - 1) % many,
            Way::Down => (self.current + 1) % many,
        });
    }

    fn scroll_way(&mut self, way: Way, by: usize) {
        let by = isize::try_from(by).unwrap_or(isize::MAX);
        self.scroll(if way == Way::Up { -by } else { by });
    }
}

/// Rows per notch of the wheel.
const WHEEL: usize = 3;
