//! Everything the screen shows, and what is to be done about what happens. It knows neither a terminal nor a client.

use std::time::{Duration, Instant};

use chat_core::Address;
use chat_front::{
    Conversation, Notice, Place,
    text::{Line, en},
};
use jiff::tz::TimeZone;

use super::{complete::Completing, item::Look, list::List, room::Room, theme::Theme};
use crate::edit::Written;

/// What the driver of a screen is to do for it, beside the actions of its conversation.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Wish {
    /// Draw everything anew, whatever the terminal shows.
    Redraw,
    /// Leave.
    Quit,
}

/// The state of the link.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Link {
    /// Not up yet, for the first time.
    Connecting,
    Up,
    Lost {
        why: String,
        /// When it is tried again.
        until: Instant,
    },
}

/// The state.
#[derive(Debug)]
pub(crate) struct App {
    pub(crate) conversation: Conversation,
    pub(crate) link: Link,
    /// Half of all round trips were as short.
    pub(crate) round_trip: Option<Duration>,
    pub(crate) rooms: Vec<Room>,
    pub(crate) current: usize,
    pub(crate) list: Option<List>,
    pub(crate) theme: Theme,
    pub(crate) zone: TimeZone,
    /// Columns and rows of the terminal.
    pub(crate) size: (u16, u16),
    /// Whether the user looks at the terminal, as far as it tells.
    pub(super) focused: bool,
    pub(super) written: Written,
    pub(super) completing: Option<Completing>,
    pub(super) wishes: Vec<Wish>,
    pub(super) bell: bool,
    /// Where to go once the room is entered, or its page has come.
    pub(super) jump: Option<(Place, u64)>,
    /// When to measure a round trip for the status line next.
    pub(super) measure_at: Option<Instant>,
}

impl App {
    /// Wants to be in `rooms` at `server`, and is in none yet.
    pub(crate) fn new(server: Address, rooms: &[&str], theme: Theme, zone: TimeZone) -> App {
        let mut app = App {
            conversation: Conversation::new(server),
            link: Link::Connecting,
            round_trip: None,
            rooms: Vec::new(),
            current: 0,
            list: None,
            theme,
            zone,
            size: (80, 24),
            focused: true,
            written: Written::default(),
            completing: None,
            wishes: Vec::new(),
            bell: false,
            jump: None,
            measure_at: None,
        };
        rooms.iter().for_each(|room| app.enter(room));
        app.current = 0;
        app
    }

    /// What the screen wants of its driver, in order.
    pub(crate) fn take_wishes(&mut self) -> Vec<Wish> {
        std::mem::take(&mut self.wishes)
    }

    /// Whether to ring.
    pub(crate) fn take_bell(&mut self) -> bool {
        std::mem::take(&mut self.bell)
    }

    /// The room that is looked at.
    pub(crate) fn room(&self) -> Option<&Room> {
        self.rooms.get(self.current)
    }

    pub(super) fn room_mut(&mut self) -> Option<&mut Room> {
        self.rooms.get_mut(self.current)
    }

    pub(super) fn find(&self, place: &Place) -> Option<usize> {
        self.rooms.iter().position(|room| room.place.is(place))
    }

    /// The room called `name`.
    pub(super) fn find_room(&mut self, name: &str) -> Option<&mut Room> {
        let at = self.find(&Place::Room(name.to_owned()))?;
        self.rooms.get_mut(at)
    }

    /// Whether the user is in the room at `place`.
    pub(super) fn is_in(&self, place: &Place) -> bool {
        self.find(place).is_some_and(|at| self.rooms[at].joined)
    }

    /// The conversation at `place`, begun if there is none.
    pub(super) fn find_or_begin(&mut self, place: &Place) -> usize {
        self.find(place).unwrap_or_else(|| {
            self.rooms.retain(|room| !room.place.is_nowhere());
            self.make_room();
            self.rooms.push(Room::new(place.clone()));
            self.rooms.len() - 1
        })
    }

