//! Who owns which name (protocol 21), as the log says, and for how long.

use std::{
    sync::{Mutex, RwLock, RwLockReadGuard},
    time::{Duration, Instant},
};

use self::clock::{SlowClock, millis};
use super::sync::{lock, read, write};
use crate::{
    KeyId, PersonName,
    log::{MAX_NAMES, MAX_NAMES_OF_ONE, OwnedName, People, PeopleRecord},
};

mod clock;

/// The people of the log, and the clock by which names that were not used for long are free again.
#[derive(Debug)]
pub(super) struct Owners {
    people: RwLock<People>,
    clock: Mutex<SlowClock>,
}

/// Whose a name is, as a client sees it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Standing {
    /// Nobody owns it, or its owner was not here for too long.
    Free,
    /// The client's own person.
    Own,
    /// Another person.
    OfAnother,
}

impl Owners {
    /// `time` is the time of day.
    pub(super) fn new(people: People, (time, now): (u64, Instant)) -> Owners {
        let seen = people.iter().flat_map(|person| &person.names).map(|owned| owned.seen).max();
        let clock = Mutex::new(SlowClock::new(seen.unwrap_or(time), (time, now)));
        Owners { people: RwLock::new(people), clock }
    }

    pub(super) fn people(&self) -> RwLockReadGuard<'_, People> {
        read(&self.people)
    }

    /// The log has applied this record.
    pub(super) fn apply(&self, record: &PeopleRecord) {
        // It fits: the registry has applied it to the same people.
        let _ = write(&self.people).apply(record);
    }

    /// The first key of the person who has a key.
    pub(super) fn id_of(&self, key: KeyId) -> KeyId {
        self.people().id_of(key)
    }

    /// Whose the name is at this time of day, for a client that has proved this key.
    pub(super) fn standing(&self, name: &PersonName, key: Option<KeyId>, at: (u64, Instant)) -> Standing {
        let unused_since = self.unused_since(at);
        match self.people().owner(name) {
            Some((owner, _)) if key.is_some_and(|key| owner.has(key)) => Standing::Own,
            Some((_, owned)) if owned.seen > unused_since => Standing::OfAnother,
            _ => Standing::Free,
        }
    }

    /// What the log has to be told when a session with this key and name begins or ends. A name that is new is claimed if
    /// the client `pays`.
    pub(super) fn news(
        &self,
        name: &PersonName,
        key: KeyId,
        at: (u64, Instant),
        pays: impl FnOnce() -> bool,
    ) -> Vec<PeopleRecord> {
        let unused_since = self.unused_since(at);
        let (people, (at, _)) = (self.people(), at);
        let mut news = Vec::new();
        match people.owner(name) {
            Some((owner, owned)) if owner.has(key) => {
                let seen = owner.keys.iter().find(|known| known.key == key).map(|known| known.seen);
                if at.abs_diff(owned.seen).max(at.abs_diff(seen.unwrap_or(at))) < DAY {
                    return news;
                }
                news.push(PeopleRecord::NameSeen { name: name.clone(), key, at });
                return news;
            }
            Some((_, owned)) if owned.seen > unused_since => return news,
            Some((_, owned)) => {
                news.push(PeopleRecord::NameReleased { name: owned.name.clone(), seen: owned.seen });
            }
            None if people.names() >= MAX_NAMES => {
                let names = people.iter().flat_map(|person| &person.names);
                let unused = names.filter(|owned| owned.seen <= unused_since);
                let release = |owned: &OwnedName| PeopleRecord::NameReleased {
                    name: owned.name.clone(),
                    seen: owned.seen,
                };
                news.extend(unused.map(release));
            }
            None => {}
        }
        let is_full = people.names() - news.len() >= MAX_NAMES
            || people.person(key).is_some_and(|person| person.names.len() >= MAX_NAMES_OF_ONE);
        if is_full || !pays() {
            return Vec::new();
        }
        news.push(PeopleRecord::NameClaimed { name: name.clone(), key, at });
        news
    }

    /// Names that were not seen after this time are free.
    fn unused_since(&self, at: (u64, Instant)) -> u64 {
        lock(&self.clock).follow(at).saturating_sub(millis(KEPT_FOR))
    }
}

/// For how long a name belongs to a person who does not come.
const KEPT_FOR: Duration = Duration::from_secs(90 * 86_400);
/// In milliseconds: how often the log is told that a name was seen.
const DAY: u64 = 86_400_000;
