//! What costs something, and how much of it a host or a person may have.

use crate::Rate;

/// What costs something.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Kind {
    /// Messages: `say`, `tell` and `topic`.
    Messages,
    /// Bytes of their texts.
    BytesSaid,
    /// The same bytes, where the history has a bound in bytes, so that one host does not push out everything.
    BytesKept,
    /// Requests that have no bucket of their own.
    Requests,
    Replays,
    Searches,
    /// Lists of rooms.
    Lists,
    Pings,
    /// Rooms entered, of which others are told, and later that they were left.
    Entrances,
    NewRooms,
    /// Sessions opened.
    Sessions,
    /// Names claimed, of which one costs [`CLAIM`].
    Claims,
    /// Sessions resumed.
    Resumptions,
    /// Wrong passwords.
    Passwords,
    /// Refusals of links and hellos that are told to the client and to the program's log.
    Refusals,
    /// Bytes of entries and lists that were asked for.
    BytesRead,
    /// Bytes of frames that came, of whatever kind.
    BytesReceived,
}

/// How fast one host, or one person, may do what costs something; `None` is without a limit.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Rates {
    /// Messages: `say`, `tell` and `topic`.
    pub messages: Option<Rate>,
    /// Bytes of their texts.
    pub bytes_said: Option<Rate>,
    /// The same bytes over a day, where the history has a bound in bytes.
    pub bytes_kept: Option<Rate>,
    /// Requests that have no rate of their own.
    pub requests: Option<Rate>,
    /// Requests for entries to be sent again, a page at a time.
    pub replays: Option<Rate>,
    /// Searches.
    pub searches: Option<Rate>,
    /// Lists of rooms.
    pub lists: Option<Rate>,
    /// Pings.
    pub pings: Option<Rate>,
    /// Rooms entered; leaving them again costs nothing.
    pub entrances: Option<Rate>,
    /// Rooms made.
    pub new_rooms: Option<Rate>,
    /// Sessions opened.
    pub sessions: Option<Rate>,
    /// Names claimed by people with a key, in tenths of a name.
    pub claims: Option<Rate>,
    /// Sessions resumed.
    pub resumptions: Option<Rate>,
    /// Wrong passwords.
    pub passwords: Option<Rate>,
    /// Refusals of links and hellos that are answered, and written to the program's log.
    pub refusals: Option<Rate>,
    /// Bytes of entries and lists that were asked for.
    pub bytes_read: Option<Rate>,
    /// Bytes of frames that came, of whatever kind.
    pub bytes_received: Option<Rate>,
}

impl Kind {
    /// How many kinds there are.
    pub(crate) const COUNT: usize = Kind::BytesReceived as usize + 1;

    /// The kind in words for people.
    pub(crate) fn words(self) -> &'static str {
        match self {
            Kind::Messages => "messages",
            Kind::BytesSaid => "bytes of messages",
            Kind::BytesKept => "bytes of messages a day",
            Kind::Requests => "requests",
            Kind::Replays => "requests for earlier messages",
            Kind::Searches => "searches",
            Kind::Lists => "lists of rooms",
            Kind::Pings => "pings",
            Kind::Entrances => "rooms entered",
            Kind::NewRooms => "new rooms",
            Kind::Sessions => "new sessions",
            Kind::Claims => "new names",
            Kind::Resumptions => "resumed sessions",
            Kind::Passwords => "wrong passwords",
            Kind::Refusals => "refusals",
            Kind::BytesRead => "bytes of earlier messages",
            Kind::BytesReceived => "bytes",
        }
    }
}

impl Rates {
    /// The rate for this kind.
    pub(crate) fn of(&self, kind: Kind) -> Option<Rate> {
        match kind {
            Kind::Messages => self.messages,
            Kind::BytesSaid => self.bytes_said,
            Kind::BytesKept => self.bytes_kept,
            Kind::Requests => self.requests,
            Kind::Replays => self.replays,
            Kind::Searches => self.searches,
            Kind::Lists => self.lists,
            Kind::Pings => self.pings,
            Kind::Entrances => self.entrances,
            Kind::NewRooms => self.new_rooms,
            Kind::Sessions => self.sessions,
            Kind::Claims => self.claims,
            Kind::Resumptions => self.resumptions,
            Kind::Passwords => self.passwords,
            Kind::Refusals => self.refusals,
            Kind::BytesRead => self.bytes_read,
            Kind::BytesReceived => self.bytes_received,
        }
    }

    /// What one person may do.
    pub(crate) fn of_a_person() -> Rates {
        let rate = |burst, per_minute| Some(Rate { burst, per_minute });
        Rates {
            messages: rate(20, 300),
            requests: rate(200, 3000),
            replays: rate(200, 12_000),
            searches: rate(40, 300),
            lists: rate(20, 60),
            pings: rate(1000, 1200),
            entrances: rate(128, 60), // twice as many rooms as a session may be in
            new_rooms: rate(20, 10),
            ..Rates::default()
        }
    }

    /// What one host may do: as much as thirty people who all begin at once, and go on at a pace at which people talk.
    pub(crate) fn of_a_host() -> Rates {
        let rate = |burst, per_minute| Some(Rate { burst, per_minute });
        Rates {
            messages: rate(600, 30 * 60),
            bytes_said: rate(MIB, 40 * 1024 * 60), // a stored byte costs up to 3.4 on the disk
            bytes_kept: None,                      // the log says how much it keeps
            requests: rate(6000, 200 * 60),
            replays: rate(6000, 1000 * 60),
            searches: rate(120, 10 * 60),
            lists: rate(120, 4 * 60),
            pings: rate(6000, 200 * 60),
            entrances: rate(600, 5 * 60),
            new_rooms: rate(20, 10),
            sessions: rate(128, 60),
            claims: rate(30 * CLAIM, 1), // thirty people who come for the first time; one more in ten minutes
            resumptions: rate(256, 5 * 60), // four times each of the links that a host may have
            passwords: rate(5, 6),
            refusals: rate(10, 60),
            bytes_read: rate(32 * MIB, 8 * MIB * 60),
            bytes_received: rate(4 * MIB, MIB * 60),
        }
    }

    /// The same for a history that holds so many bytes, of which one host fills a quarter in a day.
    pub(super) fn with_history(self, bytes: u64) -> Rates {
        let of_a_day = |bytes: u64| u32::try_from(bytes).unwrap_or(u32::MAX).max(1);
        let share = bytes / 4;
        Rates {
            bytes_kept: Some(Rate { burst: of_a_day(share), per_minute: of_a_day(share / (24 * 60)) }),
            ..self
        }
    }

    /// The same with none of the limits that an operator can turn off: passwords stay hard to guess.
    pub(crate) fn unlimited(&self) -> Rates {
        Rates { passwords: self.passwords, refusals: self.refusals, ..Rates::default() }
    }
}

/// What the claim of a name costs: a rate counts by the minute, and ten minutes is how often a host may claim one.
pub(crate) const CLAIM: u32 = 10;
const MIB: u32 = 1024 * 1024;
