//! Everything the screen shows, and what is to be done about what happens. It knows neither a terminal nor a client.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use chat_core::{
    Address,
    wire::{Join, RequestBody},
};
use jiff::tz::TimeZone;

use super::{
    backlog::Page,
    complete::Completing,
    editor::Written,
    item::Look,
    list::List,
    room::{Place, Room},
    theme::Theme,
};
use crate::{command::Measure, line::rooms::is_same, output::Line};

/// What whoever drives this is to do.
#[derive(Debug, PartialEq)]
pub(crate) enum Action {
    /// Ask this of the server, under this tag.
    Ask(RequestBody<'static>, u64),
    /// Ask the client what it has measured.
    Measure,
    /// Go on over another transport, or at another address.
    Move(String),
    /// Come back under another name.
    Rename(String),
    /// Draw everything anew, whatever the terminal shows.
    Redraw,
    Quit,
}

/// What a request was about.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Asked {
    /// Something to be said there.
    Say(Place),
    /// The page before what is there, after it, around this number, or the newest.
    Older(Place),
    Newer(Place, Page),
    Around(Place, u64),
    Newest(Place),
    Enter(Place),
    Search,
    Rooms,
    /// What this command asks for.
    Command(&'static str),
}

/// How we are connected.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Link {
    /// Not yet, for the first time.
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
    pub(crate) me: Option<String>,
    /// Where the server is.
    pub(crate) server: Address,
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
    pub(super) asked: BTreeMap<u64, Asked>,
    pub(super) last_tag: u64,
    pub(super) actions: Vec<Action>,
    pub(super) bell: bool,
    /// The name to come back under, once nothing is on its way any more: it is known by the session that ends.
    pub(super) rename: Option<String>,
    /// Where to go once the room is entered, or what is on its way of it has come.
    pub(super) jump: Option<(Place, u64)>,
    /// What `/stats` asked for: once, or every so often, and when next.
    pub(super) stats_asked: bool,
    pub(super) stats_every: Option<(Duration, Instant)>,
    pub(super) measure_at: Option<Instant>,
}

impl App {
    /// Wants to be in `rooms` at `server`, and is in none yet.
    pub(crate) fn new(server: Address, rooms: &[&str], theme: Theme, zone: TimeZone) -> App {
        let mut app = App {
            me: None,
            server,
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
            asked: BTreeMap::new(),
            last_tag: 0,
            actions: Vec::new(),
            bell: false,
            rename: None,
            jump: None,
            stats_asked: false,
            stats_every: None,
            measure_at: None,
        };
        rooms.iter().for_each(|room| app.enter(room));
        app.current = 0;
        app
    }

    /// What is to be done, in order.
    pub(crate) fn take_actions(&mut self) -> Vec<Action> {
        if self.unsaid() == 0
            && let Some(name) = self.rename.take()
        {
            self.actions.push(Action::Rename(name));
        }
        std::mem::take(&mut self.actions)
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
        self.rooms.iter().position(|it| it.place.is(place))
    }

    /// Whether we are in the room at `place`.
    pub(super) fn is_in(&self, place: &Place) -> bool {
        self.find(place).is_some_and(|at| self.rooms[at].joined)
    }

    /// The conversation at `place`, begun if there is none.
    pub(super) fn find_or_begin(&mut self, place: &Place) -> usize {
        self.find(place).unwrap_or_else(|| {
            self.rooms.retain(|it| !it.place.is_nowhere());
            self.make_room();
            self.rooms.push(Room::new(place.clone()));
            self.rooms.len() - 1
        })
    }

    /// Forgets the oldest conversation with a person that nobody looks at or writes in, if there are [`MOST_ROOMS`]:
    /// anybody can begin one, under one name after the other.
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

    pub(super) fn ask(&mut self, request: RequestBody<'static>, asked: Asked) -> u64 {
        self.last_tag += 1;
        self.asked.insert(self.last_tag, asked);
        self.actions.push(Action::Ask(request, self.last_tag));
        self.last_tag
    }

    /// How many requests have no answer yet.
    pub(crate) fn unanswered(&self) -> usize {
        self.asked.len()
    }

    /// How many messages nobody knows to be stored.
    pub(crate) fn unsaid(&self) -> usize {
        self.asked.values().filter(|it| matches!(it, Asked::Say(_))).count()
    }

    /// Enters `room`, or goes there if we are in it.
    pub(super) fn enter(&mut self, room: &str) {
        let place = Place::Room(room.to_owned());
        if !self.is_in(&place) {
            let join = Join { room: room.to_owned().into(), ..Join::default() };
            self.ask(RequestBody::Join(join), Asked::Enter(place.clone()));
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

    /// Says something to the user where the user looks.
    pub(crate) fn note(&mut self, line: Line) {
        if self.rooms.is_empty() {
            self.rooms.push(Room::new(Place::nowhere())); // somewhere it has to be said
        }
        if let Some(room) = self.room_mut() {
            room.note(line);
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

    /// What it needs to know to show a message.
    pub(crate) fn look(&self) -> Look<'_> {
        Look { me: self.me.as_deref(), zone: &self.zone, theme: self.theme }
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
        let stats = self.stats_every.map(|(_, at)| at);
        [countdown, stats, self.measure_at].into_iter().flatten().min()
    }

    /// It is `now`.
    pub(crate) fn on_timeout(&mut self, now: Instant) {
        if self.measure_at.is_some_and(|at| at <= now) {
            self.measure_at = Some(now + MEASURE_EVERY);
            self.actions.push(Action::Measure);
        }
        if let Some((every, at)) = &mut self.stats_every
            && *at <= now
        {
            *at = now + *every;
            self.stats_asked = true;
            self.actions.push(Action::Measure);
        }
    }

    pub(super) fn measure(&mut self, measure: Measure, now: Instant) {
        self.stats_every = match measure {
            Measure::Every(period) => Some((period, now + period)),
            Measure::NoMore => return self.stats_every = None,
            Measure::Once => self.stats_every,
        };
        self.stats_asked = true;
        self.actions.push(Action::Measure);
    }

    /// Whether `name` is ours.
    pub(super) fn is_me(&self, name: &str) -> bool {
        self.me.as_deref().is_some_and(|me| is_same(me, name))
    }
}

/// How many rooms and conversations are kept: a session is in 64 rooms at most, the rest are with persons.
pub(super) const MOST_ROOMS: usize = 256;

/// How often the status line says anew how long a round trip takes.
pub(super) const MEASURE_EVERY: Duration = Duration::from_secs(2);
