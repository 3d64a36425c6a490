//! People as the hub knows them: who owns a name, and what the log is told of that.

use std::sync::Arc;

use super::Hub;
use crate::{
    KeyId, PersonName,
    log::{OwnedName, PeopleRecord, Person, Record},
    server::{
        accounts::Account,
        limits::{CLAIM, Kind},
        owners::Standing,
        session::Session,
    },
    transport::Peer,
};

impl Hub {
    /// Whose the name is, for a client that has proved this key.
    pub(crate) fn standing(&self, name: &PersonName, key: Option<KeyId>) -> Standing {
        self.owners.standing(name, key, (self.time_of_day(), self.now()))
    }

    /// Has the log know that the person of this session owns its name from here on, or was here with it. A name that is
    /// new is paid for by `host`; where that has not enough left, the name belongs to nobody.
    pub(crate) fn note_name(&self, session: &Session, host: Option<&Arc<Account>>) {
        let Some(key) = session.key() else { return };
        let (at, now) = (self.time_of_day(), self.now());
        let pays =
            || host.is_some_and(|host| host.spend(&self.limits(), &[(Kind::Claims, CLAIM)], now).is_ok());
        for record in self.owners.news(session.name(), key, (at, now), pays) {
            self.queue.propose(Record::People(record).into());
        }
    }

    /// The log says what has changed of people.
    pub(crate) fn people_changed(&self, record: &PeopleRecord) {
        self.owners.apply(record);
        let PeopleRecord::KeyRevoked { key, .. } = record else { return };
        let of_key = |session: &Arc<Session>| session.key() == Some(*key);
        let sessions: Vec<_> = self.secrets.iter().map(|it| it.value().clone()).filter(of_key).collect();
        for session in sessions {
            session.revoke();
            self.end(&session);
        }
    }

    /// The owner of a name, or of one that looks like it.
    pub(crate) fn owner(&self, name: &PersonName) -> Option<(Person, OwnedName)> {
        if self.standing(name, None) == Standing::Free {
            return None; // its owner was not here for too long
        }
        self.owners.people().owner(name).map(|(person, owned)| (person.clone(), owned.clone()))
    }

    /// The first key of the person who has a session; nothing for a guest.
    pub(crate) fn person_of(&self, session: &Session) -> Option<KeyId> {
        session.key().map(|key| self.owners.id_of(key))
    }

    /// Whether a key is that of a person who is known.
    pub(crate) fn is_known(&self, key: KeyId) -> bool {
        self.owners.people().person(key).is_some()
    }

    /// Whether the client that has proved the key of `peer` is the person of this session.
    pub(crate) fn is_same_person(&self, session: &Session, peer: &Peer) -> bool {
        peer.identity.is_some_and(|key| self.person_of(session) == Some(self.owners.id_of(key)))
    }

    /// The session that has this name, or one that looks like it.
    pub(crate) fn session_of(&self, name: &PersonName) -> Option<Arc<Session>> {
        self.names.get(&name.skeleton()).map(|session| session.value().clone())
    }
}
