//! The state of the screen: rooms, the list, the draft. `App` knows neither a terminal nor a client.

use std::time::{Duration, Instant};

use chat_front::{
    Conversation, Notice, Place,
    text::{Line, en},
};
use jiff::tz::TimeZone;

use super::{complete::Completing, item::Look, list::List, room::RoomView, theme::Theme};
use crate::edit::Written;

/// What the driver of a screen is to do for it, beside the actions of its conversation.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Effect {
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
    /// The median round trip, as the status line shows it.
    pub(crate) round_trip: Option<Duration>,
    pub(crate) rooms: Vec<RoomView>,
    pub(crate) current: usize,
    pub(crate) list: Option<List>,
    pub(crate) theme: Theme,
    pub(crate) zone: TimeZone,
    /// Columns and rows of the terminal.
    pub(crate) size: (u16, u16),
    /// Whether the terminal has the focus, as far as it reports that.
    pub(super) focused: bool,
    pub(super) written: Written,
    pub(super) completing: Option<Completing>,
    pub(super) effects: Vec<Effect>,
    pub(super) bell: bool,
    /// Where to go once the room is entered, or its page has come.
    pub(super) jump: Option<(Place, u64)>,
    /// When to measure a round trip for the status line next.
    pub(super) measure_at: Option<Instant>,
}

impl App {
    /// A screen whose user has asked to enter `rooms` in `conversation`, which has not begun yet.
    pub(crate) fn new(conversation: Conversation, rooms: &[&str], theme: Theme, zone: TimeZone) -> App {
        let mut app = App {
            conversation,
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
            effects: Vec::new(),
            bell: false,
            jump: None,
            measure_at: None,
        };
        rooms.iter().for_each(|room| app.enter(room));
        app.current = 0;
        app
    }

    /// What the screen wants of its driver, in order.
    pub(crate) fn take_effects(&mut self) -> Vec<Effect> {
        std::mem::take(&mut self.effects)
    }

    /// Whether to ring.
    pub(crate) fn take_bell(&mut self) -> bool {
        std::mem::take(&mut self.bell)
    }

    /// The current room, which the user looks at.
    pub(crate) fn room(&self) -> Option<&RoomView> {
        self.rooms.get(self.current)
    }

    pub(super) fn room_mut(&mut self) -> Option<&mut RoomView> {
        self.rooms.get_mut(self.current)
    }

    pub(super) fn find(&self, place: &Place) -> Option<usize> {
        self.rooms.iter().position(|room| room.place.is(place))
    }

    /// The room called `name`.
    pub(super) fn find_room(&mut self, name: &str) -> Option<&mut RoomView> {
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
            self.rooms.push(RoomView::new(place.clone()));
            self.rooms.len() - 1
        })
    }

    /// Forgets the oldest idle conversation with a person if there are [`MOST_ROOMS`]: a stranger can begin any number of
    /// them, under one name after the other.
    fn make_room(&mut self) {
        if self.rooms.len() < MOST_ROOMS {
            return;
        }
        let is_idle = |room: &RoomView| {
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

    /// Makes the room at index `at` the current one.
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
            self.rooms.push(RoomView::new(Place::nowhere())); // every line needs a room
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

    /// The settings that rendering a message needs.
    pub(crate) fn look(&self) -> Look<'_> {
        Look { me: self.conversation.me(), zone: &self.zone, theme: self.theme }
    }

    /// When to call [`App::on_timeout`] next, if time alone changes anything.
    pub(crate) fn poll_timeout(&self, now: Instant) -> Option<Instant> {
        let countdown = match &self.link {
            // The countdown changes once a second.
            Link::Lost { until, .. } if *until > now => {
                let left = *until - now;
                Some(now + Duration::from_nanos(u64::from(left.subsec_nanos()).max(1_000_000)))
            }
            _ => None,
        };
        [countdown, self.conversation.poll_timeout(), self.measure_at].into_iter().flatten().min()
    }

    /// Runs the timers that are due at `now`.
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