    /// Forgets the oldest conversation with a person that the user does not look at or write in, if there are
    /// [`MOST_ROOMS`]: anybody can begin one, under one name after the other.
    fn make_room(&mut self) {
        if self.rooms.len() < MOST_ROOMS {
            return;
        }
        let is_idle = |room: &Room| {
            matches!(room.place, Place::Person(_)) && room.outgoing.is_empty() && room.draft.is_empty()
        };
        let idle = (0..self.rooms.len()).find(|at| *at != self.current && is_idle(&self.rooms[*at]));
        if let Some(at) = idle {
            self.rooms.remove(at);
            self.current -= usize::from(self.current > at);
        }
    }

    /// Enters `room`, or goes there if the user is in it.
    pub(super) fn enter(&mut self, room: &str) {
        let place = Place::Room(room.to_owned());
        if !self.is_in(&place) {
            self.conversation.enter(room, None);
        }
        let at = self.find_or_begin(&place);
        self.go_to(at);
    }

    /// Looks at the room at this place of the list.
    pub(super) fn go_to(&mut self, at: usize) {
        if at >= self.rooms.len() {
            return;
        }
        self.completing = None;
        if at != self.current
            && let Some(room) = self.room_mut()
        {
            room.look_away();
        }
        let was = std::mem::replace(&mut self.current, at);
        if was != at || self.rooms[at].unread > 0 {
            self.rooms[at].look();
        }
    }

    pub(super) fn forget(&mut self, place: &Place) {
        let Some(at) = self.find(place) else { return };
        self.rooms.remove(at);
        if self.current > at || self.current == self.rooms.len() {
            self.current = self.current.saturating_sub(1);
        }
        if let Some(room) = self.room_mut() {
            room.look();
        }
    }

    /// Tells the user something in the room that the user looks at.
    pub(crate) fn note(&mut self, line: Line) {
        if self.rooms.is_empty() {
            self.rooms.push(Room::new(Place::nowhere())); // every line needs a room
        }
        if let Some(room) = self.room_mut() {
            room.note(line);
        }
    }

    /// Tells the user of `notice` in the room that the user looks at.
    pub(crate) fn tell(&mut self, notice: &Notice) {
        for line in en::lines(notice, self.conversation.me()) {
            self.note(line);
        }
    }

    /// The terminal has this many columns and rows now.
    pub(crate) fn resized(&mut self, size: (u16, u16)) {
        self.size = size;
    }

    /// The user looks at the terminal, or no longer.
    pub(crate) fn focused(&mut self, focused: bool) {
        if std::mem::replace(&mut self.focused, focused) == focused {
            return;
        }
        if let Some(room) = self.room_mut() {
            if focused { room.look() } else { room.look_away() }
        }
    }

    /// Whether the user looks at the room at this place of the list.
    pub(super) fn is_watched(&self, at: usize) -> bool {
        self.focused && at == self.current
    }

    /// What it needs to know to show a message.
    pub(crate) fn look(&self) -> Look<'_> {
        Look { me: self.conversation.me(), zone: &self.zone, theme: self.theme }
    }

    /// When to be told the time next, if it matters.
    pub(crate) fn poll_timeout(&self, now: Instant) -> Option<Instant> {
        let countdown = match &self.link {
            // To the second.
            Link::Lost { until, .. } if *until > now => {
                let left = *until - now;
                Some(now + Duration::from_nanos(u64::from(left.subsec_nanos()).max(1_000_000)))
            }
            _ => None,
        };
        [countdown, self.conversation.poll_timeout(), self.measure_at].into_iter().flatten().min()
    }

    /// Does what is due at `now`.
    pub(crate) fn on_timeout(&mut self, now: Instant) {
        self.conversation.on_timeout(now);
        if self.measure_at.is_some_and(|at| at <= now) {
            self.measure_at = Some(now + MEASURE_EVERY);
            self.conversation.measure_quietly();
        }
    }
}

/// How many rooms and conversations are kept: a session is in 64 rooms at most, the rest are with persons.
pub(super) const MOST_ROOMS: usize = 256;

/// How often a round trip is measured for the status line.
pub(super) const MEASURE_EVERY: Duration = Duration::from_secs(2);
